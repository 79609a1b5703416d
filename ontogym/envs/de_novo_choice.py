"""De novo choice: learn, from nothing, to report on which side a grating stands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedEnv, BatchedVectorEnv
from ontogym.batched.inputs import whole_option
from ontogym.errors import OntogymError, whole_number
from ontogym.seeding import LaneStreams

__all__ = [
    "BLOCK_LENGTHS",
    "PHASE_CONTRASTS",
    "DeNovoChoiceDynamics",
    "DeNovoChoiceEnv",
    "DeNovoChoiceState",
    "DeNovoChoiceVectorEnv",
]

LEFT, RIGHT, NONE = 0, 1, -1
PHASE_CONTRASTS: tuple[tuple[float, ...], ...] = (
    (1.0, 0.5),
    (1.0, 0.5, 0.25),
    (1.0, 0.5, 0.25, 0.125),
    (1.0, 0.5, 0.25, 0.125, 0.0625),
    (1.0, 0.5, 0.25, 0.125, 0.0625, 0.0),
    (1.0, 0.25, 0.125, 0.0625, 0.0),
)
"""Contrasts of training phases 0 to 5, all equally frequent within a phase."""
UNBIASED_TRIALS, BLOCK_LENGTHS, BLOCK_MEAN, BLOCK_BIAS = 90, (20, 100), 60.0, 0.8
EASY_CONTRAST, BIAS_WINDOW = 0.5, 10

_COUNTS = np.array([len(contrasts) for contrasts in PHASE_CONTRASTS])
_CONTRASTS = np.array([(*contrasts, *[0.0] * (6 - len(contrasts))) for contrasts in PHASE_CONTRASTS])
# P(the repeated side is right) for k of the recent choices to the right: a draw from N(k / 10, 0.5) below 1/2.
_REPEAT_RIGHT = np.array(
    [0.5 * (1 + math.erf((0.5 - k / BIAS_WINDOW) / (0.5 * math.sqrt(2)))) for k in range(BIAS_WINDOW + 1)]
)


class DeNovoChoiceState(NamedTuple):
    """All lanes' sessions; every array is ``(P,)`` but ``recent`` ``(P, 10)``.

    ``contrast`` unsigned and ``side`` (0 left, 1 right) are those of the trial that is shown, ``block`` its
    probability of left, ``mapping`` 1 where the other side is to be reported. ``choice`` (-1 none yet), ``correct`` and ``reward`` are those of the trial before.
    """

    contrast: NDArray[np.float64]
    side: NDArray[np.int64]
    block: NDArray[np.float64]
    block_left: NDArray[np.int64]
    trial: NDArray[np.int64]
    trial_step: NDArray[np.int64]
    choice: NDArray[np.int64]
    correct: NDArray[np.bool_]
    reward: NDArray[np.float64]
    phase: NDArray[np.int64]
    recent: NDArray[np.int8]
    mapping: NDArray[np.int64]


class DeNovoChoiceDynamics(Dynamics[DeNovoChoiceState]):
    """The task's rules, batch axis first; arguments as in `DeNovoChoiceEnv`."""

    max_steps: int | None = 500
    reset_options: ClassVar[tuple[str, ...]] = ("phase",)
    render_fps: ClassVar[int] = 4
    stochastic = True

    def __init__(
        self,
        phase: int = 0,
        trial_steps: int = 1,
        debias: bool = False,
        blocks: bool = False,
        reversals: bool = False,
        tell: bool = True,
    ) -> None:
        self.phase = whole_number("The training phase", phase, 0, len(PHASE_CONTRASTS) - 1)
        self.trial_steps = whole_number("trial_steps", trial_steps, 1)
        if blocks and reversals:
            raise OntogymError(
                "Blocks of sides and of rules share one clock; give blocks or reversals, not both."
            )
        self.debias, self.blocks = bool(debias), bool(blocks)
        self.reversals, self.tell = bool(reversals), bool(tell)
        low = np.array([0, 0, 0, 0, -1], dtype=np.float32)
        self.observation_space = spaces.Box(low, np.ones(5, dtype=np.float32), dtype=np.float32)
        self.action_space = spaces.Discrete(2)

    def reset(
        self, streams: LaneStreams, rows: NDArray[np.intp], options: Mapping[str, NDArray[Any]]
    ) -> DeNovoChoiceState:
        phase = whole_option(options, "phase", len(rows), self.phase, len(PHASE_CONTRASTS) - 1)
        u = streams.uniform((4 if self.reversals else 2,), rows)
        zeros = np.zeros(len(rows), dtype=np.int64)
        return DeNovoChoiceState(
            contrast=_contrast(u[:, 0], phase),
            side=(u[:, 1] >= 0.5).astype(np.int64),
            block=np.full(len(rows), 0.5),
            block_left=_length(u[:, 3]) if self.reversals else np.full(len(rows), UNBIASED_TRIALS),
            trial=zeros,
            trial_step=zeros.copy(),
            choice=np.full(len(rows), NONE),
            correct=np.zeros(len(rows), dtype=np.bool_),
            reward=np.zeros(len(rows)),
            phase=phase,
            recent=np.full((len(rows), BIAS_WINDOW), NONE, dtype=np.int8),
            mapping=(u[:, 2] < 0.5).astype(np.int64) if self.reversals else zeros.copy(),
        )

    def step(
        self, state: DeNovoChoiceState, actions: NDArray[Any], streams: LaneStreams, parameters: Any = None
    ) -> tuple[DeNovoChoiceState, NDArray[np.float64], NDArray[np.bool_]]:
        # Always the same number of draws, so that chance does not depend on what the lane does.
        u = streams.uniform((4,))
        over = state.trial_step + 1 >= self.trial_steps
        correct = over & (actions == state.side ^ state.mapping)
        reward = correct.astype(np.float64)
        block, block_left, mapping = state.block, state.block_left, state.mapping
        if self.reversals:
            block_left = block_left - over
            mapping = mapping ^ (block_left <= 0)
            block_left = np.where(block_left > 0, block_left, _length(u[:, 3]))
        if self.blocks:
            block, block_left = _next_block(state, over, u[:, 2], u[:, 3])
        contrast, side = _contrast(u[:, 0], state.phase), (u[:, 1] >= block).astype(np.int64)
        recent = state.recent
        if self.debias:
            recent = np.where(over[:, None], np.roll(recent, 1, axis=1), recent)
            recent[over, 0] = actions[over]
            again = over & ~correct & (state.contrast >= EASY_CONTRAST)
            contrast = np.where(again, state.contrast, contrast)
            side = np.where(again, (u[:, 1] < _repeat_right(recent)).astype(np.int64), side)
        new = DeNovoChoiceState(
            contrast=np.where(over, contrast, state.contrast),
            side=np.where(over, side, state.side),
            block=block,
            block_left=block_left,
            trial=state.trial + over,
            trial_step=np.where(over, 0, state.trial_step + 1),
            choice=np.where(over, actions, state.choice),
            correct=np.where(over, correct, state.correct),
            reward=np.where(over, reward, state.reward),
            phase=state.phase,
            recent=recent,
            mapping=mapping,
        )
        return new, reward, np.zeros(len(over), dtype=np.bool_)

    def observe(self, state: DeNovoChoiceState) -> NDArray[np.float32]:
        view = np.empty((len(state.side), 5), dtype=np.float32)
        view[:, 0] = state.contrast * (state.side == LEFT)
        view[:, 1] = state.contrast * (state.side == RIGHT)
        view[:, 2] = state.trial_step == self.trial_steps - 1
        if not self.tell:
            view[:, 3:] = 0.0
            return view
        view[:, 3] = state.reward
        view[:, 4] = np.where(state.choice == NONE, 0, 2 * state.choice - 1)
        return view

    def info(self, state: DeNovoChoiceState) -> dict[str, NDArray[Any]]:
        signed = state.contrast * (2 * state.side - 1)
        facts = {
            "contrast": signed,
            "side": state.side,
            "block": state.block,
            "choice": state.choice,
            "correct": state.correct,
            "trial": state.trial,
        }
        return facts | {"mapping": state.mapping} if self.reversals else facts

    def render_frame(self, state: DeNovoChoiceState, row: int) -> NDArray[np.uint8]:
        from ontogym.envs.drawing import draw_gratings

        contrasts = state.contrast[row] * (np.arange(2) == state.side[row])
        outcome = None if state.choice[row] == NONE else bool(state.correct[row])
        go = state.trial_step[row] == self.trial_steps - 1
        return draw_gratings(float(contrasts[0]), float(contrasts[1]), bool(go), outcome)


def _contrast(u: NDArray[np.float64], phase: NDArray[np.int64]) -> NDArray[np.float64]:
    """A contrast of each lane's phase, all equally likely."""
    return np.asarray(_CONTRASTS[phase, (u * _COUNTS[phase]).astype(np.int64)])


def _repeat_right(recent: NDArray[np.int8]) -> NDArray[np.float64]:
    """P(right) of a repeated trial: against the side chosen more often in the last ten trials."""
    made = (recent != NONE).sum(1)
    right = (recent == RIGHT).sum(1) * BIAS_WINDOW / np.maximum(made, 1)
    return np.asarray(_REPEAT_RIGHT[np.rint(np.where(made, right, BIAS_WINDOW / 2)).astype(np.int64)])


def _next_block(
    state: DeNovoChoiceState, over: NDArray[np.bool_], u_side: NDArray[np.float64], u: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probability of left and trials left in the block after this step, ``(P,)`` each."""
    left = state.block_left - over
    first = np.where(u_side < 0.5, BLOCK_BIAS, 1 - BLOCK_BIAS)
    other = np.where(state.block > 0.5, 1 - BLOCK_BIAS, BLOCK_BIAS)
    block = np.where(left > 0, state.block, np.where(state.block == 0.5, first, other))
    return block, np.where(left > 0, left, _length(u))


def _length(u: NDArray[np.float64]) -> NDArray[np.int64]:
    """Trials of a block: inverse distribution function of an exponential cut to [low, high + 1), rounded down."""
    low, high = BLOCK_LENGTHS
    inside = 1 - math.exp(-(high + 1 - low) / BLOCK_MEAN)
    length = np.floor(low - BLOCK_MEAN * np.log1p(-u * inside)).astype(np.int64)
    return np.asarray(np.minimum(length, high))


class DeNovoChoiceEnv(BatchedEnv[DeNovoChoiceState]):
    """
    ## Description

    The two-alternative choice that mice of the International Brain Laboratory learn from nothing (arXiv
    2509.04661 infers their learning rules; the task is that of the IBL, eLife 2021, 10:e63711). A grating
    appears on the left or on the right; the animal reports the side and is rewarded if it was right. Nothing
    tells it beforehand that sides matter: the mapping from what it sees to what it does is learned within a
    life. Training goes from easy to hard contrasts in six phases.

    ## Action Space

    `Discrete(2)`; in trials of several steps only the action at the go cue counts:

    | Num | Action       |
    |-----|--------------|
    | 0   | report left  |
    | 1   | report right |

    ## Observation Space

    A `Box` of shape `(5,)`, float32:

    | Num | Observation                                  | Unit     | Min | Max |
    |-----|----------------------------------------------|----------|-----|-----|
    | 0   | contrast on the left                         |          | 0   | 1   |
    | 1   | contrast on the right                        |          | 0   | 1   |
    | 2   | go cue: 1 at the step whose action counts    |          | 0   | 1   |
    | 3   | reward of the trial before                   |          | 0   | 1   |
    | 4   | choice of the trial before (0 before any)    | -1 left  | -1  | 1   |

    ## Hidden State

    The true side of a trial of contrast 0, the block, and with `reversals` the `mapping` (1: the other side is to be
    reported). The info holds, of the trial that is shown,
    `contrast` (signed: positive is right), `side` (0 left, 1 right; also at contrast 0, where it cannot be seen)
    and `block` (probability of left); of the trial before, `choice` (0, 1, or -1 before any) and `correct`; and
    `trial`, how many trials are over.

    ## Rewards

    1 for reporting the true side, else 0. Random actions earn one half a trial. Without trials of contrast 0 the
    stimulus says everything, so the optimal return is one a trial. In `DeNovoChoiceBlocks` one trial of five has
    contrast 0; the optimal return is that of `ontogym.envs.reference.BlockObserver`, which knows the statistics of
    blocks and infers by Bayes' rule which one it is in (measured on 20 000 lives by `benchmarks/env_anchors.py`).

    In the v0 of the blocks the reward can be done without: four of five trials show their side, and so the block. In
    the v1 nothing but the reward depends on the rule, so an agent that hears no reward earns 250, and one that hears it
    must remember what it saw and did. The optimal return is that of `ontogym.envs.reference.RuleKeeper`, measured likewise.

    ## Starting State

    The first trial of an unbiased session. `options={"phase": 3}` (one for all lanes, or one for each) starts
    in another training phase.

    ## Episode End

    Never terminates; truncated after 500 steps. A trial takes `trial_steps` steps: the grating stays, the go cue
    comes at the last, and the next observation already shows the next trial. Contrasts are drawn evenly from
    those of the phase: 1 and 0.5 in phase 0; phases 1 to 4 add 0.25, 0.125, 0.0625 and 0; phase 5 drops 0.5.
    Sides are even, except:

    - `debias=True`: after an error at a contrast of 0.5 or more the contrast is repeated, on the side that was
      chosen less often in the last ten trials with the greater probability (right if a draw from
      N(share of right choices, 0.5) is below one half), as in the IBL's training.
    - `blocks=True`: after 90 even trials, left has probability 0.8 and 0.2 in turn, in blocks of 20 to 100
      trials, of exponential length (mean 60 before it is cut to that range).
    - `reversals=True` (sides stay even): in blocks of such lengths the side seen and the other side are to be reported in
      turn. Which comes first is drawn with equal chance.

    ## Arguments

    | Parameter     | Type       | Default | Description                                         |
    |---------------|------------|---------|-----------------------------------------------------|
    | `phase`       | int        | `0`     | training phase, 0 to 5: which contrasts there are   |
    | `trial_steps` | int        | `1`     | steps of a trial                                    |
    | `debias`      | bool       | `False` | repeat easy trials after errors, against the bias   |
    | `blocks`      | bool       | `False` | blocks in which one side is more frequent           |
    | `reversals`   | bool       | `False` | blocks in which the other side is to be reported    |
    | `tell`        | bool       | `True`  | reward and choice are observed; else zeros stand there |
    | `render_mode` | str / None | `None`  | `'rgb_array'` for pictures                          |

    ## Registered Configurations

    | Id                              | Arguments              | Steps | Random return | Optimal return |
    |---------------------------------|------------------------|-------|---------------|----------------|
    | `ontogym/DeNovoChoice-v0`       | none                   | 500   | 250.0         | 500.0          |
    | `ontogym/DeNovoChoiceBlocks-v0` | `phase=5, blocks=True` | 500   | 250.0         | 470.6          |
    | `ontogym/DeNovoChoiceBlocks-v1` | `reversals=True, tell=False` | 500 | 250.0 | 490.1 |

    ## Version History

    - v0: initial version
    - v1 (of the blocks): what is to be reported changes between blocks, and only the reward tells
    """

    dynamics_type = DeNovoChoiceDynamics


class DeNovoChoiceVectorEnv(BatchedVectorEnv[DeNovoChoiceState]):
    """Many `DeNovoChoiceEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = DeNovoChoiceDynamics
