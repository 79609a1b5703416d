"""Environments. Their ids are registered with Gymnasium when `ontogym` is imported."""

from __future__ import annotations

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedEnv, BatchedVectorEnv
from ontogym.envs.registration import EnvEntry, anchors, conditions, register_all, register_entry
from ontogym.envs.vector import make_vector

__all__ = [
    "BatchedEnv",
    "BatchedVectorEnv",
    "Dynamics",
    "EnvEntry",
    "anchors",
    "conditions",
    "make_vector",
    "register_all",
    "register_entry",
]
