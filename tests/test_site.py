"""What holds the documentation site: links within it, names with entries, equations, links that leave it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def loaded(name: str) -> ModuleType:
    """A module of ``docs/``, which is no package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hooks = loaded("hooks")


def test_links_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "there.html").write_text('<h1 id="place">x</h1><a href="../index.html">back</a>')
    (tmp_path / "index.html").write_text(
        '<a href="sub/there.html#place">good</a> <a href="sub/there.html#other">no place</a> '
        '<img src="gone.png"> <a class="x" href="https://elsewhere.org">not ours</a>'
    )
    assert sorted(hooks.dead_links(tmp_path)) == [
        "index.html links to gone.png, which is not there.",
        "index.html links to sub/there.html#other, a page without that place.",
    ]


def test_public_names_without_an_entry_are_named(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "ontogym.html").write_text('<h2 id="ontogym.load">load</h2>')
    missing = list(hooks.unseen_names(tmp_path))
    assert "ontogym.load is public and has no entry on a page." not in missing
    assert "ontogym.registry.RULES is public and has no entry on a page." in missing


def test_registered_names_without_a_page_are_named(tmp_path: Path) -> None:
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "oja.html").write_text('<div class="doc doc-contents first">x</div>')
    (tmp_path / "catalogue" / "index.html").write_text('<a href="oja.html"><code>oja</code></a>')
    missing = {line.partition(" ")[0] for line in hooks.unlisted(tmp_path)}
    assert "oja" not in missing
    assert {"hebb", "lndp", "csa", "pool", "ontogym/Foraging-v0", "waves"} <= missing


@pytest.mark.parametrize(
    ("page", "link", "led"),
    [
        ("rules.md", "](../ontogym/references.bib)", "](https://host/ours/tree/main/ontogym/references.bib)"),
        ("cluster.md", "](../CONTRIBUTING.md#add-an-evaluator)", "](contributing.md#add-an-evaluator)"),
        ("first-hour/neuroscience.md", "](../../CONTRIBUTING.md)", "](../contributing.md)"),
        ("first-hour/neuroscience.md", "](../inference.md)", "](../inference.md)"),
    ],
)
def test_links_that_leave_the_documents_lead_to_the_repository(page: str, link: str, led: str) -> None:
    at = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    config = SimpleNamespace(extra={"repository": "https://host/ours"})
    assert hooks.on_page_markdown(link, page=at, config=config) == led


def test_equations_of_docstrings_become_markdown_and_are_drawn() -> None:
    pytest.importorskip("griffe")
    pytest.importorskip("latex2mathml")
    text = "Oja.\n\n.. math:: \\Delta w_{ij} = \\eta\n    y_i\n\nwith :math:`y_i` the activity.\n"
    made = loaded("docstrings").with_equations(text)
    assert "$$\n\\Delta w_{ij} = \\eta y_i\n$$" in made
    assert "with $y_i$ the activity." in made
    drawn = hooks.on_page_content('<div class="arithmatex">\\[\\eta y_i\\]</div>')
    assert drawn.startswith('<div class="equation"><math')
    assert "\\" not in drawn


def test_nothing_of_the_site_is_fetched_from_elsewhere() -> None:
    """The theme would ask for fonts, a shim for its search, diagrams, and its host for stars."""
    config = (ROOT / "mkdocs.yml").read_text()
    assert "font: false" in config
    assert "polyfills: [assets/iframe-worker.js]" in config
    assert not [line for line in config.splitlines() if line.startswith("repo_url")]
    assert not [page.name for page in DOCS.rglob("*.md") if "```mermaid" in page.read_text()]


def test_ci_builds_the_site_so_that_a_warning_ends_it() -> None:
    line = next(line for line in (ROOT / ".ci" / "run").read_text().splitlines() if "mkdocs build" in line)
    assert "--strict" in line
    assert "--quiet" not in line  # it silences the warnings before --strict counts them
