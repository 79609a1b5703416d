"""Shared foraging: one learner among rivals on a grid whose food runs out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedEnv, BatchedVectorEnv
from ontogym.envs.grid import MOVES, PatchWorld, PatchWorldState, nearest_food
from ontogym.errors import UnknownNameError, whole_number
from ontogym.seeding import LaneStreams

__all__ = ["SharedForagingDynamics", "SharedForagingEnv", "SharedForagingState", "SharedForagingVectorEnv"]

RIVAL_POLICIES = ("greedy", "random")


class SharedForagingState(NamedTuple):
    """The worlds of all lanes; agent 0 is the learner."""

    world: PatchWorldState


class SharedForagingDynamics(Dynamics[SharedForagingState]):
    """One learner and its rivals, batch axis first; arguments as in `SharedForagingEnv`."""

    max_steps: int | None = 100
    render_fps: ClassVar[int] = 5
    stochastic = True

    def __init__(
        self,
        size: int = 7,
        rivals: int = 3,
        patches: int = 2,
        stock: int = 10,
        rival_policy: str = "greedy",
    ) -> None:
        if rival_policy not in RIVAL_POLICIES:
            raise UnknownNameError("rival policy", str(rival_policy), RIVAL_POLICIES)
        self.rivals, self.rival_policy = whole_number("rivals", rivals, 0), rival_policy
        self.world = PatchWorld(size, self.rivals + 1, patches, stock)
        self.observation_space = spaces.Box(0.0, 1.0, (10,), dtype=np.float32)
        self.action_space = spaces.Discrete(len(MOVES))

    def reset(
        self, streams: LaneStreams, rows: NDArray[np.intp], options: Mapping[str, NDArray[Any]]
    ) -> SharedForagingState:
        return SharedForagingState(self.world.reset(streams, rows))

    def step(
        self, state: SharedForagingState, actions: NDArray[Any], streams: LaneStreams, parameters: Any = None
    ) -> tuple[SharedForagingState, NDArray[np.float64], NDArray[np.bool_]]:
        if self.rival_policy == "greedy":
            everyone = nearest_food(state.world)
        else:
            everyone = (streams.uniform((self.rivals + 1,)) * len(MOVES)).astype(np.int64)
        everyone[:, 0] = actions
        world, eaten = self.world.step(state.world, everyone, streams)
        return SharedForagingState(world), eaten[:, 0].copy(), np.zeros(len(actions), dtype=np.bool_)

    def observe(self, state: SharedForagingState) -> NDArray[np.float32]:
        return self.world.observe(state.world, slice(0, 1))[:, 0]

    def info(self, state: SharedForagingState) -> dict[str, NDArray[Any]]:
        return {
            "position": state.world.place[:, 0].copy(),
            "stock": state.world.stock,
            "rivals_ate": state.world.eaten[:, 1:].sum(1),
        }

    def render_frame(self, state: SharedForagingState, row: int) -> NDArray[np.uint8]:
        from ontogym.envs.drawing import draw_patch_world

        world = state.world
        return draw_patch_world(
            self.world.size, world.place[row], world.food[row], world.stock[row] / self.world.stock
        )


class SharedForagingEnv(BatchedEnv[SharedForagingState]):
    """
    ## Description

    Several foragers on a square grid eat from the same patches of food, which run out and grow again elsewhere. The agent
    is one of them; its rivals walk straight to the nearest patch. The same world with an agent of one's own in every
    place is the PettingZoo environment `ontogym.envs.foraging_v0`.

    ## Action Space

    `Discrete(5)`; the first three are those of Foraging:

    | Num | Action         |
    |-----|----------------|
    | 0   | one cell right |
    | 1   | one cell left  |
    | 2   | stay           |
    | 3   | one cell up    |
    | 4   | one cell down  |

    ## Observation Space

    A `Box` of shape `(10,)`, float32. Nearness is 1 / distance (in cells walked) of the nearest on that side, 0 if there
    is none:

    | Num   | Observation                                     | Unit | Min | Max |
    |-------|-------------------------------------------------|------|-----|-----|
    | 0     | food in the agent's cell                        |      | 0   | 1   |
    | 1 - 4 | nearness of food right, left, up, down          |      | 0   | 1   |
    | 5     | share of the others that are in the same cell   |      | 0   | 1   |
    | 6 - 9 | nearness of others right, left, up, down        |      | 0   | 1   |

    ## Hidden State

    How much is left in each patch. The info holds it as `stock`, `position` and what the rivals ate in the last step
    (`rivals_ate`).

    ## Rewards

    The units of food eaten: one a step on a patch, or an equal share of what is left where that is less. The random
    return is that of uniform actions. The optimal return is that of `ontogym.envs.reference.NearestFood`, which follows
    the strongest sense of food as the rivals do: a good policy and not a bound, since a forager may do better where it
    is alone: policies that were trained earn 57, and a planner that is told where food will grow 68, which is 1 on the scale
    of the leaderboard's suite from version 2 on. All are measured by `benchmarks/env_anchors.py`, random and nearest food on
    20 000 lives.

    ## Starting State

    Agents and patches in random cells; patches are full.

    ## Episode End

    Never terminates; truncated after 100 steps.

    ## Arguments

    | Parameter      | Type       | Default    | Description                                     |
    |----------------|------------|------------|-------------------------------------------------|
    | `size`         | int        | `7`        | cells along a side                              |
    | `rivals`       | int        | `3`        | number of other foragers                        |
    | `patches`      | int        | `2`        | number of patches                               |
    | `stock`        | int        | `10`       | units in a fresh patch                          |
    | `rival_policy` | str        | `'greedy'` | `'greedy'` (to the nearest patch) or `'random'` |
    | `render_mode`  | str / None | `None`     | `'rgb_array'` for pictures                      |

    ## Registered Configurations

    | Id                          | Arguments | Steps | Random return | Optimal return |
    |-----------------------------|-----------|-------|---------------|----------------|
    | `ontogym/SharedForaging-v0` | none      | 100   | 3.7           | 50.8           |

    ## Version History

    - v0: initial version
    """

    dynamics_type = SharedForagingDynamics


class SharedForagingVectorEnv(BatchedVectorEnv[SharedForagingState]):
    """Many `SharedForagingEnv` lanes, each a world of its own; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = SharedForagingDynamics
