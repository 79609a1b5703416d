"""Environments from elsewhere: each mistake is one sentence that names the environment and blocks nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from ontogym.agents.spaces import SpaceAdapter
from ontogym.baselines.evolution.config import EvolutionConfig
from ontogym.baselines.evolution.run import evolve
from ontogym.baselines.lives.life import LifeSpec, live_actor
from ontogym.baselines.preflight import look_over
from ontogym.baselines.sb3.config import TrainingConfig
from ontogym.baselines.sb3.policy import load_policy
from ontogym.baselines.sb3.run import train
from ontogym.envs.checked import FiniteEnv
from ontogym.errors import OntogymError
from ontogym.seeding import lane_seeds
from tests.envs import odd

MISTAKES = {
    "Words": "of type Text",
    "Unbounded": "action box is unbounded",
    "Growing": r"shape \(3,\), not \(2,\)",
    "Nothing": r"shape \(\), not \(2,\)",
    "OldReset": "must take seed and options and return",
    "OlderReset": "Gym's old interface",
    "OldStep": "returned 4 values; step",
    "RewardOfOne": "a reward must be one number",
    "NoReward": "the reward None",
    "WordOfReward": "the reward '1.0'",
    "NoEnd": "None for terminated or truncated",
    "Raises": r"the motor is broken; odd.py, line \d+\); mend it",
}
HYPER = {"n_envs": 1, "n_steps": 16, "batch_size": 16, "n_epochs": 1, "net_arch": [4]}


def begin(command: str, env: str, out: Path, **changes: Any) -> Any:
    """A smallest run."""
    if command == "train":
        hyper = changes.pop("hyper", {})
        config = {"steps": 16, "segment": 16, "eval_episodes": 1, "max_steps": 20, **changes}
        return train(TrainingConfig("ppo", env, hyper={**HYPER, **hyper}, out=str(out), **config))
    small = {"population": 4, "lives": 1, "generations": 1, "eval_lives": 2, "final_lives": 2, "agent": "rnn"}
    resume = changes.pop("resume", False)
    made = EvolutionConfig(**{**small, "env": env, "out": str(out), **changes})
    return evolve(made, resume=resume, progress=False)


def left_in(folder: Path) -> set[str]:
    return set(os.listdir(folder)) - {".lock"} if folder.exists() else set()


@pytest.mark.parametrize("command", ["evolve", "train"])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_a_sentence_that_names_the_environment(name: str, command: str, tmp_path: Path) -> None:
    with pytest.raises(OntogymError, match=MISTAKES[name]) as raised:
        begin(command, f"Odd/{name}-v0", tmp_path / "out")
    assert f"Odd/{name}-v0" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert left_in(tmp_path / "out") == set()


@pytest.mark.parametrize("name", MISTAKES)
def test_who_looks_over_an_environment_is_told_of_its_mistake(name: str) -> None:
    found = look_over(f"Odd/{name}-v0")
    assert found.faults or name in ("Words", "Unbounded")
    assert all("\n" not in fault for fault in found.faults)


@pytest.mark.parametrize(
    ("low", "high"), [(-np.inf, np.inf), (-np.inf, 1.0), (0.0, np.inf)], ids=["both", "below", "above"]
)
def test_the_advice_for_unbounded_actions_works(low: float, high: float) -> None:
    env = odd.Unbounded()
    env.action_space = gymnasium.spaces.Box(low, high, (2,), np.float32)
    with pytest.raises(OntogymError, match="action box is unbounded"):
        SpaceAdapter(env.observation_space, env.action_space)
    finite = gymnasium.wrappers.TransformAction(
        env, lambda action: action, gymnasium.spaces.Box(max(low, -2), min(high, 2), (2,), np.float32)
    )
    adapter = SpaceAdapter(finite.observation_space, finite.action_space)
    finite.reset(seed=0)
    finite.step(adapter.act(np.array([[0.5, -1.0]]))[0])


@pytest.mark.parametrize("command", ["evolve", "train"])
@pytest.mark.parametrize("name", ["Start", "WholeBox", "ManyStarts", "ManyBits", "Nested", "Pair"])
def test_unusual_spaces_are_lived_in_by_both(name: str, command: str, tmp_path: Path) -> None:
    """The environments assert that every action is inside their space."""
    begin(command, f"Odd/{name}-v0", tmp_path / "out")


OFF_POLICY = {"n_envs": 1, "learning_starts": 8, "buffer_size": 64, "batch_size": 8, "net_arch": [4]}


@pytest.mark.parametrize(
    ("algo", "name"), [("dqn", "Start"), ("a2c", "ManyStarts"), ("sac", "WholeBox"), ("td3", "WholeBox")]
)
def test_every_learner_acts_inside_the_space(algo: str, name: str, tmp_path: Path) -> None:
    hyper = {"n_envs": 1, "n_steps": 8, "net_arch": [4]} if algo == "a2c" else OFF_POLICY
    made = {"steps": 32, "segment": 32, "eval_episodes": 1, "hyper": hyper, "out": str(tmp_path / "out")}
    assert train(TrainingConfig(algo, f"Odd/{name}-v0", **made))["training"]["env_steps"] == 32


@pytest.mark.parametrize(("name", "best"), [("Start", 10.0), ("WholeBox", 10.0), ("ManyStarts", 10.0)])
def test_training_reaches_the_action_at_the_edge_of_the_space(name: str, best: float, tmp_path: Path) -> None:
    hyper = {"n_steps": 256, "batch_size": 64, "n_epochs": 10, "learning_rate": 0.01}
    run = begin("train", f"Odd/{name}-v0", tmp_path / "out", steps=4096, segment=2048, hyper=hyper)
    assert run["training"]["curve"][-1][1] == best


@pytest.mark.parametrize(
    ("env", "changes"),
    [
        ("Odd/Endless-v0", {}),
        ("tests.envs.odd:Odd/Endless-v0", {}),
        ("Odd/Endless-v0", {"lives": 2, "episodes": 2, "agent": "plastic"}),
    ],
)
def test_an_environment_without_an_end_needs_max_steps(
    env: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(OntogymError, match=r"'.*Odd/Endless-v0' has no time limit.*--max-steps"):
        begin("evolve", env, tmp_path / "out", **changes)
    assert left_in(tmp_path / "out") == set()
    begin("evolve", env, tmp_path / "out", max_steps=5, **changes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"population": 2_000_000_000}, "smaller --population"),
        ({"population": -1}, "population is -1"),
        ({"target": float("nan")}, "target is nan"),
        ({"reward_clamp": float("nan")}, "reward_clamp is nan"),
        ({"sigma": float("nan")}, "sigma"),
        ({"env_kwargs": {"levle": 2}}, "did you mean 'level'"),
        ({"env_kwargs": {"level": float("inf")}}, "is NaN or infinite"),
        ({"env": "tests.envs.odd:Odd/Start-v0", "env_kwargs": {"levle": 2}}, "did you mean 'level'"),
        ({"env": "tests.envs.odd:Odd/Strat-v0"}, "did you mean 'Odd/Start-v0'"),
    ],
)
def test_numbers_that_cannot_be(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(OntogymError, match=sentence):
        begin("evolve", **{"env": "Odd/Start-v0", "out": tmp_path / "out", **changes})
    assert left_in(tmp_path / "out") == set()


@pytest.mark.parametrize("setting", ["learning_rate", "gamma", "n_steps", "ent_coef", "n_envs", "batch_size"])
def test_text_in_place_of_a_number(setting: str, tmp_path: Path) -> None:
    with pytest.raises(OntogymError, match=setting):
        begin("train", "Odd/Start-v0", tmp_path / "out", hyper={setting: "fast"})
    assert left_in(tmp_path / "out") == set()


def test_a_policy_without_normalisation_sees_what_it_was_trained_on() -> None:
    """The same weights act the same in a space that begins elsewhere."""
    from ontogym.baselines.sb3.networks import build_policy

    shifted, plain = odd.Start(), gymnasium.spaces.Discrete(4)
    policy = build_policy({"algorithm": "ppo"}, plain, gymnasium.spaces.Discrete(3))
    tensors = {name: value.numpy() for name, value in policy.state_dict().items()}
    actor = load_policy(tensors, {"algorithm": "ppo"}, shifted.observation_space, shifted.action_space)
    lived = live_actor(actor, LifeSpec("Odd/Start-v0", episodes=1), lane_seeds(0, 2))
    assert lived.lengths.tolist() == [[[10], [10]]]


class Faulty(odd.Usual):
    """Gives a number that cannot be learned from at the fourth step of a part of its episodes."""

    steps = 30

    def __init__(self, where: str = "reward", value: float = float("nan"), part: float = 0.3) -> None:
        super().__init__()
        self.where, self.value, self.part, self.spoilt = where, float(value), part, False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        found = super().reset(seed=seed, options=options)
        self.spoilt = self.np_random.random() < self.part
        return found

    def bad(self, where: str) -> bool:
        return self.where == where and self.t == 4 and self.spoilt

    def see(self) -> Any:
        return np.full(2, self.value, np.float32) if self.bad("observation") else odd.ZEROS

    def earn(self, action: Any) -> Any:
        return self.value if self.bad("reward") else float(action)


gymnasium.register("Odd/Faulty-v0", Faulty)
FAULTS = [
    ("reward", np.nan),
    ("reward", -np.inf),
    ("reward", 1e308),
    ("observation", np.nan),
    ("observation", np.inf),
]


@pytest.mark.filterwarnings("ignore:.*not finite")
@pytest.mark.parametrize(("where", "value"), FAULTS)
def test_a_number_that_is_not_finite_cuts_the_episode_of_a_learner_and_no_more(
    where: str, value: float, tmp_path: Path
) -> None:
    env = FiniteEnv(Faulty(where, value, part=1.0), "Odd/Faulty-v0")
    env.reset(seed=0)
    steps = [env.step(1) for _ in range(4)]
    assert [step[3] for step in steps] == [False, False, False, True]
    assert (steps[3][1], steps[3][2], env.failures) == (0.0, False, 1)
    assert np.isfinite(steps[3][0]).all()
    kwargs = {"where": where, "value": str(value)}
    run = begin(
        "train", "Odd/Faulty-v0", tmp_path / "out", env_kwargs=kwargs, steps=96, segment=48, eval_episodes=3
    )
    assert np.isfinite(run["training"]["curve"]).all()


def test_an_environment_that_only_begins_with_numbers_that_are_not_finite_is_named() -> None:
    class Never(odd.Usual):
        def see(self) -> Any:
            return np.full(2, np.nan, np.float32)

    with (
        pytest.warns(UserWarning, match="episodes that meet one are cut"),
        pytest.raises(OntogymError, match="'Never' began 10"),
    ):
        FiniteEnv(Never(), "Never").reset(seed=0)


@pytest.mark.filterwarnings("ignore:.*not finite")
@pytest.mark.parametrize(("where", "value"), FAULTS)
def test_lives_with_a_number_that_is_not_finite_are_counted_and_the_run_goes_on(
    where: str, value: float, tmp_path: Path
) -> None:
    """In the same seeds again after a resume, to the same rows as a run that was not stopped."""
    from ontogym.runs import read_progress

    env_kwargs = {"where": where, "value": str(value)}
    asked: dict[str, Any] = {"env_kwargs": env_kwargs, "episodes": 1, "lives": 4, "eval_every": 1}
    env = "Odd/Faulty-v0"
    begin("evolve", env, tmp_path / "whole", generations=4, **asked)
    begin("evolve", env, tmp_path / "out", generations=2, **asked)
    begin("evolve", env, tmp_path / "out", resume=True, generations=4, **asked)
    whole, parts = (read_progress(tmp_path / name) for name in ("whole", "out"))
    failed = [int(row["failed"]) for row in parts]
    assert len(failed) == 4
    assert sum(failed) > 0
    assert failed == [int(row["failed"]) for row in whole]
    assert [row["score"] for row in parts] == [row["score"] for row in whole]


@pytest.mark.filterwarnings("ignore:.*not finite")
def test_an_evaluation_in_which_every_life_failed_does_not_end_an_evolution(tmp_path: Path) -> None:
    """Rewards that are too large to be summed are failures too, and the report is on what lived."""
    from ontogym.runs import read_progress

    kwargs = {"value": 1e308, "part": 0.25}
    begin(
        "evolve",
        "Odd/Faulty-v0",
        tmp_path / "out",
        env_kwargs=kwargs,
        generations=6,
        episodes=1,
        lives=4,
        eval_every=1,
        eval_lives=1,
    )
    rows = read_progress(tmp_path / "out")
    assert len(rows) == 6
    assert sum(int(row["failed"]) for row in rows) > 0
    assert {bool(row["score"]) for row in rows} == {True, False}
