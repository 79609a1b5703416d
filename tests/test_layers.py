"""Who may import whom, read from the source; and what `import ontogym` must not drag in."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[1] / "ontogym"
LAYERS = {
    # A module may import its own room and rooms of a lower number. Rooms of one number are strangers.
    "errors": 0,
    "interrupts": 0,
    "registry": 1,
    "seeding": 1,
    "checkpoint": 1,
    "compiling": 1,
    "processes": 1,
    "statistics": 2,
    "adaptation": 2,
    "configurations": 2,
    "runs": 2,
    "batched": 2,
    "ray_workers": 2,
    "tracking": 2,
    "developmental": 3,
    "envs": 4,
    "retina_env": 4,
    "agents": 4,
    "testing": 5,
    "baselines": 5,
    "figures": 6,
    "leaderboard": 7,
    "studies": 7,
    "cli": 8,
    "__main__": 9,
    "__init__": 9,
}
HEAVY = [
    "torch",
    "numba",
    "matplotlib",
    "stable_baselines3",
    "torch_geometric",
    "imageio",
    "scipy.stats",
    "tyro",
]


def room(module: str) -> str:
    """The room of ``ontogym.room.rest``; `__init__` is the package root itself."""
    return (module.split(".") + ["__init__"])[1]


def modules() -> dict[str, Path]:
    table = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        table[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return table


MODULES = modules()


def imports(name: str, path: Path) -> Iterator[tuple[str, int]]:
    """Modules of ontogym that a file imports, anywhere in it, with the line."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        found = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                stem = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*stem, base] if base else stem)
            # "from ontogym import seeding" imports a module, "from ontogym.x import f" a name of one.
            found = [f"{base}.{a.name}" if f"{base}.{a.name}" in MODULES else base for a in node.names]
        for module in found:
            if module.split(".")[0] == "ontogym":
                yield module, node.lineno


def violations(name: str, found: Iterator[tuple[str, int]]) -> list[str]:
    here = room(name)
    bad = []
    for module, line in found:
        there = room(module)
        if module == "ontogym":
            bad.append(f"{name}:{line} imports the package root; import the module that is meant")
        elif there != here and LAYERS[there] >= LAYERS[here]:
            bad.append(f"{name}:{line} imports {module}, which is not below it")
    return bad


def test_every_room_has_a_layer():
    assert {room(name) for name in MODULES} <= LAYERS.keys()
    assert {"errors", "registry", "seeding", "checkpoint", "developmental", "agents", "envs"} <= {
        room(name) for name in MODULES
    }


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_down(name):
    assert violations(name, imports(name, MODULES[name])) == []


def test_no_modules_import_each_other_in_a_circle():
    """Imports inside functions count: a circle that is put off is a circle. Those for types alone do not."""
    graph = nx.DiGraph()
    for name, path in MODULES.items():
        typing = {
            inner.lineno
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
            for inner in ast.walk(node)
            if hasattr(inner, "lineno")
        }
        found = {module for module, line in imports(name, path) if line not in typing}
        graph.add_edges_from((name, module) for module in found if module in MODULES and module != name)
    assert [sorted(c) for c in nx.strongly_connected_components(graph) if len(c) > 1] == []


@pytest.mark.parametrize(
    ("module", "source", "bad"),
    [
        ("ontogym.envs.a", "from ontogym.agents.base import Agent", True),
        ("ontogym.agents.a", "def f():\n    import ontogym.envs.foraging", True),
        ("ontogym.agents.a", "from ..envs import foraging", True),
        ("ontogym.developmental.a", "from ontogym import agents", True),
        ("ontogym.baselines.a", "import ontogym", True),
        ("ontogym.baselines.a", "from ontogym import __version__", True),
        ("ontogym.seeding", "from ontogym.registry import RULES", True),
        ("ontogym.agents.a", "from .base import Agent", False),
        ("ontogym.baselines.a", "from ontogym import seeding\nfrom ontogym.agents.base import Agent", False),
        ("ontogym.cli", "from ontogym.baselines import lives", False),
    ],
)
def test_the_test_itself(tmp_path, module, source, bad):
    (tmp_path / "a.py").write_text(source)
    assert bool(violations(module, imports(module, tmp_path / "a.py"))) == bad


def test_importing_ontogym_is_light():
    program = f"import sys, ontogym, ontogym.registry; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    assert done.stdout.strip() == "[]"
