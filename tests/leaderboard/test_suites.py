"""Suites: every task can be lived, and its seeds are nobody else's."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import ontogym  # noqa: F401  (registers the environments)
from ontogym.baselines.lives.lanes import make_single
from ontogym.baselines.lives.life import life_seeds
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.leaderboard import suites
from ontogym.leaderboard.suites import HELD_OUT, PUBLIC, SUITES, SuiteTask
from ontogym.registry import SPONTANEOUS
from tests.envs.light import FULL, LIGHT

TASKS = [(suite, task) for suite in SUITES.values() for task in suite.tasks]
IDS = [task.name for _, task in TASKS]
PINNED = [9123131709816109533, 2307506538224672449]


@pytest.mark.parametrize(("suite", "task"), TASKS, ids=IDS)
def test_every_task_can_be_lived(suite: suites.Suite, task: SuiteTask) -> None:
    assert task.env in gymnasium.registry
    if FULL or task.env not in LIGHT:
        make_single(task.env, task.env_kwargs).close()
    assert task.lives >= 10
    assert len(task.seeds(suite)) == task.lives
    random, optimal = task.anchors
    assert optimal > random
    assert (task.development_steps > 0) == bool(task.development)
    assert not task.development or task.development in SPONTANEOUS
    if task.switch is not None:
        assert 1 <= task.switch < task.episodes - 1
    assert task.as_json()["env"] == task.env


def test_the_suites_are_those_of_the_protocol_and_names_are_unique() -> None:
    assert list(SUITES) == [
        "classic",
        "nonstationary",
        "prenatal",
        "encoding",
        "choice",
        "multi-agent",
        "rule-shift",
    ]
    assert len(set(IDS)) == len(IDS)


def test_public_seeds_stay_what_they_are() -> None:
    """Scores are comparable only while these numbers stand; whoever changes them makes a new suite version."""
    suite = SUITES["classic"]
    assert suite.task("CartPole-v1").seeds(suite)[:2].tolist() == PINNED


def test_no_two_tasks_share_seeds_and_held_out_ones_are_nowhere_else() -> None:
    public = [task.seeds(suite) for suite, task in TASKS]
    hidden = [task.seeds(suite, HELD_OUT) for suite, task in TASKS]
    every = np.concatenate([np.unique(seeds) for seeds in public + hidden])
    assert len(np.unique(every)) == len(every)
    # What a run of evolution lives in its first generations, under many seeds.
    trained = [
        life_seeds(task.life, 2 * task.life.group, seed, stage, generation)
        for _, task in TASKS
        for seed in (0, 1, PUBLIC, HELD_OUT)
        for stage in ("generation", "evaluate", "report")
        for generation in range(3)
    ]
    assert not np.isin(np.concatenate(hidden), np.concatenate(trained)).any()


def test_hidden_goals_are_paired() -> None:
    suite = SUITES["classic"]
    task = suite.task("Foraging-v0")
    seeds = task.seeds(suite)
    assert task.life.conditions == ({"goal": 0}, {"goal": 1})
    assert (seeds[::2] == seeds[1::2]).all()
    assert len(np.unique(seeds)) == task.lives // 2


def test_hidden_subjects_are_met_in_turn_for_the_same_pictures() -> None:
    suite = SUITES["encoding"]
    task = suite.task("RetinaEncodingAnimals-v0")
    assert task.life.conditions == tuple({"patient": k} for k in range(16))
    assert len(np.unique(task.seeds(suite))) == task.lives // 16
    returns = np.tile(np.arange(16.0), task.lives // 16)[:, None]
    assert task.by_subject(returns).tolist() == list(range(16))
    assert not suite.task("RetinaEncoding-v0").by_subject(returns).size


def test_finding_a_task() -> None:
    assert suites.task_of("CartPole-v1", {})[1].name == "CartPole-v1"
    suite, task = suites.task_of("ontogym/Foraging-v0", {"observation": "one-hot"})
    assert (suite.name, task.name) == ("classic", "Foraging-v0")
    assert suites.task_of("anything", {}, "ForagingWaves-v0")[0].name == "prenatal"
    with pytest.raises(OntogymError, match=r"Foraging-v0 has \{'observation': 'one-hot'\}"):
        suites.task_of("ontogym/Foraging-v0", {"size": 7})
    with pytest.raises(OntogymError, match=r"--suite FILE\.toml makes a board of your own") as caught:
        suites.task_of("maze.py:Maze-v0", {})
    assert len(str(caught.value)) < 200
    assert (
        suites.task_of("ontogym/Foraging-v0", {"observation": "one-hot"}, suite="classic")[0].name
        == "classic"
    )
    with pytest.raises(UnknownNameError, match="did you mean 'CartPole-v1'"):
        suites.task_of("CartPole-v1", {}, "CartPole-v2")
    with pytest.raises(UnknownNameError, match="did you mean 'classic'"):
        suites.get_task("clasic", 1, "CartPole-v1")
    with pytest.raises(OntogymError, match="has version 1 here, not 2"):
        suites.get_task("classic", 2, "CartPole-v1")
    with pytest.raises(UnknownNameError, match="task of the suite"):
        suites.get_task("classic", 1, "DeNovoChoice-v0")


def test_an_organisers_own_held_out_seeds() -> None:
    assert suites.held_out(None) == (HELD_OUT, "package")
    one, other = suites.held_out("a long secret"), suites.held_out("another secret")
    assert len({HELD_OUT, PUBLIC, one.root, other.root}) == 4
    assert one.commitment != other.commitment
    assert str(one.root) not in one.commitment
    assert suites.held_out("a long secret") == one
    with pytest.raises(OntogymError, match="guessed by trying"):
        suites.held_out("short")


def test_old_versions_of_a_suite_are_served_beside_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest is the default; a version's seeds are its own, and unknown ones are refused."""
    old = SUITES["classic"]
    new = suites.Suite(
        "classic", 2, "Newer.", (suites.SuiteTask("CartPole-v1", "ontogym/CartPole-v1", lives=64),)
    )
    every = (*suites.EVERY_SUITE, new)
    monkeypatch.setattr(suites, "EVERY_SUITE", every)
    monkeypatch.setattr(suites, "SUITES", {suite.name: suite for suite in every})
    assert suites.get_suite("classic") is new
    assert suites.get_suite("classic", 1) is old
    assert suites.get_task("classic", 1, "CartPole-v1").lives == 32
    assert suites.get_task("classic", 2, "CartPole-v1").lives == 64
    assert suites.task_of("CartPole-v1", {})[0] is new
    seeds = [suite.task("CartPole-v1").seeds(suite) for suite in (old, new)]
    assert not np.isin(*seeds).any()
    with pytest.raises(UnknownNameError, match="task of the suite"):
        suites.get_task("classic", 2, "Acrobot-v1")
    with pytest.raises(OntogymError, match="has version 1, 2 here, not 3"):
        suites.get_task("classic", 3, "CartPole-v1")
