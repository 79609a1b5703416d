"""When a world changes within a life: switch times on a clock of steps or of episodes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, UnknownNameError, is_whole, whole_number

__all__ = ["CLOCKS", "LIFE_CLOCK", "RandomSchedule", "Schedule", "random_cycles"]

CLOCKS = ("step", "episode")
LIFE_CLOCK = "life"
"""Ticks that an episode's end makes jump to the next episode's first; only environments that know their limit have it."""


class Schedule(NamedTuple):
    """Switch times of a life, on one clock.

    Args:
        clock: ``"step"`` counts the steps lived, over all episodes of a life; ``"episode"`` its episodes; ``"life"``
            see `LIFE_CLOCK`.
        switches: increasing times; a time is the number of the first step, or episode, under the new rule.
        ramp: how long a switch takes, in the clock's units; 0 is a jump. Only drifts have halves.
        jitter: every time is moved by a whole number drawn from -jitter .. jitter, once a life.
    """

    clock: str
    switches: tuple[int, ...]
    ramp: int
    jitter: int

    @classmethod
    def of(
        cls, clock: str, switches: Sequence[int], ramp: int, jitter: int, clocks: Sequence[str] = CLOCKS
    ) -> Schedule:
        """A schedule of checked arguments.

        Raises:
            UnknownNameError: no such clock.
            OntogymError: times that do not increase, or are too close for the jitter or the ramp.
        """
        if clock not in clocks:
            raise UnknownNameError("clock", str(clock), clocks)
        for name, value in (("ramp", ramp), ("jitter", jitter)):
            whole_number(name, value, 0, of=f"{clock}s")
        given = tuple(switches) if np.ndim(switches) else ()  # type: ignore[arg-type]
        times = tuple(int(time) for time in given) if all(map(is_whole, given)) else ()
        if not times or times[0] < jitter:
            raise OntogymError(
                f"The switches are {switches!r}; pass at least one whole number, the first no smaller than jitter."
            )
        apart = max(1, int(ramp)) + 2 * int(jitter)
        if any(later - sooner < apart for sooner, later in pairwise(times)):
            raise OntogymError(
                f"The switches {times} must increase by at least {apart}, or one meets the next; spread them "
                "or make ramp and jitter smaller."
            )
        return cls(clock, times, int(ramp), int(jitter))

    @property
    def n_switches(self) -> int:
        """Switches in a life, K."""
        return len(self.switches)

    @property
    def drawn(self) -> bool:
        """Whether lives differ in their times."""
        return self.jitter > 0

    def draw(self, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
        """Switch times ``(P, K)`` of lives with uniform numbers ``(P, K)``; the numbers move them by the jitter."""
        moved = np.floor(uniform * (2 * self.jitter + 1)).astype(np.int64) - self.jitter
        return np.asarray(np.array(self.switches, dtype=np.int64) + moved)

    def phase(self, now: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many switches have begun, ``(P,)``, at clock readings `now` ``(P,)``."""
        return _begun(now, times)

    def level(self, now: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.float64]:
        """How far the world is from its first state, ``(P,)``: 0 before, 1 after one switch, 0 after two, ..."""
        return _distance(now, times, self.ramp)


class RandomSchedule(NamedTuple):
    """Switches at random times: the first within a range, each later one a random gap after the one before.

    Args:
        clock: as in `Schedule`.
        n_switches: switches in a life, K.
        earliest: first and last time at which the first switch can come, all equally likely.
        gap: least and greatest time from one switch to the next, all equally likely.
        ramp: how long a switch takes.
    """

    clock: str
    n_switches: int
    earliest: tuple[int, int]
    gap: tuple[int, int]
    ramp: int

    @classmethod
    def of(
        cls, clock: str, count: int, earliest: Sequence[int], gap: Sequence[int], ramp: int
    ) -> RandomSchedule:
        """A schedule of checked arguments.

        Raises:
            UnknownNameError: no such clock.
            OntogymError: ranges that are none, or gaps shorter than the ramp.
        """
        if clock not in (*CLOCKS, LIFE_CLOCK):
            raise UnknownNameError("clock", str(clock), (*CLOCKS, LIFE_CLOCK))
        count, ramp = whole_number("changes", count, 1), whole_number("ramp", ramp, 0, of="ticks")
        for name, bounds, least in (("earliest", earliest, 0), ("gap", gap, max(1, ramp))):
            if len(bounds) != 2 or not all(map(is_whole, bounds)) or not least <= bounds[0] <= bounds[1]:
                raise OntogymError(
                    f"The range {name!r} is {bounds!r}; pass two whole numbers from {least} on, the smaller first."
                )
        first, last = (int(b) for b in earliest)
        return cls(clock, count, (first, last), (int(gap[0]), int(gap[1])), ramp)

    @property
    def drawn(self) -> bool:
        """Whether lives differ in their times."""
        return True

    def draw(self, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
        """Switch times ``(P, K)`` of lives with uniform numbers ``(P, K)``."""
        low = np.array([self.earliest[0], *[self.gap[0]] * (self.n_switches - 1)])
        high = np.array([self.earliest[1], *[self.gap[1]] * (self.n_switches - 1)])
        return np.asarray(np.floor(low + uniform * (high + 1 - low)).astype(np.int64).cumsum(1))

    def phase(self, now: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.int64]:
        """As in `Schedule`."""
        return _begun(now, times)

    def level(self, now: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.float64]:
        """As in `Schedule`."""
        return _distance(now, times, self.ramp)


def _begun(now: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray((now[:, None] >= times).sum(1))


def _distance(now: NDArray[np.int64], times: NDArray[np.int64], ramp: int) -> NDArray[np.float64]:
    passed = np.clip((now[:, None] - times + 1) / max(1, ramp), 0.0, 1.0)
    signs = np.where(np.arange(times.shape[1]) % 2, -1.0, 1.0)
    return np.asarray((passed * signs).sum(1))


def random_cycles(uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Reorderings ``(P, K + 1, n)`` of n things: none in phase 0, and at every switch one that spares nothing.

    Args:
        uniform: ``(P, K, n)`` in [0, 1). Each row of n is turned into a random cycle through all n things, which is
            applied to what the phase before had: right after a switch nothing is where it was.
    """
    lives, switches, n = uniform.shape
    orders = np.empty((lives, switches + 1, n), dtype=np.int64)
    orders[:, 0] = np.arange(n)
    rank = uniform.argsort(axis=2)
    cycle = np.empty_like(rank)
    np.put_along_axis(cycle, rank, np.roll(rank, -1, axis=2), axis=2)
    for k in range(switches):
        orders[:, k + 1] = np.take_along_axis(orders[:, k], cycle[:, k], axis=1)
    return orders
