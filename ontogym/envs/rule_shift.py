"""Worlds drawn at birth: a body whose sensors and actions are wired in a way that each life must find out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedEnv, BatchedVectorEnv
from ontogym.batched.inputs import whole_option
from ontogym.envs.changes import PLACE, make_task, next_place
from ontogym.envs.worlds import Worlds, all_worlds
from ontogym.errors import UnknownNameError, whole_number
from ontogym.seeding import LaneStreams

__all__ = ["TASKS", "RuleShiftDynamics", "RuleShiftEnv", "RuleShiftState", "RuleShiftVectorEnv"]

TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "CartPole": ("ontogym.envs.classic_control.cartpole:CartPoleDynamics", {}),
    "Acrobot": ("ontogym.envs.classic_control.acrobot:AcrobotDynamics", {}),
    "Foraging": ("ontogym.envs.foraging:ForagingDynamics", {"observation": "one-hot"}),
}


class RuleShiftState(NamedTuple):
    """The body's own state; ``rule``, ``life``, ``episode`` and ``age`` (steps lived), each ``(P,)``."""

    task: Any
    rule: NDArray[np.int64]
    life: NDArray[np.int64]
    episode: NDArray[np.int64]
    age: NDArray[np.int64]


class RuleShiftDynamics(Dynamics[RuleShiftState]):
    """A body under a rule, batch axis first; arguments as in `RuleShiftEnv`."""

    def __init__(
        self,
        body: str = "CartPole",
        families: Sequence[str] | None = None,
        split: str = "train",
        fold: int = 0,
        episodes: int = 6,
        task_options: Mapping[str, Any] | None = None,
    ) -> None:
        if body not in TASKS:
            raise UnknownNameError("batched body", str(body), TASKS)
        self.worlds: Worlds = all_worlds(body, families)
        self.among = self.worlds.split(split, fold)
        self.fold, self.episodes = int(fold), whole_number("episodes", episodes, 1)
        point, options = TASKS[body]
        self.task: Dynamics[Any] = make_task(body, point, {**options, **(task_options or {})})
        self.observation_space = seen_space(self.task.observation_space, self.worlds)
        self.action_space = self.task.action_space
        self.max_steps, self.stochastic = self.task.max_steps, self.task.stochastic
        self.parameters = self.task.parameters
        # Per object, since they are those of the body.
        self.reset_options = (*self.task.reset_options, *PLACE, "world")  # type: ignore[misc]
        self.render_fps = self.task.render_fps  # type: ignore[misc]
        self._signs = self.worlds.signs.astype(np.float32)
        self._factors = _factors(self.parameters, self.worlds)

    def reset(
        self, streams: LaneStreams, rows: NDArray[np.intp], options: Mapping[str, NDArray[Any]]
    ) -> RuleShiftState:
        own = {name: options[name] for name in self.task.reset_options if name in options}
        inner = self.task.reset(streams, rows, own)
        episode, age = (whole_option(options, name, len(rows)) for name in ("episode", "age"))
        life, world = (whole_option(options, name, len(rows), missing=-1) for name in ("life", "world"))
        # Drawn even where it is given, so that later chance does not depend on the options.
        drawn = (streams.uniform((), rows) * 2.0**53).astype(np.int64)
        life = np.where(life < 0, drawn, life)
        return RuleShiftState(inner, self.worlds.draw(life, self.among, world), life, episode, age)

    def carry_over(
        self, state: RuleShiftState, rows: NDArray[np.intp], anew: NDArray[np.bool_]
    ) -> dict[str, NDArray[Any]]:
        place = next_place(state, rows, anew, self.episodes)
        world = np.where(place["episode"] == 0, -1, self.worlds.world_of[state.rule[rows]])
        return place | {"world": world}

    def step(
        self, state: RuleShiftState, actions: NDArray[Any], streams: LaneStreams, parameters: Any = None
    ) -> tuple[RuleShiftState, NDArray[np.float64], NDArray[np.bool_]]:
        if self._factors is not None:
            parameters = self.parameters_of(state, parameters)
        does = self.worlds.actions[state.rule, actions]
        inner, reward, over = self.task.step(state.task, does, streams, parameters)
        return state._replace(task=inner, age=state.age + 1), reward, over

    def observe(self, state: RuleShiftState) -> NDArray[Any]:
        view = np.take_along_axis(self.task.observe(state.task), self.worlds.orders[state.rule], axis=1)
        return np.asarray(view * self._signs[state.rule])

    def parameters_of(self, state: RuleShiftState, usual: Any = None) -> Any:
        """The body's parameters in each lane's world, a record of ``(P,)``; `usual` are its own or others."""
        now = usual or self.parameters
        if self._factors is None:
            return now
        return type(now)(*(value * self._factors[state.rule, k] for k, value in enumerate(now)))

    def info(self, state: RuleShiftState) -> dict[str, NDArray[Any]]:
        return self.task.info(state.task) | {
            "world": self.worlds.world_of[state.rule],
            "rule": state.rule,
            "episode_index": state.episode,
            "age": state.age,
        }

    def render_frame(self, state: RuleShiftState, row: int) -> NDArray[np.uint8]:
        return self.task.render_frame(state.task, row)


def seen_space(space: spaces.Space[Any], worlds: Worlds) -> spaces.Space[Any]:
    """What each place can show: the widest range among the sensors that some rule puts there, of either sign."""
    assert isinstance(space, spaces.Box)
    reach = np.zeros((worlds.body.sensors,) * 2, dtype=bool)
    negative = np.zeros_like(reach)
    for place in range(worlds.body.sensors):
        reach[place, worlds.orders[:, place]] = True
        negative[place, worlds.orders[worlds.signs[:, place] < 0, place]] = True
    low = np.where(reach, np.where(negative, np.minimum(space.low, -space.high), space.low), np.inf).min(1)
    high = np.where(reach, np.where(negative, np.maximum(space.high, -space.low), space.high), -np.inf).max(1)
    return spaces.Box(low.astype(space.dtype), high.astype(space.dtype), dtype=space.low.dtype.type)


def _factors(parameters: Any, worlds: Worlds) -> NDArray[np.float64] | None:
    """What every rule multiplies each parameter by, ``(R, parameters)``; None where physics are not varied."""
    if "physics" not in worlds.families:
        return None
    settings = np.array(
        [[setting.get(name, 1.0) for name in parameters._fields] for setting in worlds.body.physics]
    )
    return np.asarray(settings[worlds.physics])


class RuleShiftEnv(BatchedEnv[RuleShiftState]):
    """
    ## Description

    A body in a world that is drawn at birth and stays for a life of several episodes: its sensors have other signs or
    stand in another order, its actions trade places, its physics differ. No policy without memory suits them all, and
    no world is told: a life must find out which it is in and act accordingly. After the procedurally drawn tasks of
    meta-reinforcement learning (Duan et al. 2016, arXiv 1611.02779), with one more condition: a world that is held out is
    no mirror image of one trained in.

    A body that looks the same in a mirror makes two rules one world. CartPole with all signs turned and both actions
    swapped *is* CartPole. So the worlds are the classes of rules under the body's mirror, a hash of a class gives its
    number k by rank, and world k is held out in fold `k % 4`: every fold holds out equally many (give or take one).

    | `body`       | Families by default  | Rules | Worlds | The mirror turns                                     |
    |--------------|----------------------|-------|--------|------------------------------------------------------|
    | `'CartPole'` | `signs`, `actions`   | 32    | 16     | all four sensors; swaps both actions                 |
    | `'Acrobot'`  | `signs`, `actions`   | 384   | 192    | sines and speeds; swaps the torques                  |
    | `'Foraging'` | `order`, `actions`   | 720   | 360    | the order of the cells; swaps right and left         |

    `families` chooses others: `'signs'`, `'order'` (of sensors), `'actions'` (their order), `'physics'` (four settings of
    CartPole's pole and force, or of Acrobot's gravity and lower link). With `('signs', 'order', 'actions')` CartPole has
    768 rules, 384 worlds. LunarLander: `ontogym.envs.rule_shift_lander.RuleShiftLunarLanderEnv`.

    ## Action Space

    That of the body; under a rule action k does what the body's action `actions[k]` does.

    ## Observation Space

    That of the body (Foraging: one-hot), each place as wide as what any rule can put there. A place i shows `signs[i]`
    times the body's sensor `order[i]`.

    ## Hidden State

    The world. The info holds `world` (its number), `rule` (which of its two mirrored rules, as a number into
    `ontogym.envs.worlds.Worlds.rules`), `episode_index`, `age` (steps lived, earlier episodes included), and what the
    body's own info holds.

    ## Rewards

    Those of the body. Both anchors are means over one episode. Random actions are random under any rule. The optimal
    return is that of the body's best policy told the world (Foraging: not told where the food is). What one fixed policy
    earns in each world, which is not nothing, and what a policy told the world does:
    `ontogym.envs.world_anchors.world_anchors`.

    ## Starting State

    That of the body, with its reset options. The world is drawn from the chosen split by the seed of the life,
    all worlds equally likely, then one of its rules. `options={"world": 3}` names the world, whatever the split;
    `"life"` (a seed of world and rule), `"episode"` (its number in the life), `"age"` as in
    `ontogym.envs.nonstationary.NonstationaryEnv`. A reset with a seed begins a new life; one without goes on to the next
    episode of the same life in the same world, and to a new life after `episodes`.

    ## Episode End

    That of the body.

    ## Arguments

    | Parameter     | Type         | Default      | Description                                                    |
    |---------------|--------------|--------------|----------------------------------------------------------------|
    | `body`        | str          | `'CartPole'` | or `'Acrobot'`, `'Foraging'`                                   |
    | `families`    | tuple / None | `None`       | what rules differ in; None: see the table                      |
    | `split`       | str          | `'train'`    | worlds of lives: `'train'`, `'test'` (held out) or `'all'`     |
    | `fold`        | int          | `0`          | which fourth is held out, 0 to 3                               |
    | `episodes`    | int          | `6`          | episodes in a life that is not told its end                    |
    | `task_options` | dict / None | `None`       | arguments of the body's own environment                        |
    | `render_mode` | str / None   | `None`       | `'rgb_array'` for pictures (of the body, not of what is seen)  |

    ## Registered Configurations

    | Id | Arguments | Steps | Random return | Optimal return |
    |----|-----------|-------|---------------|----------------|
    | `ontogym/RuleShiftCartPole-v0` | `body='CartPole'` | 500 | 22.3 | 500.0 |
    | `ontogym/RuleShiftAcrobot-v0` | `body='Acrobot'` | 500 | -498.9 | -59.2 |
    | `ontogym/RuleShiftForaging-v0` | `body='Foraging'` | 100 | 60.0 | 490.0 |

    ## Version History

    - v0: initial version
    """

    dynamics_type = RuleShiftDynamics


class RuleShiftVectorEnv(BatchedVectorEnv[RuleShiftState]):
    """Many `RuleShiftEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = RuleShiftDynamics
