"""``ontogym regimes rank-sweep`` and ``ontogym regimes curvature``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

import tyro

from ontogym.cli.long_run import LongRun
from ontogym.cli.options import print_table
from ontogym.processes import one_torch_thread
from ontogym.runs import runs_folder, stoppable
from ontogym.studies.regimes.config import CurvatureConfig, RankSweepConfig

__all__ = ["Curvature", "RankSweep"]


@dataclass(frozen=True)
class _Experiment(LongRun):
    """What both experiments take.

    Attributes:
        out: folder of the run; runs/rank-sweep-TASK or runs/curvature-TASK if not given.
        resume: go on with the run in that folder; more seeds and conditions can be added.
    """

    out: str | None = None
    resume: bool = False

    def guarded(self, out: str, work: Callable[..., dict[str, Any]], *arguments: Any, **options: Any) -> Any:
        """Do `work` in the folder; an interrupt says how to go on."""
        import torch

        with one_torch_thread(torch), stoppable(out):
            return work(*arguments, out, **options, resume=self.resume, progress=True)


@dataclass(frozen=True)
class RankSweep(_Experiment):
    """Rich or lazy learning, by the rank of the initial weights (arXiv 2310.08513).

    Trains rate networks from starts of several ranks, families and wirings, with a control of equal gain, and says how
    far weights, representation and tangent kernel moved, beside the published direction.
    """

    sources: ClassVar[tuple[str, ...]] = ("2310.08513",)
    config: Annotated[RankSweepConfig, tyro.conf.arg(name="")] = field(default_factory=RankSweepConfig)

    def work(self) -> dict[str, Any]:
        """Run, print the tables and draw the picture; returns what was found."""
        from ontogym.studies.regimes import rank_sweep
        from ontogym.studies.regimes.connectome import load_connectome

        config = self.config
        config.check()
        wiring = None if config.connectome is None else load_connectome(config.connectome)
        out = self.out or runs_folder(f"rank-sweep-{config.task}")
        result = self.guarded(out, rank_sweep.rank_sweep, config, connectome=wiring)
        panels = {m: rank_sweep.METRICS[m] for m in rank_sweep.PUBLISHED}
        title = f"{config.task}, {result['nodes']} units, {config.iterations} steps"
        return _finish(config, out, result, rank_sweep.METRICS, panels, title, self.cited())


@dataclass(frozen=True)
class Curvature(_Experiment):
    """Sharpness and generalisation of what credit-assignment rules find (arXiv 2206.00823).

    Trains a rate network by BPTT, e-prop, RFLO, MDGL and ModProp, and by BPTT at e-prop's step length, and compares the
    top Hessian eigenvalue and the generalisation gap, beside the published direction.
    """

    # The rules that it compares are of papers of their own.
    sources: ClassVar[tuple[str, ...]] = (
        "2206.00823",
        "10.1038/s41467-020-17236-y",
        "10.7554/eLife.43299",
        "liu2021mdgl",
        "2206.01338",
    )
    config: Annotated[CurvatureConfig, tyro.conf.arg(name="")] = field(default_factory=CurvatureConfig)

    def work(self) -> dict[str, Any]:
        """Run, print the tables and draw the picture; returns what was found."""
        from ontogym.studies.regimes import curvature

        config = self.config
        out = self.out or runs_folder(f"curvature-{config.task}")
        result = self.guarded(out, curvature.curvature, config)
        panels = {m: curvature.METRICS[m] for m in ("eigenvalue", "gap", "test_accuracy")}
        title = f"{config.task}, {result['nodes']} units, {config.iterations} steps of BPTT"
        return _finish(config, out, result, curvature.METRICS, panels, title, self.cited())


def _finish(
    config: RankSweepConfig | CurvatureConfig,
    out: str,
    result: dict[str, Any],
    metrics: Mapping[str, str],
    panels: Mapping[str, str],
    title: str,
    citations: list[str],
) -> dict[str, Any]:
    """Write result.json and the picture, print the tables; returns what ``--json`` prints."""
    from ontogym.checkpoint import write_json
    from ontogym.figures.style import save_figure
    from ontogym.statistics import mean_text
    from ontogym.studies.regimes.figures import regimes_figure

    result |= {"config": asdict(config), "out": out, "bibtex": citations}
    picture = save_figure(regimes_figure(result, panels, title), Path(out) / "regimes.png")
    write_json(Path(out) / "result.json", result)
    rows = [
        [row["title"], *(mean_text(row[m], interval=not m.startswith("initial")) for m in metrics)]
        for row in result["conditions"]
    ]
    print_table(f"{title}: means over {len(config.seeds)} seeds [95 %]", ["", *metrics.values()], rows)
    found = [
        [d["what"], d["metric"], mean_text(d["difference"]), d["published"] or "–", d["measured"]]
        for d in result["directions"]
    ]
    print_table(
        "\nDirections (paired by seed)", ["difference", "of", "mean [95 %]", "published", "measured"], found
    )
    for name, why in result["failures"].items():
        print(f"{name} failed: {why}")
    print(f"\nPicture: {picture}      CPU: {result['cpu_seconds']:.0f} s")
    # A script that goes on after this one must hear that nothing was learned.
    failed = len(result["failures"]) == len(result["cells"])
    return {**result, "picture": str(picture), **({"exit_status": 1} if failed else {})}
