"""``ontogym retina fit``, ``ontogym retina images`` and ``ontogym retina report``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from ontogym.checkpoint import write_sealed_json
from ontogym.cli.long_run import LongRun
from ontogym.cli.options import print_table
from ontogym.errors import OntogymError
from ontogym.runs import stoppable

__all__ = ["RetinaFit", "RetinaImages", "RetinaReport"]


@dataclass(frozen=True)
class RetinaFit(LongRun):
    """Fit a digital twin to a simulated retina and say how well it predicts held-out responses.

    Two to three minutes on one core. The retina is shown 1200 images ten times each.

    Attributes:
        seed: which animal's retina.
        recording: a session of Goldin et al. 2022 (.h5) in place of a simulated animal; needs --out.
        out: file for the twin (NAME.safetensors; its facts go to NAME.json); the cache if not given.
        resume: go on with a fit that was interrupted.
        images: how many images to fit on.
        epochs: the most passes over them.
    """

    sources: ClassVar[tuple[str, ...]] = ("10.1038/s41467-024-45105-5", "10.1038/s41467-022-33242-8")
    seed: int = 0
    recording: str | None = None
    out: str | None = None
    resume: bool = False
    images: int = 1200
    epochs: int = 1000

    def work(self) -> dict[str, Any]:
        """Fit, write, print; returns the twin's facts and where it is."""
        from ontogym.retina_env.twin_fit import FitConfig
        from ontogym.retina_env.twins import fit_twin, twin_path

        path = twin_path(self.seed) if self.out is None else Path(self.out)
        if path.suffix != ".safetensors":
            raise OntogymError(
                f"A twin is a .safetensors file, not {path.name!r}; pass --out NAME.safetensors."
            )
        if self.images < 50:
            raise OntogymError(f"{self.images} images are too few to fit a twin; pass --images 50 or more.")
        config = FitConfig(epochs=self.epochs)
        if self.recording is not None:
            return self._recorded(config)
        with stoppable(path.with_suffix(".fit")):
            twin = fit_twin(self.seed, path, config, self.resume, images=self.images)
        facts = twin.facts
        if not self.json:
            rows = [
                ("R2 on held-out images, median over cells", f"{facts['r2_median']:.3f}"),
                ("  of a twin that knew the true rates", f"{facts['r2_ceiling_median']:.3f}"),
                ("R2 with the true rates", f"{facts['r2_of_true_rates_median']:.3f}"),
                ("R2 of changes from full to averaged images", f"{facts['r2_of_changes_median']:.3f}"),
                ("epochs", facts["epochs"]),
                ("CPU seconds", facts["cpu_seconds"]),
                ("file", path),
            ]
            print_table(f"Twin of retina {self.seed}", ("", ""), rows)
        return {**facts, "file": str(path)}

    def _recorded(self, config: Any) -> dict[str, Any]:
        """The same for a session that was recorded."""
        from ontogym.retina_env.recorded_twin import fit_recording

        if self.out is None:
            raise OntogymError(
                "The twin of a recording is not kept in the cache; pass --out NAME.safetensors."
            )
        assert self.recording is not None
        with stoppable(Path(self.out).with_suffix(".fit")):
            facts = fit_recording(self.recording, self.out, config, self.resume).facts
        if not self.json:
            ceiling = (
                "no repeats" if facts["r2_ceiling_median"] is None else f"{facts['r2_ceiling_median']:.3f}"
            )
            rows = [
                ("R2 on the test images, median over cells", f"{facts['r2_median']:.3f}"),
                ("  of half of the repeats with the other half", ceiling),
                ("epochs", facts["epochs"]),
                ("file", self.out),
            ]
            print_table(facts["what"], ("", ""), rows)
        return {**facts, "file": self.out}


@dataclass(frozen=True)
class RetinaImages:
    """Draw a sheet of the images that retinas are shown, with their statistics.

    Attributes:
        out: folder for images.png.
        kind: dead-leaves, photographs (those that installed packages bring), van-hateren or pictures (see --folder).
        folder: where the .iml files of van Hateren's data set, or pictures of one's own, are.
        count: how many images.
        seed: which dead leaves.
        size: side of the images, pixels.
        json: print one JSON object as the last line.
    """

    out: str = "runs/retina-images"
    kind: Literal["dead-leaves", "photographs", "van-hateren", "pictures"] = "dead-leaves"
    folder: str | None = None
    count: int = 24
    seed: int = 0
    size: int = 128
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Draw and say where; returns the path and the statistics."""
        from ontogym.retina_env.images.sheet import write_sheet
        from ontogym.retina_env.measures import local_contrast, power_slope, rms_contrast

        if not 1 <= self.count <= 400:
            raise OntogymError(f"A sheet holds 1 to 400 images, not {self.count}; change --count.")
        images = self._images()
        path = write_sheet(Path(self.out) / "images.png", images)
        found = {
            "images": len(images),
            "power_slope": power_slope(images),
            "rms_contrast": float(rms_contrast(images).mean()),
            "local_contrast": float(local_contrast(images).mean()),
        }
        if not self.json:
            rows = [(key.replace("_", " "), f"{value:.4g}") for key, value in found.items()]
            print_table(f"{self.kind}: {path}", ("", ""), rows)
        return {"file": str(path), "kind": self.kind, **found}

    def _images(self) -> Any:
        from ontogym.retina_env.images import dead_leaves, folder_pictures, photographs, van_hateren_patches

        if self.kind == "dead-leaves":
            return dead_leaves(self.count, self.seed, self.size)
        if self.folder is None and self.kind != "photographs":
            raise OntogymError(
                "Say where the images are: --folder DIR (of van Hateren's: with imk00001.iml, ...)."
            )
        if self.kind in ("photographs", "pictures"):
            found = photographs(self.size) if self.folder is None else folder_pictures(self.folder, self.size)
            if not self.json:
                print(found.told())
            return found.images[:: max(1, len(found.images) // self.count)][: self.count]
        assert self.folder is not None
        return van_hateren_patches(self.folder, self.size, self.count)[0]


@dataclass(frozen=True)
class RetinaReport(LongRun):
    """Repeat the actor-model paper (Leong et al. 2024) on simulated retinas and write one page about it.

    Actors are trained through twins and measured on the twin, on the retina it models, and on retinas that nothing was
    fitted to, against averaging and against antialiased Lanczos-3. About a quarter of an hour on two cores, of which
    a quarter is for fitting the twins of seeds other than 0, once. Interrupted, the same command goes on.

    With --images, --electrodes, --twin or --judge the report is about these instead: what ways to encode that need no
    training are worth for them, in a minute or two.

    Attributes:
        out: folder for report.html, report.json and the results of each part.
        seeds: source retinas, each with a twin and actors of its own.
        quick: one retina, two folds, few images: a look in a minute or two, too little to conclude from.
        images: a folder of pictures of one's own in place of dead leaves.
        electrodes: 32x32 or another grid over 3.2 mm, an implant (argus-ii, pulse2percept:AlphaAMS) or a file of x, y.
        twin: a model of one's own: module:attribute (images to rates) or a .safetensors file.
        judge: who judges, of twin, animals and percept; all that the electrodes allow if none is named.
        workers: processes side by side, of one thread each.
    """

    sources: ClassVar[tuple[str, ...]] = ("10.1038/s41467-024-45105-5", "10.1038/s41467-022-33242-8")
    out: str = "runs/retina-report"
    seeds: tuple[int, ...] = (0, 1, 2)
    quick: bool = False
    images: str | None = None
    electrodes: str | None = None
    twin: str | None = None
    judge: tuple[str, ...] = ()
    workers: int = 2

    def work(self) -> dict[str, Any]:
        """Do what is not done yet, write the page, print the table; returns the summary and where the page is."""
        found = self._own() if self.images or self.electrodes or self.twin or self.judge else self._repeated()
        kept = {key: value for key, value in self.configuration().items() if key != "out"}
        write_sealed_json(Path(self.out) / "config.json", kept)  # a run's own file feeds the next
        return found

    def _repeated(self) -> dict[str, Any]:
        """The paper's report."""
        from ontogym.studies.retina_report.config import ReportConfig
        from ontogym.studies.retina_report.published import HEADS, published_rows
        from ontogym.studies.retina_report.run import run_report
        from ontogym.studies.retina_report.words import conclusions

        config = ReportConfig(seeds=self.seeds)
        with stoppable(self.out, onward=""):
            summary = run_report(config.quick() if self.quick else config, self.out, workers=self.workers)
        path = Path(self.out) / "report.html"
        if not self.json:
            print_table("The actor-model framework", HEADS, published_rows(summary))
            print("", *conclusions(summary), "", f"The page: {path}", sep="\n")
        return {**summary, "file": str(path)}

    def _own(self) -> dict[str, Any]:
        """The report about pictures, electrodes, models and judges that were named."""
        from ontogym.studies.retina_report.own import OwnConfig, run_own
        from ontogym.studies.retina_report.own_page import own_rows

        count = 24 if self.quick else 96
        config = OwnConfig(self.images, self.electrodes or "32x32", self.twin, self.judge, count)
        summary, path = run_own(config, self.out), Path(self.out) / "report.html"
        if not self.json:
            heads = ("share of averaging's loss taken away", *summary["judges"])
            print_table(summary["electrodes"], heads, own_rows(summary))
            print("", f"Pictures: {summary['source']}", f"The page: {path}", sep="\n")
        return {**summary, "file": str(path)}
