"""The numba engine beside the LNDP authors' JAX code, on one core, in turn. Run by hand:

    git clone https://github.com/erwanplantec/LNDP peer
    python -m venv peer-env && peer-env/bin/pip install jax==0.4.30 jaxlib==0.4.30 equinox==0.11.4 'jaxtyping<0.2.34' 'numpy<2'
    python benchmarks/lndp_peer.py peer --python peer-env/bin/python [--rounds 5] [--json]

Both do the same: default configuration (32 nodes, CartPole's 4 inputs and 2 outputs), genomes from N(0, 1), a fixed
observation, reward 1, everyone alive and changing at every step, no environment. Theirs is one compiled scan of 50 steps,
mapped over the population, as their training has it. Each round starts both anew, pinned to one core with one thread, and
times steps in processor time after what compiles. Their training needs a JAX of its time (host_callback is gone since);
the step alone also runs on today's, where it is several times faster: name another --python to see.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import textwrap
from pathlib import Path

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
        _, state = agent.step(state, observation, reward)
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


def rate(python: str, body: str, folder: Path, population: int) -> float:
    """Agent-steps per second of one side, in a process of its own on the first core that this one may use."""
    core = min(os.sched_getaffinity(0))
    script = SETUP.format(core=core, population=population) + textwrap.dedent(body) + TIMING
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC"), "1")
    environment = {**os.environ, **one, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(folder)}
    environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    done = subprocess.run(
        [python, "-c", script], capture_output=True, text=True, check=False, cwd=folder, env=environment
    )
    if done.returncode:
        raise SystemExit(f"{folder}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("peer", type=Path, help="folder of the authors' code")
    parser.add_argument("--python", default=sys.executable, help="a Python that has what their code needs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    # Not resolved: the Python of a virtual environment is a link that must be called by its own name.
    python, peer, here = (
        os.path.abspath(arguments.python),
        arguments.peer.resolve(),
        Path(__file__).parent.parent,
    )
    found = []
    for population in (32, 256):
        pairs = [
            (rate(sys.executable, OURS, here, population), rate(python, THEIRS, peer, population))
            for _ in range(arguments.rounds)
        ]
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        ratios = sorted(a / b for a, b in pairs)
        print(
            f"P={population}: ours {ours:.0f}, theirs {theirs:.0f} agent-steps/s; {statistics.median(ratios):.1f} times "
            f"({ratios[0]:.1f} to {ratios[-1]:.1f})"
        )
        found.append({"population": population, "ours": ours, "theirs": theirs, "ratios": ratios})
    if arguments.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
