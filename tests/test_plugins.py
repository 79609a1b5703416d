"""Rules and sources of other packages: a separately installed distribution adds names, and a faulty one harms nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

RULE = '''
"""Oja's rule, as a stranger would write it."""

import torch

from ontogym.developmental.rules import PlasticityRule, RuleOutput


class StrangersOja(PlasticityRule):
    name = "strangers-oja"
    n_params = 1

    def initial_params(self):
        return torch.tensor([0.1], dtype=torch.float64)

    def step(self, params, state, context):
        post, pre = context.post[:, :, None], context.pre[:, None, :]
        return RuleOutput(dw=params[:, :, None] * post * (pre - post * context.weights)), state


class Raises(StrangersOja):
    name = "raises-in-step"

    def step(self, params, state, context):
        raise KeyError("foo")


class NeverFinite(StrangersOja):
    name = "never-finite"

    def step(self, params, state, context):
        return RuleOutput(dw=float("nan") * context.weights), state
'''
SOURCE = '''
"""A source of spontaneous activity with an option, as a stranger would write it."""

import numpy as np

from ontogym.developmental.spontaneous import SpontaneousActivity


class Metronome(SpontaneousActivity):
    name = "metronome"

    def __init__(self, period=10):
        self.period = period

    def _sample(self, steps, seeds, channels, params):
        beats = np.arange(steps)[:, None, None] % self.period == 0
        return np.broadcast_to(beats, (steps, len(seeds), channels)).astype(float)
'''
ENTRY_POINTS = """\
[ontogym.rules]
strangers-oja = stranger_rules:StrangersOja
raises-in-step = stranger_rules:Raises
never-finite = stranger_rules:NeverFinite
raises-on-import = stranger_broken:Rule
lacks-the-class = stranger_rules:StrangersOya
was-uninstalled = stranger_gone:Rule
malformed = stranger_rules
hebbian-abcd = stranger_rules:StrangersOja

[ontogym.spontaneous]
metronome = stranger_sources:Metronome
"""


def run(program: str, *folders: Path) -> str:
    """Run a program with `folders` on its path, as installed packages are; return what it prints."""
    paths = os.pathsep.join(map(str, [ROOT, *folders]))
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder as pip leaves it: modules and the ``.dist-info`` of one distribution."""
    site = tmp_path_factory.mktemp("site-packages")
    (site / "stranger_rules.py").write_text(RULE)
    (site / "stranger_sources.py").write_text(SOURCE)
    (site / "stranger_broken.py").write_text("raise RuntimeError('this plug-in is broken')\n")
    info = site / "stranger_rules-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger-rules\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return site


def test_a_plugin_is_listed_with_its_origin_without_being_imported(site):
    program = """
        import sys
        import ontogym
        from ontogym.registry import RULES

        entry = RULES.entries()["strangers-oja"]
        print(entry.origin, "|", entry.target, "|", "strangers-oja" in list(RULES), "|", "stranger_rules" in sys.modules)
        print(RULES.entries()["hebbian-abcd"].origin)
    """
    assert run(program, site).splitlines() == [
        "stranger-rules 2.5 | stranger_rules:StrangersOja | True | False",
        "ontogym",  # a built-in name cannot be taken over
    ]


def test_a_plugin_loads_and_passes_its_check(site):
    program = """
        from ontogym.registry import RULES
        from ontogym.testing import check_rule

        print(RULES.get("strangers-oja").__module__, check_rule("strangers-oja"))
    """
    assert run(program, site) == "stranger_rules []"


def test_an_agent_develops_on_a_plugins_source_with_its_options(site):
    program = """
        import numpy as np
        from ontogym.agents.individuals import Individuals
        from ontogym.baselines.lives.life import make_agent
        from ontogym.registry import SPONTANEOUS

        env, options = "ontogym/CartPole-v1", {"nodes": 11, "development": "metronome", "development_steps": 5}
        print(SPONTANEOUS.entries()["metronome"].origin)
        nodes = []
        for period in (2, 5):
            agent = make_agent("lndp", env, None, options | {"development_options": {"period": period}})
            genomes = 0.3 * np.random.default_rng(0).normal(size=(2, agent.genome_size))
            seeds = np.arange(2, dtype=np.uint64)
            state = Individuals(agent, genomes).begin(seeds).agent
            nodes.append(agent.body(state).nodes.copy())
        print(np.array_equal(*nodes))
    """
    assert run(program, site).splitlines() == ["stranger-rules 2.5", "False"]


def test_a_plugin_with_a_name_that_is_taken_is_said_to_be_hidden(site):
    program = """
        from ontogym.errors import OntogymError
        from ontogym.cli import main
        from ontogym.registry import RULES
        from ontogym.testing import check_rule

        print([(entry.name, entry.target, entry.origin) for entry in RULES.hidden()])
        try:
            check_rule("hebbian-abcd")
        except OntogymError as error:
            print(error)
        print(check_rule("stranger_rules:StrangersOja", steps=5))
        main(["rules"])
    """
    hidden, message, found, *table = run(program, site).splitlines()
    assert hidden == "[('hebbian-abcd', 'stranger_rules:StrangersOja', 'stranger-rules 2.5')]"
    assert "stranger_rules:StrangersOja of stranger-rules 2.5, which is hidden" in message
    assert found == "[]"
    assert any(line.startswith("Hidden: stranger_rules:StrangersOja of stranger-rules 2.5") for line in table)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("raises-on-import", "RuntimeError: this plug-in is broken"),
        ("lacks-the-class", "did you mean 'StrangersOja'?"),
        ("was-uninstalled", "No module named 'stranger_gone'"),
        ("malformed", "package.module:Name"),
    ],
)
def test_a_faulty_plugin_is_reported_by_name_when_asked_for(site, name, why):
    program = f"""
        import ontogym
        from ontogym.errors import OntogymError
        from ontogym.registry import RULES

        assert {name!r} in list(RULES) and RULES.get("lndp-pruning").name == "lndp-pruning"
        try:
            RULES.get({name!r})
        except OntogymError as error:
            print(error)
    """
    message = run(program, site)
    assert message.startswith(
        f"The plasticity rule {name!r}, registered by stranger-rules 2.5, cannot be loaded"
    )
    assert why in message
    assert "\n" not in message


@pytest.mark.slow
def test_a_plugin_installed_by_pip(tmp_path):
    """The whole way: a project with a pyproject.toml, built and installed without any index."""
    pytest.importorskip("setuptools")
    project, target = tmp_path / "project", tmp_path / "target"
    project.mkdir()
    (project / "stranger_rules.py").write_text(RULE)
    (project / "pyproject.toml").write_text(
        textwrap.dedent("""
            [build-system]
            requires = ["setuptools"]
            build-backend = "setuptools.build_meta"

            [project]
            name = "stranger-rules"
            version = "0.3"

            [project.entry-points."ontogym.rules"]
            strangers-oja = "stranger_rules:StrangersOja"

            [tool.setuptools]
            py-modules = ["stranger_rules"]
        """)
    )
    options = ["--no-index", "--no-build-isolation", "--no-deps", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(project)], check=True
    )
    program = """
        from ontogym.registry import RULES
        from ontogym.testing import check_rule

        print(RULES.entries()["strangers-oja"].origin, check_rule("strangers-oja"))
    """
    assert run(program, target) == "stranger-rules 0.3 []"


def test_a_plugin_that_is_installed_meanwhile_is_found(tmp_path):
    """What is installed is remembered until a folder of the path changes."""
    program = f"""
        from pathlib import Path
        from ontogym.registry import RULES

        before = "latecomer" in RULES
        info = Path({str(tmp_path)!r}, "latecomer-1.0.dist-info")
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: latecomer\\nVersion: 1.0\\n")
        (info / "entry_points.txt").write_text("[ontogym.rules]\\nlatecomer = nowhere:Rule\\n")
        print(before, "latecomer" in RULES, RULES.entries()["latecomer"].origin)
    """
    assert run(program, tmp_path) == "False True latecomer 1.0"


def test_evolution_names_the_plugin_that_fails(site, tmp_path):
    """A traceback in a stranger's code is a sentence; a network of numbers that are not finite ends in a result that says so."""
    program = f"""
        import json, pathlib
        from ontogym.cli import main

        line = ["evolve", "--agent", "plastic", "--env", "ontogym/CartPole-v1", "--generations", "1", "--population", "4", "--lives", "1"]
        line += ["--episodes", "1", "--eval-lives", "2", "--final-lives", "2"]
        print(main([*line, "--rule", "raises-in-step", "--out", {str(tmp_path / "raises")!r}]))
        print(main([*line, "--rule", "never-finite", "--out", {str(tmp_path / "nan")!r}]))
        result = json.loads(pathlib.Path({str(tmp_path / "nan")!r}, "result.json").read_text())
        print(result["score"]["diagnostics"]["not_finite"])
    """
    paths = os.pathsep.join(map(str, [ROOT, site]))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    printed = done.stdout.split()
    assert printed[0] == "2", done.stderr
    assert printed[-1] == "2.0", done.stderr
    assert "Before the first generation there was KeyError: 'foo' (at " in done.stderr
    assert "brought: 'raises-in-step' of stranger-rules 2.5." in done.stderr
    assert "In 2 of 2 lives the network's own numbers were not finite" in done.stdout
    assert "Traceback" not in done.stderr
