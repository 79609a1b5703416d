"""Errors cross a process boundary whole, those of every room."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
from collections.abc import Iterator

import numpy as np
import pytest

import ontogym
from ontogym.errors import (
    OntogymError,
    UnknownNameError,
    _again,
    check_ranges,
    is_number,
    is_whole,
    whole_number,
)
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


def test_whole_numbers_are_told_from_the_rest():
    for value in (3, 3.0, np.int8(3), np.float32(3), np.array(3)):
        assert whole_number("count", value, 1, 5) == 3
    for value in (True, 2.5, "3", None, float("nan"), float("inf"), np.bool_(True), [3], 0, 6):
        with pytest.raises(
            OntogymError, match=r"count is .*; pass a whole number of lanes from 1 to 5, or not\."
        ):
            whole_number("count", value, 1, 5, of="lanes", more=", or not")
    with pytest.raises(OntogymError, match="count is 0; pass a whole number from 1 on"):
        whole_number("count", 0, 1)


@pytest.mark.parametrize("value", ["5", float("nan"), [1], 11])
def test_what_is_out_of_its_range_or_no_number_is_one_sentence(value):
    settings = type("Settings", (), {"size": value})
    with pytest.raises(OntogymError, match=r"size=.* is out of range; choose 1 to 10"):
        check_ranges(settings, size=(1, 10))


def test_numbers_and_whole_numbers():
    assert is_number(np.float32(2.5))
    assert is_whole(10**400)
    for value in (True, "1", float("nan"), float("inf"), None, [1]):
        assert not is_number(value)
        assert not is_whole(value)
