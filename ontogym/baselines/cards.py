"""An agent's card: what it is, how it was made, how it scores, as Markdown that model hubs show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ontogym.baselines.loading import Loaded
from ontogym.configurations import read_config, toml

__all__ = ["card"]

_QUIET = ("out", "workers", "evaluator", "address", "slices", "checkpoint_every", "tensorboard", "track")


def card(
    loaded: Loaded, about: str, citations: Sequence[str] = (), score: Mapping[str, Any] | None = None
) -> str:
    """The card of an agent.

    Args:
        loaded: the agent. about: the first lines of what its type is.
        citations: BibTeX.
        score: of fresh lives: ``mean``, ``ci95``, ``lives``; what its file says if not given.
    """
    spec, facts = loaded.spec, loaded.facts
    kwargs = f" with {', '.join(f'{k}={v!r}' for k, v in spec.env_kwargs.items())}" if spec.env_kwargs else ""
    measured = _score(facts) if score is None else _score({"score": score["mean"], **score})
    source = loaded.source if loaded.source.startswith("zoo:") else Path(loaded.source).name
    parts = [
        f"# {loaded.name} on {spec.env}",
        about.strip(),
        "## What it is",
        f"- agent: `{loaded.name}`, {loaded.parameters} numbers\n- environment: `{spec.env}`{kwargs}\n"
        f"- a life, through which it is carried over: {spec.in_words}",
        *(["Options:", _fenced("toml", toml(_plain(loaded.options)))] if loaded.options else []),
        "## How it scores",
        measured,
        "## How it was made",
        *_made(loaded),
        "## Use",
        _fenced(
            "python",
            f'import ontogym\n\nagent = ontogym.load("{source}")\n'
            "action, _ = agent.predict(agent.player.built.observation_space.sample())",
        ),
        _fenced("bash", f"ontogym evaluate {source}\nontogym replay {source}"),
    ]
    if citations:
        parts += ["## Citation", _fenced("bibtex", "\n\n".join(citations))]
    return _header(loaded) + "\n\n".join(part for part in parts if part) + "\n"


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as they are written; what a file holds beside them, such as an inferred rule, is named."""

    def written(value: Any) -> bool:
        try:
            json.dumps(value)
        except TypeError:
            return False
        return True

    return {k: v if written(v) else f"({type(v).__name__}, in the file)" for k, v in options.items()}


def _header(loaded: Loaded) -> str:
    """The metadata that model hubs read: YAML between dashes."""
    tags = ["reinforcement-learning", "neuroevolution", loaded.name, loaded.spec.env.rpartition("/")[2]]
    lines = ["---", "library_name: ontogym", "tags:", *(f'- "{tag}"' for tag in tags), "---", "", ""]
    return "\n".join(lines)


def _score(facts: Mapping[str, Any]) -> str:
    if "score" not in facts:
        return "Not measured: `ontogym card` without `--lives 0` measures it."
    interval = ""
    if "ci95" in facts:
        low, high = facts["ci95"]
        interval = f", 95 % interval {low:.1f} to {high:.1f}"
    lives = f" over {facts['lives']} fresh lives" if "lives" in facts else ""
    return f"Mean return **{facts['score']:.1f}**{interval}{lives}."


def _made(loaded: Loaded) -> list[str]:
    """The configuration of its run, where the folder is there; else what its file says."""
    folder = Path(loaded.source)
    if (folder / "config.json").is_file():
        config = {k: v for k, v in read_config(folder).items() if k not in _QUIET and v not in (None, {}, [])}
        kept = {k: v for k, v in config.items() if k not in ("format", "checksum")}
        return ["`ontogym evolve --config` this:", _fenced("toml", toml(kept))]
    if "command" in loaded.facts:
        return [_fenced("bash", str(loaded.facts["command"]))]
    words = {"generation": "generation", "seed": "seed of the run"}
    said = [f"{word} {loaded.facts[key]}" for key, word in words.items() if key in loaded.facts]
    return [f"Evolved by `ontogym evolve`: {', '.join(said)}." if said else "Its file does not say."]


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.strip()}\n```"
