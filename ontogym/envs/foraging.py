"""Foraging on a line: find out, within a life, at which end the food is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedEnv, BatchedVectorEnv
from ontogym.envs.grid import LINE_MOVES, walk
from ontogym.errors import OntogymError, UnknownNameError, is_whole, whole_number
from ontogym.seeding import LaneStreams

__all__ = ["ForagingDynamics", "ForagingEnv", "ForagingState", "ForagingVectorEnv"]

FOOD_REWARD = 10.0
OBSERVATIONS = ("raw", "one-hot")
_MAX_DELAY = 1000


class ForagingState(NamedTuple):
    """All lanes' grids; every array is ``(P,)`` but ``late`` ``(P, reward_delay)``: earned and not yet paid."""

    position: NDArray[np.int64]
    goal: NDArray[np.int64]
    trial: NDArray[np.int64]
    trial_step: NDArray[np.int64]
    reward: NDArray[np.float64]
    late: NDArray[np.float64]


class ForagingDynamics(Dynamics[ForagingState]):
    """The grid's rules, batch axis first; arguments as in `ForagingEnv`."""

    max_steps: int | None = 100
    reset_options: ClassVar[tuple[str, ...]] = ("goal",)
    render_fps: ClassVar[int] = 5
    native_form: ClassVar[str | None] = "ontogym.envs.native:foraging_native"

    def __init__(
        self,
        size: int = 5,
        trial_steps: int = 10,
        p_switch: float = 0.0,
        dense_reward: bool = False,
        reward_only: bool = False,
        observation: str = "raw",
        reward_delay: int = 0,
    ) -> None:
        if not is_whole(size) or size < 3 or size % 2 == 0:
            raise OntogymError(
                f"The size {size} has no middle between two ends; pass an odd number from 3 on."
            )
        self.trial_steps = whole_number("trial_steps", trial_steps, 1)
        if not 0.0 <= p_switch <= 1.0:
            raise OntogymError(f"p_switch is {p_switch}; pass a probability between 0 and 1.")
        if observation not in OBSERVATIONS:
            raise UnknownNameError("observation", str(observation), OBSERVATIONS)
        self.reward_delay = whole_number("reward_delay", reward_delay, 0, _MAX_DELAY, of="steps")
        self.size, self.p_switch = int(size), float(p_switch)
        self.dense_reward, self.reward_only, self.observation = dense_reward, reward_only, observation
        self.middle, self.last = self.size // 2, self.size - 1
        self.stochastic = self.p_switch > 0.0
        one_hot = observation == "one-hot"
        high, shape = (1.0, (self.size,)) if one_hot else (float(self.last), (1,))
        self.observation_space = spaces.Box(0.0, high, shape, dtype=np.float32)
        self.action_space = spaces.Discrete(3)
        # What is seen at each position, (size, O): observing is one look-up.
        cells = np.eye(self.size) if one_hot else np.arange(self.size)[:, None]
        self._views = cells.astype(np.float32)

    def reset(
        self, streams: LaneStreams, rows: NDArray[np.intp], options: Mapping[str, NDArray[Any]]
    ) -> ForagingState:
        # Drawn even where the goal is given, so that later chance does not depend on the options.
        goal = (streams.uniform((), rows) < 0.5).astype(np.int64)
        if "goal" in options:
            goal = options["goal"].astype(np.int64)
            if not np.isin(options["goal"], (0, 1)).all():
                raise OntogymError(
                    "The reset option 'goal' must be 0 (food at the left end) or 1 (right end)."
                )
        zeros = np.zeros(len(rows), dtype=np.int64)
        return ForagingState(
            position=np.full(len(rows), self.middle, dtype=np.int64),
            goal=goal,
            trial=zeros,
            trial_step=zeros.copy(),
            reward=np.zeros(len(rows)),
            late=np.zeros((len(rows), self.reward_delay)),
        )

    def step(
        self, state: ForagingState, actions: NDArray[Any], streams: LaneStreams, parameters: Any = None
    ) -> tuple[ForagingState, NDArray[np.float64], NDArray[np.bool_]]:
        position = walk(state.position, LINE_MOVES.take(actions), self.last)
        goal = state.goal
        distance = np.abs(position - goal * self.last)
        found = distance == 0
        reward = -distance.astype(np.float64) if self.dense_reward else found * FOOD_REWARD
        arrived = (position == 0) | (position == self.last) if self.reward_only else found
        trial_step = state.trial_step + 1
        over = arrived | (trial_step >= self.trial_steps)
        going = ~over
        # Integer arithmetic instead of np.where: 0 or 1 times the value.
        trial_step *= going
        position = position * going + over * self.middle
        if self.p_switch:
            goal = goal ^ (over & (streams.uniform() < self.p_switch))
        late = state.late
        if self.reward_delay:
            reward, late = late[:, 0].copy(), np.concatenate([late[:, 1:], reward[:, None]], axis=1)
        new = ForagingState(position, goal, state.trial + over, trial_step, reward.copy(), late)
        return new, reward, np.zeros(len(over), dtype=np.bool_)

    def observe(self, state: ForagingState) -> NDArray[np.float32]:
        return self._views.take(state.position, axis=0)

    def info(self, state: ForagingState) -> dict[str, NDArray[Any]]:
        return {"goal": state.goal, "trial": state.trial, "position": state.position}

    def render_frame(self, state: ForagingState, row: int) -> NDArray[np.uint8]:
        from ontogym.envs.drawing import draw_line_world

        food = int(state.goal[row]) * self.last
        trial, reward = int(state.trial[row]), float(state.reward[row])
        caption = f"trial {trial + 1}    last reward {reward:g}"
        return draw_line_world(self.size, int(state.position[row]), food, caption, reward > 0)


class ForagingEnv(BatchedEnv[ForagingState]):
    """
    ## Description

    The foraging grid of Plantec et al., "Evolving Self-Assembling Neural Networks: From Spontaneous Activity
    to Experience-Dependent Learning" (arXiv 2406.09787). A line of cells has food at one of its two ends. The
    agent starts each trial in the middle and is never told where the food is: it must find out within its
    life and remember. A life of 100 steps is a series of short trials.

    ## Action Space

    `Discrete(3)`, with the numbers of the authors' code:

    | Num | Action          |
    |-----|-----------------|
    | 0   | one cell right  |
    | 1   | one cell left   |
    | 2   | stay            |

    ## Observation Space

    With `observation="raw"` a `Box` of shape `(1,)`, float32:

    | Num | Observation | Unit  | Min | Max      |
    |-----|-------------|-------|-----|----------|
    | 0   | position    | cells | 0   | size - 1 |

    With `observation="one-hot"` a `Box` of shape `(size,)`: 1 at the position, 0 elsewhere. After the step that
    ends a trial the agent already sees the middle, where the next trial starts.

    ## Hidden State

    `goal`: 0 (food at position 0) or 1 (food at position `size - 1`). The info holds `goal`, `trial` (how many
    trials are over) and `position`.

    ## Rewards

    10 for reaching the food, else 0. With `dense_reward=True` instead minus the distance to the food after the
    move (0 at the food).

    Food is two steps from the middle, so no life can earn more than 500 (the ceiling, which an agent that is
    told the goal reaches), and an agent whose behaviour does not depend on the goal averages at most 250. The
    optimal return below is that of the best agent that is *not* told: it goes where the food was last and, if
    it is not there, to the other end (win-stay, lose-shift). Plain: 500 or 480 as the first guess is right or
    wrong, so 490. `ForagingRewardOnly`: 500 or 490, so 495. `ForagingSwitch`: measured on 20 000 lives, as are the
    random returns (uniform actions), by `benchmarks/env_anchors.py`. With late rewards: dynamic programming over what an
    agent can know (`benchmarks/late_foraging.py`).

    **Reward or position?** In the plain task, standing at an end without being put back to the middle already
    tells where the food is not, so it can be solved without sensing reward. With `reward_only=True` arriving at
    either end ends the trial; then the reward is the only signal that depends on the goal. Even so an agent that
    hears the last reward and its last action needs no memory: it does again what was rewarded. With `reward_delay=3` the
    reward belongs to an arrival of three steps ago (in a trial before), and must be put down to what was done then. Where
    the food moves as well (the v1 of `ForagingSwitch` and of `ForagingGoalSwap`, see
    `ontogym.envs.nonstationary.NonstationaryEnv`), neither position nor one remembered reward will do. Rewards that
    would come after the last step are lost.

    ## Starting State

    The middle cell; the goal is drawn with equal chance at reset, or given by `options={"goal": 0}` or
    `{"goal": 1}`.

    ## Episode End

    Never terminates; truncated after 100 steps (one life). Within a life a trial ends on reaching the food (with
    `reward_only=True`: either end) or after `trial_steps` steps, and the agent is back in the middle within that
    step. At a trial's end the food moves to the other end with probability `p_switch`.

    ## Arguments

    | Parameter      | Type       | Default | Description                                                      |
    |----------------|------------|---------|------------------------------------------------------------------|
    | `size`         | int        | `5`     | number of cells, odd                                             |
    | `trial_steps`  | int        | `10`    | steps to a trial's time-out (the authors' code takes 11)         |
    | `p_switch`     | float      | `0.0`   | probability that the food moves at a trial's end                 |
    | `dense_reward` | bool       | `False` | reward is minus the distance to the food                         |
    | `reward_only`  | bool       | `False` | both ends put the agent back to the middle                       |
    | `observation`  | str        | `'raw'` | `'raw'` position or `'one-hot'`                                  |
    | `reward_delay` | int        | `0`     | steps by which every reward comes late                           |
    | `render_mode`  | str / None | `None`  | `'rgb_array'` for pictures                                       |

    ## Registered Configurations

    | Id                              | Arguments          | Steps | Random return | Optimal return |
    |---------------------------------|--------------------|-------|---------------|----------------|
    | `ontogym/Foraging-v0`           | none               | 100   | 60.0          | 490.0          |
    | `ontogym/ForagingSwitch-v0`     | `p_switch=0.1`     | 100   | 60.0          | 410.0          |
    | `ontogym/ForagingRewardOnly-v0` | `reward_only=True` | 100   | 81.3          | 495.0          |
    | `ontogym/ForagingRewardOnlyLate-v0` | `reward_only=True, reward_delay=3` | 100 | 78.5 | 470.0 |
    | `ontogym/ForagingSwitchLate-v0` | `p_switch=0.1, reward_only=True, reward_delay=3` | 100 | 78.4 | 359.0 |

    ## Version History

    - v0: initial version
    - v1: reward is the only signal that depends on the goal, and comes three steps late
    """

    dynamics_type = ForagingDynamics


class ForagingVectorEnv(BatchedVectorEnv[ForagingState]):
    """Many `ForagingEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = ForagingDynamics
