"""Names to objects: unknown names, taken names, targets that do not load, what other packages bring."""

from __future__ import annotations

import pytest

from ontogym.errors import OntogymError, UnknownNameError, nearest
from ontogym.registry import AGENTS, EVALUATORS, RULES, SPONTANEOUS, STRATEGIES, Registry, load_object


@pytest.fixture
def registry() -> Registry:
    return Registry("thing", "ontogym.no_such_group", {"join": "os.path:join", "broken": "no_such_module:X"})


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'hebbian-abcd'") as caught:
        RULES.get("hebian-abcd")
    assert caught.value.name == "hebian-abcd"
    assert "lndp-edge-gru" in caught.value.known
    with pytest.raises(UnknownNameError, match=r"known are: .*silence"):
        SPONTANEOUS.get("zzz")
    assert nearest("LNDP-PRUNNING", RULES) == "lndp-pruning"
    assert nearest("zzz", RULES) is None


def test_get_entries_and_membership(registry):
    import os.path

    assert registry.get("join") is os.path.join
    assert list(registry) == ["broken", "join"]
    assert "join" in registry
    assert "split" not in registry
    assert registry.entries()["join"].origin == "ontogym"


def test_add_and_taken_name(registry):
    registry.add("split", "os.path:split")
    assert registry.get("split")("a/b") == ("a", "b")
    assert registry.entries()["split"].origin == "this process"
    for taken in ("split", "join"):
        with pytest.raises(OntogymError, match=f"{taken}.*already registered"):
            registry.add(taken, "os:getcwd")
    assert registry.entries()["join"].target == "os.path:join"


def test_entry_that_does_not_import_is_reported_by_name(registry):
    with pytest.raises(OntogymError, match=r"thing 'broken', registered by ontogym.*no_such_module"):
        registry.get("broken")


@pytest.mark.parametrize("target", ["", "os.path", ":join", "os.path:"])
def test_malformed_target(target):
    with pytest.raises(OntogymError, match=r"package\.module:Name"):
        load_object(target)


def test_target_without_the_attribute():
    with pytest.raises(UnknownNameError, match="'join'"):
        load_object("os.path:joim")


@pytest.mark.parametrize("registry", [RULES, SPONTANEOUS])
def test_registered_names_are_the_classes_own(registry):
    for name in registry.builtin:
        assert registry.get(name).name == name


def test_groups_are_distinct():
    assert len({r.group for r in (RULES, SPONTANEOUS, AGENTS, STRATEGIES, EVALUATORS)}) == 5
