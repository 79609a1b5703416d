"""Extractors without a network: flatten, select, random projection."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.flat import flatten_batch
from ontogym.developmental.feature_extractors.base import FeatureExtractor
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.seeding import generator

__all__ = ["Flatten", "RandomProjection", "Select"]

WORDS = 16
"""Places that words share."""
WIDEST = 1_000_000
"""Most numbers of an observation."""


class Flatten(FeatureExtractor):
    """Everything that is observed, part after part, on one scale.

    Boxes with bounds are divided by their largest magnitude; what is counted becomes one-hot; a sentence, such as
    MiniGrid's mission, becomes 16 numbers: 1 where one of its words falls (by CRC-32), else 0.

    Args:
        scale: factor on numbers of boxes, in place of one over their largest magnitude.
        keys: of a Dict, the parts to see, in this order; all if not given. A single one may be a text.
    """

    name = "flatten"

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        scale: float | None = None,
        keys: Sequence[str] | str | None = None,
    ) -> None:
        super().__init__(observation_space)
        self.keys = [keys] if isinstance(keys, str) else list(keys or ())
        known = list(observation_space.spaces) if isinstance(observation_space, spaces.Dict) else []
        for key in self.keys:
            if key not in known:
                raise UnknownNameError("part of the observation", str(key), known)
        self.scale = scale
        lows, highs = zip(*(self._bounds(part) for part in self._parts(observation_space)))
        low, high = np.concatenate(lows), np.concatenate(highs)
        if len(low) > WIDEST:
            raise OntogymError(f"Observations flatten to {len(low)} numbers; the most is {WIDEST}.")
        self.space = spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)

    def extract(self, observations: Any) -> NDArray[np.float32]:
        parts = self._batches(self.observation_space, observations)
        return np.concatenate([self._numbers(space, batch) for space, batch in parts], 1)

    def _parts(self, space: spaces.Space[Any]) -> list[spaces.Space[Any]]:
        """The spaces that are neither Dict nor Tuple, in order."""
        return [part for part, _ in self._batches(space, None)]

    def _batches(self, space: spaces.Space[Any], batch: Any) -> list[tuple[spaces.Space[Any], Any]]:
        if isinstance(space, spaces.Dict):
            keys = self.keys if self.keys and space is self.observation_space else list(space.spaces)
            inner = [(space.spaces[key], None if batch is None else batch[key]) for key in keys]
        elif isinstance(space, spaces.Tuple):
            inner = list(zip(space.spaces, [None] * len(space.spaces) if batch is None else batch))
        else:
            return [(space, batch)]
        return [found for part, item in inner for found in self._batches(part, item)]

    def _bounds(self, space: spaces.Space[Any]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Least and largest value of each of a part's numbers, as they are extracted."""
        if _is_text(space):
            return np.zeros(WORDS), np.ones(WORDS)
        if isinstance(space, spaces.Box):
            factor = self._factor(space)
            with np.errstate(over="ignore"):
                ends = space.low.ravel() * factor, space.high.ravel() * factor
            return np.minimum(*ends), np.maximum(*ends)
        if not isinstance(space, (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
            raise OntogymError(
                f"An observation of type {type(space).__name__} is nothing that {self.name!r} can flatten; wrap the "
                "environment, or write a feature extractor (see CONTRIBUTING.md)."
            )
        size = spaces.flatdim(space)
        return np.zeros(size), np.ones(size)

    def _factor(self, space: spaces.Box) -> Any:
        if self.scale is not None:
            return self.scale
        most = np.maximum(np.abs(space.low), np.abs(space.high)).ravel().astype(np.float64)
        usual = (most > 0) & (most < 1e6)
        return np.where(usual, 1.0 / np.where(usual, most, 1.0), 1.0)

    def _numbers(self, space: spaces.Space[Any], batch: Any) -> NDArray[np.float32]:
        if _is_text(space):
            return np.stack([_words(str(text)) for text in batch])
        numbers = flatten_batch(space, batch)
        return numbers * np.float32(self._factor(space)) if isinstance(space, spaces.Box) else numbers


class Select(Flatten):
    """Some of the numbers that `Flatten` gives: parts by `keys`, numbers by `channels`.

    Args:
        channels: which numbers, as a list or as START:STOP or START:STOP:STEP; all if not given.
    """

    name = "select"

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        channels: Sequence[int] | str | None = None,
        keys: Sequence[str] | str | None = None,
        scale: float | None = None,
    ) -> None:
        super().__init__(observation_space, scale, keys)
        everything = np.arange(self.space.shape[0])
        try:
            self.channels = everything if channels is None else everything[_index(channels)]
        except (IndexError, ValueError, TypeError) as error:
            raise OntogymError(
                f"channels={channels!r} picks nothing of {len(everything)} numbers ({error}); give a list such as [0, 3] "
                "or a range such as 0:8."
            ) from None
        if not len(self.channels):
            raise OntogymError(f"channels={channels!r} leaves none of {len(everything)} numbers.")
        self.space = spaces.Box(self.space.low[self.channels], self.space.high[self.channels])

    def extract(self, observations: Any) -> NDArray[np.float32]:
        return super().extract(observations)[:, self.channels]


class RandomProjection(Flatten):
    """A fixed random projection of all numbers to a few, through tanh (Johnson & Lindenstrauss 1984, for the distances).

    Args:
        size: F, numbers to keep. seed: decides the projection.
    """

    name = "random-projection"

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        size: int = 16,
        seed: int = 0,
        keys: Sequence[str] | str | None = None,
        scale: float | None = None,
    ) -> None:
        super().__init__(observation_space, scale, keys)
        if not 1 <= size <= 512:
            raise OntogymError(f"A projection to {size} numbers cannot be; choose 1 to 512.")
        width = self.space.shape[0]
        # Of unit variance for inputs of unit norm times sqrt(3): most of tanh's range is used, little of it is saturated.
        self.weights = generator(seed, "random-projection").normal(0, np.sqrt(3 / width), (width, size))
        self.space = spaces.Box(-1.0, 1.0, (size,), np.float32)

    def extract(self, observations: Any) -> NDArray[np.float32]:
        numbers = super().extract(observations)
        # Row by row: a product of matrices may round a row by what stands beside it.
        return np.stack([np.tanh(row.astype(np.float64) @ self.weights) for row in numbers]).astype(
            np.float32
        )


def _index(channels: Any) -> Any:
    if isinstance(channels, str):
        return slice(*(int(part) if part else None for part in channels.split(":")))
    return np.asarray(channels, dtype=np.int64)


def _is_text(space: spaces.Space[Any]) -> bool:
    """Whether a space holds sentences: Gymnasium's Text, or a space of a package's own whose type is text."""
    return isinstance(space, spaces.Text) or (space.dtype is not None and np.dtype(space.dtype).kind == "U")


def _words(text: str) -> NDArray[np.float32]:
    places = np.zeros(WORDS, np.float32)
    places[[zlib.crc32(word.encode()) % WORDS for word in text.lower().split()]] = 1.0
    return places
