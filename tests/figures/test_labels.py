"""No figure that the package draws cuts a word off or lays it on another."""

from __future__ import annotations

import numpy as np
import pytest

import ontogym
from ontogym.baselines.lives.life import make_agent
from ontogym.baselines.lives.recording import record_life
from ontogym.figures.change import change_figure
from ontogym.figures.comparison import Score, comparison_figure
from ontogym.figures.curves import curve_figure
from ontogym.figures.life import life_figure
from ontogym.figures.style import blank_figure
from ontogym.statistics import mean_summary
from ontogym.studies.regimes.figures import regimes_figure
from ontogym.studies.retina_report import figures as retina
from ontogym.studies.retina_report.config import SUBJECTS
from ontogym.studies.rule_inference.figure import inference_figure
from tests.figures.labels import clipped, overlapping

CHANCE = np.random.default_rng(0)
METHODS = ("high", "actor", "average", "area downsampling", "brightness and contrast corrected")


def lives():
    agent = make_agent("tests.baselines.growing:Growing", "ontogym/CartPoleSensorFlip-v0")
    life = record_life(agent, np.zeros(1), "ontogym/CartPoleSensorFlip-v0", episodes=5, seed=1, max_frames=2)
    yield life_figure(life)
    yield change_figure(life)
    yield life_figure(ontogym.load("random", "ontogym/Acrobot-v1").record(episodes=2))


def curves():
    runs = [[[k * 1e5, k + s] for k in range(9)] for s in range(3)]
    groups = {"LNDP, grown before birth and frozen": runs, "PPO": runs, "one run": runs[:1]}
    yield curve_figure(groups, "environment steps", "return", {"random": 0.1, "optimal": 9.0}, "CartPole-v1")
    yield curve_figure(groups, "environment steps", "return", interval=True)
    yield comparison_figure(
        [Score("LNDP, told a reward of 0", 1, 0, 2), Score("a", 4.0, 3, 4.9)], 0.1, 5.0, "t"
    )


def regimes():
    names = ("full rank", "cell types (Allen), shuffled", "control radius 3")
    metrics = {"one": "representation alignment", "two": "‖ΔW‖", "three": "accuracy"}
    rows = [
        {"name": name, "title": name} | {m: mean_summary(list(CHANCE.random(4))) for m in metrics}
        for name in names
    ]
    yield regimes_figure({"conditions": rows}, metrics, "2AF, 100 units, 2000 steps of SGD")


def inference():
    x = np.linspace(-5, 5, 20)
    curve = {name: {"drive": x, "update": np.tanh(x)} for name in ("correct", "error")}
    model = {"curve": curve, "weight_curve": {"weight": x, "correct": x, "error": -x}}
    found = {"models": {"dnn": model, "gru": model}, "truth": model}
    yield inference_figure(found, "simulated reinforce: 1000 animals, 1000000 trials")


def part(fold):
    return {
        "fold": fold,
        "reliability": {subject: {method: CHANCE.random(30) for method in METHODS} for subject in SUBJECTS},
        "contrast": {method: CHANCE.random(30) for method in METHODS},
        "alpha": {subject: [CHANCE.random(30) for _ in range(3)] for subject in SUBJECTS},
        "kernels": {"kernels": [CHANCE.normal(size=(9, 9)) for _ in range(4)], "together": np.ones((33, 33))},
    }


def report():
    four = [part(4), part(4)]
    found = {"alphas": [1.0, 1.5, 2.0], "curves": CHANCE.random((2, 3)), "best": 1.5}
    yield retina.pair_figure(four)
    yield retina.method_figure(four, "contrast")
    yield retina.method_figure(four, "twin")
    yield retina.contrast_figure(four, {"alpha": dict.fromkeys(SUBJECTS, found)})
    yield retina.kernel_figure(four[0])
    yield retina.fold_figure([part(fold) for fold in (2, 4, 8)])
    yield retina.image_figure({name: CHANCE.random((2, 8, 8)) for name in METHODS[:4]})


@pytest.mark.parametrize("figures", [lives, curves, regimes, inference, report])
def test_every_word_can_be_read(figures):
    for figure in figures():
        assert clipped(figure) == []
        assert overlapping(figure) == []


def test_the_test_itself():
    figure = blank_figure(2, 2)
    figure.text(0.9, 0.5, "too long")
    figure.text(0.1, 0.2, "one")
    figure.text(0.12, 0.2, "other")
    assert clipped(figure) == ["too long"]
    assert overlapping(figure) == [("one", "other")]
