"""The best actions that are known: gradient ascent through the model that judges. A ceiling, not an agent."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.retina_env.encoding.dynamics import EncodingDynamics, EncodingState

__all__ = ["best_actions"]


def best_actions(
    dynamics: EncodingDynamics,
    state: EncodingState,
    iterations: int = 60,
    rate: float = 0.1,
    told: bool = False,
) -> NDArray[np.float32]:
    """Actions ``(P, *action shape)`` for which the judging model answers as it does to the full images.

    Adam on the distance between its answer to what is shown and its own answer to the full image, projected
    onto the action space; the drive penalty counts.

    Args:
        dynamics: of any of the encoding environments.
        state: P lanes.
        iterations: steps of Adam.
        rate: its learning rate.
        told: aim at the ground truth instead, which only `RetinaRefinement` shows.

    Raises:
        OntogymError: a model that cannot be differentiated.
    """
    judge = dynamics.task.judge
    if not judge.differentiable:
        raise OntogymError(
            "This twin is a function of NumPy arrays, which has no gradient; pass a torch module."
        )
    who, image = torch.from_numpy(state.patient), torch.from_numpy(dynamics.current_image(state))
    target = judge.reference(image, who) if told else judge.goal(image, who)
    shape = (len(image), *(dynamics.action_space.shape or ()))
    actions = torch.zeros(shape, requires_grad=True)
    optimiser = torch.optim.Adam([actions], lr=rate)
    for _ in range(iterations):
        done = dynamics.forward(state, actions)
        loss = judge.distance(target, done.answer) / judge.gaps(who) + dynamics.display.price(done.shown)
        optimiser.zero_grad()
        loss.sum().backward()
        optimiser.step()
        with torch.no_grad():
            actions.clamp_(-1, 1)
    return np.asarray(actions.detach().numpy())
