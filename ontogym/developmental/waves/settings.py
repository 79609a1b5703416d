"""What a user may set of retinal waves, checked before anything runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ontogym.developmental.waves import WaveParameters, resolve_parameters
from ontogym.errors import OntogymError, UnknownNameError, is_number, is_whole

__all__ = ["checked_frame_ms", "checked_minutes", "checked_pool_size", "chosen_parameters"]

STEP_MS = 25.0
LONGEST_WARM_UP_MIN = 24 * 60.0


def chosen_parameters(
    preset: str | WaveParameters, parameters: WaveParameters | Mapping[str, Any] | None = None
) -> WaveParameters:
    """The preset's parameters, but for those that `parameters` names.

    Raises:
        UnknownNameError: no such preset or parameter; the nearest is suggested.
        OntogymError: a value that is out of range.
    """
    chosen = resolve_parameters(preset)
    if parameters is None:
        return chosen
    if isinstance(parameters, WaveParameters):
        return parameters
    if not isinstance(parameters, Mapping):
        raise OntogymError(
            f"The wave parameters {parameters!r} are no dictionary; pass for example {{'refractory_s': 30}}."
        )
    known = [field.name for field in dataclasses.fields(WaveParameters)]
    for name in parameters:
        if name not in known:
            raise UnknownNameError("wave parameter", str(name), known)
    return dataclasses.replace(chosen, **parameters)


def checked_pool_size(retinas: Any) -> int:
    """`retinas` if it is a whole number from 0 to 1024.

    Raises:
        OntogymError: it is not.
    """
    if not (is_whole(retinas) and 0 <= retinas <= 1024):
        raise OntogymError(
            f"retinas is {retinas!r}; pass the size of the pool of warmed-up retinas, 1 to 1024, or 0 to warm up "
            "one for every life."
        )
    return int(retinas)


def checked_frame_ms(frame_ms: Any) -> float:
    """`frame_ms` if it is a positive multiple of the simulator's 25 ms.

    Raises:
        OntogymError: it is not.
    """
    if not (is_number(frame_ms) and frame_ms >= STEP_MS and frame_ms % STEP_MS == 0):
        raise OntogymError(f"frame_ms is {frame_ms!r}; pass a multiple of 25 from 25 on, such as 100.")
    return float(frame_ms)


def checked_minutes(warm_up_min: Any) -> float:
    """`warm_up_min` if it is a number of minutes from 0 to a day.

    Raises:
        OntogymError: it is not.
    """
    if not (is_number(warm_up_min) and 0 <= warm_up_min <= LONGEST_WARM_UP_MIN):
        raise OntogymError(f"warm_up_min is {warm_up_min!r}; pass simulated minutes from 0 on, such as 15.")
    return float(warm_up_min)
