"""`check_rule`: does a plasticity rule keep the contract of `ontogym.developmental.rules.base`?

A rule is put in random situations and asked for the same thing twice, alone and in company, with its nodes
relabelled, with things altered that it says it does not look at, in another precision and size, for a long
time and under too large inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch

from ontogym.developmental.rules.base import PlasticityRule
from ontogym.errors import OntogymError
from ontogym.registry import RULES, load_object
from ontogym.testing.behaviour import CHECKS
from ontogym.testing.findings import Finding, guarded, raise_findings
from ontogym.testing.structure import declaration, shapes
from ontogym.testing.trial import Lab, draw_context, draw_trial

__all__ = ["assert_rule", "check_rule"]

_BESIDE_MATRICES = (
    "weights are (P, N, N): post_pre(context) gives activities that fit beside them, and a reward (P, 1) fits as "
    "context.reward[..., None]"
)


def check_rule(
    rule: PlasticityRule | type[PlasticityRule] | str,
    *,
    population: int = 3,
    nodes: int = 7,
    steps: int = 500,
    seed: int = 0,
) -> list[Finding]:
    """Everything in which `rule` breaks the contract; an empty list if nothing was found.

    Args:
        rule: a rule, its class (built with its default arguments), its registered name, or an import
            target ``"package.module:Class"``.
        population, nodes: size of the trials; at least 2 and 3.
        steps: length of the long run under tenfold inputs (a short one under usual inputs comes before it).
        seed: of the random situations.

    Raises:
        OntogymError: `rule` is a name or target that cannot be loaded, or a name that two rules claim.
    """
    if isinstance(rule, str):
        rule = load_object(rule) if ":" in rule else _meant(rule)
    factory = rule if isinstance(rule, type) else None
    built: list[Any] = []
    findings = list(guarded("construct", lambda: _build(rule, built)))
    if findings:
        return findings
    # A rule that draws from global generators must not disturb its caller's.
    with torch.random.fork_rng(devices=[]):
        return _examine(built[0], factory, population, nodes, steps, seed)


def assert_rule(rule: PlasticityRule | type[PlasticityRule] | str, **options: Any) -> None:
    """Raise AssertionError with every sentence of `check_rule` (same arguments), if there is one."""
    findings = check_rule(rule, **options)
    raise_findings(rule if isinstance(rule, str) else getattr(rule, "name", repr(rule)), findings)


def _meant(name: str) -> Any:
    """The rule of a name; where a package brings another of that name, it must be said which is meant."""
    others = [entry for entry in RULES.hidden() if entry.name == name]
    if others:
        taken = RULES.entries()[name]
        raise OntogymError(
            f"Two rules are called {name!r}: {taken.target} of {taken.origin}, which is the one that runs, and "
            f"{others[0].target} of {others[0].origin}, which is hidden; check either by its target, and give the hidden "
            "one a name of its own."
        )
    return RULES.get(name)


def _build(rule: Any, built: list[Any]) -> Iterator[str]:
    built.append(rule() if isinstance(rule, type) else rule)
    if not isinstance(built[0], PlasticityRule):
        yield f"This {rule!r} is no PlasticityRule; derive it from ontogym.developmental.rules.PlasticityRule."


def _examine(
    rule: PlasticityRule,
    factory: Callable[..., PlasticityRule] | None,
    population: int,
    nodes: int,
    steps: int,
    seed: int,
) -> list[Finding]:
    """All checks on a built rule; later ones are run only if the first leave something to run."""
    generator = torch.Generator().manual_seed(seed)
    findings = list(guarded("declaration", lambda: declaration(rule, population, nodes)))
    if not findings:
        findings += guarded("shape", lambda: shapes(rule, population, nodes, generator), _BESIDE_MATRICES)
    if findings:
        return findings
    trial = draw_trial(rule, population, nodes, generator)
    for _ in range(3):
        trial = trial.advance(draw_context(rule, population, nodes, generator))
    # The state is warm; edges are drawn afresh, since the rule may have pruned them all.
    trial = replace(trial, context=draw_context(rule, population, nodes, generator))
    lab = Lab(rule, factory, trial, generator, population, nodes, steps)
    for name, check in CHECKS.items():
        findings += guarded(name, lambda check=check: check(lab))  # type: ignore[misc]
    return findings
