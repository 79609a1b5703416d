"""What the patient of an implant sees: one picture once, or a patient to be found out over a life."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ontogym.batched.environments import BatchedVectorEnv
from ontogym.retina_env.encoding.dynamics import WEIGHT_SCALE, WEIGHTS, EncodingEnv, EncodingState
from ontogym.retina_env.encoding.options import PerceptCalibrationOptions, PerceptOptions
from ontogym.retina_env.encoding.percept_judge import PerceptJudge
from ontogym.retina_env.encoding.scenes import TurnedScenes
from ontogym.retina_env.encoding.task import percept_task
from ontogym.retina_env.encoding.unseen import HiddenSubject

__all__ = [
    "PerceptCalibrationDynamics",
    "PerceptCalibrationEnv",
    "PerceptCalibrationVectorEnv",
    "RetinaEncodingPerceptDynamics",
    "RetinaEncodingPerceptEnv",
    "RetinaEncodingPerceptVectorEnv",
]


class RetinaEncodingPerceptDynamics(HiddenSubject):
    """The task's rules, batch axis first; arguments as in `RetinaEncodingPerceptEnv`."""

    options_type, make_task = PerceptOptions, staticmethod(percept_task)

    def render_frame(self, state: EncodingState, row: int) -> NDArray[np.uint8]:
        return _drawn(self, state, row)


class RetinaEncodingPerceptEnv(EncodingEnv):
    """
    ## Description

    What should an implant of sixty electrodes show its patient? In each life another patient of an Argus II sees what
    the electrodes give, by the axon map model (Beyeler et al. 2019, Scientific Reports 9:9199): streaks along the
    retina's nerve fibres. Patients differ in how far current spreads across and along fibres (rho, lambda), in how the
    implant is turned, in dead electrodes and in their threshold, and none of it is told. The percept should look like
    the picture.

    ## Action Space

    `Box(-1, 1, (13,))`: weights, times 0.1, of the 12 maps of `RetinaEncodingEnv` and a bias, added to the average of
    the picture around each electrode. All zeros *is* averaging (rounded, so that its skill is not 0, where there are
    `n_levels`). What leaves [0, 1] is cut off.

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
    | `image`      | luminance, linear; as wide as the implant's part of the field      | (128, 128) | 0   | 1   |
    | `statistics` | mean, SD, local contrast (times 10), RMS of the 12 maps            | (15,)      | 0   | 10  |

    ## Hidden State

    The patient. The info holds `patient` (its number), `target` and `response`: luminance and brightness at the points
    of the visual field, `loss`, `loss_average`, `skill`, `low`, `image_index`.

    ## Rewards

    `skill - drive_penalty * mean(low)`, where `skill = (L_avg - L) / (share * mean(L_avg))`, cut off at -20 and 5, and
    `L = 1 - r`, r being the correlation of percept and picture over the points of the field. 0 is averaging, 1 is, on
    average, the best known picture: one for all patients, found by projected gradient
    (`ontogym.retina_env.encoding.optimum`). The optimal return is therefore 1.

    ## Starting State

    An image and a patient at random; `options={"image": 3, "patient": 5}` chooses (one for all lanes, or one for each).

    ## Episode End

    Terminates after the one presentation.

    ## Arguments

    | Parameter       | Type         | Default      | Description                                                          |
    |-----------------|--------------|--------------|----------------------------------------------------------------------|
    | `images`        | any          | `None`       | (M, S, S), or 'leaves' (None), 'held-out leaves', 'photographs'      |
    | `n_images`      | int          | `256`        | how many dead leaves or, at most, photographs                        |
    | `n_levels`      | int / None   | `None`       | levels of an electrode; None: any value                              |
    | `drive_penalty` | float        | `0.0`        | reward taken away per unit of the mean electrode value               |
    | `obs`           | str          | `'both'`     | `'both'`, `'image'` or `'statistics'`                                |
    | `implant`       | str          | `'argus-ii'` | a name, 'pulse2percept:CLASS', or a file of coordinates              |
    | `patients`      | any          | `'training'` | 'training', 'held-out', how many of those to train on, or seeds      |
    | `share`         | float / None | `None`       | the best known picture's share of the loss; None: as was measured    |
    | `fast`          | bool         | `False`      | percepts by one product (for training) in place of the exact maximum |
    | `render_mode`   | str / None   | `None`       | `'rgb_array'`: image, what the electrodes show, the percept          |

    ## Registered Configurations

    | Id                                 | Arguments | Steps | Random return | Optimal return |
    |------------------------------------|-----------|-------|---------------|----------------|
    | `ontogym/RetinaEncodingPercept-v0` | none      | 1     | -0.5          | 1.0            |

    ## Version History

    - v0: initial version
    """

    dynamics_type = RetinaEncodingPerceptDynamics


class RetinaEncodingPerceptVectorEnv(BatchedVectorEnv[EncodingState]):
    """Many `RetinaEncodingPerceptEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = RetinaEncodingPerceptDynamics


DRAWN = (6, 10)
"""Rows and columns of fields into which a patient draws what it sees."""


class PerceptCalibrationDynamics(HiddenSubject):
    """The task's rules, batch axis first; arguments as in `PerceptCalibrationEnv`."""

    options_type = PerceptCalibrationOptions
    make_task = staticmethod(functools.partial(percept_task, scale="percept-each", turned=True))
    reports = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.action_space = spaces.Box(-1.0, 1.0, (WEIGHTS + 1,), dtype=np.float32)

    @functools.cached_property
    def _pool(self) -> Tensor:
        judge = self.task.judge
        assert isinstance(judge, PerceptJudge)
        rows, columns = (_pools(len(at), n) for at, n in zip((judge.field.y, judge.field.x), DRAWN))
        return torch.from_numpy(np.kron(rows, columns))

    @property
    def reported(self) -> int:
        return len(self._pool)

    def report(self, answers: Tensor) -> Tensor:
        return answers @ self._pool.T

    def residual(self, state: EncodingState, image: Tensor, actions: Tensor) -> Tensor:
        scenes = self.task.scenes
        assert isinstance(scenes, TurnedScenes)
        average, maps = scenes.mixed(image, actions[:, -1])
        weighted = WEIGHT_SCALE * torch.bmm(actions[:, None, :-1], maps)[:, 0]
        # What is shown is the turned picture; the residual is what that adds to the average of the unturned one.
        return average - scenes.average[image] + weighted

    def _begin(self, state: EncodingState) -> EncodingState:
        # Nothing has been shown to this patient, so nothing is known of it.
        return state

    def render_frame(self, state: EncodingState, row: int) -> NDArray[np.uint8]:
        return _drawn(self, state, row)


class PerceptCalibrationEnv(EncodingEnv):
    """
    ## Description

    In every life another patient of an implant, drawn anew: how far current spreads across and along nerve fibres, how
    the implant is turned, which electrodes are dead and what is too faint to be seen differ (`ontogym.retina_env.percept`,
    after Beyeler et al. 2019, Scientific Reports 9:9199), and what helps one patient does not help another: what is
    worth knowing is measured by ``benchmarks/encoding_experiments.py calibration``: .5 of skill. After each picture the agent is told what the patient
    has drawn of it, and can adapt.

    ## Action Space

    `Box(-1, 1, (14,))`: weights, times 0.1, of the 12 maps of `RetinaEncodingEnv` and a bias, added to the average of
    the picture around each electrode; and by how much the picture is turned before all that. All zeros *is* averaging
    (rounded, so that its skill is not 0, where there are `n_levels`). What leaves [0, 1] is cut off.

    | Num   | Map                                                     |
    |-------|---------------------------------------------------------|
    | 0     | average, minus the mean of the image (contrast)         |
    | 1-3   | differences of Gaussians of three scales                |
    | 4-9   | ON and OFF: their rectified parts                       |
    | 10    | aliasing residual                                       |
    | 11    | blur                                                    |
    | 12    | bias                                                    |
    | 13    | the picture's turn, counter-clockwise, times 45 degrees |

    ## Observation Space

    A `Dict`, float32 (`obs="image"` and `obs="statistics"` leave out one of the first two):

    | Key          | Observation                                              | Shape      | Min | Max |
    |--------------|----------------------------------------------------------|------------|-----|-----|
    | `image`      | luminance, linear, of the picture to encode now          | (128, 128) | 0   | 1   |
    | `statistics` | mean, SD, local contrast (times 10), RMS of the 12 maps  | (15,)      | 0   | 10  |
    | `target`     | the picture before, in 6 by 10 fields                    | (60,)      | 0   | inf |
    | `response`   | what the patient has drawn of it: brightness there       | (60,)      | 0   | inf |
    | `progress`   | share of the steps that are over                         | (1,)       | 0   | 1   |

    `target` and `response` are 0 before anything was shown.

    ## Hidden State

    The patient. The info holds `patient` (its number), `loss`, `loss_average`, `skill`, `low` (what the electrodes
    showed, which an estimator may use), `target` and `response` at all points of the field, all of the last
    presentation, and `image_index` of the one to come.

    ## Rewards

    The sum over the life of `skill - drive_penalty * mean(low)`, where `skill = (L_avg - L) / (share * mean(L_avg))`,
    cut off at -20 and 5, and `L = 1 - r`, r being the correlation of percept and picture over the points of the field;
    the mean is over the images, for this patient. 0 is averaging, 1 is, on average, the best known picture for a
    patient who is known (`ontogym.retina_env.encoding.optimum`), which no filter of 14 numbers reaches. The optimal
    return is that of the 14 numbers that are best for each patient, found by the gradient through its own percepts.

    ## Starting State

    A patient and an image at random; `options={"patient": 3, "image": 5}` chooses (one for all lanes, or one for
    each; further images are those behind the chosen one).

    ## Episode End

    Terminates after `steps` images.

    ## Arguments

    | Parameter       | Type         | Default      | Description                                                          |
    |-----------------|--------------|--------------|----------------------------------------------------------------------|
    | `images`        | any          | `None`       | (M, S, S), or 'leaves' (None), 'held-out leaves', 'photographs'      |
    | `n_images`      | int          | `256`        | how many dead leaves or, at most, photographs                        |
    | `n_levels`      | int / None   | `None`       | levels of an electrode; None: any value                              |
    | `drive_penalty` | float        | `0.0`        | reward taken away per unit of the mean electrode value               |
    | `obs`           | str          | `'both'`     | `'both'`, `'image'` or `'statistics'`                                |
    | `implant`       | str          | `'argus-ii'` | a name, 'pulse2percept:CLASS', or a file of coordinates              |
    | `patients`      | any          | `'training'` | 'training', 'held-out', how many of those to train on, or seeds      |
    | `share`         | float / None | `None`       | the best known picture's share of the loss; None: as was measured    |
    | `fast`          | bool         | `False`      | percepts by one product (for training) in place of the exact maximum |
    | `steps`         | int          | `20`         | images of a life                                                     |
    | `render_mode`   | str / None   | `None`       | `'rgb_array'`: image, what the electrodes show, the percept          |

    ## Registered Configurations

    | Id                             | Arguments | Steps | Random return | Optimal return |
    |--------------------------------|-----------|-------|---------------|----------------|
    | `ontogym/RetinaCalibration-v1` | none      | 20    | -7.4          | 14.6           |

    ## Version History

    - v1: patients of an implant in place of retinas, for all of whom one filter served; they can be told apart from
      what they answer, and those of boards are held out
    """

    dynamics_type = PerceptCalibrationDynamics


class PerceptCalibrationVectorEnv(BatchedVectorEnv[EncodingState]):
    """Many `PerceptCalibrationEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = PerceptCalibrationDynamics


def _pools(count: int, parts: int) -> NDArray[np.float32]:
    """Means of `parts` stretches of `count` points in a row, ``(parts, count)``."""
    owner = np.arange(count) * parts // count
    share = owner == np.arange(parts)[:, None]
    return np.asarray(share / share.sum(1, keepdims=True), dtype=np.float32)


def _drawn(dynamics: HiddenSubject, state: EncodingState, row: int) -> NDArray[np.uint8]:
    """Image, what the electrodes show, percept."""
    from ontogym.retina_env.encoding.drawing import draw_percept

    judge = dynamics.task.judge
    assert isinstance(judge, PerceptJudge)
    judged = int(state.judged[row])
    image = dynamics.task.scenes.images[judged if judged >= 0 else state.image[row, 0]]
    shown = dynamics.task.layout.show(torch.from_numpy(state.shown[[row]])).numpy()[0]
    percept = state.response[row].reshape(len(judge.field.y), len(judge.field.x))
    wide = float(judge.field.x[-1] - judge.field.x[0])
    return draw_percept(image, shown, percept, float(state.skill[row]), wide)
