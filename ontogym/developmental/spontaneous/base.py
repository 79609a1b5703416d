"""Sources of spontaneous activity: what drives the sensory nodes before any experience.

A source turns one seed per individual into a stretch of input ``(T, P, O)``. A row depends on its own seed and
parameters alone, and a longer stretch begins with the shorter one. Sources are found by name through
``ontogym.registry.SPONTANEOUS``; other packages add theirs in the entry-point group ``ontogym.spontaneous``.
Axes: ``T`` steps, ``P`` population, ``O`` sensory channels.
"""

from __future__ import annotations

import abc
import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.registry import SPONTANEOUS, key_value_words, key_values
from ontogym.seeding import LaneStreams

__all__ = [
    "OrnsteinUhlenbeck",
    "Silence",
    "SpontaneousActivity",
    "WhiteNoise",
    "check_development",
    "make_source",
    "option_words",
]


class SpontaneousActivity(abc.ABC):
    """A source of spontaneous activity; subclass, set `name`, write `_sample`.

    A learnable source takes its parameters from the genome: override `n_params` and read `params`.
    """

    name: ClassVar[str]

    def n_params(self, channels: int) -> int:
        """How many evolved numbers the source takes for so many channels; 0 for a fixed source."""
        return 0

    def initial_params(self, channels: int) -> NDArray[np.float64]:
        """Where a search starts, ``(n_params,)``: zeros, which stand for the source's defaults."""
        return np.zeros(self.n_params(channels))

    def sample(
        self,
        steps: int,
        seeds: NDArray[np.integer],
        channels: int,
        params: NDArray[np.floating] | None = None,
    ) -> NDArray[np.float32]:
        """Activity of shape ``(T, P, O)``, float32.

        Args:
            steps: T, at least 0.
            seeds: ``(P,)`` unsigned, one per individual.
            channels: O, at least 1.
            params: ``(P, n_params(channels))`` from the genomes; None means the defaults.

        Raises:
            OntogymError: a negative size, or parameters of another shape or not finite.
        """
        if steps < 0 or channels < 1:
            raise OntogymError(
                f"Spontaneous activity of {steps} steps on {channels} channels was asked for; "
                "use 0 or more steps and 1 or more channels."
            )
        lanes: NDArray[np.uint64] = np.atleast_1d(np.asarray(seeds, dtype=np.uint64))
        wanted = (len(lanes), self.n_params(channels))
        if params is None:
            values = np.broadcast_to(self.initial_params(channels), wanted)
        else:
            values = np.asarray(params, dtype=np.float64)
        if values.shape != wanted or not np.isfinite(values).all():
            raise OntogymError(
                f"The parameters of {self.name!r} must be finite and of shape {wanted}, not {values.shape}; "
                "take them from a genome evolved with this source and this number of channels."
            )
        activity = np.asarray(self._sample(steps, lanes, channels, values))
        if activity.shape != (steps, len(lanes), channels) or not np.isfinite(activity).all():
            what = (
                "numbers that are not finite"
                if activity.shape == (steps, len(lanes), channels)
                else f"shape {activity.shape}"
            )
            raise OntogymError(
                f"The source {self.name!r} gave {what}; its _sample must return finite numbers of shape (steps, individuals, channels), here "
                f"{(steps, len(lanes), channels)}."
            )
        return activity.astype(np.float32)

    @abc.abstractmethod
    def _sample(
        self, steps: int, seeds: NDArray[np.uint64], channels: int, params: NDArray[np.float64]
    ) -> NDArray[np.floating]:
        """`sample` with checked arguments."""


def make_source(
    source: str | type[SpontaneousActivity], options: Mapping[str, Any] | Iterable[str] = ()
) -> SpontaneousActivity:
    """A source of spontaneous activity with its options.

    Args:
        source: its name in ``SPONTANEOUS``, or its class.
        options: keyword arguments, or words such as ``"preset=mouse"`` (a value that is JSON is read as such).

    Raises:
        UnknownNameError: no such source, or no such option; the nearest is suggested.
        OntogymError: a value that the source refuses.
    """
    target = SPONTANEOUS.get(source) if isinstance(source, str) else source
    name = source if isinstance(source, str) else getattr(source, "name", source.__name__)
    chosen = dict(options) if isinstance(options, Mapping) else key_values(options, "development_options")
    parameters = inspect.signature(target).parameters
    if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        for option in chosen:
            if option not in parameters:
                raise UnknownNameError(f"option of the source {name!r}:", option, parameters)
    try:
        built: SpontaneousActivity = target(**chosen)
    except OntogymError:
        raise
    except (TypeError, ValueError) as error:
        raise OntogymError(
            f"The source {name!r} cannot be built with {chosen} ({error}); check its options."
        ) from error
    return built


class OrnsteinUhlenbeck(SpontaneousActivity):
    r"""A mean-reverting random walk, correlated between channels (LNDP, arXiv 2406.09787, Sec. 3).

    .. math:: x_{t+1} = x_t + \alpha \, (\mu - x_t) \, dt + L \, \xi_t, \qquad \xi_t \sim N(0, I), \; x_0 = \mu

    The noise of one step has covariance :math:`L L^\top`; with :math:`k = \alpha \, dt` the stationary covariance
    is :math:`C_{ij} = (L L^\top)_{ij} / (1 - (1 - k_i)(1 - k_j))`.

    Parameters of O channels, in this order, each from an unbounded gene g (gene 0 is the default value):

    ===== =============== =============================== =======
    what  numbers         transform                       default
    ===== =============== =============================== =======
    mu    O               g                               0
    alpha O               softplus(g) / ln 2, positive    1
    dt    O               .01 + .99 sigmoid(g - ln 10)    .1
    L     O (O + 1) / 2   g + sqrt(.19) on the diagonal   sqrt(.19) I
    ===== =============== =============================== =======

    L is lower-triangular, row by row. By default each channel has stationary mean 0 and variance 1. The first
    step returned is x_1.

    Departs from the released code: that code takes a clipped, non-symmetric matrix as covariance, which need not
    be positive; and alpha * dt is held at or below 1 (white noise about mu), since beyond 2 the walk diverges.
    """

    name = "ornstein-uhlenbeck"

    def n_params(self, channels: int) -> int:
        return 3 * channels + channels * (channels + 1) // 2

    def _sample(
        self, steps: int, seeds: NDArray[np.uint64], channels: int, params: NDArray[np.float64]
    ) -> NDArray[np.floating]:
        mu, pull, mixing = self.process(params, channels)
        noise = LaneStreams(seeds).normal((steps, channels)) @ mixing.transpose(0, 2, 1)  # (P, T, O)
        activity = np.empty((steps, len(seeds), channels))
        x = mu
        for t in range(steps):
            x = x + pull * (mu - x) + noise[:, t]
            activity[t] = x
        return activity

    @staticmethod
    def process(
        params: NDArray[np.floating], channels: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Genes ``(P, n)`` as mu ``(P, O)``, pull alpha * dt ``(P, O)`` in (0, 1], and L ``(P, O, O)``."""
        mu, g_alpha, g_dt, g_mixing = np.split(params, [channels, 2 * channels, 3 * channels], axis=1)
        alpha = np.logaddexp(0.0, g_alpha) / math.log(2.0)
        # 1 / (1 + exp(-g)) without overflow for large negative g.
        dt = 0.01 + 0.99 * np.exp(-np.logaddexp(0.0, math.log(10.0) - g_dt))
        mixing = np.zeros((len(params), channels, channels))
        rows, columns = np.tril_indices(channels)
        mixing[:, rows, columns] = g_mixing
        # 1 - (1 - alpha dt)^2 = .19 at the defaults, so this diagonal gives stationary variance 1.
        mixing[:, range(channels), range(channels)] += math.sqrt(0.19)
        return mu, np.minimum(alpha * dt, 1.0), mixing


class WhiteNoise(SpontaneousActivity):
    """Independent normal numbers at every step and channel: activity without any correlation.

    Args:
        sd: their standard deviation; the default matches the stationary one of `OrnsteinUhlenbeck`.
    """

    name = "white-noise"

    def __init__(self, sd: float = 1.0) -> None:
        if not (math.isfinite(sd) and sd >= 0):
            raise OntogymError(f"The standard deviation of white noise is {sd}; use a finite number >= 0.")
        self.sd = sd

    def _sample(
        self, steps: int, seeds: NDArray[np.uint64], channels: int, params: NDArray[np.float64]
    ) -> NDArray[np.floating]:
        return self.sd * LaneStreams(seeds).normal((steps, channels)).transpose(1, 0, 2)


class Silence(SpontaneousActivity):
    """No activity at all: the control that has the same developmental time and no input."""

    name = "silence"

    def _sample(
        self, steps: int, seeds: NDArray[np.uint64], channels: int, params: NDArray[np.float64]
    ) -> NDArray[np.floating]:
        return np.zeros((steps, len(seeds), channels))


def option_words(options: Any) -> tuple[str, ...]:
    """Options of a source as KEY=VALUE words, from a dictionary or from the list that a file holds.

    Raises:
        OntogymError: neither of the two.
    """
    if isinstance(options, Mapping):
        return tuple(key_value_words(options))
    if not isinstance(options, (list, tuple)) or not all(isinstance(word, str) for word in options):
        raise OntogymError(
            f"development_options is {options!r}; give words such as 'preset=mouse', or a dictionary."
        )
    return tuple(options)


def check_development(of: str, source: str, steps: int, options: Any) -> tuple[str, ...]:
    """What an agent's options (`of` names the agent) say of its development; returns the source's as `option_words`.

    Raises:
        OntogymError: steps or options without a source, or options that are none.
    """
    if steps and not source:
        raise OntogymError(
            f"{of}: development_steps needs a source; set development, for example 'ornstein-uhlenbeck'."
        )
    words = option_words(options)
    if words and not source:
        raise OntogymError(
            f"{of}: development_options are those of a source; set development, for example 'retinal-waves'."
        )
    return words
