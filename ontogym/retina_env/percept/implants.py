"""Electrodes of retinal implants: coordinates as data, of the others by name from pulse2percept, or from a file."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, UnknownNameError, needs
from ontogym.retina_env.percept.axon_map import retina_to_field

__all__ = ["IMPLANTS", "Implant", "implant"]

_DATA = Path(__file__).with_name("implants.json")
_MOST = 4096
"""Electrodes; a stranger's file with more is refused before anything is made of it."""


@dataclass(frozen=True, eq=False)
class Implant:
    """E electrodes on the retina of a right eye.

    Attributes:
        name: for reports.
        um: ``(E, 2)`` micrometres from the implant's middle, x to the nasal side, y upwards on the retina.
    """

    name: str
    um: NDArray[np.float64]

    @property
    def n(self) -> int:
        """E."""
        return len(self.um)

    @property
    def pitch_um(self) -> float:
        """Median distance from an electrode to its nearest neighbour."""
        apart = np.hypot(*(self.um[:, None] - self.um[None]).transpose(2, 0, 1))
        np.fill_diagonal(apart, np.inf)
        return float(np.median(apart.min(1)))

    @property
    def degrees(self) -> NDArray[np.float64]:
        """Where the electrodes lie in the visual field with the implant's middle on the fovea, ``(E, 2)``."""
        return np.stack(retina_to_field(*self.um.T), 1)


@functools.cache
def _shipped() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(_DATA.read_text(encoding="utf-8"))
    return found


IMPLANTS = ("argus-i", "argus-ii", "imie-256")
"""Implants whose coordinates ship; all are epiretinal, which is what the axon map is about."""


def implant(name: str | Path) -> Implant:
    """An implant by name, by the name of a class of pulse2percept (``"pulse2percept:AlphaAMS"``), or from a file.

    A file has one electrode a line: x and y in micrometres, separated by a comma or by blanks; a line of headings
    (``x,y``) may come first.

    Raises:
        OntogymError: no such implant or file, coordinates that are none, or pulse2percept missing.
    """
    word = str(name)
    if word in IMPLANTS:
        return Implant(word, np.asarray(_shipped()[word]["um"], dtype=np.float64))
    kind, colon, other = word.partition(":")
    if kind == "pulse2percept" and colon:
        return _of_pulse2percept(other)
    if Path(word).is_file():
        return Implant(Path(word).stem, _read(Path(word)))
    raise UnknownNameError("implant", word, IMPLANTS, "And no file here is called that.")


def _of_pulse2percept(name: str) -> Implant:
    with needs(f"The implant {name}", "pulse2percept", "'ontogym[implants]'", " with Python 3.11 or later"):
        from pulse2percept.implants import retina
    known = [key for key in dir(retina) if key[:1].isupper()]
    if name not in known:
        raise UnknownNameError("implant of pulse2percept", name, known)
    try:
        electrodes = getattr(retina, name)().electrode_objects
    except (TypeError, AttributeError) as error:
        raise OntogymError(
            f"pulse2percept makes no {name} without arguments ({error}); pass a file."
        ) from error
    return Implant(name, _checked([(e.x, e.y) for e in electrodes], name))


def _read(path: Path) -> NDArray[np.float64]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = [re.split(r"[,;\s]+", line.strip()) for line in lines if line.strip() and not line.startswith("#")]
    if len(rows) > 1 and not any(_is_number(word) for word in rows[0]):
        del rows[0]  # a heading
    if not 1 <= len(rows) <= _MOST or any(len(row) != 2 for row in rows):
        raise OntogymError(f"{path} must hold 1 to {_MOST} lines of x and y in micrometres; repair it.")
    try:
        places = [(float(x), float(y)) for x, y in rows]
    except ValueError as error:
        raise OntogymError(f"{path} holds a coordinate that is no number ({error}); repair it.") from error
    return _checked(places, str(path))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _checked(pairs: list[tuple[float, float]], what: str) -> NDArray[np.float64]:
    um = np.asarray(pairs, dtype=np.float64)
    far = not np.isfinite(um).all() or bool((np.abs(um) > 15_000).any())
    if far or len(np.unique(um, axis=0)) < len(um):
        raise OntogymError(
            f"The electrodes of {what} must be finite, within 15 mm of the middle and apart; repair it."
        )
    return um
