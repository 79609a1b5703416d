"""A stranger's agent is ended by the clock and by memory, whatever it does, and takes nothing with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.leaderboard import worker
from ontogym.leaderboard.limits import WEIGHTS, Refused
from ontogym.leaderboard.submission import Submission, pack_tensors
from ontogym.leaderboard.suites import PUBLIC
from ontogym.leaderboard.verification import verify
from ontogym.leaderboard.worker import Limits, Stopped, run_job
from tests.leaderboard.submissions import random_agent

linux = pytest.mark.skipif(sys.platform != "linux", reason="forks, and reads what the system reports")
SLACK_BYTES, SLACK_SECONDS = 64 * 2**20, 15.0  # a busy machine may give a job no time for seconds


def job(
    agent_type: str, options: dict[str, Any], task: str = "CartPole-v1", size: int = 0
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Facts and files of an evaluation; `size` numbers of genome."""
    agent = {"type": agent_type, "options": options}
    facts = {"suite": "classic", "suite_version": 1, "task": task, "agent": agent}
    return {**facts, "roots": [PUBLIC]}, {WEIGHTS: pack_tensors({"genome": np.zeros(size)} if size else {})}


def genome_size(agent_type: str, options: dict[str, Any], task: str = "CartPole-v1") -> int:
    from ontogym.baselines.lives.life import make_agent

    return make_agent(agent_type, f"ontogym/{task}", {}, options).genome_size


WAVES = {"development": "retinal-waves", "development_steps": 2000, "nodes": 12}
BOMBS: dict[str, tuple[str, dict[str, Any]]] = {
    "frames of ten seconds": ("lndp", {**WAVES, "development_options": {"frame_ms": 10_000}}),
    "a large retina": ("lndp", {**WAVES, "development_options": {"radius": 96, "retinas": 64}}),
    "a long warm-up": ("lndp", {**WAVES, "development_options": {"warm_up_min": 60, "retinas": 0}}),
    "many steps of many nodes": (
        "lndp",
        {
            "development": "white-noise",
            "development_steps": 1600,
            "nodes": 600,
            "edge_features": 1,
            "heads": 1,
        },
    ),
    "many updates": ("lndp", {"nodes": 400, "rnn_iters": 64, "edge_features": 1, "heads": 1}),
}


@linux
@pytest.mark.parametrize("name", BOMBS)
def test_time_bombs_are_ended_by_the_clock(name: str) -> None:
    """Within every bound of the options, and longer than there is time for: in development, at birth, in life."""
    agent_type, options = BOMBS[name]
    facts, files = job(agent_type, options, size=genome_size(agent_type, options))
    with pytest.raises(Stopped, match=r"longer than 1 s") as told:
        run_job("evaluate", facts, files, Limits(seconds=1.0, memory_bytes=2 * 2**30))
    assert 1.0 <= told.value.spent.seconds < 1.0 + SLACK_SECONDS


HUNGRY: dict[str, dict[str, Any]] = {
    "nodes": {"nodes": 600, "edge_features": 14, "heads": 6},
    "edges": {"nodes": 250, "edge_features": 64, "heads": 64},
    "values": {"nodes": 500, "edge_features": 1, "heads": 20, "value_features": 64, "query_features": 64},
}


@linux
@pytest.mark.parametrize("name", HUNGRY)
def test_memory_is_ended_by_the_limit(name: str) -> None:
    """What the killed worker had at its highest is within its limit, and the sentence says why."""
    facts, files = job("lndp", HUNGRY[name], size=genome_size("lndp", HUNGRY[name]))
    limits = Limits(seconds=60.0, memory_bytes=150 * 2**20)
    with pytest.raises(Stopped, match="GiB of memory") as told:
        run_job("evaluate", facts, files, limits)
    spent = told.value.spent
    assert 0 <= spent.peak_bytes - spent.rest_bytes < limits.memory_bytes + SLACK_BYTES


def film(agent_type: str, options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Facts and files of a film of one episode."""
    facts, files = job(agent_type, options, size=genome_size(agent_type, options))
    return {**facts, "life": {"env": "ontogym/CartPole-v1", "episodes": 1}}, files


FILM_BOMBS = {
    **{name: BOMBS[name] for name in ("frames of ten seconds", "a large retina")},
    "many updates": ("lndp", {"nodes": 300, "rnn_iters": 64, "edge_features": 64, "heads": 16}),
}
"""Of networks that are not too large to be drawn; the shortest of them takes seven times as long as it may."""


@linux
@pytest.mark.parametrize("name", FILM_BOMBS)
def test_films_are_ended_by_the_clock(name: str) -> None:
    facts, files = film(*FILM_BOMBS[name])
    with pytest.raises(Stopped, match=r"longer than 1 s") as told:
        run_job("film", facts, files, Limits(seconds=1.0, memory_bytes=2 * 2**30))
    assert 1.0 <= told.value.spent.seconds < 1.0 + SLACK_SECONDS


@linux
def test_a_film_of_too_many_nodes_is_refused_before_the_life() -> None:
    facts, files = film(*BOMBS["many steps of many nodes"])  # lives for more than 40 s
    with pytest.raises(Refused, match="600 nodes is too large to be drawn"):
        run_job("film", facts, files, Limits(seconds=30.0, memory_bytes=2 * 2**30))


HUNGRY_ALONE = {
    "birth": HUNGRY["nodes"],
    "edges": {"nodes": 300, "edge_features": 64, "heads": 6},
    "heads": {"nodes": 300, "edge_features": 8, "heads": 64},
}
"""A film is of one agent, where an evaluation is of many lives at once."""


@linux
@pytest.mark.parametrize("name", HUNGRY_ALONE)
def test_films_are_ended_by_the_limit_of_memory(name: str) -> None:
    facts, files = film("lndp", HUNGRY_ALONE[name])
    limits = Limits(seconds=60.0, memory_bytes=150 * 2**20)
    with pytest.raises(Stopped, match="GiB of memory") as told:
        run_job("film", facts, files, limits)
    spent = told.value.spent
    assert 0 <= spent.peak_bytes - spent.rest_bytes < limits.memory_bytes + SLACK_BYTES


@linux
def test_a_limit_that_the_address_space_does_not_keep_is_kept_by_measuring(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Elsewhere there is no RLIMIT_AS: a fresh interpreter is measured from outside and killed."""
    monkeypatch.setattr(worker, "_start", _unconfined)
    facts, files = job("lndp", HUNGRY["nodes"], size=genome_size("lndp", HUNGRY["nodes"]))
    limits = Limits(seconds=60.0, memory_bytes=200 * 2**20)
    with pytest.raises(Stopped, match="GiB of memory") as told:
        run_job("evaluate", facts, files, limits, fork=False)
    assert told.value.spent.peak_bytes > told.value.spent.rest_bytes + limits.memory_bytes


def _unconfined(function: str, **how: Any) -> subprocess.Popen[bytes]:
    path = [os.path.abspath(place) for place in sys.path if place]
    code = f"""
import sys; sys.path[:] = {path!r}
from ontogym.leaderboard import worker
worker._confine = lambda limits: None
worker.{function}()
"""
    return subprocess.Popen(
        [sys.executable, "-I", "-c", code], stdin=-1, stdout=-1, stderr=subprocess.DEVNULL
    )


def test_a_fresh_interpreter_does_the_same_and_is_ended_by_the_clock() -> None:
    facts, files = job("random", {"seed": 3})
    spawned = run_job("evaluate", facts, files, fork=False)
    assert spawned.value[0]["returns"] == run_job("evaluate", facts, files).value[0]["returns"]
    assert spawned.spent.peak_bytes >= spawned.spent.rest_bytes
    agent_type, options = BOMBS["many updates"]
    facts, files = job(agent_type, options, size=genome_size(agent_type, options))
    with pytest.raises(Stopped, match="longer than 1 s"):
        run_job("evaluate", facts, files, Limits(seconds=1.0), fork=False)


def test_a_verification_says_what_it_took_and_a_refused_one_too() -> None:
    good = random_agent()
    found = verify(good)
    assert 0 < found["spent"]["peak_bytes"] < 2**31
    stopped = verify(good, limits=Limits(seconds=0.0))
    assert stopped["status"] == "refused"
    assert "longer than 0 s" in stopped["reasons"][0]
    assert stopped["spent"]["seconds"] < SLACK_SECONDS


def test_one_job_leaves_nothing_for_the_next(good: Submission) -> None:
    """A job that was killed, one that failed, and one that is right: each has a process of its own."""
    agent_type, options = BOMBS["many updates"]
    facts, files = job(agent_type, options, size=genome_size(agent_type, options))
    with pytest.raises(Stopped):
        run_job("evaluate", facts, files, Limits(seconds=0.5))
    with pytest.raises(Refused, match="'genome'"):
        run_job("evaluate", *job("lndp", {}))
    with pytest.raises(Refused, match=r"cannot live there|Unknown"):
        run_job("evaluate", {**facts, "suite": None}, files)
    assert verify(good)["status"] == "verified"


@pytest.fixture(scope="module")
def good() -> Submission:
    return random_agent()


@linux
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_worker_that_dies_is_a_sentence(monkeypatch: pytest.MonkeyPatch, sent: signal.Signals) -> None:
    """Killed from outside, by a fault, or by a library that aborts: the caller lives on."""
    agent_type, options = BOMBS["many updates"]
    facts, files = job(agent_type, options, size=genome_size(agent_type, options))
    server = worker._server()

    def strike() -> None:
        for _ in range(200):
            time.sleep(0.05)
            children = (
                Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
            )
            if children:
                os.kill(int(children[0]), sent)
                return

    thread = threading.Thread(target=strike)
    thread.start()
    with pytest.raises(Stopped, match=r"ended the process|GiB of memory"):
        run_job("evaluate", facts, files, Limits(seconds=30.0))
    thread.join()


@linux
def test_a_server_that_dies_is_started_again(good: Submission) -> None:
    verify(good)
    os.kill(worker._server().process.pid, signal.SIGKILL)
    time.sleep(0.1)
    assert verify(good)["status"] == "verified"


INTERRUPTED = """
    import sys, threading, os, signal, time
    from tests.leaderboard.test_worker import BOMBS, genome_size, job
    from ontogym.leaderboard.worker import _server, run_job

    kind, options = BOMBS["many updates"]
    facts, files = job(kind, options, size=genome_size(kind, options))
    print(_server().process.pid, flush=True)
    try:
        run_job("evaluate", facts, files)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def heeding_ctrl_c() -> None:
    """A shell that runs the tests in the background has told them, and all that they start, to ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@linux
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_ctrl_c_ends_the_worker_and_so_does_the_end_of_who_asked(
    tmp_path: Path, sent: signal.Signals
) -> None:
    script = tmp_path / "ask.py"
    script.write_text(textwrap.dedent(INTERRUPTED))
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    asking = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env=env, text=True, preexec_fn=heeding_ctrl_c
    )
    assert asking.stdout is not None
    server = int(asking.stdout.readline())
    children = Path(f"/proc/{server}/task/{server}/children")
    _until(lambda: bool(children.read_text().split()))
    child = int(children.read_text().split()[0])
    asking.send_signal(sent)
    rest = asking.stdout.read()
    asking.wait()
    assert ("interrupted" in rest) == (sent == signal.SIGINT)
    _until(
        lambda: (
            not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]
        )
    )
    _until(
        lambda: (
            not Path(f"/proc/{server}").exists() or "Z" in Path(f"/proc/{server}/stat").read_text().split()[2]
        )
    )


def _until(happened: Any, seconds: float = 60.0) -> None:
    last = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < last
        time.sleep(0.05)


def test_a_worker_finds_no_code_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A submission beside a file called numpy.py, in the folder where the command runs."""
    (tmp_path / "numpy.py").write_text("raise SystemExit('executed')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert run_job("evaluate", *job("random", {}), fork=False).value[0]["returns"]


def test_only_jobs_of_the_table_are_done() -> None:
    with pytest.raises(Refused, match="KeyError"):
        run_job("os:system", {}, {})
    assert issubclass(Stopped, OntogymError)
