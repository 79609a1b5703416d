"""Every registered id: both checkers, spaces, seeding, pickling, docstring against code, anchors re-measured."""

from __future__ import annotations

import importlib
import inspect
import json
import pickle
import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

import ontogym  # noqa: F401
from ontogym.cli.tables import brief
from ontogym.envs import anchors, conditions, make_vector, register_all
from ontogym.envs.registration import ENTRIES
from ontogym.errors import UnknownNameError
from tests.envs.light import FULL, LIGHT

IDS = [entry.id for entry in ENTRIES.values() if entry.vector_entry_point]


def env_class(env_id: str):
    module, _, name = ENTRIES[env_id].entry_point.partition(":")
    return getattr(importlib.import_module(module), name)


def told_limit(env_id: str) -> int | None:
    """The life length that Gymnasium knows: none where it is an argument of the environment."""
    entry = ENTRIES[env_id]
    return None if entry.ends_itself else entry.max_episode_steps


def table(env_id: str, heading: str) -> list[list[str]]:
    """Cells of the first table under a heading of the class docstring, without its two header rows."""
    section = inspect.getdoc(env_class(env_id)).split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def arrays(observations) -> list[np.ndarray]:
    """Arrays of a list of observations, those of dicts one by one."""
    return [a for seen in observations for a in (seen.values() if isinstance(seen, dict) else [seen])]


def assert_same(a, b) -> None:
    """Equal to the bit, also where they are dicts of arrays."""
    if isinstance(a, dict):
        assert list(a) == list(b)
    for one, other in zip(arrays([a]), arrays([b])):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("env_id", IDS)
def test_gymnasium_checker(env_id):
    from gymnasium.utils.env_checker import check_env

    with warnings.catch_warnings():
        warnings.filterwarnings("error")
        # About unbounded or unnormalised spaces, which are those of Gymnasium's own tasks.
        # And that an old version is one.
        warnings.filterwarnings("ignore", message=".*(infinity|symmetric and normalized|out of date).*")
        # Older releases of pygame-ce import it.
        warnings.filterwarnings("ignore", message=".*pkg_resources.*")
        check_env(gym.make(env_id).unwrapped)


@pytest.mark.parametrize("env_id", IDS)
def test_sb3_checker(env_id):
    from stable_baselines3.common.env_checker import check_env

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*normalize.*")
        check_env(gym.make(env_id).unwrapped, warn=True)


@pytest.mark.parametrize("env_id", IDS)
def test_make_by_module_and_both_vector_ways(env_id):
    assert gym.make(f"ontogym:{env_id}").spec.id == env_id
    assert isinstance(gym.make_vec(env_id, 2, vectorization_mode="sync"), gym.vector.SyncVectorEnv)
    native = gym.make_vec(env_id, 2, vectorization_mode="vector_entry_point")
    assert native.max_episode_steps == native.dynamics.max_steps
    assert gym.spec(env_id).max_episode_steps == told_limit(env_id)
    assert native.spec.id == env_id


@pytest.mark.parametrize("env_id", [env_id for env_id in IDS if ENTRIES[env_id].ends_itself])
def test_why_ids_that_end_themselves_tell_no_limit(env_id):
    """Their length is an argument, and a limit would overrule it; or one step, and a limit would call its end a cut."""
    length, kwargs = ENTRIES[env_id].max_episode_steps, LIGHT.get(env_id, {})
    if length > 1:
        longer = gym.make(env_id, steps=length + 1, **kwargs)
        longer.reset(seed=0)
        ended = [any(longer.step(longer.action_space.sample())[2:4]) for _ in range(length + 1)]
        assert ended == [False] * length + [True]
        return
    plain, limited = gym.make(env_id, **kwargs), gym.make(env_id, max_episode_steps=1, **kwargs)
    for env, cut in ((plain, False), (limited, True)):
        env.reset(seed=0)
        assert env.step(env.action_space.sample())[2:4] == (True, cut)


@pytest.mark.parametrize("env_id", IDS)
def test_specs_survive_json_and_rebuild_the_same_env(env_id):
    spec = EnvSpec.from_json(gym.make(env_id).spec.to_json())
    again, fresh = gym.make(spec), gym.make(env_id)
    assert_same(again.reset(seed=5)[0], fresh.reset(seed=5)[0])
    vector = make_vector(env_id, 3)
    assert json.loads(vector.spec.to_json())["id"] == env_id
    rebuilt = gym.make_vec(EnvSpec.from_json(vector.spec.to_json()))
    assert rebuilt.num_envs == 3
    assert rebuilt.autoreset_mode is vector.autoreset_mode
    assert_same(rebuilt.reset(seed=5)[0], vector.reset(seed=5)[0])


@pytest.mark.parametrize("env_id", IDS)
def test_pickled_envs_continue_alike(env_id):
    single, vector = gym.make(env_id), make_vector(env_id, 4)
    for env in (single, vector):
        env.reset(seed=2)
        env.action_space.seed(0)
        env.step(env.action_space.sample())
        twin = pickle.loads(pickle.dumps(env))
        for _ in range(15):
            action = env.action_space.sample()
            for a, b in zip(env.step(action)[:4], twin.step(action)[:4]):
                assert_same(a, b)


@pytest.mark.parametrize("env_id", IDS)
def test_observations_and_infos_stay_in_their_spaces(env_id):
    env = gym.make_vec(env_id, 16, vectorization_mode="vector_entry_point")
    env.action_space.seed(0)
    seen, _ = env.reset(seed=0)
    for _ in range(150 if "Retina" in env_id else 1200):
        assert env.observation_space.contains(seen)
        seen, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        assert reward.dtype == np.float64
        assert np.isfinite(reward).all()
        assert terminated.dtype == truncated.dtype == np.bool_
        assert reward.shape == terminated.shape == truncated.shape == (16,)


@pytest.mark.parametrize("env_id", IDS)
def test_global_random_state_is_neither_read_nor_moved(env_id):
    def rollout(global_seed):
        np.random.seed(global_seed)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        seen = []
        for env in (gym.make(env_id), make_vector(env_id, 3)):
            env.action_space.seed(0)
            seen.append(env.reset(seed=1)[0])
            for _ in range(30):
                step = env.step(env.action_space.sample())
                seen.append(step[0])
                if np.any(step[2]) or np.any(step[3]):
                    seen.append(env.reset()[0])
        np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
        return np.concatenate([part.ravel() for part in arrays(seen)])

    np.testing.assert_array_equal(rollout(0), rollout(1))


@pytest.mark.parametrize("env_id", ENTRIES)
def test_arguments_table_is_the_signature(env_id):
    parameters = inspect.signature(env_class(env_id)).parameters
    documented = {row[0].strip("`"): row[2].strip("`") for row in table(env_id, "Arguments")}
    assert list(documented) == list(parameters)
    assert documented == {name: repr(p.default) for name, p in parameters.items()}
    if not ENTRIES[env_id].vector_entry_point:
        return
    # The vector form takes the same ones, with the same defaults.
    dynamics = inspect.signature(make_vector(env_id, 1).dynamics_type).parameters
    assert {n: p.default for n, p in dynamics.items()} == {
        n: p.default for n, p in parameters.items() if n != "render_mode"
    }


@pytest.mark.parametrize("env_id", ENTRIES)
def test_configurations_table_is_the_registry(env_id):
    same = {k: e for k, e in ENTRIES.items() if e.entry_point == ENTRIES[env_id].entry_point}
    rows = {row[0].strip("`"): row[1:] for row in table(env_id, "Registered Configurations")}
    assert list(rows) == list(same)
    for key, entry in same.items():
        arguments = ", ".join(f"{k}={v!r}" for k, v in entry.kwargs.items())
        assert rows[key][0].strip("`") == (arguments or "none")
        assert int(rows[key][1]) == entry.max_episode_steps
        assert gym.spec(key).max_episode_steps == told_limit(key)
        assert [float(cell) for cell in rows[key][2:]] == list(anchors(key))
        assert gym.spec(key).kwargs == dict(entry.kwargs) | ({} if FULL else LIGHT.get(key, {}))


@pytest.mark.parametrize("env_id", ENTRIES)
def test_docstring_has_every_section(env_id):
    text = inspect.getdoc(env_class(env_id))
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "Description",
        "Action Space",
        "Observation Space",
        "Hidden State",
        "Rewards",
        "Starting State",
        "Episode End",
        "Arguments",
        "Registered Configurations",
        "Version History",
    ]


@pytest.mark.parametrize("env_id", [i for i in IDS if FULL or i not in LIGHT])
def test_random_return_is_what_random_actions_earn(env_id):
    """Within four standard errors of 1000 lives, and the half unit that the anchors are rounded to."""
    nothing_to_earn = anchors(env_id) == (0.0, 0.0)
    # Retinas are slow; 256 lives of theirs bring the mean to some per cent.
    lives = 8 if nothing_to_earn else 256 if "ontogym/Retina" in env_id else 1000
    rng = np.random.default_rng(0)
    env = make_vector(env_id, lives)
    env.action_space.seed(int(rng.integers(2**31)))
    env.reset(seed=123)
    total, done = np.zeros(lives), np.zeros(lives, dtype=bool)
    while not done.all():
        _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        total += reward
        done = terminated | truncated
        assert not (nothing_to_earn and reward.any())
    assert abs(total.mean() - anchors(env_id)[0]) < 4 * total.std() / np.sqrt(lives) + 0.5
    assert nothing_to_earn or anchors(env_id)[0] < anchors(env_id)[1]


@pytest.mark.parametrize("env_id", [i for i in IDS if i.startswith("ontogym/Foraging") and "Late" not in i])
def test_optimal_foraging_return_is_win_stay_lose_shift(env_id):
    from ontogym.envs.reference import WinStayLoseShift

    lives = 2000
    env, policy = (
        make_vector(env_id, lives),
        WinStayLoseShift(lives),
    )
    _, info = env.reset(seed=7, options={"goal": np.arange(lives) % 2})
    reward, total = np.zeros(lives), np.zeros(lives)
    for _ in range(100):
        place = info["position"][:, None].astype(np.float32)  # which pictures show, too
        _, reward, _, _, info = env.step(policy.act(place, reward))
        total += reward
    assert abs(total.mean() - anchors(env_id)[1]) < 4 * total.std() / np.sqrt(lives) + 0.5
    assert conditions(env_id) == ({"goal": 0}, {"goal": 1})


def test_anchors_and_conditions_of_other_ids():
    assert conditions("MountainCar-v0") == () == conditions("ontogym/CartPole-v1")
    with pytest.raises(UnknownNameError, match="did you mean 'ontogym/Foraging-v0'"):
        anchors("ontogym/Foraging-v1")


@pytest.mark.parametrize("env_id", [env_id for env_id in IDS if ENTRIES[env_id].spaces])
def test_spaces_in_words_are_those_of_the_environment(env_id):
    env = gym.make(env_id)
    assert ENTRIES[env_id].spaces == (brief(env.observation_space), brief(env.action_space))


def test_registering_twice_changes_nothing():
    before = dict(gym.registry)
    register_all()
    assert dict(gym.registry) == before


def test_import_is_light():
    code = (
        "import sys, ontogym; "
        "print([m for m in ('torch','numba','matplotlib','pygame','imageio','scipy','stable_baselines3') "
        "if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("env_id", IDS)
def test_other_libraries_know_it_for_gymnasiums_own(env_id):
    """skrl looks at the names of the direct bases of a class, TorchRL at `autoreset_mode`, which must not be its default."""
    module, _, name = ENTRIES[env_id].vector_entry_point.partition(":")
    kind = getattr(importlib.import_module(module), name)
    assert any(f"{base.__module__}.{base.__qualname__}".startswith("gymnasium.") for base in kind.__bases__)
    assert issubclass(kind, gym.vector.VectorEnv)


@pytest.mark.parametrize("env_id", ["ontogym/CartPole-v1", "ontogym/Pendulum-v1", "ontogym/Foraging-v0"])
def test_skrl_and_torchrl_step_it(env_id):
    """Where they are installed."""
    skrl = pytest.importorskip("skrl.envs.wrappers.torch")
    torchrl = pytest.importorskip("torchrl.envs.libs.gym")
    import torch

    env = gym.make_vec(env_id, num_envs=3)
    wrapped = skrl.wrap_env(env, verbose=False)
    wrapped.reset()
    actions = torch.as_tensor(env.action_space.sample()).reshape(3, -1)
    assert wrapped.step(actions)[1].shape == (3, 1)
    for mode in ("SameStep", "Disabled"):
        env = gym.make_vec(env_id, num_envs=3, autoreset_mode=mode)
        assert torchrl.GymWrapper(env).rollout(30, break_when_any_done=False).batch_size == (3, 30)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_the_mode_of_resets_is_told_where_others_look(mode):
    env = gym.make_vec("ontogym/CartPole-v1", num_envs=2, autoreset_mode=mode)
    assert env.autoreset_mode is env.metadata["autoreset_mode"]
    assert env.autoreset_mode.value == mode
