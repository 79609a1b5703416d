"""Films of retinal waves: what a retina sees in succession, so that neighbouring frames can be told to belong together.

The image sets of `ontogym waves dataset` hold snapshots seconds apart, each turned another way; a film is one retina
recorded frame after frame. Training a network to map successive frames close together is the self-supervised use of
waves (Ligeralde et al. 2023, arXiv 2312.02791).
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.seeding import generator, lane_seeds
from ontogym.studies.wave_pretraining.wave_film import wave_frames

__all__ = ["WaveMovies", "phase_randomised"]


class WaveMovies:
    """Films in memory, the label of a frame being its film; the last fifth of every film is validation.

    Args:
        frames: ``(M, F, H, W)`` uint8, M films of F frames.
        name: for reports.
        least: a frame with fewer pixels that are not black shows too little, and counts as black.
        classes: M.

    Attributes:
        successor: ``(n,)`` int64, the index of the next frame of the same film and split; -1 where there is none or
            one of the two frames is black.
    """

    channels = 1

    def __init__(self, frames: NDArray[np.uint8], name: str = "movies", least: int = 1) -> None:
        movies, length = frames.shape[:2]
        if movies < 1 or length < 5:
            raise OntogymError(
                f"{movies} films of {length} frames are too few; record 1 of 5 frames or more."
            )
        self.name, self.classes = name, movies
        self._frames = frames.reshape(movies * length, *frames.shape[2:])
        index = np.arange(movies * length)
        self.labels, time = index // length, index % length
        cut = length - length // 5
        self.train, self.validation = index[time < cut], index[time >= cut]
        seen = np.count_nonzero(self._frames.reshape(len(index), -1), 1) >= least
        last = (time == cut - 1) | (time == length - 1)
        self.successor = np.where(last | ~seen | ~np.roll(seen, -1), -1, index + 1)

    @classmethod
    def record(
        cls,
        preset: str = "ferret",
        movies: int = 64,
        frames: int = 150,
        size: int = 64,
        radius: int = 64,
        frame_ms: float = 500.0,
        seed: int = 0,
    ) -> WaveMovies:
        """Simulate `movies` retinas of one preset and film them after a warm-up of 15 minutes.

        Raises:
            OntogymError: an unknown preset, or parameters that the simulator refuses.
        """
        from ontogym.developmental.waves import WaveSimulator

        simulator = WaveSimulator(preset, radius)
        seeds = lane_seeds(seed, movies, "wave movies")
        films = [wave_frames(simulator, int(one), frames, frame_ms, size) for one in seeds]
        return cls(np.stack(films), f"movies:{preset}")

    def with_pairs(self, count: int, seed: int, shuffled: bool = False) -> WaveMovies:
        """The same films with `count` training frames, each of which has a successor.

        Args:
            count: how many.
            seed: decides which.
            shuffled: the control: successors change places, so that the two of a pair are frames from anywhere.

        Raises:
            OntogymError: fewer frames have a successor.
        """
        paired = self.train[self.successor[self.train] >= 0]
        if not 1 <= count <= len(paired):
            raise OntogymError(
                f"{len(paired)} frames of {self.name} have a successor, so {count} pairs cannot be made; record longer films."
            )
        rng = generator(seed, "pairs of frames")
        found = copy.copy(self)
        found.train = np.sort(rng.permutation(paired)[:count])
        if shuffled:
            found.name, found.successor = f"{self.name}, shuffled pairs", self.successor.copy()
            found.successor[found.train] = rng.permutation(self.successor[found.train])
        return found

    def read(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Frames ``(B, H, W)`` uint8."""
        return self._frames[np.asarray(indices)]


def phase_randomised(frames: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Films ``(M, F, H, W)`` of noise with the second-order statistics of other films: their control.

    Every film keeps its power at each frequency of space and time and takes the phases of white noise; so pixels are
    as correlated with their neighbours, and with themselves later, and there is nothing else. Around grey, since half of such
    a film is darker than its mean; what leaves 0 to 255 is cut off.
    """
    axes = (1, 2, 3)
    white = np.fft.rfftn(generator(seed, "noise films").normal(size=frames.shape), axes=axes)
    power = np.abs(np.fft.rfftn(frames - frames.mean(axes, keepdims=True), axes=axes))
    noise = np.fft.irfftn(power * white / np.abs(white), frames.shape[1:], axes)
    return np.rint(128 + noise).clip(0, 255).astype(np.uint8)
