"""What an LNDP is compared with: the same agent with one thing taken away.

| control         | what is taken away                                                                  |
|-----------------|-------------------------------------------------------------------------------------|
| `no-plasticity` | both plasticities: weights and wiring stay as they are born                         |
| `no-synaptic`   | synaptic plasticity: edges come and go, each with the weight its place was born with |
| `no-structural` | structural plasticity: weights change on the wiring of birth                        |
| `random-wiring` | what growth decides: wiring drawn at birth, as dense as the grown one, and kept     |
| `no-identity`   | the evolved identity of input and output nodes                                      |
| `ndp`           | everything that changes after development                                           |

Each is evolved anew, with the same settings; frozen only after evolution (`LifeSpec.freeze`) is another question.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ontogym.errors import OntogymError, UnknownNameError

__all__ = ["CONTROLS", "control"]

CONTROLS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "no-plasticity": ("lndp", {"synaptic_plasticity": False, "structural_plasticity": False}),
    "no-synaptic": ("lndp", {"synaptic_plasticity": False}),
    "no-structural": ("lndp", {"structural_plasticity": False}),
    "random-wiring": ("lndp", {"structural_plasticity": False, "start": "random"}),
    "no-identity": ("lndp", {"io_identity": False}),
    "ndp": ("ndp", {}),
}
"""Name to agent, and the options that replace the LNDP's own."""


def control(
    name: str, options: Mapping[str, Any], density: float | None = None
) -> tuple[str, dict[str, Any]]:
    """Agent and options of a control for an LNDP with these options.

    Args:
        name: of `CONTROLS`.
        options: of the LNDP that it is compared with.
        density: edges over allowed edges of that LNDP at the end of its life (its diagnostic `density_at_end`); needed by
            `random-wiring`, and by it alone.

    Raises:
        OntogymError: no such control; a density that is missing or no probability.
    """
    if name not in CONTROLS:
        raise UnknownNameError("control", name, CONTROLS)
    agent, changes = CONTROLS[name]
    made = {**options, **changes}
    if name == "random-wiring":
        if density is None or not 0 <= density <= 1:
            raise OntogymError(
                f"random-wiring needs the density that the grown networks reach, not {density}; evaluate them and give "
                "their diagnostic 'density_at_end'."
            )
        made["density"] = float(density)
    return agent, made
