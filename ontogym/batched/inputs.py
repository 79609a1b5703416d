"""What a batched environment takes from outside, checked: actions, reset options, seeds.

A wrong input is one `OntogymError` that names the lane and the remedy; it never becomes a NaN reward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from ontogym.errors import OntogymError, UnknownNameError

__all__ = [
    "action_checker",
    "as_array",
    "as_autoreset_mode",
    "lane_options",
    "lane_seeds_given",
    "reset_rows",
    "uniform_bounds",
    "whole_option",
]


_MAX_SEED = 2**64 - 1
_TOLD = 32
"""Numbers of an action that an error repeats; of more only the first that is wrong."""


class ActionChecker(Protocol):
    """Turns what the caller passed into a valid batch of actions, or raises `OntogymError`."""

    def __call__(self, actions: Any, /) -> NDArray[Any]: ...


def action_checker(space: spaces.Space[Any], num_envs: int) -> ActionChecker:
    """A checker for batches of `num_envs` actions of `space`.

    Args:
        space: the action space of one environment: Discrete, MultiDiscrete, MultiBinary or Box.
        num_envs: how many lanes a batch has.

    Returns:
        A function that returns the actions as an array ``(num_envs, *space.shape)`` of int64 (discrete
        spaces) or the box's own dtype. It raises `OntogymError` if they have another shape or kind, are not
        finite, or lie outside the space.
    """
    if isinstance(space, spaces.Discrete):
        return _DiscreteChecker(space, num_envs)
    if isinstance(space, spaces.MultiDiscrete):
        start = np.asarray(space.start)
        return _BoundsChecker(space, num_envs, start, start + space.nvec - 1, np.dtype(np.int64))
    if isinstance(space, spaces.MultiBinary):
        zeros = np.zeros(space.shape, dtype=np.int64)
        return _BoundsChecker(space, num_envs, zeros, zeros + 1, np.dtype(np.int64))
    if isinstance(space, spaces.Box):
        return _BoundsChecker(space, num_envs, space.low, space.high, np.dtype(space.dtype))
    raise OntogymError(
        f"Batched environments take no actions from a {type(space).__name__} space; "
        "give the dynamics a Discrete, MultiDiscrete, MultiBinary or Box action space."
    )


def as_array(actions: Any) -> NDArray[Any]:
    """Actions as an array.

    Raises:
        OntogymError: lists of different lengths, or what cannot be an array.
    """
    try:
        return np.asarray(actions)
    except ValueError as error:
        raise OntogymError("The parts of these actions differ in length; pass one array.") from error
    except Exception as error:  # of an object that makes its array itself
        raise OntogymError(
            f"Actions of type {type(actions).__name__} are no array ({error}); pass one."
        ) from error


class _DiscreteChecker:
    """The hot path: one comparison finds numbers that are too large and (seen as unsigned) negative ones."""

    def __init__(self, space: spaces.Discrete[Any], num_envs: int) -> None:
        self.space, self.shape = space, (num_envs,)
        self.n, self.start = int(space.n), int(space.start)

    def __call__(self, actions: Any, /) -> NDArray[Any]:
        given = as_array(actions)
        if given.shape != self.shape:
            raise _shape_error(given, self.shape)
        if given.dtype != np.int64:
            given = _as_integers(given)
        shifted = given - self.start if self.start else given
        if np.maximum.reduce(shifted.view(np.uint64)) >= self.n:
            bad = int(np.flatnonzero((shifted < 0) | (shifted >= self.n))[0])
            raise _outside_error(given, bad, self.space)
        return given


class _BoundsChecker:
    """Every other space: shape, kind, and elementwise bounds (a NaN is within no bounds)."""

    def __init__(
        self,
        space: spaces.Space[Any],
        num_envs: int,
        low: NDArray[Any],
        high: NDArray[Any],
        dtype: np.dtype[Any],
    ) -> None:
        self.space, self.low, self.high, self.dtype = space, low, high, dtype
        self.shape = (num_envs, *low.shape)

    def __call__(self, actions: Any, /) -> NDArray[Any]:
        given = as_array(actions)
        if given.shape != self.shape:
            raise _shape_error(given, self.shape)
        if given.dtype != self.dtype:
            if self.dtype.kind == "i":
                given = _as_integers(given)
            elif given.dtype.kind in "fiu":
                with np.errstate(over="ignore"):  # what overflows is infinite, and outside
                    given = given.astype(self.dtype)
            else:
                raise OntogymError(f"Actions of type {given.dtype} are not numbers; pass {self.dtype}.")
        inside = (given >= self.low) & (given <= self.high) & np.isfinite(given)
        if not inside.all():
            bad = int(np.flatnonzero(~inside.reshape(len(given), -1).all(1))[0])
            raise _outside_error(given, bad, self.space)
        return given


def _as_integers(given: NDArray[Any]) -> NDArray[np.int64]:
    if given.dtype.kind not in "iub":
        raise OntogymError(f"Actions of type {given.dtype} are not whole numbers; pass an integer array.")
    return given.astype(np.int64)


def _shape_error(given: NDArray[Any], shape: tuple[int, ...]) -> OntogymError:
    return OntogymError(f"Actions have shape {given.shape}; pass one action per lane, shape {shape}.")


def _outside_error(given: NDArray[Any], lane: int, space: spaces.Space[Any]) -> OntogymError:
    action, low, high = given[lane], getattr(space, "low", None), getattr(space, "high", None)
    told = str(action.tolist())
    if action.size > _TOLD and low is not None:
        at = tuple(
            int(k) for k in np.argwhere(~((action >= low) & (action <= high) & np.isfinite(action)))[0]
        )
        told = f"with {float(action[at]):g} at {at}"
    return OntogymError(
        f"The action {told} of lane {lane} is outside the action space {space}; clip it or choose another."
    )


def reset_rows(options: Mapping[str, Any] | None, num_envs: int) -> NDArray[np.intp] | None:
    """The lanes named by ``options["reset_mask"]``, ``(rows,)``, or None if all lanes are to be reset.

    Raises:
        OntogymError: the mask is no bool array of shape ``(num_envs,)``, or marks no lane.
    """
    mask = None if options is None else options.get("reset_mask")
    if mask is None:
        return None
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (num_envs,):
        raise OntogymError(f"options['reset_mask'] must be a bool array of shape ({num_envs},).")
    if not mask.any():
        raise OntogymError("options['reset_mask'] marks no lane; mark at least one or leave it out.")
    return np.flatnonzero(mask)


def lane_options(
    options: Mapping[str, Any] | None, known: Sequence[str], num_envs: int, rows: NDArray[np.intp]
) -> dict[str, NDArray[Any]]:
    """Reset options as arrays, one value per lane that is being reset.

    Args:
        options: name to one value for all lanes, or to an array whose first axis is the lanes (all
            `num_envs` of them, also when only some are reset).
        known: the option names that the dynamics understand.
        num_envs: number of lanes.
        rows: which lanes are reset.

    Raises:
        UnknownNameError: an option of another name.
        OntogymError: values that are not finite numbers or of another length.
    """
    chosen: dict[str, NDArray[Any]] = {}
    for name, value in (options or {}).items():
        if name == "reset_mask":
            continue
        if name not in known:
            raise UnknownNameError("reset option", str(name), known)
        values = np.asarray(value)
        if values.dtype.kind not in "fiub" or not np.isfinite(values).all():
            raise OntogymError(f"The reset option {name!r} must be finite numbers, not {value!r}.")
        if values.ndim and len(values) != num_envs:
            raise OntogymError(
                f"The reset option {name!r} has {len(values)} values; pass one number, or one for each of "
                f"the {num_envs} lanes."
            )
        chosen[name] = values[rows] if values.ndim else np.full(len(rows), values)
    return chosen


def whole_option(
    options: Mapping[str, NDArray[Any]], name: str, count: int, missing: int = 0, most: int | None = None
) -> NDArray[np.int64]:
    """A reset option as whole numbers ``(count,)``, none above `most`; `missing` where it is not given.

    Raises:
        OntogymError: anything else.
    """
    values = options.get(name, np.full(count, missing))
    wrong = values.ndim != 1 or (values < min(missing, 0)).any() or (values % 1 != 0).any()
    # Floats, and unsigned numbers, may be larger than those that they become.
    huge = values.dtype.kind in "fu" and (values >= 2**63).any()
    if wrong or huge or (most is not None and (values > most).any()):
        end = "on" if most is None else f"to {most}"
        raise OntogymError(f"The reset option {name!r} must be a whole number from 0 {end}.")
    return values.astype(np.int64)


def uniform_bounds(options: Mapping[str, NDArray[Any]], half_width: float) -> tuple[Any, Any]:
    """The bounds that reset options ``low`` and ``high`` name, else ``-half_width`` and ``half_width``.

    Raises:
        OntogymError: a lower bound above the upper one.
    """
    if not options:
        return -half_width, half_width
    low, high = options.get("low", -half_width), options.get("high", half_width)
    if np.any(np.asarray(low) > np.asarray(high)):
        raise OntogymError("The reset option 'low' is above 'high'; swap them.")
    return low, high


def lane_seeds_given(seed: Any, num_envs: int) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """One seed per lane, as `gymnasium.vector.SyncVectorEnv` reads them.

    Args:
        seed: None (no lane is reseeded), an int (lane k gets ``seed + k``), or a sequence of `num_envs`
            ints or Nones.

    Returns:
        Seeds ``(P,)`` and the mask of lanes that were given one.

    Raises:
        OntogymError: negative or fractional seeds, or a sequence of another length.
    """
    everyone = np.ones(num_envs, dtype=np.bool_)
    if seed is None:
        return np.zeros(num_envs, dtype=np.uint64), ~everyone
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        if not 0 <= seed <= _MAX_SEED - num_envs:
            raise OntogymError(f"The seed {seed} is out of range; pass a whole number below 2**64.")
        return np.uint64(seed) + np.arange(num_envs, dtype=np.uint64), everyone
    seeds = np.asarray(seed)
    if seeds.shape != (num_envs,):
        raise OntogymError(
            f"The seeds have shape {seeds.shape} for {num_envs} lanes; pass one seed per lane."
        )
    if seeds.dtype == object:
        everyone = np.array([value is not None for value in seeds], dtype=np.bool_)
        seeds = np.array([0 if value is None else value for value in seeds])
    if seeds.dtype.kind not in "iu" or (seeds < 0).any():
        raise OntogymError(f"The seeds {seed!r} are not all whole numbers from 0 on; pass one such per lane.")
    return seeds.astype(np.uint64), everyone


def as_autoreset_mode(mode: str | AutoresetMode) -> AutoresetMode:
    """`mode` as `gymnasium.vector.AutoresetMode`; also takes its values, such as ``"NextStep"``."""
    try:
        return AutoresetMode(mode)
    except ValueError:
        raise UnknownNameError("autoreset mode", str(mode), [m.value for m in AutoresetMode]) from None
