"""``ontogym replay``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ontogym.errors import OntogymError

__all__ = ["Replay"]


@dataclass(frozen=True)
class Replay:
    """Film one life, the task and the growing network side by side, and draw it as one still figure.

    A life in which the rules change gets a second one, about the change. Agents without a network, such as policies of
    SB3, are shown from outside: the task, what they saw and what they did.

    Attributes:
        target: a run folder of evolve or train, an agent file, a submission, or zoo:NAME; or an agent without weights by its
            name, such as random or reference, with --env.
        out: folder for the pictures, RUN/replay or runs/replay-NAME if not given; or one file: .gif or .mp4 for the film,
            .png, .svg or .pdf for the still figure.
        format: gif or mp4, in a folder.
        episodes: episodes of the life; those it was made for if not given.
        seed: which life.
        reward_clamp: tell the agent this number instead of every reward.
        env: where an agent without weights acts.
        trust: the file is mine, or I trust its maker: import the module:Class that it names.
        json: print one JSON object as the last line.
    """

    target: Annotated[str, tyro.conf.Positional]
    out: str | None = None
    format: Literal["gif", "mp4"] = "gif"
    episodes: int | None = None
    seed: int = 0
    reward_clamp: float | None = None
    env: str | None = None
    trust: bool = False
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Record, draw, say where; returns the paths."""
        from ontogym.figures.change import change_figure
        from ontogym.figures.film import write_animation
        from ontogym.figures.life import life_figure
        from ontogym.figures.style import save_figure
        from ontogym.leaderboard.loading import load_any

        loaded = load_any(self.target, self.env, trusted=self.trust)
        film, still, change = self._places()
        clamp = {} if self.reward_clamp is None else {"reward_clamp": self.reward_clamp}
        print("Living one life and drawing it, about half a minute ...", file=sys.stderr)
        recording = loaded.record(self.seed, self.episodes, **clamp)
        parent = next(path for path in (film, still) if path is not None).parent
        try:
            parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OntogymError(f"Cannot write to {parent} ({error.strerror}); pass another --out.") from error
        found = {}
        if film is not None:
            found["animation"] = str(write_animation(recording, film))
        if still is not None:
            found["figure"] = str(save_figure(life_figure(recording), still))
        if change is not None and len(recording.switches) and recording.has_network:
            found["change"] = str(save_figure(change_figure(recording), change))
        if not self.json:
            print("\n".join(found.values()))
        return {**found, "return": float(recording.rewards.sum())}

    def _places(self) -> tuple[Path | None, Path | None, Path | None]:
        """Where film, still figure and the figure of a change go; None for those that were not asked for."""
        out = Path(self.out) if self.out is not None else None
        if out is not None and out.suffix.lower() in (".gif", ".mp4"):
            return out, None, None
        if out is not None and out.suffix.lower() in (".png", ".svg", ".pdf"):
            return None, out, None
        name = Path(self.target.removeprefix("zoo:")).resolve().name.removesuffix(".safetensors")
        own = Path(self.target) if Path(self.target).is_dir() else None
        folder = out or (own / "replay" if own is not None else Path("runs", f"replay-{name}"))
        return folder / f"life.{self.format}", folder / "life.png", folder / "change.png"
