"""How an actor is trained: Adam, batches of 32, L2 on the kernels, decay and early stopping (Leong et al. 2024)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.retina_env.actor import Actor, ActorShape
from ontogym.retina_env.downsampling import upsample_nearest
from ontogym.retina_env.forward_model import poisson_loss
from ontogym.retina_env.images.arrays import check_images, split
from ontogym.retina_env.twin_fit import check_responses
from ontogym.retina_env.weights import frozen
from ontogym.seeding import generator, torch_generator

__all__ = ["ActorConfig", "LowResolution", "low_resolution", "train_actor"]

LowResolution = Callable[[Tensor], Tensor]
"""Low-resolution images ``(B, L, L)`` to rates ``(B, N)``."""


@dataclass(frozen=True)
class ActorConfig:
    """How an actor is trained. Sizes are in `ActorShape`.

    Attributes:
        l2: weight of the sum of squares of the kernels (the paper's best).
        learning_rate, batch: of Adam.
        epochs: the most epochs.
        patience: epochs without a better validation loss before the learning rate decays or training ends.
        decay: factor on the learning rate.
        decays: how often it decays before training ends.
        validation: part of the images that decides on decay and end.
    """

    l2: float = 0.1
    learning_rate: float = 2e-3
    batch: int = 32
    epochs: int = 1000
    patience: int = 2
    decay: float = 0.3
    decays: int = 1
    validation: float = 0.1

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if (
                not number
                or not np.isfinite(value)
                or value < 0
                or (part.type == "int" and value != int(value))
            ):
                raise OntogymError(f"{part.name} cannot be {value!r}; pass a number that is not negative.")
        if self.batch < 1 or self.epochs < 1 or self.patience < 1 or self.learning_rate <= 0:
            raise OntogymError("batch, epochs, patience and learning_rate must be positive.")
        if not 0 < self.validation < 1 or self.decay >= 1:
            raise OntogymError("validation and decay must be fractions below 1.")


def train_actor(
    twin: Any,
    images: Any,
    fold: int = 4,
    seed: int = 0,
    responses: Any = None,
    on_epoch: Callable[[int, float], None] | None = None,
    **settings: Any,
) -> Actor:
    """Train an actor through a frozen twin; less than a minute on one core, so it is not resumed.

    Args:
        twin: a `ForwardModel`, or any function of images ``(B, size, size)`` to rates ``(B, N)`` that torch can
            differentiate; or a list of such modules, an ensemble. It is not changed.
        images: ``(m, size, size)`` or ``(m, 1, size, size)`` floats in [0, 1].
        fold: how many times smaller the actor's images are.
        seed: decides the split, the first weights and the order of the images.
        responses: ``(m, N)``, what the retina answered to `images`: the paper's target. If not given, what the twin
            itself answers to them, which is the better one for anything that is to be shown to an animal: aimed at
            recordings, an actor learns to undo its twin's errors, which no animal shares.
        on_epoch: called with the number of epochs done and the validation loss.
        settings: fields of `ActorConfig`, or `kernels` and `kernel_size`.

    Returns:
        The actor with the best validation loss, in eval mode and frozen.
    """
    from ontogym.retina_env.retina import Ensemble

    twin = Ensemble(twin) if isinstance(twin, (list, tuple)) else twin
    return _train(twin, images, fold, seed, responses, on_epoch, settings)


def _train(
    twin: Any,
    images: Any,
    fold: int,
    seed: int,
    responses: Any,
    on_epoch: Callable[[int, float], None] | None,
    settings: Mapping[str, Any],
) -> Actor:
    """See `train_actor`."""
    start = time.process_time()
    x = np.asarray(images)
    x = check_images(x[:, 0] if x.ndim == 4 and x.shape[1] == 1 else x, getattr(twin, "size", None))
    if x.shape[1] != x.shape[2]:
        raise OntogymError(f"Actors see square images, not {x.shape[1:]}; cut patches.")
    config, sizes = _settings(settings)
    actor = Actor(
        ActorShape(fold=fold, size=x.shape[1], **sizes),
        image_mean=float(x.mean()),
        image_sd=max(float(x.std()), 1e-3),
        generator=torch_generator(seed, "actor", "weights"),
    )
    device = _device_of(twin)
    actor.to(device)
    y = _rates(twin, x, device) if responses is None else check_responses(responses, len(x))
    run = _Run(actor, low_resolution(twin, fold), x, y, config, seed)
    while not run.done:
        run.epoch()
        if on_epoch is not None:
            on_epoch(len(run.history), run.history[-1])
    actor.to("cpu").load_state_dict(run.best)
    actor.facts = {
        "what": "actor",
        "seed": int(seed),
        "twin": getattr(twin, "facts", {}).get("retina_seed"),
        "images": len(x),
        "epochs": len(run.history),
        "validation_loss": round(run.best_loss, 6),
        "cpu_seconds": round(time.process_time() - start, 1),
        "config": asdict(config),
    }
    return frozen(actor)


def low_resolution(twin: Any, fold: int) -> LowResolution:
    """How `twin` answers to low-resolution images: its own fast way if it has one, else to them as blocks."""
    fast = getattr(twin, "forward_low", None)
    # With blocks of two pixels there is so little to save that the fast way is the slower one.
    if fast is not None and fold > 2:
        return lambda low: fast(low, fold)  # type: ignore[no-any-return]
    return lambda low: twin(upsample_nearest(low, fold))  # type: ignore[no-any-return]


class _Run:
    """Weights, optimiser and what early stopping counts."""

    def __init__(
        self,
        actor: Actor,
        look: LowResolution,
        images: NDArray[np.float32],
        responses: NDArray[np.float32],
        config: ActorConfig,
        seed: int,
    ) -> None:
        parts = split(len(images), (1 - config.validation, config.validation, 0.0), seed)
        self.train_rows, self.validation_rows = parts.train, parts.validation
        if not len(self.train_rows) or not len(self.validation_rows):
            raise OntogymError(f"{len(images)} images are too few to train an actor; pass 20 or more.")
        self.actor, self.look, self.config, self.seed = actor, look, config, seed
        with torch.no_grad():
            self.tiles = actor.to_tiles(torch.from_numpy(images)[:, None].to(actor.grey.device))
        self.counts = torch.from_numpy(responses).to(actor.grey.device)
        self.optimiser = torch.optim.Adam(actor.parameters(), lr=config.learning_rate)
        self.history: list[float] = []
        self.rate, self.wait, self.decays = config.learning_rate, 0, 0
        self.best_loss, self.best = float("inf"), _state(actor)

    @property
    def done(self) -> bool:
        """Whether patience or epochs are used up."""
        tired = self.wait >= self.config.patience and self.decays >= self.config.decays
        return tired or len(self.history) >= self.config.epochs

    def epoch(self) -> None:
        """One pass over the training images, then validation."""
        if self.wait >= self.config.patience:
            self._decay()
        order = generator(self.seed, "actor", "epoch", len(self.history)).permutation(self.train_rows)
        for rows in np.array_split(order, -(-len(order) // self.config.batch)):
            self._batch(rows)
        loss = self._loss_on(self.validation_rows)
        self.history.append(loss)
        if loss < self.best_loss:
            self.best_loss, self.best, self.wait = loss, _state(self.actor), 0
        else:
            self.wait += 1

    def _decay(self) -> None:
        self.rate, self.decays, self.wait = self.rate * self.config.decay, self.decays + 1, 0
        # On from the best weights: a smaller step from a worse place only finds the way back.
        self.actor.load_state_dict(self.best)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate

    def _batch(self, rows: NDArray[np.int64]) -> None:
        loss = poisson_loss(self.look(self.actor.from_tiles(self.tiles[rows])[:, 0]), self.counts[rows])
        penalty = self.config.l2 * (self.actor.kernels**2).sum()
        self.optimiser.zero_grad(set_to_none=True)
        (loss + penalty).backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        if not torch.isfinite(loss):
            raise OntogymError("The actor's loss is no longer finite; choose a smaller learning rate.")

    @torch.no_grad()
    def _loss_on(self, rows: NDArray[np.int64]) -> float:
        """Poisson loss without the penalty."""
        chunks = [rows[k : k + 64] for k in range(0, len(rows), 64)]
        rates = torch.cat([self.look(self.actor.from_tiles(self.tiles[part])[:, 0]) for part in chunks])
        return float(poisson_loss(rates, self.counts[rows]))


def _state(actor: Actor) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in actor.state_dict().items()}


def _device_of(twin: Any) -> torch.device:
    """Where the twin is; an actor is trained there, and comes back to the CPU."""
    parts = [*twin.parameters(), *twin.buffers()] if isinstance(twin, torch.nn.Module) else []
    return parts[0].device if parts else torch.device("cpu")


@torch.no_grad()
def _rates(twin: Any, images: NDArray[np.float32], device: torch.device) -> NDArray[np.float32]:
    parts = [twin(part.to(device)) for part in torch.from_numpy(images).split(64)]
    return np.asarray(torch.cat(parts).detach().cpu().numpy(), dtype=np.float32)


def _settings(settings: Mapping[str, Any]) -> tuple[ActorConfig, dict[str, int]]:
    """Settings apart: how to train, and sizes."""
    sizes = {name: settings[name] for name in ("kernels", "kernel_size") if name in settings}
    known = [part.name for part in fields(ActorConfig)]
    rest = {name: value for name, value in settings.items() if name not in sizes}
    for name in rest:
        if name not in known:
            raise UnknownNameError("setting", name, [*known, "kernels", "kernel_size"])
    return ActorConfig(**rest), sizes
