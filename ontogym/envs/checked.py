"""Environments from elsewhere, held to Gymnasium's contract while they are lived in.

What an environment does wrong is said in one sentence that names it, at the step at which it does it.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.flat import is_finite
from ontogym.errors import OntogymError

__all__ = ["LARGEST", "MAX_ENDLESS_STEPS", "CheckedEnv", "FiniteEnv", "finite_rewards", "try_out"]

LARGEST = 1e15
"""A reward beyond it counts as one that is not finite: in single precision its square would be none."""

MAX_ENDLESS_STEPS = 10_000
"""Steps within which an environment without a time limit must end an episode under random actions."""
_TRIES = 10
_STEP = "step() must return (observation, reward, terminated, truncated, info)"
_RESET = "reset() must take seed and options and return (observation, info)"


class CheckedEnv(gym.Wrapper[Any, Any, Any, Any]):
    """An environment whose every answer is checked: its form, the observation's shape, one real number as reward.

    Args:
        env: any environment. name: what it is called in sentences; its id if not given.

    `reset` and `step` raise an OntogymError where the answer is wrong, and where the environment raises itself.
    """

    def __init__(self, env: gym.Env[Any, Any], name: str | None = None) -> None:
        super().__init__(env)
        self.name = name or (env.spec.id if env.spec is not None else type(env.unwrapped).__name__)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        answer = self._ask("reset", _RESET, lambda: self.env.reset(seed=seed, options=options))
        if not (isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], dict)):
            raise self._wrong(f"reset() returned {_brief(answer)}; {_RESET}")
        self._check_observation("reset", answer[0])
        return answer

    def step(self, action: Any) -> Any:
        answer = self._ask("step", _STEP, lambda: self.env.step(action))
        if not (isinstance(answer, tuple) and len(answer) == 5):
            raise self._wrong(f"step() returned {_brief(answer)}; {_STEP}")
        observation, reward, terminated, truncated, _ = answer
        self._check_observation("step", observation)
        if isinstance(reward, str) or np.shape(reward) != () or not _is_number(reward):
            raise self._wrong(f"step() returned the reward {_brief(reward)}; a reward must be one number")
        for ended in (terminated, truncated):
            if not isinstance(ended, (bool, np.bool_, int, np.integer)):
                raise self._wrong(
                    f"step() returned {_brief(ended)} for terminated or truncated; each must be True or False"
                )
        return answer

    def _ask(self, method: str, contract: str, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except OntogymError:
            raise
        except Exception as error:
            form = isinstance(error, TypeError) and "unexpected keyword" in str(error)
            old = form or (isinstance(error, ValueError) and "unpack" in str(error))
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename.rpartition('/')[2]}, line {place.lineno}"
            text = " ".join(str(error).split())[:200]
            failed = f"{method}() failed ({type(error).__name__}: {text}; {where})"
            if old:
                raise self._wrong(f"{failed}; {contract}, and this looks like Gym's old interface") from error
            raise OntogymError(f"The environment {self.name!r} is at fault: {failed}; mend it.") from error

    def _check_observation(self, method: str, observation: Any) -> None:
        misfit = _misfit(self.observation_space, observation)
        if misfit is not None:
            raise self._wrong(
                f"{method}() returned {misfit}; observations must always have the form that observation_space states"
            )

    def _wrong(self, what: str) -> OntogymError:
        return OntogymError(f"The environment {self.name!r} breaks Gymnasium's contract: {what}.")


def finite_rewards(rewards: Any) -> NDArray[np.bool_]:
    """Which rewards can be learned from: numbers within `LARGEST`."""
    found: NDArray[np.bool_] = np.abs(rewards) <= LARGEST  # False for NaN
    return found


class FiniteEnv(gym.Wrapper[Any, Any, Any, Any]):
    """An environment without numbers that are not finite, for learners that one of them would spoil for good.

    An episode that meets one is cut there, as by a time limit: its last observation is the one before and its last reward 0.

    Args:
        env: answers Gymnasium's contract. name: what it is called in sentences.

    Attributes:
        failures: how many episodes were cut.
    """

    def __init__(self, env: gym.Env[Any, Any], name: str) -> None:
        super().__init__(env)
        self.name, self.failures = name, 0
        self._last: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        for _ in range(_TRIES):
            observation, info = self.env.reset(seed=seed, options=options)
            if is_finite(observation):
                self._last = observation
                return observation, info
            self._fail()
            seed = None
        raise OntogymError(
            f"The environment {self.name!r} began {_TRIES} episodes in a row with numbers that are not finite; mend it."
        )

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(action)
        if is_finite(observation) and finite_rewards(reward):
            self._last = observation
            return observation, reward, terminated, truncated, info
        self._fail()
        return self._last, 0.0, False, True, info

    def _fail(self) -> None:
        if not self.failures:
            warnings.warn(
                f"{self.name} gave a number that is not finite; episodes that meet one are cut there.",
                stacklevel=3,
            )
        self.failures += 1


def _misfit(space: spaces.Space[Any], value: Any, name: str = "an observation") -> str | None:
    """In what the form of a value differs from its space, in words; None if in nothing. Ranges are not looked at."""
    if isinstance(space, spaces.Dict):
        if not isinstance(value, dict) or set(value) != set(space.spaces):
            return f"{_brief(value)} for {name} of the parts {', '.join(space.spaces)}"
        found = (_misfit(part, value[key], f"the part {key!r}") for key, part in space.spaces.items())
        return next((misfit for misfit in found if misfit is not None), None)
    if isinstance(space, spaces.Tuple):
        if not isinstance(value, (tuple, list)) or len(value) != len(space.spaces):
            return f"{_brief(value)} for {name} of {len(space.spaces)} parts"
        found = (_misfit(part, value[k], f"part {k}") for k, part in enumerate(space.spaces))
        return next((misfit for misfit in found if misfit is not None), None)
    if space.shape is None:
        return None
    try:
        array = np.asarray(value)
    except ValueError:
        return f"{name} of uneven rows"
    if array.shape != space.shape:
        return f"{name} of shape {array.shape}, not {space.shape}"
    return None if array.dtype.kind in "fiub" else f"{_brief(value)} for {name}"


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _brief(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, tuple):
        return f"{len(value)} values"
    if isinstance(value, np.ndarray) and value.size > 4:
        return f"an array of shape {value.shape}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"a {type(value).__name__}"


def try_out(env: gym.Env[Any, Any], name: str, limited: bool, steps: int = 3) -> None:
    """Live a few random steps in an environment, to find what is wrong with it before anything is written.

    Args:
        env: one environment; it is not closed. name: its id.
        limited: whether something cuts its episodes; if not, one has to end within `MAX_ENDLESS_STEPS`.
        steps: how many, where episodes are cut.

    Raises:
        OntogymError: it breaks Gymnasium's contract, or has no time limit and does not end.
    """
    checked = CheckedEnv(env, name)
    checked.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(steps if limited else MAX_ENDLESS_STEPS):
        _, _, terminated, truncated, _ = checked.step(env.action_space.sample())
        if terminated or truncated:
            return
    if not limited:
        raise OntogymError(
            f"The environment {name!r} has no time limit, and an episode of random actions did not end within "
            f"{MAX_ENDLESS_STEPS:,} steps; cut episodes with --max-steps (max_steps), for example 1000."
        )
