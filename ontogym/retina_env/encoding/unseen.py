"""One image, one presentation, for an animal that nobody has met."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ontogym.batched.environments import BatchedVectorEnv
from ontogym.batched.inputs import whole_option
from ontogym.retina_env.encoding.dynamics import EncodingDynamics, EncodingEnv, EncodingState
from ontogym.retina_env.encoding.options import AnimalOptions
from ontogym.retina_env.encoding.task import animals_task

__all__ = ["RetinaEncodingAnimalsDynamics", "RetinaEncodingAnimalsEnv", "RetinaEncodingAnimalsVectorEnv"]


class HiddenSubject(EncodingDynamics):
    """Tasks in which each life has another of the judge's subjects, who is not named."""

    reset_options = ("image", "patient")

    def _patients(self, u: NDArray[np.float64], options: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
        count = self.task.judge.subjects
        if "patient" in options:
            return whole_option(options, "patient", len(u), most=count - 1)
        return np.asarray((u * count).astype(np.int64))

    def residual(self, state: EncodingState, image: Tensor, actions: Tensor) -> Tensor:
        return self.weighted_maps(image, actions)

    def info(self, state: EncodingState) -> dict[str, NDArray[Any]]:
        return super().info(state) | {"patient": state.patient}


class RetinaEncodingAnimalsDynamics(HiddenSubject):
    """The task's rules, batch axis first; arguments as in `RetinaEncodingAnimalsEnv`."""

    options_type, make_task = AnimalOptions, staticmethod(animals_task)


class RetinaEncodingAnimalsEnv(EncodingEnv):
    """
    ## Description

    What should a prosthesis show an animal that nobody has modelled? As `RetinaEncodingEnv` (after Leong et al. 2024,
    Nature Communications 15:808), but judged by simulated retinas that no twin was fitted to: in each life another
    one, of 300 cells in mosaics over the whole picture, who differs from others in the scale of its receptive fields,
    in which ON and OFF cells have survived, in gains and in nonlinearities. What it answers to the full image is known
    without noise. An encoder that exploits the errors of one model loses here.

    ## Action Space

    `Box(-1, 1, (13,))`: weights, times 0.1, of the 12 maps of `RetinaEncodingEnv` and a bias, added to the average of
    the image. All zeros *is* averaging (rounded, so that its skill is not 0, where there are `n_levels`). What leaves
    [0, 1] is cut off.

    | Num   | Map                                                     |
    |-------|---------------------------------------------------------|
    | 0     | average, minus the mean of the image (contrast)         |
    | 1-3   | differences of Gaussians of three scales                |
    | 4-9   | ON and OFF: their rectified parts                       |
    | 10    | aliasing residual                                       |
    | 11    | blur                                                    |
    | 12    | bias                                                    |

    ## Observation Space

    A `Dict`, float32 (`obs="image"` and `obs="statistics"` leave only one of its parts):

    | Key          | Observation                                                        | Shape      | Min | Max |
    |--------------|--------------------------------------------------------------------|------------|-----|-----|
    | `image`      | luminance, linear                                                  | (128, 128) | 0   | 1   |
    | `statistics` | mean, SD, local contrast (times 10), RMS of the 12 maps            | (15,)      | 0   | 10  |

    ## Hidden State

    Which animal it is. The info holds `patient` (its number), `target` and `response` (300,), expected spikes to the
    full image and to what was shown, `deviance` D, `deviance_average` D_avg, `skill`, `low`, `image_index`.

    ## Rewards

    `skill - drive_penalty * mean(low)`, where `skill = (D_avg - D) / (share * mean(D_avg))`, cut off at -20 and 5; the
    mean is over the images, for this animal. 0 is averaging, 1 is, on average, the best known picture: one picture for
    all animals, found by projected gradient (`ontogym.retina_env.encoding.optimum`), which takes away a `share` of
    averaging's loss. The optimal return is therefore 1.

    ## Starting State

    An image and an animal at random; `options={"image": 3, "patient": 5}` chooses (one for all lanes, or one for each).

    ## Episode End

    Terminates after the one presentation.

    ## Arguments

    | Parameter       | Type         | Default      | Description                                                          |
    |-----------------|--------------|--------------|----------------------------------------------------------------------|
    | `images`        | any          | `None`       | (M, S, S), or 'leaves' (None), 'held-out leaves', 'photographs'      |
    | `n_images`      | int          | `256`        | how many dead leaves or, at most, photographs                        |
    | `n_levels`      | int / None   | `None`       | grey levels of an electrode; None: any value                         |
    | `drive_penalty` | float        | `0.0`        | reward taken away per unit of the mean electrode value               |
    | `obs`           | str          | `'both'`     | `'both'`, `'image'` or `'statistics'`                                |
    | `fold`          | int          | `4`          | an electrode is a block of fold by fold pixels                       |
    | `grid`          | tuple / None | `None`       | (rows, columns) or coordinates in micrometres in place of `fold`     |
    | `animals`       | any          | `'training'` | 'training', 'held-out', how many of those to train on, or seeds      |
    | `share`         | float / None | `None`       | the best known picture's share of the loss; None: as was measured    |
    | `render_mode`   | str / None   | `None`       | `'rgb_array'`: image, what the electrodes show, responses            |

    ## Registered Configurations

    | Id                                 | Arguments | Steps | Random return | Optimal return |
    |------------------------------------|-----------|-------|---------------|----------------|
    | `ontogym/RetinaEncodingAnimals-v0` | none      | 1     | -7.3          | 1.0            |

    ## Version History

    - v0: initial version
    """

    dynamics_type = RetinaEncodingAnimalsDynamics


class RetinaEncodingAnimalsVectorEnv(BatchedVectorEnv[EncodingState]):
    """Many `RetinaEncodingAnimalsEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = RetinaEncodingAnimalsDynamics
