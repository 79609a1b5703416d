"""The numba engine beside JAX on one core, in turn: beside a step written well, and beside the LNDP authors' code. By hand:

    python -m venv jax-env && jax-env/bin/pip install jax
    python benchmarks/lndp_peer.py --python jax-env/bin/python [--rounds 5] [--json]

    git clone https://github.com/erwanplantec/LNDP peer
    python -m venv peer-env && peer-env/bin/pip install jax==0.4.30 jaxlib==0.4.30 equinox==0.11.4 'jaxtyping<0.2.34' 'numpy<2'
    python benchmarks/lndp_peer.py peer --python peer-env/bin/python

Both do the same: default configuration (32 nodes, CartPole's 4 inputs and 2 outputs), genomes from N(0, 1), a fixed
observation, reward 1, everyone alive and changing at every step, no environment. JAX's is one compiled scan of steps, mapped over
the population. Each round starts both anew, pinned to one core with one thread, and times steps in processor time after
what compiles.

The first command takes `lndp_jax_step.py`, which begins where ours begins and is first held to compute the same step. The
second takes the authors' code as their training has it. That training needs a JAX of its time (host_callback is gone since); the step
alone also runs on today's, where it is several times faster: name another --python to see.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
from gymnasium.spaces import Box, Discrete

from ontogym.agents.lndp import LNDP
from ontogym.agents.lndp.organism import allowed_edges
from ontogym.seeding import lane_seeds

SETUP = "import os, sys, time; os.sched_setaffinity(0, {{{core}}}); P, SECONDS = {population}, 4.0\n"
OURS = """
import numpy as np
from gymnasium.spaces import Box, Discrete
from ontogym.agents.lndp import LNDP
from ontogym.seeding import lane_seeds

agent = LNDP(Box(-1, 1, (4,)), Discrete(2), engine="numba", threads=1)
rng = np.random.default_rng(0)
state = agent.birth(rng.standard_normal((P, agent.genome_size)), lane_seeds(0, P))
observation, reward = 0.1 * rng.standard_normal((P, 4)).astype(np.float32), np.ones(P, np.float32)

def fifty():
    global state
    for _ in range(50):
        agent.engine.step(state.engine, observation, reward)

fifty()
"""
THEIRS = """
import jax, jax.numpy as jnp, jax.random as jr, equinox as eqx
from lndp import LNDP

# The defaults of their train.py, whose own imports are older than today's JAX.
agent = LNDP(2, 4, 32, rnn_iters=3, p_hh=.1, s_hh=1e-4, p_ih=.1, s_ih=1e-4, p_ho=.1, s_ho=1e-4, key=jr.key(0))
params, statics = eqx.partition(agent, eqx.is_array)
leaves, form = jax.tree.flatten(params)
keys = jr.split(jr.key(1), len(leaves))
genomes = form.unflatten([jr.normal(k, (P, *leaf.shape)) for k, leaf in zip(keys, leaves)])
observation = 0.1 * jr.normal(jr.key(2), (P, 4))
state = jax.vmap(lambda g, k: eqx.combine(g, statics).initialize(k))(genomes, jr.split(jr.key(3), P))
state = state._replace(r=jnp.ones_like(state.r))

@jax.jit
@jax.vmap
def many(genome, seen, state, key):
    agent = eqx.combine(genome, statics)
    return jax.lax.scan(lambda s, k: (agent(seen, s, k)[1], None), state, jr.split(key, 50))[0]

def fifty():
    global state
    state = jax.block_until_ready(many(genomes, observation, state, jr.split(jr.key(4), P)))
"""
TIMING = """
fifty()
count, start = 0, time.process_time()
while time.process_time() - start < SECONDS:
    fifty()
    count += 50
print(P * count / (time.process_time() - start))
"""


def run(python: str, words: list[str], folder: Path) -> str:
    """What a process on one core with one thread prints last."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC"), "1")
    environment = {**os.environ, **one, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(folder)}
    environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    done = subprocess.run(
        [python, *words], capture_output=True, text=True, check=False, cwd=folder, env=environment
    )
    if done.returncode:
        raise SystemExit(f"{folder}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    return done.stdout.split()[-1]


def rate(python: str, body: str, folder: Path, population: int) -> float:
    """Agent-steps per second of one side, in a process of its own on the first core that this one may use."""
    core = min(os.sched_getaffinity(0))
    script = SETUP.format(core=core, population=population) + textwrap.dedent(body) + TIMING
    return float(run(python, ["-c", script], folder))


def beginning(population: int, file: Path, warm: int = 50) -> dict[str, np.ndarray]:
    """Write what `lndp_jax_step.py` is given: where OURS begins; returns the body that float64 makes of it in one step."""
    agent = LNDP(Box(-1, 1, (4,)), Discrete(2), engine="numba", threads=1, dtype="float64")
    rng = np.random.default_rng(0)
    genomes = rng.standard_normal((population, agent.genome_size))
    state = agent.birth(genomes, lane_seeds(0, population))
    observation, reward = 0.1 * rng.standard_normal((population, 4)), np.ones(population)
    for _ in range(warm):
        agent.engine.step(state.engine, observation, reward)
    layout, body = agent.layout, agent.body(state)
    genes = {f"gene.{k}": genomes[:, at].reshape(-1, *layout.shapes[k]) for k, at in layout.slices.items()}
    types, threshold = np.zeros((agent.options.nodes, 2)), agent.options.threshold
    types[:4, 0] = types[-2:, 1] = 1
    np.savez(
        file, observation=observation, reward=reward, types=types, allowed=allowed_edges(agent.options, 4, 2),
        limit=np.log(threshold / (1 - threshold)), **genes, **body._asdict(),
    )  # fmt: skip
    agent.engine.step(state.engine, observation, reward)
    return agent.body(state)._asdict()


def check(expected: dict[str, np.ndarray], answer: Path) -> None:
    """Whether the step in JAX is the step: wirings may differ where a probability lies at the threshold."""
    found = np.load(answer)
    same = (found["mask"] == expected["mask"]).all((1, 2))
    apart = {k: np.abs(found[k] - expected[k])[same] for k in ("nodes", "edges", "history")}
    said = ", ".join(f"{k} {v.mean():.0e} ({v.max():.0e} at most)" for k, v in apart.items())
    print(f"one step in JAX: {same.sum()} of {len(same)} wired as float64 has it; mean errors: {said}")
    if same.mean() < 0.9 or max(v.mean() for v in apart.values()) > 1e-5:
        raise SystemExit("the step in JAX is not the LNDP's")


def well_written(python: str, population: int, rounds: int) -> list[tuple[float, float]]:
    """Rates of ours and of `lndp_jax_step.py`, in turn."""
    here, pairs = Path(__file__).resolve().parent, []
    with tempfile.TemporaryDirectory() as name:
        given, answer = Path(name) / "given.npz", Path(name) / "answer.npz"
        expected = beginning(population, given)
        words = [str(here / "lndp_jax_step.py"), str(given), str(answer), "4.0"]
        for turn in range(rounds):
            pairs.append(
                (rate(sys.executable, OURS, here.parent, population), float(run(python, words, here)))
            )
            if not turn:
                check(expected, answer)
    return pairs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("peer", type=Path, nargs="?", help="folder of the authors' code, to be taken instead")
    parser.add_argument(
        "--python", default=sys.executable, help="a Python that has JAX, or what their code needs"
    )
    parser.add_argument("--populations", type=int, nargs="+", default=[32, 256])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    # Not resolved: the Python of a virtual environment is a link that must be called by its own name.
    python, here, found = os.path.abspath(arguments.python), Path(__file__).parent.parent, []
    print("| P | times (range) |\n|---|---|")
    for population in arguments.populations:
        if arguments.peer is None:
            pairs = well_written(python, population, arguments.rounds)
        else:
            pairs = [
                (
                    rate(sys.executable, OURS, here, population),
                    rate(python, THEIRS, arguments.peer.resolve(), population),
                )
                for _ in range(arguments.rounds)
            ]
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        ratios = sorted(a / b for a, b in pairs)
        print(
            f"| {population} | {statistics.median(ratios):.1f} ({ratios[0]:.1f} – {ratios[-1]:.1f}) |",
            flush=True,
        )
        found.append({"population": population, "ours": ours, "theirs": theirs, "ratios": ratios})
    if arguments.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
