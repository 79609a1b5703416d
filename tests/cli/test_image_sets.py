"""Commands that make image sets and films."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from ontogym.cli import main
from ontogym.cli.commands import parse
from ontogym.studies.wave_pretraining.image_set import ImageSet

FRACTALS = ["fractals", "dataset", "--classes", "2", "--per-class", "5", "--size", "16", "--points", "2000"]
WAVES = [
    *("waves", "dataset", "--classes", "2", "--per-class", "10", "--size", "16", "--radius", "8"),
    *("--minutes", "1.5", "--warmup-minutes", "0.2"),
]


def last_json(capsys):
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 1
    return json.loads(out[0])


def test_fractals_are_made_and_found_again(tmp_path, capsys):
    out = tmp_path / "set"
    assert main([*FRACTALS, "--out", str(out), "--json"]) == 0
    found = last_json(capsys)
    assert (found["classes"], found["train"], found["validation"], found["warnings"]) == (2, 8, 2, [])
    assert len(ImageSet.open(out)) == 10
    assert main([*FRACTALS, "--out", str(out)]) == 0
    assert main([*FRACTALS, "--out", str(out), "--seed", "1"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"ontogym: The run in {out} has seed=0, not 1")


@pytest.mark.parametrize("line", [FRACTALS, WAVES], ids=["fractals", "waves"])
def test_what_a_set_keeps_can_be_read_back(line, tmp_path, capsys):
    out = tmp_path / "set"
    assert main([*line, "--seed", "3", "--out", str(out)]) == 0
    command = parse(line[:2] + ["--config", str(out), "--seed", "4"])
    assert dataclasses.replace(command.recipe, seed=3) == parse([*line, "--seed", "3"]).recipe
    assert (command.recipe.seed, command.format, command.out) == (4, "packed", None)


def test_waves_are_made_as_folders(tmp_path, capsys):
    assert main([*WAVES, "--out", str(tmp_path / "set"), "--format", "png", "--json"]) == 0
    assert last_json(capsys)["train"] == 16
    assert len(list((tmp_path / "set" / "train").rglob("*.png"))) == 16
    assert len(list((tmp_path / "set" / "val").rglob("*.png"))) == 4


def test_a_dry_run_extrapolates_and_leaves_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*FRACTALS, "--dry-run", "--json"]) == 0
    found = last_json(capsys)
    assert found["bytes"] == 2 * 5 * 16 * 16
    assert found["seconds"] > 0
    assert main([*FRACTALS, "--dry-run"]) == 0
    assert "time for the whole" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_set_needs_a_place(capsys):
    assert main(FRACTALS) == 2
    assert "--out" in capsys.readouterr().err


@pytest.mark.parametrize("obs", ["binary", "calcium"])
def test_waves_are_filmed(tmp_path, capsys, obs):
    import imageio.v3 as iio

    command = ["waves", "render", "--seconds", "12", "--size", "16", "--radius", "8", "--warmup-minutes", "1"]
    command += ["--frame-ms", "500", "--preset", "reward", "--obs", obs]
    assert main([*command, "--out", str(tmp_path / "waves.gif"), "--json"]) == 0
    assert last_json(capsys)["frames"] == 24
    film = iio.imread(tmp_path / "waves.gif")
    assert film.shape[1:3] == (512, 512)  # shown enlarged
    assert main([*command, "--out", str(tmp_path / "sheet.png")]) == 0
    sheet = iio.imread(tmp_path / "sheet.png")
    assert sheet.shape == (4 * 262 - 6, 6 * 262 - 6)
    if obs == "binary":
        assert set(np.unique(sheet)) <= {0, 128, 255}
    assert main([*command, "--out", str(tmp_path / "waves.avi")]) == 2
    assert ".gif, .mp4 or .png" in capsys.readouterr().err
    assert main([*command, "--size", "1000", "--out", str(tmp_path / "waves.gif")]) == 2


def test_waves_are_measured_beside_the_released_values(capsys):
    command = ["waves", "statistics", "--seeds", "0", "1", "--minutes", "4", "--warmup-minutes", "2"]
    assert main([*command, "--radius", "12", "--json"]) == 0
    found = last_json(capsys)
    assert set(found["presets"]) == {"ferret"}
    row = found["presets"]["ferret"]
    assert row["radius"] == 12
    assert row["observed_min"] == pytest.approx(8)
    assert row["size_mm2"]["n"] > 0
    assert main([*command, "--preset", "turtle"]) == 0
    shown = capsys.readouterr().out
    assert "turtle (radius 36)" in shown
    assert "0.168 ± 0.151" in shown
    assert main(["waves", "statistics", "--preset", "ferrit"]) == 2
    assert "'ferret'" in capsys.readouterr().err
