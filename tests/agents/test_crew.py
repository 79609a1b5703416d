"""Threads that share out work: every piece once, errors reach the caller, nobody waits for a sleeper, all go home."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import time
from functools import partial

import numpy as np
import pytest
from numba import njit

from ontogym.agents.lndp.crew import Crew
from ontogym.agents.lndp.kernel.memory import add_number


def test_a_copy_has_helpers_of_its_own():
    """An agent can be copied, or sent to another process, in the middle of its life."""
    crew = Crew(3)
    for other in (copy.deepcopy(crew), pickle.loads(pickle.dumps(crew))):
        turns, drawn = np.zeros(64, int), np.zeros(2, np.int64)
        other.run(partial(take_turns, drawn, turns), seats=3)
        assert (turns == 1).all()
        assert not {id(each) for each in other._inboxes} & {id(each) for each in crew._inboxes}


@njit(nogil=True)
def take_turns(drawn, turns, seat):
    turn = add_number(drawn, 1, 1)
    while turn < len(turns):
        turns[turn] += 1
        turn = add_number(drawn, 1, 1)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [0, 1, 64, 300_000])
def test_every_piece_has_one_turn(threads, count):
    turns = np.zeros(count, int)
    crew = Crew(threads)
    for _ in range(3):
        drawn = np.zeros(2, np.int64)
        crew.run(partial(take_turns, drawn, turns), seats=threads)
        assert drawn[1] >= count
        assert drawn[0] == 0
    assert (turns == 3).all()


def test_helpers_do_work():
    met, seats = threading.Barrier(3, timeout=20), []

    def job(seat):
        met.wait()  # would time out if three threads did not come
        seats.append(seat)

    Crew(3).run(job, seats=3)
    assert sorted(seats) == [0, 1, 2]


def test_no_more_helpers_than_asked_for():
    seats = []
    Crew(3).run(seats.append, seats=1)
    assert seats == [0]


def test_a_helper_that_has_not_begun_is_not_waited_for():
    crew, release, begun = Crew(2), threading.Event(), threading.Event()

    def hold(seat):  # the only helper sits in an earlier task
        begun.set()
        release.wait(20)

    crew._inboxes[0].put(hold)
    assert begun.wait(20)
    seats = []
    crew.run(seats.append, seats=2)
    assert seats == [0]
    release.set()


def test_when_the_work_is_done_nobody_waits_for_answers_and_none_is_lost():
    crew, release, begun = Crew(2), threading.Event(), threading.Event()

    def job(seat):
        if seat == 1:
            begun.set()
            release.wait(20)
            raise ValueError("late")
        return begun.wait(20)

    crew.run(job, seats=2)  # would wait for `release` if it waited for the helper
    release.set()
    with pytest.raises(ValueError, match="late"):
        crew.run(lambda seat: False, seats=1)


@pytest.mark.parametrize("bad", [0, 1])
def test_an_error_in_any_call_reaches_the_caller_and_the_crew_stays_usable(bad):
    crew = Crew(2)
    for _ in range(2):
        both = threading.Barrier(2, timeout=20)

        def job(seat, both=both):
            both.wait()
            if seat == bad:
                raise ValueError(f"seat {seat}")

        with pytest.raises(ValueError, match=f"seat {bad}"):
            crew.run(job, seats=2)
    crew.run(lambda seat: None, seats=2)


def test_helpers_end_with_the_crew():
    def alive():
        return sum(thread.name == "lndp" for thread in threading.enumerate())

    gc.collect()
    before = alive()
    crew = Crew(3)
    crew.run(lambda seat: None, seats=3)
    assert alive() >= 2
    del crew
    gc.collect()
    deadline = time.monotonic() + 10
    while alive() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert alive() <= before
