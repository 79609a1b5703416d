"""Pictures by which what networks see is brought to one scale: the stimuli with which the first visual neurons are measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ontogym.seeding import generator

__all__ = ["calibration_pictures"]

_EACH = 64


def calibration_pictures(side: int) -> NDArray[np.float32]:
    """Gratings of random direction, wavelength, phase and contrast, then noise with the spectrum of natural pictures.

    Args:
        side: S, in pixels.

    Returns:
        ``(2 * 64, S, S)`` float32 from 0 to 1, the same for every network.
    """
    rng = generator(0, "calibration-pictures")
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    angle, phase = rng.uniform(0, np.pi, (_EACH, 1, 1)), rng.uniform(0, 2 * np.pi, (_EACH, 1, 1))
    wavelength = np.exp(rng.uniform(np.log(4), np.log(side), (_EACH, 1, 1)))
    bars = np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / wavelength + phase)
    contrast = rng.uniform(0.1, 1.0, (_EACH, 1, 1))
    gratings = 0.5 + 0.5 * contrast * bars
    # Amplitude falls as 1 / frequency, as in natural pictures; a fifth of the range is one standard deviation.
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = np.inf
    size = (_EACH, *frequency.shape)
    noise = np.fft.irfft2((rng.normal(size=size) + 1j * rng.normal(size=size)) / frequency, s=(side, side))
    noise = 0.5 + 0.2 * noise / noise.std((1, 2), keepdims=True)
    return np.concatenate([gratings, noise.clip(0, 1)]).astype(np.float32)
