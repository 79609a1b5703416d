"""Trials to train rate networks on: two-choice decisions and row-by-row digits, in batches.

The decision tasks follow NeuroGym's tasks of the same names (Molano-Mazon et al. 2022) with the timings of
arXiv 2310.08513, in steps of 100 ms. A trial is fixation (100 ms), then the periods that each task lists. Channel 0 is
the fixation cue (1 until the decision); stimuli carry normal noise of deviation 0.1 per step. Classes: 0 fixate (at
every step before the decision), 1 and 2 the choices.

Axes: ``B`` trials, ``T`` steps, ``I`` channels.
"""

from __future__ import annotations

import abc
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.studies.digits import read_mnist, sklearn_digits

__all__ = [
    "TASKS",
    "ContextDecisionMaking",
    "DelayMatchSample",
    "PerceptualDecisionMaking",
    "RowSequentialDigits",
    "Task",
    "Trials",
    "make_task",
]

DT_MS = 100
NOISE = 0.1
"""NeuroGym's sigma = 1 over the square root of dt in ms."""


class Trials(NamedTuple):
    """``inputs`` (B, T, I) float32, ``targets`` (B, T) int64."""

    inputs: NDArray[np.float32]
    targets: NDArray[np.int64]


class Task(abc.ABC):
    """A source of trials.

    Attributes:
        name: its key.
        inputs, outputs, steps: I, number of classes, T.
        weights: (T,), how much each step counts in the loss.
        held_out: whether test trials are others than the training trials of a fixed set.
    """

    name: ClassVar[str]
    inputs: int
    outputs: int
    steps: int
    weights: NDArray[np.float32]
    held_out: bool = False

    @abc.abstractmethod
    def draw(self, trials: int, generator: np.random.Generator) -> Trials:
        """A batch of training trials."""

    def test(self, trials: int, generator: np.random.Generator) -> Trials:
        """Trials to test on; fresh ones unless the set is fixed."""
        return self.draw(trials, generator)

    def accuracy(self, choices: NDArray[np.integer], trials: Trials) -> float:
        """Share of right choices ``(B, T)`` at the last step, the decision."""
        return float((choices[:, -1] == trials.targets[:, -1]).mean())


class _DecisionTask(Task):
    """Fixation, periods, decision of one step.

    Attributes:
        periods_ms: name and length of the periods between fixation and decision.
    """

    outputs = 3
    periods_ms: ClassVar[dict[str, int]]
    fixation_ms: ClassVar[int] = 100
    decision_ms: ClassVar[int] = 100

    def __init__(self) -> None:
        starts, at = {}, self.fixation_ms // DT_MS
        for period, length_ms in self.periods_ms.items():
            starts[period] = slice(at, at + length_ms // DT_MS)
            at = starts[period].stop
        self._periods = starts
        self.steps = at + self.decision_ms // DT_MS
        self.weights = np.ones(self.steps, np.float32)

    def _trials(self, inputs: NDArray[np.floating], choice: NDArray[np.integer]) -> Trials:
        """Complete inputs (cue) and targets: fixate, then `choice` 0 or 1."""
        before = self.steps - self.decision_ms // DT_MS
        inputs[:, :before, 0] = 1.0
        targets = np.zeros(inputs.shape[:2], np.int64)
        targets[:, before:] = 1 + choice[:, None]
        return Trials(inputs.astype(np.float32), targets)

    def _show(
        self, inputs: NDArray[np.floating], period: str, channels: slice, values: NDArray[np.floating],
        generator: np.random.Generator,
    ) -> None:  # fmt: skip
        """Put `values` (B, channels) with noise into a period."""
        shown = inputs[:, self._periods[period], channels]
        shown += values[:, None] + NOISE * generator.standard_normal(shown.shape)


class PerceptualDecisionMaking(_DecisionTask):
    """Which of two noisy stimuli is stronger? Stimulus 700 ms, decision 100 ms; 9 steps, 3 channels.

    Evidence: (1 ± c / 100) / 2 on the two channels, coherence c in {0, 6.4, 12.8, 25.6, 51.2}; at 0 the right choice is
    drawn, and the best possible accuracy is below 1.
    """

    name = "perceptual-decision"
    inputs = 3
    periods_ms: ClassVar[dict[str, int]] = {"stimulus": 700}
    coherences = (0.0, 6.4, 12.8, 25.6, 51.2)

    def draw(self, trials: int, generator: np.random.Generator) -> Trials:
        choice = generator.integers(0, 2, trials)
        c = generator.choice(self.coherences, trials) * np.where(choice == 0, 1.0, -1.0)
        inputs = np.zeros((trials, self.steps, self.inputs))
        self._show(inputs, "stimulus", slice(1, 3), _evidence(c), generator)
        return self._trials(inputs, choice)


class DelayMatchSample(_DecisionTask):
    """Is the test the sample? Sample 100 ms, delay 500, test 100, decision 100; 9 steps, 3 channels.

    A stimulus is one of two directions: 1 on its own channel, 0 on the other. Class 1 is match, 2 is not.
    """

    name = "delay-match-sample"
    inputs = 3
    periods_ms: ClassVar[dict[str, int]] = {"sample": 100, "delay": 500, "test": 100}

    def draw(self, trials: int, generator: np.random.Generator) -> Trials:
        sample, differs = generator.integers(0, 2, (2, trials))
        inputs = np.zeros((trials, self.steps, self.inputs))
        for period, direction in (("sample", sample), ("test", sample ^ differs)):
            self._show(inputs, period, slice(1, 3), np.eye(2)[direction], generator)
        return self._trials(inputs, differs)


class ContextDecisionMaking(_DecisionTask):
    """Which stimulus is stronger in the modality that the context names? Stimulus 200 ms, delay 500, decision 100.

    9 steps, 7 channels: cue, two stimuli of modality 1, two of modality 2, and the context (one-hot, throughout).
    Coherences {5, 15, 50}, independent in the two modalities.
    """

    name = "context-decision"
    inputs = 7
    periods_ms: ClassVar[dict[str, int]] = {"stimulus": 200, "delay": 500}
    coherences = (5.0, 15.0, 50.0)

    def draw(self, trials: int, generator: np.random.Generator) -> Trials:
        context = generator.integers(0, 2, trials)
        side = generator.integers(0, 2, (2, trials))
        inputs = np.zeros((trials, self.steps, self.inputs))
        for modality in range(2):
            c = generator.choice(self.coherences, trials) * (1 - 2 * side[modality])
            first = 1 + 2 * modality
            self._show(inputs, "stimulus", slice(first, first + 2), _evidence(c), generator)
        inputs[:, :, 5:] = np.eye(2)[context][:, None]
        return self._trials(inputs, side[context, np.arange(trials)])


class RowSequentialDigits(Task):
    """Digits shown row by row, one row a step; the class counts at every step from the middle row on.

    Args:
        images: (images, rows, columns) in [0, 1], and their classes (images,). Default: scikit-learn's 8 x 8 digits.
        labels: as above.
        test_share: of the images, the last ones, that are kept for testing.

    Training draws with replacement; `test` gives the first kept images, none twice.
    """

    name = "digits"
    held_out = True

    def __init__(
        self,
        images: NDArray[np.floating] | None = None,
        labels: NDArray[np.integer] | None = None,
        test_share: float = 0.25,
    ) -> None:
        if images is None or labels is None:
            images, labels = sklearn_digits()
            images = images / 16
        if images.ndim != 3 or len(images) != len(labels) or len(images) < 4:
            raise OntogymError(
                f"Images of shape {images.shape} and {len(labels)} labels do not fit; give (images, rows, columns) "
                "and one label each."
            )
        train = len(images) - max(1, round(test_share * len(images)))
        self._train, self._test = slice(0, train), slice(train, None)
        self._images, self._labels = images.astype(np.float32), labels.astype(np.int64)
        self.steps, self.inputs = images.shape[1:]
        self.outputs = int(labels.max()) + 1
        self.weights = (np.arange(self.steps) >= self.steps // 2).astype(np.float32)

    def draw(self, trials: int, generator: np.random.Generator) -> Trials:
        rows = generator.integers(self._train.start, self._train.stop, trials)
        return self._of(self._images[rows], self._labels[rows])

    def train_set(self) -> Trials:
        """All training trials."""
        return self._of(self._images[self._train], self._labels[self._train])

    def test(self, trials: int, generator: np.random.Generator) -> Trials:
        return self._of(self._images[self._test][:trials], self._labels[self._test][:trials])

    def _of(self, images: NDArray[np.float32], labels: NDArray[np.int64]) -> Trials:
        return Trials(images, np.repeat(labels[:, None], self.steps, 1))


class SyntheticSequences(RowSequentialDigits):
    """Noisy templates of 12 steps and 8 channels, 10 classes: stands in for digits where none are at hand.

    Each class is a random template (normal, deviation 0.5); an example adds normal noise of deviation `noise`.

    Args:
        examples: how many, a quarter of them for testing.
        noise: deviation of an example from its template.
        seed: of the set.
    """

    name = "synthetic"

    def __init__(self, examples: int = 1200, noise: float = 0.25, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        templates = 0.5 * generator.standard_normal((10, 12, 8))
        labels = generator.integers(0, 10, examples)
        super().__init__(templates[labels] + noise * generator.standard_normal((examples, 12, 8)), labels)


TASKS: dict[str, type[Task]] = {
    kind.name: kind
    for kind in (
        PerceptualDecisionMaking,
        DelayMatchSample,
        ContextDecisionMaking,
        RowSequentialDigits,
        SyntheticSequences,
    )
}


def make_task(name: str, mnist: str | None = None) -> Task:
    """A task by its name.

    Args:
        name: one of `TASKS`.
        mnist: folder with MNIST's idx files, for "digits" in place of scikit-learn's.

    Raises:
        OntogymError: an unknown name; digits without scikit-learn; damaged files.
    """
    if name not in TASKS:
        raise UnknownNameError("task", name, TASKS)
    if mnist is not None:
        if name != "digits":
            raise OntogymError(f"MNIST files are for the task 'digits', not {name!r}; leave them out.")
        images, labels, test_images, test_labels = read_mnist(mnist)
        if images.shape[1:] != test_images.shape[1:]:
            raise OntogymError(f"Training and test images in {mnist} differ in size; download them again.")
        both = np.concatenate([images, test_images]) / np.float32(255)
        share = len(test_images) / len(both)
        return RowSequentialDigits(both, np.concatenate([labels, test_labels]), share)
    return TASKS[name]()


def _evidence(coherence: NDArray[np.floating]) -> NDArray[np.floating]:
    """Mean of the two channels, (B, 2)."""
    return np.stack([1 + coherence / 100, 1 - coherence / 100], 1) / 2
