"""Kills in short, and that every job of the long form still is one; the long form is ``benchmarks/kills.py``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.kills import JOBS, kill_often


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.parametrize("name", ["evolve", "image set", "sweep"])
def test_a_killed_command_ends_in_the_bits_of_one_that_was_left_alone(name: str, tmp_path: Path) -> None:
    found = kill_often(name, 2, tmp_path, np.random.default_rng(0))
    assert found.kills == 2
    assert found.faults == []


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("train", "ontogym.baselines.sb3.run.train"),
        ("infer-rule", "ontogym.studies.rule_inference.run.infer_rule"),
        ("retina report", "ontogym.studies.retina_report.run.run_report"),
        ("rank-sweep", "ontogym.studies.regimes.rank_sweep.rank_sweep"),
        ("curvature", "ontogym.studies.regimes.curvature.curvature"),
    ],
)
def test_the_settings_of_the_other_jobs_are_taken(
    name: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job whose settings are refused would be killed for nothing."""
    from ontogym.studies.retina_report import parts
    from ontogym.studies.rule_inference import run

    monkeypatch.setattr(parts, "SCENES", parts.SCENES)  # jobs change these
    monkeypatch.setattr(run, "SAVE_SECONDS", run.SAVE_SECONDS)
    asked: list[object] = []
    monkeypatch.setattr(target, lambda config, *_, **__: asked.append(config))
    JOBS[name](tmp_path, False)
    assert len(asked) == 1
    if hasattr(asked[0], "check"):
        asked[0].check()
