"""Time to 475 on CartPole by an evolved perceptron: `ontogym evolve`, and evosax with gymnax, in turn in one run.

    python benchmarks/cartpole_peer.py --python ENV/bin/python [--seeds 10]     # ENV: pip install evosax gymnax six

Both evolve the same network (4-16-2, tanh, 114 numbers) with a population of 64, two lives a genome, and stop when the search
mean scores 475 on 32 fresh lives, which is asked every fifth generation; each searches by its
own strategy (isotropic CSA; CMA-ES), and ours confirms the score on 32 further lives. Processor seconds are of a whole process: starting,
compiling (theirs for each process; ours was kept on disk by the first), searching. Median and range over seeds.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile

PEER = """
import sys, json, jax, jax.numpy as jnp, gymnax
from evosax.algorithms import CMA_ES
seed, hidden, population, lives = int(sys.argv[1]), 16, 64, 2
env, rules = gymnax.make("CartPole-v1")
sizes = [(4, hidden), (hidden,), (hidden, 2), (2,)]

def parts(genome):
    found, at = [], 0
    for shape in sizes:
        count = 1
        for n in shape:
            count *= n
        found.append(genome[at : at + count].reshape(shape))
        at += count
    return found

def life(genome, key):
    w, b, v, c = parts(genome)
    first, rest = jax.random.split(key)
    x, state = env.reset(first, rules)

    def step(carry, _):
        x, state, alive, total, key = carry
        key, own = jax.random.split(key)
        action = jnp.argmax(jnp.tanh(x @ w + b) @ v + c)
        x, state, reward, terminated, truncated, _ = env.step(own, state, action, rules)
        total = total + reward * alive
        return (x, state, alive * (1 - jnp.maximum(terminated, truncated)), total, key), None

    start = (x, state, jnp.float32(1), jnp.float32(0), rest)
    return jax.lax.scan(step, start, None, 500)[0][3]

several = jax.vmap(life, (None, 0))
score = jax.jit(lambda genomes, keys: jax.vmap(several, (0, None))(genomes, keys).mean(1))
search = CMA_ES(population_size=population, solution=jnp.zeros(sum(a * b for a, b in [(4, 16), (16, 2)]) + 18))
told = search.default_params.replace(std_init=0.5)
key = jax.random.key(seed)
key, own = jax.random.split(key)
state = search.init(own, jnp.zeros(114), told)
ask, tell = jax.jit(search.ask), jax.jit(search.tell)
for generation in range(1, 201):
    key, a, b, c, d = jax.random.split(key, 5)
    genomes, state = ask(a, state, told)
    state, _ = tell(c, genomes, -score(genomes, jax.random.split(b, lives)), state, told)
    if generation % 5 == 0:
        mean = float(score(state.mean[None], jax.random.split(d, 32))[0])
        if mean >= 475:
            break
print(json.dumps({"score": mean, "generations": generation}))
"""


def timed(command: list[str]) -> tuple[dict, float]:
    """What a process printed last as JSON, and its processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{command[0]} failed: {done.stderr[-2000:]}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout.strip().splitlines()[-1]), spent


def ours(seed: int, folder: str) -> list[str]:
    """Our command: the preset, so that its sigma and its lives are those of the README."""
    words = "evolve --env ontogym/CartPole-v1 --agent mlp --eval-lives 32 --final-lives 32 --json"
    deaf = [
        "--agent-options",
        "hears=[]",
    ]  # as the peer's: by default ours hears reward and action, 178 numbers
    return [
        sys.executable,
        "-m",
        "ontogym",
        *words.split(),
        *deaf,
        "--seed",
        str(seed),
        "--out",
        f"{folder}/{seed}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", required=True, help="an interpreter that has evosax and gymnax")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    spent: dict[str, list[float]] = {"ontogym": [], "evosax + gymnax": []}
    reached: dict[str, int] = dict.fromkeys(spent, 0)
    with tempfile.TemporaryDirectory() as folder:
        timed(ours(0, folder))  # compiles, where nothing is kept yet
        for seed in range(1, options.seeds + 1):
            found, seconds = timed(ours(seed, folder))
            spent["ontogym"].append(seconds)
            reached["ontogym"] += found["score"]["mean"] >= 475
            found, seconds = timed([options.python, "-c", PEER, str(seed)])
            spent["evosax + gymnax"].append(seconds)
            reached["evosax + gymnax"] += found["score"] >= 475
    print(
        "| | processor seconds of the whole process, median (range) | seeds that reached 475 |\n|---|---|---|"
    )
    for name, values in spent.items():
        median = statistics.median(values)
        print(
            f"| {name} | {median:.1f} ({min(values):.1f}-{max(values):.1f}) | {reached[name]} of {len(values)} |"
        )


if __name__ == "__main__":
    main()
