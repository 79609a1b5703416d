from __future__ import annotations

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.figures.curves import training_figure


def history(offset: float, epochs: int = 3) -> list[dict]:
    return [
        {"epoch": k, "validation_accuracy": offset + 0.1 * k, "validation_loss": 2.0 - k}
        for k in range(epochs + 1)
    ]


def test_seeds_share_a_colour_and_have_their_mean_drawn():
    figure = training_figure(
        {"waves": [history(0.1), history(0.3, 4)], "scratch": [history(0.0)]}, chance=0.1
    )
    axes = figure.axes[0]
    first, second, mean, alone, chance = axes.get_lines()
    assert first.get_color() == second.get_color() == mean.get_color() != alone.get_color()
    np.testing.assert_allclose(mean.get_ydata(), [0.2, 0.3, 0.4, 0.5])
    assert set(chance.get_ydata()) == {0.1}
    assert {t.get_text() for t in axes.texts} == {"waves (2 runs)", "scratch", "chance (0.1)"}


def test_runs_without_accuracies_show_their_loss():
    rows = [{**row, "validation_accuracy": None} for row in history(0)]
    figure = training_figure({"simclr": [rows]})
    assert list(figure.axes[0].get_lines()[0].get_ydata()) == [2.0, 1.0, 0.0, -1.0]
    with pytest.raises(OntogymError, match="no validation_accuracy"):
        training_figure({"simclr": [rows]}, y="validation_accuracy")
    with pytest.raises(OntogymError, match="nothing to draw"):
        training_figure({})
