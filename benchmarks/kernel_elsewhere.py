"""Whether the LNDP's kernel computes the same on another kind of machine.

    python benchmarks/kernel_elsewhere.py [compare]   what is computed here against what was written elsewhere
    python benchmarks/kernel_elsewhere.py write       anew, on the machine that the others shall be held to

`kernel_elsewhere.npz` holds what an x86-64 with AVX-512 computed: for each case genomes, newborn bodies, experience and the
bodies after each of a few float64 steps. Here the same float64 steps are taken in a row, and each of them in float32 from
the float64 body before it. Wiring must be the same; all else to 1e-12 of the largest number of its kind in float64,
and in float32 to a mean error of 1e-7 and 1e-5 at most, which is what `tests/agents/test_lndp_kernel.py` asks for on one
machine. Needs NumPy, numba and gymnasium; no PyTorch.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete

from ontogym.agents.lndp import LNDP
from ontogym.agents.lndp.kernel.lanes import WIDTH
from ontogym.agents.lndp.organism import Body
from ontogym.seeding import lane_seeds

FILE = Path(__file__).with_suffix(".npz")
CASES: dict[str, dict[str, Any]] = {
    "default": {"nodes": 16},
    "8 nodes, with identity, bias and recurrence": {
        "nodes": 8, "io_identity": True, "bias": True, "recurrent": True,
    },
    "11 nodes, drawn decisions": {"nodes": 11, "decisions": "stochastic", "io_identity": True},
    "12 nodes, as the released code": {"nodes": 12, "compat": "released"},
    "17 nodes, no transformer, wiring held": {
        "nodes": 17, "graph_transformer": False, "structural_plasticity": False, "density": 0.5,
    },
    "10 nodes, pairwise, weight decay": {
        "nodes": 10, "synaptic_rule": "lndp-edge-gru-pairwise", "weight_decay": 0.1,
    },
}  # fmt: skip
"""Options of the step. The last case compiles the kernel once more: its departures are not in the usual one."""
POPULATION, STEPS = 2, 3
INPUTS, OUTPUTS = 4, 2
CHECKED = ("nodes", "edges", "history", "activation")


def engine(options: dict[str, Any], dtype: str) -> Any:
    """The numba engine of one case."""
    agent = LNDP(Box(-1, 1, (INPUTS,)), Discrete(OUTPUTS), engine="numba", dtype=dtype, threads=1, **options)
    return agent.engine


def written(options: dict[str, Any]) -> dict[str, np.ndarray]:
    """What is written of a case: genomes, noise keys, experience, and the bodies at birth and after each step."""
    agent = LNDP(Box(-1, 1, (INPUTS,)), Discrete(OUTPUTS), dtype="float64", threads=1, **options)
    rng = np.random.default_rng(0)
    genomes = (0.3 * rng.standard_normal((POPULATION, agent.genome_size))).astype(np.float16)
    seen, reward = rng.standard_normal((STEPS, POPULATION, INPUTS)), rng.standard_normal((STEPS, POPULATION))
    state = agent.birth(genomes.astype(np.float64), lane_seeds(0, POPULATION))
    bodies, keys = [agent.body(state)], [state.engine.keys.copy()]
    for t in range(STEPS):
        agent.engine.step(state.engine, seen[t], reward[t])
        bodies.append(agent.body(state))
        keys.append(state.engine.keys.copy())
    lives = {name: np.stack([getattr(body, name) for body in bodies]) for name in CHECKED}
    lives["mask"] = np.stack([body.mask for body in bodies]).astype(np.int8)
    told = {"genomes": genomes, "keys": np.stack(keys), "seen": seen, "reward": reward}
    return lives | told | {"innate": bodies[0].innate}


def read(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """What was written of every case."""
    with np.load(path, allow_pickle=False) as file:
        return {
            name: {key.partition("/")[2]: file[key] for key in file if key.startswith(name + "/")}
            for name in CASES
        }


def body(of: dict[str, np.ndarray], t: int) -> Body:
    """The body after t steps, as it was written."""
    return Body(
        **{name: of[name][t] for name in CHECKED}, mask=of["mask"][t].astype(np.float64), innate=of["innate"]
    )


def apart(found: Body, wanted: Body) -> tuple[int, float, float, float]:
    """Places wired otherwise, the greatest error over the largest number of its kind, the mean error, the greatest."""
    errors = {name: np.abs(getattr(found, name) - getattr(wanted, name)) for name in CHECKED}
    relative = max(float(e.max() / np.abs(getattr(wanted, name)).max()) for name, e in errors.items())
    mean = max(float(e.mean()) for e in errors.values())
    return (
        int((found.mask != wanted.mask).sum()), relative, mean, max(float(e.max()) for e in errors.values())
    )  # fmt: skip


def compared(name: str, of: dict[str, np.ndarray]) -> bool:
    """Whether a case is computed here as it was elsewhere; says so."""
    fine, fast = (engine(CASES[name], dtype) for dtype in ("float64", "float32"))
    genomes, well = of["genomes"].astype(np.float64), True
    state = fine.birth(genomes, body(of, 0), of["keys"][0])
    doubles, singles = [], []
    for t in range(STEPS):
        fine.step(state, of["seen"][t], of["reward"][t])
        doubles.append(apart(fine.body(state), body(of, t + 1)))
        rounded = fast.birth(genomes, body(of, t), of["keys"][t])
        fast.step(rounded, of["seen"][t], of["reward"][t])
        singles.append(apart(fast.body(rounded), body(of, t + 1)))
    wired, relative, _, _ = (max(column) for column in zip(*doubles))
    rewired, _, _, most = (max(column) for column in zip(*singles))
    mean = float(np.mean([single[2] for single in singles]))
    well = not wired and relative <= 1e-12 and not rewired and mean < 1e-7 and most < 1e-5
    print(
        f"{'same' if well else 'NOT THE SAME'}: {name}: float64 {relative:.1e} relative, float32 {mean:.1e} (at most {most:.1e}), "
        f"{wired} and {rewired} places wired otherwise; {time.process_time():.0f} s of the processor by now",
        flush=True,
    )
    return well


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("compare", "write"), nargs="?", default="compare")
    parser.add_argument("--file", type=Path, default=FILE)
    parser.add_argument("--cases", type=int, default=len(CASES), help="only the first so many")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {WIDTH} lanes", flush=True)
    if arguments.what == "write":
        arrays = {f"{name}/{key}": value for name in CASES for key, value in written(CASES[name]).items()}
        np.savez_compressed(arguments.file, **arrays)
        return
    known = read(arguments.file)
    results = [compared(name, known[name]) for name in list(CASES)[: arguments.cases]]
    if not all(results):
        raise SystemExit("the kernel computes something else here")


if __name__ == "__main__":
    main()
