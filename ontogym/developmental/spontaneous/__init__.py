"""Sources of spontaneous activity: what drives the sensory nodes before any experience.

`base` has the contract and the sources without physiology, `retinal_waves` the one that projects waves onto channels.

May change: a new source is a class with a `name` and a `_sample`, and a line in the registry (or an entry point of
another package). Must stay: a row depends on its own seed and parameters alone, and a longer stretch begins with the
shorter one.
"""

from ontogym.developmental.spontaneous.base import (
    OrnsteinUhlenbeck,
    Silence,
    SpontaneousActivity,
    WhiteNoise,
    make_source,
)

__all__ = [
    "OrnsteinUhlenbeck",
    "Silence",
    "SpontaneousActivity",
    "WhiteNoise",
    "make_source",
]
