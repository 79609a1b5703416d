"""The help of a command with many flags: the ten that matter first, then the others by what they are about."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ontogym.registry import key_value_words

__all__ = ["Flag", "flags_of", "print_grouped"]

_ENTRY = re.compile(r"^(?P<names>\w+(?:, \w+)*):\s+(?P<text>.*)$")


class Flag(NamedTuple):
    """One flag: the names it is called by, what it takes, what it does, its default."""

    field: str
    names: str
    takes: str
    text: str
    default: str


def flags_of(command: Any, renamed: Mapping[str, str] | None = None) -> list[Flag]:
    """The flags of a command, those of its embedded configurations included, as its docstrings explain them.

    Args:
        command: an instance of its dataclass, whose values are the defaults.
        renamed: field to the flag that stands for it, where that is not its own name.
    """
    return list(_flags(command, dict(renamed or {})))


def _flags(instance: Any, renamed: dict[str, str]) -> Iterator[Flag]:
    texts = _explained(instance)
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if dataclasses.is_dataclass(value):
            yield from _flags(value, renamed)
            continue
        kind = str(field.type)
        name = renamed.get(field.name, field.name).replace("_", "-")
        if kind == "bool":
            yield Flag(
                field.name, f"--{name}, --no-{name}", "", texts.get(field.name, ""), "yes" if value else "no"
            )
        else:
            yield Flag(field.name, f"--{name}", _takes(kind), texts.get(field.name, ""), _said(value))


def _takes(kind: str) -> str:
    if "Literal[" in kind:
        options = re.findall(r"\"([^\"]*)\"|'([^']*)'", kind)
        return "{" + ",".join(a or b for a, b in options) + "}"
    if "conditions" in kind or "tuple[dict" in kind:
        return "JSON"
    if "dict" in kind:
        return "KEY=VALUE ..."
    plain = re.sub(r"^Annotated\[([^,]+),.*$", r"\1", kind).replace(" | None", "")
    word = {"Told": "{reward,termination,nothing}", "str": "NAME", "int": "N", "float": "X"}.get(plain)
    if word is not None:
        return word
    inner = re.search(r"tuple\[(\w+)", kind)
    return f"{_takes(inner[1])} ..." if inner else plain.upper()


def _said(value: Any) -> str:
    """A default in words; nothing where there is none to tell."""
    if value is None or value == () or value == {} or value == "":
        return ""
    if isinstance(value, Mapping):
        return " ".join(key_value_words(value))
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _explained(instance: Any) -> dict[str, str]:
    """Field to what the class's docstring says of it, under Attributes or Args; own metadata of a field wins."""
    texts: dict[str, str] = {}
    for kind in reversed(type(instance).__mro__):
        names: list[str] = []
        inside = False
        for line in inspect.cleandoc(kind.__doc__ or "").splitlines():
            if not line.startswith(" "):
                inside, names = line.strip() in ("Attributes:", "Args:"), []
                continue
            entry = _ENTRY.match(line.strip()) if len(line) - len(line.lstrip()) == 4 else None
            if inside and entry:
                names = entry["names"].split(", ")
                texts |= dict.fromkeys(names, entry["text"])
            elif inside and names:
                texts |= {name: f"{texts[name]} {line.strip()}" for name in names}
    for name, hint in getattr(type(instance), "__annotations__", {}).items():
        found = re.search(r"help=[\"'](.*?)[\"']\)", str(hint))
        if found:
            texts[name] = found[1]
    return texts


def print_grouped(prog: str, about: str, flags: Sequence[Flag], groups: Mapping[str, Sequence[str]]) -> None:
    """Print flags under the headings of `groups`; those that no group names stand under the last heading.

    Args:
        prog: how the command is called. about: what it does.
        groups: heading to names of fields, in order.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 100)
    console.print(Text(f"usage: {prog} [OPTIONS]\n"))
    about = re.sub(r"(?<!\n)\n(?!\n)", " ", about)  # lines as wide as the terminal, not as the source
    console.print(Text(about + "\n"))
    table = {flag.field: flag for flag in flags}
    named = {name for names in groups.values() for name in names}
    rest = [name for name in table if name not in named]
    last = list(groups)[-1]
    for heading, names in groups.items():
        found = [table[name] for name in (*names, *(rest if heading == last else ())) if name in table]
        if not found:
            continue
        grid = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        grid.add_column(overflow="fold", max_width=38)
        grid.add_column(overflow="fold")
        for flag in found:
            default = f" (default: {flag.default})" if flag.default else ""
            grid.add_row(
                Text(f"  {flag.names} {flag.takes}".rstrip()), Text(f"{flag.text.replace('`', '')}{default}")
            )
        console.print(Text(heading, style="bold"))
        console.print(grid)
        console.print()
