"""Lives as episodes of a learner (RL²): what is heard when, and memory that a life keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.vec_env import DummyVecEnv

from ontogym.agents.base import Feedback
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.baselines.loading import load
from ontogym.baselines.sb3.config import TrainingConfig
from ontogym.baselines.sb3.lives import Lives
from ontogym.baselines.sb3.run import train
from ontogym.errors import OntogymError
from ontogym.leaderboard.runs import make_submission, read_run
from ontogym.leaderboard.verification import verify

ALL = ("action", "reward", "start", "terminated")
TINY = {"n_envs": 2, "n_steps": 64, "batch_size": 64, "n_epochs": 1}


class Short(gymnasium.Env[Any, Any]):
    """Shows the step's number; each step pays ten times that and the action; ends after two."""

    observation_space = spaces.Box(0, 9, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.at = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.at += 1
        over = self.at == 2
        paid = 10.0 * self.at + int(action)
        return np.full(1, self.at, np.float32), paid, over and self.terminal, over and not self.terminal, {}


@pytest.mark.parametrize(
    ("terminal", "told", "last"),
    [(True, "reward", 21.0), (True, "termination", -1.0), (False, "nothing", 0.0)],
)
def test_what_is_heard_is_what_lives_tell(terminal: bool, told: Any, last: float) -> None:
    spec = LifeSpec("Short", episodes=2, told=told)
    lives = Lives(DummyVecEnv([lambda: Short(terminal)]), spec, ALL)
    middle = {"reward": 11.0}.get(told, 0.0)
    # The step's number; own action (two places); told; first step; whether the step before terminated.
    newborn, first = [0, 0, 0, 0, 1, 0], [1, 0, 1, middle, 0, 0]
    np.testing.assert_array_equal(lives.reset()[0], newborn)
    one = np.array([1])
    for episode in range(4):
        heard, reward, over, _ = lives.step(one)
        np.testing.assert_array_equal(heard[0], first)
        assert (reward[0], over[0]) == (11.0, False)
        heard, reward, over, infos = lives.step(one)
        assert (reward[0], over[0]) == (21.0, episode % 2 == 1)
        # A life's end is an end, whatever ended the episode.
        assert "terminal_observation" not in infos[0]
        assert infos[0]["TimeLimit.truncated"] is False
        np.testing.assert_array_equal(heard[0], newborn if over[0] else [0, 0, 1, last, 1, terminal])


def config(out: Path, **changes: Any) -> TrainingConfig:
    usual: dict[str, Any] = {
        "algo": "ppo", "env": "ontogym/CartPole-v1", "seed": 3, "steps": 256, "segment": 128, "eval_episodes": 2,
        "hyper": TINY, "hears": ALL, "told": "termination", "out": str(out),
    }  # fmt: skip
    return TrainingConfig(**{**usual, **changes})


def test_a_learner_on_lives_is_loaded_submitted_and_verified_as_it_was_told(tmp_path: Path) -> None:
    train(config(tmp_path / "run"))
    loaded = load(tmp_path / "run")
    assert (loaded.spec.episodes, loaded.spec.told, loaded.player.built.hears) == (3, "termination", ALL)
    made = make_submission(read_run(str(tmp_path / "run")))
    assert made.manifest["agent"]["told"] == "termination"
    assert made.manifest["agent"]["options"]["hears"] == list(ALL)
    assert "--hears action reward start terminated" in made.manifest["training"]["command"]
    assert verify(made)["status"] == "verified"


def test_memory_lasts_a_life_and_waits_with_its_lane(tmp_path: Path) -> None:
    pytest.importorskip("sb3_contrib")
    train(config(tmp_path / "run", algo="recurrent-ppo", hyper={**TINY, "lstm_size": 8}))
    actor = load(tmp_path / "run").player.built
    rng, feedback = np.random.default_rng(0), Feedback.newborn(2, 2)
    both, one = np.array([True, True]), np.array([True, False])
    seen = rng.normal(size=(4, 2, 4)).astype(np.float32)
    _, newborn = actor.act(None, seen[0], feedback, both)
    _, waited = actor.act(newborn, seen[1], feedback._replace(start=~both), one)
    for before, after in zip(newborn, waited):
        assert np.array_equal(before[:, 1], after[:, 1])
        assert not np.array_equal(before[:, 0], after[:, 0])
    # The first step of a later episode: what was is not forgotten, as it is by a policy of episodes.
    _, later = actor.act(waited, seen[0], feedback, both)
    assert not np.allclose(later[0], newborn[0])


def test_lives_that_the_environment_would_not_live_are_refused(tmp_path: Path) -> None:
    flips = "ontogym/CartPoleActionFlip-v1"
    assert config(tmp_path, env=flips).life.episodes == 6
    with pytest.raises(OntogymError, match="has 6 episodes, not 4"):
        config(tmp_path, env=flips, life_episodes=4).life  # noqa: B018
    with pytest.raises(OntogymError, match="give --hears"):
        config(tmp_path, hears=None)
