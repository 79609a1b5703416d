"""From the name of a rule to the rule, with a sentence for what can go wrong."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, get_args

from ontogym.developmental.rules.base import PlasticityRule, Scope
from ontogym.errors import OntogymError
from ontogym.registry import RULES

__all__ = ["build_rule"]


def build_rule(name: str, kind: str, place: str, options: Mapping[str, Any]) -> PlasticityRule:
    """The rule called `name`, built.

    Args:
        name: a registered name.
        kind: "synaptic" or "structural", what its place needs.
        place: what to call that place in messages, for example "LNDP: the pruning rule".
        options: what its constructor is given.

    Raises:
        OntogymError: unknown name (the nearest is suggested), another kind, or a constructor that takes
            something else; an unknown scope.

    Warns:
        UserWarning: the rule needs what agents of this kind do not have.
    """
    # Registered names only: options come from agent files too, and a stranger's file must not import code.
    factory = RULES.get(name)
    try:
        rule = factory(**options)
    except TypeError as error:
        raise OntogymError(
            f"{place} {name!r} cannot be built with {sorted(options)} ({error}); let its constructor take them, "
            "or leave growth_bias at 0 if that is what it lacks."
        ) from error
    if not isinstance(rule, PlasticityRule):
        raise OntogymError(f"{place} {name!r} is no PlasticityRule; see `ontogym rules` for those there are.")
    if rule.kind != kind:
        others = ", ".join(sorted(_of_kind(kind)))
        raise OntogymError(f"{place} {name!r} is a {rule.kind} rule; choose a {kind} one: {others}.")
    if rule.scope not in (scopes := get_args(Scope)):
        raise OntogymError(
            f"{place} {name!r} has the unknown scope {rule.scope!r}; let it declare one of {', '.join(scopes)}."
        )
    if rule.needs:
        warnings.warn(f"{place} {name!r} changes nothing here: it needs {rule.needs}.", stacklevel=2)
    return rule


def _of_kind(kind: str) -> list[str]:
    """Built-in rules of a kind (a plug-in that fails to load must not get in the way of a message)."""
    return [name for name in RULES.builtin if RULES.get(name).kind == kind]
