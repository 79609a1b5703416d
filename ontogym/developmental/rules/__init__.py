"""Plasticity rules under one contract (see `base`)."""

from ontogym.developmental.rules.base import (
    PlasticityRule,
    RuleContext,
    RuleOutput,
    RuleState,
    apply_rule,
    coefficients,
    post_pre,
    structural_change,
)

__all__ = [
    "PlasticityRule",
    "RuleContext",
    "RuleOutput",
    "RuleState",
    "apply_rule",
    "coefficients",
    "post_pre",
    "structural_change",
]
