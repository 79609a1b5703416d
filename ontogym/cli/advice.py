"""What to try when a run has ended below its target."""

from __future__ import annotations

from typing import Any

from ontogym.baselines.evolution.config import EvolutionConfig

__all__ = ["what_to_try"]

_EMPTY, _ALIKE = 0.01, 0.01


def what_to_try(config: EvolutionConfig, result: Any) -> list[str]:
    """Sentences, the likeliest cure first; at most four."""
    found, options, seen = [], config.agent_options, result.score["diagnostics"]
    lndp = config.agent in ("lndp", "ndp")
    if lndp and seen.get("density", 1.0) < _EMPTY and not options.get("growth_bias"):
        found.append(
            "Pruning has emptied the network: --growth-bias 2 favours growth where the search starts."
        )
    if lndp and not options.get("io_identity"):
        found.append("Inputs look alike at birth: --io-identity lets the network know which is which.")
    if lndp and not options.get("scale_observations") and seen.get("node_diversity", 1.0) < _ALIKE:
        found.append(
            "All nodes are in one state: --scale-observations keeps large numbers from saturating them."
        )
    rose = result.generation > config.eval_every  # the best of more than one evaluation
    if result.generations >= config.generations and rose and result.generation > 0.7 * result.generations:
        found.append(
            f"It was still rising: the same command with --resume --generations {2 * config.generations} goes on."
        )
    score = result.score
    if score["max"] - score["min"] > 2 * abs(score["ci95"][1] - score["ci95"][0]) and config.lives < 8:
        found.append(f"Lives differ much: --lives {2 * config.lives} tells good genomes from lucky ones.")
    found.append(
        f"Another start: --seed {config.seed + 1}; more genomes: --population {2 * config.population}."
    )
    return found[:4]
