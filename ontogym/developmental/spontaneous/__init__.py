"""Sources of spontaneous activity: what drives the sensory nodes before any experience."""

from ontogym.developmental.spontaneous.base import (
    OrnsteinUhlenbeck,
    Silence,
    SpontaneousActivity,
    WhiteNoise,
    make_source,
    option_words,
)

__all__ = ["OrnsteinUhlenbeck", "Silence", "SpontaneousActivity", "WhiteNoise", "make_source", "option_words"]
