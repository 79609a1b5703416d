"""``ontogym plot``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from ontogym.cli.options import print_table

__all__ = ["Plot"]


@dataclass(frozen=True)
class Plot:
    """Draw learning curves of evolved and trained runs in one picture.

    Score over environment steps. Runs that differ by their seed alone are one line, their mean, with its 95 % interval
    over seeds (Student's t) as a band.

    Attributes:
        runs: folders of runs of evolve or train, or of a sweep.
        out: the picture: .png, .svg or .pdf.
        labels: a name for each run, in their order; equal names are one line. If not given, what tells them apart.
        title: above the picture; the environment if not given.
        json: print one JSON object as the last line.
    """

    runs: Annotated[tuple[str, ...], tyro.conf.Positional]
    out: str = "runs/curves.png"
    labels: tuple[str, ...] = ()
    title: str | None = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Draw; returns where, and what each line ends at."""
        from ontogym.baselines.sweep.curves import group_runs, read_learned
        from ontogym.envs.registration import ENTRIES, anchors
        from ontogym.errors import OntogymError
        from ontogym.figures.curves import curve_figure
        from ontogym.figures.style import save_figure
        from ontogym.statistics import mean_summary, mean_text

        if not self.runs:
            raise OntogymError("Say which runs to draw: ontogym plot RUN ...")
        learned = [run for path in self.runs for run in read_learned(path)]
        groups = group_runs(learned, self.labels)
        envs = {str(run.settings.get("env")) for run in learned}
        env = next(iter(envs)) if len(envs) == 1 else None
        marks = dict(zip(("random", "optimal"), anchors(env))) if env in ENTRIES and env is not None else {}
        title = self.title if self.title is not None else (env or "")
        figure = curve_figure(
            groups, "environment steps", "mean return, re-evaluated", marks, title, interval=True
        )
        place = save_figure(figure, self.out)
        ends = {name: mean_summary([curve[-1][1] for curve in curves]) for name, curves in groups.items()}
        if not self.json:
            rows = [(name, len(groups[name]), mean_text(end)) for name, end in ends.items()]
            print_table(title, ("", "runs", "score at the end [95 % over seeds]"), rows)
            print(place)
        return {"figure": str(place), "ends": ends}
