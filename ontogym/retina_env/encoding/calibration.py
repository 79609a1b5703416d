"""Another patient every life: find out from its answers how to encode for it."""

from __future__ import annotations

from ontogym.batched.environments import BatchedVectorEnv
from ontogym.retina_env.encoding.dynamics import EncodingEnv, EncodingState
from ontogym.retina_env.encoding.options import CalibrationOptions
from ontogym.retina_env.encoding.task import patients_task
from ontogym.retina_env.encoding.unseen import HiddenSubject

__all__ = ["RetinaCalibrationDynamics", "RetinaCalibrationEnv", "RetinaCalibrationVectorEnv"]


class RetinaCalibrationDynamics(HiddenSubject):
    """The task's rules, batch axis first; arguments as in `RetinaCalibrationEnv`."""

    options_type, make_task = CalibrationOptions, staticmethod(patients_task)
    reports = True

    def _begin(self, state: EncodingState) -> EncodingState:
        # Nothing has been shown to this patient, so nothing is known of it.
        return state


class RetinaCalibrationEnv(EncodingEnv):
    """
    ## Description

    No two retinas are alike, and a prosthesis meets one that nobody has modelled. In every life another patient, a
    simulated retina that is not named, is shown a series of images through few electrodes. After each the agent sees
    what this retina answered and what it should have answered (its answer to the full image), and can adapt its
    encoding (after Leong et al. 2024, Nature Communications 15:808, whose encoders are fitted to one retina). The
    retina itself is in the loop here, no twin.

    ## Action Space

    `Box(-1, 1, (13,))`: weights, times 0.1, of the 12 maps of `RetinaEncodingEnv` and a bias, added to the average of
    the image that is seen now. All zeros *is* averaging (rounded, so that its skill is not 0, where there are `n_levels`).
    What leaves [0, 1] is cut off.

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
    | `image`      | luminance, linear, of the image to encode now            | (128, 128) | 0   | 1   |
    | `statistics` | mean, SD, local contrast (times 10), RMS of the 12 maps  | (15,)      | 0   | 10  |
    | `target`     | mean spike counts to the full image before               | (60,)      | 0   | inf |
    | `response`   | expected spikes to what was shown of it                  | (60,)      | 0   | inf |
    | `progress`   | share of the steps that are over                         | (1,)       | 0   | 1   |

    `target` and `response` are 0 before anything was shown.

    ## Hidden State

    Which retina it is. The info holds `patient` (its number, 0 .. patients-1), `target`, `response`, `deviance` D,
    `deviance_average` D_avg, `deviance_full` D_high, `skill`, `low` (what the electrodes showed), all of the last
    presentation, and `image_index` of the one to come.

    ## Rewards

    The sum over the life of `skill - drive_penalty * mean(low)`, where
    `skill = (D_avg - D) / mean(D_avg - D_high)`, cut off at -20 and 5; the mean is over the images, for this patient.
    0 is averaging, 1 is, on average, the full image. The optimal return is that of the best actions known: for each
    image, gradient ascent through the patient's own retina, which no agent has.

    ## Starting State

    A patient and an image at random; `options={"patient": 3, "image": 5}` chooses (one for all lanes, or one for
    each; further images are those behind the chosen one).

    ## Episode End

    Terminates after `steps` images. With films a life shows the successive frames of one of them.

    ## Arguments

    | Parameter       | Type         | Default  | Description                                                      |
    |-----------------|--------------|----------|------------------------------------------------------------------|
    | `images`        | array / None | `None`   | stills (M, S, S) or films (V, T, S, S); None: dead leaves        |
    | `n_images`      | int          | `256`    | how many dead leaves                                             |
    | `n_levels`      | int / None   | `None`   | grey levels of an electrode; None: any value                     |
    | `drive_penalty` | float        | `0.0`    | reward taken away per unit of the mean electrode value           |
    | `obs`           | str          | `'both'` | `'both'`, `'image'` or `'statistics'`                            |
    | `fold`          | int          | `4`      | an electrode is a block of fold by fold pixels                   |
    | `grid`          | tuple / None | `None`   | (rows, columns) or coordinates in micrometres in place of `fold` |
    | `steps`         | int          | `30`     | images of a life                                                 |
    | `patients`      | int / list   | `16`     | how many (retina seeds from 1000 on), or seeds, or twins         |
    | `render_mode`   | str / None   | `None`   | `'rgb_array'`: image, what the electrodes show, responses        |

    ## Registered Configurations

    | Id                             | Arguments | Steps | Random return | Optimal return |
    |--------------------------------|-----------|-------|---------------|----------------|
    | `ontogym/RetinaCalibration-v0` | none      | 30    | -183.0        | 20.0           |

    ## Version History

    - v0: initial version
    """

    dynamics_type = RetinaCalibrationDynamics


class RetinaCalibrationVectorEnv(BatchedVectorEnv[EncodingState]):
    """Many `RetinaCalibrationEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = RetinaCalibrationDynamics
