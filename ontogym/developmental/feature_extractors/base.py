"""What a feature extractor is, and how one is made from its name.

The choice of one travels with the environment's keyword arguments, under ``features``: a name, or a dictionary of
``name`` and options. So every file that says in which world an agent lives says through which extractor it sees it.
"""

from __future__ import annotations

import abc
import inspect
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.flat import batch_of_one, is_finite
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.registry import FEATURE_EXTRACTORS

__all__ = ["FEATURES", "FeatureExtractor", "FeatureWrapper", "extracted", "make_extractor", "split_features"]

FEATURES = "features"
"""The keyword argument of every environment that names its extractor."""


class FeatureExtractor(abc.ABC):
    """A frozen function from observations of any kind to a short vector, put in front of an agent.

    It learns nothing, remembers nothing and draws no chance while agents live: equal observations give equal numbers,
    whatever stands beside them in the batch. (The word is SB3's; an *encoder* here turns pictures into currents.)

    Args:
        observation_space: of one environment. Further keyword arguments are options.

    Attributes:
        space: of what it returns, a Box of one axis ``(F,)``; set by a subclass.
    """

    name: ClassVar[str]
    space: spaces.Box

    def __init__(self, observation_space: spaces.Space[Any]) -> None:
        self.observation_space = observation_space

    @abc.abstractmethod
    def extract(self, observations: Any) -> NDArray[np.float32]:
        """A batch of ``P`` observations, in the form that a vector environment gives them, as ``(P, F)`` float32."""


class FeatureWrapper(gymnasium.ObservationWrapper[Any, Any, Any]):
    """One environment, seen through a feature extractor."""

    def __init__(self, env: gymnasium.Env[Any, Any], extractor: FeatureExtractor) -> None:
        super().__init__(env)
        self.extractor, self.observation_space = extractor, extractor.space

    def observation(self, observation: Any) -> NDArray[np.float32]:
        return extracted(self.extractor, batch_of_one(observation), 1)[0]


def extracted(extractor: FeatureExtractor, observations: Any, count: int) -> NDArray[np.float32]:
    """What an extractor makes of a batch of `count` observations, ``(count, F)``.

    Raises:
        OntogymError: it fails, gives another shape than its space states, or numbers that are not finite for finite ones.
    """
    name = type(extractor).__name__
    try:
        found = extractor.extract(observations)
    except OntogymError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise OntogymError(
            f"The feature extractor {name} failed ({type(error).__name__}: {error}; {Path(place.filename).name}, line {place.lineno}); mend it."
        ) from error
    found, wanted = np.asarray(found), (count, *extractor.space.shape)
    if found.shape != wanted:
        raise OntogymError(
            f"The feature extractor {name} gave shape {found.shape} for observations that make {wanted}; return float32 of that shape, as "
            "its space states."
        )
    # Numbers of the environment that are not finite are its fault, and end a life, not a run.
    if not np.isfinite(found).all() and is_finite(observations):
        raise OntogymError(
            f"The feature extractor {name} gave numbers that are not finite for observations that are; mend it."
        )
    return found


def split_features(env_kwargs: Mapping[str, Any] | None) -> tuple[Any, dict[str, Any]]:
    """The choice of an extractor (None without one), and the arguments that are the environment's own."""
    kwargs = dict(env_kwargs or {})
    return kwargs.pop(FEATURES, None), kwargs


def make_extractor(choice: Any, observation_space: spaces.Space[Any]) -> FeatureExtractor:
    """The extractor of a choice, for observations of a space.

    Args:
        choice: a name of the registry, "module:Class", or a dictionary of "name" and options.
        observation_space: of one environment.

    Raises:
        UnknownNameError: no such extractor, or an option that it does not take.
        OntogymError: observations that it cannot take.
    """
    options = dict(choice) if isinstance(choice, Mapping) else {"name": choice}
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise OntogymError(
            f"{FEATURES}={choice!r} names no feature extractor; give a name such as 'flatten'."
        )
    target = FEATURE_EXTRACTORS.resolve(name)
    known = list(inspect.signature(target).parameters)[1:]
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of the feature extractor {name!r}", option, known)
    extractor: FeatureExtractor = target(observation_space, **options)
    space = getattr(extractor, "space", None)
    if not isinstance(space, spaces.Box) or len(space.shape) != 1:
        raise OntogymError(
            f"The feature extractor {name!r} has the space {space}; let its constructor set self.space to a Box of one axis."
        )
    return extractor
