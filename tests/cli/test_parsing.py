"""The command line's own machinery: groups, defaults, what reaches stdout, what is imported."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ontogym.agents.lndp import LNDPConfig
from ontogym.baselines.evolution.config import EvolutionConfig
from ontogym.cli import citations, commands, main
from ontogym.cli.citations import used_by
from ontogym.errors import OntogymError


@dataclasses.dataclass(frozen=True)
class Probe:
    """Stands for a command of a later day.

    More about it, which the list of commands leaves out.
    """

    fault: str = ""
    json: bool = False

    def run(self) -> dict[str, Any]:
        print("a library that chatters")
        if self.fault == "lines":
            raise OntogymError("first line\n  second line")
        if self.fault == "stop":
            raise KeyboardInterrupt
        if self.fault == "bug":
            raise RuntimeError("a bug")
        return {"nan": float("nan"), "deep": [{"inf": float("inf")}], "fine": 1.5, "exit_status": 1}


@pytest.fixture
def probes(monkeypatch):
    monkeypatch.setitem(commands.COMMANDS, "waves dataset", Probe)
    monkeypatch.setitem(commands.COMMANDS, "waves render", Probe)


def test_commands_of_two_words(probes, capsys):
    assert main(["waves", "dataset"]) == 1
    assert main(["waves", "datasett"]) == 2
    assert "did you mean 'waves dataset'?" in capsys.readouterr().err
    assert main(["waves", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "dataset" in shown
    assert "render" in shown
    assert "evolve" not in shown
    assert main(["waves"]) == 2


def test_the_list_of_commands_has_one_line_each(probes, capsys):
    assert main(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert {name.split()[0] for name in commands.COMMANDS} <= set(shown.split())
    assert "ontogym waves --help" in shown
    assert "two minutes" not in shown  # from quickstart's second paragraph


def test_json_has_stdout_to_itself_and_no_nan(probes, capsys):
    assert main(["waves", "dataset", "--json"]) == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert json.loads(captured.out) == {"nan": None, "deep": [{"inf": None}], "fine": 1.5, "exit_status": 1}
    assert "chatters" in captured.err


def test_bad_input_is_one_line_whatever_a_library_said(probes, capsys):
    assert main(["waves", "dataset", "--fault", "lines"]) == 2
    assert capsys.readouterr().err == "ontogym: first line second line\n"


def test_an_interrupt_ends_with_130_and_a_bug_with_its_traceback(probes, capsys):
    assert main(["waves", "dataset", "--fault", "stop"]) == 130
    assert capsys.readouterr().err.strip() == "ontogym: interrupted."
    with pytest.raises(RuntimeError, match="a bug"):
        main(["waves", "dataset", "--fault", "bug"])


def test_every_field_of_the_configuration_is_a_flag_with_its_default():
    command = commands.parse(["evolve", "--no-preset"])
    assert command.config == EvolutionConfig(env="ontogym/CartPole-v1")
    line = ["--told", "termination", "--silenced", "action", "--episode-weights", "0", "1", "--episodes", "2"]
    line += ["--conditions", '[{"phase": 0}, {"phase": 1}]', "--from", "zoo:lndp-cartpole"]
    config = commands.parse(["evolve", "--no-preset", *line]).config
    assert (config.told, config.silenced, config.episode_weights) == ("termination", ("action",), (0.0, 1.0))
    assert config.conditions == ({"phase": 0}, {"phase": 1})
    assert config.start_from == "zoo:lndp-cartpole"


def test_a_configuration_file_gives_the_defaults_of_any_command(tmp_path):
    (tmp_path / "a.toml").write_text(
        'env = "ontogym/Foraging-v0"\npopulation = 9\nagent_options = {nodes = 11}\n'
    )
    config = commands.parse(["evolve", "--config", str(tmp_path / "a.toml"), "--lives", "4"]).configured()
    assert (config.env, config.population, config.lives) == ("ontogym/Foraging-v0", 9, 4)
    assert config.agent_options == {"nodes": 11}
    assert config.env_kwargs == {}  # a file says all; presets are for lines
    (tmp_path / "b.toml").write_text('algo = "a2c"\nhyper = {n_steps = 4}\n')
    train = commands.parse(["train", f"--config={tmp_path / 'b.toml'}"]).config
    assert (train.algo, train.hyper) == ("a2c", {"n_steps": 4})
    (tmp_path / "c.toml").write_text("lifes = 3\n")
    with pytest.raises(OntogymError, match="did you mean 'lives'"):
        commands.parse(["evolve", "--config", str(tmp_path / "c.toml")])
    (tmp_path / "d.toml").write_text("lives = 3\n")
    assert commands.parse(["evaluate", "zoo:lndp-cartpole", "--config", str(tmp_path / "d.toml")]).lives == 3


def test_a_plastic_agent_develops_on_a_source_with_its_options():
    line = ["evolve", "--agent", "plastic", "--development", "retinal-waves", "--development-steps", "3"]
    options = commands.parse([*line, "--development-options", "preset=mouse"]).configured().agent_options
    assert options["development_options"] == ["preset=mouse"]


@pytest.mark.parametrize("flag", [["--env-kwargs", "size=7"], ["--env-kwargs", "observation=raw"], []])
def test_named_arguments_leave_the_others_of_the_preset(flag):
    config = commands.parse(["evolve", "--env", "ontogym/Foraging-v0", *flag]).configured()
    named = dict(pair.split("=") for pair in flag[1:])
    expected = {"observation": "one-hot"} | {k: int(v) if v.isdigit() else v for k, v in named.items()}
    assert config.env_kwargs == expected
    bare = commands.parse(["evolve", "--no-preset", "--env=ontogym/Foraging-v0", *flag]).configured()
    assert bare.env_kwargs == {k: v for k, v in expected.items() if k in named}


@pytest.mark.parametrize("agent", ["lndp", "mlp", "plastic"])
def test_an_id_with_the_packages_prefix_is_the_same_environment(agent):
    """Preset, hidden goals, target and tuned settings are looked up by the bare id."""
    from ontogym.baselines.sb3.config import TrainingConfig
    from ontogym.baselines.sb3.settings import hyperparameters
    from ontogym.cli.evolve import with_preset
    from ontogym.envs.registration import anchors, change_cost, conditions, episodes_of_life

    ids = ("ontogym/Foraging-v0", "ontogym:ontogym/Foraging-v0", "ontogym.envs:ontogym/Foraging-v0")
    plain, *prefixed = (with_preset(["--env", env, "--agent", agent])[0].configured() for env in ids)
    assert conditions(ids[1]) == ({"goal": 0}, {"goal": 1})
    assert agent != "lndp" or plain.target == 450.0
    for config in prefixed:
        assert config == plain
    for look_up in (anchors, conditions, episodes_of_life, change_cost):
        assert len({str(look_up(env)) for env in ids}) == 1
    trained = [TrainingConfig("ppo", env) for env in ids]
    assert trained[1] == trained[2] == trained[0]
    assert hyperparameters("ppo", ids[1], {}) == hyperparameters("ppo", ids[0], {})


def test_a_run_that_is_not_there_is_not_resumed_as_another(tmp_path, capsys):
    """Without a word of what to begin, --resume would begin the default run in the wrong folder."""
    for command in ("evolve", "train"):
        assert main([command, "--out", str(tmp_path / "none"), "--resume", "--json"]) == 2
        assert "no run in" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_flags_of_the_lndp_are_not_swallowed_by_another_agent(capsys):
    agent = "tests.baselines.toy:Linear"
    assert main(["evolve", "--agent", agent, "--io-identity"]) == 2
    assert "--io-identity" in capsys.readouterr().err
    config = commands.parse(["evolve", "--agent", agent, "--agent-options", "noise=0.5"]).configured()
    assert config.agent_options == {"noise": 0.5}
    assert ":" not in config.out


def test_development_without_steps_is_refused():
    with pytest.raises(OntogymError, match="--development-steps"):
        commands.parse(["evolve", "--development", "silence"]).configured()
    options = commands.parse(["evolve", "--development", "silence", "--development-steps", "3"]).configured()
    assert options.agent_options == {"development": "silence", "development_steps": 3, "io_identity": True}


def test_options_of_the_source_of_development():
    noise = ["evolve", "--development", "white-noise", "--development-steps", "3"]
    options = commands.parse([*noise, "--development-options", "sd=2"]).configured().agent_options
    assert options["development_options"] == ["sd=2"]
    written = LNDPConfig(**json.loads(json.dumps(options)))  # a file holds a list
    assert written == LNDPConfig(**options | {"development_options": {"sd": 2}})
    with pytest.raises(OntogymError, match="those of a source"):
        LNDPConfig(development_options=("sd=2",))
    with pytest.raises(OntogymError, match="give words"):
        LNDPConfig(development="silence", development_options=3)


def test_the_source_of_development_is_cited(monkeypatch):
    monkeypatch.setattr(citations, "bibtex", list)
    config = commands.parse(
        ["evolve", "--development", "retinal-waves", "--development-steps", "3"]
    ).configured()
    assert any("2311.17232" in text for text in used_by(config))
    assert not any("2311.17232" in text for text in used_by(commands.parse(["evolve"]).configured()))


def test_bibtex_of_what_was_used():
    lndp = used_by(commands.parse(["evolve", "--synaptic-rule", "hebbian-abcd"]).configured())
    plain = used_by(EvolutionConfig(env="CartPole-v1", agent="tests.baselines.toy:Linear"))
    keys = [{entry.partition("{")[2].partition(",")[0] for entry in found} for found in (lndp, plain)]
    assert {"plantec2024lndp", "najarro2020hebbian", "towers2024gymnasium"} <= keys[0]
    assert "plantec2024lndp" not in keys[1]
    assert "towers2024gymnasium" in keys[1]
    assert all(entry.startswith("@") and entry.endswith("}") for entry in lndp)


def test_the_command_line_starts_light():
    heavy = ["torch", "numba", "matplotlib", "stable_baselines3", "torch_geometric", "imageio", "scipy.stats"]
    program = f"""
import sys
from ontogym.cli import citations, commands, main
status = main(["envs", "--json"])
print(status, [name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.splitlines()[-1] == "0 []"


@pytest.mark.parametrize(
    "line", ['env = "evil.py:Evil"', 'agent = "evil:Evil"', 'agent_options = { rule = "evil:E" }']
)
def test_a_configuration_that_names_code_wants_it_said_on_the_line(tmp_path, monkeypatch, capsys, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text("raise SystemExit('executed')")
    (tmp_path / "c.toml").write_text(line + "\n")
    assert main(["evolve", "--config", "c.toml", "--out", "run"]) == 2
    assert "would import code" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "line", [["evaluate", "zoo:" + "a" * 5000], ["evaluate", "a" * 300], ["replay", "b" * 300]]
)
def test_a_path_that_no_system_has_is_one_sentence(capsys, line):
    assert main(line) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert len(said[0]) < 400
