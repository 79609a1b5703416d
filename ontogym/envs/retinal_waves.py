"""Retinal waves as an environment: the world before experience, in which there is something to see and no task."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedEnv, BatchedVectorEnv
from ontogym.developmental.waves import WaveParameters, WaveSimulator, WaveState
from ontogym.developmental.waves.pool import wave_pool
from ontogym.developmental.waves.settings import (
    checked_frame_ms,
    checked_minutes,
    checked_pool_size,
    chosen_parameters,
)
from ontogym.errors import OntogymError, UnknownNameError, whole_number
from ontogym.seeding import LaneStreams

if TYPE_CHECKING:
    from ontogym.developmental.waves.indicator import CalciumIndicator

__all__ = ["RetinalWavesDynamics", "RetinalWavesEnv", "RetinalWavesState", "RetinalWavesVectorEnv"]

OBSERVATIONS = ("binary", "calcium")
_LEAD_FRAMES = 30
"""Frames that the calcium indicator sees before a life begins; .85^30 = .8 % of its start is left."""
_LEAST_PICTURE = 240
"""Pixels a side of the picture of one eye, at least."""


_ACTIVE = [field.name for field in dataclasses.fields(WaveState)].index("active")


class RetinalWavesState(NamedTuple):
    """All lanes' retinas, P lanes of E eyes of C cells.

    Shapes: ``frame`` (P,) how many have been seen; ``retina_seed`` (P, E) uint64; ``calcium`` (P, E, C) float32, or
    (P, E, 0) where it is not asked for; ``waves``, the arrays of the simulator's `WaveState`, each (P, E, ...).
    """

    frame: NDArray[np.int64]
    retina_seed: NDArray[np.uint64]
    calcium: NDArray[np.float32]
    waves: tuple[NDArray[Any], ...]

    @property
    def retinas(self) -> WaveState:
        """The retinas of all lanes and eyes side by side; its arrays are views of these."""
        return WaveState(*(part.reshape(-1, *part.shape[2:]) for part in self.waves))

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which cells are depolarised, ``(P, E, C)``."""
        active: NDArray[np.bool_] = self.waves[_ACTIVE]
        return active


class RetinalWavesDynamics(Dynamics[RetinalWavesState]):
    """The retinas' rules, batch axis first; arguments as in `RetinalWavesEnv`."""

    consumes: ClassVar[bool] = True
    render_fps: ClassVar[int] = 10

    def __init__(
        self,
        preset: str = "ferret",
        parameters: WaveParameters | Mapping[str, float] | None = None,
        radius: int = 36,
        obs_size: int = 40,
        frame_ms: float = 100.0,
        obs: str = "binary",
        eyes: int = 1,
        steps: int = 600,
        warm_up_min: float = 15.0,
        retinas: int = 16,
    ) -> None:
        if obs not in OBSERVATIONS:
            raise UnknownNameError("observation", str(obs), OBSERVATIONS)
        if eyes not in (1, 2):
            raise OntogymError(f"eyes is {eyes!r}; pass 1 or 2.")
        self.max_steps, self.retinas = whole_number("steps", steps, 1), checked_pool_size(retinas)
        self.simulator = WaveSimulator(chosen_parameters(preset, parameters), radius)
        self.frame_ms, self.warm_up_min = checked_frame_ms(frame_ms), checked_minutes(warm_up_min)
        self._frame_steps = round(self.frame_ms / self.simulator.dt_ms)
        self.eyes, self.radius = int(eyes), int(radius)
        self.indicator = _indicator(self.simulator, self.frame_ms) if obs == "calcium" else None
        self._raster = self.simulator.grid.raster(obs_size)
        shape = (self.eyes, int(obs_size), int(obs_size))
        self.observation_space = (
            spaces.Box(0, 255, shape, dtype=np.uint8)
            if self.indicator is None
            else spaces.Box(0.0, 1.0, shape, dtype=np.float32)
        )
        self.action_space = spaces.Discrete(1)

    def begin(self, retina_seeds: NDArray[np.uint64]) -> WaveState:
        """The warmed-up retinas of these seeds, ``(B,)``, where a life begins."""
        if self.retinas:
            pool = wave_pool(self.simulator.parameters, self.radius, self.retinas, self.warm_up_min)
            return pool.draw(retina_seeds)
        return self.simulator.warmed_up(retina_seeds, self.warm_up_min)

    def reset(
        self, streams: LaneStreams, rows: NDArray[np.intp], options: Mapping[str, NDArray[Any]]
    ) -> RetinalWavesState:
        seeds = (streams.uniform((self.eyes,), rows) * 2.0**53).astype(np.uint64)
        waves, calcium = self.begin(seeds.ravel()), np.zeros((*seeds.shape, 0), np.float32)
        if self.indicator is not None:
            waves, frames = self.simulator.record(waves, _LEAD_FRAMES, self.frame_ms, inplace=True)
            light = self.indicator.dark(seeds.size)
            for active in frames:
                self.indicator.step(light, active)
            calcium = light.reshape(*seeds.shape, -1)
        lanes = tuple(part.reshape(*seeds.shape, *part.shape[1:]) for part in waves.arrays())
        return RetinalWavesState(np.zeros(len(rows), np.int64), seeds, calcium, lanes)

    def step(
        self, state: RetinalWavesState, actions: NDArray[Any], streams: LaneStreams, parameters: Any = None
    ) -> tuple[RetinalWavesState, NDArray[np.float64], NDArray[np.bool_]]:
        retinas, lanes = state.retinas, len(state.frame)
        self.simulator.advance(retinas, self._frame_steps, inplace=True)
        if self.indicator is not None:
            self.indicator.step(state.calcium.reshape(len(retinas), -1), retinas.active)
        state.frame[...] += 1
        return state, np.zeros(lanes), np.zeros(lanes, dtype=np.bool_)

    def observe(self, state: RetinalWavesState) -> NDArray[Any]:
        if self.indicator is not None:
            return state.calcium.take(self._raster, axis=-1)
        return state.active.view(np.uint8).take(self._raster, axis=-1) * np.uint8(255)

    def info(self, state: RetinalWavesState) -> dict[str, NDArray[Any]]:
        # Counting row by row is several times as fast as one sum along an axis.
        rows = state.active.reshape(-1, self.simulator.grid.cells)
        counts = np.array([np.count_nonzero(row) for row in rows])
        return {
            "frame": state.frame.copy(),
            "active": counts.reshape(state.retina_seed.shape) / self.simulator.grid.cells,
            "retina_seed": state.retina_seed.copy(),
        }

    def render_frame(self, state: RetinalWavesState, row: int) -> NDArray[np.uint8]:
        shown = self.observe(state)[row]
        zoom = max(1, -(-_LEAST_PICTURE // shown.shape[-1]))
        grey = shown if self.indicator is None else (255 * shown).astype(np.uint8)
        gap = np.full((grey.shape[1] * zoom, zoom), 127, dtype=np.uint8)
        parts = [eye.repeat(zoom, 0).repeat(zoom, 1) for eye in grey]
        picture = np.concatenate(parts if self.eyes == 1 else [parts[0], gap, parts[1]], axis=1)
        return np.repeat(picture[..., None], 3, axis=-1)


def _indicator(simulator: WaveSimulator, frame_ms: float) -> CalciumIndicator:
    # Imported late because it brings numba, which listing the environments does not need.
    from ontogym.developmental.waves.indicator import CalciumIndicator

    return CalciumIndicator(simulator.grid, frame_ms)


class RetinalWavesEnv(BatchedEnv[RetinalWavesState]):
    """
    ## Description

    Spontaneous activity of the retina before birth: the world that an animal's visual system knows before there is
    anything to see. Waves of depolarised amacrine cells arise at random places, spread over a part of the retina,
    and leave its cells refractory for a while (Godfrey & Swindale 2007, as ReWaRD uses it, arXiv 2311.17232). There
    is no task: an agent may watch, or learn to predict. To let an agent develop on waves before it meets a task of
    other observations, use the source `retinal-waves` (`ontogym.developmental.spontaneous.retinal_waves`).

    ## Action Space

    `Discrete(1)`: 0 is the only action, and nothing hears it.

    ## Observation Space

    A `Box` of shape `(eyes, obs_size, obs_size)`: the square inscribed in each retina, nearest neighbour.

    | Num | Observation           | Unit                 | Min | Max                          |
    |-----|-----------------------|----------------------|-----|------------------------------|
    | 0   | retina of the one eye | see below            | 0   | 255 (binary) or 1 (calcium)  |
    | 1   | of the other, if any  | see below            | 0   | 255 (binary) or 1 (calcium)  |

    With `obs="binary"` uint8: 255 where a cell is depolarised, else 0. With `obs="calcium"` float32: the
    fluorescence of an indicator, which at 100 ms a frame keeps .85 of itself, gains .01 from the cell's own activity
    and .005 from each active cell within three rings, and is capped at 1. (At another `frame_ms` it has the same time
    constant; see `ontogym.developmental.waves.indicator`.) A binary life begins at the end of the warm-up, a calcium
    life 30 frames later, so that its indicator is not dark.

    ## Hidden State

    Thresholds, excitation and refractoriness of all cells, also of those outside the square. The info holds `frame`
    (how many have been seen), `active` (which part of each retina is depolarised, shape `(eyes,)`) and
    `retina_seed` `(eyes,)`: with `retinas=0`, `WaveSimulator.warmed_up` of this seed is the retina that the life
    begins with, otherwise `RetinaPool.draw` of it, and recording it gives the frames of the life.

    ## Rewards

    Always 0: there is none to earn, so that the random and the optimal return are 0.

    ## Starting State

    A retina after `warm_up_min` simulated minutes, one for each eye; eyes are independent. With `retinas` = N it is
    one of a pool of N warmed-up retinas, at a random moment of the eight minutes after its warm-up, with random
    numbers of its own from then on: a reset costs milliseconds, once the pool is warm. Lives that happen to begin
    with the same retina at nearly the same moment look alike for their first minute or two. With `retinas=0` every
    life has a retina of its own from the first step of its warm-up, which costs each reset the whole warm-up
    (except where the seed was met before).

    ## Episode End

    Never terminates; truncated after `steps` frames.

    ## Arguments

    | Parameter     | Type          | Default    | Description                                                  |
    |---------------|---------------|------------|--------------------------------------------------------------|
    | `preset`      | str           | `'ferret'` | species or setting, see `ontogym.developmental.waves.PRESETS`|
    | `parameters`  | dict / None   | `None`     | `WaveParameters`, or those that differ from the preset's     |
    | `radius`      | int           | `36`       | of the retina, in cells of 34 µm                             |
    | `obs_size`    | int           | `40`       | pixels a side, at most `2 * radius + 1`                      |
    | `frame_ms`    | float         | `100.0`    | simulated time of a step, a multiple of 25                   |
    | `obs`         | str           | `'binary'` | `'binary'` or `'calcium'`                                    |
    | `eyes`        | int           | `1`        | 1 or 2                                                       |
    | `steps`       | int           | `600`      | frames of a life                                             |
    | `warm_up_min` | float         | `15.0`     | simulated minutes before a life                              |
    | `retinas`     | int           | `16`       | size of the pool of warmed-up retinas; 0 for none            |
    | `render_mode` | str / None    | `None`     | `'rgb_array'` for pictures: what the agent sees, enlarged    |

    ## Registered Configurations

    | Id                        | Arguments | Steps | Random return | Optimal return |
    |---------------------------|-----------|-------|---------------|----------------|
    | `ontogym/RetinalWaves-v0` | none      | 600   | 0.0           | 0.0            |

    ## Version History

    - v0: initial version
    """

    dynamics_type = RetinalWavesDynamics

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One frame; `truncated` at the last of the life, which is an argument here, not the id's."""
        seen, reward, terminated, _, info = super().step(action)
        return seen, reward, terminated, info["frame"] >= self.dynamics.max_steps, info


class RetinalWavesVectorEnv(BatchedVectorEnv[RetinalWavesState]):
    """Many `RetinalWavesEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = RetinalWavesDynamics
