"""The commands pretrain, finetune and filters, on images of 16 x 16 in MNIST's files."""

from __future__ import annotations

import dataclasses
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ontogym.cli import main
from ontogym.cli.commands import parse

ROOT = Path(__file__).parents[2]
SMALL = ["--network", "small", "--batch", "16", "--threads", "1", "--lr", "0.05"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Bars: upright are of class 0, lying ones of class 1; labels of ten classes, as MNIST has them."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for split, count in (("train", 60), ("t10k", 20)):
        labels = (np.arange(count) % 2).astype(np.uint8)
        images = np.zeros((count, 16, 16), np.uint8)
        for image, label in zip(images, labels):
            (image if label else image.T)[rng.integers(2, 13)] = 255
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
            (folder / f"{split}-{name}-ubyte").write_bytes(header + array.tobytes())
    return f"mnist:{folder}"


@pytest.fixture(scope="module")
def run(data: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cli") / "run"
    assert main(["pretrain", "--data", data, "--out", str(out), *SMALL, "--epochs", "2"]) == 0
    return out


def last_json(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_pretraining_leaves_a_run_with_a_curve(run):
    found = {p.name for p in run.iterdir()}
    assert {"config.json", "curve.csv", "curve.png", "network.safetensors", "result.json"} <= found
    result = json.loads((run / "result.json").read_text())
    assert [row["epoch"] for row in result["history"]] == [0, 1, 2]
    assert result["facts"]["training"]["lr"] == 0.05
    assert result["facts"]["training"]["weight_decay"] == 1e-4


def test_an_existing_run_is_kept_and_resumed_when_asked(run, data, capsys):
    again = ["pretrain", "--data", data, "--out", str(run), *SMALL, "--epochs", "2"]
    assert main(again) == 2
    assert "--resume" in capsys.readouterr().err
    assert main([*again, "--resume", "--json"]) == 0
    found = last_json(capsys)
    assert len(found["history"]) == 3
    assert "2311.17232" in "".join(found["bibtex"])


def test_the_folder_says_how_it_was_made(run, data, tmp_path, capsys):
    """--resume needs nothing but the folder; --config gives another run the same settings; older records have none."""
    assert main(["pretrain", "--out", str(run), "--resume", "--json"]) == 0
    assert len(last_json(capsys)["history"]) == 3
    command = parse(["pretrain", "--config", str(run), "--seed", "5"])
    expected = parse(["pretrain", "--data", data, *SMALL, "--epochs", "2"])
    assert (command.data, command.out) == (data, None)
    assert command.training == dataclasses.replace(expected.training, seed=5)
    record = json.loads((run / "config.json").read_text())
    older = {"training": record["training"], "data": record["data"], "start": None}
    (tmp_path / "config.json").write_text(json.dumps(older))
    assert parse(["pretrain", "--data", "digits", "--config", str(tmp_path)]).training == expected.training
    (tmp_path / "a.toml").write_text('data = "digits"\nstart = "runs/x"\nprobe = true\nmilestones = [3, 4]\n')
    tuned = parse(["finetune", "--config", str(tmp_path / "a.toml"), "--from", "runs/y"])
    assert (tuned.data, tuned.start, tuned.probe) == ("digits", "runs/y", True)
    assert (tuned.training.milestones, tuned.training.mean) == ((3, 4), (0.485, 0.456, 0.406))


def test_fine_tuning_sees_images_as_the_pre_training_did(run, data, tmp_path, capsys):
    command = ["finetune", "--from", str(run), "--data", data, *SMALL[2:], "--epochs", "1"]
    assert main([*command, "--train-size", "30", "--out", str(tmp_path / "f"), "--json"]) == 0
    facts = last_json(capsys)["facts"]
    assert (facts["network"], facts["input_size"], facts["crop"]) == ("small", 16, 14)
    assert facts["train_images"] == 30
    assert facts["training"]["mean"] == [0.485, 0.456, 0.406]
    assert main([*command, "--resize", "32", "--out", str(tmp_path / "g"), "--json"]) == 0
    facts = last_json(capsys)["facts"]
    assert (facts["input_size"], facts["crop"]) == (32, 28)


def test_probes_of_a_run_and_of_random_weights(run, data, tmp_path, capsys):
    command = ["finetune", "--probe", "--data", data, "--network", "small", "--json"]
    for name, start in (("a", str(run)), ("b", "scratch")):
        assert main([*command, "--from", start, "--out", str(tmp_path / name)]) == 0
        found = last_json(capsys)
        assert found["probe"]["accuracy"] > 0.6  # lying or standing: half by chance
        assert json.loads((tmp_path / name / "result.json").read_text())["probe"] == found["probe"]
    assert main([*command, "--out", str(tmp_path / "a")]) == 2


def test_simclr_leaves_a_network_without_a_head(data, tmp_path, capsys):
    out = str(tmp_path / "run")
    command = [
        "pretrain",
        "--data",
        data,
        "--out",
        out,
        *SMALL,
        "--epochs",
        "1",
        "--method",
        "simclr",
        "--json",
    ]
    assert main(command) == 0
    assert last_json(capsys)["facts"]["classes"] == 0
    assert (
        main(["finetune", "--probe", "--from", out, "--data", data, "--out", str(tmp_path / "p"), "--json"])
        == 0
    )
    assert last_json(capsys)["probe"]["features"] == 96


def test_filters_are_drawn_and_fitted_beside_their_controls(run, tmp_path, capsys):
    picture = tmp_path / "filters.png"
    assert (
        main(
            [
                "filters",
                str(run),
                "--out",
                str(picture),
                "--compare",
                str(run / "network.safetensors"),
                "--json",
            ]
        )
        == 0
    )
    found = last_json(capsys)
    assert picture.read_bytes()[:4] == b"\x89PNG"
    own, permuted, random, other = found["gabor"].values()
    assert own == other
    assert own["filters"] == permuted["filters"] == random["filters"] == 32
    assert random["fraction_r2_above_0.7"] < 0.1


def test_filters_too_small_to_fit_are_drawn_all_the_same(data, tmp_path, capsys):
    out = str(tmp_path / "run")
    tiny = ["--network", "resnet18", "--small-stem", "--epochs", "0", "--threads", "1", "--json"]
    assert main(["pretrain", "--data", data, "--out", out, *tiny]) == 0
    capsys.readouterr()
    assert main(["filters", out, "--out", str(tmp_path / "f.png"), "--json"]) == 0
    found = last_json(capsys)
    assert found["gabor"] == {}
    assert "3 x 3" in found["note"]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["pretrain", "--data", "fashion-minst"], "did you mean 'fashion-mnist'"),
        (["pretrain", "--data", "DATA", "--network", "resnet19"], "did you mean 'resnet18'"),
        (["pretrain", "--data", "DATA", "--lr", "-1"], "lr=-1.0 is out of range"),
        (["pretrain", "--data", "DATA", "--train-size", "99"], "pass 1 to 60"),
        (["pretrain", "--data", "DATA", "--crop", "64", "--network", "small"], "does not fit"),
        (["pretrain", "--data", "DATA", "--threads", "-2"], "--threads -2"),
        (["finetune", "--from", "nowhere", "--data", "DATA"], "no file nowhere"),
        (["filters", "nowhere"], "no file nowhere"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(command, says, data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([data if word == "DATA" else word for word in command]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert says in error[0]
    assert list(tmp_path.iterdir()) == []


def test_the_experiments_name_commands_that_parse():
    """Every command that the runner would run is one that the command line takes."""
    runner = [sys.executable, "benchmarks/prenatal_experiments.py", "--list"]
    listed = subprocess.run(runner, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(listed) == 6 * 6 + 2 * 5
    for line in listed:
        parse(line.split("ontogym ", 1)[1].split())
