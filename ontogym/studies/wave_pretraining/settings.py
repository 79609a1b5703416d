"""Which parameter settings are classes, how they are numbered, and which are taken when fewer are wanted.

With the index of each factor 0 to 3, a setting of the 4^6 has the id CON_RAD + 4 H1 + 16 H2 + 64 P + 256 T_K + 1024 D;
of the 4^5, where CON_RAD does not vary, a quarter of that: H1 + 4 H2 + 16 P + 64 T_K + 256 D.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

__all__ = ["FACTORS", "chosen_settings", "setting_digits"]

FACTORS = ("connection_rings", "h1", "h2", "refractory_s", "excitation_s", "depolarisation_s")
"""Parameters that vary, the fastest first. The factor of index k is (2k + 1) / 4."""


def setting_digits(setting: int, classes: int) -> dict[str, int]:
    """Index 0 to 3 of every factor of a setting; without CON_RAD for up to 1024 classes."""
    names = FACTORS if classes > 1024 else FACTORS[1:]
    return {name: setting // 4**place % 4 for place, name in enumerate(names)}


def chosen_settings(classes: int) -> NDArray[np.int64]:
    """Ids of the settings that a set of so many classes holds, ascending, ``(classes,)``.

    1024 and 4096 take all. Otherwise settings are chosen one by one: each time the one whose factors' values were
    taken least often so far, then whose pairs of values were, then the one with the smallest id. So every value of
    every factor occurs equally often (up to one), pairs of values nearly so, and a smaller choice is part of a
    larger one.
    """
    return np.sort(_order(6 if classes > 1024 else 5, classes))


@functools.lru_cache(maxsize=8)
def _order(factors: int, count: int) -> NDArray[np.int64]:
    if count == 4**factors:
        return np.arange(count)
    digits = np.arange(4**factors)[:, None] // 4 ** np.arange(factors) % 4
    left, right = np.triu_indices(factors, 1)
    # A column per factor and per pair of factors, saying which value (0-3, 0-15) each setting has there.
    pairs = 4 * digits[:, left] + digits[:, right]
    used, used_pairs = np.zeros((factors, 4), np.int64), np.zeros((len(left), 16), np.int64)
    singles, doubles = np.arange(factors), np.arange(len(left))
    free = np.ones(4**factors, bool)
    order = []
    for _ in range(count):
        # Squares: two values taken once each are better balanced than one taken twice.
        cost = (2 * used[singles, digits] + 1).sum(1) * 10**6 + (2 * used_pairs[doubles, pairs] + 1).sum(1)
        best = int(np.argmin(np.where(free, cost, np.iinfo(np.int64).max)))
        free[best] = False
        used[singles, digits[best]] += 1
        used_pairs[doubles, pairs[best]] += 1
        order.append(best)
    return np.array(order, np.int64)
