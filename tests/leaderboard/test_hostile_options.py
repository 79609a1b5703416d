"""Options of agents and sources: every one has a bound, none reaches out of the submission, type and content agree."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ontogym.agents.lndp.organism import LNDPConfig
from ontogym.agents.plastic.config import PlasticConfig
from ontogym.baselines.evolution.agent_files import SavedAgent, save_agent
from ontogym.baselines.evolution.carried import RULE_TENSOR
from ontogym.baselines.lives.life import make_agent
from ontogym.baselines.sb3.networks import build_policy
from ontogym.developmental.rules.inferred.network import UpdateNetwork
from ontogym.developmental.rules.inferred.rule import save_rule
from ontogym.leaderboard.limits import Refused
from ontogym.leaderboard.manifest import check_manifest, check_task
from ontogym.leaderboard.options import AGENT_OPTIONS, SOURCE_OPTIONS, check_options
from ontogym.leaderboard.players import agent_types
from ontogym.leaderboard.runs import Candidate, make_submission, read_run
from ontogym.leaderboard.schema import Real, Text, Whole
from ontogym.leaderboard.submission import Submission, pack, read_submission, write_submission
from ontogym.leaderboard.verification import verify
from ontogym.registry import AGENTS, SPONTANEOUS
from tests.leaderboard.submissions import changed, check_sentence, lndp, random_agent, spoiled, why_refused

HOST = {"engine", "device", "dtype", "threads", "compiled"}


def bounds_of(schema: Any) -> list[Any]:
    """Every field of a schema, the nested ones too."""
    found = [schema]
    for each in dataclasses.fields(schema):
        value = getattr(schema, each.name)
        parts = (
            value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else [value]
        )
        found += [inner for part in parts if hasattr(part, "check") for inner in bounds_of(part)]
    return found


@pytest.fixture(scope="module")
def evolved() -> Submission:
    return lndp()


def test_every_option_of_ours_has_a_bound_and_no_other_is_taken() -> None:
    """A new option of an agent or a source is refused until somebody has thought of its bound."""
    known = {"lndp": LNDPConfig, "ndp": LNDPConfig, "plastic": PlasticConfig}
    for name in AGENTS.builtin:
        if name in known:
            options = {f.name for f in dataclasses.fields(known[name])}
        else:
            options = set(inspect.signature(AGENTS.get(name)).parameters) - {
                "observation_space",
                "action_space",
            }
            options -= {"args", "kwargs"}
        carried = {"network", "hidden"} if name == "logistic" else set()
        assert set(AGENT_OPTIONS[name].optional) == (options | carried) - {"rule_path"} - HOST
    for name in SPONTANEOUS.builtin:
        assert set(SOURCE_OPTIONS[name].optional) == set(
            inspect.signature(SPONTANEOUS.get(name)).parameters
        ) - {
            "args",
            "kwargs",
        }
    assert set(agent_types()) <= set(AGENT_OPTIONS)
    for schema in (*AGENT_OPTIONS.values(), *SOURCE_OPTIONS.values()):
        for field in bounds_of(schema):
            if isinstance(field, (Whole, Real)):
                assert abs(field.low) <= 2**63
                assert abs(field.high) <= 2**63
            if isinstance(field, Text):
                assert field.most <= 4000


def source(**options: Any) -> dict[str, Any]:
    return {"development": "retinal-waves", "development_steps": 10, "development_options": options}


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (source(frame_ms=1e15), "'frame_ms'"),
        (source(frame_ms=24), "'frame_ms'"),
        (source(radius=256, warm_up_min=60), "'radius'"),
        (source(warm_up_min=1440), "'warm_up_min'"),
        (source(retinas=10**6), "'retinas'"),
        (source(gain=True), "'gain'"),
        (source(parameters={"refractory_s": 1e300}), "'parameters'"),
        (source(nonsense=1), "nonsense"),
        ({**source(), "development_options": ["frame_ms=1e15"]}, "'frame_ms'"),
        ({**source(), "development_options": ["frame_ms=NaN"]}, "'frame_ms'"),
        ({**source(), "development_options": ["radius"]}, "KEY=VALUE"),
        ({**source(), "development_options": 5}, "'development_options'"),
        (
            {"development": "white-noise", "development_steps": 2000, "nodes": 600},
            "development_steps x nodes",
        ),
        ({"development": "white-noise", "development_steps": 100_000}, "'development_steps'"),
        ({"development": "white-noise", "development_steps": -1}, "'development_steps'"),
        ({"development": "subprocess:Popen", "development_steps": 1}, "would import code"),
        ({"synaptic_rule": 5}, "'synaptic_rule'"),
        ({"synaptic_rule": ["oja"]}, "'synaptic_rule'"),
        ({"synaptic_rule": {"a": 1}}, "'synaptic_rule'"),
        ({"rnn_iters": 10**6}, "'rnn_iters'"),
        ({"density": 1e9}, "'density'"),
        ({"growth_bias": 1e308}, "'growth_bias'"),
        ({"nodes": 32.0}, "'nodes'"),
    ],
)
def test_options_beyond_their_bounds(tmp_path: Path, evolved: Submission, options: Any, what: str) -> None:
    reason = why_refused(spoiled(tmp_path / "s", evolved, {"agent/options": options}))
    assert what in reason
    assert reason.endswith(".")


def test_options_nested_deeper_than_a_reader_of_json_goes(tmp_path: Path, evolved: Submission) -> None:
    """How deep it goes is the interpreter's affair: it is no KEY=VALUE, or a value that is no table of numbers."""
    options = {**source(), "development_options": ["parameters=" + "[" * 1900]}
    reason = why_refused(spoiled(tmp_path / "s", evolved, {"agent/options": options}))
    assert "KEY=VALUE" in reason or "'parameters' must be null or numbers by name" in reason
    assert len(reason) < 400


@pytest.mark.parametrize(
    "options",
    [
        {"rule_path": "rule.safetensors"},
        {"rule_path": "/etc/passwd"},
        {"rule": "inferred", "rule_path": "../other/rule.safetensors"},
        {"rule": "/tmp/rule"},
        {"rule": "..\\up"},
        {"rule": "~root"},
        {"model_file": "x"},
    ],
)
def test_options_that_are_paths(tmp_path: Path, evolved: Submission, options: dict[str, Any]) -> None:
    """No file of the verifier's is opened, and whether one exists is not told."""
    for kind in ("logistic", "lndp", "a-plug-in"):
        with pytest.raises(Refused, match=r"names a file|names no file|Unknown key"):
            check_options(kind, options)
    change = {"agent/type": "logistic", "agent/options": options}
    with pytest.raises(Refused):
        read_submission(spoiled(tmp_path / "s", evolved, change))


def test_a_logistic_agent_carries_its_rule(tmp_path: Path) -> None:
    """What its options called a file goes into the submission; without the file it is still the same agent."""
    network = UpdateNetwork("gru", 4)
    params = network.initialise(3)
    env = "ontogym/DeNovoChoice-v0"
    run = tmp_path / "run"
    save_rule(run / "rule.safetensors", network, params, {})
    options = {"rule": "inferred", "rule_path": str(run / "rule.safetensors")}
    agent = make_agent("logistic", env, {}, options)
    save_agent(run / "best.safetensors", SavedAgent(agent.initial_genome(), "logistic", options, env))
    (run / "config.json").write_text(f'{{"env": "{env}", "agent": "logistic"}}')
    made = make_submission(read_run(str(run)), author="A")
    (run / "rule.safetensors").unlink()
    assert set(made.tensors) == {"genome", RULE_TENSOR}
    assert made.manifest["agent"]["options"] == {"rule": "inferred", "network": "gru", "hidden": 4}
    assert verify(made)["status"] == "verified"
    for change in ({"agent/options": {"network": "dnn", "hidden": 4}}, {"agent/options": {"hidden": 5}}):
        assert RULE_TENSOR in verify(changed(made, change))["reasons"][0]


def ppo(**options: Any) -> Candidate:
    import gymnasium

    env = gymnasium.make("ontogym/CartPole-v1")
    policy = build_policy({"algorithm": "ppo"}, env.observation_space, env.action_space)
    tensors = {name: tensor.numpy() for name, tensor in policy.state_dict().items()}
    training = {"env_steps": 10, "wall_seconds": 1.0}
    return Candidate(
        "ppo", {"algorithm": "ppo", **options}, tensors, "ontogym/CartPole-v1", training=training
    )


def test_type_and_content_belong_together(tmp_path: Path) -> None:
    good = make_submission(ppo())
    assert verify(good)["status"] == "verified"
    reference = {"algorithm": "reference"}
    for k, (change, reason) in enumerate(
        [
            ({"agent/options": reference}, "'algorithm'"),
            ({"agent/options": {"algorithm": "random"}}, "must be 'ppo'"),
            ({"agent/options": {"algorithm": "a2c"}}, "must be 'ppo'"),
            ({"agent/type": "a2c", "agent/options": {"net_arch": [64]}}, "tensor"),
            ({"agent/type": "random", "agent/options": {}}, "has no weights"),
            ({"agent/type": "cart-pole-balance", "agent/options": {}}, "has no weights"),
            ({"agent/type": "lndp", "agent/options": {}}, "'genome'"),
            ({"agent/type": "logistic", "agent/options": {}}, "'genome'"),
        ]
    ):
        assert reason in why_refused(spoiled(tmp_path / f"s{k}", good, change))
    empty = random_agent(0, "CartPole-v1")
    for k, kind in enumerate(("ppo", "a2c", "dqn", "lndp", "win-stay-lose-shift", "acrobot-pump")):
        change = {"agent/type": kind, "agent/options": {}}
        reason = why_refused(spoiled(tmp_path / f"e{k}", empty, change))
        assert "there are none" in reason or "'genome'" in reason or "is written for" in reason


def values(rng: np.random.Generator, depth: int = 0) -> Any:
    """Anything that JSON can hold, most of it unkind."""
    kind = rng.integers(12 if depth < 4 else 9)
    plain: list[Any] = [
        None,
        True,
        -1,
        10 ** int(rng.integers(31)),
        float(rng.normal() * 10.0 ** rng.integers(-300, 300)),
        "",
        "\u3164x",
        "a:b",
        "../" * int(rng.integers(4)) + "x",
    ]
    if kind < 9:
        return plain[kind]
    parts = [values(rng, depth + 1) for _ in range(rng.integers(4))]
    return parts if kind < 11 else {str(plain[rng.integers(9)]): part for part in parts}


def test_any_value_in_any_place_is_one_sentence(evolved: Submission) -> None:
    """1500 manifests with something odd somewhere: refused in one sentence or taken, never a traceback."""
    rng = np.random.default_rng(0)
    places = [
        *_places(evolved.manifest),
        ("agent", "options", "synaptic_rule"),
        ("agent", "options", "rule_path"),
    ]
    taken = 0
    for _ in range(1500):
        path, value = places[rng.integers(len(places))], values(rng)
        manifest = _with(evolved.manifest, path, value)
        try:
            check_task(check_manifest(manifest))
            taken += 1
            assert path[-1] != "surplus" or path[-2] == "packages", path
        except Refused as error:
            check_sentence(error)
    assert 0 < taken < 300


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, part in value.items():
            found += _places(part, (*path, key))
        found.append((*path, "surplus"))
    elif isinstance(value, list) and value:
        found += _places(value[0], (*path, 0))
    return found


def _with(manifest: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    key, *rest = path
    if isinstance(manifest, list):
        return [_with(part, tuple(rest), value) if k == key else part for k, part in enumerate(manifest)]
    return {**manifest, key: _with(manifest.get(key, {}), tuple(rest), value)}


def test_commands_refuse_with_status_one_and_one_sentence(
    tmp_path: Path, evolved: Submission, capsys: pytest.CaptureFixture[str]
) -> None:
    from ontogym.cli import main

    for k, change in enumerate(
        (
            {"agent/options/synaptic_rule": 5},
            {"training/wall_seconds": ...},
            {"agent/label": "\u2800"},
            {"claimed/returns": [[1e9]]},
            {"training/note": [-1] * 24 + ["x"]},
        )
    ):
        folder = spoiled(tmp_path / f"s{k}", evolved, change)
        for command in ("verify", "add"):
            words = ["leaderboard", command, str(folder), "--store", str(tmp_path / "board")]
            assert main(words) == 1
            told = capsys.readouterr()
            assert len(told.out.strip().splitlines()) == 1
            assert "refused" in told.out
            assert "Traceback" not in told.out + told.err
    folder = tmp_path / "none"
    assert main(["leaderboard", "add", str(folder), "--store", str(tmp_path / "board")]) == 1
    write_submission(tmp_path / "good", evolved)
    assert main(["leaderboard", "add", str(tmp_path / "good"), "--store", str(tmp_path / "board")]) == 0


@pytest.mark.parametrize(
    "heard",
    [
        {"told": "optimum"},
        {"told": "reward "},
        {"told": None},
        {"told": ["reward"]},
        {"silenced": "reward"},
        {"silenced": ["observation"]},
        {"silenced": ["reward"] * 5},
        {"silenced": {"reward": 1}},
        {"heard": "reward"},
    ],
)
def test_an_agent_is_told_no_more_than_lives_tell(heard: dict[str, Any]) -> None:
    good = random_agent()
    manifest = {key: value for key, value in good.manifest.items() if key != "files"}
    with pytest.raises(Refused, match=r"told|silenced|heard"):
        pack({**manifest, "agent": {**manifest["agent"], **heard}}, good.tensors)


@pytest.mark.parametrize(
    ("options", "tensors", "reason"),
    [
        ({"policy": "MlpLstmPolicy"}, {}, "has weights"),
        ({"policy": "MlpLstmPolicy", "lstm_size": 4}, {"a": np.zeros(3, np.float32)}, "left over"),
        ({"policy": "MlpPolicy"}, {"a": np.zeros(3, np.float32)}, "MlpLstmPolicy"),
        ({"policy": "MlpLstmPolicy", "hears": ["reward"] * 4}, {"a": np.zeros(3, np.float32)}, "left over"),
    ],
)
def test_a_recurrent_policy_is_the_network_that_it_says(
    options: dict[str, Any], tensors: dict[str, Any], reason: str
) -> None:
    good = random_agent()
    manifest = {key: value for key, value in good.manifest.items() if key != "files"}
    agent = {**manifest["agent"], "type": "recurrent-ppo", "options": options}
    found = verify(pack({**manifest, "agent": agent}, tensors))
    assert found["status"] == "refused"
    assert reason in found["reasons"][0]
