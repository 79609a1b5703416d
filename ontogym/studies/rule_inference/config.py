"""What an inference takes; light to import, since the command line does."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ontogym.errors import OntogymError, UnknownNameError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ontogym.studies.rule_inference.model.fitting import FitConfig

__all__ = ["EPOCHS", "InferenceConfig"]


EPOCHS = {"dnn": 140, "gru": 200}
"""Passes over data that are `USUAL` steps of Adam, if not told otherwise; a GRU takes longer to find what errors do
(benchmarks/inference_recovery.py)."""
USUAL = 4
LEAST = 20


@dataclass(frozen=True)
class InferenceConfig:
    """Which learning rule explains the choices of learning animals (arXiv 2509.04661).

    Attributes:
        simulate: infer from simulated animals that learn by reinforce, reinforce-baseline, predict-max, reward-max or
            reinforce-history, and see whether that rule is found.
        data: or from a file: a trials table of the IBL (.csv, .parquet, .npz), psytrack's .npz or ibllib's .pickle.
        models: of the weight update: dnn (sees the trial), gru (remembers trials too), or both.
        folds: groups of animals that are held out in turn (of sessions, if there is one animal).
        seed: of simulation, folds and fits.
        animals: to simulate (1000 in the paper).
        trials: of each simulated animal.
        epochs: passes over the animals; if not given, 140 (dnn) or 200 (gru) where a pass is 4 steps of Adam (40 animals of 500 trials),
            in proportion fewer where it is more, at least 20.
        batch: animals in a step of Adam.
        learning_rate: of Adam at the start; it falls to 0 as a cosine.
        weight_sd: SD of the normal prior on the network's weights, which keeps chance out; 0 for none.
        validation: share of the training animals (sessions) that decides when to stop, in the second half of the epochs;
            0 lets the prior do.
        hidden: units in each layer.
        truncation: trials after which back-propagation through time is cut.
        round_trip: let agents choose by the inferred rule, infer theirs, and compare the two.
    """

    simulate: str | None = None
    data: str | None = None
    models: tuple[str, ...] = ("dnn", "gru")
    folds: int = 5
    seed: int = 0
    animals: int = 300
    trials: int = 500
    epochs: int | None = None
    batch: int = 10
    learning_rate: float = 0.01
    weight_sd: float = 0.45
    validation: float = 0.0
    hidden: int = 32
    truncation: int = 500
    round_trip: bool = False

    def check(self) -> None:
        """Raise OntogymError for what cannot be, before anything is fitted or written."""
        from ontogym.developmental.rules.inferred.network import KINDS
        from ontogym.studies.rule_inference.model.simulate import SIMULATED

        if (self.simulate is None) == (self.data is None):
            raise OntogymError("Say what to infer from: --simulate RULE or --data FILE, one of the two.")
        if self.simulate is not None and self.simulate not in SIMULATED:
            raise UnknownNameError("simulated rule", self.simulate, SIMULATED)
        if self.data is not None and not Path(self.data).is_file():
            folder = Path(self.data).is_dir()
            raise OntogymError(
                f"{self.data} is a folder; name one table of trials in it."
                if folder
                else f"There is no file {self.data}; check the path."
            )
        for model in self.models:
            if model not in KINDS:
                raise UnknownNameError("update model", model, KINDS)
        if not self.models or len(set(self.models)) != len(self.models):
            raise OntogymError("Name one or more different models: --models dnn gru.")
        if self.folds < 2:
            raise OntogymError(f"{self.folds} fold(s) hold nothing out; ask for 2 or more.")
        if not 0 <= self.validation < 1:
            raise OntogymError(f"validation is {self.validation}; give a share from 0 to below 1.")
        if self.simulate is not None and (self.animals < self.folds or self.trials < 2):
            raise OntogymError(
                f"{self.animals} animals of {self.trials} trials are too few for {self.folds} folds; simulate at least "
                "one animal a fold, of 2 trials."
            )

        for model in self.models:
            self.fit(model).network  # noqa: B018 (raises for sizes that cannot be)

    def fit(self, kind: str, lengths: NDArray[np.integer] | None = None) -> FitConfig:
        """How one network is fitted to animals of so many trials, ``(A,)``; to `USUAL` steps of Adam a pass if not given."""
        from ontogym.studies.rule_inference.model.fitting import FitConfig

        same = ("hidden", "batch", "learning_rate", "truncation", "weight_sd", "seed")
        epochs, steps = self.epochs, float(USUAL)
        if lengths is not None:  # each step as full as it can be
            steps = max(1.0, float(lengths.sum()) / (min(self.batch, len(lengths)) * self.truncation))
        if epochs is None:
            epochs = min(EPOCHS[kind], max(LEAST, round(EPOCHS[kind] * USUAL / steps)))
        return FitConfig(kind, epochs=epochs, **{name: getattr(self, name) for name in same})

    @property
    def source(self) -> str:
        """In a word, for titles and folders."""
        return self.simulate or Path(str(self.data)).stem

    def fixed(self) -> dict[str, Any]:
        """What two runs must have in common for one to go on with the other: all but what is made of the fits."""
        return {k: v for k, v in dataclasses.asdict(self).items() if k not in ("models", "round_trip")}
