"""Lives: seeds, rewards that are told, conditions, freezing between episodes, files of agents."""

from __future__ import annotations

import dataclasses
import json

import gymnasium
import numpy as np
import pytest

from ontogym.agents.base import Feedback
from ontogym.agents.feedback import SIGNALS
from ontogym.agents.individuals import Individuals
from ontogym.baselines.evolution.agent_files import SavedAgent, load_agent, save_agent
from ontogym.baselines.lives.lanes import lanes_of
from ontogym.baselines.lives.life import LifeSpec, life_seeds, live, make_agent, reevaluate, summarise
from ontogym.baselines.lives.rollout import rollout
from ontogym.errors import OntogymError, UnknownNameError
from tests.baselines.toy import GOAL, Linear

TOY = "tests.baselines.toy:Linear"
PAIR = ({"goal": 0}, {"goal": 1})


def genomes(agent, count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, agent.genome_size))


@pytest.mark.parametrize("env", ["CartPole-v1", "MountainCar-v0", "Pendulum-v1"])
def test_rows_of_a_population_live_as_they_would_alone(env):
    agent = make_agent(TOY, env, options={"noise": 0.5})
    spec = LifeSpec(env, episodes=2, max_steps=40)
    population, seeds = genomes(agent, 4), life_seeds(spec, 3, 5)
    whole = live(agent, population, spec, seeds)
    assert whole.returns.shape == whole.lengths.shape == (4, 3, 2)
    for row in range(4):
        alone = live(agent, population[row], spec, seeds)
        np.testing.assert_array_equal(alone.returns[0], whole.returns[row])
        np.testing.assert_array_equal(alone.diagnostics["seen"][0], whole.diagnostics["seen"][row])
    twin = live(agent, population[[1, 1]], spec, seeds)  # common random numbers
    np.testing.assert_array_equal(twin.returns[0], twin.returns[1])
    np.testing.assert_array_equal(twin.diagnostics["seen"][0], twin.diagnostics["seen"][1])
    # Lives differ (genomes that happen to act alike may share one).
    assert len(np.unique(whole.diagnostics["seen"])) >= 10


def test_the_batch_equals_a_life_by_hand():
    agent = make_agent(TOY, "CartPole-v1")
    spec = LifeSpec("CartPole-v1", episodes=2)
    genome, seeds = genomes(agent, 1, seed=3), life_seeds(spec, 1, 9)
    result = live(agent, genome, spec, seeds)

    lanes = lanes_of("CartPole-v1", 1, {})
    seen = []
    original = lanes.reset
    lanes.reset = lambda s, o, place: seen.append(int(s[0])) or original(s, o, place)  # type: ignore[method-assign]
    try:
        live(agent, genome, spec, seeds)
    finally:
        del lanes.reset  # type: ignore[method-assign]
    assert seen[0] != seen[1]
    env, weights = gymnasium.make("CartPole-v1"), genome.reshape(2, 4)
    for episode, seed in enumerate(seen):
        observation, total, over = env.reset(seed=seed)[0], 0.0, False
        while not over:
            drive = np.tanh((weights * observation).sum(1)).astype(np.float32)
            observation, reward, terminated, truncated, _ = env.step(int(drive.argmax()))
            total, over = total + float(reward), terminated or truncated
        assert total == result.returns[0, 0, episode] == result.lengths[0, 0, episode]


def test_reward_is_told_one_step_late_and_finished_lanes_are_frozen():
    agent = make_agent(TOY, "CartPole-v1")
    spec = LifeSpec("CartPole-v1", episodes=3)
    result = live(agent, genomes(agent, 8), spec, life_seeds(spec, 2, 1))
    total = result.lengths.sum(2)
    assert len(np.unique(result.lengths)) > 3  # lanes do end at different times
    np.testing.assert_array_equal(result.diagnostics["steps"], total)
    # Every reward is 1 and heard at the next step, over the ends of episodes too; the very last never is.
    np.testing.assert_array_equal(result.diagnostics["heard"], total - 1)


def test_an_agent_is_told_once_how_each_episode_ended():
    ends, starts = [], []

    class Listening(Linear):
        def step(self, state, observation, feedback, active=None):
            starts.append(feedback.later_episode & active)
            return super().step(state, observation, feedback, active)

        def end_episode(self, state, observation, feedback, ended):
            ends.append(ended.copy())
            assert (feedback.terminated | feedback.truncated)[ended].all()
            assert (feedback.reward[ended] == 1).all()
            return state

    single = gymnasium.make("CartPole-v1")
    spec = LifeSpec("CartPole-v1", episodes=3)
    listening, plain = (kind(single.observation_space, single.action_space) for kind in (Listening, Linear))
    population, seeds = genomes(plain, 5), life_seeds(spec, 2, 1)
    result, reference = (live(agent, population, spec, seeds) for agent in (listening, plain))
    np.testing.assert_array_equal(result.returns, reference.returns)
    assert (np.sum(ends, axis=0) == 3).all()
    assert (np.sum(starts, axis=0) == 2).all()


class Hearing(Linear):
    """Hears everything, and remembers it."""

    def __init__(self, *spaces):
        super().__init__(*spaces)
        self.hears, self.kept = SIGNALS, []

    def step(self, state, observation, feedback, active=None):
        self.kept.append((Feedback(*(np.copy(part) for part in feedback)), active.copy()))
        return super().step(state, observation, feedback, active)


def hearing(**settings):
    single = gymnasium.make("CartPole-v1")
    agent = Hearing(single.observation_space, single.action_space)
    spec = LifeSpec("CartPole-v1", **{"episodes": 2, **settings})
    result = live(agent, genomes(agent, 1), spec, life_seeds(spec, 1, 1))
    rows = [Feedback(*(part[0] for part in heard)) for heard, active in agent.kept if active[0]]
    return rows, result


def test_feedback_is_own_action_told_reward_and_where_episodes_begin_and_end():
    rows, result = hearing()
    first = int(result.lengths[0, 0, 0])
    assert not rows[0].action.any()
    assert all(row.action.sum() == 1 for row in rows[1:])  # one-hot, carried over the end of an episode
    assert [k for k, row in enumerate(rows) if row.start] == [0, first]
    assert [k for k, row in enumerate(rows) if row.terminated] == [first]
    assert [row.reward for row in rows] == [0.0] + [1.0] * (len(rows) - 1)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"told": "termination"}, lambda rows: [-float(row.terminated) for row in rows]),
        ({"told": "nothing"}, lambda rows: [0.0 for _ in rows]),
        ({"reward_clamp": 0.5}, lambda rows: [0.0] + [0.5] * (len(rows) - 1)),
        ({"silenced": ("reward",)}, lambda rows: [0.0 for _ in rows]),
    ],
)
def test_what_is_told_is_not_what_counts(settings, told):
    rows, result = hearing(**settings)
    assert [float(row.reward) for row in rows] == told(rows)
    np.testing.assert_array_equal(result.returns, hearing()[1].returns)


def test_silenced_signals_stay_zero():
    rows, _ = hearing(silenced=("action", "start", "terminated"))
    assert not any(row.action.any() or row.start or row.terminated for row in rows)
    with pytest.raises(UnknownNameError, match="signal to silence"):
        hearing(silenced=("touch",))


def test_rebirth_begins_every_episode_with_a_newborn():
    agent = make_agent(TOY, "CartPole-v1")
    spec = LifeSpec("CartPole-v1", episodes=3)
    population, seeds = genomes(agent, 4), life_seeds(spec, 2, 1)
    kept = live(agent, population, spec, seeds)
    reborn = live(agent, population, dataclasses.replace(spec, rebirth=True), seeds)
    np.testing.assert_array_equal(kept.returns, reborn.returns)  # a linear agent has no memory to lose
    np.testing.assert_array_equal(reborn.diagnostics["steps"], kept.lengths[..., -1])


def test_a_life_spec_goes_through_json():
    spec = LifeSpec(
        GOAL, {"bonus": 1.0}, 2, conditions=PAIR, told="termination", silenced=("action",), freeze="all"
    )
    assert LifeSpec.from_json(json.loads(json.dumps(spec.as_json()))) == spec
    with pytest.raises(UnknownNameError, match="did you mean 'episodes'"):
        LifeSpec.from_json({"env": GOAL, "episode": 3})


def test_reward_clamp_hides_the_reward_from_the_agent_alone():
    agent = make_agent(TOY, "CartPole-v1")
    spec = LifeSpec("CartPole-v1", episodes=1)
    seeds, population = life_seeds(spec, 2, 1), genomes(agent, 3)
    plain = live(agent, population, spec, seeds)
    clamped = live(agent, population, dataclasses.replace(spec, reward_clamp=0.0), seeds)
    np.testing.assert_array_equal(plain.returns, clamped.returns)
    assert (clamped.diagnostics["heard"] == 0).all()
    assert (plain.diagnostics["heard"] > 0).all()


def test_conditions_pair_lives_of_one_seed():
    agent = make_agent(TOY, GOAL)
    spec = LifeSpec(GOAL, {"bonus": 1.0}, episodes=1, conditions=PAIR)
    seeds = life_seeds(spec, 4, 0)
    assert seeds[0] == seeds[1] != seeds[2] == seeds[3]
    always_zero = np.array([[1.0, 0.0, -1.0, 0.0]])
    returns = live(agent, always_zero, spec, seeds).returns[0, :, 0]
    draws = returns - np.array([5, 0, 5, 0])
    assert draws[0] == pytest.approx(draws[1]) != pytest.approx(draws[2])
    assert draws[2] == pytest.approx(draws[3])
    summary = reevaluate(agent, always_zero[0], spec, 8, 3)
    assert summary["conditions"][0] - summary["conditions"][1] == pytest.approx(5.0)
    with pytest.raises(OntogymError, match="multiple of 2"):
        life_seeds(spec, 3, 0)
    with pytest.raises(OntogymError, match="same options"):
        LifeSpec(GOAL, conditions=({"goal": 0}, {"aim": 1}))


def test_summary_of_known_returns():
    agent = make_agent(TOY, GOAL)
    spec = LifeSpec(GOAL, episodes=2, conditions=PAIR)
    result = live(agent, np.zeros((1, 4)), spec, life_seeds(spec, 6, 0))
    returns = np.array([[0, 2], [4, 6], [1, 3], [5, 7], [2, 4], [6, 8]], float)[None]
    summary = summarise(result._replace(returns=returns), spec)
    assert summary["mean"] == 4.0
    assert (summary["first_episode"], summary["last_episode"]) == (3.0, 5.0)
    assert summary["conditions"] == [2.0, 6.0]
    assert (summary["min"], summary["max"]) == (1.0, 7.0)
    # Pairs score 3, 4, 5: three independent samples, not six.
    assert summary["sem"] == pytest.approx(1 / np.sqrt(3))
    assert 3.0 <= summary["ci95"][0] < 4.0 < summary["ci95"][1] <= 5.0


def test_development_changes_the_newborns():
    agent = make_agent(TOY, GOAL)
    with pytest.raises(OntogymError, match="development_steps=0"):
        LifeSpec(GOAL, development="tests.baselines.toy:Pulse", episodes=1)
    spec = LifeSpec(GOAL, development="tests.baselines.toy:Pulse", development_steps=4, episodes=1)
    population, seeds = np.array([[1.0, 0.0, -1.0, 0.0]]), life_seeds(spec, 4, 0)
    plain = live(agent, population, LifeSpec(GOAL, episodes=1), seeds)
    agent.development, agent.development_steps = "tests.baselines.toy:Pulse", 4
    agent.develop = lambda state, activity: state._replace(weights=-state.weights)  # type: ignore
    developed = live(agent, population, LifeSpec(GOAL, episodes=1), seeds)
    agent.development = None
    imposed = live(agent, population, spec, seeds)
    np.testing.assert_array_equal(imposed.returns, developed.returns)
    assert (plain.returns == 5).all()
    assert (developed.returns == 0).all()
    assert not np.array_equal(plain.returns, developed.returns)


def test_a_life_whose_world_gives_nan_has_failed_and_the_others_live_on():
    agent = make_agent(TOY, GOAL)
    spec = LifeSpec(GOAL, {"bad_at": 3}, episodes=2, conditions=({"goal": 0}, {"goal": 1}))
    result = live(agent, np.zeros((2, 4)), spec, life_seeds(spec, 2, 0))
    assert result.failed.all()
    assert np.isnan(result.returns).all()
    assert (result.lengths == [2, 0]).all()
    with pytest.raises(OntogymError, match="not finite in every life"):
        summarise(result, spec)
    returns = np.array([[[1.0, 3.0], [np.nan, np.nan], [5.0, 7.0], [2.0, 2.0]]])
    failed = np.array([[False, True, False, False]])
    summary = summarise(result._replace(returns=returns, failed=failed), spec)
    assert (summary["mean"], summary["failed"]) == (
        (2 + 2 + 6 + 2) / 4,
        1,
    )  # it counts as the worst of the others


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_agent("lnpd", "CartPole-v1"), "did you mean 'lndp'"),
        (lambda: make_agent(TOY, "CartPol-v1"), "did you mean 'CartPole-v1'"),
        (lambda: make_agent(TOY, "CartPole-v1", {"sutton_reward": True}), "sutton_barto_reward"),
        (lambda: make_agent(TOY, "CartPole-v1", None, {"nois": 1.0}), "did you mean 'noise'"),
        (lambda: LifeSpec("CartPole-v1", episodes=0), "at least 1"),
    ],
)
def test_bad_input_is_one_sentence_with_the_nearest_name(call, message):
    with pytest.raises(OntogymError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_agent_files_round_trip_and_refuse_what_they_are_not(tmp_path):
    agent = make_agent(TOY, GOAL, options={"scale": 2.0})
    saved = SavedAgent(genomes(agent, 1)[0], TOY, agent.config, GOAL, {"length": 7}, 2, {"seed": 1})
    save_agent(tmp_path / "best.safetensors", saved)
    back = load_agent(tmp_path)  # a run folder means its best agent
    np.testing.assert_array_equal(back.genome, saved.genome)
    rebuilt = back.build(trusted=True)
    assert isinstance(rebuilt, Linear)
    assert rebuilt.scale == 2.0
    assert dataclasses.replace(back, genome=None) == dataclasses.replace(saved, genome=None)
    with pytest.raises(OntogymError, match="but this agent needs 8"):
        back.build("CartPole-v1", trusted=True)
    with pytest.raises(OntogymError, match="no file"):
        load_agent(tmp_path / "other.safetensors")
    with pytest.raises(UnknownNameError, match="zoo agent"):
        load_agent("zoo:no-such-agent")
    save_agent(tmp_path / "nan.safetensors", dataclasses.replace(saved, genome=np.array([np.nan])))
    with pytest.raises(OntogymError, match="finite"):
        load_agent(tmp_path / "nan.safetensors")


def test_an_observation_that_is_not_finite_ends_the_life():
    class Blind(gymnasium.ObservationWrapper):
        def observation(self, observation):
            return np.full_like(observation, np.nan)

    gymnasium.register("test/Blind-v0", lambda: Blind(gymnasium.make("MountainCar-v0")), max_episode_steps=5)
    try:
        agent, spec = make_agent(TOY, "test/Blind-v0"), LifeSpec("test/Blind-v0")
        result = live(agent, np.zeros((1, agent.genome_size)), spec, life_seeds(spec, 1, 0))
        assert result.failed.all()
        assert not result.lengths.any()
    finally:
        gymnasium.registry.pop("test/Blind-v0")


def test_development_before_every_episode_draws_anew_and_freezing_from_the_start_comes_after_it():
    agent = make_agent("lndp", "CartPole-v1", options={"nodes": 9, "threads": 1, "density": 0.4})
    population = np.random.default_rng(0).normal(0, 0.6, (1, agent.genome_size))
    spec = LifeSpec("CartPole-v1", episodes=2, development="white-noise", development_steps=3)
    seeds = life_seeds(spec, 2, 1)
    actor = Individuals(agent, np.repeat(population, 2, 0), spec.imposed_development)
    first, second = (actor.spontaneous_activity(seeds, episode) for episode in (0, 1))
    assert first.shape == second.shape
    assert (first != second).all()
    developed = agent.body(actor.begin(seeds).agent)

    def lived(**settings):
        return rollout(actor, lanes_of(spec.env, 2, {}), dataclasses.replace(spec, **settings), seeds)

    still = lived(freeze="all", develop_between=True)
    np.testing.assert_array_equal(agent.body(still.state.agent).edges, developed.edges)
    once, twice = lived(), lived(develop_between=True)
    np.testing.assert_array_equal(once.returns[:, 0], twice.returns[:, 0])
    assert (agent.body(once.state.agent).edges != agent.body(twice.state.agent).edges).any()


def test_what_cannot_develop_again_says_so():
    agent = make_agent(TOY, "CartPole-v1")
    spec = LifeSpec("CartPole-v1", episodes=2, develop_between=True)
    with pytest.raises(OntogymError, match="no developmental phase; leave develop_between out"):
        live(agent, genomes(agent, 1), spec, life_seeds(spec, 1, 1))
    with pytest.raises(OntogymError, match="no wiring to shuffle"):
        live(agent, genomes(agent, 1), LifeSpec("CartPole-v1", shuffle_wiring=True), life_seeds(spec, 1, 1))
    with pytest.raises(OntogymError, match="leave out rebirth or develop_between"):
        LifeSpec("CartPole-v1", rebirth=True, develop_between=True)
