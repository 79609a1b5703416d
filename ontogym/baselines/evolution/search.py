"""The search of one run: ask, live, tell; re-evaluate the search mean; begin anew; checkpoint.

What counts is the search mean on lives that had no part in choosing it: generation-best scores are luck (a member that
scores 500 of 500 in its generation may score 20 on fresh lives). Three kinds of seeds keep them apart: those of a
generation, those of an evaluation and its confirmation, and those of the report (see `run`).
"""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.baselines.evolution.agent_files import SavedAgent, how_it_lives, save_agent
from ontogym.baselines.evolution.config import EvolutionConfig, cost_risen, measured, utilities
from ontogym.baselines.evolution.evaluators import Evaluator
from ontogym.baselines.evolution.strategies import Strategy
from ontogym.baselines.lives.lanes import check_options
from ontogym.baselines.lives.life import LifeResult, LifeSpec, NoWholeLife, life_seeds, summarise
from ontogym.registry import STRATEGIES
from ontogym.runs import RunFolder
from ontogym.seeding import derive
from ontogym.tracking import SCORE, Trackers

__all__ = ["COLUMNS", "Search", "make_strategy"]

COLUMNS = (
    "generation",
    "env_steps",
    "wall_seconds",
    "cpu_seconds",
    "utility_mean",
    "utility_max",
    "score",
    "sigma",
    "failed",
    "density",
    "conducting",
    "late_rewiring",
)
"""Columns of ``progress.csv``; `score` is the re-evaluated search mean, empty where none was done; `failed` counts lives
that a number that is not finite has ended; the last three are of the re-evaluated search mean, where it has wiring (see
`ontogym.baselines.lives.wiring`)."""
WIRING = COLUMNS[-3:]


def make_strategy(config: EvolutionConfig, mean: NDArray[np.floating], restarts: int = 0) -> Strategy:
    """The configured strategy, starting at `mean`, with the chance of its first start or of a later one.

    Raises:
        OntogymError: unknown strategy or option.
    """
    target = STRATEGIES.resolve(config.strategy)
    options = dict(config.strategy_options)
    if config.sigma is not None:
        options["sigma"] = config.sigma
    check_options(f"the strategy {config.strategy!r}", target, options, ("mean", "population", "seed"))
    seed = derive(config.seed, "restart", restarts) if restarts else config.seed
    strategy: Strategy = target(mean, population=config.population, seed=seed, **options)
    return strategy


class Search:
    """The state of a run's search, and its steps."""

    def __init__(
        self,
        config: EvolutionConfig,
        spec: LifeSpec,
        evaluator: Evaluator,
        starts: list[NDArray[np.floating]],
    ) -> None:
        self.config, self.spec, self.evaluator, self.starts = config, spec, evaluator, starts
        self.folder: RunFolder | None = None  # once all that could be refused has been checked
        self._restart(0, 0)
        self.writer: Trackers | None = None
        self.warned = False
        self.best = self.strategy.mean
        self.best_generation, self.best_score, self.best_enough = 0, -np.inf, False
        self.score, self.solved = float("nan"), False
        self.wiring: dict[str, float] = {}
        self.cost_begun: int | None = 0 if config.wiring_after is None else None
        self.env_steps, self.warmup_seconds = 0, 0.0
        self._seconds_before = (0.0, 0.0)
        self._start_clocks()

    @property
    def generation(self) -> int:
        """How many are done, over all restarts."""
        return self.begun_at + self.strategy.generation

    # -- time ---------------------------------------------------------------------------------------------

    def _start_clocks(self) -> None:
        self._clocks = (time.perf_counter(), self.evaluator.cpu_seconds())

    def seconds(self) -> tuple[float, float]:
        """Wall-clock and processor seconds of the search so far, over all its interruptions."""
        wall, cpu = self._clocks
        before_wall, before_cpu = self._seconds_before
        return (
            before_wall + time.perf_counter() - wall,
            before_cpu + self.evaluator.cpu_seconds() - cpu,
        )

    def warm_up(self) -> None:
        """Two steps of every batch size, so that building environments and compiling are not timed."""
        start = time.perf_counter()
        self.writer = self._trackers()
        brief = replace(self.spec, episodes=1, max_steps=2, freeze_from=0)
        genomes = self.strategy.ask()
        self.evaluator.evaluate(genomes, brief, life_seeds(brief, self.config.lives, 0, "warm-up"))
        seeds = life_seeds(brief, self.config.eval_lives, 0, "warm-up")
        self.evaluator.evaluate(genomes[:1], brief, seeds)
        self.warmup_seconds += time.perf_counter() - start
        self._start_clocks()

    # -- search -------------------------------------------------------------------------------------------

    def run(self, progress: bool) -> None:
        """Generations until the target is confirmed or the budget is spent."""
        from tqdm import tqdm

        total, done = self.config.generations, self.generation
        with tqdm(total=total, initial=done, disable=not progress, unit="gen", desc=self.config.env) as bar:
            while self.generation < total and not self.solved:
                self._maybe_restart()
                row = self._generation()
                if self.folder is not None:
                    self.folder.append(row)
                self._track(row)
                self._maybe_checkpoint()
                score = "not yet" if np.isnan(self.score) else f"{self.score:.1f}"
                bar.set_postfix(score=score, sigma=f"{self.strategy.sigma:.2g}", refresh=False)
                bar.update()
        if self.writer is not None:
            self.writer.close()

    def _maybe_restart(self) -> None:
        """Begin anew if this start has had its generations and no longer rises.

        Restarts as in Auger & Hansen (2005), at one population.
        """
        config = self.config
        if config.restart_after is None or self.strategy.generation < config.restart_after:
            return
        if self.generation - self.start_rose_at >= config.restart_patience:
            self._restart(self.restarts + 1, self.generation)

    def _restart(self, number: int, generation: int) -> None:
        """Begin the start of that number after so many generations, from one file after the other."""
        self.restarts, self.begun_at = number, generation
        self.start_best, self.start_rose_at = -np.inf, generation
        self.strategy = make_strategy(self.config, self.starts[number % len(self.starts)], number)

    def _track(self, row: dict[str, Any]) -> None:
        """What progress.csv says of a generation, for those who look on: over environment steps, as trainings say it."""
        values = {
            SCORE if key == "score" else f"search/{key}": float(value)
            for key, value in row.items()
            if key != "env_steps" and value != ""
        }
        if self.writer is not None:
            self.writer.log(values, row["env_steps"])

    def _generation(self) -> dict[str, Any]:
        """One generation; returns its row of ``progress.csv``."""
        config, number = self.config, self.generation + 1
        genomes, names = self.strategy.ask(), ("generation", number)
        if config.own_seeds:
            each = [(*names, k) for k in range(len(genomes))]
            seeds = np.stack([life_seeds(self.spec, config.lives, config.seed, *own) for own in each])
        else:
            seeds = life_seeds(self.spec, config.lives, config.seed, *names)
        result = self.evaluator.evaluate(genomes, self.spec, seeds)
        useful = utilities(result, self.spec, config, cost_risen(config, number, self.cost_begun))
        if self.strategy.measures:
            self.strategy.tell(useful, measured(result, self.strategy.measures))  # type: ignore[call-arg]
        else:
            self.strategy.tell(useful)
        self.env_steps += int(result.lengths.sum())
        evaluated = number % config.eval_every == 0 or number == config.generations
        if evaluated:
            self._evaluate_mean(number)
        wall, cpu = self.seconds()
        finite = useful[np.isfinite(useful)]
        return {
            "generation": number,
            "env_steps": self.env_steps,
            "wall_seconds": round(wall, 3),
            "cpu_seconds": round(cpu, 3),
            "utility_mean": float(finite.mean()) if finite.size else "",
            "utility_max": float(finite.max()) if finite.size else "",
            "score": self.score if evaluated and np.isfinite(self.score) else "",
            "sigma": self.strategy.sigma,
            "failed": self._count_failures(result),
            **{
                name: round(self.wiring[name], 5) if name in self.wiring and evaluated else ""
                for name in WIRING
            },
        }

    def _count_failures(self, result: LifeResult) -> int:
        """Lives of a generation that failed; the first that do are named once."""
        count = int(result.failed.sum())
        if count and not self.warned:
            self.warned = True
            warnings.warn(
                f"{self.config.env} gave numbers that are not finite in {count} of {result.failed.size} lives; those "
                "lives count as the worst.",
                stacklevel=2,
            )
        return count

    def _evaluate_mean(self, number: int) -> None:
        """Score the search mean; keep it if a second set of fresh lives confirms it as the best so far.

        What its wiring costs counts in what is best; and once that cost has risen, what is as sparse as it shall be comes
        before what is not.
        """
        config, mean = self.config, self.strategy.mean
        try:
            found = self._lives(mean, config.eval_lives, "evaluation", number)
        except NoWholeLife:  # by chance, perhaps: the next ones are on other seeds
            self.score, self.wiring = float("nan"), {}
            return
        self.score, self.wiring = found["mean"], found["diagnostics"]
        # An evaluation out of turn, of the last generation, decides nothing that follows if the run goes on.
        if self.score > self.start_best and number % config.eval_every == 0:
            self.start_best, self.start_rose_at = self.score, number
        if self.cost_begun is None and config.wiring_after is not None and self.score >= config.wiring_after:
            # What was best without the cost need not be with it.
            self.cost_begun, self.best_score = number, -np.inf
        worth = (self._enough(found, number), self.score - self._cost(found))
        hit = config.target is not None and self.score >= config.target and self._sparse(found)
        if not (hit or worth > (self.best_enough, self.best_score)):
            return
        # A stop is confirmed on as many lives as the report; a mere candidate is not worth that many.
        lives = config.final_lives if hit else config.eval_lives
        try:
            summary = self._lives(mean, lives, "confirmation", number)
        except NoWholeLife:
            return
        confirmed = (self._enough(summary, number), summary["mean"] - self._cost(summary))
        # The whole interval must lie above the target, or one run in two would fall short on fresh lives.
        reached = config.target is not None and summary["ci95"][0] >= config.target
        self.solved = hit and reached and self._sparse(summary)
        if self.solved or confirmed > (self.best_enough, self.best_score):
            self.best, self.best_generation = mean, number
            self.best_enough, self.best_score = confirmed
            self.save_best({"score": summary["mean"]})

    def _cost(self, summary: dict[str, Any]) -> float:
        """Return that the search mean's wiring costs in the end; nothing before the cost has begun."""
        if self.cost_begun is None:
            return 0.0
        dense = summary["diagnostics"].get("density", 0.0)
        return self.config.wiring_cost * max(dense - self.config.wiring_free, 0.0)

    def _enough(self, summary: dict[str, Any], number: int) -> bool:
        """Whether the wiring is as sparse as it shall be, in a generation in which its whole cost counts."""
        config = self.config
        risen = config.wiring_cost > 0 and cost_risen(config, number, self.cost_begun) >= 1
        return config.target_density is not None and risen and self._sparse(summary)

    def _sparse(self, summary: dict[str, Any]) -> bool:
        """Whether the wiring is as sparse as it shall be."""
        most = self.config.target_density
        return most is None or summary["diagnostics"].get("density", 1.0) <= most

    def _lives(self, genome: NDArray[np.float64], lives: int, *names: object) -> dict[str, Any]:
        seeds = life_seeds(self.spec, lives, self.config.seed, *names)
        summary = summarise(
            self.evaluator.evaluate(genome[None], self.spec, seeds), self.spec, self.config.seed
        )
        self.env_steps += summary["env_steps"]
        return summary

    # -- record -------------------------------------------------------------------------------------------

    def _maybe_checkpoint(self) -> None:
        number, config = self.generation, self.config
        if self.folder is None:
            return
        due = not number % config.checkpoint_every or number == config.generations or self.solved
        arrays, meta = self.strategy.state_dict()
        wall, cpu = self.seconds()
        self.folder.keep(
            "evolution",
            {**{f"strategy.{k}": v for k, v in arrays.items()}, "best": self.best},
            {
                "generation": number,
                "restarts": self.restarts,
                "start_best": self.start_best if np.isfinite(self.start_best) else None,
                "start_rose_at": self.start_rose_at,
                "strategy": meta,
                "best_generation": self.best_generation,
                "best_score": self.best_score if np.isfinite(self.best_score) else None,
                "best_enough": self.best_enough,
                "score": self.score if np.isfinite(self.score) else None,
                "solved": self.solved,
                "cost_begun": self.cost_begun,
                "env_steps": self.env_steps,
                "wall_seconds": wall,
                "cpu_seconds": cpu,
                "warmup_seconds": self.warmup_seconds,
            },
            write=due,
        )

    def restore(self) -> None:
        """Go back to the last checkpoint, if there is one."""
        loaded = self.folder.load("evolution") if self.folder is not None else None
        if loaded is None:
            return
        arrays, meta = loaded
        prefix = "strategy."
        own = {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}
        self._restart(int(meta.get("restarts", 0)), 0)
        self.strategy.load_state_dict(own, meta["strategy"])
        self.begun_at = int(meta["generation"]) - self.strategy.generation
        self.start_rose_at = int(meta.get("start_rose_at", self.begun_at))
        if meta.get("start_best") is not None:
            self.start_best = float(meta["start_best"])
        self.best, self.best_generation = arrays["best"], int(meta["best_generation"])
        self.best_score = -np.inf if meta["best_score"] is None else float(meta["best_score"])
        self.score = float("nan") if meta["score"] is None else float(meta["score"])
        self.best_enough = bool(meta.get("best_enough", False))
        self.cost_begun = meta.get("cost_begun", self.cost_begun)
        self.solved, self.env_steps = bool(meta["solved"]), int(meta["env_steps"])
        self._seconds_before = (float(meta["wall_seconds"]), float(meta["cpu_seconds"]))
        self.warmup_seconds = float(meta["warmup_seconds"])

    def save_best(self, facts: dict[str, Any]) -> None:
        if self.folder is None:
            return
        config, agent = self.config, self.evaluator.agent(self.spec)
        facts = {**facts, "generation": self.best_generation, "seed": config.seed}
        save_agent(
            self.folder.path / "best.safetensors",
            SavedAgent(
                self.best,
                config.agent,
                agent.config,
                config.env,
                config.env_kwargs,
                self.spec.episodes,
                facts,
                how_it_lives(self.spec),
            ),
        )

    def _trackers(self) -> Trackers:
        config = self.config
        names = (*(["tensorboard"] if config.tensorboard and self.folder is not None else []), *config.track)
        folder = None if self.folder is None else self.folder.path
        return Trackers(names, folder, config.as_json(), self.env_steps)
