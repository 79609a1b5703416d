"""Anything that was evolved or trained, as one object that acts in the manner of SB3."""

from __future__ import annotations

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest

import ontogym
from ontogym.agents.individuals import life_stream
from ontogym.baselines.evolution.agent_files import SavedAgent, save_agent
from ontogym.baselines.evolution.run import evolve
from ontogym.baselines.lives.life import life_seeds, live
from ontogym.baselines.sb3.config import TrainingConfig
from ontogym.baselines.sb3.run import train
from ontogym.errors import OntogymError
from tests.baselines.toy import brief


def test_a_zoo_agent_lives_step_by_step_as_it_does_in_a_rollout():
    agent = ontogym.load("zoo:lndp-foraging")
    assert (
        repr(agent) == f"<lndp of {agent.parameters} numbers for ontogym/Foraging-v0, from zoo:lndp-foraging>"
    )
    spec, env = agent.spec, gym.make(agent.spec.env, **agent.spec.env_kwargs)
    seeds = life_seeds(spec, 2, 3)
    expected = live(agent.player.built, agent.player.genome, spec, seeds).returns[0, :, 0]
    for life in range(2):
        agent.reset(int(seeds[life]))
        seed = int(life_stream(seeds, 2)[life] >> np.uint64(33))
        observation, _ = env.reset(seed=seed, options=dict(spec.conditions[life]))
        total, reward, done = 0.0, 0.0, False
        while not done:
            action, _ = agent.predict(observation, reward=reward)
            observation, reward, terminated, truncated, _ = env.step(action)
            total, done = total + reward, terminated or truncated
        assert total == expected[life]


def test_a_trained_run_is_loaded_like_an_evolved_one(tmp_path):
    train(TrainingConfig("ppo", "CartPole-v1", steps=256, segment=256, eval_episodes=2, out=str(tmp_path)))
    loaded = ontogym.load(tmp_path)
    assert loaded.name == "ppo"
    assert loaded.parameters > 1000
    observation, _ = gym.make("CartPole-v1").reset(seed=0)
    assert loaded.predict(observation)[0] in (0, 1)
    with pytest.raises(OntogymError, match="no file"):
        ontogym.load(tmp_path / "nothing")


def test_sb3s_own_evaluation_takes_a_loaded_agent():
    from stable_baselines3.common.evaluation import evaluate_policy

    agent = ontogym.load("zoo:lndp-cartpole")
    mean, spread = evaluate_policy(agent, gym.make("CartPole-v1"), n_eval_episodes=2, warn=False)  # type: ignore[arg-type]
    assert mean > 400
    assert spread >= 0


@pytest.mark.parametrize(
    ("observation", "sentence"),
    [
        ([np.nan, 0, 0, 0], "not finite"),
        (None, "one observation of shape"),
        ("x", "sees arrays of shape"),
        ([0.0, 0.0], "one observation of shape"),
        (np.zeros((3, 4)), "one observation of shape"),
    ],
)
def test_observations_that_are_none_are_refused(observation, sentence):
    with pytest.raises(OntogymError, match=sentence):
        ontogym.load("zoo:lndp-cartpole").predict(observation)


def test_the_reward_is_given_by_its_name():
    with pytest.raises(OntogymError, match=r"takes the reward by its name, reward=1\.0"):
        ontogym.load("zoo:lndp-cartpole").predict([0.0, 0.0, 0.0, 0.0], 1.0)


def test_numbered_observations_come_one_at_a_time_or_as_a_batch_of_one(tmp_path):
    evolve(brief("FrozenLake-v1", agent="gru", out=str(tmp_path)), progress=False)
    agent = ontogym.load(tmp_path)
    assert np.shape(agent.predict(3)[0]) == ()
    assert np.shape(agent.predict(np.array([3]))[0]) == (1,)


def test_an_agent_is_copied_in_the_middle_of_its_life():
    agent = ontogym.load("zoo:lndp-cartpole")
    agent.reset(seed=0)
    agent.predict(np.zeros(4, np.float32))
    twin = pickle.loads(pickle.dumps(copy.deepcopy(agent)))
    seen = np.array([0.1, -0.2, 0.03, 0.4], np.float32)
    assert agent.predict(seen)[0] == twin.predict(seen)[0]


def test_a_rule_that_is_not_here_is_said_with_the_package_that_brought_it(tmp_path):
    options = {"synaptic_rule": "of-elsewhere"}
    facts = {"plugins": {"of-elsewhere": "rules-of-elsewhere 1.2"}}
    saved = SavedAgent(
        agent="plastic",
        options=options,
        env="CartPole-v1",
        env_kwargs={},
        episodes=1,
        genome=np.zeros(3),
        facts=facts,
    )
    save_agent(tmp_path / "a.safetensors", saved)
    with pytest.raises(
        OntogymError, match=r"made with 'of-elsewhere' of rules-of-elsewhere 1\.2; install that"
    ):
        ontogym.load(tmp_path / "a.safetensors")
