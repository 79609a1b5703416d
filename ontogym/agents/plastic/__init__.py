"""Networks of a given shape whose weights and wiring follow any plasticity rules while they live."""

from ontogym.agents.plastic.agent import Plastic
from ontogym.agents.plastic.config import PlasticConfig, PlasticLayout

__all__ = ["Plastic", "PlasticConfig", "PlasticLayout"]
