"""The command line: what it prints, where it writes, how it fails."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from ontogym import checkpoint
from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.baselines.evolution.presets import PRESETS
from ontogym.baselines.loading import load
from ontogym.cli import main
from ontogym.cli.commands import parse
from ontogym.registry import SPONTANEOUS

# 11 nodes: the size that the other tests of the numba kernel have compiled already.
TINY = ["--population", "4", "--generations", "2", "--eval-lives", "2", "--final-lives", "2", "--nodes", "11"]


def evolve(out: Path, *more: str) -> list[str]:
    return ["evolve", "--env", "ontogym/CartPole-v1", "--out", str(out), "--io-identity", *TINY, *more]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cli") / "run"
    assert main(evolve(out)) == 0
    return out


def last_json(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_evolve_leaves_a_run_and_says_what_it_found(tmp_path, capsys):
    assert main(evolve(tmp_path / "run")) == 0
    out = capsys.readouterr().out
    assert "score on fresh lives" in out
    assert f"ontogym replay {tmp_path / 'run'}" in out
    found = {p.name for p in (tmp_path / "run").iterdir()}
    assert {"config.json", "progress.csv", "result.json", "best.safetensors"} <= found


SOURCES_OPTIONS = {"white-noise": ["sd=0.5"], "retinal-waves": ["preset=turtle", "radius=8", "warm_up_min=1"]}


@pytest.mark.parametrize(
    ("source", "engine"), [*((s, "numba") for s in SPONTANEOUS), ("retinal-waves", "torch")]
)
def test_every_source_of_development_evolves_and_its_agents_are_evaluated(source, engine, tmp_path, capsys):
    options = SOURCES_OPTIONS.get(source, [])
    more = ["--development", source, "--development-steps", "6", "--engine", engine]
    given = ["--development-options", *options] if options else []
    assert main(evolve(tmp_path / "run", "--max-steps", "5", "--json", *more, *given)) == 0
    told = last_json(capsys)["config"]["agent_options"]
    assert told.get("development_options", []) == options
    agent = load_agent(str(tmp_path / "run")).build()
    assert agent.development_options == tuple(options)
    assert (agent.development_params(np.zeros((1, agent.genome_size))) is None) == (
        source != "ornstein-uhlenbeck"
    )
    assert main(["evaluate", str(tmp_path / "run"), "--lives", "2", "--json"]) == 0
    assert np.isfinite(last_json(capsys)["mean"])


def test_a_named_environment_is_lived_in_as_it_is_unless_the_agent_does_not_fit(tmp_path, capsys):
    """What a curriculum asked of a world is not asked of another id of the same kind; what is seen must stay."""
    brief = ["--no-preset", "--agent", "mlp", "--generations", "1", "--population", "4", "--lives", "2", "--max-steps", "9",
             "--eval-lives", "2", "--final-lives", "2", "--json"]  # fmt: skip
    kept = {}
    for name, env, kwargs in (
        ("flip", "CartPoleActionFlip-v1", "changes=2"),
        ("food", "Foraging-v0", "observation=one-hot"),
    ):
        run = str(tmp_path / name)
        assert main(["evolve", "--env", f"ontogym/{env}", "--env-kwargs", kwargs, "--out", run, *brief]) == 0
        other = {"flip": "CartPoleActionFlip-v0", "food": "ForagingSwitch-v0"}[name]
        for line in (
            [],
            ["--env", f"ontogym/{other}"],
            ["--env-kwargs", "episodes=1"] if name == "flip" else [],
        ):
            capsys.readouterr()
            assert main(["evaluate", run, "--lives", "2", "--json", *line]) == 0
            kept[name, len(line) and line[0]] = last_json(capsys)["env_kwargs"]
    assert kept["flip", 0] == {"changes": 2}
    assert kept["flip", "--env"] == {}
    assert kept["flip", "--env-kwargs"] == {"changes": 2, "episodes": 1}
    assert kept["food", 0] == kept["food", "--env"] == {"observation": "one-hot"}


def test_json_is_one_object_on_the_last_line(tmp_path, capsys):
    assert main(evolve(tmp_path / "run", "--json")) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    found = json.loads(captured.out)
    assert found["generations"] == 2
    assert found["config"]["agent_options"] == {"io_identity": True, "nodes": 11}


def test_an_existing_run_is_not_clobbered_but_resumed_when_asked(run, capsys):
    before = (run / "progress.csv").read_bytes()
    assert main(evolve(run)) == 2
    assert "--resume" in capsys.readouterr().err
    assert (run / "progress.csv").read_bytes() == before
    assert main(evolve(run, "--resume", "--json")) == 0
    assert last_json(capsys)["generations"] == 2


def test_an_interrupted_run_says_how_to_go_on_and_does(run, tmp_path, monkeypatch, capsys):
    from ontogym.baselines.evolution.search import Search

    whole, count = Search._generation, []

    def interrupted(self):
        count.append(1)
        if len(count) == 2:
            raise KeyboardInterrupt
        return whole(self)

    out = tmp_path / "run"
    monkeypatch.setattr(Search, "_generation", interrupted)
    assert main(evolve(out, "--checkpoint-every", "1")) == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"ontogym: stopped; the same command with --resume goes on with {out}."
    assert not (out / "result.json").exists()
    assert main(evolve(out, "--checkpoint-every", "1", "--resume")) == 0
    score = [json.loads((folder / "result.json").read_text())["score"] for folder in (out, run)]
    assert score[0] == score[1]


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("segment", [1, 2])
def test_a_training_that_is_stopped_promises_what_can_be(
    segment: int, sent: signal.Signals, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """Before its first checkpoint nothing can be gone on with; after it, it ends in the bits of one left alone."""
    from ontogym.runs import RunFolder

    def words(name: str) -> list[str]:
        few = ["n_envs=1", "n_steps=16", "batch_size=16", "n_epochs=1", "net_arch=[4]"]
        made = ["train", "--algo", "ppo", "--env", "ontogym/CartPole-v1", "--steps", "48", "--segment", "16"]
        return [*made, "--eval-episodes", "1", "--hyper", *few, "--out", str(tmp_path / name)]

    keep = RunFolder.keep

    def stopped(self, kind, arrays, meta, write=True):
        if meta["segment"] == segment:
            signal.raise_signal(sent)
        keep(self, kind, arrays, meta, write)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "keep", stopped)
        assert main(words("cut")) == status
    said = capsys.readouterr().err.splitlines()[-1]
    out = tmp_path / "cut"
    assert said == (
        f"ontogym: stopped; the same command with --resume goes on with {out}."
        if segment > 1
        else f"ontogym: stopped; no checkpoint was written yet: the same command with --resume starts {out} over."
    )
    assert main([*words("cut"), "--resume"]) == main(words("whole")) == 0
    ours, theirs = (
        checkpoint.load(tmp_path / name / "last.safetensors", "policy")[0] for name in ("cut", "whole")
    )
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name])


def test_sigterm_keeps_the_last_generation_and_the_run_goes_on_to_the_same(tmp_path):
    """Ended in mid-generation, long before the next checkpoint is due."""

    def words(folder, generations):
        few = ["--population", "4", "--eval-every", "1000", "--eval-lives", "2", "--final-lives", "4"]
        few += ["--generations", str(generations), "--checkpoint-every", "1000000"]
        agent = ["--env", "CartPole-v1", "--agent", "tests.baselines.toy:Linear", *few]
        return ["evolve", *agent, "--out", str(tmp_path / folder)]

    started = [sys.executable, "-m", "ontogym", *words("cut", 1_000_000)]
    process = subprocess.Popen(started, stderr=subprocess.PIPE, text=True)
    rows, end = tmp_path / "cut" / "progress.csv", time.monotonic() + 120
    while not (rows.exists() and rows.read_bytes().count(b"\n") > 4):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=120)[1].splitlines()[-1]
    assert process.returncode == 143
    assert said == f"ontogym: stopped; the same command with --resume goes on with {tmp_path / 'cut'}."
    done = checkpoint.meta(tmp_path / "cut" / "checkpoint.safetensors")["generation"]
    assert rows.read_bytes().count(b"\n") - 1 - done in (0, 1)
    assert main([*words("cut", done + 3), "--resume"]) == main(words("whole", done + 3)) == 0
    cut, whole = (load_agent(tmp_path / name) for name in ("cut", "whole"))
    np.testing.assert_array_equal(cut.genome, whole.genome)
    assert cut.facts == whole.facts


def test_a_truncated_checkpoint_is_refused_and_left_as_it_is(tmp_path, capsys):
    out = tmp_path / "run"
    assert main(evolve(out)) == 0
    file = out / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    assert main(evolve(out, "--resume")) == 2
    assert "truncated" in capsys.readouterr().err
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_a_run_of_a_class_of_ones_own(tmp_path, capsys):
    """Its file names a class to import, so it must be trusted; and it remembers where episodes are cut."""
    out = str(tmp_path / "run")
    tiny = [*TINY[:-2], "--max-steps", "5", "--agent", "tests.baselines.toy:Linear", "--out", out]
    assert main(["evolve", *tiny]) == 0
    assert f"ontogym evaluate {out} --trust" in capsys.readouterr().out
    assert main(["evaluate", out, "--lives", "2"]) == 2
    assert "--trust" in capsys.readouterr().err
    assert main(["evaluate", out, "--lives", "2", "--trust", "--json"]) == 0
    assert last_json(capsys)["env_steps"] == 2 * 3 * 5
    assert main(["evaluate", out, "--lives", "2", "--trust", "--max-steps", "4", "--json"]) == 0
    assert last_json(capsys)["env_steps"] == 2 * 3 * 4
    assert main(["evaluate", out, "--episodes", "0", "--trust"]) == 2
    assert "0 episodes" in capsys.readouterr().err
    assert main(["replay", out, "--trust", "--out", str(tmp_path / "pictures")]) == 0
    # Without a network it is shown from outside.
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"life.gif", "life.png"}


def test_evaluation_elsewhere_keeps_the_arguments_of_the_same_environment(capsys):
    """The zoo's forager sees places one-hot: a raw observation would not fit its genome."""
    at = ["evaluate", "zoo:lndp-foraging", "--lives", "2", "--json"]
    assert main([*at, "--env", "ontogym/ForagingSwitch-v0"]) == 0
    switched = last_json(capsys)
    assert main([*at, "--env-kwargs", "p_switch=0.1"]) == 0
    assert last_json(capsys)["mean"] == switched["mean"]
    assert main([*at, "--env-kwargs", "observation=raw"]) == 2
    assert "genome" in capsys.readouterr().err


def test_what_held_a_life_when_it_was_evolved_holds_it_when_it_is_evaluated(tmp_path, capsys):
    more = [
        "--development",
        "white-noise",
        "--development-steps",
        "3",
        "--freeze",
        "all",
        "--develop-between",
    ]
    assert main(evolve(tmp_path / "run", "--max-steps", "5", "--json", *more)) == 0
    capsys.readouterr()
    at = ["evaluate", str(tmp_path / "run"), "--lives", "2", "--json"]
    for change in ([], ["--shuffle-wiring"]):
        assert main([*at, *change]) == 0
        assert np.isfinite(last_json(capsys)["mean"])
    spec = load(tmp_path / "run").spec
    assert (spec.freeze, spec.develop_between, spec.shuffle_wiring) == ("all", True, False)


def test_evaluate_a_run_and_its_file(run, capsys):
    assert main(["evaluate", str(run), "--lives", "3", "--json"]) == 0
    folder = last_json(capsys)
    assert main(["evaluate", str(run / "best.safetensors"), "--lives", "3", "--json"]) == 0
    assert last_json(capsys)["mean"] == folder["mean"]
    assert folder["lives"] == 3
    assert main(["evaluate", str(run), "--lives", "3"]) == 0
    assert "score" in capsys.readouterr().out


def test_evaluate_a_policy_by_hand_in_worlds_that_were_held_out(tmp_path, capsys):
    shift, out = "ontogym/RuleShiftCartPole-v0", str(tmp_path / "observer")
    by_hand = ["train", "--algo", "reference", "--env", shift, "--hyper", "policy=sign-observer"]
    assert main([*by_hand, "--eval-episodes", "1", "--out", out, "--json"]) == 0
    at = ["evaluate", out, "--lives", "4", "--episodes", "1", "--worlds", "test"]
    capsys.readouterr()
    assert main([*at, "--json"]) == 0
    found = last_json(capsys)
    assert (found["held_out"], found["worlds"]) == (1.0, [500.0] * 4)
    assert main([*at, "--env-kwargs", 'families=["signs"]']) == 2
    assert "leave families out" in capsys.readouterr().err


def test_replay_writes_a_film_and_a_picture(run, tmp_path, capsys):
    assert main(["replay", str(run), "--out", str(tmp_path / "r"), "--episodes", "1", "--json"]) == 0
    found = last_json(capsys)
    assert Path(found["animation"]).read_bytes()[:6] in (b"GIF89a", b"GIF87a")
    assert Path(found["figure"]).read_bytes()[:4] == b"\x89PNG"


def test_quickstart_writes_one_page_that_needs_no_other_file(tmp_path, capsys):
    command = ["quickstart", "--out", str(tmp_path / "q"), "--generations", "1", "--ppo-steps", "256"]
    assert main([*command, "--lives", "4", "--json"]) == 0
    found = last_json(capsys)
    page = Path(found["page"]).read_text()
    assert page.count("data:image/") >= 4
    assert "http" not in page.replace("http-equiv", "")
    assert len(found["scores"]) == 4
    assert main([*command, "--lives", "4"]) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_envs_and_rules_are_listed(capsys):
    assert main(["envs", "--json"]) == 0
    ids = {row["id"] for row in last_json(capsys)["environments"]}
    assert {"ontogym/Foraging-v0", "ontogym/CartPole-v1"} <= ids
    assert main(["envs", "ontogym/Foraging-v0"]) == 0
    assert "Action Space" in capsys.readouterr().out
    assert main(["rules", "--json"]) == 0
    assert {"lndp-edge-gru", "hebbian-abcd"} <= {row["name"] for row in last_json(capsys)["rules"]}


def test_a_broken_plugin_is_listed_with_its_error(tmp_path, monkeypatch, capsys):
    from ontogym.registry import RULES

    (tmp_path / "broken_plugin.py").write_text("raise RuntimeError('[/no/markup] broken')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(RULES.added, "broken", "broken_plugin:Rule")
    monkeypatch.setenv("COLUMNS", "400")
    assert main(["rules"]) == 0
    out = capsys.readouterr().out
    assert "RuntimeError: [/no/markup] broken" in out
    assert "lndp-edge-gru" in out
    assert main(["rules", "check", "broken"]) == 2


def test_rules_check_finds_nothing_in_a_good_rule_and_says_what_is_wrong_in_a_bad_one(capsys):
    assert main(["rules", "check", "hebbian-abcd", "--json"]) == 0
    assert last_json(capsys)["findings"] == []
    assert main(["rules", "check", "tests.cli.test_cli:faulty_rule"]) == 1
    assert "finding" in capsys.readouterr().out


def faulty_rule(**options):
    """A rule that writes to what it is shown."""
    from ontogym.developmental.rules import RuleOutput
    from ontogym.developmental.rules.hebbian import HebbianABCDRule

    class Faulty(HebbianABCDRule):
        def step(self, params, state, context):
            context.weights.mul_(1.001)
            return RuleOutput(dw=context.weights * 0), state

    return Faulty(**options)


def test_a_rule_is_a_flag_of_the_plastic_agent(tmp_path, capsys):
    sizes = [word for word in TINY if word not in ("--nodes", "11")]
    words = ["evolve", "--agent", "plastic", "--rule", "oja", "--structural-rule", "deep-rewiring", *sizes]
    assert main([*words, "--env", "ontogym/CartPole-v1", "--out", str(tmp_path / "run"), "--json"]) == 0
    found = last_json(capsys)
    assert found["config"]["agent_options"] == {"synaptic_rule": "oja", "structural_rule": "deep-rewiring"}
    cited = "\n".join(found["bibtex"])
    assert "oja1982simplified" in cited
    assert "bellec2018deepr" in cited


def test_the_short_form_of_a_rule_serves_the_lndp_too():
    config = parse(["evolve", "--rule", "bcm", "--structural-rule", "deep-rewiring"]).configured()
    assert config.agent_options == {
        "synaptic_rule": "bcm",
        "structural_rule": "deep-rewiring",
        "io_identity": True,
    }


def test_a_bare_class_with_faults_is_told_each_in_a_sentence(capsys):
    assert main(["rules", "check", "tests.testing.test_check_rule:UsesReward", "--json"]) == 1
    (finding,) = last_json(capsys)["findings"]
    assert finding["name"] == "third-factor"
    assert "declare scope" in finding["message"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["evolve", "--env", "ontogym/CartPol-v1"], "did you mean 'ontogym/CartPole-v1'"),
        (["evolve", "--agent", "lmdp"], "did you mean 'lndp'"),
        (["evolve", "--strategy", "cma-diag"], "did you mean 'cma-diagonal'"),
        (["evolve", "--synaptic-rule", "hebian-abcd"], "did you mean 'hebbian-abcd'"),
        (["evolve", "--development", "silense", "--development-steps", "3"], "did you mean 'silence'"),
        (["evolve", "--agent-options", "nods=3"], "did you mean 'nodes'"),
        (["evolve", "--env-kwargs", "siz=3", "--env", "ontogym/Foraging-v0"], "did you mean 'size'"),
        (["evolve", "--env-kwargs", "size"], "KEY=VALUE"),
        (["evolve", "--nodes", "5"], "hidden node"),
        (["evolve", "--population", "1"], "at least 2"),
        (["evaluate", "nowhere"], "There is no file"),
        (["evaluate", "zoo:nobody"], "zoo agent"),
        (["envs", "ontogym/Forage-v0"], "did you mean 'ontogym/Foraging-v0'"),
        (["rules", "check", "hebian-abcd"], "did you mean 'hebbian-abcd'"),
        (["rules", "check"], "which rule"),
        (["rules", "check", "nowhere:Rule"], "Cannot import 'nowhere'"),
        (["evolve", "--agent", "plastic", "--rule", "oya"], "did you mean 'oja'"),
        (["evolve", "--agent", "plastic", "--rule", "oja", "--synaptic-rule", "bcm"], "one of them"),
        (["evolve", "--agent", "plastic", "--structural-rule", "oja"], "choose a structural one"),
        (["evolv"], "did you mean 'evolve'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_sentence_and_status_two_and_writes_nothing(
    arguments, sentence, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.startswith("ontogym: ")
    assert len(captured.err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_unknown_flags_end_with_status_two(capsys):
    assert main(["evolve", "--populatio", "3"]) == 2
    assert "--population" in capsys.readouterr().err


def test_damaged_and_foreign_files_are_refused(run, tmp_path, capsys):
    whole = (run / "best.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    assert main(["evaluate", str(tmp_path / "cut.safetensors")]) == 2
    assert "truncated" in capsys.readouterr().err
    assert main(["evaluate", str(run / "checkpoint.safetensors")]) == 2
    assert "not 'agent'" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--env", "ontogym/Acrobot-v1"]) == 2
    assert "rebuild the agent" in capsys.readouterr().err


class Still(gymnasium.Env):
    """An environment in which nothing happens."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}


def test_observations_that_no_network_takes_are_refused(tmp_path, monkeypatch, capsys):
    class Pictures(Still):
        observation_space = gymnasium.spaces.Dict(
            {
                "camera": gymnasium.spaces.Box(0, 255, (64, 64, 3), np.uint8),
                "speed": gymnasium.spaces.Box(0, 1, (1,)),
            }
        )
        action_space = gymnasium.spaces.Discrete(2)

    monkeypatch.chdir(tmp_path)
    gymnasium.register("test/Pictures-v0", Pictures, max_episode_steps=5)
    try:
        assert main(["evolve", "--env", "test/Pictures-v0"]) == 2
    finally:
        gymnasium.registry.pop("test/Pictures-v0")
    assert "feature extractor" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_words_are_no_observations(tmp_path, monkeypatch, capsys):
    class Words(Still):
        observation_space = gymnasium.spaces.Text(10)
        action_space = gymnasium.spaces.Discrete(2)

    monkeypatch.chdir(tmp_path)
    gymnasium.register("test/Words-v0", Words, max_episode_steps=5)
    try:
        assert main(["evolve", "--env", "test/Words-v0"]) == 2
    finally:
        gymnasium.registry.pop("test/Words-v0")
    assert "type Text cannot be flattened" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("env", PRESETS)
def test_presets_are_the_defaults_and_flags_override_them(env):
    from ontogym.baselines.evolution.config import life_spec

    config = parse(["evolve", "--env", env, "--seed", "7"]).configured()
    assert config.target == PRESETS[env]["target"]
    assert config.seed == 7
    life_spec(config)
    assert parse(["evolve", "--env", env, "--target", "1"]).configured().target == 1
    assert parse(["evolve", "--env", env, "--no-preset"]).configured().target is None


def test_lndp_options_are_flags_and_only_those_that_differ_are_kept():
    command = parse(
        ["evolve", "--io-identity", "--no-graph-transformer", "--start", "empty", "--threads", "1"]
    )
    assert command.configured().agent_options == {
        "io_identity": True,
        "graph_transformer": False,
        "start": "empty",
        "threads": 1,
    }


def test_module_and_version_in_a_process_of_their_own():
    done = subprocess.run(
        [sys.executable, "-m", "ontogym", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("ontogym 0.")
