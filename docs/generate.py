"""Pages made of docstrings and registries while the site is built: the catalogue and the API reference."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable

import mkdocs_gen_files

import ontogym
from ontogym import registry
from ontogym.envs.registration import ENTRIES

GROUPS = {
    "Agents": registry.AGENTS,
    "Plasticity rules": registry.RULES,
    "Sources of spontaneous activity": registry.SPONTANEOUS,
    "Strategies": registry.STRATEGIES,
    "Feature extractors": registry.FEATURE_EXTRACTORS,
    "Evaluators": registry.EVALUATORS,
    "Trackers": registry.TRACKERS,
}


def slug(name: str) -> str:
    """A name as part of a file's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)


def write(path: str, lines: Iterable[str]) -> None:
    """One page."""
    with mkdocs_gen_files.open(path, "w") as page:
        page.write("\n".join(lines) + "\n")


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


def registered(title: str, table: registry.Registry) -> list[str]:
    """A page a name; returns the group's rows of the index."""
    folder, rows = slug(title.lower()), [f"## {title}", "", "| name | |", "|---|---|"]
    for name, entry in sorted(table.entries().items()):
        if entry.origin != "ontogym":
            continue
        module, _, attribute = entry.target.partition(":")
        target = getattr(importlib.import_module(module), attribute)
        first = (inspect.getdoc(target) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        rows.append(f"| [`{name}`]({folder}/{slug(name)}.md) | {first} |")
        write(
            f"catalogue/{folder}/{slug(name)}.md", [f"# {name}", "", f"::: {target.__module__}.{attribute}"]
        )
    return rows


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
        first = (module.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        rows.append(f"| [`{name}`]({name}.md) | {first} |")
        write(
            f"reference/{name}.md",
            [f"# `{name}`", "", f"::: {name}", "    options:", "      show_root_heading: false"],
        )
    write("reference/index.md", rows)


pages = ["# Catalogue", "", "What there is, from docstrings and registries.", "", *environments(), ""]
for heading, group in GROUPS.items():
    pages += [*registered(heading, group), ""]
write("catalogue/index.md", pages)
reference()
