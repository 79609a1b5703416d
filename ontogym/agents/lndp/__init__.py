"""Lifelong Neural Developmental Programs: self-assembling plastic networks (arXiv 2406.09787)."""

from ontogym.agents.lndp.agent import LNDP, LNDPState
from ontogym.agents.lndp.organism import Body, GenomeLayout, LNDPConfig

__all__ = ["LNDP", "Body", "GenomeLayout", "LNDPConfig", "LNDPState"]
