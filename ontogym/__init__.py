"""ontogym: agents that develop before they experience, and keep rewiring while they live."""

from ontogym.envs.registration import register_all

__version__ = "0.1.0"

register_all()
