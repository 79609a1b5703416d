"""Families of recurrent matrices to start from, brought to one size.

Every family gives a matrix ``(N, N)``, (post, pre), which is then scaled so that its Frobenius norm or its spectral
radius is that of a Gaussian matrix. The choice matters: with equal Frobenius norm the spectral radius is an order of
magnitude larger where rows have a common sign (unbalanced Dale, blocks, chains) and much smaller at rank 1. Both are
reported with every matrix. Source: arXiv 2310.08513.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, UnknownNameError

__all__ = [
    "FAMILIES",
    "MATCHES",
    "InitialWeights",
    "gain_matched",
    "initial_weights",
    "matched",
    "spectral_radius",
    "truncate",
]

Matrix = NDArray[np.float64]
MATCHES = ("fro", "spectral_radius")
GAIN = 1.25
"""Deviation of the Gaussian family's entries times sqrt(N) (arXiv 2310.08513)."""
EXCITATORY = 0.8
"""Share of excitatory cells in the Dale families."""


class InitialWeights(NamedTuple):
    """A matrix and its two sizes."""

    weights: Matrix
    frobenius: float
    spectral_radius: float


def initial_weights(
    family: str,
    nodes: int,
    generator: np.random.Generator,
    *,
    rank: int | None = None,
    match: str = "fro",
    gain: float = GAIN,
    adjacency: NDArray[np.floating] | None = None,
) -> InitialWeights:
    """A recurrent matrix of one family, as large as a Gaussian one.

    Args:
        family: one of `FAMILIES`, or "matrix": the given `adjacency` (a connectome, a developed network).
        nodes: N.
        generator: draws it; the Gaussian that sizes are matched to is drawn first, so that all families of one seed
            are matched to the same matrix.
        rank: then keep that many singular directions.
        match: "fro", "spectral_radius", or "none" (take the family's own size).
        gain: of the Gaussian.
        adjacency: for "matrix": ``(n, n)``; n below `nodes` leaves the other units unconnected by W.

    Raises:
        OntogymError: an unknown family or match, a rank beyond 1 .. N, an adjacency that is missing or does not fit,
            or a matrix whose spectral radius is 0 (a chain without loops) where that is to be matched.
    """
    gaussian = gain * generator.standard_normal((nodes, nodes)) / np.sqrt(nodes)
    if family == "matrix":
        drawn = _embedded(adjacency, nodes)
    elif family not in FAMILIES:
        raise UnknownNameError("family of initial weights", family, [*FAMILIES, "matrix"])
    else:
        drawn = gaussian if family == "gaussian" else FAMILIES[family](nodes, generator)
    if rank is not None:
        drawn = truncate(drawn, rank)
    weights = drawn if match == "none" else matched(drawn, gaussian, match)
    return InitialWeights(weights, float(np.linalg.norm(weights)), spectral_radius(weights))


def spectral_radius(matrix: Matrix) -> float:
    """The largest magnitude of an eigenvalue."""
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def matched(matrix: Matrix, like: Matrix, match: str = "fro") -> Matrix:
    """`matrix` scaled to the size of `like`, by "fro" or by "spectral_radius".

    Raises:
        OntogymError: an unknown measure, or a matrix that has none of it.
    """
    if match not in MATCHES:
        raise UnknownNameError("measure to match", match, [*MATCHES, "none"])
    measure: Callable[[Matrix], float] = spectral_radius if match == "spectral_radius" else _frobenius
    own, wanted = measure(matrix), measure(like)
    if not np.isfinite(own):
        raise OntogymError(f"This matrix has a {match} of {own}; divide its weights by their largest first.")
    # The eigenvalues of a nilpotent matrix come out as rounding noise.
    if own <= 1e-6 * max(_frobenius(matrix), 1e-300):
        mend = "match 'fro', or give it loops" if match == "spectral_radius" else "give it edges"
        raise OntogymError(f"This matrix has a {match} of 0 and cannot be scaled to another; {mend}.")
    return np.asarray(matrix * (wanted / own))


def gain_matched(full: Matrix, low: Matrix) -> Matrix:
    """The control for low rank: the full-rank matrix shrunk to the spectral radius of the low-rank one.

    Low rank at equal Frobenius norm also lowers the gain of the loop; what this control shows too is gain, not rank.
    """
    return matched(full, low, "spectral_radius")


def truncate(matrix: Matrix, rank: int) -> Matrix:
    """The nearest matrix of that rank (largest singular values kept); size is not restored.

    Raises:
        OntogymError: a rank below 1 or above the matrix's size.
    """
    if not 1 <= rank <= min(matrix.shape):
        raise OntogymError(f"Rank {rank} is not within 1 and {min(matrix.shape)}; choose one that is.")
    u, s, v = np.linalg.svd(matrix)
    return np.asarray((u[:, :rank] * s[:rank]) @ v[:rank])


def _gaussian(nodes: int, generator: np.random.Generator) -> Matrix:
    return np.asarray(generator.standard_normal((nodes, nodes)) / np.sqrt(nodes))


def _dale(nodes: int, generator: np.random.Generator) -> Matrix:
    """Columns of one sign: 80 % excitatory, 20 % inhibitory cells of equal strength."""
    signs = np.where(np.arange(nodes) < round(EXCITATORY * nodes), 1.0, -1.0)
    return np.abs(generator.standard_normal((nodes, nodes))) * signs


def _dale_balanced(nodes: int, generator: np.random.Generator) -> Matrix:
    """Dale with inhibition as strong in sum: rows sum to 0."""
    weights = _dale(nodes, generator)
    excitation, inhibition = weights.clip(min=0), weights.clip(max=0)
    scale = excitation.sum(1, keepdims=True) / np.maximum(-inhibition.sum(1, keepdims=True), 1e-12)
    return np.asarray(excitation + inhibition * scale)


def _blocks(nodes: int, generator: np.random.Generator, types: int = 4) -> Matrix:
    """Cell types: a mean for each pair of types, and half as much scatter about it."""
    kind = np.sort(np.arange(nodes) % types)
    means = generator.standard_normal((types, types))
    return means[np.ix_(kind, kind)] + 0.5 * generator.standard_normal((nodes, nodes))


def _chain(nodes: int, generator: np.random.Generator) -> Matrix:
    """Chain motifs: strengths of input and of output of a cell go together (as a product, plus scatter).

    Paths i <- j <- k are then as much more frequent than chance as strengths vary. Source of the measure: Hu et al.
    2018, "Feedback through graph motifs relates structure and function in complex networks".
    """
    strength = np.exp(0.5 * generator.standard_normal(nodes))
    return strength[:, None] * strength[None, :] + 2.5 * generator.standard_normal((nodes, nodes))


FAMILIES: dict[str, Callable[[int, np.random.Generator], Matrix]] = {
    "gaussian": _gaussian,
    "dale": _dale,
    "dale-balanced": _dale_balanced,
    "blocks": _blocks,
    "chain": _chain,
}


def _frobenius(matrix: Matrix) -> float:
    return float(np.linalg.norm(matrix))


def _embedded(adjacency: NDArray[np.floating] | None, nodes: int) -> Matrix:
    """An adjacency in the corner of an N x N matrix."""
    if adjacency is None:
        raise OntogymError(
            "The family 'matrix' needs a matrix; pass adjacency, or --connectome on the command line."
        )
    given = np.asarray(adjacency, dtype=np.float64)
    if given.ndim != 2 or given.shape[0] != given.shape[1]:
        raise OntogymError(
            f"A connectome of shape {given.shape} is not square; give (n, n), rows being post."
        )
    if len(given) > nodes:
        raise OntogymError(
            f"A connectome of {len(given)} units does not fit {nodes}; raise the number of units."
        )
    if not np.isfinite(given).all():
        row, column = np.argwhere(~np.isfinite(given))[0]
        raise OntogymError(f"The connectome is not a finite number at row {row}, column {column}; mend it.")
    weights = np.zeros((nodes, nodes))
    weights[: len(given), : len(given)] = given
    return weights
