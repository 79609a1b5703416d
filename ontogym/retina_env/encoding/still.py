"""One image, one presentation: weights of twelve maps, or every electrode for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from torch import Tensor

from ontogym.batched.environments import BatchedVectorEnv
from ontogym.retina_env.encoding.dynamics import EncodingDynamics, EncodingEnv, EncodingState
from ontogym.retina_env.encoding.options import TwinOptions
from ontogym.retina_env.encoding.task import twin_task

__all__ = [
    "RetinaEncodingDynamics",
    "RetinaEncodingEnv",
    "RetinaEncodingPixelsDynamics",
    "RetinaEncodingPixelsEnv",
    "RetinaEncodingPixelsVectorEnv",
    "RetinaEncodingVectorEnv",
]

PIXEL_SCALE = 0.3
"""Luminance per unit of action where every electrode has its own."""


class RetinaEncodingDynamics(EncodingDynamics):
    """The task's rules, batch axis first; arguments as in `RetinaEncodingEnv`."""

    options_type, make_task = TwinOptions, staticmethod(twin_task)

    def residual(self, state: EncodingState, image: Tensor, actions: Tensor) -> Tensor:
        return self.weighted_maps(image, actions)


class RetinaEncodingPixelsDynamics(RetinaEncodingDynamics):
    """The same with one action per electrode; arguments as in `RetinaEncodingPixelsEnv`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.action_space = spaces.Box(-1.0, 1.0, self.task.layout.shape, dtype=np.float32)

    def residual(self, state: EncodingState, image: Tensor, actions: Tensor) -> Tensor:
        return PIXEL_SCALE * actions.flatten(1)


class RetinaEncodingEnv(EncodingEnv):
    """
    ## Description

    A prosthesis has few electrodes: what should it show the retina of an image? (After Leong et al. 2024, "An
    actor-model framework for visual sensory encoding", Nature Communications 15:808.) The agent sees the full image
    and chooses how the electrodes differ from its local averages. A frozen digital twin of a retina answers; the
    reward says how much nearer its answer is to what the retina answered to the full image. A life is one image
    (a contextual bandit). Retina and twin: `ontogym.retina_env`; images: dead leaves unless others are given.

    ## Action Space

    `Box(-1, 1, (13,))`: weights, times 0.1, of maps of the image that are added to the average. Each has mean 0 and
    SD 1 over dead leaves. All zeros *is* averaging, but for the rounding where there are `n_levels`: it costs a mean
    skill of .07 with 16 of them, .3 with 8, 2.4 with 4 and 19 with 2, since skill 0 is that of the average as it is
    without rounding. What leaves [0, 1] is cut off.

    | Num   | Map                                                                                       |
    |-------|-------------------------------------------------------------------------------------------|
    | 0     | average, minus the mean of the image (contrast)                                           |
    | 1-3   | differences of Gaussians, centres of 1/4, 1/2 and 1 electrode pitch, surrounds twice that |
    | 4-6   | their positive parts beyond a threshold, averaged after rectification (ON)                |
    | 7-9   | their negative parts, likewise (OFF)                                                      |
    | 10    | aliasing residual: the pixel in the electrode's middle minus the average                  |
    | 11    | blur, two pitches wide, minus the mean of the image                                       |
    | 12    | bias: 1 everywhere                                                                        |

    ## Observation Space

    A `Dict`, float32 (`obs="image"` and `obs="statistics"` leave only one of its parts):

    | Key          | Observation                                                        | Shape      | Min | Max |
    |--------------|--------------------------------------------------------------------|------------|-----|-----|
    | `image`      | luminance, linear                                                  | (128, 128) | 0   | 1   |
    | `statistics` | mean, SD, local contrast (times 10), RMS of the 12 maps            | (15,)      | 0   | 10  |

    ## Hidden State

    What the retina answered. The info holds `target` (N,), its mean spike counts in ten presentations of the full
    image; `response` (N,), what the twin answered to what was shown; `deviance` D between the two (Poisson, mean
    over neurons), `deviance_average` D_avg and `deviance_full` D_high, the same for averages and for the full image;
    `skill`; `low`, what the electrodes showed; `image_index`. With `true_retina=True` also `retina_skill`: the skill
    of what was shown on the source retina itself ("ex-vivo"), at half the speed. Never report the twin alone.
    Before the first step they are those of averaging.

    ## Rewards

    `skill - drive_penalty * mean(low)`, where `skill = (D_avg - D) / mean(D_avg - D_high)`, cut off at -20 and 5; the
    mean is over all images. 0 is averaging, 1 is, on average, the full image. The optimal return is that of the best
    actions known: for each image, gradient ascent on how near the twin's answer comes to its own answer to the full
    image (`ontogym.retina_env.encoding.reference.best_actions`; measured by `benchmarks/env_anchors.py`); nobody is
    told the target.

    ## Starting State

    An image at random; `options={"image": 3}` chooses one (one for all lanes, or one for each).

    ## Episode End

    Terminates after the one presentation.

    ## Arguments

    | Parameter       | Type         | Default  | Description                                                      |
    |-----------------|--------------|----------|------------------------------------------------------------------|
    | `images`        | array / None | `None`   | (M, S, S) floats in [0, 1]; None: dead leaves                    |
    | `n_images`      | int          | `512`    | how many dead leaves                                             |
    | `n_levels`      | int / None   | `None`   | grey levels of an electrode; None: any value                     |
    | `drive_penalty` | float        | `0.0`    | reward taken away per unit of the mean electrode value           |
    | `obs`           | str          | `'both'` | `'both'`, `'image'` or `'statistics'`                            |
    | `fold`          | int          | `4`      | an electrode is a block of fold by fold pixels                   |
    | `grid`          | tuple / None | `None`   | electrodes in place of `fold`, see below                         |
    | `twin`          | any          | `None`   | who judges, see below; None: the twin of retina `retina_seed`    |
    | `retina_seed`   | int          | `0`      | simulated retina; 0 ships with its twin, others are fitted once  |
    | `responses`     | array / None | `None`   | (M, N) ground truth; None: what the simulated retina answers     |
    | `true_retina`   | bool         | `False`  | also judge on the source retina, in the info                     |
    | `render_mode`   | str / None   | `None`   | `'rgb_array'`: image, what the electrodes show, responses        |

    `twin` may be a twin's file, a `ForwardModel`, or any function of images (B, S, S) to rates (B, N): NumPy arrays, or
    tensors and differentiable if it is a `torch.nn.Module`. A function from elsewhere without `responses` is compared
    with its own answers to full images. `grid` is (rows, columns) spread over the image, (6, 10) as in an Argus II, or
    coordinates (E, 2), x and y in micrometres in a field of 3 200; each pixel shows its nearest electrode.

    Beside `step`, `env.unwrapped.dynamics.forward(env.unwrapped.state, actions)` gives the same as PyTorch tensors,
    whose gradients reach `actions` (P, 13). A lane's numbers do not depend on the lanes beside it: eight are always
    evaluated together (they may still differ between machines in the last digits).

    ## Registered Configurations

    | Id                          | Arguments | Steps | Random return | Optimal return |
    |-----------------------------|-----------|-------|---------------|----------------|
    | `ontogym/RetinaEncoding-v0` | none      | 1     | -8.1          | 0.72           |

    ## Version History

    - v0: initial version
    """

    dynamics_type = RetinaEncodingDynamics


class RetinaEncodingVectorEnv(BatchedVectorEnv[EncodingState]):
    """Many `RetinaEncodingEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = RetinaEncodingDynamics


class RetinaEncodingPixelsEnv(EncodingEnv):
    """
    ## Description

    `RetinaEncodingEnv` with every electrode an action of its own: what should a prosthesis of few electrodes show a
    retina of an image? (After Leong et al. 2024, Nature Communications 15:808.) This one is hard: 1024 actions, one
    reward. PPO on pixels hardly leaves averaging, while gradients through the twin (`dynamics.forward`) solve it: that
    gap is what the environment is for.

    ## Action Space

    `Box(-1, 1, (32, 32))`, or the shape of `grid`: what each electrode shows beside its local average, times 0.3. All
    zeros *is* averaging (rounded, so that its skill is not 0, where there are `n_levels`: see `RetinaEncodingEnv`). What
    leaves [0, 1] is cut off. Actions that are not finite are an error.

    | Num  | Action                                        |
    |------|-----------------------------------------------|
    | i, j | brightness added to electrode (i, j) over 0.3 |

    ## Observation Space

    A `Dict`, float32 (`obs="image"` and `obs="statistics"` leave only one of its parts):

    | Key          | Observation                                                        | Shape      | Min | Max |
    |--------------|--------------------------------------------------------------------|------------|-----|-----|
    | `image`      | luminance, linear                                                  | (128, 128) | 0   | 1   |
    | `statistics` | mean, SD, local contrast (times 10), RMS of the 12 maps            | (15,)      | 0   | 10  |

    ## Hidden State

    As in `RetinaEncodingEnv`, and so is the info: `target`, `response`, `deviance`, `deviance_average`,
    `deviance_full`, `skill`, `low`, `image_index`, and `retina_skill` with `true_retina=True`.

    ## Rewards

    `skill - drive_penalty * mean(low)` as in `RetinaEncodingEnv`: 0 is averaging, 1 is, on average, the full image;
    cut off at -20 and 5. The optimal return is that of the best actions known: for each image, gradient ascent on how
    near the twin's answer comes to its own answer to the full image
    (`ontogym.retina_env.encoding.reference.best_actions`).

    ## Starting State

    An image at random; `options={"image": 3}` chooses one (one for all lanes, or one for each).

    ## Episode End

    Terminates after the one presentation.

    ## Arguments

    | Parameter       | Type         | Default  | Description                                                      |
    |-----------------|--------------|----------|------------------------------------------------------------------|
    | `images`        | array / None | `None`   | (M, S, S) floats in [0, 1]; None: dead leaves                    |
    | `n_images`      | int          | `512`    | how many dead leaves                                             |
    | `n_levels`      | int / None   | `None`   | grey levels of an electrode; None: any value                     |
    | `drive_penalty` | float        | `0.0`    | reward taken away per unit of the mean electrode value           |
    | `obs`           | str          | `'both'` | `'both'`, `'image'` or `'statistics'`                            |
    | `fold`          | int          | `4`      | an electrode is a block of fold by fold pixels                   |
    | `grid`          | tuple / None | `None`   | electrodes in place of `fold`, see below                         |
    | `twin`          | any          | `None`   | who judges, see below; None: the twin of retina `retina_seed`    |
    | `retina_seed`   | int          | `0`      | simulated retina; 0 ships with its twin, others are fitted once  |
    | `responses`     | array / None | `None`   | (M, N) ground truth; None: what the simulated retina answers     |
    | `true_retina`   | bool         | `False`  | also judge on the source retina, in the info                     |
    | `render_mode`   | str / None   | `None`   | `'rgb_array'`: image, what the electrodes show, responses        |

    `twin` may be a twin's file, a `ForwardModel`, or any function of images (B, S, S) to rates (B, N): NumPy arrays, or
    tensors and differentiable if it is a `torch.nn.Module`. A function from elsewhere without `responses` is compared
    with its own answers to full images. `grid` is (rows, columns) spread over the image, (6, 10) as in an Argus II, or
    coordinates (E, 2), x and y in micrometres in a field of 3 200; each pixel shows its nearest electrode.

    ## Registered Configurations

    | Id                                | Arguments | Steps | Random return | Optimal return |
    |-----------------------------------|-----------|-------|---------------|----------------|
    | `ontogym/RetinaEncodingPixels-v0` | none      | 1     | -5.9          | 1.0            |

    ## Version History

    - v0: initial version
    """

    dynamics_type = RetinaEncodingPixelsDynamics


class RetinaEncodingPixelsVectorEnv(BatchedVectorEnv[EncodingState]):
    """Many `RetinaEncodingPixelsEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = RetinaEncodingPixelsDynamics
