"""``ontogym replay``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ontogym.errors import OntogymError

__all__ = ["Replay"]

MAX_STEPS = 10_000
"""Where an episode is cut, if neither the environment nor the run has a limit."""


@dataclass(frozen=True)
class Replay:
    """Film one life, the task and the growing network side by side, and draw it as one still figure.

    A life in which the rules change gets a second one, about the change.

    Attributes:
        target: a run folder, an agent file, or zoo:NAME.
        out: folder for the pictures; replay-NAME here if not given.
        format: gif or mp4.
        episodes: episodes of the life; those it was evolved with if not given.
        seed: which life.
        reward_clamp: tell the agent this number instead of every reward.
        trust: the file is mine, or I trust its maker: import the module:Class that it names.
        json: print one JSON object as the last line.
    """

    target: Annotated[str, tyro.conf.Positional]
    out: str | None = None
    format: Literal["gif", "mp4"] = "gif"
    episodes: int | None = None
    seed: int = 0
    reward_clamp: float | None = None
    trust: bool = False
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Record, draw, say where; returns the paths."""
        from ontogym.baselines.evolution.agent_files import load_agent
        from ontogym.baselines.lives.recording import record_life
        from ontogym.figures.change import change_figure
        from ontogym.figures.film import write_animation
        from ontogym.figures.life import life_figure
        from ontogym.figures.style import save_figure

        saved = load_agent(self.target)
        name = Path(self.target.removeprefix("zoo:")).resolve().name.removesuffix(".safetensors")
        folder = Path(self.out or f"replay-{name}")
        clamp = {} if self.reward_clamp is None else {"reward_clamp": self.reward_clamp}
        print("Living one life and drawing it, about half a minute ...", file=sys.stderr)
        try:
            recording = record_life(
                saved.build(trusted=self.trust),
                saved.genome,
                saved.env,
                saved.env_kwargs,
                saved.episodes if self.episodes is None else self.episodes,
                self.seed,
                **{"max_steps": MAX_STEPS, **saved.lives, **clamp},
            )
        except NotImplementedError as error:
            raise OntogymError(f"The agent {saved.agent!r} cannot be drawn: {error}.") from error
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OntogymError(f"Cannot write to {folder} ({error.strerror}); pass another --out.") from error
        film = write_animation(recording, folder / f"life.{self.format}")
        still = save_figure(life_figure(recording), folder / "life.png")
        found = {"animation": str(film), "figure": str(still)}
        if len(recording.switches):
            found["change"] = str(save_figure(change_figure(recording), folder / "change.png"))
        if not self.json:
            print("\n".join(found.values()))
        return {**found, "return": float(recording.rewards.sum())}
