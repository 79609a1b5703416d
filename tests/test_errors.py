"""Errors cross a process boundary whole, those of every room."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
from collections.abc import Iterator

import pytest

import ontogym
from ontogym.errors import OntogymError, UnknownNameError, _again
from ontogym.processes import WorkerPool


def family(kind: type[OntogymError]) -> Iterator[type[OntogymError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


def all_kinds() -> list[type[OntogymError]]:
    for module in pkgutil.walk_packages(ontogym.__path__, "ontogym."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return [kind for kind in family(OntogymError) if kind.__module__.startswith("ontogym.")]


def test_every_error_of_the_package_pickles_whole() -> None:
    kinds = all_kinds()
    assert len(kinds) >= 3
    for kind in kinds:
        error = (
            UnknownNameError("rule", "hepp", ["hebb", "oja"])
            if kind is UnknownNameError
            else _again(kind, ("it is wrong; mend it.",), {})  # some ask for more than a sentence
        )
        error.where = [1, 2]  # type: ignore[attr-defined]
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(again) is kind
            assert str(again) == str(error)
            assert again.__dict__ == error.__dict__


def fail() -> None:
    raise UnknownNameError("rule", "hepp", ["hebb", "oja"])


def test_a_workers_error_is_the_error_itself() -> None:
    with WorkerPool(1) as pool, pytest.raises(UnknownNameError, match="known are: hebb, oja") as raised:
        pool.map(fail, [()])
    assert raised.value.known == ["hebb", "oja"]
    assert raised.value.name == "hepp"
