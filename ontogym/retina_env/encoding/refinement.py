"""One image, several presentations: look at the response, correct, look again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.batched.environments import BatchedVectorEnv
from ontogym.errors import OntogymError
from ontogym.retina_env.encoding.dynamics import EncodingDynamics, EncodingEnv, EncodingState
from ontogym.retina_env.encoding.options import RefinementOptions
from ontogym.retina_env.encoding.task import EncodingTask, twin_task

__all__ = ["RetinaRefinementDynamics", "RetinaRefinementEnv", "RetinaRefinementVectorEnv"]


class RetinaRefinementDynamics(EncodingDynamics):
    """The task's rules, batch axis first; arguments as in `RetinaRefinementEnv`."""

    options_type, reports = RefinementOptions, True

    @staticmethod
    def make_task(options: RefinementOptions) -> EncodingTask:
        if options.steps == 1:
            raise OntogymError("One step refines nothing; pass two steps or more, or use RetinaEncoding-v0.")
        return twin_task(options)

    def _images(self, u: NDArray[np.float64], options: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
        image = super()._images(u, options)
        return image if self.frames > 1 else np.repeat(image[:, :1], self.steps, axis=1)

    def residual(self, state: EncodingState, image: Tensor, actions: Tensor) -> Tensor:
        # Beyond one, nothing of the average is left; what is hidden there would only have to be undone.
        return (torch.from_numpy(state.residual) + self.weighted_maps(image, actions)).clamp(-1, 1)

    def reward(self, state: EncodingState, skill: Tensor, shown: Tensor) -> Tensor:
        gained = skill - torch.from_numpy(state.skill)
        # The price of what was shown before has been paid: over a life these add up to the last one's.
        paid = self.display.price(torch.from_numpy(state.shown)) * torch.from_numpy(state.step > 0)
        return gained - (self.display.price(shown) - paid)


class RetinaRefinementEnv(EncodingEnv):
    """
    ## Description

    `RetinaEncodingEnv` with feedback: the electrodes begin with averages of the image, and in each of a few steps the
    agent sees how the retina's twin answers to what they show, and what it should answer, and corrects them (after
    Leong et al. 2024, Nature Communications 15:808). The reward is the skill that a step gains.

    ## Action Space

    `Box(-1, 1, (13,))`: weights, times 0.1, of the 12 maps of `RetinaEncodingEnv` and a bias, *added to what the
    electrodes show*. All zeros changes nothing (but that the first step rounds the average, and may lose skill by it, where
    there are `n_levels`). The sum of all corrections is cut off at -1 and 1, what is shown at 0
    and 1.

    | Num   | Map                                                     |
    |-------|---------------------------------------------------------|
    | 0     | average, minus the mean of the image (contrast)         |
    | 1-3   | differences of Gaussians of three scales                |
    | 4-9   | ON and OFF: their rectified parts                       |
    | 10    | aliasing residual                                       |
    | 11    | blur                                                    |
    | 12    | bias                                                    |

    ## Observation Space

    A `Dict`, float32 (`obs="image"` and `obs="statistics"` leave out one of the first two):

    | Key          | Observation                                              | Shape      | Min | Max |
    |--------------|----------------------------------------------------------|------------|-----|-----|
    | `image`      | luminance, linear                                        | (128, 128) | 0   | 1   |
    | `statistics` | mean, SD, local contrast (times 10), RMS of the 12 maps  | (15,)      | 0   | 10  |
    | `target`     | mean spike counts to the full image                      | (60,)      | 0   | inf |
    | `response`   | expected spikes to what the electrodes show              | (60,)      | 0   | inf |
    | `progress`   | share of the steps that are over                         | (1,)       | 0   | 1   |

    ## Hidden State

    None of the target; the twin itself. Info as in `RetinaEncodingEnv`: `target`, `response`, `deviance`,
    `deviance_average`, `deviance_full`, `skill`, `low`, `image_index`, and `retina_skill` with `true_retina=True`.

    ## Rewards

    `skill(t) - skill(t - 1)`, where skill is that of `RetinaEncodingEnv`, cut off at -20 and 5, and 0 for averaging;
    so a life returns the skill of its last step. `drive_penalty * mean(low)` of the last step is taken away from it,
    its change at each step. The optimal return is that of the best actions known: in each step, gradient ascent through
    the twin towards the target that the agent sees (which is why it can exceed 1).

    ## Starting State

    An image at random, shown as averages, and the response to it; `options={"image": 3}` chooses the image.

    ## Episode End

    Terminates after `steps` steps. With films a life shows successive frames of one of them, and corrections are
    carried from frame to frame; `target` and `response` are then those of the frame before (of the first, at the start).

    ## Arguments

    | Parameter       | Type         | Default  | Description                                                      |
    |-----------------|--------------|----------|------------------------------------------------------------------|
    | `images`        | array / None | `None`   | stills (M, S, S) or films (V, T, S, S); None: dead leaves        |
    | `n_images`      | int          | `512`    | how many dead leaves                                             |
    | `n_levels`      | int / None   | `None`   | grey levels of an electrode; None: any value                     |
    | `drive_penalty` | float        | `0.0`    | reward taken away per unit of the mean electrode value           |
    | `obs`           | str          | `'both'` | `'both'`, `'image'` or `'statistics'`                            |
    | `fold`          | int          | `4`      | an electrode is a block of fold by fold pixels                   |
    | `grid`          | tuple / None | `None`   | (rows, columns) or coordinates in micrometres in place of `fold` |
    | `twin`          | any          | `None`   | as in `RetinaEncodingEnv`; None: the twin of retina `retina_seed`|
    | `retina_seed`   | int          | `0`      | simulated retina; 0 ships with its twin, others are fitted once  |
    | `responses`     | array / None | `None`   | (M, N) or (V * T, N) ground truth; None: the simulated retina's  |
    | `true_retina`   | bool         | `False`  | also judge on the source retina, in the info                     |
    | `steps`         | int          | `6`      | steps of a life, 2 or more                                       |
    | `render_mode`   | str / None   | `None`   | `'rgb_array'`: image, what the electrodes show, responses        |

    ## Registered Configurations

    | Id                            | Arguments | Steps | Random return | Optimal return |
    |-------------------------------|-----------|-------|---------------|----------------|
    | `ontogym/RetinaRefinement-v0` | none      | 6     | -15.8         | 1.3            |

    ## Version History

    - v0: initial version
    """

    dynamics_type = RetinaRefinementDynamics


class RetinaRefinementVectorEnv(BatchedVectorEnv[EncodingState]):
    """Many `RetinaRefinementEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = RetinaRefinementDynamics
