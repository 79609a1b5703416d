"""Numbers in words, the same on every axis, table and page."""

from __future__ import annotations

import math

__all__ = ["NO_NUMBER", "budget", "duration", "number", "share"]

NO_NUMBER = "–"
"""Stands where there is no number."""


def number(value: float | None, digits: int = 3) -> str:
    """A number to `digits` significant digits with a true minus sign; `NO_NUMBER` for None and what is not finite.

    Whole parts are never cut: 1234.5 is 1234, not 1230. Beyond a million and below a ten-thousandth it is in powers of ten.
    """
    if value is None or not math.isfinite(value):
        return NO_NUMBER
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if not -digits - 1 <= exponent < 6:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    return f"{value:.{max(0, digits - 1 - exponent)}f}".replace("-", "−")


def share(value: float | None) -> str:
    """A normalised score, 0 to 1 and not far beyond, to three decimals: 0.885, −0.001; what is further is a `number`."""
    if value is None or not math.isfinite(value) or abs(value) >= 10:
        return number(value)
    return f"{value:.3f}".replace("-0.000", "0.000").replace("-", "−")


def budget(steps: float | None) -> str:
    """Environment steps: 950, 12.5 k, 3.2 M."""
    if steps is None or not math.isfinite(steps):
        return NO_NUMBER
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(steps) >= size:
            return f"{steps / size:.3g}{unit}"
    return f"{steps:.0f}"


def duration(seconds: float | None) -> str:
    """Time: 42 s, 3.5 min, 2.1 h."""
    if seconds is None or not math.isfinite(seconds):
        return NO_NUMBER
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 5400 else f"{seconds / 3600:.3g} h"
