"""A board of one's own: a suite from a TOML file, an environment from the file beside it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import gymnasium
import pytest

from ontogym.cli import main
from ontogym.errors import OntogymError
from ontogym.leaderboard import local_suites, suites
from ontogym.leaderboard.local_suites import make_suite, use_suite
from tests.tiny import TINY

SUITE = """
name = "bars"
version = 2
about = "Pictures of bars."
[[tasks]]
name = "Bars-v0"
env = "bars_on_board.py:Bars-v0"
env_kwargs = { width = 8, features = { name = "untrained", size = 4 } }
episodes = 2
lives = 4
random = 6.0
optimal = 12.0
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    shutil.copy(Path(__file__).parents[1] / "baselines" / "worlds.py", tmp_path / "bars_on_board.py")
    (tmp_path / "bars.toml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    before, known = list(sys.path), dict(suites._NEWEST)
    yield tmp_path
    sys.path[:] = before
    sys.modules.pop("bars_on_board", None)
    suites._NEWEST.clear()
    suites._NEWEST.update(known)
    local_suites._opened.clear()
    for name in ("Bars-v0", "Shaky-v0", "Codes-v0"):
        gymnasium.registry.pop(name, None)


def test_an_agent_is_submitted_verified_listed_and_shown(here, capsys):
    small = [*TINY, "--lives", "1"]
    world = ["--env", "bars_on_board.py:Bars-v0", "--env-kwargs", "width=8"]
    seen = ["--features", "untrained", "--features-options", "size=4"]
    assert main(["evolve", *world, *seen, "--agent", "mlp", "--out", "run", *small]) == 0
    own = ["--suite", "bars.toml"]
    assert main(["leaderboard", "submit", "run", *own]) == 0
    assert main(["leaderboard", "add", "run/submission", "--store", "board", *own]) == 0
    assert main(["leaderboard", "submit", "random", "--task", "Bars-v0", "--out", "chance", *own]) == 0
    assert main(["leaderboard", "add", "chance", "--store", "board", *own]) == 0
    capsys.readouterr()
    assert main(["leaderboard", "list", "--store", "board", *own, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {(row["suite"], row["task"], row["status"]) for row in rows} >= {("bars", "Bars-v0", "verified")}
    chance = next(row for row in rows if row["label"] == "random" and row["task"])
    assert 3 < chance["iqm"] < 9
    assert main(["leaderboard", "site", "--store", "board", "--out", "site", "--no-animations", *own]) == 0
    assert "Bars-v0" in (here / "site" / "index.html").read_text()


def test_a_world_of_the_package_enters_the_board_that_is_named(here, capsys):
    task = 'name = "mine"\n[[tasks]]\nname = "Pole"\nenv = "ontogym/CartPole-v1"\nepisodes = 1\nlives = 2\n'
    (here / "mine.toml").write_text(task)
    assert (
        main(
            [
                "evolve",
                "--env",
                "ontogym/CartPole-v1",
                "--agent",
                "mlp",
                "--out",
                "run",
                *TINY,
                "--lives",
                "1",
            ]
        )
        == 0
    )
    assert main(["leaderboard", "submit", "run", "--suite", "mine.toml"]) == 0
    assert "on Pole claims" in capsys.readouterr().out
    assert main(["leaderboard", "add", "run/submission", "--store", "board", "--suite", "mine.toml"]) == 0
    assert main(["leaderboard", "list", "--store", "board", "--suite", "classic"]) == 0
    assert "None of them is of the suite classic; they are of mine." in capsys.readouterr().out
    suites._NEWEST.pop("mine")  # as in another process, which has not been told of the file
    local_suites._opened.clear()
    assert main(["leaderboard", "list", "--store", "board"]) == 0
    assert (
        "Submissions to mine (version 1) are not shown: no such suite is known here"
        in capsys.readouterr().out
    )
    assert (
        main(["leaderboard", "submit", "run", "--suite", "mine.toml", "--task", "Foraging-v0", "--out", "x"])
        == 2
    )
    assert main(["leaderboard", "submit", "run", "--suite", "encoding", "--out", "x"]) == 2
    assert (
        "The suite encoding has no task for ontogym/CartPole-v1 with the arguments {}"
        in capsys.readouterr().err
    )


def test_a_suite_is_known_once_its_file_was_opened(here):
    suite = use_suite("bars.toml")
    assert (suite.version, suite.tasks[0].anchors) == (2, (6.0, 12.0))
    assert suites.get_suite("bars", 2) is suite
    assert suite in suites.every_suite()
    with pytest.raises(OntogymError, match="version 2 here, not 1"):
        suites.get_suite("bars", 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"bars"', '"classic"', "suite of the package"),
        ('"bars"', '"Bars!"', "small letters"),
        ("lives = 4", "lifes = 4", "did you mean 'lives'"),
        ("lives = 4", "lives = 0", "whole numbers from 1"),
        ("random = 6.0", "random = 60.0", "the first the smaller"),
        ("width = 8", "with = 8", "did you mean 'width'"),
        ("[[tasks]]", "[[other]]", "did you mean|known are"),
        ("version = 2", "version = true", "whole number from 1"),
        ('about = "Pictures of bars."', "about = 5", "give text"),
        ("lives = 4", "lives = true", "whole numbers from 1"),
        ("lives = 4", "lives = 4\nbudget = inf", "whole number of steps"),
        ('"Bars-v0"\nenv =', '"CartPole-v1"\nenv =', "There is a task 'CartPole-v1' already"),
    ],
)
def test_a_file_that_cannot_be_is_told_why(old, new, said, here):
    (here / "bars.toml").write_text(SUITE.replace(old, new))
    with pytest.raises(OntogymError, match=said):
        use_suite("bars.toml")


def test_tasks_of_a_file_are_few_and_each_has_a_name_of_its_own(here):
    task = {"name": "Pole-v0", "env": "ontogym/CartPole-v1"}
    for tasks, said in (
        ([task] * 2, "already"),
        ([5], "at least one"),
        ([task] * 1001, "the most is 1000"),
        ([{**task, "env_kwargs": 5}], "table"),
    ):
        with pytest.raises(OntogymError, match=said):
            make_suite({"name": "mine", "tasks": tasks}, here)


def test_a_task_of_the_package_has_its_own_anchors(here):
    task = {"name": "Pole-v0", "env": "ontogym/CartPole-v1"}
    suite = make_suite({"name": "mine", "tasks": [task]}, here)
    assert suite.tasks[0].anchors == suites.SuiteTask("a", "ontogym/CartPole-v1").anchors
    with pytest.raises(OntogymError, match="needs random and optimal"):
        make_suite({"name": "mine", "tasks": [{**task, "env": "CartPole-v1"}]}, here)
