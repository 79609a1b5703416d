"""The parts of the fused kernel: its vectors, its functions, its page. Whole steps: test_lndp_engines.py."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from numba import njit

from ontogym.agents.lndp import LNDP
from ontogym.agents.lndp.kernel import functions as lane_functions
from ontogym.agents.lndp.kernel import step
from ontogym.agents.lndp.kernel.lanes import WIDTH
from ontogym.agents.lndp.kernel.memory import four, lanes, matrix, put_four
from ontogym.agents.lndp.kernel.places import below, genes, rows
from ontogym.agents.lndp.organism import GenomeLayout, LNDPConfig
from ontogym.seeding import lane_seeds

KERNEL = Path(step.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "kernel.md"
ELSEWHERE = Path(__file__).parents[2] / "benchmarks" / "kernel_elsewhere.py"


def exact(name: str, x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64)
    return {"exp": np.exp, "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x))}[name](x)


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 3e-7), ("float64", 1e-15)])
def test_elementary_functions(name: str, dtype: str, tolerance: float) -> None:
    function = getattr(lane_functions, name)

    @njit
    def all_of(x, y):
        here, there = rows(x, 0, WIDTH), rows(y, 0, WIDTH)
        for k in range(x.shape[1] // WIDTH):
            there[k, 0] = function(here[k, 0])

    x = np.linspace(-80, 80, 4096, dtype=dtype)[None]
    x[0, :2048] = np.linspace(-2, 2, 2048)
    y = np.empty_like(x)
    all_of(x, y)
    # A sigmoid near 0 is one half less almost one half: its error counts against 1/2.
    scale = np.maximum(exact(name, x), 0.5) if name == "sigmoid" else np.abs(exact(name, x))
    assert (np.abs(y - exact(name, x)) <= tolerance * scale).all()


def test_lanes_that_choose_compare_and_add() -> None:
    @njit
    def run(x, out, sums, found):
        here, there = rows(x, 0, WIDTH), rows(out, 0, WIDTH)
        a, b = here[0, 0], here[1, 0]
        there[0, 0] = lane_functions.choose(a > b, a, b)
        there[1, 0] = lane_functions.choose(
            ~(a > b) & lane_functions.nodes_before(100, 103), 1.0, lanes(here, 0.0)
        )
        there[2, 0] = lane_functions.choose(lane_functions.node_is(100, 105), a, 2.0)
        there[3, 0] = 2.0 * (a - b) / (b + 3.0)
        sums[0], sums[1] = lane_functions.sum_lanes(a), lane_functions.largest_lane(b)
        found[0] = lane_functions.bits(a > b)
        found[1] = lane_functions.lowest(np.uint64(40))

    x = np.random.default_rng(0).uniform(-1, 1, (1, 2 * WIDTH)).astype(np.float32)
    a, b = x.reshape(2, WIDTH)
    out, sums, found = np.zeros((1, 4 * WIDTH), np.float32), np.zeros(2), np.zeros(2, np.uint64)
    run(x, out, sums, found)
    lane = np.arange(WIDTH)
    np.testing.assert_array_equal(out[0, :WIDTH], np.maximum(a, b))
    np.testing.assert_array_equal(out[0, WIDTH : 2 * WIDTH], (a <= b) & (lane < 3))
    np.testing.assert_array_equal(out[0, 2 * WIDTH : 3 * WIDTH], np.where(lane == 5, a, 2))
    np.testing.assert_allclose(out[0, 3 * WIDTH :], 2 * (a - b) / (b + 3), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(sums, [a.sum(), b.max()], rtol=1e-5)
    assert found[0] == sum(1 << int(k) for k in np.flatnonzero(a > b))
    assert found[1] == 3


def test_four_rows_times_a_matrix() -> None:
    @njit
    def run(w, x, y):
        weights, here, there = genes(w, 1), rows(x, 0, WIDTH), rows(y, 0, WIDTH)
        put_four(there, 0, 0, matrix(weights, 2, four(below(here, 1), 0, 0), four(here, 0, 0)))

    rng = np.random.default_rng(0)
    w, x, y = rng.standard_normal((2, 18)), rng.standard_normal((1, 5 * WIDTH)), np.zeros((1, 4 * WIDTH))
    run(w, x, y)
    x = x.reshape(5, WIDTH)
    np.testing.assert_allclose(y.reshape(4, WIDTH), w[1, 2:].reshape(4, 4) @ x[1:] + x[:4], rtol=1e-12)


@pytest.mark.parametrize("nodes", [8, 16, 17, 33])
@pytest.mark.parametrize("compat", ["corrected", "released"])
def test_any_number_of_nodes_and_of_inputs(nodes: int, compat: str) -> None:
    """Rows shorter than, as long as, and longer than a block of lanes, against the readable engine."""
    inputs = nodes - 4
    bodies = []
    for engine in ("pyg", "numba"):
        agent = LNDP(Box(-1, 1, (inputs,)), Discrete(2), engine=engine, dtype="float64", threads=1, nodes=nodes,
                     compat=compat, io_identity=True, density=0.5, bias=True)  # fmt: skip
        rng = np.random.default_rng(1)
        state = agent.birth(0.4 * rng.standard_normal((2, agent.genome_size)), lane_seeds(5, 2))
        for _ in range(2):
            agent.engine.step(state.engine, rng.standard_normal((2, inputs)), rng.standard_normal(2))
        bodies.append(agent.body(state))
    for name in ("nodes", "edges", "mask", "history", "activation"):
        np.testing.assert_allclose(
            getattr(bodies[1], name), getattr(bodies[0], name), atol=1e-10, err_msg=name
        )


def test_float32_is_float64_rounded() -> None:
    """One step of every engine state of a float64 life: the same wiring, small errors."""
    fine, fast = (
        LNDP(Box(-1, 1, (4,)), Discrete(2), dtype=dtype, threads=1) for dtype in ("float64", "float32")
    )
    rng = np.random.default_rng(3)
    genomes, keys = 0.3 * rng.standard_normal((32, fine.genome_size)), lane_seeds(0, 32)
    state = fine.birth(genomes, keys)
    for _ in range(4):
        observation, reward = 0.5 * rng.standard_normal((32, 4)), rng.standard_normal(32)
        rounded = fast.engine.birth(genomes, fine.body(state), keys)
        _, rounded = fast.engine.step(rounded, observation, reward)
        fine.engine.step(state.engine, observation, reward)
        body, twin = fine.body(state), fast.engine.body(rounded)
        np.testing.assert_array_equal(twin.mask, body.mask)
        for name in ("nodes", "edges", "history"):
            # 4e-8 on average and 3e-6 at worst measured.
            error = np.abs(getattr(twin, name) - getattr(body, name))
            assert error.mean() < 1e-7, name
            assert error.max() < 1e-5, name


NARROW = """
import sys
from ontogym.agents.lndp.kernel.lanes import WIDTH
from tests.agents.test_lndp_kernel import test_float32_is_float64_rounded, test_elementary_functions
assert WIDTH == 8, WIDTH
test_elementary_functions("tanh", "float32", 3e-7)
test_float32_is_float64_rounded()
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="these are x86 processors")
@pytest.mark.parametrize(
    ("processor", "features"), [("haswell", "+sse4.2,+avx,+avx2,+fma"), ("generic", "+sse,+sse2")]
)
def test_a_processor_without_avx512(tmp_path: Path, processor: str, features: str) -> None:
    environment = {
        "NUMBA_CPU_NAME": processor,
        "NUMBA_CPU_FEATURES": features,
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    path = os.pathsep.join([str(PAGE.parents[1]), os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-c", NARROW], check=True, env=os.environ | environment | {"PYTHONPATH": path}
    )


def test_arm_takes_the_same_vectors() -> None:
    """LLVM makes NEON of what it is given here: nothing in it is x86's own. What a kernel on ARM computes is asked by
    `benchmarks/kernel_elsewhere.py`."""

    @njit(_nrt=False)  # nothing counted, or numba's counters would be x86's
    def run(x, y):
        here, there = rows(x, 0, WIDTH), rows(y, 0, WIDTH)
        there[0, 0] = lane_functions.choose(here[0, 0] > 0.0, lane_functions.exp(here[0, 0]), 1.0)
        there[1, 0] = lane_functions.sigmoid(here[1, 0])

    run(np.zeros((1, 2 * WIDTH), np.float32), np.zeros((1, 2 * WIDTH), np.float32))
    (text,) = run.inspect_llvm().values()
    assert "llvm.x86" not in text
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine(
        features="+neon", opt=2
    )
    module = llvm.parse_assembly(text, llvm.create_context())
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    code = machine.emit_assembly(module)
    assert re.search(r"fmla\s+v\d+\.4s", code)
    assert re.search(r"fdiv\s+v\d+\.4s", code)


def test_it_computes_what_another_machine_did() -> None:
    """`benchmarks/kernel_elsewhere.npz`; who changes an equation for good writes that file anew."""
    spec = importlib.util.spec_from_file_location("kernel_elsewhere", ELSEWHERE)
    assert spec is not None
    assert spec.loader is not None
    elsewhere = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(elsewhere)
    known = elsewhere.read(elsewhere.FILE)
    assert [name for name in known if not elsewhere.compared(name, known[name])] == []


def test_every_size_is_one_compiled_function() -> None:
    before = None
    for nodes in (8, 11, 40):
        agent = LNDP(Box(-1, 1, (3,)), Discrete(2), threads=1, nodes=nodes)
        state = agent.birth(np.zeros((1, agent.genome_size)), np.zeros(1, int))
        agent.engine.step(state.engine, np.zeros((1, 3)), np.zeros(1))
        count = len(step.step_rows.signatures)
        assert before in (None, count)
        before = count


def test_equations_of_the_page_are_those_of_the_code() -> None:
    files = {file.stem: file.read_text() for file in KERNEL.glob("*.py")}
    marked = {int(k) for text in files.values() for k in re.findall(r"# \((\d+)\)", text)}
    page = PAGE.read_text()
    assert {int(k) for k in re.findall(r"^\((\d+)\) ", page, re.MULTILINE)} == marked
    rows_of_files = re.findall(r"^\| `(\w+)\.py` \|", page, re.MULTILINE)
    assert sorted(rows_of_files) == sorted(set(files) - {"__init__"})


def test_offsets_are_those_of_the_layout() -> None:
    from ontogym.agents.lndp.kernel.options import offsets_of

    layout = GenomeLayout(LNDPConfig(io_identity=True), 4, 2)
    at = offsets_of(layout)
    assert at.query == 0
    assert at.output == layout.slices["output.weight"].start
    assert at.output_bias == layout.slices["output.bias"].start
    assert at.gru_bias_n == layout.slices["gru.bias_n"].start
    assert at.identity == layout.slices["identity"].start
    assert -1 not in at
    assert offsets_of(GenomeLayout(LNDPConfig(graph_transformer=False), 4, 2)).query == -1
