"""The numbers that make a retina's waves, and the settings that have a name."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from ontogym.errors import OntogymError, UnknownNameError

__all__ = ["DT_MS", "MAX_RINGS", "PRESETS", "WaveParameters", "resolve_parameters"]

DT_MS = 25.0
"""Length of one step (ms)."""
DT_S = DT_MS / 1000
MAX_RINGS = 16
"""Most rings of neighbours; it bounds a cell's input, so that no fixed-point number of the kernel overflows."""

_RANGES: dict[str, tuple[float, float, str]] = {
    # Below half a step, Euler's method makes excitation oscillate and diverge (chick-e16 has 0.8 of a step).
    "h1": (0.0, 100.0, ""),
    "h2": (0.0, 100.0, ""),
    "depolarisation_s": (DT_S, 60.0, " s"),
    "refractory_s": (0.1, 3600.0, " s"),
    "excitation_s": (DT_S / 2, 60.0, " s"),
    "dendritic_radius_um": (1.0, 2000.0, " µm"),
    "connection_rings": (0.0, float(MAX_RINGS), ""),
}


@dataclass(frozen=True)
class WaveParameters:
    """One setting of the model (Godfrey & Swindale 2007).

    Args:
        h1: rise of a cell's threshold over one depolarisation, without input.
        h2: further rise of the threshold per unit of input.
        depolarisation_s: D, how long a cell stays depolarised.
        refractory_s: P, the scale of the refractory period: the threshold decays at about `h1` / P per second.
        excitation_s: T_K, the time constant of excitation.
        dendritic_radius_um: rho, the radius of a cell's dendritic field; overlap of two fields is their coupling.
        connection_rings: CON_RAD; cells within so many hexagonal rings are coupled. A fraction is cut off, as the
            released program does with its cast to int: 1.25, 3.75, 6.25 and 8.75 rings are 1, 3, 6 and 8. With no
            ring at all, or fields that do not touch, every cell stands alone, which is a valid setting.

    Raises:
        OntogymError: a number is not finite or out of its range.
    """

    h1: float
    h2: float
    depolarisation_s: float
    refractory_s: float
    excitation_s: float
    dendritic_radius_um: float = 85.0
    connection_rings: float = 4.0

    def __post_init__(self) -> None:
        for name, (low, high, unit) in _RANGES.items():
            value = getattr(self, name)
            try:
                number = float(value)
            except (TypeError, ValueError):
                number = math.nan
            if not low <= number <= high:
                raise OntogymError(
                    f"The wave parameter {name} is {value!r}; give a number from {low:g} to {high:g}{unit}."
                )
            object.__setattr__(self, name, number)

    @property
    def rings(self) -> int:
        """Whole hexagonal rings within which cells are coupled."""
        return math.floor(self.connection_rings)

    @property
    def hold_steps(self) -> int:
        """Steps that a cell stays depolarised: it becomes quiet at the first time *later* than D after its start.

        The released program compares sums of binary fractions, so that where D is a multiple of the step the last
        step comes or not by rounding; here the comparison is exact, up to one part in 10^9.
        """
        return math.floor(self.depolarisation_s / DT_S + 1e-9) + 1

    def as_json(self) -> dict[str, Any]:
        """A dict that JSON can hold, and that ``WaveParameters(**d)`` takes back."""
        return dataclasses.asdict(self)


PRESETS: dict[str, WaveParameters] = {
    # The released program's species (dendrites of 85 µm, 4 rings).
    "ferret": WaveParameters(4.0, 0.75, 1.3, 43.0, 0.25),
    "rabbit": WaveParameters(4.0, 0.6, 1.05, 44.0, 0.25),
    "mouse": WaveParameters(4.0, 0.75, 2.3, 32.0, 0.35),
    "chick-e14": WaveParameters(4.0, 0.4, 1.05, 38.0, 0.025),
    "chick-e16": WaveParameters(3.1, 0.1, 0.8, 30.0, 0.02),
    "turtle": WaveParameters(4.0, 0.7, 1.0, 23.0, 0.2),
    # ReWaRD's own: waves that cover nearly the whole retina, far from any that was measured.
    "reward": WaveParameters(5.0, 0.4, 1.25, 30.0, 0.2, dendritic_radius_um=170.0, connection_rings=5.0),
    # A hypothesis, not a measurement: nobody has recorded waves in a human retina. It is the ferret's setting with a
    # refractory period half as long again, as a guess at what a slower development may go with.
    "human-hypothesis": WaveParameters(4.0, 0.75, 1.3, 64.5, 0.25),
}
"""Settings by name: six species, ReWaRD's, and a guess for the human retina that rests on no measurement."""


def resolve_parameters(preset_or_parameters: str | WaveParameters) -> WaveParameters:
    """The parameters of that name, or the parameters themselves.

    Raises:
        UnknownNameError: no preset has that name (the nearest one is suggested).
        OntogymError: neither a name nor parameters.
    """
    if isinstance(preset_or_parameters, WaveParameters):
        return preset_or_parameters
    if not isinstance(preset_or_parameters, str):
        raise OntogymError(
            f"Wave parameters cannot be {preset_or_parameters!r}; give a WaveParameters or a preset's name."
        )
    if preset_or_parameters not in PRESETS:
        raise UnknownNameError("wave preset", preset_or_parameters, PRESETS)
    return PRESETS[preset_or_parameters]
