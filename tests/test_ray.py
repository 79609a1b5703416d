"""Ray on two local nodes: the same bits as in this process, with a worker, a node and the driver killed on the way."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ontogym.baselines.evolution.evaluators import make_workers
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.ray_workers import RayWorkers, _stamp
from tests.baselines.evolution.same_bits import AGENTS, CONFIG, Dying, assert_same, run
from tests.test_processes import refuse, square

pytest.importorskip("ray")
pytestmark = [pytest.mark.ray, pytest.mark.slow]
ROOT = str(Path(__file__).parents[1])


@pytest.fixture(scope="module")
def cluster():
    """A head without cores, as on a real cluster, and two nodes of one core."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    memory = {"object_store_memory": 80_000_000}
    made = Cluster(True, head_node_args={"num_cpus": 0, "include_dashboard": False, **memory})
    for _ in range(2):
        made.add_node(num_cpus=1, **memory)
    yield made
    made.shutdown()


class DyingRay(Dying, RayWorkers):
    deaths = 0


class HeldRay(RayWorkers):
    """In the fifth batch one task waits to be killed with its node, whose id it leaves in `place`."""

    place = Path()

    def results(self, work, tasks):
        mark, held = self.place / "mark", self.place / "held"
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 5:
            mark.touch()
        yield from super().results(hold_once, [(str(mark), str(held), work, task) for task in tasks])


def hold_once(mark, held, work, task):
    import ray

    try:
        Path(mark).unlink()
    except FileNotFoundError:
        return work(*task)
    Path(held + "~").write_text(ray.get_runtime_context().get_node_id())
    Path(held + "~").rename(held)
    time.sleep(600)


def where(seconds):
    """The node that does this."""
    import ray

    time.sleep(seconds)
    return ray.get_runtime_context().get_node_id(), os.environ["NUMBA_NUM_THREADS"]


def test_results_by_index_on_both_nodes_and_errors_as_sentences(cluster):
    with make_workers("ray", address=cluster.address) as workers:
        assert workers.map(square, [(3, 0.3), (4,), (5,)]) == [9, 16, 25]
        assert workers.map(square, []) == []
        with pytest.raises(UnknownNameError, match="Unknown number '4'"):
            workers.map(refuse, [(4,)])
        found = workers.map(where, [(0.5,)] * 8)
        assert len({node for node, _ in found}) == 2
        assert {threads for _, threads in found} == {"1"}


@pytest.mark.parametrize("agent", AGENTS)
def test_ten_generations_with_a_worker_killed(cluster, agent):
    here, DyingRay.deaths = run(agent), 0
    assert_same(here, run(agent, evaluator="ray", address=cluster.address))
    assert_same(here, run(agent, evaluator=f"{__name__}:DyingRay", address=cluster.address))
    assert DyingRay.deaths == 2


@pytest.mark.parametrize("agent", AGENTS)
def test_ten_generations_with_a_node_killed(cluster, agent, tmp_path, monkeypatch):
    monkeypatch.setattr(HeldRay, "place", tmp_path)
    killed = []

    def kill():
        wait_for((tmp_path / "held").exists)
        (node,) = [n for n in cluster.worker_nodes if n.node_id == (tmp_path / "held").read_text()]
        cluster.remove_node(node, allow_graceful=False)
        killed.append(node)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        assert_same(run(agent), run(agent, evaluator=f"{__name__}:HeldRay", address=cluster.address))
    finally:
        killer.join()
        cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
    assert len(killed) == 1


def test_a_driver_that_is_killed_goes_on(cluster, tmp_path):
    longer = {"generations": 40, "max_steps": 200}
    code = (
        "import sys\n"
        "from tests.baselines.evolution.same_bits import run\n"
        "if __name__ == '__main__':\n"
        f"    run('lndp', resume=sys.argv[2] == 'onward', out=sys.argv[1], evaluator='ray', "
        f"address='{cluster.address}', checkpoint_every=1, **{longer})\n"
    )
    (tmp_path / "driver.py").write_text(code)
    out = tmp_path / "run"
    words = [sys.executable, "driver.py", str(out)]
    how = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": ROOT}}
    driver = subprocess.Popen([*words, "anew"], **how)
    try:
        rows = out / "progress.csv"
        wait_for(lambda: rows.exists() and len(rows.read_text().splitlines()) > 4)
    finally:
        driver.kill()
    assert driver.wait() == -9
    assert not (out / "result.json").exists()
    subprocess.run([*words, "onward"], **how, check=True, timeout=300)
    whole = run("lndp", out=str(tmp_path / "whole"), **longer)
    from ontogym.baselines.evolution.agent_files import load_agent

    np.testing.assert_array_equal(load_agent(out).genome, whole.genome)
    assert CONFIG.generations < whole.generations == 40


def test_what_does_not_fit_is_one_sentence(cluster, monkeypatch):
    with pytest.raises(OntogymError, match=r"No Ray answers at '127.0.0.1:9'.*ray start --head"):
        make_workers("ray", address="127.0.0.1:9")
    with pytest.raises(OntogymError, match="choose at least 1, or 0"):
        make_workers("ray", -1)
    with make_workers("ray", address=cluster.address) as workers:
        other = {**_stamp(), "numpy": "1.0"}
        monkeypatch.setattr("ontogym.ray_workers._stamp", lambda: other)
        with pytest.raises(OntogymError, match=r"another numpy \(.*than the machine that asks \(1.0\)"):
            workers.map(square, [(2,)])
        monkeypatch.undo()
        with pytest.raises(OntogymError, match="Ray gave a task up"):
            workers.map(die, [()])


def die():
    os._exit(9)


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_a_sweep_on_two_nodes(cluster, tmp_path, monkeypatch):
    from ontogym.baselines.sweep.plan import read_plan
    from ontogym.baselines.sweep.run import read_cells
    from ontogym.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(
        'seeds = 2\n[tasks.CartPole]\nenv = "ontogym/CartPole-v1"\n'
        '[methods.random]\ncommand = "train"\nalgo = "random"\neval_episodes = 2\n[evaluations.score]\nlives = 4\n'
    )
    place = ["--evaluator", "ray", "--address", cluster.address]
    assert main(["sweep", "tiny.toml", "--out", "there", *place]) == 0
    assert main(["sweep", "tiny.toml", "--out", "here"]) == 0
    plan = read_plan("tiny.toml")
    there, here = (
        [cell["evaluations"]["score"]["mean"] for cell in read_cells(plan, out)] for out in ("there", "here")
    )
    assert there == here
    assert len(here) == 2
