"""Actions that no environment should take, and what they leave behind.

Two copies of an environment are given the same proper actions; one of them is given hostile ones in between. What it
refuses must leave no trace: from then on both must answer the same to the bit. What it takes, the other is given too, and
the answer must be finite numbers in the observation space.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from ontogym.errors import OntogymError

__all__ = ["LANES", "bombard"]

PROPER_EVERY = 50
"""One action in so many is a proper one."""

LANES = 3
"""Of the vector form."""


class _Odd:
    """Not an action, and hostile to whoever looks at it."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("not an array")

    def __index__(self) -> int:
        raise RuntimeError("not a number")


SCALARS: tuple[Any, ...] = (
    -1, 10**6, 2**31, 2**63, -(2**63), 10**400, float("nan"), float("inf"), -float("inf"), 0.5, 1e300, 1e-320, 1 + 2j,
    None, "left", "", b"0", (), [], [[]], {}, {"action": 0}, [0, [1]], _Odd(), object(), np.datetime64("2020"),
    np.array(np.nan), np.array([np.nan]), np.array("x"), np.empty((0,)), np.empty((3, 0, 2)), np.zeros((7, 7)),
)  # fmt: skip


def _hostile(space: gym.Space[Any], rng: np.random.Generator) -> Any:
    """Something that is no action of `space`, or one at its edge."""
    kind = rng.integers(3)
    if kind == 0:
        return SCALARS[rng.integers(len(SCALARS))]
    good = np.array(space.sample())
    if kind == 1:  # of the right shape, with one wrong number in it
        bad = good.astype(np.float64)
        wrong = (np.nan, np.inf, -np.inf, 1e300, -1e300, 0.5, -1.0, 2.0**40)[rng.integers(8)]
        bad.reshape(-1)[rng.integers(bad.size)] = wrong
        return bad
    shapes = (
        good[None],
        good.reshape(-1)[:-1],
        np.stack([good, good]),
        good.astype(object),
        good.astype(str),
    )
    return shapes[rng.integers(len(shapes))]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return set(one) == set(other) and all(_same(one[key], other[key]) for key in one)
    return np.array_equal(np.asarray(one), np.asarray(other))


def _finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_finite(part) for part in value.values())
    array = np.asarray(value)
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


def bombard(env_id: str, actions: int, vector: bool, seed: int = 0) -> list[str]:
    """What went wrong under so many actions, in words; [] if nothing did.

    Args:
        env_id: of this suite. actions: how many. vector: of `LANES` lanes that reset themselves, or single.
    """

    def make() -> Any:
        if not vector:
            return gym.make(env_id, disable_env_checker=True)
        mode = AutoresetMode.SAME_STEP.value
        return gym.make_vec(env_id, LANES, vectorization_mode="vector_entry_point", autoreset_mode=mode)

    env, calm, rng = make(), make(), np.random.default_rng(seed)
    env.action_space.seed(seed)
    for each in (env, calm):
        each.reset(seed=seed)
    found: dict[str, None] = {}
    over = False
    for k in range(actions):
        if over:
            for each in (env, calm):
                each.reset(seed=k)
            over = False
        action = env.action_space.sample() if k % PROPER_EVERY == 0 else _hostile(env.action_space, rng)
        answer = _answer(env.step, action)
        if isinstance(answer, Exception):
            if k % PROPER_EVERY == 0 or not isinstance(answer, OntogymError):
                found[f"{_brief(action)}: {type(answer).__name__}: {str(answer)[:80]}"] = None
            continue
        again = _answer(calm.step, copy.deepcopy(action))
        if isinstance(again, Exception) or not all(_same(a, b) for a, b in zip(answer[:4], again[:4])):
            found[f"{_brief(action)}: what was refused before it left a trace"] = None
            break
        if not (_finite(answer[0]) and _finite(answer[1]) and env.observation_space.contains(answer[0])):
            found[f"{_brief(action)}: an answer outside the observation space"] = None
            break
        over = not vector and bool(answer[2] or answer[3])
    env.close()
    calm.close()
    return list(found)


def _answer(step: Callable[[Any], Any], action: Any) -> Any:
    """What a step brings, or what it raises; a warning is no answer."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return step(action)
        except Exception as error:
            return error


def _brief(action: Any) -> str:
    return (
        f"{type(action).__name__} {' '.join(str(action).split())[:50]}"
        if not isinstance(action, _Odd)
        else "_Odd"
    )
