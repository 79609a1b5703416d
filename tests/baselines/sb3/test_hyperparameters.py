"""Every registered environment has hyper-parameters with which every algorithm that fits it learns and is loaded."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import ontogym  # noqa: F401  (registers the environments)
from ontogym.agents.base import Feedback
from ontogym.baselines.lives.lanes import make_single
from ontogym.baselines.sb3.model import make_model
from ontogym.baselines.sb3.networks import ALGORITHMS, algorithms_for, build_policy
from ontogym.baselines.sb3.policy import load_policy
from ontogym.baselines.sb3.run import NETWORK, TrainingConfig
from ontogym.baselines.sb3.settings import FOLDER, hyperparameters
from ontogym.baselines.sb3.state import policy_tensors
from ontogym.envs.registration import ENTRIES
from ontogym.errors import OntogymError

LIGHT = [env for env in ENTRIES if "Retina" not in env and "LunarLander" not in env]  # that one needs Box2D
SMALL: dict[str, dict[str, Any]] = {
    "ppo": {"n_envs": 2, "n_steps": 4, "batch_size": 4, "n_epochs": 1},
    "recurrent-ppo": {"n_envs": 2, "n_steps": 4, "batch_size": 4, "n_epochs": 1},
    "a2c": {"n_envs": 2, "n_steps": 2},
    "dqn": {"n_envs": 1, "learning_starts": 4, "batch_size": 4, "buffer_size": 50, "gradient_steps": 1},
    "sac": {"n_envs": 1, "learning_starts": 4, "batch_size": 4, "buffer_size": 50, "gradient_steps": 1},
    "td3": {"n_envs": 1, "learning_starts": 4, "batch_size": 4, "buffer_size": 50, "gradient_steps": 1},
}


def file_of(env: str) -> Path:
    return FOLDER / f"{env.replace('/', '.')}.ini"


def sections(file: Path) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(file)
    return {name: dict(parser[name]) for name in parser.sections()}


def test_every_file_is_that_of_an_environment_and_every_environment_has_one() -> None:
    files = {file.name for file in FOLDER.glob("*.ini")}
    assert files == {"default.ini", *(file_of(env).name for env in ENTRIES)}
    assert set(sections(FOLDER / "default.ini")) == set(ALGORITHMS)


@pytest.mark.parametrize("env", ENTRIES)
def test_a_file_says_why_and_names_what_the_algorithm_has(env: str) -> None:
    text, found = file_of(env).read_text(), sections(file_of(env))
    assert text.startswith("; ")
    like = found.pop("like", None)
    assert like is None or like["env"].strip('"') in ENTRIES
    for algorithm, values in found.items():
        assert algorithm in ALGORITHMS
        hyperparameters(
            algorithm, "none", dict.fromkeys(values, 1)
        )  # raises if the algorithm has no such name


def test_like_reads_the_other_environment_first() -> None:
    base = hyperparameters("ppo", "ontogym/CartPole-v1")
    assert hyperparameters("ppo", "ontogym/CartPoleDrift-v0") == {**base, "gamma": 0.99}
    assert hyperparameters("a2c", "ontogym/PendulumDrift-v0") == hyperparameters("a2c", "ontogym/Pendulum-v1")


@pytest.mark.parametrize("env", LIGHT)
def test_every_algorithm_that_fits_learns_and_is_loaded(env: str) -> None:
    walk(env)


def test_every_algorithm_that_fits_encodes_pictures() -> None:
    """One of the encoding environments rolls out; the others are its kin and take long to begin."""
    walk("ontogym/RetinaEncoding-v0")


def test_waves_can_be_watched_by_every_algorithm() -> None:
    walk("ontogym/RetinalWaves-v0")


def walk(env: str) -> None:
    """Construct with the file's own hyper-parameters, then learn for a few steps with small ones and load the result."""
    single = make_single(env, {})
    spaces = single.observation_space, single.action_space
    single.close()
    fitting = algorithms_for(spaces[1])
    assert {"ppo", "a2c"} <= set(fitting)
    for algorithm in fitting:
        if algorithm == "recurrent-ppo" and not has_contrib():
            continue
        config = TrainingConfig(algorithm, env)
        model, policy = make_model(config, hyperparameters(algorithm, env))
        assert memory(model) < 2**30, f"{algorithm} on {env} would keep {memory(model) / 2**30:.1f} GiB"
        model.env.close()
        values = hyperparameters(algorithm, env, SMALL[algorithm])
        model, policy = make_model(config, values)
        model.learn(8)
        model.env.close()
        options = {"algorithm": algorithm, **{k: values[k] for k in NETWORK if k in values}, "policy": policy}
        loaded = load_policy(policy_tensors(model), options, *spaces)
        seen = gymnasium.vector.utils.batch_space(spaces[0], 2).sample()
        heard = Feedback.of(np.zeros(2), start=True)
        actions, _ = loaded.act(loaded.begin(np.arange(2, dtype=np.uint64)), seen, heard, np.ones(2, bool))
        assert spaces[1].contains(np.asarray(actions)[0].astype(spaces[1].dtype))


def memory(model: Any) -> int:
    """Bytes that a replay or rollout buffer takes when it is full."""
    space, buffer = model.observation_space, getattr(model, "replay_buffer", None)
    parts = space.values() if isinstance(space, gymnasium.spaces.Dict) else [space]
    one = sum(int(np.prod(part.shape)) * np.dtype(part.dtype).itemsize for part in parts)
    return one * (2 * model.buffer_size if buffer is not None else model.n_steps * model.n_envs)


def has_contrib() -> bool:
    try:
        import sb3_contrib  # noqa: F401
    except ImportError:
        return False
    return True


def test_hyper_parameters_that_are_unknown_are_refused() -> None:
    with pytest.raises(OntogymError, match="n_steps"):
        hyperparameters("ppo", "ontogym/Foraging-v0", {"nsteps": 1})


def test_a_network_reads_the_parts_that_it_is_told_to() -> None:
    """Weights for the observed parts only; the others may be anything."""
    space = gymnasium.spaces.Dict(
        image=gymnasium.spaces.Box(0, 1, (32, 32)),
        b=gymnasium.spaces.Box(0, 1, (3,)),
        a=gymnasium.spaces.Box(0, 1, (2,)),
    )
    actions = gymnasium.spaces.Box(-1, 1, (2,))
    options = {"algorithm": "ppo", "policy": "MultiInputPolicy", "net_arch": [8], "observe": ["b", "a"]}
    policy = build_policy(options, space, actions)
    assert policy.state_dict()["mlp_extractor.policy_net.0.weight"].shape == (8, 5)
    policy.set_training_mode(False)
    seen = gymnasium.vector.utils.batch_space(space, 4).sample()
    answer = policy.predict(seen, deterministic=True)[0]
    np.testing.assert_array_equal(
        policy.predict({**seen, "image": 0 * seen["image"]}, deterministic=True)[0], answer
    )
    assert (policy.predict({**seen, "b": 1 - seen["b"]}, deterministic=True)[0] != answer).any()


@pytest.mark.parametrize(
    ("observe", "message"),
    [
        (["imag"], "did you mean 'image'"),
        ([], "names no part"),
        ("image", "list of names"),
        ([3], "list of names"),
    ],
)
def test_parts_that_are_not_there_are_refused(observe: Any, message: str) -> None:
    space = gymnasium.spaces.Dict(image=gymnasium.spaces.Box(0, 1, (4, 4)))
    options = {"algorithm": "ppo", "policy": "MultiInputPolicy", "observe": observe}
    with pytest.raises(OntogymError, match=message):
        build_policy(options, space, gymnasium.spaces.Discrete(2))


def test_only_dictionaries_have_parts_and_spread_has_bounds() -> None:
    box, two = gymnasium.spaces.Box(0, 1, (4,)), gymnasium.spaces.Discrete(2)
    with pytest.raises(OntogymError, match="leave it out"):
        build_policy({"algorithm": "ppo", "policy": "MlpPolicy", "observe": ["a"]}, box, two)
    with pytest.raises(OntogymError, match="from -20 to 2"):
        build_policy({"algorithm": "ppo", "policy": "MlpPolicy", "log_std_init": 1e9}, box, box)


def test_sac_explores_as_little_as_it_is_told() -> None:
    """SB3 itself reads SAC's log_std_init under state-dependent exploration alone."""
    import torch

    config = TrainingConfig("sac", "ontogym/Pendulum-v1")
    values = hyperparameters("sac", config.env, SMALL["sac"])
    seen = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    for spread, near in ((None, 0.5), (-3.0, 0.01)):
        told = {} if spread is None else {"log_std_init": spread}
        model, _ = make_model(config, values | told)
        mean, log_std, _ = model.policy.actor.get_action_dist_params(seen)
        assert float(mean.detach().abs().max()) < near
        assert (spread is None) or float((log_std - spread).detach().abs().max()) < 0.01


@pytest.mark.parametrize("algo", ["sac", "ppo"])
def test_a_learner_may_use_a_part_of_its_actions(algo: str) -> None:
    config = TrainingConfig(algo, "ontogym/Pendulum-v1", hyper={**SMALL[algo], "action_share": 0.1})
    values = hyperparameters(algo, config.env, config.hyper)
    model, policy = make_model(config, values)
    assert model.action_space.high.tolist() == [pytest.approx(0.2)]
    assert model.env.venv.action_space.high.tolist() == [2.0]
    options = {"algorithm": algo, "policy": policy, "action_share": 0.1}
    options |= {name: values[name] for name in ("net_arch", "activation") if name in values}
    tensors = policy_tensors(model)
    single = gymnasium.make("ontogym/Pendulum-v1")
    loaded = load_policy(tensors, options, single.observation_space, single.action_space)
    seen = np.random.default_rng(0).uniform(-8, 8, (200, 3)).astype(np.float32)
    acted = loaded.policy.predict(seen, deterministic=True)[0]
    np.testing.assert_array_equal(acted, model.predict(seen, deterministic=True)[0])
    assert 0 < np.abs(acted).max() <= np.float32(0.2)


@pytest.mark.parametrize(
    ("algo", "env", "share", "reason"),
    [
        ("dqn", "ontogym/CartPole-v1", 0.5, "bounded boxes of actions"),
        ("sac", "ontogym/Pendulum-v1", 0.0, "above 0 and at most 1"),
        ("sac", "ontogym/Pendulum-v1", 2.0, "above 0 and at most 1"),
    ],
)
def test_a_part_that_cannot_be_is_refused(algo: str, env: str, share: float, reason: str) -> None:
    config = TrainingConfig(algo, env, hyper={**SMALL[algo], "action_share": share})
    with pytest.raises(OntogymError, match=reason):
        make_model(config, hyperparameters(algo, env, config.hyper))
