"""The store is whole at any moment: killed writers, two at once, a full disk, a newer format."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ontogym.errors import OntogymError
from ontogym.leaderboard.board import read_board
from ontogym.leaderboard.runs import Candidate, make_submission, read_run
from ontogym.leaderboard.site import build_site
from ontogym.leaderboard.store import Store
from ontogym.leaderboard.submission import Submission
from ontogym.leaderboard.suites import SUITES
from ontogym.leaderboard.verification import verify
from tests.leaderboard.submissions import lndp, random_agent


@pytest.fixture(scope="module")
def good() -> Submission:
    return random_agent()


def put(path: Path, submission: Submission, verified: bool = True) -> tuple[str, bool]:
    found = verify(submission) if verified else None
    return Store.open(path, create=True).add(submission, found)


def test_what_goes_in_comes_out(tmp_path: Path, good: Submission) -> None:
    name, new = put(tmp_path, good)
    assert new
    assert put(tmp_path, good) == (name, False)
    put(tmp_path, lndp(), verified=False)
    board = read_board(tmp_path)
    mine = {entry.label: entry for entry in board.entries}
    assert mine["random"].id == name
    assert name.startswith("Foraging-v0--random--s0--")
    assert mine["random"].status == "verified"
    assert mine["random"].score != sum(map(sum, good.manifest["claimed"]["returns"])) / 32  # held-out seeds
    assert abs(mine["random"].normalised or 9) < 0.1
    assert mine["LNDP"].status == "claimed"
    assert mine["LNDP"].wiring_cost is not None
    assert mine["LNDP"].curve == [[0.0, 9.0], [10.0, 11.0]]
    assert {(row.task, row.label) for row in board.rows} == {
        ("Foraging-v0", "random"),
        ("CartPole-v1", "LNDP"),
    }


def test_rows_are_over_seeds_and_refused_ones_do_not_count(tmp_path: Path, good: Submission) -> None:
    for seed in (0, 1, 2):
        put(tmp_path, random_agent(seed))
    board = read_board(tmp_path)
    row, suite = board.rows
    assert (row.seeds, suite.seeds, suite.task) == (3, 3, None)
    assert row.low < row.iqm < row.high
    assert abs(suite.iqm) < 0.1
    name = board.entries[0].id
    store = Store.open(tmp_path)
    found = {**verify(store.record(name).submission), "status": "refused", "reasons": ["no"]}
    store.set_verification(name, found)
    board = read_board(tmp_path)
    assert board.rows[0].seeds == 2
    assert {entry.status for entry in board.entries} == {"refused", "verified"}


@pytest.mark.parametrize(("beyond", "over"), [(0, False), (1, True)])
def test_trainings_beyond_the_budget_are_marked(tmp_path: Path, beyond: int, over: bool) -> None:
    task = SUITES["classic"].task("Foraging-v0")
    training = {"env_steps": task.budget + beyond, "wall_seconds": 1.0}
    put(tmp_path, make_submission(Candidate("random", {"seed": 1}, {}, seed=1, training=training), task.name))
    put(tmp_path, random_agent(2))
    board = read_board(tmp_path)
    assert [entry.over_budget for entry in board.entries] == [over, False]
    assert [row.over_budget for row in board.rows] == [over, over]  # of the task, and of the suite
    build_site(board, tmp_path / "site", tmp_path)
    page = (tmp_path / "site" / "index.html").read_text()
    assert ('class="over"' in page) == over
    assert ("1 of 2 trainings took more steps" in page) == over


def killed_at(moment: int, store: Path, submission: Submission) -> int:
    """Add in a forked process that SIGKILL ends before its `moment`-th call that touches the disk: its status."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    left = moment

    def fatal(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    status = 1
    try:
        for name in ("open", "fsync", "rename", "replace", "mkdir", "close", "rmdir", "unlink", "chmod"):
            setattr(os, name, fatal(getattr(os, name)))
        put(store, submission, verified=False)
        status = 0
    finally:
        os._exit(status)


def test_killed_at_every_system_call_of_an_add(tmp_path: Path, good: Submission) -> None:
    """SIGKILL before the first, second, ... call that touches the disk: before and after, all is whole."""
    put(tmp_path, random_agent(7), verified=False)
    counts = []
    for moment in range(1, 60):
        status = killed_at(moment, tmp_path, good)
        board = read_board(tmp_path)
        assert not board.faults
        counts.append(len(board.entries))
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert status == 0
    assert (counts[0], counts[-1]) == (1, 2)
    assert set(counts) == {1, 2}
    assert len(counts) > 3
    put(tmp_path, random_agent(8), verified=False)
    assert not list((tmp_path / "entries").glob(".*"))  # leftovers of the killed are gone
    assert len(read_board(tmp_path).entries) == 3


ADDER = """
    import sys
    import ontogym
    from ontogym.leaderboard.store import Store
    from ontogym.leaderboard.submission import read_submission

    for folder in sys.argv[2:]:
        Store.open(sys.argv[1], create=True).add(read_submission(folder), None)
"""


def test_two_processes_adding_at_once_lose_nothing(tmp_path: Path) -> None:
    from ontogym.leaderboard.submission import write_submission

    for seed in range(12):
        write_submission(tmp_path / f"s{seed}", random_agent(seed))
    script = tmp_path / "adder.py"
    script.write_text(textwrap.dedent(ADDER))
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    parts = [[f"s{k}" for k in range(8)], [f"s{k}" for k in range(4, 12)]]
    adders = [
        subprocess.Popen([sys.executable, str(script), "store", *part], cwd=tmp_path, env=env)
        for part in parts
    ]
    assert [adder.wait() for adder in adders] == [0, 0]
    assert {entry.seed for entry in read_board(tmp_path / "store").entries} == set(range(12))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_full_disk_leaves_the_store_as_it_was(
    tmp_path: Path, good: Submission, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    put(tmp_path, random_agent(1), verified=False)

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OntogymError, match="No space left on device"):
        put(tmp_path, good, verified=False)
    assert len(read_board(tmp_path).entries) == 1
    assert not list((tmp_path / "entries").glob(".*"))


def test_read_only_folder(tmp_path: Path, good: Submission) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write anywhere")
    with pytest.raises(OntogymError, match="may write to"):
        put(folder, good, verified=False)


def test_stores_that_are_none(tmp_path: Path, good: Submission) -> None:
    with pytest.raises(OntogymError, match="no leaderboard in"):
        read_board(tmp_path / "none")
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(OntogymError, match=r"holds 'mine.txt'"):
        put(tmp_path, good, verified=False)
    for text, reason in (
        ('{"format": 3, "kind": "leaderboard"}', "newer than this ontogym reads"),
        ('{"format": 1, "kind": "evolution"}', "choose another --store"),
        ("{", "is damaged"),
        ('{"format": 0, "kind": "leaderboard"}', "the format is 0"),
    ):
        (tmp_path / "store.json").write_text(text)
        with pytest.raises(OntogymError, match=reason):
            put(tmp_path, good, verified=False)
        with pytest.raises(OntogymError, match=reason):
            read_board(tmp_path)


def test_what_a_search_found_is_submitted_with_its_cost_and_its_command() -> None:
    """Options of an agent without weights stand in the manifest, and in the command that makes it again."""
    candidate = read_run("constant", 3, {"action": 1}, 5000)
    made = make_submission(candidate, "CartPole-v1")
    assert made.manifest["training"]["env_steps"] == 5000
    assert made.manifest["training"]["command"].endswith("--seed 3 --options action=1 --env-steps 5000")
    assert verify(made)["status"] == "verified"
    with pytest.raises(OntogymError, match="did you mean 'action'"):
        make_submission(read_run("constant", 0, {"acton": 1}), "CartPole-v1")


def test_a_run_takes_no_options_of_others(tmp_path: Path) -> None:
    with pytest.raises(OntogymError, match="brings its own"):
        read_run(str(tmp_path), options={"action": 1})
