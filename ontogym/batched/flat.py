"""A batch of observations or actions of any of Gymnasium's spaces as numbers, batch axis first, and back to one.

``P`` lanes. Box as it is; Discrete and MultiDiscrete one-hot; Dict and Tuple part after part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

__all__ = ["batch_of_one", "flatten_batch", "is_finite"]


def flatten_batch(space: spaces.Space[Any], batch: Any) -> NDArray[np.float32]:
    """A batch of what `space` holds, as a vector environment gives it, ``(P, channels)`` float32."""
    if isinstance(space, spaces.Dict):
        return np.concatenate([flatten_batch(part, batch[key]) for key, part in space.spaces.items()], 1)
    if isinstance(space, spaces.Tuple):
        return np.concatenate([flatten_batch(part, item) for part, item in zip(space.spaces, batch)], 1)
    values = np.asarray(batch)
    if isinstance(space, spaces.Discrete):
        chosen: NDArray[np.float32] = np.eye(int(space.n), dtype=np.float32)[values - space.start]
        return chosen
    if isinstance(space, spaces.MultiDiscrete):
        rows = (values - space.start).reshape(len(values), -1)
        return np.concatenate(
            [np.eye(int(n), dtype=np.float32)[rows[:, k]] for k, n in enumerate(space.nvec.ravel())], 1
        )
    return values.reshape(len(values), -1).astype(np.float32)


def batch_of_one(item: Any) -> Any:
    """One observation or action as a batch, in the form of its space."""
    if isinstance(item, Mapping):
        return {key: batch_of_one(part) for key, part in item.items()}
    if isinstance(item, tuple):
        return tuple(batch_of_one(part) for part in item)
    return np.asarray(item)[None]


def is_finite(value: Any) -> bool:
    """Whether all numbers of an observation are."""
    if isinstance(value, Mapping):
        return all(map(is_finite, value.values()))
    if isinstance(value, tuple):
        return all(map(is_finite, value))
    array = np.asarray(value)
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())
