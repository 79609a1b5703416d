"""Supplementary Figs. 1 and 2 of Leong et al. (2024): whom the actor serves, and how strongly cells respond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ontogym.errors import OntogymError
from ontogym.retina_env.cells import draw_cells

__all__ = ["PUBLISHED", "cells_of", "mean_responses", "nemenyi", "served"]

PUBLISHED: dict[str, Any] = {
    "twin": {"on_off_p": 0.3845, "size_r": 0.0713, "size_p": 0.5885},
    "ex-vivo": {"on_off_p": 0.4003, "size_r": -0.0838, "size_p": 0.7181},
    "friedman_p": "< .0001",
    "nemenyi": {"high, average": 0.001, "actor, average": 0.001, "high, actor": 0.5398},
}
"""The paper's ex-vivo retinas were new ones."""
SHOWN = ("high", "actor", "average")
Array = NDArray[np.float64]


def cells_of(seeds: Sequence[int]) -> tuple[Array, Array]:
    """Of all cells of retinas: 1 where ON drives more than OFF, -1 where less, 0 where alike; diameter (4 SD), um."""
    many = [draw_cells(seed) for seed in seeds]
    sign = np.concatenate([np.sign(cells.on - cells.off) for cells in many])
    return sign, np.concatenate([4 * cells.sigma for cells in many])


def served(gain: ArrayLike, sign: ArrayLike, diameter_um: ArrayLike) -> dict[str, float]:
    """Whether a gain in reliability depends on the kind of cell or on the size of its receptive field.

    Args:
        gain: ``(n,)`` actor less averaging. sign, diameter_um: `cells_of`.

    Returns:
        ``on_off_p``: Mann-Whitney's two-sided p of ON against OFF cells; ``on``, ``off``: their median gains;
        ``size_r``, ``size_p``: Pearson's r of gain and diameter, and its p.
    """
    from scipy.stats import mannwhitneyu, pearsonr

    gain, sign, diameter_um = (np.asarray(part, dtype=np.float64) for part in (gain, sign, diameter_um))
    if not len(gain) == len(sign) == len(diameter_um):
        raise OntogymError(f"{len(gain)} gains do not fit {len(sign)} cells; give one for each.")
    on, off = gain[sign > 0], gain[sign < 0]
    size = pearsonr(gain, diameter_um)
    return {
        "on_off_p": float(mannwhitneyu(on, off).pvalue),
        "on": float(np.median(on)),
        "off": float(np.median(off)),
        "size_r": float(size.statistic),
        "size_p": float(size.pvalue),
    }


def mean_responses(means: Mapping[str, ArrayLike]) -> dict[str, Any]:
    """Friedman's and Nemenyi's tests of mean responses ``(n,)`` to pictures of each kind of `SHOWN`.

    Returns:
        ``friedman_p``; ``nemenyi``: p of each pair; ``means``: over cells, spikes.
    """
    from scipy.stats import friedmanchisquare

    columns = [np.asarray(means[name], dtype=np.float64) for name in SHOWN]
    found = nemenyi(np.stack(columns, 1))
    pairs = [(0, 2), (1, 2), (0, 1)]
    return {
        "friedman_p": float(friedmanchisquare(*columns).pvalue),
        "nemenyi": {f"{SHOWN[a]}, {SHOWN[b]}": float(found[a, b]) for a, b in pairs},
        "means": {name: float(column.mean()) for name, column in zip(SHOWN, columns)},
    }


def nemenyi(table: ArrayLike) -> Array:
    """Nemenyi's p of all pairs of k treatments in n blocks ``(n, k)``: ``(k, k)`` (Demsar 2006, section 3.2.2).

    Mean ranks ``R`` differ by ``|R_i - R_j| / sqrt(k (k + 1) / (6 n))``, which, times sqrt 2, follows the studentised
    range of k means with infinite degrees of freedom.
    """
    from scipy.stats import rankdata, studentized_range

    x = np.asarray(table, dtype=np.float64)
    n, k = x.shape
    rank = rankdata(x, axis=1).mean(0)
    apart = np.abs(rank[:, None] - rank) / np.sqrt(k * (k + 1) / (6 * n))
    return np.asarray(np.clip(studentized_range.sf(apart * np.sqrt(2), k, np.inf), 0, 1))
