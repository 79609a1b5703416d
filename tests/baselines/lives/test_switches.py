"""Switches within an episode: known answers, and agents of which one knows how they get over them."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import numpy as np
import pytest

import ontogym  # noqa: F401  (registers the environments)
from ontogym import adaptation as scores
from ontogym.baselines.lives.lanes import Lanes
from ontogym.baselines.lives.life import LifeSpec, life_seeds, live, make_agent
from ontogym.baselines.lives.switches import Trace, switches_met
from ontogym.errors import OntogymError
from ontogym.leaderboard.admission import Record
from ontogym.leaderboard.board import make_entry
from ontogym.leaderboard.evaluation import evaluate
from ontogym.leaderboard.players import build_player
from ontogym.leaderboard.runs import Candidate, make_submission
from ontogym.leaderboard.suites import get_suite
from ontogym.leaderboard.verification import verify

CHANGING = get_suite("nonstationary", 1)


def test_recovery_of_a_known_curve() -> None:
    rules = [[0] * 6 + [1] * 10]
    rewards = [[9, 9, 4, 4, 4, 4] + [0, 0, 0, 1, 2, 4, 4, 4, 3, 3]]
    found = scores.recovery(rewards, rules, 4)
    # The mean over 4 steps, 0.25 after 4, comes to 0.25 + 0.9 * 3.75 = 3.625 nowhere: its best is 3.75 after 9.
    assert found == (4.0, 0.25, 3.5, 9, 1, 4)
    assert found is not None
    assert found.gain == 3.25


def test_recovery_without_a_drop_and_without_an_end() -> None:
    rules = [[0] * 3 + [1] * 6]
    better = scores.recovery([[1, 1, 1, 2, 2, 2, 2, 2, 2]], rules, 3)
    assert better is not None
    assert (better.steps, better.gain) == (0, 0.0)
    never = scores.recovery([[-1, -1, -1, -9, -9, -9, -8, -8, -8]], rules, 3)
    assert never is not None
    assert (never.steps, never.gain) == (None, 1.0)


def test_only_switches_with_whole_windows_count() -> None:
    rewards = np.arange(12.0)[None]
    rules = np.array(
        [[0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3]]
    )  # switches at 2, 4 and 10; the second has its windows
    assert scores.recovery(rewards, rules, 2) == (2.5, 4.5, 8.5, 0, 1, 2)
    assert scores.recovery(rewards, rules, 3) is None
    assert scores.recovery(rewards, np.zeros_like(rules), 1) is None
    two = scores.recovery(np.concatenate([rewards, rewards + 2]), np.concatenate([rules, rules]), 2)
    assert two is not None
    assert (two.before, two.early, two.late, two.switches) == (3.5, 5.5, 9.5, 2)


@pytest.mark.parametrize("bad", [([[1.0]], [[0, 0]], 1), ([[1.0, 2.0]], [[0, 1]], 0), ([1.0], [0], 1)])
def test_recovery_of_what_does_not_fit(bad: tuple[object, object, int]) -> None:
    with pytest.raises(OntogymError):
        scores.recovery(*bad)  # type: ignore[arg-type]


def test_a_switch_between_episodes_is_found_where_all_lives_met_it() -> None:
    returns = np.array([[[3.0, 5.0, 1.0, 2.0], [5.0, 5.0, 1.0, 4.0]]])
    rules = np.zeros((1, 2, 4, 3), dtype=np.int64)
    rules[:, :, 2:] = 1
    found = switches_met(Trace(np.zeros(rules.shape), rules), returns, 1)
    assert found == {
        "between": {"before": 5.0, "dropped": 1.0, "recovered": 3.0, "regained": 2.0, "episode": 2}
    }
    rules[0, 1, 2] = 0  # the second life meets it an episode later
    assert switches_met(Trace(np.zeros(rules.shape), rules), returns, 1) == {}
    assert switches_met(None, returns, 1) == {}
    rules[0, :, 2], rules[0, 1, 1] = 1, 2  # each life draws its rules anew now and then: no switch
    assert switches_met(Trace(np.zeros(rules.shape), rules), returns, 1) == {}


def test_a_trace_adds_up_to_the_returns_and_changes_nothing() -> None:
    spec = LifeSpec("ontogym/ForagingGoalSwap-v0", {"task_options": {"observation": "one-hot"}}, 2)
    agent = make_agent("lndp", spec.env, spec.env_kwargs, {"nodes": 12})
    genomes = np.random.default_rng(0).normal(0, 0.3, (2, agent.genome_size))
    seeds = life_seeds(spec, 3, 0)
    plain, traced = live(agent, genomes, spec, seeds), live(agent, genomes, spec, seeds, trace=True)
    assert plain.trace is None
    assert traced.trace is not None
    np.testing.assert_array_equal(plain.returns, traced.returns)
    assert traced.trace.rewards.shape == (2, 3, 2, 100)
    np.testing.assert_allclose(traced.trace.rewards.sum(-1), traced.returns)
    # The clock counts steps of the life: the one switch, drawn once a life, lies in its first episode.
    at = traced.trace.rules[0, :, 0].argmax(1)
    assert ((at >= 40) & (at <= 60)).all()
    assert (traced.trace.rules[:, :, 1] == 1).all()
    np.testing.assert_array_equal(traced.trace.rules[0], traced.trace.rules[1])


def test_the_hand_written_policy_recovers_and_a_constant_one_does_not() -> None:
    for name in ("ForagingSwitch-v0", "ForagingGoalSwap-v0"):
        task = CHANGING.task(name)
        clever = evaluate(build_player("win-stay-lose-shift", {}, {}, task), CHANGING, task).recovery
        fixed = evaluate(build_player("constant", {"action": 0}, {}, task), CHANGING, task).recovery
        assert clever is not None
        assert fixed is not None
        assert clever["before"] == pytest.approx(5, abs=0.5)  # food in every second step
        assert clever["early"] < 3.5  # one trial of ten steps at the wrong end, seen from its middle on
        assert clever["late"] == pytest.approx(5, abs=0.2)
        assert clever["regained"] == clever["late"] - clever["early"]
        assert 10 <= clever["steps"] <= 30
        assert abs(fixed["regained"]) < 1
        assert clever["switches"] > 10


def test_environments_that_announce_nothing_have_no_rule() -> None:
    known = {"ontogym/CartPole-v1": False, "ontogym/ForagingSwitch-v0": True, "CartPole-v1": False}
    for env, announced in known.items():
        lanes = Lanes(env, 2)
        lanes.reset(np.arange(2), {})
        assert (lanes.rule is not None) == announced
        assert lanes.limit == gymnasium.spec(env).max_episode_steps
        lanes.close()


def test_the_board_shows_it_for_the_verified_and_takes_older_verifications() -> None:
    made = make_submission(
        Candidate("win-stay-lose-shift", {}, {}, training={"env_steps": 0, "wall_seconds": 0.0}),
        "ForagingGoalSwap-v0",
    )
    found = verify(made)

    def adaptation(verification):
        record = Record("x", made, 1, "2026-11-26T12:00:00+00:00", "A. Name", verification=verification)
        return make_entry(Path("x"), record).adaptation

    assert adaptation(found) == pytest.approx(100 * found["recovery"]["regained"])
    assert adaptation({key: value for key, value in found.items() if key != "recovery"}) is None
    assert adaptation(None) is None
