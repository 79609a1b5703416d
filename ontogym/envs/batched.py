"""The names of `ontogym.batched.environments`, where they have always been imported from."""

from __future__ import annotations

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedEnv, BatchedVectorEnv

__all__ = ["BatchedEnv", "BatchedVectorEnv", "Dynamics"]
