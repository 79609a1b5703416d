"""``ontogym pretrain``, ``ontogym finetune`` and ``ontogym filters``."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from ontogym.cli.long_run import LongRun
from ontogym.cli.options import print_table, quoted
from ontogym.errors import OntogymError
from ontogym.runs import runs_folder, stoppable
from ontogym.studies.wave_pretraining.schedule import FINETUNING, TrainingConfig

__all__ = ["Filters", "Finetune", "Pretrain"]


@dataclass(frozen=True)
class _Training(LongRun):
    """What both trainings take.

    Attributes:
        data: folder of an image set, or digits, fashion-mnist[:PATH], mnist:PATH, cifar10:PATH, cifar100:PATH,
            folder:PATH, movies:PRESET (films of waves).
        out: folder of the run; runs/pretrain-METHOD-NETWORK-sSEED or runs/finetune-DATA-sSEED if not given.
        device: auto, cpu, cuda, ...
        threads: cores to use; 0 means as torch decides.
        resume: go on with the run in that folder.
    """

    data: str
    training: Annotated[TrainingConfig, tyro.conf.arg(name="")] = field(default_factory=TrainingConfig)
    out: str | None = None
    device: str = "auto"
    threads: int = 0
    resume: bool = False

    def cited(self) -> list[str]:
        from ontogym.cli.citations import bibtex
        from ontogym.developmental.feature_extractors import networks
        from ontogym.studies.wave_pretraining import simclr

        used = [TrainingConfig.__doc__, networks.__doc__]
        used += [simclr.__doc__] if self.training.method == "simclr" else []
        return bibtex(text or "" for text in used)

    def settings(self) -> dict[str, Any]:
        """What the run folder keeps of the command line, so that it can be read back."""
        return {"data": self.data, **self.training.as_json()}

    def train(self, config: TrainingConfig, images: Any, out: str, start: Any) -> dict[str, Any]:
        """Train with a progress bar, draw the curve, say what was found."""
        from ontogym.figures.curves import training_figure
        from ontogym.figures.style import save_figure
        from ontogym.studies.wave_pretraining.training import train

        _use_threads(self.threads)
        with stoppable(out):
            result = train(
                config,
                images,
                out,
                start,
                self.resume,
                progress=True,
                device=self.device,
                command=self.settings(),
            )
        if all(row["validation_loss"] is not None for row in result.history):
            chance = 1 / images.classes
            save_figure(
                training_figure({images.name: [result.history]}, out, chance), Path(out) / "curve.png"
            )
        if not self.json:
            _print(result, out)
        return dict(result.as_json())


@dataclass(frozen=True)
class Pretrain(_Training):
    """Train a network from random weights on images, for example of simulated retinal waves.

    The defaults are the published ones: ResNet-50, 90 epochs, learning rate .01, a tenth of it after 30 and after 60.
    On two cores, take --network small and fewer epochs. A run that was killed goes on with --resume, to the same bits.
    """

    def work(self) -> dict[str, Any]:
        """Train; returns the result."""
        from ontogym.studies.wave_pretraining.opening import open_images

        config = self.training
        out = self.out or runs_folder(f"pretrain-{config.method}-{config.network}-s{config.seed}")
        return self.train(config, open_images(self.data), out, None)


@dataclass(frozen=True)
class Finetune(_Training):
    """Train a pre-trained network, or one from scratch, to classify images; or probe it with its weights frozen.

    The defaults are the published ones (90 epochs, learning rate .01, ImageNet's normalisation); images are scaled and
    cropped as the network was pre-trained, or as --resize and --crop say.

    Attributes:
        start: run folder of a pre-training, or scratch.
        probe: freeze the network and fit a linear classifier to its last features instead.
    """

    # Scaled as the start saw images or as they come, where the published runs scale to 256.
    training: Annotated[TrainingConfig, tyro.conf.arg(name="")] = field(
        default_factory=lambda: dataclasses.replace(FINETUNING, resize=None)
    )
    start: Annotated[str, tyro.conf.arg(name="from")] = "scratch"
    probe: bool = False

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "start": self.start, "probe": self.probe}

    def work(self) -> dict[str, Any]:
        """Train or probe; returns the result."""
        from ontogym.developmental.feature_extractors.saved_network import load_network
        from ontogym.studies.wave_pretraining.opening import open_images

        start, config = None if self.start == "scratch" else load_network(self.start), self.training
        if start is not None:
            known = start.facts
            config = dataclasses.replace(
                config,
                resize=config.resize or known.get("input_size"),
                crop=config.crop or (known.get("crop") if config.resize is None else None),
            )
        what = self.data.partition(":")[0]
        name = f"{'probe' if self.probe else 'finetune'}-{Path(what).name or what}-s{config.seed}"
        out = self.out or runs_folder(name)
        images = open_images(self.data)
        return (self._probe if self.probe else self.train)(config, images, out, start)

    def _probe(self, config: Any, images: Any, out: str, start: Any) -> dict[str, Any]:
        from ontogym import checkpoint
        from ontogym.developmental.feature_extractors.networks import build_network
        from ontogym.seeding import derive
        from ontogym.studies.wave_pretraining.images import Subset
        from ontogym.studies.wave_pretraining.probe import linear_probe

        if Path(out).exists() and (not Path(out).is_dir() or any(Path(out).iterdir())):
            raise OntogymError(
                f"{out} already holds something; choose another --out (a probe has nothing to resume)."
            )
        _use_threads(self.threads)
        images = Subset(images, config.train_size, config.validation_size, config.seed)
        if start is None:
            channels = config.channels or images.channels
            seed = derive(config.seed, "network")
            network = build_network(config.network, images.classes, channels, config.small_stem, seed)
        else:
            network = start.network
        found = linear_probe(network, images, config, self.device)
        result = {
            "probe": found.as_json(),
            "data": images.name,
            "from": self.start,
            "training": config.as_json(),
        }
        checkpoint.write_json(Path(out) / "result.json", result)
        if not self.json:
            rows = [
                ("accuracy on validation images", f"{found.accuracy:.4f}"),
                ("on training images", f"{found.train_accuracy:.4f}"),
                ("features", found.features),
                ("penalty", found.penalty),
            ]
            print_table(f"Linear probe of {self.start} on {images.name}", ("", ""), rows)
        return {**result, "out": out}


@dataclass(frozen=True)
class Filters:
    """Draw the first-layer filters of a trained network and say how many are Gabor functions.

    The fraction is worth what it is worth beside the controls: filters at random initialisation, and the same filters
    with their weights shuffled within each.

    Attributes:
        run_folder: folder of a run, or its network.safetensors.
        out: the picture, a .png.
        compare: run folders to fit and list as well, such as that of a shuffled-label control.
        seed: of the controls.
        json: print one JSON object as the last line.
    """

    run_folder: Annotated[str, tyro.conf.Positional]
    out: str = "runs/filters.png"
    compare: tuple[str, ...] = ()
    seed: int = 0
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Draw, fit, print; returns the summaries."""
        from ontogym.developmental.feature_extractors.networks import first_layer_filters
        from ontogym.developmental.feature_extractors.saved_network import load_network
        from ontogym.studies.wave_pretraining.filter_sheet import write_filter_sheet
        from ontogym.studies.wave_pretraining.gabor import fit_gabors, permuted_control, random_control

        weights = first_layer_filters(load_network(self.run_folder).network)
        others = {name: first_layer_filters(load_network(name).network) for name in self.compare}
        path = write_filter_sheet(weights, self.out)
        fits = {}
        note = None
        try:
            fits[self.run_folder] = fit_gabors(weights)
            fits["weights shuffled within each"] = permuted_control(weights, self.seed)
            shape = (int(weights.shape[2]), int(weights.shape[3]))
            fits["random initialisation"] = random_control(shape, len(weights), self.seed, "normal")
            fits |= {name: fit_gabors(filters) for name, filters in others.items()}
        except OntogymError as error:
            # Kernels of 3x3 can be looked at, but say nothing about Gabor functions.
            if others or fits:
                raise
            note = str(error)
        summaries = {name: fit.summary() for name, fit in fits.items()}
        if not self.json:
            rows = [
                (name, s["filters"], f"{s['fraction_r2_above_0.7']:.2f}", f"{s['r2_quartiles'][1]:.2f}")
                for name, s in summaries.items()
            ]
            print_table("Gabor fits", ("", "filters", "R² > .7", "median R²"), rows)
            print(f"{path}" + (f"  ({note})" if note else ""))
        return {"picture": str(path), "gabor": summaries, "note": note}


def _use_threads(count: int) -> None:
    import torch

    if count < 0:
        raise OntogymError(f"--threads {count} cannot be; pass a number of cores, or 0.")
    if count:
        torch.set_num_threads(count)


def _print(result: Any, out: str) -> None:
    facts, rows = result.facts, []
    for epoch in dict.fromkeys((0, 1, len(result.history) - 1)):
        if epoch < len(result.history):
            row = result.history[epoch]
            score = row["validation_accuracy"]
            found = ("accuracy", score) if score is not None else ("loss", row["validation_loss"])
            if found[1] is not None:
                rows.append((f"{found[0]} after epoch {epoch}, validation images", f"{found[1]:.4f}"))
    last = result.history[-1]
    rows += [
        ("training, validation images", f"{facts['train_images']:,}, {facts['validation_images']:,}"),
        ("parameters", f"{facts['parameters']:,}"),
        ("seconds (processor)", f"{last['wall_seconds']:.0f} ({last['cpu_seconds']:.0f})"),
    ]
    print_table(f"{facts['network']} on {facts['data']}", ("", ""), rows)
    print(f"Next:  ontogym filters {quoted(out)}      ontogym finetune --from {quoted(out)} --data digits")
