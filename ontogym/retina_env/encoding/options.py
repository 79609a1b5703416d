"""The arguments of the encoding environments, each written once: a record for each task, which its signature shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from inspect import Parameter, Signature
from typing import Any

__all__ = [
    "AnimalOptions",
    "CalibrationOptions",
    "DisplayOptions",
    "ElectrodeOptions",
    "PerceptCalibrationOptions",
    "PerceptOptions",
    "RefinementOptions",
    "TwinOptions",
    "arguments",
    "signature_of",
]


@dataclass(frozen=True, eq=False, kw_only=True)
class DisplayOptions:
    """What every encoding task takes; the docstrings of the environments say what it means."""

    images: Any = None
    n_images: int = 512
    n_levels: int | None = None
    drive_penalty: float = 0.0
    obs: str = "both"


@dataclass(frozen=True, eq=False, kw_only=True)
class ElectrodeOptions(DisplayOptions):
    """A task whose electrodes are blocks of pixels, or lie where one wants them."""

    fold: int = 4
    grid: Any = None


@dataclass(frozen=True, eq=False, kw_only=True)
class TwinOptions(ElectrodeOptions):
    """A task judged by a twin."""

    twin: Any = None
    retina_seed: int = 0
    responses: Any = None
    true_retina: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class RefinementOptions(TwinOptions):
    """Several presentations of one image."""

    steps: int = 6


@dataclass(frozen=True, eq=False, kw_only=True)
class CalibrationOptions(ElectrodeOptions):
    """Another retina every life."""

    n_images: int = 256
    steps: int = 30
    patients: Any = 16


@dataclass(frozen=True, eq=False, kw_only=True)
class AnimalOptions(ElectrodeOptions):
    """A task judged by animals that nothing was fitted to."""

    n_images: int = 256
    animals: Any = "training"
    share: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class PerceptOptions(DisplayOptions):
    """A task judged by what the patients of an implant see."""

    n_images: int = 256
    implant: str = "argus-ii"
    patients: Any = "training"
    share: float | None = None
    fast: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class PerceptCalibrationOptions(PerceptOptions):
    """Another patient every life, to be found out."""

    steps: int = 20


def arguments(options: Any) -> Mapping[str, Any]:
    """The record as keyword arguments; arrays are not copied."""
    return {field.name: getattr(options, field.name) for field in fields(options)}


def signature_of(record: type[Any]) -> Signature:
    """The signature of what takes the fields of `record` by keyword."""
    kind = Parameter.KEYWORD_ONLY
    return Signature([Parameter(field.name, kind, default=field.default) for field in fields(record)])
