"""Foraging by sight: the same line, each of whose places is known only by the direction of the bars on its wall."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.environments import BatchedEnv, BatchedVectorEnv
from ontogym.envs.foraging import ForagingDynamics, ForagingState
from ontogym.errors import OntogymError, whole_number

__all__ = ["ForagingGratingsDynamics", "ForagingGratingsEnv", "ForagingGratingsVectorEnv", "gratings"]

PHASES = 8
"""How often the bars are moved on before they stand as at first."""
_ENLARGED = 3


def gratings(directions: int, pixels: int, wavelength: float) -> NDArray[np.uint8]:
    """Bars of `directions` directions, evenly spread over half a turn, in `PHASES` phases, ``(PHASES, D, S, S)``.

    Args:
        directions: D. pixels: S, a side. wavelength: of the bars, in pixels.
    """
    y, x = np.mgrid[:pixels, :pixels] - (pixels - 1) / 2
    angle = (np.pi * np.arange(directions) / directions)[:, None, None]
    along = x * np.cos(angle) + y * np.sin(angle)
    phase = (2 * np.pi * np.arange(PHASES) / PHASES)[:, None, None, None]
    wave = np.cos(2 * np.pi * along / wavelength + phase)
    return np.rint(127.5 * (1.0 + wave)).astype(np.uint8)


class ForagingGratingsDynamics(ForagingDynamics):
    """The line's rules, seen as pictures; arguments as in `ForagingGratingsEnv`."""

    # Compiled forms see places as numbers, and are not inherited.
    native_form: ClassVar[str | None] = None

    def __init__(
        self,
        size: int = 5,
        trial_steps: int = 10,
        p_switch: float = 0.0,
        reward_only: bool = False,
        pixels: int = 56,
        wavelength: float = 8.0,
    ) -> None:
        super().__init__(size, trial_steps, p_switch, reward_only=reward_only)
        self.pixels = whole_number("pixels", pixels, 8, 256)
        if not 2.0 <= wavelength <= pixels:
            raise OntogymError(
                f"Bars of {wavelength} pixels cannot be drawn on {pixels}; pass a wavelength from 2 to {pixels}."
            )
        self.wavelength = float(wavelength)
        self.observation_space = spaces.Box(0, 255, (1, self.pixels, self.pixels), dtype=np.uint8)
        # What is seen at each place in each phase, (PHASES, size, 1, S, S): observing is one look-up.
        self._walls = gratings(self.size, self.pixels, self.wavelength)[:, :, None]

    def observe(self, state: ForagingState) -> NDArray[Any]:
        # From trial to trial the bars move on: one place has many pictures, and only their direction stays.
        return self._walls[state.trial % PHASES, state.position]

    def render_frame(self, state: ForagingState, row: int) -> NDArray[np.uint8]:
        line = super().render_frame(state, row)
        wall = self._walls[int(state.trial[row]) % PHASES, int(state.position[row]), 0]
        shown = wall.repeat(_ENLARGED, 0).repeat(_ENLARGED, 1)
        height = max(len(line), len(shown))
        frame = np.full((height, line.shape[1] + shown.shape[1], 3), 255, dtype=np.uint8)
        frame[: len(line), : line.shape[1]] = line
        frame[: len(shown), line.shape[1] :] = shown[:, :, None]
        return frame


class ForagingGratingsEnv(BatchedEnv[ForagingState]):
    """
    ## Description

    The line of `ForagingEnv` for agents with eyes. What the agent sees is the wall of the place where it stands: bars,
    whose direction is another at each place (a fifth of half a turn apart on five cells). With every trial the bars
    move on by an eighth of their wavelength, so that one place shows eight pictures, and only the direction of the bars
    tells where one is. As in a corridor that mice run through in virtual reality.

    Agents here take vectors: see it through a feature extractor (`--features waves`, docs/features.md). In the suite
    `prenatal` the eyes differ in what they were shown before birth: retinal waves, fractals, or nothing.

    ## Action Space

    `Discrete(3)`, as in `ForagingEnv`:

    | Num | Action          |
    |-----|-----------------|
    | 0   | one cell right  |
    | 1   | one cell left   |
    | 2   | stay            |

    ## Observation Space

    A `Box` of shape `(1, pixels, pixels)`, uint8: a grating, grey from 0 to 255. The reward is not seen.

    ## Hidden State

    `goal`: 0 (food at position 0) or 1 (food at position `size - 1`). The info holds `goal`, `trial` (how many
    trials are over) and `position`.

    ## Rewards

    10 for reaching the food, else 0. The optimal return is that of `ForagingEnv`, since its agent needs no more than the
    place: 490. Random returns are those of the line, too.

    ## Starting State

    The middle cell; the goal is drawn with equal chance at reset, or given by `options={"goal": 0}` or
    `{"goal": 1}`.

    ## Episode End

    Never terminates; truncated after 100 steps (one life). Within a life a trial ends on reaching the food (with
    `reward_only=True`: either end) or after `trial_steps` steps, and the agent is back in the middle within that
    step. At a trial's end the food moves to the other end with probability `p_switch`.

    ## Arguments

    | Parameter      | Type       | Default | Description                                                      |
    |----------------|------------|---------|------------------------------------------------------------------|
    | `size`         | int        | `5`     | number of cells, odd                                             |
    | `trial_steps`  | int        | `10`    | steps to a trial's time-out                                      |
    | `p_switch`     | float      | `0.0`   | probability that the food moves at a trial's end                 |
    | `reward_only`  | bool       | `False` | both ends put the agent back to the middle                       |
    | `pixels`       | int        | `56`    | side of the picture, 8 to 256                                    |
    | `wavelength`   | float      | `8.0`   | of the bars, in pixels                                           |
    | `render_mode`  | str / None | `None`  | `'rgb_array'` for pictures, with the wall beside the line        |

    ## Registered Configurations

    | Id                              | Arguments          | Steps | Random return | Optimal return |
    |---------------------------------|--------------------|-------|---------------|----------------|
    | `ontogym/ForagingGratings-v0`   | none               | 100   | 60.0          | 490.0          |

    ## Version History

    - v0: initial version
    """

    dynamics_type = ForagingGratingsDynamics


class ForagingGratingsVectorEnv(BatchedVectorEnv[ForagingState]):
    """Many `ForagingGratingsEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = ForagingGratingsDynamics
