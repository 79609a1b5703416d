"""Patients with an implant, who differ in what an encoder cannot see, and what they see of electrode values."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.compiling import COMPILED, njit
from ontogym.retina_env.percept.axon_map import AxonMap, Field, meridian_blend
from ontogym.retina_env.percept.implants import Implant
from ontogym.seeding import generator

__all__ = [
    "HELD_OUT_PATIENTS",
    "LONGEST_UM",
    "TRAINING_PATIENTS",
    "Patient",
    "Phosphenes",
    "draw_patient",
    "field_of",
]

Float = NDArray[np.float32]

TRAINING_PATIENTS = tuple(range(256))
"""Patients that encoders may be trained for."""
HELD_OUT_PATIENTS = tuple(range(10_000, 10_064))
"""Patients that nothing is ever fitted to; boards are judged by them."""
LONGEST_UM = 1400.0
"""The longest decay along axons of any of them."""
_NEGLIGIBLE = 1e-3
"""Current spread below this share of its peak is left out: a tenth of the weights remains."""


class Patient(NamedTuple):
    """What is hidden.

    Attributes:
        rho_um: how far current spreads across axons, SD.
        lambda_um: how far along them, SD.
        rotation_deg: how the implant is turned on the retina, counter-clockwise.
        alive: ``(E,)`` bool; electrodes that still work.
        threshold: brightness below which nothing is seen; 1 is that of one electrode at its brightest.
    """

    rho_um: float
    lambda_um: float
    rotation_deg: float
    alive: NDArray[np.bool_]
    threshold: float


def draw_patient(seed: int, electrodes: int) -> Patient:
    """Patient `seed`: rho and lambda log-uniform over what Beyeler et al. (2019) fitted to theirs, and beyond.

    rho 100 to 500 micrometres, lambda 150 to 1400, rotation up to 40 degrees either way (Argus II's surgeons have
    landed there), up to a fifth of the electrodes dead, threshold up to .3.
    """
    rng = generator(seed, "implant patient")
    share = rng.uniform(0, 0.2)
    return Patient(
        rho_um=float(np.exp(rng.uniform(np.log(100), np.log(500)))),
        lambda_um=float(np.exp(rng.uniform(np.log(150), np.log(LONGEST_UM)))),
        rotation_deg=float(rng.uniform(-40, 40)),
        alive=rng.uniform(size=electrodes) >= share,
        threshold=float(rng.uniform(0, 0.3)),
    )


def field_of(device: Implant, step_deg: float = 0.6) -> Field:
    """The part of the visual field that an implant on the fovea covers, half a pitch further, in steps."""
    half = np.abs(device.degrees).max(0) + device.pitch_um * 3.556e-3 / 2
    x, y = (np.arange(-round(h / step_deg), round(h / step_deg) + 1) * step_deg for h in half)
    return Field(x, y[::-1].copy())


class Phosphenes:
    """What one patient sees of electrode values, at the P points of a field.

    Brightness at a point is the greatest over the segments of its axon of what arrives there from all electrodes
    (Beyeler et al. 2019, eq. 3 and the maximum along the axon), blended over the horizontal meridian; what stays below
    the patient's threshold is dark.

    Args:
        device: the implant.
        axons: of the field.
        patient: who.
        cut: share of a current's peak below which its spread is left out.

    Attributes:
        linear: ``(P, E)`` float32: for each point the one segment that is brightest when all electrodes are alike,
            blended: what is seen, nearly, as one product.
    """

    def __init__(self, device: Implant, axons: AxonMap, patient: Patient, cut: float = _NEGLIGIBLE) -> None:
        turn = np.deg2rad(patient.rotation_deg)
        c, s = np.cos(turn), np.sin(turn)
        x, y = (device.um @ np.array([[c, s], [-s, c]])).T
        self.patient, self.starts = patient, axons.starts
        self.n_points, self.n_electrodes = len(axons.starts) - 1, device.n
        weights = axons.sensitivity(patient.lambda_um)
        self.indptr, self.electrode, self.weight = _spread(
            axons.x_um, axons.y_um, weights, x, y, patient.alive, patient.rho_um, cut
        )
        self.blend = meridian_blend(axons.field).astype(np.float32)
        self.linear = self._linear()

    def _linear(self) -> Float:
        """See the class."""
        total = np.concatenate([[0.0], np.cumsum(self.weight, dtype=np.float64)])
        total = total[self.indptr[1:]] - total[self.indptr[:-1]]
        picked = np.zeros((self.n_points, self.n_electrodes), dtype=np.float32)
        for point, (begin, end) in enumerate(zip(self.starts[:-1], self.starts[1:])):
            segment = begin + int(np.argmax(total[begin:end]))
            row = slice(self.indptr[segment], self.indptr[segment + 1])
            picked[point, self.electrode[row]] = self.weight[row]
        return self.blended(picked.T).T.copy()

    def blended(self, brightness: Float) -> Float:
        """Brightness ``(B, P)`` over the horizontal meridian."""
        rows = len(self.blend)
        return np.asarray(
            np.matmul(self.blend, brightness.reshape(len(brightness), rows, -1)).reshape(brightness.shape)
        )

    def brightest(self, electrodes: Float) -> tuple[Float, NDArray[np.int64]]:
        """Greatest brightness along the axon of each point ``(B, P)`` for values ``(B, E)``, and its segment."""
        found = np.empty((len(electrodes), self.n_points), dtype=np.float32)
        where = np.empty(found.shape, dtype=np.int64)
        _brightest(self.indptr, self.electrode, self.weight, self.starts, electrodes, found, where)
        return found, where

    def back(self, slopes: Float, where: NDArray[np.int64]) -> Float:
        """Slopes by brightness ``(B, P)`` to slopes by electrode values ``(B, E)``, where `brightest` found it."""
        found = np.zeros((len(slopes), self.n_electrodes), dtype=np.float32)
        _back(self.indptr, self.electrode, self.weight, where, slopes, found)
        return found


@njit(**COMPILED)
def _spread(
    x: Any, y: Any, sensitivity: Any, at_x: Any, at_y: Any, alive: Any, rho: Any, cut: Any
) -> tuple[Any, Any, Any]:
    """What of each electrode's current arrives at each segment, as rows: begin of each row, electrodes, weights."""
    reach = -2 * rho * rho * np.log(cut)
    indptr = np.zeros(len(x) + 1, dtype=np.int64)
    for s in range(len(x)):
        count = 0
        if sensitivity[s] > 0:
            for e in range(len(at_x)):
                if alive[e] and (x[s] - at_x[e]) ** 2 + (y[s] - at_y[e]) ** 2 < reach:
                    count += 1
        indptr[s + 1] = indptr[s] + count
    electrode = np.empty(indptr[-1], dtype=np.int32)
    weight = np.empty(indptr[-1], dtype=np.float32)
    for s in range(len(x)):
        k = indptr[s]
        if indptr[s + 1] > k:
            for e in range(len(at_x)):
                apart = (x[s] - at_x[e]) ** 2 + (y[s] - at_y[e]) ** 2
                if alive[e] and apart < reach:
                    electrode[k] = e
                    weight[k] = sensitivity[s] * np.exp(-apart / (2 * rho * rho))  # eq. 3
                    k += 1
    return indptr, electrode, weight


@njit(fastmath={"reassoc", "contract", "nsz"}, **COMPILED)
def _brightest(
    indptr: Any, electrode: Any, weight: Any, starts: Any, values: Any, found: Any, where: Any
) -> None:
    for b in range(len(values)):
        for p in range(len(starts) - 1):
            best, at = np.float32(-1), starts[p]
            for s in range(starts[p], starts[p + 1]):
                total = np.float32(0)
                for k in range(indptr[s], indptr[s + 1]):
                    total += weight[k] * values[b, electrode[k]]
                if total > best:
                    best, at = total, s
            found[b, p], where[b, p] = best, at


@njit(**COMPILED)
def _back(indptr: Any, electrode: Any, weight: Any, where: Any, slopes: Any, found: Any) -> None:
    for b in range(len(slopes)):
        for p in range(slopes.shape[1]):
            for k in range(indptr[where[b, p]], indptr[where[b, p] + 1]):
                found[b, electrode[k]] += slopes[b, p] * weight[k]
