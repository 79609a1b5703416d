"""The example package, from its source to a generation of evolution; the pages about rules, held to the code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ontogym.cli.citations import bibtex
from ontogym.cli.tables import markdown_table, rule_row
from ontogym.registry import RULES

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "my_rule"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder into which pip has built and installed the example, without any index."""
    pytest.importorskip("setuptools")
    target, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source")
    for name in ("my_rule.py", "pyproject.toml"):  # pip builds in the source folder
        (source / name).write_bytes((EXAMPLE / name).read_bytes())
    options = ["--no-index", "--no-build-isolation", "--no-deps", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)], check=True
    )
    return target


def ontogym(site: Path, *words: str, status: int = 0) -> dict:
    """Run a command where the example is installed; its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "ontogym", *words, "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [ROOT, site]))},
    )
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_example_is_listed_with_its_origin(site):
    rows = {row["name"]: row for row in ontogym(site, "rules", "list")["rules"]}
    assert rows["covariance"]["origin"] == "my-rule 1.0"
    assert (rows["covariance"]["scope"], rows["covariance"]["parameters"]) == ("local", 2)


@pytest.mark.parametrize("name", ["covariance", "my_rule:CovarianceRule"])
def test_the_example_passes_its_check(site, name):
    assert ontogym(site, "rules", "check", name)["findings"] == []


@pytest.mark.parametrize("agent", [["plastic", "--rule"], ["lndp", "--synaptic-rule"]])
def test_the_example_evolves_on_foraging(site, tmp_path, agent):
    name, flag = agent
    sizes = [
        "--population",
        "4",
        "--lives",
        "2",
        "--generations",
        "1",
        "--eval-lives",
        "2",
        "--final-lives",
        "2",
    ]
    words = ["evolve", "--agent", name, flag, "covariance", "--env", "ontogym/Foraging-v0", *sizes]
    found = ontogym(site, *words, "--episodes", "1", "--max-steps", "20", "--out", str(tmp_path / "run"))
    assert found["generations"] == 1
    assert found["config"]["agent_options"]["synaptic_rule"] == "covariance"
    assert (
        '"my-rule 1.0"' in (tmp_path / "run" / "result.json").read_text()
    )  # who brought the rule, and which version


def test_the_page_shows_the_example():
    page = (ROOT / "docs" / "write-a-rule.md").read_text()
    for name in ("my_rule.py", "pyproject.toml"):
        assert (EXAMPLE / name).read_text() in page


def test_the_table_of_rules_is_that_of_the_code():
    page = (ROOT / "docs" / "rules.md").read_text()
    assert markdown_table([rule_row(name) for name in sorted(RULES.builtin)]) in page


@pytest.mark.parametrize("name", list(RULES.builtin))
def test_a_shipped_rule_has_its_page(name):
    """Its citation is in the references; equation, parameters, shapes and scope are told, the scope truly."""
    rule = RULES.get(name)
    page = rule.__doc__
    assert bibtex([page])
    for part in (".. math::", "Parameters:", "Shapes:", f"Scope: {rule.scope}"):
        assert part in page, part
    assert rule.name == name
