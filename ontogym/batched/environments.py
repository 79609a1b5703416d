"""One set of dynamics per task, batch axis first; from it a Gymnasium `Env` and a native `VectorEnv`.

A task is a `Dynamics`: state in, state out, on arrays whose first axis is the lanes. `BatchedVectorEnv` steps
many lanes at once, `BatchedEnv` is the batch of one, so both obey the same equations. Each lane draws from its
own stream (`ontogym.seeding.LaneStreams`): lane k of a vector environment does exactly what a single
environment with the same seed does, whatever stands beside it (to 1e-4 where the dynamics are networks in single
precision, as in `ontogym.retina_env.encoding`).
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any, ClassVar, Generic

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from ontogym.batched.dynamics import (
    Dynamics,
    State,
    copy_state,
    hold_rows,
    lane_of,
    own_native_form,
    put_rows,
    row_mask,
)
from ontogym.batched.inputs import (
    action_checker,
    as_array,
    as_autoreset_mode,
    lane_options,
    lane_seeds_given,
    reset_rows,
)
from ontogym.errors import OntogymError, is_whole, whole_number
from ontogym.seeding import LaneStreams

if TYPE_CHECKING:
    from ontogym.batched.compiled_lane import CompiledLane

__all__ = ["BatchedEnv", "BatchedVectorEnv", "Dynamics"]

Info = dict[str, Any]


class BatchedEnv(gym.Env[Any, Any], Generic[State]):
    """A Gymnasium environment that is the batch of one.

    It has no time limit of its own: ``gymnasium.make`` adds the registered one (`TimeLimit`). Stepping on after
    termination changes nothing and earns 0.

    Args:
        dynamics: the rules of the task. A subclass with a `dynamics_type` takes the arguments of that in its place.
        render_mode: None or ``"rgb_array"``.
        **options: arguments of the task.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012
    dynamics_type: ClassVar[type[Dynamics[Any]]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        taken = cls.__init__ is not BatchedEnv.__init__ and not hasattr(cls.__init__, "__signature__")
        if "dynamics_type" in vars(cls) and not taken:
            cls.__init__ = _init_of(cls.dynamics_type)  # type: ignore[method-assign]

    def __init__(
        self, dynamics: Dynamics[State] | None = None, render_mode: str | None = None, **options: Any
    ) -> None:
        if dynamics is None:
            if getattr(self, "dynamics_type", None) is None:
                raise OntogymError(
                    f"{type(self).__name__} has no rules; give it dynamics, or set dynamics_type."
                )
            dynamics = self.dynamics_type(**options)
        elif options:
            raise OntogymError(
                f"{', '.join(options)}: these are arguments of a task, whose dynamics are given already; leave them out."
            )
        self.dynamics = dynamics
        self.observation_space, self.action_space = dynamics.observation_space, dynamics.action_space
        self.metadata = _metadata(dynamics)
        self.render_mode = _check_render_mode(render_mode, self.metadata)
        self._check = action_checker(self.action_space, 1)
        self._streams: LaneStreams | None = None
        self._state: State | None = None
        self._terminated = False
        self._lane: CompiledLane | None = None
        self._compiles = own_native_form(dynamics) is not None

    @property
    def state(self) -> State:
        """The full state, arrays ``(1, ...)``; assign one to continue from it."""
        return _kept(self.dynamics, self._now())

    @state.setter
    def state(self, state: State) -> None:
        self._state, self._terminated = _kept(self.dynamics, state), False
        self._begin(state)

    def _begin(self, state: State) -> None:
        """Let the compiled lane, where there is one, begin here; it is made when it is first needed."""
        if self._lane is None and self._compiles:
            from ontogym.batched.compiled_lane import CompiledLane

            self._lane = CompiledLane(self.dynamics)
        if self._lane is not None:
            self._lane.begin(state)

    def _now(self) -> State:
        """The state, also where the compiled lane holds it."""
        state = _require(self._state)
        return state if self._lane is None else self._lane.state(state)

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[Any, Info]:
        """A new life. Without a seed it goes on drawing from the stream that the last seed began."""
        seeds, _ = lane_seeds_given(seed, 1)
        given = lane_options(options, self.dynamics.reset_options, 1, _ROW)
        super().reset(seed=None if seed is None else int(seed))
        if seed is None and self._streams is None:
            seeds = self.np_random.integers(2**63, size=1, dtype=np.uint64)
        if seed is not None or self._streams is None:
            self._streams = LaneStreams(seeds)
        if self._state is not None:
            given = self.dynamics.carry_over(self._now(), _ROW, np.array([seed is not None])) | given
        self._state, self._terminated = self.dynamics.reset(self._streams, _ROW, given), False
        self._begin(self._state)
        return lane_of(self.dynamics.observe(self._state), 0), self._info(self._state)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, Info]:
        """One step, as in Gymnasium; `action` must be in the action space (`OntogymError` otherwise)."""
        if self._lane is not None:
            return self._step_compiled(self._lane, action)
        old, streams = _require(self._state), self._streams
        actions = self._check(as_array(action)[None])
        if self._terminated:
            return lane_of(self.dynamics.observe(old), 0), 0.0, True, False, self._info(old)
        assert streams is not None
        state, reward, terminated = self.dynamics.step(old, actions, streams)
        self._state, self._terminated = state, bool(terminated[0])
        seen = lane_of(self.dynamics.observe(state), 0)
        return seen, float(reward[0]), self._terminated, False, self._info(state)

    def _step_compiled(self, lane: CompiledLane, action: Any) -> tuple[Any, float, bool, bool, Info]:
        _require(self._state)
        streams = self._streams
        assert streams is not None
        value = lane.value_of(action)
        if value is None:
            value = float(self._check(as_array(action)[None]).ravel()[0])
        if self._terminated:
            return lane.observation(), 0.0, True, False, lane.info()
        seen, reward, self._terminated = lane.step(value, streams)
        return seen, reward, self._terminated, False, lane.info()

    def render(self) -> Any:
        """The current picture ``(H, W, 3)`` uint8, or None without a render mode."""
        if self.render_mode is None:
            gym.logger.warn("Nothing to render: make the environment with render_mode='rgb_array'.")
            return None
        return self.dynamics.render_frame(self._now(), 0)

    def _info(self, state: State) -> Info:
        info = self.dynamics.info(state)
        return {k: v[0].copy() if v.ndim > 1 else v[0].item() for k, v in info.items()}


def _init_of(rules: Callable[..., Dynamics[Any]]) -> Callable[..., None]:
    """The `__init__` of a single environment: the arguments of its rules, and `render_mode`."""
    own = list(signature(rules).parameters.values())
    plain = all(place.kind <= Parameter.POSITIONAL_OR_KEYWORD for place in own)
    kind = Parameter.POSITIONAL_OR_KEYWORD if plain else Parameter.KEYWORD_ONLY
    more = Parameter("render_mode", kind, default=None, annotation="str | None")
    shown = Signature(sorted([*own, more], key=lambda place: place.kind))

    def __init__(self: BatchedEnv[Any], *arguments: Any, **options: Any) -> None:
        if "dynamics" in options or (arguments and isinstance(arguments[0], Dynamics)):
            return BatchedEnv.__init__(self, *arguments, **options)
        try:
            given = shown.bind(*arguments, **options)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}.__init__() {error}") from None
        render_mode = given.arguments.pop("render_mode", None)
        BatchedEnv.__init__(self, rules(*given.args, **given.kwargs), render_mode)

    first = Parameter("self", Parameter.POSITIONAL_ONLY)
    __init__.__signature__ = shown.replace(parameters=[first, *shown.parameters.values()])  # type: ignore[attr-defined]
    return __init__


class BatchedVectorEnv(VectorEnv[Any, Any, Any], Generic[State]):
    """A native Gymnasium vector environment: all lanes of one task stepped by a few array operations.

    It truncates its lanes itself at `max_episode_steps` (``make_vec`` adds no TimeLimit).

    What happens to a lane that has ended, by `autoreset_mode` (Gymnasium's meanings):

    - ``NextStep`` (default): the next `step` ignores its action, resets it, and earns 0.
    - ``SameStep``: it is reset within the step that ended it; the last observation and info are in
      ``info["final_obs"]`` and ``info["final_info"]``.
    - ``Disabled``: nothing; the caller resets it with ``reset(options={"reset_mask": mask})``. Stepping it
      in the meantime is harmless: it stays exactly as it is (state, stream and flags) and earns 0.

    Args:
        num_envs: number of lanes P.
        max_episode_steps: life length after which a lane is truncated; None for the task's own, -1 for no
            limit (as in ``gymnasium.make``).
        autoreset_mode: a `gymnasium.vector.AutoresetMode` or its value.
        render_mode: None or ``"rgb_array"``.
        **options: arguments of the task, as for the single environment.
    """

    dynamics_type: ClassVar[type[Dynamics[Any]]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Some libraries (skrl) tell Gymnasium's environments by the names of their direct bases alone.
        if VectorEnv not in cls.__bases__:
            cls.__bases__ = (*cls.__bases__, VectorEnv)

    def __init__(
        self,
        num_envs: int = 1,
        max_episode_steps: int | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        self.dynamics: Dynamics[State] = self.dynamics_type(**options)
        self.num_envs = whole_number("num_envs", num_envs, 1, of="lanes")
        self.max_episode_steps = _life_length(max_episode_steps, self.dynamics.max_steps)
        self.autoreset_mode: AutoresetMode = as_autoreset_mode(autoreset_mode)
        self.metadata = _metadata(self.dynamics) | {"autoreset_mode": self.autoreset_mode}
        self.render_mode = _check_render_mode(render_mode, self.metadata)
        self.single_observation_space = self.dynamics.observation_space
        self.single_action_space = self.dynamics.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._check = action_checker(self.single_action_space, self.num_envs)
        self._streams: LaneStreams | None = None
        self._state: State | None = None
        self._elapsed = np.zeros(self.num_envs, dtype=np.int64)
        self._terminated = np.zeros(self.num_envs, dtype=np.bool_)
        self._truncated = np.zeros(self.num_envs, dtype=np.bool_)
        self._done = np.zeros(self.num_envs, dtype=np.bool_)
        self._any_done = False
        self._every_lane = np.ones(self.num_envs, dtype=np.bool_)
        self._every_lane.flags.writeable = False

    @property
    def state(self) -> State:
        """The full state, arrays ``(P, ...)``; assign one to continue from it (time limits run on)."""
        return _kept(self.dynamics, _require(self._state))

    @state.setter
    def state(self, state: State) -> None:
        self._state = _kept(self.dynamics, state)

    def reset(self, *, seed: Any = None, options: Info | None = None) -> tuple[Any, Info]:
        """New lives for all lanes, or for those in ``options["reset_mask"]``.

        Args:
            seed: None: each lane goes on drawing from its own stream (at the first reset: unpredictable). An
                int: lane k gets ``seed + k``. A sequence: one seed per lane, or None.
            options: the task's reset options, one value for all lanes or one per lane; and ``"reset_mask"``,
                bool ``(P,)``.

        Raises:
            OntogymError: wrong seeds or options.
        """
        some = reset_rows(options, self.num_envs)
        if some is not None and self._state is None:
            raise OntogymError("Reset all lanes once before resetting some of them with 'reset_mask'.")
        rows = np.arange(self.num_envs) if some is None else some
        given = lane_options(options, self.dynamics.reset_options, self.num_envs, rows)
        anew = self._seed_lanes(seed, rows)
        assert self._streams is not None
        if self._state is not None:
            given = self.dynamics.carry_over(self._state, rows, anew) | given
        fresh = self.dynamics.reset(self._streams, rows, given)
        state = fresh if self._state is None or some is None else put_rows(self._state, rows, fresh, None)
        self._state = state
        self._elapsed[rows] = 0
        for flags in (self._terminated, self._truncated, self._done):
            flags[rows] = False
        self._any_done = bool(self._done.any())
        mask = self._every_lane if some is None else row_mask(rows, self.num_envs)
        return self.dynamics.observe(state), self._info(state, mask)

    def step(self, actions: Any) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any], Info]:
        """One step of every lane.

        Args:
            actions: ``(P, *action shape)``, every one in the action space (also those of ended lanes).

        Returns:
            Observations, rewards ``(P,)`` float64, terminated ``(P,)``, truncated ``(P,)``, info.

        Raises:
            OntogymError: actions of another shape, not finite, or outside the space.
        """
        given, streams = _require(self._state), self._streams
        assert streams is not None
        actions = self._check(actions)
        ended = self._done if self._any_done else None
        old = given if ended is None else _kept(self.dynamics, given)
        # A lane that has ended must not draw: its stream continues where its life stopped.
        before = streams.state.copy() if ended is not None and self.dynamics.stochastic else None
        state, reward, terminated = self.dynamics.step(given, actions, streams)
        self._elapsed += 1
        if self.max_episode_steps is None:
            truncated = np.zeros(self.num_envs, dtype=np.bool_)
        else:
            truncated = self._elapsed >= self.max_episode_steps
        if ended is not None:
            if before is not None:
                np.copyto(streams.state, before, where=ended)
            state = self._settle_ended(ended, old, state, reward, terminated, truncated)
        self._state = state
        self._done = terminated | truncated
        self._any_done = bool(np.count_nonzero(self._done))
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            return self._finish_same_step(state, reward, terminated, truncated)
        if self.autoreset_mode is AutoresetMode.DISABLED:
            self._terminated, self._truncated = terminated.copy(), truncated.copy()
        return self.dynamics.observe(state), reward, terminated, truncated, self._info(state)

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """One picture ``(H, W, 3)`` per lane, or None without a render mode."""
        if self.render_mode is None:
            gym.logger.warn("Nothing to render: make the environment with render_mode='rgb_array'.")
            return None
        state = _require(self._state)
        return tuple(self.dynamics.render_frame(state, row) for row in range(self.num_envs))

    def _settle_ended(
        self,
        ended: NDArray[np.bool_],
        old: State,
        state: State,
        reward: NDArray[np.float64],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> State:
        """Undo the step for lanes that had ended before: they start over or stay, and earn 0."""
        if self.autoreset_mode is AutoresetMode.NEXT_STEP:
            rows = ended.nonzero()[0]
            state = put_rows(state, rows, self._next_episode(old, rows), old)
            self._elapsed[rows] = 0
            reward[rows], terminated[rows], truncated[rows] = 0.0, False, False
            return state
        reward[ended] = 0.0
        np.copyto(terminated, self._terminated, where=ended)
        np.copyto(truncated, self._truncated, where=ended)
        return hold_rows(state, ended, old)

    def _next_episode(self, ended: State, rows: NDArray[np.intp]) -> State:
        """What lanes that start over by themselves start with; `ended` is the state in which they ended."""
        assert self._streams is not None
        anew = np.zeros(len(rows), dtype=np.bool_)
        return self.dynamics.reset(self._streams, rows, self.dynamics.carry_over(ended, rows, anew))

    def _finish_same_step(
        self,
        state: State,
        reward: NDArray[np.float64],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any], Info]:
        """Reset the lanes that ended in this very step and keep what they last saw in the info."""
        observations, final = self.dynamics.observe(state), {}
        if self._any_done:
            done = self._done
            last, last_info = observations, self.dynamics.info(state)
            rows = done.nonzero()[0]
            state = put_rows(state, rows, self._next_episode(state, rows), None)
            observations = self.dynamics.observe(state)
            final_obs = np.full(self.num_envs, None, dtype=object)
            for row in rows:
                final_obs[row] = lane_of(last, int(row))
            final_info: Info = {}
            for name, values in last_info.items():
                shown = done.reshape(-1, *[1] * (values.ndim - 1))
                final_info[name], final_info[f"_{name}"] = np.where(shown, values, values.dtype.type(0)), done
            final = {
                "final_obs": final_obs,
                "_final_obs": done.copy(),
                "final_info": final_info,
                "_final_info": done.copy(),
            }
            self._state, self._done, self._any_done = state, np.zeros_like(done), False
            self._elapsed[rows] = 0
        return observations, reward, terminated, truncated, final | self._info(state)

    def _info(self, state: State, mask: NDArray[np.bool_] | None = None) -> Info:
        """Gymnasium's vector info: name to array, ``_name`` to the mask of lanes that it is given for."""
        vector: Info = {}
        for name, values in self.dynamics.info(state).items():
            vector[name], vector[f"_{name}"] = values, self._every_lane if mask is None else mask
        return vector

    def _seed_lanes(self, seed: Any, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Seed the lanes `rows` that are given one; returns which of them are, ``(R,)``."""
        seeds, given = lane_seeds_given(seed, self.num_envs)
        if isinstance(seed, (int, np.integer)):
            super().reset(seed=int(seed))
        if self._streams is None:
            self._streams = LaneStreams(self.np_random.integers(2**63, size=self.num_envs, dtype=np.uint64))
        chosen = rows[given[rows]]
        if len(chosen):
            self._streams.reseed(chosen, seeds[chosen])
        return given[rows]


_ROW = np.zeros(1, dtype=np.intp)


def _require(state: State | None) -> State:
    if state is None:
        raise OntogymError("The environment has no life yet; call reset before step or render.")
    return state


def _kept(dynamics: Dynamics[State], state: State) -> State:
    """`state`, or a copy of it where the next step would overwrite it."""
    return copy_state(state) if dynamics.consumes else state


def _metadata(dynamics: Dynamics[Any]) -> dict[str, Any]:
    return {"render_modes": ["rgb_array"], "render_fps": dynamics.render_fps}


def _check_render_mode(mode: str | None, metadata: dict[str, Any]) -> str | None:
    if mode is not None and mode not in metadata["render_modes"]:
        raise OntogymError(f"There is no render mode {mode!r} here; use 'rgb_array' or None.")
    return mode


def _life_length(limit: int | None, default: int | None) -> int | None:
    if limit is None:
        return default
    if is_whole(limit) and limit == -1:
        return None
    return whole_number("max_episode_steps", limit, 1, more=", or -1 for no limit")
