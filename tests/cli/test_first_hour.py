"""What a newcomer asks the command line in the first hour."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import ontogym
from ontogym.baselines.evolution.agent_files import ZOO
from ontogym.baselines.evolution.config import EvolutionConfig
from ontogym.baselines.evolution.presets import PRESETS, preset
from ontogym.cli import commands, main
from ontogym.cli.advice import what_to_try
from ontogym.cli.catalogue import write_card
from ontogym.cli.evolve import GROUPS
from ontogym.cli.grouped_help import flags_of
from ontogym.cli.replay import Replay
from ontogym.configurations import read_config, toml
from ontogym.errors import UnknownNameError, listed
from ontogym.registry import AGENTS, FEATURE_EXTRACTORS
from tests.tiny import TINY

NAMES = sorted(path.stem for path in ZOO.glob("*.safetensors"))


# -- what there is ----------------------------------------------------------------------------------------


def test_agents_baselines_and_extractors_are_listed(capsys):
    assert main(["agents", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in found["evolved"]} == set(AGENTS)
    assert {row["name"] for row in found["feature_extractors"]} == set(FEATURE_EXTRACTORS)
    assert all(row["what"] for row in [*found["evolved"], *found["feature_extractors"]])
    assert {"ppo", "dqn"} <= {row["name"] for row in found["trained"]}
    assert "random" in found["by_hand"]


def test_the_zoo_is_listed_with_scores_and_intervals(capsys):
    assert main(["zoo", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["agents"]
    assert [row["name"] for row in rows] == [f"zoo:{name}" for name in NAMES]
    assert all(row["ci95"][0] <= row["score"] <= row["ci95"][1] for row in rows)
    assert main(["zoo", "lndp-cartpol"]) == 2
    assert "did you mean 'lndp-cartpole'" in capsys.readouterr().err


@pytest.mark.parametrize("name", NAMES)
def test_every_agent_of_the_zoo_ships_its_card(name, capsys):
    assert main(["zoo", name]) == 0
    card = capsys.readouterr().out
    assert card == write_card(f"zoo:{name}")  # made by: ontogym card zoo:NAME --lives 0 --out FILE
    assert card.startswith("---\nlibrary_name: ontogym\n")
    for part in ("## What it is", "95 % interval", "## How it was made", "@article{plantec2024lndp"):
        assert part in card


def test_a_run_has_a_card_with_its_configuration_and_a_fresh_score(tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["evolve", "--env", "ontogym/CartPole-v1", "--agent", "mlp", "--out", str(out), *TINY]) == 0
    assert main(["card", str(out), "--lives", "4", "--out", str(tmp_path / "card.md")]) == 0
    text = (tmp_path / "card.md").read_text()
    assert "over 4 fresh lives" in text
    assert 'agent = "mlp"' in text
    assert str(tmp_path) not in text


# -- an agent in hand -------------------------------------------------------------------------------------


def test_a_loaded_agent_shows_its_network_in_every_form():
    agent = ontogym.load("zoo:lndp-cartpole")
    agent.reset(seed=1)
    agent.predict([0.0, 0.0, 0.0, 0.0])
    _, state = agent.predict([0.0, 0.0, 0.1, 0.0])
    net, graph, data = agent.network(state), agent.to_networkx(), agent.to_pyg()
    assert net.mask.shape == (32, 32)
    assert graph.number_of_nodes() == data.num_nodes == 32
    assert graph.number_of_edges() == data.num_edges == int(net.mask.sum())
    for (pre, post), weight in zip(data.edge_index.T.tolist(), data.edge_attr[:, 0].tolist()):
        assert graph.edges[pre, post]["weight"] == pytest.approx(weight)
        assert net.weights[post, pre] == pytest.approx(weight)
    kinds = [graph.nodes[k]["kind"] for k in range(32)]
    assert (kinds.count("input"), kinds.count("output")) == (4, 2)


def test_a_life_is_arrays():
    life = ontogym.load("zoo:lndp-cartpole").record(seed=2, episodes=1)
    assert life.observations.shape == (life.n_steps, 4)
    assert life.snapshots.weights.shape[1:] == (32, 32)
    assert life.returns.sum() == life.rewards.sum()
    chance = ontogym.load("random", "CartPole-v1").record(episodes=1)
    assert not chance.has_network
    assert chance.observations.shape[1] == 4


# -- help and defaults ------------------------------------------------------------------------------------


def test_help_of_evolve_is_grouped_and_names_every_flag_once(capsys):
    assert main(["evolve", "--help"]) == 0
    shown = capsys.readouterr().out
    places = [shown.index(heading) for heading in GROUPS]
    assert places == sorted(places)
    assert len(next(iter(GROUPS.values()))) == 10
    flags = flags_of(commands.flag_defaults("evolve"), {"start_from": "from"})
    assert all(flag.text for flag in flags)
    assert {name for names in GROUPS.values() for name in names} <= {flag.field for flag in flags}
    squeezed = "".join(shown.split())
    for flag in flags:
        assert squeezed.count(f"{flag.names.split(',')[0]}".replace(" ", "")) >= 1
    assert main(["evolve", "--agent", "mlp", "--help"]) == 0
    assert "--hears" not in capsys.readouterr().out


def test_summaries_are_the_first_lines_of_the_commands():
    for name, entry in commands.COMMANDS.items():
        assert entry.about == (commands.kind_of(name).__doc__ or "").strip().partition("\n")[0], name


def test_the_list_of_commands_imports_nothing_that_is_not_needed():
    program = "import sys; from ontogym.cli import main; main(['--help']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1]
    for name in (
        "torch",
        "numba",
        "tyro",
        "rich",
        "matplotlib",
        "scipy",
        "stable_baselines3",
        "ontogym.baselines",
    ):
        assert f"'{name}'" not in loaded


def test_evolving_where_numba_does_the_work_does_not_import_torch(tmp_path):
    line = ["evolve", "--env", "ontogym/CartPole-v1", "--nodes", "11", "--out", str(tmp_path / "r"), *TINY]
    program = f"import sys; from ontogym.cli import main; print(main({line}), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 False"


def test_the_default_of_the_line_does_what_works_and_the_papers_agent_is_there():
    parse = commands.parse
    assert parse(["evolve"]).configured().agent_options == {"io_identity": True}
    for env in PRESETS:
        assert parse(["evolve", "--env", env]).configured().agent_options["io_identity"] is True
        assert parse(["evolve", "--env", env, "--paper"]).configured().agent_options == {}
    assert parse(["evolve", "--no-io-identity"]).configured().agent_options == {}
    assert parse(["evolve", "--no-preset"]).configured().agent_options == {}
    assert EvolutionConfig().agent_options == {}  # in Python, and so in every file without the field
    assert "agent_options" not in preset("ontogym/CartPole-v1", "mlp")


def test_a_stored_configuration_without_the_field_still_means_off(tmp_path):
    (tmp_path / "old.toml").write_text('env = "ontogym/CartPole-v1"\n')
    command = commands.parse(["evolve", "--config", str(tmp_path / "old.toml")])
    assert command.configured().agent_options == {}
    # So does a cell of a sweep, which is a line made of a file.
    line = ["evolve", "--env", "ontogym/Foraging-v0", "--stored"]
    assert commands.parse(line).configured().agent_options == {"growth_bias": 2.0}


def test_a_dry_run_prints_what_config_reads(tmp_path, capsys):
    line = ["evolve", "--env", "ontogym/Foraging-v0", "--seed", "3", "--generations", "2"]
    assert main([*line, "--dry-run"]) == 0
    (tmp_path / "a.toml").write_text(capsys.readouterr().out)
    told = commands.parse(line).configured()
    assert commands.parse(["evolve", "--config", str(tmp_path / "a.toml")]).configured() == told
    assert read_config(tmp_path / "a.toml")["env_kwargs"] == {"observation": "one-hot"}


def test_toml_holds_what_it_is_given(tmp_path):
    values = {"a": 1, "b": [1.5, float("inf")], "c": {"d e": 'ü\n"', "f": {}}, "g": True, "h": None, "i": []}
    (tmp_path / "x.toml").write_text(toml(values), encoding="utf-8")
    assert read_config(tmp_path / "x.toml") == {k: v for k, v in values.items() if v is not None}


def test_citations_are_printed_when_asked_for(tmp_path, capsys):
    line = ["evolve", "--env", "ontogym/CartPole-v1", "--agent", "mlp", *TINY, "--out"]
    assert main([*line, str(tmp_path / "a")]) == 0
    assert "@article" not in capsys.readouterr().out
    assert main([*line, str(tmp_path / "b"), "--cite"]) == 0
    assert "towers2024gymnasium" in capsys.readouterr().out


def test_a_run_below_its_target_says_what_to_try(tmp_path, capsys):
    line = ["evolve", "--env", "ontogym/CartPole-v1", "--agent", "mlp", *TINY, "--out", str(tmp_path / "a")]
    assert main([*line, "--target", "499"]) == 0
    said = capsys.readouterr().out
    assert "What to try:" in said
    assert "--seed 1" in said
    assert main([*line[:-1], str(tmp_path / "b"), "--target", "None"]) == 0
    assert "What to try" not in capsys.readouterr().out


def test_advice_knows_an_empty_network():
    score = {"diagnostics": {"density": 0.0}, "min": 1.0, "max": 2.0, "ci95": [1.0, 2.0]}
    result = type("R", (), {"score": score, "generations": 9, "generation": 9})
    found = what_to_try(EvolutionConfig(target=5.0, generations=9, eval_every=3), result)
    assert "--growth-bias 2" in found[0]
    assert "--io-identity" in found[1]
    assert any("--resume --generations 18" in line for line in found)
    once = what_to_try(EvolutionConfig(target=5.0, generations=9, eval_every=9), result)
    assert not any("still rising" in line for line in once)  # it was looked at once


def test_completion_knows_commands_and_flags(capsys):
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stderr
    probe = f'{script}\nCOMP_WORDS=(ontogym evolve --feat); COMP_CWORD=2; _ontogym; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", probe], text=True, capture_output=True, check=True)
    assert done.stdout.split() == ["--features", "--features-options"]


def test_a_list_of_names_is_never_a_thousand_characters():
    many = [f"environment-number-{k}" for k in range(500)]
    assert len(listed(many)) < 300
    assert listed(many).endswith("more")
    assert listed(["a", "b"]) == "a, b"
    assert len(str(UnknownNameError("environment", "zzz", many))) < 400


def test_no_command_makes_a_folder_outside_of_where_it_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["evolve", "--env", "ontogym/CartPole-v1", "--agent", "mlp", *TINY]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"runs"}
    places = [
        Replay(target)._places()[0] for target in ("zoo:lndp-cartpole", "runs/CartPole-v1-mlp-s0", "random")
    ]
    assert [place.as_posix() for place in places] == [
        "runs/replay-lndp-cartpole/life.gif",
        "runs/CartPole-v1-mlp-s0/replay/life.gif",
        "runs/replay-random/life.gif",
    ]
    assert main(["replay", "zoo:lndp-cartpole", "--episodes", "1", "--out", "films/a.mp4"]) == 0
    assert {path.name for path in (tmp_path / "films").iterdir()} == {"a.mp4"}
