"""The names of `ontogym.batched.inputs`, where they have always been imported from."""

from __future__ import annotations

from ontogym.batched.inputs import (
    action_checker,
    as_autoreset_mode,
    lane_options,
    lane_seeds_given,
    reset_rows,
    uniform_bounds,
)

__all__ = [
    "action_checker",
    "as_autoreset_mode",
    "lane_options",
    "lane_seeds_given",
    "reset_rows",
    "uniform_bounds",
]
