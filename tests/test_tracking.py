"""Trackers: one interface, the same names over the same axis for evolution and training."""

from __future__ import annotations

import sys
import types

import pytest

from ontogym.baselines.evolution.config import EvolutionConfig
from ontogym.baselines.evolution.run import evolve
from ontogym.baselines.sb3.config import TrainingConfig
from ontogym.baselines.sb3.run import train
from ontogym.cli.plot import Plot
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.tracking import SCORE, Tracker, Trackers

LOGGED: list[tuple[int, dict[str, float]]] = []


class Notebook(Tracker):
    """Keeps what it is given."""

    def __init__(self, folder, config, begun=0):
        self.begun = begun

    def log(self, values, env_steps):
        LOGGED.append((env_steps, dict(values)))

    def close(self):
        pass


HERE = f"{__name__}:Notebook"
SMALL = {"population": 4, "lives": 1, "generations": 2, "eval_every": 1, "eval_lives": 2, "final_lives": 2}


def run(out, **more):
    return evolve(
        EvolutionConfig("ontogym/CartPole-v1", agent="mlp", out=str(out), **{**SMALL, **more}), progress=False
    )


@pytest.fixture
def logged():
    LOGGED.clear()
    return LOGGED


def test_evolution_and_training_write_the_same_name_over_environment_steps(tmp_path, logged):
    run(tmp_path / "evolved", track=(HERE,))
    evolved = list(logged)
    logged.clear()
    config = TrainingConfig(
        "ppo",
        "CartPole-v1",
        steps=256,
        segment=128,
        eval_episodes=2,
        out=str(tmp_path / "ppo"),
        track=(HERE,),
    )
    training = train(config)["training"]
    assert [(steps, values[SCORE]) for steps, values in logged] == [tuple(row) for row in training["curve"]]
    assert all(SCORE in values and "search/sigma" in values for _, values in evolved)
    assert [steps for steps, _ in evolved] == sorted({steps for steps, _ in evolved})
    assert evolved[-1][0] > 2  # steps, not generations


def test_tensorboard_has_the_same_names_and_axis(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(tmp_path / "evolved", tensorboard=True)
    train(
        TrainingConfig(
            "ppo", "CartPole-v1", steps=128, segment=128, eval_episodes=2, out=str(tmp_path / "ppo")
        )
    )
    for name in ("evolved", "ppo"):
        events = EventAccumulator(str(tmp_path / name / "tensorboard")).Reload()
        assert SCORE in events.Tags()["scalars"]
        assert events.Scalars(SCORE)[-1].step > 2


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_writers_of_other_packages_are_told_everything(name, tmp_path, monkeypatch):
    calls = []

    def record(word):
        return lambda *args, **kwargs: calls.append((word, args, kwargs)) or fake

    words = ("init", "log", "finish", "set_experiment", "start_run", "log_params", "log_metrics", "end_run")
    fake = types.SimpleNamespace(**{word: record(word) for word in words})
    monkeypatch.setitem(sys.modules, name, fake)
    run(tmp_path / "run", track=(name,))
    said = [word for word, _, _ in calls]
    begins, says, ends = {
        "wandb": ("init", "log", "finish"),
        "mlflow": ("start_run", "log_metrics", "end_run"),
    }[name]
    assert said.index(begins) < said.index(says) < said.index(ends)
    _, (values,), keywords = next(call for call in calls if call[0] == says)
    assert SCORE in values
    assert keywords["step"] > 2


def test_what_cannot_be_tracked_is_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(UnknownNameError, match="did you mean 'wandb'"):
        Trackers(["wandbb"], tmp_path, {})
    with pytest.raises(OntogymError, match="run folder"):
        Trackers(["tensorboard"], None, {})
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(OntogymError, match=r"ontogym\[wandb\]"):
        Trackers(["wandb"], tmp_path, {})
    Trackers([], None, {}).log({"a": 1.0}, 1)


def test_a_tracked_run_is_the_same_run(tmp_path):
    first = run(tmp_path / "a").genome
    assert (run(tmp_path / "b", track=(HERE,)).genome == first).all()


def test_evolved_and_trained_runs_are_drawn_in_one_picture(tmp_path):
    for seed in (1, 2, 3):
        run(tmp_path / f"e{seed}", seed=seed)
    train(
        TrainingConfig(
            "ppo", "ontogym/CartPole-v1", steps=256, segment=128, eval_episodes=2, out=str(tmp_path / "p")
        )
    )
    runs = tuple(str(tmp_path / name) for name in ("e1", "e2", "e3", "p"))
    found = Plot(runs, out=str(tmp_path / "curves.png"), json=True).run()
    assert set(found["ends"]) == {"mlp", "ppo"}
    assert len(found["ends"]["mlp"]["values"]) == 3
    low, high = found["ends"]["mlp"]["ci95"]
    assert low <= found["ends"]["mlp"]["mean"] <= high
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    named = Plot(runs, out=str(tmp_path / "c.svg"), labels=("a", "a", "b", "b"), json=True).run()
    assert {name: len(end["values"]) for name, end in named["ends"].items()} == {"a": 2, "b": 2}
    with pytest.raises(OntogymError, match="4 runs with 1 labels"):
        Plot(runs, labels=("a",)).run()
    with pytest.raises(OntogymError, match="no folder of a run"):
        Plot((str(tmp_path),), out=str(tmp_path / "d.png")).run()


def test_what_differs_names_the_lines(tmp_path):
    run(tmp_path / "a", population=4)
    run(tmp_path / "b", population=6)
    found = Plot((str(tmp_path / "a"), str(tmp_path / "b")), out=str(tmp_path / "c.png"), json=True).run()
    assert set(found["ends"]) == {"mlp, population=4", "mlp, population=6"}


def test_the_band_is_the_interval_over_seeds():
    from ontogym.figures.curves import curve_figure

    runs = [[[0, value], [10, value + 1]] for value in (0.0, 1.0, 5.0)]
    axes = curve_figure({"a": runs}, "steps", "score", interval=True).axes[0]
    band = axes.collections[0].get_paths()[0].vertices
    # t(2, .975) = 4.303, the standard error of 0, 1, 5 is 1.528: 2 +- 6.57
    assert band[:, 1].min() == pytest.approx(2 - 6.572, abs=0.01)
    assert len(axes.lines) == 1
