"""What a run of evolution is asked to do, and what it returns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ontogym.baselines.lives.life import LifeResult, LifeSpec, life_seeds
from ontogym.baselines.lives.spec import Told
from ontogym.configurations import plain_numbers
from ontogym.envs import conditions as env_conditions
from ontogym.envs.registration import bare_id, entry_of, episodes_of_life
from ontogym.envs.vector import find_spec
from ontogym.errors import OntogymError, UnknownNameError

__all__ = ["EvolutionConfig", "EvolutionResult", "cost_risen", "density", "life_spec", "utilities"]

NEUTRAL = (
    "out",
    "evaluator",
    "workers",
    "address",
    "slices",
    "checkpoint_every",
    "tensorboard",
    "track",
    "generations",
)
"""Fields that may differ when a run is resumed: none changes what a generation computes."""


@dataclass(frozen=True)
class EvolutionConfig:
    """The whole configuration of a run.

    Args:
        env: id of the environment; one of your own as module:id or file.py:id.
        env_kwargs: its keyword arguments.
        agent: name of the agent, or "module:Class".
        agent_options: its options.
        strategy: name of the evolution strategy.
        sigma: initial step size; None leaves the strategy's own.
        strategy_options: further options of the strategy.
        population: genomes per generation.
        lives: lives per genome and generation, with seeds that all genomes share.
        own_seeds: every genome lives lives of its own, as in the LNDP's released search; else all genomes of a generation
            live the same lives, which are easier to tell apart.
        episodes: episodes per life; None takes those of the environment's lives (6 where rules change over episodes), 1
            where a hidden goal makes the episode a whole life (the environment has conditions), else 3.
        conditions: reset options that set hidden goals against each other; None takes the environment's own.
        utility: what the search maximises: "mean" over lives, or "min": weighted towards the worst of the conditions
            (or of the lives, where there are none). Scores are means in any case.
        min_weight: weight of the worst under "min"; the mean has the rest. With 1 only the worst counts.
        episode_weights: weight of each episode's return in the utility; None weighs them alike.
        wiring_cost: return that a network with every edge would lose: the utility is less by this times the density over
            life. Scores are not.
        wiring_free: density that costs nothing; only what is above it is paid for. (Without it a search that starts from
            networks that can do nothing ends at empty ones.)
        wiring_ramp: generations over which the cost rises from nothing; 0: at once.
        wiring_after: the cost begins when the search mean first scores this; None: with the first generation.
        generations: the most generations to run.
        target: stop once the search mean scores this and, on fresh lives, the lower end of its 95 % interval does.
        target_density: and its density over life is at most this.
        restart_after: begin the search anew, where it began and with other chance, each time that the target has not been
            reached within so many generations; `generations` counts them all, and what was best is kept. None: never.
        restart_patience: but not while the last so many generations, at least `eval_every`, brought a start a better score
            than it had, be it by an evaluation's luck.
        restart_from: further agent files, where later starts begin: the second at the first of them, and so on, round to
            `start_from` again.
        eval_every: re-evaluate the search mean after so many generations.
        eval_lives: on so many fresh lives; a new best is confirmed on as many others before it is kept.
        final_lives: lives on which a reached target is confirmed, and others for the final report.
        told: what agents hear in place of a reward: the reward, -1 at a termination, or nothing (see `LifeSpec`).
        silenced: signals of the feedback that are held at zero.
        reward_clamp: tell agents this number instead of every reward, during the whole run.
        start_from: an agent file, run folder or zoo:NAME whose genome the search starts at; None takes the agent's own start.
        max_steps: cut episodes after so many steps (for environments without a time limit).
        freeze: what of the agent is held still in every life: wiring, weights, places, or all (with `freeze_from` 0 it
            develops first and then stays as it is).
        freeze_from: from this episode on, counted from 0.
        develop_between: agents go through their developmental phase before each later episode too.
        shuffle_wiring: edges are put to other places after development (see `LifeSpec`).
        seed: decides all chance.
        evaluator: where lives are lived: "process" (this one), "pool" (of worker processes), "ray" (see docs/cluster.md), or
            what a package adds. None takes a pool if workers are given, Ray if an address is, else this process.
        workers: how many; 0 for as many as the evaluator's place has cores.
        address: where the evaluator's engine is found; "auto" for a Ray that runs on this machine.
        slices: the most pieces that a generation is cut into where there are workers; four a core are enough, fewer cost less.
        checkpoint_every: generations between checkpoints.
        tensorboard: also write TensorBoard events: short for track=tensorboard.
        track: also write to these: tensorboard, wandb, mlflow, or what a package adds.
        out: folder of the run; None keeps nothing in Python, and on the command line is runs/ENV-AGENT-sSEED.
    """

    env: str = "CartPole-v1"
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    agent: str = "lndp"
    agent_options: dict[str, Any] = field(default_factory=dict)
    strategy: str = "csa"
    sigma: float | None = None
    strategy_options: dict[str, Any] = field(default_factory=dict)
    population: int = 64
    lives: int = 2
    own_seeds: bool = False
    episodes: int | None = None
    conditions: tuple[dict[str, Any], ...] | None = None
    utility: Literal["mean", "min"] = "mean"
    min_weight: float = 0.7
    episode_weights: tuple[float, ...] | None = None
    wiring_cost: float = 0.0
    wiring_free: float = 0.0
    wiring_ramp: int = 0
    wiring_after: float | None = None
    generations: int = 200
    target: float | None = None
    target_density: float | None = None
    restart_after: int | None = None
    restart_patience: int = 0
    restart_from: tuple[str, ...] = ()
    eval_every: int = 10
    eval_lives: int = 32
    final_lives: int = 96
    told: Told = "reward"
    silenced: tuple[str, ...] = ()
    reward_clamp: float | None = None
    start_from: str | None = None
    max_steps: int | None = None
    freeze: Literal["wiring", "weights", "places", "all"] | None = None
    freeze_from: int = 0
    develop_between: bool = False
    shuffle_wiring: bool = False
    seed: int = 0
    evaluator: str | None = None
    workers: int = 0
    address: str | None = None
    slices: int = 16
    checkpoint_every: int = 5
    tensorboard: bool = False
    track: tuple[str, ...] = ()
    out: str | None = None

    def __post_init__(self) -> None:
        plain_numbers(self)
        object.__setattr__(self, "env", bare_id(self.env))
        if self.seed < 0:
            raise OntogymError(f"seed is {self.seed}; give a whole number from 0 on.")
        if not isinstance(self.agent, str):
            raise OntogymError(
                f"agent is {self.agent!r}; give a name of `ontogym agents`, or 'module:Class' for one of your own."
            )
        counts = (
            "population",
            "lives",
            "generations",
            "eval_every",
            "eval_lives",
            "final_lives",
            "checkpoint_every",
            "slices",
        )
        for name in counts:
            if getattr(self, name) < 1:
                raise OntogymError(f"{name} is {getattr(self, name)}; choose at least 1.")
        if self.workers < 0:
            raise OntogymError(f"workers is {self.workers}; choose 0 for this process, or a positive number.")
        if not 0.0 <= self.min_weight <= 1.0:
            raise OntogymError(f"min_weight is {self.min_weight}; choose a number from 0 to 1.")
        if self.utility not in ("mean", "min"):
            raise OntogymError(f"Unknown utility {self.utility!r}; choose 'mean' or 'min'.")
        weights = self.episode_weights
        if weights is not None and not (all(np.isfinite(w) and w >= 0 for w in weights) and sum(weights) > 0):
            raise OntogymError(f"episode_weights is {weights}; give numbers from 0 on that are not all 0.")
        if self.target is not None and not np.isfinite(self.target):
            raise OntogymError(f"target is {self.target}; give a finite number or leave it out.")

        if not (np.isfinite(self.wiring_cost) and self.wiring_cost >= 0 and self.wiring_ramp >= 0):
            raise OntogymError(
                f"wiring_cost is {self.wiring_cost} and wiring_ramp {self.wiring_ramp}; give finite numbers from 0 on."
            )
        if self.restart_after is not None and (
            self.restart_after < 1 or self.target is None or self.wiring_after is not None
        ):
            raise OntogymError(
                f"restart_after is {self.restart_after}; it takes a number from 1 on, a target that it waits for, and no "
                "wiring_after."
            )
        patience = self.restart_patience
        if type(patience) is not int or not (patience == 0 or patience >= self.eval_every):
            raise OntogymError(
                f"restart_patience is {patience}; give 0, or a whole number from eval_every ({self.eval_every}) on: a score "
                "can only rise where it is asked for."
            )
        if (self.restart_from or self.restart_patience) and self.restart_after is None:
            raise OntogymError(
                "restart_from and restart_patience say how later starts begin; give restart_after, too, or leave them out."
            )
        if not 0 <= self.wiring_free <= 1:
            raise OntogymError(f"wiring_free is {self.wiring_free}; give a density, 0 to 1.")
        if self.target_density is not None and not 0 < self.target_density <= 1:
            raise OntogymError(f"target_density is {self.target_density}; give a number above 0, up to 1.")

    def as_json(self) -> dict[str, Any]:
        """JSON-able form."""
        return dict(json.loads(json.dumps(asdict(self), default=repr)))


@dataclass(frozen=True)
class EvolutionResult:
    """What a run found.

    Attributes:
        genome: the search mean at its best confirmed re-evaluation, ``(D,)``.
        generation: the generation it is from. generations: how many were run.
        score: summary of its final re-evaluation, on lives that played no part in choosing it.
        control: the same with the reward clamped to zero, or None if the whole run was clamped.
        solved: whether the target was reached and confirmed.
        env_steps: environment steps of the search, its re-evaluations included, the final report not.
        wall_seconds, cpu_seconds: likewise, without `warmup_seconds` (building environments, compiling).
    """

    genome: NDArray[np.float64]
    generation: int
    generations: int
    score: dict[str, Any]
    control: dict[str, Any] | None
    solved: bool
    env_steps: int
    wall_seconds: float
    cpu_seconds: float
    warmup_seconds: float

    def as_json(self) -> dict[str, Any]:
        """JSON-able form, without the genome."""
        return {k: v for k, v in asdict(self).items() if k != "genome"}


def life_spec(config: EvolutionConfig) -> LifeSpec:
    """The life that a run evaluates, with the environment's defaults filled in.

    Raises:
        OntogymError: numbers of lives that do not fit the conditions, or "min" without conditions.
    """
    find_spec(config.env)  # imports the module that the name may bring, so that its entries are known
    conditions = env_conditions(config.env) if config.conditions is None else config.conditions
    episodes = config.episodes
    if episodes is None:
        entry = entry_of(config.env)
        own = config.conditions is None or (entry is not None and entry.episodes is not None)
        episodes = episodes_of_life(config.env) if own else (1 if conditions else 3)
    spec = LifeSpec(
        config.env,
        dict(config.env_kwargs),
        episodes,
        conditions=tuple(conditions),
        told=config.told,
        silenced=tuple(config.silenced),
        reward_clamp=config.reward_clamp,
        max_steps=config.max_steps,
        freeze=config.freeze,
        freeze_from=config.freeze_from,
        develop_between=config.develop_between,
        shuffle_wiring=config.shuffle_wiring,
    )
    weights = config.episode_weights
    if weights is not None and len(weights) != episodes:
        raise OntogymError(
            f"episode_weights has {len(weights)} numbers for {episodes} episodes; give one each."
        )
    if config.utility == "min" and max(spec.group, config.lives) < 2:
        raise OntogymError("Utility 'min' needs a worst of several; use 'mean', conditions, or more lives.")
    for name in ("lives", "eval_lives", "final_lives"):
        try:
            life_seeds(spec, getattr(config, name), 0)
        except OntogymError as error:
            raise OntogymError(f"{name}: {error}") from error
    return spec


def utilities(
    result: LifeResult, spec: LifeSpec, config: EvolutionConfig, risen: float = 1.0
) -> NDArray[np.float64]:
    """How useful each genome is: ``(P,)`` from its returns (P, L, E), less what its wiring costs.

    A failed life counts as the worst of all. `risen` is the share of the cost that is asked for, see `cost_risen`.
    """
    useful = _returned(result, spec, config)
    cost = risen * config.wiring_cost
    return useful - cost * np.maximum(density(result, config) - config.wiring_free, 0.0) if cost else useful


def measured(result: LifeResult, names: Sequence[str]) -> NDArray[np.float64]:
    """What each genome's lives were like, ``(P, len(names))``: means over lives of what a strategy asks for by name.

    A life that failed counts as missing.

    Raises:
        UnknownNameError: no such measure of these lives.
    """
    known = {
        "length": result.lengths.mean(2),
        "first_episode": result.returns[:, :, 0],
        "last_episode": result.returns[:, :, -1],
        **result.diagnostics,
    }
    missing = next((name for name in names if name not in known), None)
    if missing is not None:
        raise UnknownNameError("measure of a life", missing, known)
    columns = [np.where(result.failed, np.nan, np.asarray(known[name], np.float64)) for name in names]
    return np.stack([column.mean(1) for column in columns], 1)


def cost_risen(config: EvolutionConfig, generation: int, begun: int | None) -> float:
    """The share of the wiring cost that a generation (from 1) pays; `begun` is the last that paid nothing, if any pays."""
    if begun is None:
        return 0.0
    return min(1.0, (generation - begun) / config.wiring_ramp) if config.wiring_ramp else 1.0


def density(result: LifeResult, config: EvolutionConfig) -> NDArray[np.float64]:
    """Density over life of each genome's networks, ``(P,)``.

    Raises:
        OntogymError: nobody has seen any wiring.
    """
    found = result.diagnostics.get("density")
    if found is None:
        raise OntogymError(
            f"The agent {config.agent!r} has no wiring to pay for, or lives where nobody sees it (on a GPU); leave out "
            "wiring_cost and target_density, or use an LNDP on the CPU."
        )
    return np.asarray(found, dtype=np.float64).mean(1)


def _returned(result: LifeResult, spec: LifeSpec, config: EvolutionConfig) -> NDArray[np.float64]:
    """What each genome's returns are worth, ``(P,)``."""
    lives = np.average(result.returns, axis=2, weights=config.episode_weights)
    if result.failed.any():
        if result.failed.all():
            raise OntogymError(
                f"{spec.env} gave a reward or an observation that is not finite in every life of a generation; mend the "
                "environment or wrap it so that its numbers are finite."
            )
        lives = np.where(result.failed, lives[~result.failed].min(), lives)
    if config.utility == "mean":
        return np.asarray(lives.mean(1))
    cases = lives if spec.group < 2 else lives.reshape(len(lives), -1, spec.group).mean(1)
    return np.asarray(config.min_weight * cases.min(1) + (1 - config.min_weight) * cases.mean(1))
