"""One run of fitting a twin: its settings, its state after each epoch, and how that is written and read."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym import checkpoint as files
from ontogym.errors import OntogymError
from ontogym.retina_env.forward_model import ForwardModel, TwinShape, poisson_loss
from ontogym.retina_env.images.arrays import split
from ontogym.retina_env.measures import neuronal_reliability
from ontogym.retina_env.readout_start import start_readout
from ontogym.seeding import generator, torch_generator

__all__ = ["FitConfig", "TrainingRun"]

_KIND = "twin training"


@dataclass(frozen=True)
class FitConfig:
    """How a twin is fitted. Sizes of the model are in `TwinShape`.

    Attributes:
        laplacian, spatial_l1, feature_l1: weights of the penalties, the paper's best.
        learning_rate, batch: of Adam.
        spatial_rate: learning rate of the spatial weights as a factor on that of the others. There are a thousand
            of them a neuron, nearly all zero, and at the full rate their jitter is most of the error.
        epochs: the most epochs.
        patience: epochs without a better validation loss before the learning rate decays or training ends.
        decay: factor on the learning rate.
        decays: how often it decays before training ends.
        fractions: train, validation and test part of the images.
        seed: decides the split, the initial weights and the order of the images.
    """

    laplacian: float = 0.0033
    spatial_l1: float = 0.00278
    feature_l1: float = 1.34e-6
    learning_rate: float = 1e-3
    spatial_rate: float = 0.2
    batch: int = 32
    epochs: int = 1000
    patience: int = 8
    decay: float = 0.3
    decays: int = 2
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if part.name in ("fractions", "seed"):
                continue
            if not np.isfinite(value) or value < (part.name in ("batch", "epochs", "patience")):
                raise OntogymError(f"{part.name} must be a positive number, not {value!r}.")
        if not 0 < self.decay <= 1:
            raise OntogymError(f"The learning rate decays by a factor from 0 to 1, not {self.decay!r}.")


class TrainingRun:
    """The state of a run: after each epoch it can be written, and read again."""

    def __init__(
        self, images: NDArray[np.float32], responses: NDArray[np.float32], shape: TwinShape, config: FitConfig
    ) -> None:
        self.config, self.shape = config, shape
        self.parts = split(len(images), config.fractions, config.seed)
        x, y = torch.from_numpy(images), torch.from_numpy(responses)
        known = images[self.parts.train]
        mean, sd = float(known.mean(dtype=np.float64)), float(known.std(dtype=np.float64))
        if sd == 0:
            raise OntogymError("The training images are all of one grey; a twin needs something to see.")
        self.twin = ForwardModel(shape, mean, sd, torch_generator(config.seed, "twin", "weights"))
        others = [p for p in self.twin.parameters() if p is not self.twin.spatial]
        self.optimiser = torch.optim.Adam([{"params": others}, {"params": [self.twin.spatial]}])
        self.counts = y
        with torch.no_grad():
            start_readout(self.twin, x[self.parts.train], y[self.parts.train])
            self.spectra = self.twin.spectrum(x)
        self.history: list[tuple[float, float, float]] = []
        self.rate, self.wait, self.decays = config.learning_rate, 0, 0
        self.best_loss, self.best = float("inf"), _state(self.twin)
        self.fingerprint = _fingerprint(images, responses)

    @property
    def done(self) -> bool:
        """Whether patience or epochs are used up."""
        out_of_patience = self.wait >= self.config.patience and self.decays >= self.config.decays
        return out_of_patience or len(self.history) >= self.config.epochs

    def epoch(self) -> None:
        """One pass over the training images, then validation, decay and stopping."""
        self._decay_if_due()
        order = generator(self.config.seed, "twin", "epoch", len(self.history)).permutation(self.parts.train)
        self.twin.train()
        losses = [self._batch(rows) for rows in np.array_split(order, -(-len(order) // self.config.batch))]
        loss = self.loss_on(self.parts.validation)
        self.history.append((float(np.mean(losses)), loss, self.rate))
        if loss < self.best_loss:
            self.best_loss, self.best, self.wait = loss, _state(self.twin), 0
        else:
            self.wait += 1

    def _decay_if_due(self) -> None:
        if self.wait >= self.config.patience:
            self.rate, self.decays, self.wait = self.rate * self.config.decay, self.decays + 1, 0
        for group, factor in zip(self.optimiser.param_groups, (1.0, self.config.spatial_rate)):
            group["lr"] = factor * self.rate

    def _batch(self, rows: NDArray[np.int64]) -> float:
        c, twin = self.config, self.twin
        loss = poisson_loss(twin.readout(twin.convolve(self.spectra[rows])), self.counts[rows])
        penalty = c.laplacian * twin.laplacian_penalty()
        penalty = penalty + c.spatial_l1 * twin.spatial.abs().sum() + c.feature_l1 * twin.feature.abs().sum()
        self.optimiser.zero_grad(set_to_none=True)
        (loss + penalty).backward()
        self.optimiser.step()
        if not torch.isfinite(loss):
            raise OntogymError("The twin's loss is no longer finite; choose a smaller learning rate.")
        return float(loss.detach())

    @torch.no_grad()
    def predict(self, rows: NDArray[np.int64]) -> Tensor:
        """Rates ``(len(rows), N)`` in eval mode."""
        self.twin.eval()
        parts = [self.spectra[rows[k : k + 64]] for k in range(0, len(rows), 64)]
        return torch.cat([self.twin.readout(self.twin.convolve(part)) for part in parts])

    def loss_on(self, rows: NDArray[np.int64]) -> float:
        """Poisson loss without penalties."""
        return float(poisson_loss(self.predict(rows), self.counts[rows]))

    def finish(self) -> NDArray[np.float64]:
        """Go back to the best model; returns its squared Pearson ``(N,)`` on the test images."""
        self.twin.load_state_dict({name: torch.from_numpy(v.copy()) for name, v in self.best.items()})
        self.twin.eval()
        rows = self.parts.test
        if len(rows) < 2:
            return np.zeros(0)
        return neuronal_reliability(self.predict(rows).numpy(), self.counts[rows].numpy())

    def save(self, path: Path | str) -> None:
        """Write everything that the next epoch depends on."""
        arrays = {f"twin/{k}": v for k, v in _state(self.twin).items()}
        arrays |= {f"best/{k}": v for k, v in self.best.items()}
        for k, moments in self.optimiser.state_dict()["state"].items():
            arrays |= {f"adam/{k}/{name}": v.numpy() for name, v in moments.items()}
        arrays["history"] = np.array(self.history, dtype=np.float64)
        arrays["progress"] = np.array([self.rate, self.wait, self.decays, self.best_loss])
        files.save(path, _KIND, arrays, self._identity())

    def load(self, path: Path | str) -> None:
        """Read what `save` wrote for the same data, shape and configuration."""
        arrays, meta = files.load(path, _KIND)
        if meta != self._identity():
            raise OntogymError(
                f"{path} belongs to other images, responses or settings; resume with its own or start anew."
            )
        try:
            self._restore(arrays)
        except (KeyError, RuntimeError, ValueError, IndexError) as error:
            raise OntogymError(f"{path} is damaged ({error}); start the fit anew.") from error

    def _restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        groups: dict[str, dict[str, NDArray[Any]]] = {}
        for name, value in arrays.items():
            group, _, key = name.partition("/")
            groups.setdefault(group, {})[key] = value
        for name in ("best", "twin"):
            self.twin.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in groups[name].items()})
        self.best = {k: v.copy() for k, v in groups["best"].items()}
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in groups["adam"].items():
            k, _, moment = name.partition("/")
            state.setdefault(int(k), {})[moment] = torch.from_numpy(value.copy())
        settings = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": settings})
        self.history = [(float(a), float(b), float(c)) for a, b, c in groups["history"][""]]
        rate, wait, decays, loss = (float(value) for value in groups["progress"][""])
        self.rate, self.wait, self.decays, self.best_loss = rate, int(wait), int(decays), loss

    def _identity(self) -> dict[str, Any]:
        # The most epochs is no part of it: a run that ended there may be given more.
        config = {k: v for k, v in asdict(self.config).items() if k not in ("epochs", "fractions")}
        config["fractions"] = list(self.config.fractions)
        return {"config": config, "shape": asdict(self.shape), "data": self.fingerprint}


def _state(twin: ForwardModel) -> dict[str, NDArray[Any]]:
    """Parameters and buffers as copies."""
    return {name: value.detach().cpu().numpy().copy() for name, value in twin.state_dict().items()}


def _fingerprint(*arrays: NDArray[Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
