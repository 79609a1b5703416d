"""Tasks whose rules change within a life: flipped or permuted sensors and actions, swapped goals, drifting physics.

`NonstationaryDynamics` wraps the `Dynamics` of a task and is one itself: single and native vector form follow from
it, without a loop over lanes. Until the first switch a life is that of the plain task with the same seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedEnv, BatchedVectorEnv
from ontogym.batched.inputs import whole_option
from ontogym.envs.changes import CHANGES, PLACE, Change, check_life, make_task, next_place
from ontogym.envs.schedule import CLOCKS, LIFE_CLOCK, RandomSchedule, Schedule
from ontogym.errors import OntogymError, UnknownNameError, whole_number
from ontogym.seeding import LaneStreams

__all__ = ["CHANGES", "TASKS", "NonstationaryDynamics", "NonstationaryEnv", "NonstationaryVectorEnv"]

TASKS = {
    "CartPole-v1": "ontogym.envs.classic_control.cartpole:CartPoleDynamics",
    "Acrobot-v1": "ontogym.envs.classic_control.acrobot:AcrobotDynamics",
    "Pendulum-v1": "ontogym.envs.classic_control.pendulum:PendulumDynamics",
    "Foraging-v0": "ontogym.envs.foraging:ForagingDynamics",
}
_BAR_HEIGHT, _BAR, _PAPER = 8, (230, 159, 0), (255, 255, 255)


_TWO_WORLDS = ("sensor-flip", "action-flip", "goal-swap")
"""Changes that a second switch undoes, so that a life may be born on either side."""


class NonstationaryState(NamedTuple):
    """The task's own state and where in its life each lane is; arrays ``(P,)`` but for two.

    ``begun``: `age` at the beginning of the episode. ``times`` ``(P, K)``: this life's switch times. ``orders`` ``(P, K + 1, n)``: what stands at each place in each
    phase; n is 0 unless something is permuted. ``age``: steps lived, earlier episodes included.
    """

    task: Any
    age: NDArray[np.int64]
    episode: NDArray[np.int64]
    life: NDArray[np.int64]
    times: NDArray[np.int64]
    orders: NDArray[np.int64]
    begun: NDArray[np.int64]


class NonstationaryDynamics(Dynamics[NonstationaryState]):
    """A task and what becomes of it, batch axis first; arguments as in `NonstationaryEnv`."""

    def __init__(
        self,
        task: str = "CartPole-v1",
        change: str = "sensor-flip",
        clock: str = "episode",
        switches: Sequence[int] | None = None,
        episodes: int = 6,
        ramp: int = 0,
        jitter: int = 0,
        drift: Mapping[str, float] | None = None,
        task_options: Mapping[str, Any] | None = None,
        changes: int = 0,
        earliest: Sequence[int] = (500, 2499),
        gap: Sequence[int] = (500, 1250),
        episode_ticks: int | None = None,
        back: bool = False,
    ) -> None:
        if task not in TASKS:
            raise UnknownNameError("task to change", str(task), TASKS)
        self.task = make_task(task, TASKS[task], task_options or {})
        self.changed = Change(change, self.task.observation_space, self.task.action_space, back)
        self.change = change
        if changes and switches is not None:
            raise OntogymError(
                f"switches={switches!r} names times, changes={changes} draws them; give one of both (changes=0 for times)."
            )
        self.schedule = (
            RandomSchedule.of(clock, changes, earliest, gap, ramp)
            if changes
            else Schedule.of(
                clock, (3,) if switches is None else switches, ramp, jitter, (*CLOCKS, LIFE_CLOCK)
            )
        )
        self.episode_ticks = _checked_ticks(clock, episode_ticks, self.task.max_steps)
        self.episodes = check_life(change, episodes, self.schedule)
        self.drift = _checked_drift(self.task, change, drift)
        if change == "goal-swap" and "goal" not in self.task.reset_options:
            raise OntogymError(f"{type(self.task).__name__} has no goal to swap; choose Foraging-v0.")
        self.observation_space, self.action_space = self.changed.observation_space, self.task.action_space
        self.max_steps, self.stochastic = self.task.max_steps, self.task.stochastic
        self.parameters = self.task.parameters
        # Per object, since they are those of the task.
        self.reset_options = (*self.task.reset_options, *PLACE)  # type: ignore[misc]
        if change in _TWO_WORLDS:
            self.reset_options = (*self.reset_options, "born")  # type: ignore[misc]
        self.render_fps = self.task.render_fps  # type: ignore[misc]

    def reset(
        self, streams: LaneStreams, rows: NDArray[np.intp], options: Mapping[str, NDArray[Any]]
    ) -> NonstationaryState:
        own = {name: options[name] for name in self.task.reset_options if name in options}
        episode, age = (whole_option(options, name, len(rows)) for name in ("episode", "age"))
        inner = self.task.reset(streams, rows, own)
        life = whole_option(options, "life", len(rows), missing=-1)
        if self.schedule.drawn or self.changed.things:
            # Drawn even where it is given, so that later chance does not depend on the options.
            drawn = (streams.uniform((), rows) * 2.0**53).astype(np.int64)
            life = np.where(life < 0, drawn, life)
        times, orders = self.changed.draw(self.schedule, life)
        if "born" in options:
            times = np.concatenate([_switched_before(options["born"]), times], axis=1)
        state = NonstationaryState(inner, age, episode, life, times, orders, age.copy())
        if self.change == "goal-swap":
            inner = _swap_goal(inner, self.phase(state) % 2)
        return state._replace(task=inner)

    def carry_over(
        self, state: NonstationaryState, rows: NDArray[np.intp], anew: NDArray[np.bool_]
    ) -> dict[str, NDArray[Any]]:
        return next_place(state, rows, anew, self.episodes)

    def step(
        self, state: NonstationaryState, actions: NDArray[Any], streams: LaneStreams, parameters: Any = None
    ) -> tuple[NonstationaryState, NDArray[np.float64], NDArray[np.bool_]]:
        phase = self.phase(state)
        actions = self.changed.act(actions, phase, state.orders)
        if self.drift:
            parameters = self.parameters_of(state, parameters)
        inner, reward, over = self.task.step(state.task, actions, streams, parameters)
        new = state._replace(task=inner, age=state.age + 1)
        if self.change == "goal-swap":
            new = new._replace(task=_swap_goal(inner, (self.phase(new) - phase) % 2))
        return new, reward, over

    def observe(self, state: NonstationaryState) -> NDArray[Any]:
        view = self.task.observe(state.task)
        if not self.change.startswith("sensor"):
            return view
        return self.changed.see(view, self.phase(state), state.orders)

    def phase(self, state: NonstationaryState) -> NDArray[np.int64]:
        """How many switches have begun, ``(P,)``."""
        return self.schedule.phase(self._now(state), state.times)

    def parameters_of(self, state: NonstationaryState, usual: Any = None) -> Any:
        """The task's parameters as they are now, those that drift ``(P,)``; `usual` are the task's own or others."""
        now = usual or self.parameters
        level = self.schedule.level(self._now(state), state.times)
        return now._replace(
            **{
                name: getattr(now, name) * (1.0 + (factor - 1.0) * level)
                for name, factor in self.drift.items()
            }
        )

    def info(self, state: NonstationaryState) -> dict[str, NDArray[Any]]:
        life = {
            "phase": self.phase(state),
            # Not "episode": that is where Gymnasium and SB3 put the statistics of one that is over.
            "episode_index": state.episode,
            "age": state.age,
            "switch_times": state.times,
        }
        if self.drift:
            now = self.parameters_of(state)
            life |= {name: getattr(now, name) for name in self.drift}
        return self.task.info(state.task) | life

    def render_frame(self, state: NonstationaryState, row: int) -> NDArray[np.uint8]:
        """The task's picture below a bar that is filled as far as the world has changed."""
        picture = self.task.render_frame(state.task, row)
        bar = np.full((_BAR_HEIGHT, picture.shape[1], 3), _PAPER, dtype=np.uint8)
        level = self.schedule.level(self._now(state), state.times)[row]
        bar[:, : round(level * picture.shape[1])] = _BAR
        return np.concatenate([bar, picture])

    def _now(self, state: NonstationaryState) -> NDArray[np.int64]:
        if self.schedule.clock == LIFE_CLOCK:
            step = np.minimum(state.age - state.begun, self.episode_ticks - 1)
            return np.asarray(state.episode * self.episode_ticks + step)
        return state.age if self.schedule.clock == "step" else state.episode


def _checked_ticks(clock: str, ticks: int | None, limit: int | None) -> int:
    """Ticks of an episode on the clock 'life', 0 where another clock counts."""
    if clock != LIFE_CLOCK:
        return 0
    return whole_number("episode_ticks", limit if ticks is None else ticks, 1)


def _checked_drift(task: Dynamics[Any], change: str, drift: Mapping[str, float] | None) -> dict[str, float]:
    if (change == "drift") != bool(drift):
        raise OntogymError(
            "The argument 'drift' names the parameters of change='drift', such as {'gravity': 1.5}; give both or "
            "neither."
        )
    factors, known = dict(drift or {}), task.parameters._fields
    if factors and not known:
        raise OntogymError(
            f"{type(task).__name__} has no physics to vary; choose CartPole-v1 or Pendulum-v1."
        )
    for name, factor in factors.items():
        if name not in known:
            raise UnknownNameError("physical parameter", name, known)
        if isinstance(factor, bool) or not np.isfinite(factor) or factor <= 0:
            raise OntogymError(f"The drift of {name!r} is {factor!r}; pass a positive factor.")
    return {name: float(factor) for name, factor in factors.items()}


def _switched_before(born: NDArray[Any]) -> NDArray[np.int64]:
    """Switch times ``(P, 1)`` before the life, or never in it, of lives that are born under the changed rule or the first."""
    if not np.isin(born, (0, 1)).all():
        raise OntogymError("The reset option 'born' must be 0 (the first rule) or 1 (the changed one).")
    return np.where(born == 1, -1, np.iinfo(np.int64).max)[:, None]


def _swap_goal(state: Any, swapped: NDArray[np.int64]) -> Any:
    return state._replace(goal=state.goal ^ swapped)


class NonstationaryEnv(BatchedEnv[NonstationaryState]):
    """
    ## Description

    A task of this suite whose rules change at known times of a life: what was learned must be unlearned. Until the
    first switch it is the plain task, step for step. A life is `episodes` episodes; a switch comes at the beginning of
    an episode (`clock="episode"`) or at any step (`clock="step"`, which counts steps over all episodes of the
    life). Nothing that the agent observes tells that a switch has come. For environments from elsewhere the same
    changes are wrappers: `ontogym.envs.wrappers.NonstationaryWrapper(gymnasium.make("MountainCar-v0"), "action-flip")`.

    | `change`           | After an odd number of switches (permutations: after each)                        |
    |--------------------|-----------------------------------------------------------------------------------|
    | `'sensor-flip'`    | every sensor is mirrored about the middle of its range (about 0 if that is open)  |
    | `'sensor-permute'` | the sensors have traded places, none is where it was before the switch            |
    | `'action-flip'`    | action k does what action n - 1 - k did; continuous ones are mirrored             |
    | `'action-permute'` | the actions have traded places, none does what it did before the switch           |
    | `'goal-swap'`      | the food is at the other end (at the step of the switch itself)                   |
    | `'drift'`          | physical parameters are `drift` times their values, reached over `ramp` ticks     |

    Permutations and, with `jitter` or `changes`, the times of the switches are drawn once a life, from its own stream.
    With `changes` they are random: no agent can meet them by a clock. Two flips are A-B-A: the first rule is back.
    The clock `'life'` counts steps as if every episode lasted `episode_ticks`: an episode that ends sooner makes it jump
    to the next one's first tick, one that lasts longer holds it at its last. So a life meets each of its switches,
    however soon its episodes end, and where they last, in their midst.

    ## Action Space

    That of the task; see its page (`ontogym envs ontogym/CartPole-v1`).

    ## Observation Space

    That of the task. Permuted sensors of different ranges all get the widest one.

    ## Hidden State

    `phase` (switches begun so far) and, in a drift, the parameters. The info holds them, `episode_index`, `age` (steps
    lived, earlier episodes included), `switch_times` (this life's, an array), and what the task's own info holds.
    `switch_times` and `phase` are also attributes.

    ## Rewards

    Those of the task. Both anchors are means over one episode. Flips and permutations do not change what can be earned
    by an agent that knows the phase, and for it the optimum is the task's own; one that must find out loses at every
    switch. CartPole's optimum is the time limit, and a fixed linear controller reaches it in every life through the whole
    drift (`benchmarks/env_anchors.py`). `PendulumDrift` and `PendulumActionFlip`: backward induction over the 200 steps by
    an agent that knows the schedule, a lower bound of what such an agent can earn. `ForagingGoalSwap`: measured with
    win-stay, lose-shift, which uses no clock; an agent that counted steps could gain at most 20. Its v1: dynamic
    programming over what an agent that counts steps can know.
    `ForagingGoalSwap` and the Pendulums switch within an episode, the others between episodes or (CartPoleDrift) later than
    random actions survive.

    ## Starting State

    That of the task, with its reset options. Where in its life the episode lies: `options={"episode": 3}` (its
    number), `"age"` (steps lived before it), `"life"` (a seed of what is drawn once a life). Flips and swaps know `"born"`, too: with 1 the life begins under the
    changed rule, as after one switch more. Without them a reset
    with a seed begins a new life, and one without goes on to the next episode of the same life, as autoreset does;
    after `episodes` episodes a new life begins.

    ## Episode End

    That of the task.

    ## Arguments

    | Parameter      | Type        | Default         | Description                                                   |
    |----------------|-------------|-----------------|---------------------------------------------------------------|
    | `task`         | str         | `'CartPole-v1'` | or `'Acrobot-v1'`, `'Pendulum-v1'`, `'Foraging-v0'`           |
    | `change`       | str         | `'sensor-flip'` | see above                                                     |
    | `clock`        | str         | `'episode'`     | what times are counted in: `'episode'`, `'step'` or `'life'`  |
    | `switches`     | tuple / None | `None`         | number of the first episode (step) under each new rule; None: (3,), or none with `changes` |
    | `episodes`     | int         | `6`             | episodes in a life that is not told its end                   |
    | `ramp`         | int         | `0`             | ticks that a switch takes (drift only)                        |
    | `jitter`       | int         | `0`             | switches are moved by up to so many ticks, once a life        |
    | `drift`        | dict / None | `None`          | factor of each parameter, such as `{'gravity': 1.5}`          |
    | `task_options` | dict / None | `None`          | arguments of the task                                         |
    | `changes`      | int         | `0`             | switches at random times; 0: at those named by `switches`     |
    | `earliest`     | tuple       | `(500, 2499)`   | first and last time of the first random switch                |
    | `gap`          | tuple       | `(500, 1250)`   | least and greatest time from one random switch to the next    |
    | `episode_ticks` | int / None | `None`          | ticks of an episode on the clock 'life'; None: the time limit |
    | `back`         | bool        | `False`         | permutations are undone by every second switch (A-B-A)        |
    | `render_mode`  | str / None  | `None`          | `'rgb_array'` for pictures, with a bar that fills at a switch |

    ## Registered Configurations

    | Id | Arguments | Steps | Random return | Optimal return |
    |----|-----------|-------|---------------|----------------|
    | `ontogym/CartPoleSensorFlip-v0` | `change='sensor-flip'` | 500 | 22.3 | 500.0 |
    | `ontogym/CartPoleSensorPermute-v0` | `change='sensor-permute'` | 500 | 22.1 | 500.0 |
    | `ontogym/CartPoleActionFlip-v0` | `change='action-flip'` | 500 | 22.3 | 500.0 |
    | `ontogym/CartPoleDrift-v0` | `change='drift', clock='step', switches=(100,), episodes=1, ramp=300, drift={'half_length': 3.0, 'force': 0.5}` | 500 | 22.2 | 500.0 |
    | `ontogym/AcrobotActionSwap-v0` | `task='Acrobot-v1', change='action-flip'` | 500 | -498.8 | -59.2 |
    | `ontogym/PendulumDrift-v0` | `task='Pendulum-v1', change='drift', clock='step', switches=(20,), episodes=1, ramp=100, drift={'gravity': 1.5}` | 200 | -1358.4 | -137.0 |
    | `ontogym/PendulumActionFlip-v0` | `task='Pendulum-v1', change='action-flip', clock='step', switches=(100,), episodes=1` | 200 | -1228.8 | -135.5 |
    | `ontogym/ForagingGoalSwap-v0` | `task='Foraging-v0', change='goal-swap', clock='step', switches=(50,), episodes=1, jitter=10` | 100 | 62.0 | 470.0 |
    | `ontogym/CartPoleActionFlip-v1` | `change='action-flip', clock='life', changes=1` | 500 | 22.2 | 500.0 |
    | `ontogym/CartPoleActionFlipBack-v0` | `change='action-flip', clock='life', changes=2, earliest=(500, 1249)` | 500 | 22.2 | 500.0 |
    | `ontogym/CartPoleActionFlipOften-v0` | `change='action-flip', clock='life', changes=4, earliest=(250, 750), gap=(250, 600)` | 500 | 22.3 | 500.0 |
    | `ontogym/AcrobotActionSwap-v1` | `task='Acrobot-v1', change='action-flip', clock='life', changes=1, earliest=(60, 299), episode_ticks=60` | 500 | -498.9 | -59.2 |
    | `ontogym/AcrobotActionSwapBack-v0` | `task='Acrobot-v1', change='action-flip', clock='life', changes=2, earliest=(60, 149), gap=(60, 150), episode_ticks=60` | 500 | -498.9 | -59.2 |
    | `ontogym/PendulumActionFlip-v1` | `task='Pendulum-v1', change='action-flip', clock='life', changes=1, earliest=(200, 999)` | 200 | -1228.2 | -135.5 |
    | `ontogym/PendulumActionFlipBack-v0` | `task='Pendulum-v1', change='action-flip', clock='life', changes=2, earliest=(200, 499), gap=(200, 500)` | 200 | -1228.2 | -135.5 |
    | `ontogym/ForagingGoalSwapLate-v0` | `task='Foraging-v0', change='goal-swap', clock='step', episodes=1, task_options={'reward_only': True, 'reward_delay': 3}, changes=1, earliest=(30, 70)` | 100 | 78.6 | 444.4 |

    ## Version History

    - v0: initial version
    - v1: switches at random times; the goal that swaps can be told by reward alone, which comes three steps late
    """

    dynamics_type = NonstationaryDynamics

    @property
    def switch_times(self) -> NDArray[np.int64]:
        """This life's switch times ``(K,)`` on its clock."""
        return self.state.times[0].copy()

    @property
    def phase(self) -> int:
        """How many switches have begun."""
        return int(self.dynamics.info(self.state)["phase"][0])


class NonstationaryVectorEnv(BatchedVectorEnv[NonstationaryState]):
    """Many `NonstationaryEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = NonstationaryDynamics

    @property
    def switch_times(self) -> NDArray[np.int64]:
        """Every life's switch times ``(P, K)`` on its clock."""
        return self.state.times.copy()

    @property
    def phase(self) -> NDArray[np.int64]:
        """How many switches have begun in each lane, ``(P,)``."""
        return np.asarray(self.dynamics.info(self.state)["phase"])
