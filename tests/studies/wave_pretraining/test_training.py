from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from ontogym.configurations import build_config
from ontogym.developmental.feature_extractors.networks import (
    NETWORKS,
    Small,
    build_network,
    first_layer_filters,
)
from ontogym.developmental.feature_extractors.saved_network import load_network, save_network
from ontogym.errors import OntogymError
from ontogym.studies.wave_pretraining.images import ShuffledLabels
from ontogym.studies.wave_pretraining.learner import Learner
from ontogym.studies.wave_pretraining.movies import WaveMovies
from ontogym.studies.wave_pretraining.probe import fit_logistic, linear_probe
from ontogym.studies.wave_pretraining.schedule import FINETUNING, TrainingConfig
from ontogym.studies.wave_pretraining.training import train

from .bars import FAST, bars


def accuracies(result) -> list[float]:
    return [row["validation_accuracy"] for row in result.history]


def timeless(history: list[dict]) -> list[dict]:
    return [{k: v for k, v in row.items() if not k.endswith("seconds")} for row in history]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "run"
    torch.set_num_threads(1)
    return out, train(dataclasses.replace(FAST, epochs=6), bars(), out)


def test_the_published_schedules():
    rates = [TrainingConfig().lr_at(e) for e in (1, 30, 31, 60, 61, 90)]
    assert rates == pytest.approx([0.01, 0.01, 0.001, 0.001, 0.0001, 0.0001])
    assert (TrainingConfig().epochs, TrainingConfig().batch, TrainingConfig().momentum) == (90, 256, 0.9)
    assert (TrainingConfig().weight_decay, TrainingConfig().mean, TrainingConfig().sd) == (
        1e-4,
        (0.2,),
        (0.5,),
    )
    assert (FINETUNING.lr, FINETUNING.resize) == (0.01, 256)
    moved = dataclasses.replace(TrainingConfig(), milestones=(1,))
    assert [moved.lr_at(e) for e in (1, 2, 90)] == pytest.approx([0.01, 0.001, 0.001])
    assert build_config(TrainingConfig, json.loads(json.dumps(moved.as_json()))) == moved


@pytest.mark.parametrize(
    "bad",
    [
        {"lr": 0.0},
        {"lr": float("nan")},
        {"epochs": -1},
        {"batch": 1},
        {"momentum": 1.0},
        {"sd": (0.0,)},
        {"mean": (0.1, 0.2)},
        {"method": "magic"},
        {"crop": 0},
        {"shuffle_labels": True, "method": "simclr"},
    ],
)
def test_configurations_that_cannot_be(bad):
    with pytest.raises(OntogymError, match="SimCLR" if "shuffle_labels" in bad else next(iter(bad))):
        dataclasses.replace(FAST, **bad)


def test_a_toy_set_is_learnt_from_epoch_zero_on(trained):
    out, result = trained
    curve = accuracies(result)
    assert len(curve) == 7
    assert curve[0] < 0.6
    assert curve[-1] > 0.9
    assert [row["epoch"] for row in result.history] == list(range(7))
    assert result.history[0]["loss"] is None
    lines = (out / "curve.csv").read_text().splitlines()
    assert lines[0].startswith("epoch,lr,loss,accuracy,validation_loss,validation_accuracy")
    assert len(lines) == 8
    assert json.loads((out / "result.json").read_text())["facts"]["parameters"] == result.facts["parameters"]


def test_shuffled_labels_teach_nothing_about_the_classes(tmp_path):
    config = dataclasses.replace(FAST, shuffle_labels=True)
    assert accuracies(train(config, bars(), tmp_path))[-1] < 0.6


def test_the_saved_network_is_the_trained_one(trained):
    out, result = trained
    saved = load_network(out)
    images = bars()
    x = torch.from_numpy(images.read(images.validation))[:, None, 1:15, 1:15].float() / 255
    with torch.no_grad():
        guess = saved.network((x - 0.2) / 0.5).argmax(1).numpy()
    assert np.mean(guess == images.labels[images.validation]) == pytest.approx(accuracies(result)[-1])
    assert saved.facts["classes"] == 4


def test_two_runs_of_one_seed_are_equal_to_the_bit_and_others_differ(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(dataclasses.replace(FAST, epochs=1, seed=seed), bars(), tmp_path / name)
    a, b, c = (load_file(tmp_path / name / "network.safetensors") for name in "abc")
    assert all(np.array_equal(a[k], b[k]) for k in a)
    assert not np.array_equal(a["conv1.weight"], c["conv1.weight"])


class Stop(Exception):
    pass


class Dying:
    """Images that stop to be readable after so many reads."""

    def __init__(self, images, reads: int) -> None:
        self.__dict__.update(vars(images))
        self._whole, self._reads = images, reads

    def read(self, indices):
        self._reads -= 1
        if self._reads < 0:
            raise Stop
        return self._whole.read(indices)


@pytest.mark.parametrize("method", ["supervised", "simclr"])
@pytest.mark.parametrize("reads", [3, 13, 20])
def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path, method, reads):
    config = dataclasses.replace(FAST, method=method)
    whole = train(config, bars(), tmp_path / "whole")
    with pytest.raises(Stop):
        train(config, Dying(bars(), reads), tmp_path / "cut")
    resumed = train(config, bars(), tmp_path / "cut", resume=True)
    assert timeless(resumed.history) == timeless(whole.history)
    for file in ("network", "checkpoint"):
        a, b = (load_file(tmp_path / run / f"{file}.safetensors") for run in ("whole", "cut"))
        assert a.keys() == b.keys()
        assert all(np.array_equal(a[k], b[k]) for k in a)


KILLED = """
import dataclasses, sys, time, torch
sys.path.insert(0, {root!r})
torch.set_num_threads(1)
from tests.studies.wave_pretraining.bars import FAST, bars
from ontogym.studies.wave_pretraining.training import train
images = bars()
class Slow(type(images)):
    def read(self, indices):
        time.sleep(0.02)
        return super().read(indices)
images.__class__ = Slow
train(FAST, images, {out!r})
"""


def test_a_run_killed_outright_resumes_to_the_same_bits(tmp_path):
    whole = train(FAST, bars(), tmp_path / "whole")
    root, out = str(Path(__file__).parents[3]), tmp_path / "cut"
    child = subprocess.Popen([sys.executable, "-c", KILLED.format(root=root, out=str(out))])
    while not (out / "checkpoint.safetensors").exists():
        assert child.poll() is None, "the child ended before it could be killed"
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (out / "network.safetensors").exists()
    with pytest.raises(OntogymError, match="resume it"):
        load_network(out)
    resumed = train(FAST, bars(), out, resume=True)
    assert timeless(resumed.history) == timeless(whole.history)
    a, b = (load_file(tmp_path / run / "network.safetensors") for run in ("whole", "cut"))
    assert all(np.array_equal(a[k], b[k]) for k in a)


class Forgetful(Small):
    def forward(self, x):
        return super().forward(torch.nn.functional.dropout(x, 0.5, self.training))


def test_dropout_resumes_too(tmp_path, monkeypatch):
    """Dropout draws from torch's global generator; an epoch seeds it, and leaves it as it was."""
    monkeypatch.setitem(NETWORKS, "forgetful", Forgetful)
    config = dataclasses.replace(FAST, network="forgetful", epochs=2)
    before = torch.random.get_rng_state()
    whole = train(config, bars(), tmp_path / "whole")
    assert torch.equal(before, torch.random.get_rng_state())
    with pytest.raises(Stop):
        train(config, Dying(bars(), 10), tmp_path / "cut")
    torch.rand(7)
    resumed = train(config, bars(), tmp_path / "cut", resume=True)
    assert timeless(resumed.history) == timeless(whole.history)
    assert whole.history[1]["loss"] != train(FAST, bars(), tmp_path / "plain").history[1]["loss"]


def test_folders_that_are_not_the_runs_are_left_alone(trained, tmp_path):
    out, _ = trained
    before = (out / "checkpoint.safetensors").read_bytes()
    with pytest.raises(OntogymError, match="already holds"):
        train(FAST, bars(), out)
    with pytest.raises(OntogymError, match=r"training\.epochs=6, not 3"):
        train(FAST, bars(), out, resume=True)
    with pytest.raises(OntogymError, match=r"data\.digest"):
        train(dataclasses.replace(FAST, epochs=6), bars(seed=9), out, resume=True)
    with pytest.raises(OntogymError, match="no run to resume"):
        train(FAST, bars(), tmp_path / "new", resume=True)
    again = train(dataclasses.replace(FAST, epochs=6), bars(), out, resume=True)
    assert len(again.history) == 7
    assert (out / "checkpoint.safetensors").read_bytes() == before


def test_a_diverging_loss_names_the_learning_rate(tmp_path):
    with pytest.raises(OntogymError, match=r"no longer finite in epoch \d+, at a learning rate of 1e\+06"):
        train(dataclasses.replace(FAST, lr=1e6, momentum=0.99, epochs=20), bars(), tmp_path)
    assert not (tmp_path / "network.safetensors").exists()


def test_images_that_do_not_fit(tmp_path):
    with pytest.raises(OntogymError, match="crop of 20 does not fit"):
        train(dataclasses.replace(FAST, crop=20), bars(), tmp_path / "a")
    with pytest.raises(OntogymError, match="too small for alexnet_bn"):
        train(dataclasses.replace(FAST, network="alexnet_bn"), bars(), tmp_path / "b")
    with pytest.raises(OntogymError, match="no films"):
        train(dataclasses.replace(FAST, method="simclr", positives="frames"), bars(), tmp_path / "c")
    with pytest.raises(OntogymError, match="device 'quantum'"):
        train(FAST, bars(), tmp_path / "d", device="quantum")
    assert list(tmp_path.iterdir()) == []


def test_fine_tuning_starts_from_the_weights_and_learns_faster(trained, tmp_path):
    out, _ = trained
    start = load_network(out)
    config = dataclasses.replace(FAST, epochs=0, network="resnet50", seed=3)
    result = train(config, bars(colour=True), tmp_path / "zero", start=start)
    tuned = load_network(tmp_path / "zero")
    assert result.facts["network"] == "small"  # what the start is counts
    filters = first_layer_filters(tuned.network)
    assert filters.shape[1] == 3
    torch.testing.assert_close(filters.sum(1), first_layer_filters(start.network)[:, 0])
    assert not torch.equal(tuned.network.fc.weight, start.network.fc.weight)
    one = dataclasses.replace(FAST, epochs=1, lr=0.01)
    warm, cold = (
        accuracies(train(one, bars(seed=5), tmp_path / name, start=begin))
        for name, begin in (("warm", start), ("cold", None))
    )
    assert warm[1] > cold[1] + 0.1


def test_the_probe_reads_out_what_training_put_in(trained):
    out, _ = trained
    images = bars(seed=7)
    probe = linear_probe(load_network(out).network, images, FAST)
    assert probe.accuracy > 0.8  # chance is a quarter
    assert (probe.features, probe.validation_images) == (96, 48)
    control = linear_probe(load_network(out).network, ShuffledLabels(images, 0), FAST)
    assert control.accuracy < 0.6
    with pytest.raises(OntogymError, match="too few"):
        linear_probe(load_network(out).network, bars(1), FAST)


def test_logistic_regression_against_its_own_optimality_condition():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 3))
    y = np.digitize(x[:, 0] + 0.5 * rng.standard_normal(60), [-0.5, 0.5])
    fitted = fit_logistic(x, y, 0.1)
    error = fitted.predict_proba(x) - np.eye(3)[y]
    assert np.abs(error.T @ x / 60 + 0.1 * fitted.coef_).max() < 2e-4
    assert np.abs(error.mean(0)).max() < 2e-4


def test_a_probe_without_scikit_learn_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(OntogymError, match=r"pip install 'ontogym\[digits\]'"):
        fit_logistic(np.eye(2), np.arange(2), 0.1)


def test_contrastive_learning_tells_bars_apart_without_labels(tmp_path):
    """After SimCLR the probe is better than on the random network that it began as."""
    config = dataclasses.replace(FAST, method="simclr", epochs=8, batch=72, lr=0.05)
    result = train(config, bars(), tmp_path)
    losses = [row["validation_loss"] for row in result.history]
    assert losses[-1] < losses[0] - 0.2
    assert result.history[-1]["validation_accuracy"] is None
    network = load_network(tmp_path).network
    assert network(torch.zeros(1, 1, 14, 14)).shape == (1, 96)
    assert linear_probe(network, bars(seed=7), FAST).accuracy > 0.5


def films(movies: int = 6, frames: int = 20, size: int = 16) -> WaveMovies:
    """A square that wanders; the first two frames are black."""
    rng = np.random.default_rng(0)
    found = np.zeros((movies, frames, size, size), np.uint8)
    for film in found:
        row, column = rng.integers(0, size - 5, 2)
        for k in range(2, frames):
            film[k, row : row + 5, (column + k) % size : (column + k) % size + 5] = 255
    return WaveMovies(found)


def test_successive_frames_of_films_are_positives(tmp_path):
    movie = films()
    follows = movie.successor
    assert (follows[[0, 1]] == -1).all()  # black
    assert follows[2] == 3
    assert follows[15] == -1  # the last of training: 16 is validation
    assert follows[16] == 17
    assert follows[19] == -1  # the last of the film
    assert follows[-1] == -1
    np.testing.assert_array_equal(movie.labels[[19, 20]], [0, 1])
    np.testing.assert_array_equal(movie.train[:17], [*range(16), 20])
    config = dataclasses.replace(FAST, method="simclr", positives="frames", epochs=2)
    history = train(config, movie, tmp_path).history
    assert history[-1]["loss"] < history[1]["loss"]
    fewer = train(dataclasses.replace(config, epochs=1, train_size=20), movie, tmp_path / "fewer")
    assert fewer.facts["train_images"] == 20


def test_frames_alone_are_compared_as_they_are(monkeypatch):
    movie = films()
    config = dataclasses.replace(FAST, method="simclr", positives="frames-alone", mean=(0.0,), sd=(1.0,))
    run = Learner(config, movie, None, torch.device("cpu"))
    seen = []
    monkeypatch.setattr(run.module, "forward", lambda x: seen.append(x) or x.flatten(1))
    indices = np.array([5, 6])
    ((_, batch),) = run._batches(indices, config.positives)
    run._loss(indices, batch, torch.Generator())
    crop = movie.read(np.array([5, 6, 6, 7]))[:, None, 1:-1, 1:-1] / 255
    np.testing.assert_allclose(seen[0].numpy(), crop, atol=1e-6)


def test_films_are_recorded_frame_after_frame():
    movie = WaveMovies.record("ferret", movies=2, frames=40, size=16, radius=12, frame_ms=500)
    again = WaveMovies.record("ferret", movies=1, frames=40, size=16, radius=12, frame_ms=500)
    index = np.arange(40)
    np.testing.assert_array_equal(movie.read(index), again.read(index))
    assert not np.array_equal(movie.read(index), movie.read(index + 40))
    assert set(np.unique(movie.read(np.arange(80)))) == {0, 255}
    # A wave half a second later overlaps with what it was; one from another retina hardly.
    pairs = np.flatnonzero(movie.successor >= 0)
    assert len(pairs) > 5
    frames, following = movie.read(pairs) > 0, movie.read(movie.successor[pairs]) > 0
    assert (frames & following).mean() > 2 * frames.mean() * following.mean()
    with pytest.raises(OntogymError, match="did you mean 'ferret'"):
        WaveMovies.record("feret")


@pytest.mark.parametrize("spoil", ["header", "shape", "missing"])
def test_networks_that_are_not_what_they_say(tmp_path, spoil):
    network = build_network("small", 4, 1, seed=0)
    facts = {"network": "small", "classes": 4, "channels": 1, "small_stem": False}
    facts |= {"header": {"network": "huge"}, "shape": {"classes": 10**9}, "missing": {}}[spoil]
    if spoil == "missing":
        del facts["classes"]
    save_network(tmp_path / "network.safetensors", network, facts)
    with pytest.raises(OntogymError, match="does not hold the network"):
        load_network(tmp_path)
