"""The names of `ontogym.batched.dynamics`, where they have always been imported from."""

from __future__ import annotations

from ontogym.batched.dynamics import Dynamics, State, copy_state, hold_rows, put_rows, row_mask

__all__ = ["Dynamics", "State", "copy_state", "hold_rows", "put_rows", "row_mask"]
