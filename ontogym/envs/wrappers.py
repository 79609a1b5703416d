"""Any Gymnasium environment with rules that change within a life: the changes of `nonstationary` as wrappers.

    env = NonstationaryWrapper(gymnasium.make("MountainCar-v0"), "action-flip", clock="step", switches=(1000,))

What a life, a switch and its clock are is on the page of `ontogym.envs.nonstationary.NonstationaryEnv`. This suite's own
tasks are faster there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from ontogym.batched.inputs import whole_option
from ontogym.envs.changes import PLACE, Change, check_life
from ontogym.envs.schedule import Schedule
from ontogym.errors import OntogymError
from ontogym.seeding import GOLDEN, mix64

__all__ = ["NonstationaryVectorWrapper", "NonstationaryWrapper"]


class _Lives:
    """Where P lanes are in their lives, and what has changed for them."""

    def __init__(
        self,
        env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any],
        change: str,
        schedule: Schedule,
        episodes: int,
        count: int,
    ) -> None:
        self.episodes = check_life(change, episodes, schedule)
        vector = isinstance(env, VectorEnv)
        observation: Any = env.single_observation_space if vector else env.observation_space  # type: ignore[union-attr]
        action: Any = env.single_action_space if vector else env.action_space  # type: ignore[union-attr]
        self.change, self.schedule = Change(change, observation, action), schedule
        self.life, self.episode, self.age = (np.zeros(count, dtype=np.int64) for _ in range(3))
        self.began = np.zeros(count, dtype=np.bool_)
        self.times, self.orders = self.change.draw(schedule, self.life)

    def begin(
        self, rows: NDArray[np.intp], seeds: Sequence[int | None], given: Mapping[str, NDArray[Any]]
    ) -> None:
        """An episode begins in lanes `rows` ``(R,)``: the first of a new life where there is a seed, else the next."""
        entropy = np.random.SeedSequence().generate_state(len(rows), np.uint64)
        seeded = np.array([seed is not None for seed in seeds])
        anew = seeded | ~self.began[rows] | (self.episode[rows] + 1 >= self.episodes)
        with np.errstate(over="ignore"):
            start = np.where(self.began[rows], self.life[rows].astype(np.uint64) + GOLDEN, entropy)
            start[seeded] = np.array([seed for seed in seeds if seed is not None], dtype=np.uint64)
            fresh = (mix64(start + GOLDEN) >> np.uint64(1)).astype(np.int64)
        self.life[rows] = np.where(anew, fresh, self.life[rows])
        self.episode[rows] = np.where(anew, 0, self.episode[rows] + 1)
        self.age[rows] = np.where(anew, 0, self.age[rows])
        for name in given:
            getattr(self, name)[rows] = whole_option(given, name, len(rows))
        self.began[rows] = True
        self.times, self.orders = self.change.draw(self.schedule, self.life)

    @property
    def now(self) -> NDArray[np.int64]:
        """The clock, ``(P,)``."""
        return self.age if self.schedule.clock == "step" else self.episode

    @property
    def phase(self) -> NDArray[np.int64]:
        """How many switches have begun, ``(P,)``."""
        return self.schedule.phase(self.now, self.times)

    def see(self, view: Any, phase: NDArray[np.int64]) -> Any:
        """Sensors within their bounds, which rounding may leave by the last bit."""
        if not self.change.kind.startswith("sensor"):
            return view
        space: Any = self.change.observation_space
        seen = self.change.see(np.asarray(view), phase, self.orders)
        return np.clip(seen, space.low, space.high).astype(space.dtype)

    def act(self, actions: Any) -> NDArray[Any]:
        """What the environments are told."""
        actions = np.asarray(actions)
        acted = self.change.act(actions, self.phase, self.orders)
        space = self.change.action_space
        return np.clip(acted, space.low, space.high) if isinstance(space, spaces.Box) else acted

    def info(self) -> dict[str, NDArray[Any]]:
        """Phase, place in life and switch times, ``(P, ...)``."""
        return {
            "phase": self.phase,
            "episode_index": self.episode.copy(),
            "age": self.age.copy(),
            "switch_times": self.times.copy(),
        }


class NonstationaryWrapper(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """An environment whose rules change within a life.

    Args:
        env: any environment. Sensors and actions to flip are boxes (actions also discrete), sensors to permute a
            one-dimensional box, actions to permute discrete.
        change: of `ontogym.envs.changes.CHANGES`.
        clock, switches, episodes, ramp, jitter: as for `NonstationaryEnv`.
        drift: for change='drift', the factor of each numeric attribute of ``env.unwrapped``, such as
            ``{"gravity": 1.5}``. What the environment computed of it at its construction stays as it was.
        swap: for change='goal-swap', ``swap(env.unwrapped, phase)``, called after every reset and at every switch, sets
            the goal of that phase.

    The info gains ``phase``, ``episode_index``, ``age`` and ``switch_times``; ``reset`` takes the options ``episode``,
    ``age`` and ``life``. A reset with a seed begins a new life, one without goes on to the next episode.

    Raises:
        UnknownNameError: no such change or clock.
        OntogymError: a change that does not fit the environment.
    """

    reset_options = PLACE

    def __init__(
        self,
        env: gym.Env[Any, Any],
        change: str = "sensor-flip",
        clock: str = "episode",
        switches: Sequence[int] = (3,),
        episodes: int = 6,
        ramp: int = 0,
        jitter: int = 0,
        drift: Mapping[str, float] | None = None,
        swap: Callable[[Any, int], None] | None = None,
    ) -> None:
        RecordConstructorArgs.__init__(
            self, change=change, clock=clock, switches=switches, episodes=episodes, ramp=ramp, jitter=jitter,
            drift=drift, swap=swap,
        )  # fmt: skip
        gym.Wrapper.__init__(self, env)
        self._lives = _Lives(env, change, Schedule.of(clock, switches, ramp, jitter), episodes, 1)
        if (change == "goal-swap") != callable(swap):
            raise OntogymError(
                "The argument 'swap' is the function that sets the goal of change='goal-swap'; give both or neither."
            )
        self._swap = swap
        self._drift = _usual_values(env, change, drift)
        if change.startswith("sensor"):
            self.observation_space = self._lives.change.observation_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """The first episode of a new life with a seed, else the next of the same."""
        rest = {name: value for name, value in (options or {}).items() if name not in PLACE}
        given = {name: np.asarray(value)[None] for name, value in (options or {}).items() if name in PLACE}
        self._lives.begin(np.zeros(1, dtype=np.intp), [seed], given)
        self._set_physics()
        observation, info = self.env.reset(seed=seed, options=rest or None)
        if self._swap is not None:
            self._swap(self.env.unwrapped, self.phase)
        return self._see(observation), info | self._info()

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """One step under the rules of now; what is seen after it is seen under those of the next."""
        before = self.phase
        if self._lives.change.kind.startswith("action"):
            action = self._lives.act(np.asarray(action)[None])[0]
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._lives.age += 1
        self._set_physics()
        if self._swap is not None and self.phase != before:
            self._swap(self.env.unwrapped, self.phase)
        return self._see(observation), reward, terminated, truncated, info | self._info()

    @property
    def phase(self) -> int:
        """How many switches have begun."""
        return int(self._lives.phase[0])

    @property
    def switch_times(self) -> NDArray[np.int64]:
        """This life's switch times ``(K,)`` on its clock."""
        return self._lives.times[0].copy()

    def _see(self, observation: Any) -> Any:
        if not self._lives.change.kind.startswith("sensor"):
            return observation
        return self._lives.see(np.asarray(observation)[None], self._lives.phase)[0]

    def _info(self) -> dict[str, Any]:
        return {k: v[0].copy() if v.ndim > 1 else int(v[0]) for k, v in self._lives.info().items()}

    def _set_physics(self) -> None:
        level = float(self._lives.schedule.level(self._lives.now, self._lives.times)[0])
        for name, (usual, factor) in self._drift.items():
            setattr(self.env.unwrapped, name, usual * (1.0 + (factor - 1.0) * level))


class NonstationaryVectorWrapper(VectorWrapper):  # type: ignore[type-arg]  # generic from Gymnasium 1.4 on only
    """A vector environment whose lanes' sensors or actions change within their lives; in every autoreset mode.

    Args:
        env: any vector environment.
        change: of sensors or of actions. For 'goal-swap' and 'drift' wrap each environment:
            ``gymnasium.make_vec(id, n, vectorization_mode="sync", wrappers=[lambda env: NonstationaryWrapper(env, ...)])``.
        clock, switches, episodes, jitter: as for `NonstationaryEnv`; a lane that resets itself goes on to its life's
            next episode.

    Raises:
        UnknownNameError: no such change or clock.
        OntogymError: a change that does not fit.
    """

    reset_options = PLACE

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        change: str = "sensor-flip",
        clock: str = "episode",
        switches: Sequence[int] = (3,),
        episodes: int = 6,
        jitter: int = 0,
    ) -> None:
        super().__init__(env)
        self._lives = _Lives(env, change, Schedule.of(clock, switches, 0, jitter), episodes, env.num_envs)
        if change in ("goal-swap", "drift"):
            raise OntogymError(
                f"The change {change!r} reaches into each environment; wrap each one: "
                "make_vec(..., vectorization_mode='sync', wrappers=[...]) with NonstationaryWrapper."
            )
        self._mode = AutoresetMode(env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP))
        self._done = np.zeros(env.num_envs, dtype=np.bool_)
        if change.startswith("sensor"):
            self.single_observation_space = self._lives.change.observation_space
            self.observation_space = batch_space(self.single_observation_space, env.num_envs)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """New episodes in all lanes, or in those of ``options["reset_mask"]``; seeds as in `VectorEnv`."""
        rest = {name: value for name, value in (options or {}).items() if name not in PLACE}
        mask = np.asarray(rest.get("reset_mask", np.ones(self.num_envs, dtype=np.bool_)))
        rows = np.flatnonzero(mask)
        given = {
            name: np.broadcast_to(np.asarray(value), (self.num_envs,))[rows]
            for name, value in (options or {}).items()
            if name in PLACE
        }
        every = [seed + k for k in range(self.num_envs)] if isinstance(seed, (int, np.integer)) else seed
        every = [None] * self.num_envs if every is None else list(every)
        self._lives.begin(rows, [every[row] for row in rows], given)
        self._done[rows] = False
        observations, info = self.env.reset(seed=seed, options=rest or None)
        return self._lives.see(observations, self._lives.phase), info | self._info()

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One step of every lane; lanes that reset themselves begin their life's next episode."""
        lives, ended = self._lives, self._done
        acted = lives.act(actions) if lives.change.kind.startswith("action") else actions
        observations, rewards, terminated, truncated, info = self.env.step(acted)
        lives.age += ~ended  # a lane that had ended is reset by this step, or stays as it is
        done = np.logical_or(terminated, truncated)
        if self._mode is AutoresetMode.NEXT_STEP:
            self._next_episode(ended)
        elif self._mode is AutoresetMode.SAME_STEP and done.any():
            info = self._with_last_seen(info, done)
            self._next_episode(done)
        self._done = np.zeros_like(done) if self._mode is AutoresetMode.SAME_STEP else done
        return lives.see(observations, lives.phase), rewards, terminated, truncated, info | self._info()

    @property
    def phase(self) -> NDArray[np.int64]:
        """How many switches have begun in each lane, ``(P,)``."""
        return self._lives.phase

    @property
    def switch_times(self) -> NDArray[np.int64]:
        """Every life's switch times ``(P, K)`` on its clock."""
        return self._lives.times.copy()

    def _next_episode(self, over: NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(over)
        if len(rows):
            self._lives.begin(rows, [None] * len(rows), {})

    def _with_last_seen(self, info: dict[str, Any], done: NDArray[np.bool_]) -> dict[str, Any]:
        """The last observations of episodes, under the rules under which they were seen."""
        if "final_obs" not in info or not self._lives.change.kind.startswith("sensor"):
            return info
        last, lives = np.array(info["final_obs"]), self._lives
        space, phase = self.single_observation_space, lives.phase
        for row in np.flatnonzero(done):
            view = np.zeros((self.num_envs, *(space.shape or ())), dtype=space.dtype)
            view[row] = last[row]
            last[row] = lives.see(view, phase)[row]
        return info | {"final_obs": last}

    def _info(self) -> dict[str, Any]:
        here = np.ones(self.num_envs, dtype=np.bool_)
        return {
            k: v for name, value in self._lives.info().items() for k, v in ((name, value), (f"_{name}", here))
        }


def _usual_values(
    env: gym.Env[Any, Any], change: str, drift: Mapping[str, float] | None
) -> dict[str, tuple[float, float]]:
    """Of each drifting attribute its value and its factor."""
    if (change == "drift") != bool(drift):
        raise OntogymError(
            "The argument 'drift' names the attributes of change='drift', such as {'gravity': 1.5}; give both or "
            "neither."
        )
    found = {}
    for name, factor in (drift or {}).items():
        usual = getattr(env.unwrapped, name, None)
        if isinstance(usual, bool) or not isinstance(usual, (int, float, np.number)):
            raise OntogymError(
                f"{env.unwrapped} has no number {name!r} to drift; name one of its attributes."
            )
        if isinstance(factor, bool) or not np.isfinite(factor) or factor <= 0:
            raise OntogymError(f"The drift of {name!r} is {factor!r}; pass a positive factor.")
        found[name] = (float(usual), float(factor))
    return found
