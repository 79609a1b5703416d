"""The paper's figure of an inferred rule: changes by stimulus and outcome, with bands, over psychometric curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ontogym.figures.style import BLUE, GRID, INK, MUTED, VERMILLION, blank_figure, page_style
from ontogym.studies.rule_inference.figure import TITLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["portrait_figure"]

COLOURS = {"correct": BLUE, "error": VERMILLION}
LOOKS = {"weight": ("weight {weight:.1f}", (":", "-", "--")), "bias": ("bias {bias:.1f}", (":", "-", "--")),
         "past": ("{past:.0f} of 4 rewarded", ("--", "-"))}  # fmt: skip
HEADS = {
    "weight": "at three weights",
    "bias": "at three biases",
    "past": "after four trials",
}
THIRDS = ("first third", "middle third", "last third")
WIDTH, HEIGHT = 2.9, 2.5


def portrait_figure(result: Mapping[str, Any], title: str) -> Figure:
    """A row a model: change of the stimulus weight by stimulus, blue after correct and red after wrong choices, at several
    weights and biases and (for a rule with memory) after four rewards or none; last, the choices of the animals (dots)
    beside those of the model (lines) in each third of their trials. Bands: 95 % over the fits of the folds.

    Args:
        result: of `infer_rule`.
        title: above the figure.
    """
    models = result["models"]
    width, height = 4 * WIDTH + 0.35, HEIGHT * len(models) + 0.6
    with page_style():
        figure = blank_figure(width, height)
        for row, (kind, model) in enumerate(models.items()):
            found = model["portrait"]
            at = (height - 0.45 - (row + 1) * HEIGHT + 0.5) / height
            panels = [
                figure.add_axes(
                    (
                        (0.8 + column * WIDTH) / width,
                        at - 0.12 / height,
                        (WIDTH - 0.75) / width,
                        (HEIGHT - 1.05) / height,
                    )
                )
                for column in range(4)
            ]
            for axes, name in zip(panels, ("weight", "bias", "past")):
                _changes(axes, found, name)
            panels[0].set_ylabel("change of the weight")
            panels[0].text(
                0, 1.24, TITLES[kind], transform=panels[0].transAxes, weight="bold", size=9, color=INK
            )
            _psychometric(panels[3], found["psychometric"])
        figure.text(0.012, 1 - 0.24 / height, title, weight="bold", size=10, color=INK, va="center")
        note = "blue: after correct, red: after wrong choices; bands: 95 % over folds and their seeds"
        figure.text(0.988, 1 - 0.24 / height, note, size=8, color=MUTED, va="center", ha="right")
    return figure


def _changes(axes: Axes, found: Mapping[str, Any], name: str) -> None:
    """One family of curves; an empty panel says why there is none."""
    curves = [curve for curve in found["curves"] if curve["name"] == name]
    axes.set_title(HEADS[name])
    if not curves:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "this model does not see the past", ha="center", color=MUTED, size=8)
        return
    label, styles = LOOKS[name]
    for curve, style in zip(curves, styles):
        for outcome, colour in COLOURS.items():
            line = curve[outcome]
            axes.fill_between(
                found["stimulus"], line["low"], line["high"], color=colour, alpha=0.12, linewidth=0
            )
            words = (
                label.format(**{**curve, "past": 4 * (curve["past"] or 0)}) if outcome == "correct" else None
            )
            axes.plot(
                found["stimulus"], line["change"], color=colour, linestyle=style, linewidth=1.4, label=words
            )
    axes.axhline(0, color=GRID, linewidth=0.8, zorder=0)
    axes.set_xlabel("stimulus (right is positive)")
    axes.legend(loc="best", fontsize=6.5)


def _psychometric(axes: Axes, parts: list[Mapping[str, Any]]) -> None:
    axes.set_title("choices: animals and model")
    for part, words, shade in zip(parts, THIRDS, (0.35, 0.65, 1.0)):
        axes.plot(part["stimulus"], part["model"], color=INK, alpha=shade, linewidth=1.4, label=words)
        axes.plot(
            part["stimulus"], part["data"], color=INK, alpha=shade, linestyle="", marker="o", markersize=3
        )
    axes.set_ylim(0, 1)
    axes.set_xlabel("stimulus (right is positive)")
    axes.set_ylabel("share to the right")
    axes.legend(loc="best", fontsize=6.5)
