"""The network, optimiser and images of one run: what an epoch is.

All chance of an epoch (order, crops, views, dropout) comes from the seed and the epoch's number, so a checkpoint need
not carry the state of any generator: a resumed run draws what the uninterrupted one would have.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ontogym.developmental.feature_extractors.networks import build_network, match_channels, replace_head
from ontogym.developmental.feature_extractors.saved_network import SavedNetwork
from ontogym.errors import OntogymError
from ontogym.seeding import derive, generator, torch_generator
from ontogym.studies.wave_pretraining import augment
from ontogym.studies.wave_pretraining.images import Images
from ontogym.studies.wave_pretraining.schedule import TrainingConfig
from ontogym.studies.wave_pretraining.simclr import SimCLR, nt_xent

__all__ = ["Learner", "input_sizes", "pick_device"]


def pick_device(name: str) -> torch.device:
    """The device called `name`; auto is a GPU if there is one.

    Raises:
        OntogymError: torch does not know it, or it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(1, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError) as error:
        first = str(error).partition("\n")[0]
        raise OntogymError(f"The device {name!r} cannot be used ({first}); pass cpu or auto.") from error


def input_sizes(config: TrainingConfig, images: Images) -> tuple[int, int]:
    """Pixels of the shorter side before and after the crop.

    Raises:
        OntogymError: the crop is larger than the images.
    """
    before = config.resize or min(images.read(images.train[:1]).shape[1:3])
    crop = config.crop or round(before * 7 / 8)
    if crop > before:
        raise OntogymError(
            f"A crop of {crop} does not fit into images of {before} pixels; pass a smaller one."
        )
    return before, crop


class Learner:
    """Learns epoch by epoch; knows no folders.

    Args:
        config: see `TrainingConfig`.
        images: what to learn.
        start: weights to start from, under a new head; None for random ones.
        device: where.

    Raises:
        OntogymError: images too small for the network or the crop.
    """

    def __init__(
        self, config: TrainingConfig, images: Images, start: SavedNetwork | None, device: torch.device
    ) -> None:
        self.config, self.images, self.device = config, images, device
        self.before, self.crop = input_sizes(config, images)
        self.channels = config.channels or max(start.facts["channels"] if start else 1, images.channels)
        self.network = self._network(start)
        seed = derive(config.seed, "projection")
        module = SimCLR(self.network, seed=seed) if config.method == "simclr" else self.network
        # Half again as fast as the usual order, on a CPU too.
        self.module: nn.Module = module.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.SGD(
            self.module.parameters(), config.lr, config.momentum, weight_decay=config.weight_decay
        )
        self._try_out()

    def _network(self, start: SavedNetwork | None) -> nn.Module:
        config = self.config
        if start is None:
            return build_network(
                config.network,
                self.images.classes,
                self.channels,
                config.small_stem,
                derive(config.seed, "network"),
            )
        network = match_channels(start.network, self.channels)
        return replace_head(network, self.images.classes, derive(config.seed, "head"))

    def _try_out(self) -> None:
        """One pass of nothing, so that images too small for the network are a sentence and not a traceback."""
        try:
            with torch.no_grad():
                self.module.eval()(torch.zeros(1, self.channels, self.crop, self.crop, device=self.device))
        except RuntimeError as error:
            raise OntogymError(
                f"Images of {self.crop} pixels are too small for {self.config.network}; pass a larger --resize or "
                "--small-stem."
            ) from error

    def facts(self) -> dict[str, Any]:
        """What the network is, and how it came about; see `SavedNetwork`."""
        classes = 0 if self.config.method == "simclr" else self.images.classes
        return {
            "network": self.config.network,
            "classes": classes,
            "channels": self.channels,
            "small_stem": self.config.small_stem,
            "parameters": sum(p.numel() for p in self.network.parameters()),
            "data": self.images.name,
            "train_images": len(self.images.train),
            "validation_images": len(self.images.validation),
            "input_size": self.before,
            "crop": self.crop,
            "device": str(self.device),
            "training": self.config.as_json(),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Weights and momentum."""
        found = {f"weights/{k}": v for k, v in self.module.state_dict().items()}
        for name, parameter in self.module.named_parameters():
            buffer = self.optimiser.state.get(parameter, {}).get("momentum_buffer")
            if buffer is not None:
                found[f"momentum/{name}"] = buffer
        return {k: v.detach().cpu().numpy() for k, v in found.items()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of `arrays`."""
        weights = {k.partition("/")[2]: v for k, v in arrays.items() if k.startswith("weights/")}
        try:
            self.module.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
        except RuntimeError as error:
            raise OntogymError("The checkpoint does not fit this network; choose another --out.") from error
        for name, parameter in self.module.named_parameters():
            if f"momentum/{name}" in arrays:
                buffer = torch.from_numpy(arrays[f"momentum/{name}"]).to(parameter)
                # As the optimiser would have made it: in the parameter's own memory order.
                self.optimiser.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(buffer)

    def learn(self, epoch: int, tick: Any) -> dict[str, float | None]:
        """One pass over the training images; mean loss and accuracy as it went on.

        Raises:
            OntogymError: the loss is no longer finite.
        """
        config = self.config
        for group in self.optimiser.param_groups:
            group["lr"] = config.lr_at(epoch)
        draws = torch_generator(config.seed, "augmentation", epoch)
        self.module.train()
        total = correct = seen = 0.0
        cuda = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda):
            torch.manual_seed(derive(config.seed, "dropout", epoch))
            for indices, batch in self._batches(self.order(epoch), config.positives):
                loss, hits = self._loss(indices, batch, draws)
                if not math.isfinite(value := float(loss.detach())):
                    raise OntogymError(
                        f"The loss is no longer finite in epoch {epoch}, at a learning rate of {config.lr_at(epoch):g}; "
                        f"start anew with a smaller one, for example --lr {config.lr / 10:g}."
                    )
                self.optimiser.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                self.optimiser.step()
                total, correct, seen = total + value * len(indices), correct + hits, seen + len(indices)
                tick(len(indices))
        accuracy = None if config.method == "simclr" else correct / seen
        return {"loss": total / seen, "accuracy": accuracy}

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The training images in the order of an epoch."""
        order = generator(self.config.seed, "order", epoch).permutation(self.images.train)
        return self._with_successor(order)

    def _with_successor(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.config.method != "simclr" or self.config.positives == "views":
            return order
        return order[self.images.successor[order] >= 0]  # type: ignore[attr-defined]

    def _loss(
        self, indices: NDArray[np.int64], batch: Tensor, draws: torch.Generator
    ) -> tuple[Tensor, float]:
        config = self.config
        if config.method == "simclr":
            half = (batch, batch) if config.positives == "views" else batch.chunk(2)
            if config.positives == "frames-alone":
                views = [augment.centre_crop(part, self.crop).float() for part in half]
            else:
                views = [augment.random_view(part, self.crop, draws) for part in half]
            both = self.module(self._normal(torch.cat(views)))
            first, second = both.chunk(2)
            return nt_xent(first, second, config.temperature), 0.0
        batch = augment.random_crop(batch, self.crop, draws)
        batch = augment.random_flip(batch, draws) if config.flip else batch
        logits = self.module(self._normal(batch))
        labels = torch.from_numpy(self.images.labels[indices]).to(self.device)
        return F.cross_entropy(logits, labels), float((logits.detach().argmax(1) == labels).sum())

    def evaluate(self) -> dict[str, float | None]:
        """Loss and accuracy on the validation images; of SimCLR the loss, on views that are always the same."""
        config, order = self.config, self._with_successor(self.images.validation)
        if not len(order):
            return {"validation_loss": None, "validation_accuracy": None}
        draws = torch_generator(config.seed, "validation views")
        self.module.eval()
        total = correct = 0.0
        with torch.no_grad():
            for indices, batch in self._batches(order, config.positives):
                if config.method == "simclr":
                    loss, hits = self._loss(indices, batch, draws)
                else:
                    logits = self.module(self._normal(augment.centre_crop(batch, self.crop)))
                    labels = torch.from_numpy(self.images.labels[indices]).to(self.device)
                    loss, hits = F.cross_entropy(logits, labels), float((logits.argmax(1) == labels).sum())
                total, correct = total + float(loss) * len(indices), correct + hits
        accuracy = None if config.method == "simclr" else correct / len(order)
        if math.isnan(total):
            raise OntogymError(
                f"The loss on the validation images is not a number, at a learning rate of {config.lr:g}; start anew with a "
                f"smaller one, for example --lr {config.lr / 10:g}."
            )
        # A loss too large for JSON says no more than that it is large.
        return {"validation_loss": min(total / len(order), 1e30), "validation_accuracy": accuracy}

    def _normal(self, batch: Tensor) -> Tensor:
        batch = augment.normalise(batch, self.config.mean, self.config.sd)
        return batch.contiguous(memory_format=torch.channels_last)

    def _batches(
        self, order: NDArray[np.int64], positives: str
    ) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """Indices and their images, resized; the next batch is read while this one is learnt."""
        parts = np.array_split(order, math.ceil(len(order) / self.config.batch))
        pairs = self.config.method == "simclr" and positives != "views"

        def read(indices: NDArray[np.int64]) -> NDArray[np.uint8]:
            wanted = indices
            if pairs:
                wanted = np.concatenate([indices, self.images.successor[indices]])  # type: ignore[attr-defined]
            return self.images.read(wanted)

        with ThreadPoolExecutor(1) as reader:
            waiting = reader.submit(read, parts[0])
            for k, indices in enumerate(parts):
                found = waiting.result()
                if k + 1 < len(parts):
                    waiting = reader.submit(read, parts[k + 1])
                batch = augment.to_batch(found, self.channels).to(self.device)
                yield indices, augment.resize(batch, self.before)
