"""Equations of docstrings, as the site's Markdown writes them, and signatures that are made and not written.

Docstrings hold ``.. math::``, which `help()` shows as it stands; on the site it becomes ``$$``, and `docs/hooks.py` draws it.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from typing import Any

import griffe

MATH = re.compile(r"^( *)\.\. math::[ \t]*(.*)\n?((?:(?:\1 +.*)?(?:\n|\Z))*)", re.MULTILINE)

INLINE = re.compile(r":math:`([^`]+)`")


def with_equations(text: str) -> str:
    """Every ``.. math::`` between lines of ``$$``; several equations are several blocks."""

    def block(found: re.Match[str]) -> str:
        equations = f"{found[2]}\n{textwrap.dedent(found[3])}".split("\n\n")
        lines = [" ".join(equation.split()) for equation in equations if equation.strip()]
        return "\n" + "".join(f"{found[1]}$$\n{found[1]}{line}\n{found[1]}$$\n\n" for line in lines)

    return INLINE.sub(r"$\1$", MATH.sub(block, text))


class Equations(griffe.Extension):
    """Puts `with_equations` before the site's reading of docstrings."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Any object that has been read."""
        if obj.docstring and ("math::" in obj.docstring.value or ":math:" in obj.docstring.value):
            obj.docstring.value = with_equations(obj.docstring.value)

    on_instance = on_object


class Signatures(griffe.Extension):
    """Shows a single environment, which has no `__init__` of its own, with the arguments of its dynamics."""

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """A class that has been read."""
        if "dynamics_type" not in cls.members or "__init__" in cls.members:
            return
        made = vars(getattr(importlib.import_module(cls.module.path), cls.name)).get("__init__")
        if made is None:
            return
        shown = [
            griffe.Parameter(
                p.name,
                annotation=None if p.annotation is p.empty else p.annotation,
                kind=griffe.ParameterKind[p.kind.name.lower()],
                default=None if p.default is p.empty else repr(p.default),
            )
            for p in inspect.signature(made).parameters.values()
        ]
        cls.set_member(
            "__init__", griffe.Function("__init__", parameters=griffe.Parameters(*shown), parent=cls)
        )
