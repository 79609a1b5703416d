"""ontogym: agents that develop before they experience, and keep rewiring while they live."""

__version__ = "0.1.0"
