"""What an agent hears of its last step, beside what it observes: the inputs of RL² (Duan et al., arXiv 1611.02779).

Told is separate from counted: `Feedback.reward` is what the rollout *tells* (`ontogym.baselines.lives.LifeSpec.told`),
which a control may clamp; returns count the real reward. ``P`` lanes, ``A`` motor channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, UnknownNameError

__all__ = ["SIGNALS", "Feedback", "check_hears", "feedback_channels", "heard"]

SIGNALS = ("action", "reward", "start", "terminated")
"""What can be heard, in the order in which it stands in an agent's input."""


class Feedback(NamedTuple):
    """What came of the step before, one row a lane.

    Attributes:
        reward: ``(P,)`` float32, as told; 0 at the first step of a life. At the first step of a later episode it is
            that of the last step of the episode before, so that a terminal reward is felt.
        action: ``(P, A)`` float32, the agent's own action as motor channels (`spaces.encode`); zeros at the first
            step of a life.
        start: ``(P,)`` bool, true at the first step of an episode.
        terminated, truncated: ``(P,)`` bool, how the step before ended its episode, if it did.
    """

    reward: NDArray[np.float32]
    action: NDArray[np.float32]
    start: NDArray[np.bool_]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]

    @classmethod
    def of(
        cls, reward: NDArray[np.floating] | Sequence[float] | float, n_actions: int = 0, start: bool = False
    ) -> Feedback:
        """Feedback of a step in the middle of an episode of which nothing but the reward is known.

        Args:
            reward: ``(P,)``, or a number for the population of one. n_actions: A. start: whether it is an
                episode's first step.
        """
        told = np.atleast_1d(np.asarray(reward, dtype=np.float32))
        no = np.zeros(told.shape, dtype=np.bool_)
        return cls(told, np.zeros((*told.shape, n_actions), np.float32), no | start, no, no.copy())

    @classmethod
    def newborn(cls, count: int, n_actions: int) -> Feedback:
        """Feedback at the first step of `count` lives, as arrays of its own that may be written into."""
        return cls.of(np.zeros(count), n_actions, start=True)

    def rows(self, index: slice | NDArray[np.integer]) -> Feedback:
        """The feedback of some lanes."""
        return Feedback._make(part[index] for part in self)

    @property
    def later_episode(self) -> NDArray[np.bool_]:
        """``(P,)``: lanes at the first step of an episode that is not the life's first."""
        return self.start & (self.terminated | self.truncated)


def check_hears(hears: Sequence[str]) -> tuple[str, ...]:
    """`hears` in the order of `SIGNALS`.

    Raises:
        OntogymError: a name that is no signal, or text where a list of names is meant.
    """
    if isinstance(hears, str):
        raise OntogymError(
            f'hears is {hears!r}; give a list of {", ".join(SIGNALS)}, such as hears=["action"].'
        )
    for name in hears:
        if name not in SIGNALS:
            raise UnknownNameError("signal to hear", str(name), SIGNALS)
    return tuple(name for name in SIGNALS if name in hears)


def feedback_channels(hears: Sequence[str], n_actions: int) -> int:
    """Number of input channels that these signals take."""
    return sum(n_actions if name == "action" else 1 for name in check_hears(hears))


def heard(feedback: Feedback, hears: Sequence[str]) -> NDArray[np.float32]:
    """The signals that an agent hears as input channels ``(P, K)`` float32, in the order of `SIGNALS`."""
    columns = [
        part if part.ndim == 2 else part[:, None] for part in (getattr(feedback, name) for name in hears)
    ]
    if not columns:
        return np.zeros((len(feedback.reward), 0), np.float32)
    return np.concatenate(columns, 1, dtype=np.float32, casting="unsafe")
