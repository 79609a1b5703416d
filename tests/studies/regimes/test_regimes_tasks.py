"""Tasks: timing, cues, and that the right answer can be read off the inputs."""

from __future__ import annotations

import gzip
import sys

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.studies.regimes.model.tasks import TASKS, RowSequentialDigits, make_task

DECISIONS = ("perceptual-decision", "delay-match-sample", "context-decision")


def draw(name, trials=400):
    task = make_task(name)
    return task, task.draw(trials, np.random.default_rng(1))


@pytest.mark.parametrize("name", [n for n in TASKS if n != "digits"])
def test_shapes_seeds_and_classes(name):
    task, trials = draw(name, 50)
    assert trials.inputs.shape == (50, task.steps, task.inputs)
    assert trials.inputs.dtype == np.float32
    assert trials.targets.shape == (50, task.steps)
    assert 0 <= trials.targets.min() <= trials.targets.max() < task.outputs
    again = draw(name, 50)[1]
    np.testing.assert_array_equal(trials.inputs, again.inputs)
    assert task.accuracy(trials.targets, trials) == 1


@pytest.mark.parametrize("name", DECISIONS)
def test_fixation_until_the_decision(name):
    task, trials = draw(name)
    # 100 ms of fixation, 700 ms of periods (the specification's timings sum to that), 100 ms of decision.
    assert task.steps == 9
    assert (trials.inputs[:, :-1, 0] == 1).all()
    assert (trials.inputs[:, -1, 0] == 0).all()
    assert (trials.targets[:, :-1] == 0).all()
    assert set(trials.targets[:, -1]) == {1, 2}
    assert trials.targets[:, -1].mean() == pytest.approx(1.5, abs=0.1)


def test_stronger_evidence_tells_the_choice():
    _, trials = draw("perceptual-decision", 2000)
    evidence = trials.inputs[:, 1:8, 1:].mean(1)
    right = (evidence.argmax(1) + 1 == trials.targets[:, -1]).mean()
    # A fifth of the trials has no evidence; the best possible is about 0.89.
    assert 0.82 < right < 0.95


def test_match_is_match():
    _, trials = draw("delay-match-sample")
    sample, test = trials.inputs[:, 1, 1:].argmax(1), trials.inputs[:, 7, 1:].argmax(1)
    np.testing.assert_array_equal(1 + (sample != test), trials.targets[:, -1])
    assert not trials.inputs[:, 2:7, 1:].any()


def test_context_names_the_modality():
    _, trials = draw("context-decision", 2000)
    evidence = trials.inputs[:, 1:3, 1:5].mean(1).reshape(-1, 2, 2)
    context = trials.inputs[:, 0, 5:].argmax(1)
    rows = np.arange(len(context))
    for looked_at, low, high in ((context, 0.75, 1), (1 - context, 0.4, 0.6)):
        choice = evidence[rows, looked_at].argmax(1) + 1
        assert low < (choice == trials.targets[:, -1]).mean() < high


def test_test_digits_are_not_trained_on():
    images = np.arange(20.0)[:, None, None] * np.ones((20, 4, 3))
    task = RowSequentialDigits(images, np.arange(20) % 5)
    assert (task.steps, task.inputs, task.outputs) == (4, 3, 5)
    seen = set(task.draw(500, np.random.default_rng(0)).inputs[:, 0, 0])
    assert seen == set(range(15))
    assert set(task.test(100, np.random.default_rng(0)).inputs[:, 0, 0]) == set(range(15, 20))
    assert list(task.weights) == [0, 0, 1, 1]


def test_digits_without_scikit_learn_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(OntogymError, match=r"pip install 'ontogym\[digits\]'"):
        make_task("digits")


def write_idx(path, array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        file.write(head + array.astype(np.uint8).tobytes())


def test_mnist_files(tmp_path):
    for part, count, end in (("train", 12, ""), ("t10k", 2, ".gz")):
        images = np.random.default_rng(count).integers(0, 256, (count, 5, 4))
        write_idx(tmp_path / f"{part}-images-idx3-ubyte{end}", images)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte{end}", np.arange(count) % 10)
    task = make_task("digits", mnist=str(tmp_path))
    assert (task.steps, task.inputs, task.outputs) == (5, 4, 10)
    shown = task.test(2, np.random.default_rng(0))
    np.testing.assert_allclose(shown.inputs * 255, images, rtol=1e-6)
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(OntogymError, match="bytes instead of"):
        make_task("digits", mnist=str(tmp_path))
    file.write_bytes(b"PK")
    with pytest.raises(OntogymError, match="no idx file"):
        make_task("digits", mnist=str(tmp_path))
    file.unlink()
    with pytest.raises(OntogymError, match="There is no train-images"):
        make_task("digits", mnist=str(tmp_path))


def test_bad_names():
    with pytest.raises(OntogymError, match="did you mean 'synthetic'"):
        make_task("sinthetic")
    with pytest.raises(OntogymError, match="MNIST files are for"):
        make_task("synthetic", mnist="x")
