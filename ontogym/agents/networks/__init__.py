"""Small networks whose weights are evolved: what an agent that grows and rewires has to be compared with."""

from ontogym.agents.networks.agent import GRU, MLP, RNN, Hyper, LocalTrace, NetworkAgent, NetworkState, Trace

__all__ = ["GRU", "MLP", "RNN", "Hyper", "LocalTrace", "NetworkAgent", "NetworkState", "Trace"]
