"""Training: supervised or contrastive, resumable to the bit, on a GPU if there is one.

All chance of an epoch (order, crops, views, dropout) comes from the seed and the epoch's number, so a checkpoint need
not carry the state of any generator: a resumed run draws what the uninterrupted one would have.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ontogym import checkpoint
from ontogym.developmental.pretraining import augment
from ontogym.developmental.pretraining.images import Images, ShuffledLabels, Subset, digest
from ontogym.developmental.pretraining.networks import build_network, match_channels, replace_head
from ontogym.developmental.pretraining.run_folder import TrainingFolder
from ontogym.developmental.pretraining.saved_network import NETWORK, SavedNetwork, save_network
from ontogym.developmental.pretraining.schedule import TrainingConfig
from ontogym.developmental.pretraining.simclr import SimCLR, nt_xent
from ontogym.errors import OntogymError
from ontogym.seeding import derive, generator, torch_generator

__all__ = ["TrainingResult", "input_sizes", "pick_device", "train"]


@dataclass(frozen=True)
class TrainingResult:
    """What a run found.

    Attributes:
        out: its folder.
        history: one row an epoch, from epoch 0 (before any step); keys are `run_folder.COLUMNS`.
        facts: the images, the network and its number of parameters, the device.
    """

    out: str
    history: list[dict[str, Any]]
    facts: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """JSON-able."""
        return dataclasses.asdict(self)


def train(
    config: TrainingConfig,
    images: Images,
    out: Path | str,
    start: SavedNetwork | None = None,
    resume: bool = False,
    progress: bool = False,
    device: str = "auto",
) -> TrainingResult:
    """Train a network and keep it in the folder `out`.

    Args:
        config: see `TrainingConfig`.
        images: what to train on.
        out: the run's folder; see `run_folder`.
        start: weights to start from, under a new head; None for random ones.
        resume: go on with an interrupted run; a finished one is returned as it is.
        progress: show a bar on stderr.
        device: auto, cpu, cuda, ...

    Raises:
        OntogymError: input that cannot be, a folder that cannot be used, or a loss that is no longer finite.
    """
    where = pick_device(device)
    images = _prepared(config, images)
    if start is not None:
        names = ("network", "small_stem")
        config = dataclasses.replace(config, **{name: start.facts[name] for name in names})
    run = _Run(config, images, start, where)
    begun = {"name": start.facts.get("data"), "digest": start.digest} if start else None
    whole = {"training": config.as_json(), "data": {"name": images.name, "digest": digest(images)}, "start": begun}
    folder = TrainingFolder(out, whole, resume)
    try:
        history = _epochs(run, folder, progress)
        facts = run.facts()
        save_network(folder.path / NETWORK, run.network, facts)
        result = TrainingResult(str(out), history, facts)
        checkpoint.write_json(folder.path / "result.json", result.as_json())
    finally:
        folder.close()
    return result


def _prepared(config: TrainingConfig, images: Images) -> Images:
    """The part of the images that is asked for, with labels shuffled if they shall be."""
    if config.train_size is not None or config.validation_size is not None:
        images = Subset(images, config.train_size, config.validation_size, config.seed)
    if config.positives == "frames" and config.method == "simclr" and not hasattr(images, "successor"):
        raise OntogymError(
            f"{images.name} holds no films, so there are no successive frames; train on movies:PRESET or on views."
        )
    return ShuffledLabels(images, config.seed) if config.shuffle_labels else images


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
        raise OntogymError(f"A crop of {crop} does not fit into images of {before} pixels; pass a smaller one.")
    return before, crop


class _Run:
    """Network, optimiser and images of one run; knows epochs, not folders."""

    def __init__(
        self, config: TrainingConfig, images: Images, start: SavedNetwork | None, device: torch.device
    ) -> None:
        self.config, self.images, self.device = config, images, device
        self.before, self.crop = input_sizes(config, images)
        self.channels = config.channels or (start.facts["channels"] if start else images.channels)
        self.network = self._network(start)
        seed = derive(config.seed, "projection")
        module = SimCLR(self.network, seed=seed) if config.method == "simclr" else self.network
        self.module = module.to(device, memory_format=torch.channels_last)
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

    # The state, as arrays -----------------------------------------------------------------------------------

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

    # An epoch ---------------------------------------------------------------------------------------------------

    def learn(self, epoch: int, tick: Any) -> dict[str, float | None]:
        """One pass over the training images; mean loss and accuracy as it went on."""
        config = self.config
        for group in self.optimiser.param_groups:
            group["lr"] = config.lr_at(epoch)
        draws = torch_generator(config.seed, "augmentation", epoch)
        self.module.train()
        total = correct = seen = 0.0
        cuda = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda):
            torch.manual_seed(derive(config.seed, "dropout", epoch))
            for indices, batch in self._batches(self._order(epoch), config.positives):
                loss, hits = self._loss(indices, batch, draws)
                if not math.isfinite(value := float(loss.detach())):
                    raise OntogymError(
                        f"The loss is no longer finite in epoch {epoch}, at a learning rate of {config.lr_at(epoch):g}; "
                        f"start anew with a smaller one, for example --lr {config.lr / 10:g}."
                    )
                self.optimiser.zero_grad(set_to_none=True)
                loss.backward()
                self.optimiser.step()
                total, correct, seen = total + value * len(indices), correct + hits, seen + len(indices)
                tick(len(indices))
        accuracy = None if config.method == "simclr" else correct / seen
        return {"loss": total / seen, "accuracy": accuracy}

    def _order(self, epoch: int) -> NDArray[np.int64]:
        order = generator(self.config.seed, "order", epoch).permutation(self.images.train)
        return self._with_successor(order)

    def _with_successor(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.config.method != "simclr" or self.config.positives == "views":
            return order
        return order[self.images.successor[order] >= 0]  # type: ignore[attr-defined]

    def _loss(self, indices: NDArray[np.int64], batch: Tensor, draws: torch.Generator) -> tuple[Tensor, float]:
        config = self.config
        if config.method == "simclr":
            half = batch.chunk(2) if config.positives == "frames" else (batch, batch)
            views = [augment.random_view(part, self.crop, draws) for part in half]
            both = self.module(self._normal(torch.cat(views)))
            return nt_xent(*both.chunk(2), temperature=config.temperature), 0.0
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
        # A loss too large for JSON says no more than that it is large.
        return {"validation_loss": min(total / len(order), 1e30), "validation_accuracy": accuracy}

    def _normal(self, batch: Tensor) -> Tensor:
        batch = augment.normalise(batch, self.config.mean, self.config.sd)
        return batch.contiguous(memory_format=torch.channels_last)

    def _batches(self, order: NDArray[np.int64], positives: str) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """Indices and their images, resized; the next batch is read while this one is learnt."""
        parts = np.array_split(order, math.ceil(len(order) / self.config.batch))
        pairs = self.config.method == "simclr" and positives == "frames"

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


def _epochs(run: _Run, folder: TrainingFolder, progress: bool) -> list[dict[str, Any]]:
    """All epochs that are left; returns the whole history."""
    from tqdm import tqdm

    config = run.config
    saved = folder.load()
    history: list[dict[str, Any]] = []
    if saved is not None:
        run.restore(saved[0])
        history = saved[1]
    steps = len(run._order(1)) * config.epochs
    if config.epochs and not steps:
        raise OntogymError(f"{run.images.name} holds nothing to train on; record longer films or pass other images.")
    spent = [history[-1][key] if history else 0.0 for key in ("cpu_seconds", "wall_seconds")]
    with tqdm(total=steps, initial=len(run._order(1)) * max(0, len(history) - 1), unit="image", disable=not progress,
              desc=folder.path.name) as bar:  # fmt: skip
        for epoch in range(len(history), config.epochs + 1):
            cpu, wall = time.process_time(), time.perf_counter()
            row: dict[str, Any] = {"epoch": epoch, "lr": config.lr_at(epoch), "loss": None, "accuracy": None}
            if epoch:
                row |= run.learn(epoch, bar.update)
            row |= run.evaluate()
            spent = [spent[0] + time.process_time() - cpu, spent[1] + time.perf_counter() - wall]
            row |= {"cpu_seconds": round(spent[0], 3), "wall_seconds": round(spent[1], 3)}
            history.append(row)
            folder.save(run.arrays(), history)
            _show(bar, row)
    return history


def _show(bar: Any, row: dict[str, Any]) -> None:
    shown: Sequence[tuple[str, Any]] = (("loss", row["loss"]), ("validation", row["validation_accuracy"]))
    bar.set_postfix({k: f"{v:.3f}" for k, v in shown if v is not None}, refresh=False)
