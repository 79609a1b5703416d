"""The picture that moves on the first page: one life of the shipped CartPole agent, under a megabyte.

python benchmarks/start_picture.py          # writes docs/images/lndp-cartpole.gif
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.baselines.lives.recording import record_life
from ontogym.figures.film import animation_frames
from ontogym.figures.writer import write_frames

OUT = Path(__file__).parents[1] / "docs" / "images" / "lndp-cartpole.gif"
FRAMES, BYTES = 40, 950_000


def main() -> None:
    """One episode."""
    saved = load_agent("zoo:lndp-cartpole")
    recording = record_life(
        saved.build(), saved.genome, saved.env, saved.env_kwargs, episodes=1, **saved.lives
    )
    pictures = ((np.asarray(picture), hold) for picture, hold in animation_frames(recording, FRAMES))
    write_frames(pictures, OUT, fps=6, max_bytes=BYTES)
    print(f"{OUT}: {OUT.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
