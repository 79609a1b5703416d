"""Grid search over the actor's hyper-parameters (Leong et al. 2024, Methods, Training)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ontogym.errors import OntogymError
from ontogym.retina_env.actor import Actor
from ontogym.retina_env.actor_training import train_actor

__all__ = ["GRID", "GridTrial", "grid_search"]

GRID: dict[str, tuple[float, ...]] = {"kernels": (3, 6), "kernel_size": (15, 31), "l2": (0.01, 0.1, 1.0)}
"""Values by hyper-parameter. The paper publishes what was best (6 kernels, 31 pixels, .1), not its grid."""


class GridTrial(NamedTuple):
    """Hyper-parameters, the best validation loss (without penalties; by it trials are ranked), and the actor."""

    values: dict[str, float]
    loss: float
    actor: Actor


def grid_search(
    twin: Any,
    images: Any,
    responses: Any = None,
    fold: int = 4,
    seed: int = 0,
    grid: Mapping[str, Sequence[float]] | None = None,
    on_trial: Callable[[int, GridTrial], None] | None = None,
    **settings: Any,
) -> list[GridTrial]:
    """Train an actor for every combination of a grid, best first.

    Args:
        twin, images, responses, fold, seed: as for `train_actor`.
        grid: values by name of what `train_actor` takes; `GRID` if not given.
        on_trial: called after each with its number and outcome.
        settings: further ones of `train_actor`, the same for all.

    Raises:
        OntogymError: a hyper-parameter without a value.
    """
    grid = grid or GRID
    if not all(grid.values()):
        raise OntogymError("The grid has a hyper-parameter without a value; give each one or more.")
    done = []
    for k, values in enumerate(itertools.product(*grid.values())):
        chosen: dict[str, Any] = dict(zip(grid, values))
        actor = train_actor(twin, images, fold, seed, responses, **chosen, **settings)
        done.append(GridTrial(chosen, float(actor.facts["validation_loss"]), actor))
        if on_trial is not None:
            on_trial(k, done[-1])
    return sorted(done, key=lambda trial: trial.loss)
