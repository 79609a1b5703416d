"""``ontogym quickstart``: the first two minutes."""

from __future__ import annotations

import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ontogym import checkpoint
from ontogym.cli.long_run import LongRun
from ontogym.errors import OntogymError

__all__ = ["Quickstart"]

ENV, TARGET = "ontogym/CartPole-v1", 475.0


@dataclass(frozen=True)
class Quickstart(LongRun):
    """Evolve a network that grows itself to balance a pole, compare it, and write one page with pictures.

    About two minutes on two cores: an LNDP with I/O identity until it holds the pole for 475 of 500 steps on
    fresh lives, random actions, and Stable-Baselines3's PPO at a stated budget.

    Attributes:
        out: folder for the page, the pictures and the evolved agent.
        seed: decides all chance.
        generations: the most generations.
        ppo_steps: environment steps that PPO may take.
        lives: fresh lives on which everything is compared.
        overwrite: replace what an earlier quickstart left in the folder.
    """

    sources: ClassVar[tuple[str, ...]] = (
        "2406.09787",
        "1604.00772",
        "1707.06347",
        "raffin2021sb3",
        "2407.17032",
    )
    out: str = "runs/quickstart"
    seed: int = 1
    generations: int = 60
    ppo_steps: int = 30_000
    lives: int = 96
    overwrite: bool = False

    def work(self) -> dict[str, Any]:
        """Do it all; returns the scores and where the page is."""
        start = time.perf_counter()
        folder = Path(self.out)
        if (folder / "index.html").exists() and not self.overwrite:
            raise OntogymError(f"{folder} holds an earlier quickstart; pass --overwrite, or another --out.")
        self._say(
            "1/4 evolving a self-assembling network (the first time ever, compiling takes half a minute)"
        )
        result = self._evolve(folder)
        self._say(f"2/4 random actions, and PPO for {self.ppo_steps:,} steps")
        chance, ppo, ppo_seconds = self._others(folder)
        self._say("3/4 filming one life")
        film, still = self._pictures(folder)
        self._say("4/4 writing the page")
        scores = self._scores(result, chance, ppo)
        seconds = time.perf_counter() - start
        self._page(folder, result, scores, (film, still), ppo_seconds, seconds)
        found = {
            "page": str(folder / "index.html"),
            "seconds": seconds,
            "scores": {s.name: {"mean": s.mean, "ci95": [s.low, s.high]} for s in scores},
            "generations": result.generations,
            "env_steps": result.env_steps,
            "reached": bool(result.score["mean"] >= TARGET),
        }
        checkpoint.write_json(folder / "quickstart.json", found)
        if not self.json:
            for s in scores:
                print(f"{s.name:38} {s.mean:6.1f}  [{s.low:.1f}, {s.high:.1f}]")
            print(f"Open {folder / 'index.html'} in a browser ({seconds:.0f} s in all).")
        return found

    def _say(self, what: str) -> None:
        print(what, file=sys.stderr, flush=True)

    def _evolve(self, folder: Path) -> Any:
        from ontogym.baselines.evolution.config import EvolutionConfig
        from ontogym.baselines.evolution.presets import preset
        from ontogym.baselines.evolution.run import evolve

        run = folder / "run"
        settings = {
            **preset(ENV),
            "env": ENV,
            "agent_options": {"io_identity": True},
            "target": TARGET,
            "generations": self.generations,
            "final_lives": self.lives,
            "seed": self.seed,
            "out": str(run),
        }
        return evolve(EvolutionConfig(**settings), resume=self._begun(run, "config.json"), progress=True)

    def _begun(self, run: Path, record: str) -> bool:
        """Whether a quickstart was killed in the middle of this run, so that it goes on; one to overwrite is deleted."""
        begun = (run / record).exists()
        if begun and self.overwrite:
            shutil.rmtree(run)
        return begun and not self.overwrite

    def _others(self, folder: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Returns of random actions and of PPO, and PPO's training seconds."""
        from ontogym.baselines.lives.actors import Random
        from ontogym.baselines.lives.lanes import make_single
        from ontogym.baselines.lives.life import episode_returns
        from ontogym.baselines.sb3.config import TrainingConfig
        from ontogym.baselines.sb3.policy import load_policy, read_training_run
        from ontogym.baselines.sb3.run import train

        run = folder / "ppo"
        config = TrainingConfig("ppo", ENV, seed=self.seed, steps=self.ppo_steps, out=str(run))
        facts = train(config, resume=self._begun(run, "run.json"), progress=True)
        single, trained = make_single(ENV), read_training_run(run)
        spaces = single.observation_space, single.action_space
        ppo = load_policy(trained.tensors, trained.options, *spaces)
        chance, own = (episode_returns(actor, ENV, self.lives, self.seed) for actor in (Random(*spaces), ppo))
        return chance, own, facts["training"]["wall_seconds"]

    def _pictures(self, folder: Path) -> tuple[Path, Path]:
        """Film and still figure of one life of the evolved agent."""
        from ontogym.baselines.evolution.agent_files import load_agent
        from ontogym.baselines.lives.recording import record_life
        from ontogym.figures.film import write_animation
        from ontogym.figures.life import life_figure
        from ontogym.figures.style import save_figure

        saved = load_agent(folder / "run")
        film, still = folder / "life.gif", folder / "life.png"
        recording = record_life(
            saved.build(), saved.genome, ENV, saved.env_kwargs, episodes=1, seed=self.seed
        )
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(write_animation, recording, film, max_frames=120)
            save_figure(life_figure(recording), still)
            waiting.result()
        return film, still

    def _scores(self, result: Any, chance: NDArray[np.float64], ppo: NDArray[np.float64]) -> list[Any]:
        from ontogym.figures.comparison import Score
        from ontogym.statistics import mean_interval

        own = result.score
        return [
            Score("LNDP, evolved", own["mean"], *own["ci95"]),
            Score("LNDP, told a reward of 0", result.control["mean"], *result.control["ci95"]),
            Score(f"PPO, {self.ppo_steps:,} steps", *mean_interval(ppo, resamples=10_000, seed=self.seed)),
            Score("random actions", *mean_interval(chance, resamples=10_000, seed=self.seed)),
        ]

    def _page(
        self,
        folder: Path,
        result: Any,
        scores: list[Any],
        pictures: tuple[Path, Path],
        ppo_seconds: float,
        seconds: float,
    ) -> None:
        from ontogym.envs import anchors
        from ontogym.figures.comparison import comparison_figure
        from ontogym.figures.curves import learning_curve_figure
        from ontogym.figures.page import Page

        random, optimal = anchors(ENV)
        page = Page(
            "A network that grows itself balances a pole",
            f"ontogym quickstart, seed {self.seed}: {seconds:.0f} seconds on this machine.",
        )
        page.text(
            "Each life begins with a newly drawn random network. A program, the same for every node and every edge, "
            "then updates node states, edge weights and the wiring itself at every step; evolution shaped that "
            "program, never a network. Scores are mean returns over lives that had no part in the search."
        )
        page.picture(pictures[0], "One life: the task, the living network, and the reward it earns.")
        page.heading("How it compares")
        rows = [(s.name, f"{s.mean:.1f}", f"{s.low:.1f} to {s.high:.1f}") for s in scores]
        page.table(("agent", "mean return", f"95 % interval over {self.lives} fresh lives or episodes"), rows)
        page.picture(
            comparison_figure(scores, random, optimal, ENV),
            "Mean returns with their 95 % intervals, and the anchors.",
        )
        page.text(
            f"Budgets differ and are stated: evolution took {result.env_steps:,} environment steps in "
            f"{result.wall_seconds:.0f} s ({result.generations} generations), PPO {self.ppo_steps:,} steps in "
            f"{ppo_seconds:.0f} s. One seed each: this page shows that things work, it ranks nothing."
        )
        page.heading("The search")
        curve = learning_curve_figure(
            [folder / "run" / "progress.csv"], ["LNDP"], lines={"random": random, "target": TARGET}, title=ENV
        )
        page.picture(curve, "Score of the search mean, re-evaluated on fresh lives as the search went on.")
        page.heading("One life in one picture")
        page.picture(
            pictures[1], "Wiring at birth and later, density, returns, the strongest weights, node states."
        )
        page.heading("Go on")
        page.code(
            f"ontogym evaluate {folder / 'run'} --lives 200\n"
            f"ontogym replay {folder / 'run'}\n"
            "ontogym evolve --env ontogym/ForagingRewardOnly-v0 --io-identity\n"
            "ontogym envs"
        )
        page.write(folder / "index.html")
