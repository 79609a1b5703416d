"""Every command that may take long: its configuration before, its literature after, and where it writes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ontogym.checkpoint import write_sealed_json
from ontogym.cli import commands, main
from ontogym.cli.configs import default_of
from ontogym.cli.long_run import LongRun, settings_of
from ontogym.configurations import read_config
from ontogym.runs import runs_folder

LONG = {
    "quickstart": ["--generations", "7"],
    "evolve": ["--env", "ontogym/Foraging-v0", "--seed", "3"],
    "train": ["--algo", "dqn", "--env", "ontogym/Foraging-v0", "--features", "flatten", "--seed", "2"],
    "pretrain": ["--data", "digits", "--network", "small", "--epochs", "3"],
    "finetune": ["--data", "digits", "--from", "scratch", "--probe"],
    "infer-rule": ["--simulate", "reinforce", "--seed", "4"],
    "regimes rank-sweep": ["--seeds", "1", "2"],
    "regimes curvature": ["--seeds", "3"],
    "retina fit": ["--images", "60", "--out", "a.safetensors"],
    "retina report": ["--quick", "--electrodes", "argus-ii"],
    "waves statistics": ["--preset", "mouse", "--minutes", "2"],
}
"""With flags that are not the defaults; a sweep's file is its configuration, and image sets are tried below."""
ONE_OF_THEIRS = {
    "quickstart": "plantec2024lndp",
    "evolve": "plantec2024lndp",
    "train": "mnih2013playing",
    "pretrain": "cappell2023reward",
    "finetune": "cappell2023reward",
    "infer-rule": "liu2025inference",
    "regimes rank-sweep": "liu2023connectivity",
    "regimes curvature": "bellec2020eprop",
    "retina fit": "leong2024actor",
    "retina report": "leong2024actor",
    "waves statistics": "godfrey2007retinal",
}


def test_every_long_command_is_tried_here():
    kinds = {name: commands.kind_of(name) for name in commands.COMMANDS}
    long = {name for name, kind in kinds.items() if issubclass(kind, LongRun)}
    assert long == {*LONG, "sweep", "waves dataset", "fractals dataset"}
    # None that can be resumed is left out.
    assert {n for n, k in kinds.items() if "resume" in {f.name for f in dataclasses.fields(k)}} <= long


@pytest.mark.parametrize("name", LONG)
def test_a_dry_run_prints_what_config_reads_and_runs_nothing(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line = [*name.split(), *LONG[name]]
    assert main([*line, "--dry-run", "--cite"]) == 0
    shown = capsys.readouterr().out
    assert ONE_OF_THEIRS[name] in shown
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.toml").write_text(shown)
    again = ["--data", "digits"] if name in ("pretrain", "finetune") else []
    parsed = commands.parse([*name.split(), *again, "--config", "a.toml"])
    assert read_config("a.toml")
    assert parsed.configuration() == commands.parse(line).configuration()


@pytest.mark.parametrize("name", ["waves dataset", "fractals dataset"])
def test_a_dry_run_of_an_image_set_says_what_it_takes_in_the_same_file(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line = [*name.split(), "--classes", "8", "--per-class", "4", "--size", "16", "--workers", "1"]
    line += ["--radius", "8", "--minutes", "0.2", "--warmup-minutes", "0.1"] if "waves" in name else []
    assert main([*line, "--dry-run", "--cite"]) == 0
    shown = capsys.readouterr().out
    assert "# time for the whole:" in shown
    assert "# @article" in shown
    (tmp_path / "a.toml").write_text(shown)
    parsed = commands.parse([*name.split(), "--config", "a.toml"])
    assert parsed.configuration() == commands.parse(line).configuration()


def test_a_sweep_cites_what_its_cells_use_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.toml").write_text(
        'seeds = 2\n[tasks.C]\nenv = "ontogym/CartPole-v1"\n[methods.mlp]\nagent = "mlp"\n'
        '[methods.ppo]\ncommand = "train"\nalgo = "ppo"\n'
    )
    assert main(["sweep", "two.toml", "--dry-run", "--cite"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("towers2024gymnasium") == 1
    assert "schulman2017ppo" in shown
    assert not (tmp_path / "runs").exists()


def test_a_command_that_was_not_told_where_writes_under_runs_alone():
    for name in commands.COMMANDS:
        fields = {field.name: field for field in dataclasses.fields(commands.kind_of(name))}
        if "out" in fields:
            default = fields["out"].default
            assert default is None or str(default).startswith("runs/"), name
    for name in ("../..", "/etc/passwd", "C:\\x", "a:b", "ALE/Pong-v5-mlp-s0", ""):
        folder = runs_folder(name)
        assert folder.startswith("runs/")
        assert folder.count("/") == 1
        assert ".." not in folder.split("/")
    assert runs_folder("CartPole-v1-mlp-s0") == "runs/CartPole-v1-mlp-s0"


def test_a_run_that_another_was_begun_from_keeps_its_folder_to_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    config = commands.parse(["evolve", "--agent", "mlp", "--out", "mine"]).configuration()
    write_sealed_json(tmp_path / "mine" / "config.json", config)
    fed = commands.parse(["evolve", "--config", "mine", "--seed", "3"]).configured()
    assert (fed.agent, fed.seed, fed.out) == ("mlp", 3, "runs/CartPole-v1-mlp-s3")
    assert commands.parse(["evolve", "--out", "mine", "--resume"]).configured().out == "mine"


def test_settings_are_those_of_the_embedded_configurations_too():
    found = settings_of(default_of(commands.kind_of("train")))
    assert {"algo", "env", "features", "features_options", "out"} <= set(found)
    assert not {"cite", "dry_run", "json", "resume", "config", "seen"} & set(found)


def test_a_training_goes_on_and_feeds_another_by_its_record_alone(tmp_path, capsys):
    from ontogym.checkpoint import read_sealed_json
    from ontogym.cli import main

    line = [
        "train",
        "--env",
        "ontogym/CartPole-v1",
        "--segment",
        "64",
        "--eval-episodes",
        "1",
        "--hyper",
        "n_steps=16",
    ]
    first, again = str(tmp_path / "first"), str(tmp_path / "again")
    assert main([*line, "--steps", "64", "--out", first, "--json"]) == 0
    assert main(["train", "--resume", "--out", first, "--steps", "128", "--json"]) == 0
    assert main(["train", "--config", first, "--out", again, "--json"]) == 0
    capsys.readouterr()
    kept = [read_sealed_json(f"{folder}/run.json") for folder in (first, again)]
    assert [run["steps"] for run in kept] == [128, 128]
    assert kept[0]["training"]["curve"][-1] == kept[1]["training"]["curve"][-1]


@pytest.mark.parametrize("more", [["--dry-run"], ["--evaluator", "process"]])
@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            '[methods.a]\nagnet = "gru"',
            "easy--a--s1: Unrecognized options: --agnet, gru (perhaps you meant --agent)",
        ),
        ('[methods.a]\ngenerations = "two"', "easy--a--s1: Error parsing --generations"),
        (
            "[methods.a]\n[evaluations.score]\nlivs = 3",
            "easy--a--s1 [evaluations.score]: Unrecognized options: --livs",
        ),
    ],
)
def test_a_sweep_meets_a_misspelt_option_before_its_first_cell(more, lines, says, tmp_path, capsys):
    file = tmp_path / "s.toml"
    file.write_text(f'seeds = 1\n[tasks.easy]\nenv = "ontogym/Foraging-v0"\n{lines}\n')
    assert main(["sweep", str(file), "--out", str(tmp_path / "out"), *more]) != 0
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out" / "runs").exists()


def test_every_sweep_of_the_repository_can_be_parsed():
    folder = Path(__file__).parents[2] / "benchmarks" / "sweeps"
    for file in sorted(folder.glob("[!m]*.toml")):  # minigrid.toml asks for trust
        assert main(["sweep", str(file), "--dry-run", "--json"]) == 0, file.name
