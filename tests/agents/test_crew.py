"""Threads that share out rows: every row once, errors reach the caller, helpers go home."""

from __future__ import annotations

import gc
import threading
import time

import numpy as np
import pytest

from ontogym.agents.lndp.crew import HEAD_START_ROWS, Crew


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [0, 1, HEAD_START_ROWS, HEAD_START_ROWS + 2, 64, 101])
def test_every_row_has_one_turn(threads, count):
    turns = np.zeros(200, int)

    def job(rows):
        turns[rows] += 1

    rows = np.random.default_rng(0).permutation(200)[:count]
    crew = Crew(threads)
    for _ in range(3):
        crew.run(job, rows)
    assert (turns[rows] == 3).all()
    assert turns.sum() == 3 * count


def test_helpers_do_work():
    names = set()
    Crew(2).run(lambda rows: names.add(threading.current_thread().name), np.arange(64))
    assert len(names) == 2


@pytest.mark.parametrize("bad", [0, 63])
def test_an_error_in_any_part_reaches_the_caller_and_the_crew_stays_usable(bad):
    def job(rows):
        if bad in rows:
            raise ValueError(f"row {bad}")

    crew = Crew(2)
    for _ in range(2):
        with pytest.raises(ValueError, match=f"row {bad}"):
            crew.run(job, np.arange(64))
    crew.run(lambda rows: None, np.arange(64))


def test_helpers_end_with_the_crew():
    def alive():
        return sum(thread.name == "lndp" for thread in threading.enumerate())

    gc.collect()
    before = alive()
    crew = Crew(3)
    crew.run(lambda rows: None, np.arange(64))
    assert alive() >= 2
    del crew
    gc.collect()
    deadline = time.monotonic() + 10
    while alive() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert alive() <= before
