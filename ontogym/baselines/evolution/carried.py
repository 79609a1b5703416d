"""An inferred rule that an agent carries with it: as options and a tensor, in place of the name of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.envs.registration import entry_of
from ontogym.errors import OntogymError

__all__ = ["RULE_TENSOR", "carry_rule", "check_no_path", "rebuild_rule"]

RULE_TENSOR = "rule.params"
"""Parameters ``(D,)`` of the inferred rule that a logistic agent carries."""


def carry_rule(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Options with an inferred rule described in place of its file, and the rule's tensor.

    Raises:
        OntogymError: the file cannot be read.
    """
    rest = dict(options)
    path = rest.pop("rule_path", None)
    if path is None:
        return rest, {}
    from ontogym.developmental.rules.inferred.rule import SavedRule, load_rule

    rule = path if isinstance(path, SavedRule) else load_rule(path)
    return {**rest, "network": rule.network.kind, "hidden": rule.network.hidden}, {RULE_TENSOR: rule.params}


def rebuild_rule(options: Mapping[str, Any], tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """The inverse of `carry_rule`: options with the rule in memory, which is taken out of `tensors`.

    Raises:
        OntogymError: a tensor that is missing, or is not what the options describe.
    """
    from ontogym.developmental.rules.inferred.network import UpdateNetwork
    from ontogym.developmental.rules.inferred.rule import SavedRule

    params = tensors.pop(RULE_TENSOR)
    network = UpdateNetwork(options.get("network", "dnn"), options.get("hidden", 32))
    if params.shape != (network.n_params,) or params.dtype != np.float64:
        raise OntogymError(
            f"The tensor {RULE_TENSOR!r} is {params.dtype} {params.shape}, not float64 ({network.n_params},), which "
            "the options describe."
        )
    rest = {key: value for key, value in options.items() if key not in ("network", "hidden")}
    return {**rest, "rule_path": SavedRule(network, np.array(params), {})}


def check_no_path(value: Any, what: str) -> None:
    """Refuse values that name a file or code: who reads a stranger's file opens or imports no other because it says so.

    Args:
        value: options or arguments, nested as they like. what: they are.

    Raises:
        OntogymError: the first that does.
    """
    if isinstance(value, Mapping):
        for name, item in value.items():
            check_no_path(item, f"{what} {name}")
    elif isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        for item in value:
            check_no_path(item, what)
    elif isinstance(value, str) and (what.endswith("path") or _names_something(value)):
        raise OntogymError(
            f"This file's {what} is {value[:80]!r}, which would open another file or import code; say that you trust its "
            "maker (trusted=True, --trust)."
        )


def _names_something(value: str) -> bool:
    """Whether a text may name a file or a module; the ids of this suite name neither."""
    return ":" in value or (("/" in value or "\\" in value) and entry_of(value) is None)
