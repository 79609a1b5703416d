"""A pool of processes returns what one process does, and survives the death of its workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from ontogym.baselines.evolution.evaluators import MIN_LANES, Evaluator, _slices, make_workers
from ontogym.baselines.lives.life import LifeSpec, life_seeds
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.processes import Here, WorkerPool
from ontogym.registry import AGENTS
from tests.baselines.toy import GOAL

TOY, OPTIONS = "tests.baselines.toy:Linear", {"noise": 0.3}
SPEC = LifeSpec("CartPole-v1", episodes=2, max_steps=100)


@pytest.fixture(scope="module")
def pool():
    with Evaluator(TOY, OPTIONS, WorkerPool(2)) as made:
        yield made


def assert_same(a, b):
    np.testing.assert_array_equal(a.returns, b.returns)
    np.testing.assert_array_equal(a.lengths, b.lengths)
    assert a.diagnostics.keys() == b.diagnostics.keys()
    for key in a.diagnostics:
        np.testing.assert_array_equal(a.diagnostics[key], b.diagnostics[key])


@pytest.mark.parametrize(("count", "lives"), [(40, 2), (1, 70), (3, 64), (2, 1)])
def test_pool_equals_in_process_bit_for_bit(pool, count, lives):
    genomes = np.random.default_rng(0).normal(size=(count, 8))
    seeds = life_seeds(SPEC, lives, 1)
    assert_same(Evaluator(TOY, OPTIONS).evaluate(genomes, SPEC, seeds), pool.evaluate(genomes, SPEC, seeds))


def test_seeds_of_their_own_travel_with_the_genomes(pool):
    genomes = np.random.default_rng(0).normal(size=(40, 8))
    seeds = np.stack([life_seeds(SPEC, 2, 1, k) for k in range(40)])
    assert_same(Evaluator(TOY, OPTIONS).evaluate(genomes, SPEC, seeds), pool.evaluate(genomes, SPEC, seeds))


@pytest.mark.parametrize(
    ("genomes", "lives", "most", "expected"),
    [(64, 2, 64, (4, 1)), (1, 96, 64, (1, 3)), (2, 64, 64, (2, 2)), (5, 1, 64, (1, 1)), (512, 4, 4, (4, 1))],
)
def test_slices_follow_from_the_batch_alone(genomes, lives, most, expected):
    seeds = life_seeds(SPEC, lives, 0)
    slices, columns = _slices(np.zeros((genomes, 8)), SPEC, seeds, most)
    assert (len(slices) // columns, columns) == expected
    assert sum(len(g) * len(s) for g, _, s in slices) == genomes * lives
    assert len(slices) == 1 or min(len(g) * len(s) for g, _, s in slices) >= MIN_LANES - 1


def test_names_choose_where_lives_are_lived():
    assert isinstance(make_workers(None), Here)
    with make_workers(None, 1) as pool, make_workers("pool") as every:
        assert isinstance(pool, WorkerPool)
        assert every.workers >= 1
    with pytest.raises(UnknownNameError, match="did you mean 'process'"):
        make_workers("proces")
    for name in ("process", "pool"):
        with pytest.raises(OntogymError, match="address"):
            make_workers(name, address="auto")


def test_slices_keep_paired_conditions_together(pool):
    spec = LifeSpec(GOAL, conditions=({"goal": 0}, {"goal": 1}))
    genome, seeds = np.random.default_rng(0).normal(size=(1, 4)), life_seeds(spec, 66, 1)
    local = Evaluator(TOY, OPTIONS).evaluate(genome, spec, seeds)
    assert_same(local, pool.evaluate(genome, spec, seeds))


def test_killed_workers_are_replaced_and_change_nothing(pool):
    genomes = np.random.default_rng(1).normal(size=(48, 8))
    seeds = life_seeds(SPEC, 3, 2)
    expected = Evaluator(TOY, OPTIONS).evaluate(genomes, SPEC, seeds)
    assert_same(expected, pool.evaluate(genomes, SPEC, seeds))
    killed = 0
    for pid in list(pool.workers._executor._processes):  # idle ones
        os.kill(pid, signal.SIGKILL)
        killed += 1
    assert_same(expected, pool.evaluate(genomes, SPEC, seeds))
    assert killed

    import threading

    victims = list(pool.workers._executor._processes)
    timer = threading.Timer(0.05, lambda: os.kill(victims[0], signal.SIGKILL))  # a busy one
    timer.start()
    for _ in range(4):
        assert_same(expected, pool.evaluate(genomes, SPEC, seeds))
    timer.join()
    assert victims[0] not in pool.workers._executor._processes


def test_a_task_that_always_kills_its_worker_ends_with_a_sentence(monkeypatch):
    monkeypatch.setattr("ontogym.processes._MAX_DEATHS", 2)
    with (
        Evaluator("tests.baselines.toy:Deadly", {}, WorkerPool(1)) as deadly,
        pytest.raises(OntogymError, match="died 2 times in a row"),
    ):
        deadly.evaluate(np.zeros((2, 8)), SPEC, life_seeds(SPEC, 1, 0))


def test_errors_cross_the_process_boundary_as_sentences():
    with Evaluator(TOY, {"nois": 1.0}, WorkerPool(1)) as wrong, pytest.raises(OntogymError, match="'noise'"):
        wrong.evaluate(np.zeros((2, 8)), SPEC, life_seeds(SPEC, 1, 0))


def test_failed_lives_come_back_from_workers(pool):
    spec = LifeSpec(GOAL, {"bad_at": 1})
    assert pool.evaluate(np.zeros((2, 4)), spec, life_seeds(spec, 1, 0)).failed.all()


def test_workers_find_agents_that_only_this_process_registered(monkeypatch):
    monkeypatch.setitem(AGENTS.added, "toy-linear", TOY)
    seeds = life_seeds(SPEC, 1, 0)
    with Evaluator("toy-linear", {}, WorkerPool(1)) as named:
        assert_same(
            Evaluator("toy-linear").evaluate(np.ones((2, 8)), SPEC, seeds),
            named.evaluate(np.ones((2, 8)), SPEC, seeds),
        )


def test_workers_do_not_know_what_a_program_registers(pool):
    gymnasium.register("OfThisProgram-v0", "tests.baselines.toy:GoalEnv")
    try:
        with pytest.raises(OntogymError, match="do not know OfThisProgram-v0, which this one has registered"):
            pool.evaluate(np.ones((2, 8)), LifeSpec("OfThisProgram-v0"), np.zeros(2, np.uint64))
        with pytest.raises(UnknownNameError, match="Unknown environment"):
            pool.evaluate(np.ones((2, 8)), LifeSpec("OfNobody-v0"), np.zeros(2, np.uint64))
    finally:
        gymnasium.registry.pop("OfThisProgram-v0")


def test_workers_die_with_a_killed_parent(tmp_path):
    code = (
        "import numpy as np, time, pathlib\n"
        "from ontogym.baselines.evolution.evaluators import Evaluator\n"
        "from ontogym.processes import WorkerPool\n"
        "from tests.baselines.evolution.test_evaluators import SPEC, TOY, life_seeds\n"
        "if __name__ == '__main__':\n"
        "    pool = Evaluator(TOY, {}, WorkerPool(1))\n"
        "    pool.evaluate(np.zeros((2, 8)), SPEC, life_seeds(SPEC, 1, 0))\n"
        "    pathlib.Path('pids').write_text(' '.join(map(str, pool.workers._executor._processes)))\n"
        "    pathlib.Path('pids').rename('ready')\n"
        "    time.sleep(60)\n"
    )
    (tmp_path / "parent.py").write_text(code)
    root = str(Path(__file__).parents[3])
    process = subprocess.Popen(
        [sys.executable, "parent.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": root}
    )
    ready = tmp_path / "ready"
    try:
        wait_for(ready.exists)
    finally:
        process.kill()
        process.wait()
    (worker,) = map(int, ready.read_text().split())
    wait_for(lambda: not alive(worker))


def alive(pid):
    """Whether the process runs (a zombie that nobody has waited for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
