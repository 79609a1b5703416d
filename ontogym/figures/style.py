"""Colours and blank pages that all pictures share. Matplotlib is imported when one is drawn."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ontogym.checkpoint import write_atomic
from ontogym.errors import OntogymError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "GRID",
    "INK",
    "MUTED",
    "NEGATIVE",
    "PAPER",
    "POSITIVE",
    "blank_figure",
    "diverging",
    "diverging_map",
]

# Okabe & Ito's palette (2008), which colour-blind readers can tell apart.
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#CC79A7",
    "#56B4E9",
)
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
"""For runs and agents, in this order."""
POSITIVE, NEGATIVE = BLUE, VERMILLION
"""Signs of weights and activations."""
INK, MUTED, GRID, BAND, PAPER = "#22272E", "#6B7480", "#E3E7EC", "#F4F6F8", "#FFFFFF"

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": "#B4BBC4",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
}


def rgb(colour: str) -> tuple[int, int, int]:
    """``"#RRGGBB"`` as three numbers of 0 .. 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def diverging(values: NDArray[np.floating], limit: float = 1.0) -> NDArray[np.uint8]:
    """Signed numbers as colours ``(..., 3)``: white at 0, full colour of the sign at +-`limit`."""
    depth = np.clip(np.nan_to_num(np.asarray(values, dtype=np.float64) / limit), -1.0, 1.0)[..., None]
    full = np.where(depth >= 0, np.array(rgb(POSITIVE)), np.array(rgb(NEGATIVE)))
    return np.round(255 + (full - 255) * np.abs(depth)).astype(np.uint8)


def diverging_map() -> Any:
    """`diverging` as a Matplotlib colour map: to be used with limits that are equal to both sides of zero."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("ontogym", [NEGATIVE, PAPER, POSITIVE])


def blank_figure(width: float, height: float) -> Figure:
    """An empty page, in inches, that no window and no global state knows of. Draw within ``page_style()``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def page_style() -> Any:
    """A context manager in which Matplotlib draws in this suite's style."""
    import matplotlib

    style: Any = STYLE
    return matplotlib.rc_context(style)


def save_figure(figure: Figure, path: Path | str, dpi: int = 160) -> Path:
    """Write a figure as PNG, SVG or PDF, by the ending of `path`, atomically.

    Raises:
        OntogymError: another ending, or a folder that cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("png", "svg", "pdf"):
        raise OntogymError(
            f"Figures are written as .png, .svg or .pdf, not {path.name!r}; change the ending."
        )
    write_atomic(path, figure_bytes(figure, kind, dpi))
    return path


def figure_bytes(figure: Figure, kind: str = "png", dpi: int = 160) -> bytes:
    """A figure as the bytes of an image file."""
    import matplotlib

    buffer = io.BytesIO()
    # No date and no chance inside, so that equal figures are equal files.
    stamp: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    with matplotlib.rc_context({"svg.hashsalt": "ontogym"}):
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=stamp)
    return buffer.getvalue()
