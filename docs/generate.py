"""Pages made from docstrings, registries, notebooks and the shipped board, each time the site is built.

One page an environment and a registered name (every registry that `ontogym.registry` holds), one a module with public
names, one a notebook, and the board of ``results/`` as it is published: nothing is typed twice, so nothing can disagree.
`docs/hooks.py` holds the finished site to it.
"""

from __future__ import annotations

import ast
import base64
import importlib
import inspect
import json
import pkgutil
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import mkdocs_gen_files

import ontogym
from ontogym import registry
from ontogym.envs.registration import ENTRIES
from ontogym.leaderboard.board import read_board
from ontogym.leaderboard.site.build import build_site

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "docs" / "notebooks"
EVERYTHING = ("show_root_heading: false", "show_if_no_docstring: true", "filters: public")
"""How a module's page is made: what its ``__all__`` holds, with a docstring or without."""


def slug(name: str) -> str:
    """A name as part of a file's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)


def write(path: str, lines: Iterable[str]) -> None:
    """One page."""
    with mkdocs_gen_files.open(path, "w") as page:
        page.write("\n".join(lines) + "\n")


def put(path: str, data: bytes) -> None:
    """One file that is no page."""
    with mkdocs_gen_files.open(path, "wb") as file:
        file.write(data)


def first_sentence(item: object) -> str:
    """The first paragraph of a docstring, as a cell of a table."""
    return (inspect.getdoc(item) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def environments() -> list[str]:
    """A page an environment; returns its rows of the index."""
    rows = ["## Environments", "", "| id | steps | random | optimal |", "|---|---|---|---|"]
    for name, entry in sorted(ENTRIES.items()):
        path = f"environments/{slug(name.removeprefix('ontogym/'))}.md"
        rows.append(
            f"| [`{name}`]({path}) | {entry.max_episode_steps} | {entry.random_return:g} | {entry.optimal_return:g} |"
        )
        module, _, attribute = entry.entry_point.partition(":")
        settings = "\n".join(f"- `{k} = {v!r}`" for k, v in entry.kwargs.items()) or "- its defaults"
        write(
            f"catalogue/{path}",
            [f"# {name}", "", f'`gymnasium.make("{name}")`, with', "", settings, "", f"::: {module}.{attribute}"],
        )  # fmt: skip
    return rows


def registries() -> Iterator[tuple[str, registry.Registry]]:
    """Every table of names, under the plural of what an entry is called."""
    for table in vars(registry).values():
        if isinstance(table, registry.Registry):
            first, of, rest = table.kind.partition(" of ")
            plural = first[:-1] + "ies" if first.endswith("y") else first + "s"
            yield (plural + of + rest)[:1].upper() + (plural + of + rest)[1:], table


def registered(title: str, table: registry.Registry) -> list[str]:
    """A page a name; returns the group's rows of the index."""
    folder, rows = slug(title.lower()), [f"## {title}", "", "| name | |", "|---|---|"]
    for name, entry in sorted(table.entries().items()):
        if entry.origin != "ontogym":
            continue
        module, _, attribute = entry.target.partition(":")
        target = getattr(importlib.import_module(module), attribute)
        rows.append(f"| [`{name}`]({folder}/{slug(name)}.md) | {first_sentence(target)} |")
        # What is registered by its class has that class's page; by a function or an object of its own, that name's.
        home = f"{target.__module__}.{attribute}" if inspect.isclass(target) else f"{module}.{attribute}"
        write(f"catalogue/{folder}/{slug(name)}.md", [f"# {name}", "", f"::: {home}"])
    return [*rows, "", f"More come by the entry-point group `{table.group}`."]


def catalogue() -> None:
    """What there is, on one page with all the others below it."""
    pages = ["# Catalogue", "", "What there is, from docstrings and registries.", "", *environments(), ""]
    for title, table in registries():
        pages += [*registered(title, table), ""]
    write("catalogue/index.md", pages)


def unpacked(module: ModuleType) -> list[str]:
    """Public names that one line gives several of (``A, B = 1, 2``), which a reader of single assignments misses."""
    tree = ast.parse(inspect.getsource(module))
    tuples = [t for line in tree.body if isinstance(line, ast.Assign) for t in line.targets]
    names = [n.id for t in tuples if isinstance(t, ast.Tuple) for n in t.elts if isinstance(n, ast.Name)]
    lines = []
    for name in names:
        if name in module.__all__:
            value = f"`{name} = {getattr(module, name)!r}`"
            lines += ["", f"## `{name}` {{ #{module.__name__}.{name} }}", "", value]
    return lines


def reference() -> None:
    """A page a module with public names."""
    rows = ["# API reference", "", "| module | |", "|---|---|"]
    names = sorted(
        m.name for m in pkgutil.walk_packages(ontogym.__path__, "ontogym.") if "__main__" not in m.name
    )
    for name in ["ontogym", *names]:
        module = importlib.import_module(name)
        if not getattr(module, "__all__", ()):
            continue
        rows.append(f"| [`{name}`]({name}.md) | {first_sentence(module)} |")
        options = [f"      {option}" for option in EVERYTHING]
        write(
            f"reference/{name}.md",
            [f"# `{name}`", "", f"::: {name}", "    options:", *options, *unpacked(module)],
        )
    write("reference/index.md", rows)


def notebook(path: Path) -> tuple[str, list[str]]:
    """A page of a notebook as it was last run; returns its title and its pictures, for the gallery."""
    lines, pictures, title = [], [], path.stem
    for number, cell in enumerate(json.loads(path.read_text())["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            title = source.splitlines()[0].lstrip("# ") if not lines else title
            lines += [source, ""]
            continue
        lines += ["```python", source, "```", ""]
        for output in cell["outputs"]:
            found = output.get("data", {"text/plain": output.get("text", [])})
            if "image/png" in found:
                pictures.append(f"{path.stem}-{number}.png")
                put(f"notebooks/{pictures[-1]}", base64.b64decode("".join(found["image/png"])))
                lines += [f"![{title}]({pictures[-1]})", ""]
            else:
                lines += ["```text", "".join(found["text/plain"]).rstrip(), "```", ""]
    lines += [
        f"[This page as a notebook]({path.name}); `python benchmarks/notebooks.py {path.stem}` runs it."
    ]
    put(f"notebooks/{path.name}", path.read_bytes())
    write(f"notebooks/{path.stem}.md", lines)
    return title, pictures


def gallery() -> None:
    """The pictures of all notebooks, each leading to the lines that drew it."""
    lines = ["# Gallery", "", "Every picture leads to the notebook that draws it.", ""]
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        title, pictures = notebook(path)
        lines += [f"## [{title}]({path.stem}.md)", ""]
        lines += [f"[![{title}]({picture})]({path.stem}.md)" for picture in pictures]
        lines += [""]
    write("notebooks/index.md", lines)


def board() -> None:
    """The pages of the shipped leaderboard, as `ontogym leaderboard site` makes them."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "board"
        build_site(read_board(ROOT / "results"), site, ROOT / "results", animations=False)
        for file in sorted(site.rglob("*")):
            if file.is_file():
                put(f"board/{file.relative_to(site).as_posix()}", file.read_bytes())


def kept_runs() -> None:
    """An index of each folder in which an experiment keeps its runs."""
    for folder in sorted(p for p in (ROOT / "docs" / "experiments").iterdir() if p.is_dir()):
        files = sorted(folder.glob("*.json"))
        write(
            f"experiments/{folder.name}/index.md",
            [f"# Kept runs: {folder.name}", "", *(f"- [{file.stem}]({file.name})" for file in files)],
        )


def from_the_root() -> None:
    """Pages that lie at the repository's root, where its visitors look for them."""
    for name in ("CONTRIBUTING", "CHANGELOG"):
        text = (ROOT / f"{name}.md").read_text()
        write(f"{name.lower()}.md", [re.sub(r"\]\(docs/", "](", text)])


catalogue()
reference()
from_the_root()
kept_runs()
gallery()
board()
