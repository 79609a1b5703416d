"""Choices of learning animals, as every model here takes them: padded arrays, animals first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.rules.inferred.network import features
from ontogym.errors import OntogymError

__all__ = ["Trials", "pack", "stimulus"]

LEFT, RIGHT = 0, 1
MAX_PLACES = 20_000_000
"""Most animals times trials of the longest, padding included."""


def stimulus(left: NDArray[np.floating], right: NDArray[np.floating]) -> NDArray[np.float64]:
    """Contrasts as the policy weighs them, right minus left: ``[tanh(5 c_R) - tanh(5 c_L)] / tanh 5``."""
    return np.asarray((np.tanh(5 * right) - np.tanh(5 * left)) / np.tanh(5.0), dtype=np.float64)


@dataclass(frozen=True)
class Trials:
    """Trials of A animals, T of the longest; beyond ``lengths`` there is padding of zeros.

    Shapes: ``stimulus, reward`` (A, T) float64, reward 0 or 1; ``choice, side`` (A, T) int64, 0 left and 1
    right (`side` is the true one, which a trial of no contrast has too); ``session`` (A, T) int64, counting
    from 0; ``lengths`` (A,); ``initial`` (A, 2): weight and bias of the policy before the first trial where
    they are known, else None: a fit then gives each animal its own, a random effect whose mean and spread over animals
    are fitted with the rule. ``notes``: sentences about how they were read, first of
    all how many trials were left out, and why.
    """

    stimulus: NDArray[np.float64]
    choice: NDArray[np.int64]
    reward: NDArray[np.float64]
    side: NDArray[np.int64]
    session: NDArray[np.int64]
    lengths: NDArray[np.int64]
    animals: tuple[str, ...]
    initial: NDArray[np.float64] | None = None
    source: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.animals)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Which entries are trials, ``(A, T)``."""
        return np.asarray(np.arange(self.stimulus.shape[1]) < self.lengths[:, None])

    @property
    def day_start(self) -> NDArray[np.float64]:
        """1 on the first trial of each session, ``(A, T)``."""
        first = np.ones_like(self.stimulus)
        first[:, 1:] = self.session[:, 1:] != self.session[:, :-1]
        return first * self.valid

    @property
    def events(self) -> NDArray[np.float64]:
        """What the update network sees of each trial, ``(A, T, 5)``."""
        return features(self.stimulus, self.day_start, self.choice, self.reward, self.side)

    def rows(self, index: NDArray[np.intp]) -> Trials:
        """Only these animals."""
        arrays = ("stimulus", "choice", "reward", "side", "session", "lengths")
        parts = {name: getattr(self, name)[index] for name in arrays}
        animals = tuple(self.animals[i] for i in index)
        return replace(
            self, **parts, animals=animals, initial=None if self.initial is None else self.initial[index]
        )


def pack(
    animals: Mapping[str, Sequence[Mapping[str, NDArray[np.generic]]]],
    source: str,
    notes: tuple[str, ...] = (),
) -> Trials:
    """Sessions of animals as `Trials`.

    Args:
        animals: name to sessions in their order, each with ``stimulus, choice, reward, side`` (n,).
        source: where they come from.
        notes: how they were read.

    Raises:
        OntogymError: no animal, one without trials, or so many beside so long a one that padding would fill memory.
    """
    names = tuple(animals)
    if not names:
        raise OntogymError(f"{source} holds no animal; give at least one with trials.")
    joined = {}
    for name, sessions in animals.items():
        sizes = [len(s["choice"]) for s in sessions]
        if not sum(sizes):
            raise OntogymError(
                f"The animal {name!r} of {source} has no trials that can be used; leave it out."
            )
        joined[name] = {
            key: np.concatenate([np.asarray(s[key]) for s in sessions])
            for key in ("stimulus", "choice", "reward", "side")
        }
        joined[name]["session"] = np.repeat(np.arange(len(sizes)), sizes)
    lengths = np.array([len(joined[name]["choice"]) for name in names], dtype=np.int64)
    if len(names) * int(lengths.max()) > MAX_PLACES:
        raise OntogymError(
            f"{source} holds {len(names)} animals, one of {lengths.max()} trials, and all are padded to the longest; "
            "cut it into files of animals of alike length."
        )

    def padded(key: str, dtype: type) -> NDArray[np.generic]:
        table = np.zeros((len(names), lengths.max()), dtype=dtype)
        for row, name in enumerate(names):
            table[row, : lengths[row]] = joined[name][key]
        return table

    return Trials(
        stimulus=padded("stimulus", np.float64),  # type: ignore[arg-type]
        choice=padded("choice", np.int64),  # type: ignore[arg-type]
        reward=padded("reward", np.float64),  # type: ignore[arg-type]
        side=padded("side", np.int64),  # type: ignore[arg-type]
        session=padded("session", np.int64),  # type: ignore[arg-type]
        lengths=lengths,
        animals=names,
        source=source,
        notes=notes,
    )
