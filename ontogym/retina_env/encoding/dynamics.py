"""What the encoding environments have in common: their state, what they show of it, and the step's skeleton."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedEnv
from ontogym.batched.inputs import whole_option
from ontogym.errors import OntogymError, UnknownNameError, whole_number
from ontogym.retina_env.encoding.filter_bank import MAPS
from ontogym.retina_env.encoding.options import DisplayOptions, arguments, signature_of
from ontogym.retina_env.encoding.scenes import STATISTICS, STATISTICS_MAX
from ontogym.retina_env.encoding.task import Display, EncodingTask
from ontogym.seeding import LaneStreams

__all__ = [
    "OBSERVATIONS",
    "WEIGHTS",
    "EncodingDynamics",
    "EncodingEnv",
    "EncodingState",
    "Outcome",
]

OBSERVATIONS = ("both", "image", "statistics")
WEIGHTS = len(MAPS) + 1
"""Numbers of an action: one per map, and a bias."""
WEIGHT_SCALE = 0.1
"""Luminance per unit of action, for maps of SD 1."""


class EncodingState(NamedTuple):
    """P lanes. ``image`` (P, T) which images the life shows; ``step`` (P,) how many are over; ``patient`` (P,).

    Of the last presentation: ``judged`` (P,) its image, -1 before any; ``residual`` (P, E) what was added to the
    average; ``shown`` (P, E) in [0, 1]; ``response`` (P, N); ``loss``, ``skill``, ``retina_skill`` (P,).
    """

    image: NDArray[np.int64]
    step: NDArray[np.int64]
    patient: NDArray[np.int64]
    judged: NDArray[np.int64]
    residual: NDArray[np.float32]
    shown: NDArray[np.float32]
    response: NDArray[np.float32]
    loss: NDArray[np.float64]
    skill: NDArray[np.float64]
    retina_skill: NDArray[np.float64]


class Outcome(NamedTuple):
    """Tensors of one presentation: ``residual``, ``shown`` (B, E), ``answer`` (B, N), the others (B,) float64.

    ``reward`` is the environment's, so that its gradient is what an agent would want.
    """

    residual: Tensor
    shown: Tensor
    answer: Tensor
    loss: Tensor
    skill: Tensor
    reward: Tensor


class EncodingDynamics(Dynamics[EncodingState], abc.ABC):
    """The rules that all encoding tasks share.

    Attributes:
        options_type: the arguments of the environment; a life has as many presentations as their `steps`, or one.
        make_task: electrodes, images and judges of such arguments.
        reports: whether the last target and response are part of the observation.
    """

    render_fps: ClassVar[int] = 2
    reset_options: ClassVar[tuple[str, ...]] = ("image",)

    options_type: ClassVar[type[DisplayOptions]] = DisplayOptions
    make_task: ClassVar[staticmethod[[Any], EncodingTask]]
    reports: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__signature__ = signature_of(cls.options_type)  # type: ignore[attr-defined]

    def __init__(self, **options: Any) -> None:
        self.options = given = self.options_type(**options)
        self.display, self.obs = Display(given.n_levels, given.drive_penalty), given.obs
        if self.obs not in OBSERVATIONS:
            raise UnknownNameError("observation", str(self.obs), OBSERVATIONS)
        self.steps = steps = whole_number("steps", getattr(given, "steps", 1), 1)
        self.task = task = self.make_task(given)
        # To a life of one presentation frames of films are stills.
        self.frames = task.scenes.frames if steps > 1 else 1
        if 1 < self.frames < steps:
            raise OntogymError(
                f"Films of {self.frames} frames are too short for {steps} steps; pass fewer steps."
            )
        self.n_cells = task.judge.channels
        self.observation_space = spaces.Dict(self._parts())
        self.action_space = spaces.Box(-1.0, 1.0, (WEIGHTS,), dtype=np.float32)

    def __reduce__(self) -> tuple[Any, ...]:
        # Images and judges are many megabytes, made again (or found in this process) from what they were made of.
        return _made, (type(self), arguments(self.options))

    def _parts(self) -> dict[str, spaces.Space[Any]]:
        size, parts = self.task.layout.size, {}
        if self.obs != "statistics":
            parts["image"] = spaces.Box(0.0, 1.0, (size, size), dtype=np.float32)
        if self.obs != "image":
            parts["statistics"] = spaces.Box(0.0, STATISTICS_MAX, (len(STATISTICS),), dtype=np.float32)
        if self.reports:
            parts["target"] = spaces.Box(0.0, np.inf, (self.reported,), dtype=np.float32)
            parts["response"] = spaces.Box(0.0, np.inf, (self.reported,), dtype=np.float32)
            parts["progress"] = spaces.Box(0.0, 1.0, (1,), dtype=np.float32)
        return dict(parts)

    @property
    def reported(self) -> int:
        """How many numbers of an answer the agent is told."""
        return self.n_cells

    def report(self, answers: Tensor) -> Tensor:
        """What the agent is told of answers ``(B, N)``, ``(B, reported)``."""
        return answers

    def reset(
        self, streams: LaneStreams, rows: NDArray[np.intp], options: Mapping[str, NDArray[Any]]
    ) -> EncodingState:
        scenes, u = self.task.scenes, streams.uniform((self.steps + 1,), rows)
        image = self._images(u[:, 1:], options)
        patient = self._patients(u[:, 0], options)
        count, first = len(rows), image[:, 0]
        average = scenes.average[first].numpy()
        state = EncodingState(
            image=image,
            step=np.zeros(count, dtype=np.int64),
            patient=patient,
            judged=np.full(count, -1, dtype=np.int64),
            residual=np.zeros_like(average),
            shown=average,
            response=np.zeros((count, self.n_cells), dtype=np.float32),
            loss=np.zeros(count),
            skill=np.zeros(count),
            retina_skill=np.zeros(count),
        )
        return self._begin(state)

    def _images(self, u: NDArray[np.float64], options: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
        """Which images each life shows, ``(R, T)``: independent stills, or successive frames of one film.

        The reset option names the first; stills go on with those behind it.
        """
        total, later = len(self.task.scenes), np.arange(self.steps)
        if "image" in options:
            first = whole_option(options, "image", len(u), most=total - 1)
            if self.frames > 1 and (first % self.frames + self.steps > self.frames).any():
                raise OntogymError("The film is over before the life; choose an earlier frame by 'image'.")
            return np.asarray((first[:, None] + later) % total)
        if self.frames == 1:
            return np.asarray((u * total).astype(np.int64))
        film = (u[:, 0] * (total // self.frames)).astype(np.int64)
        return np.asarray(film[:, None] * self.frames + later)

    def _patients(self, u: NDArray[np.float64], options: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
        return np.zeros(len(u), dtype=np.int64)

    def _begin(self, state: EncodingState) -> EncodingState:
        """The state before any action: averages are shown, and nothing is gained."""
        first = state.image[:, 0]
        answers, loss = self.task.judge.averages(torch.from_numpy(first), torch.from_numpy(state.patient))
        return state._replace(judged=first.copy(), response=answers.numpy(), loss=loss.numpy())

    @abc.abstractmethod
    def residual(self, state: EncodingState, image: Tensor, actions: Tensor) -> Tensor:
        """What the actions add to the average of the images ``(B,)``, ``(B, E)``."""

    def reward(self, state: EncodingState, skill: Tensor, shown: Tensor) -> Tensor:
        """Reward ``(B,)`` float64 for this skill, shown so."""
        return skill - self.display.price(shown)

    def forward(self, state: EncodingState, actions: Tensor, blocks: bool = False) -> Outcome:
        """One presentation as tensors; nothing is changed. Gradients of the outcome reach `actions`.

        What a display cannot show and a skill beyond its range are cut off. Through the display gradients pass all the
        same; a skill that is cut off has none.

        Args:
            state: P lanes.
            actions: ``(P, *action shape)`` float32.
            blocks: evaluate eight lanes at a time, as `step` does.
        """
        image = torch.from_numpy(self.current_image(state))
        who = torch.from_numpy(state.patient)
        residual = self.residual(state, image, actions)
        shown = self.display(self.task.scenes.average[image] + residual)
        answer, found, skill = self.task.judge.judge(shown, image, who, blocks)
        return Outcome(residual, shown, answer, found, skill, self.reward(state, skill, shown))

    def step(
        self, state: EncodingState, actions: NDArray[Any], streams: LaneStreams, parameters: Any = None
    ) -> tuple[EncodingState, NDArray[np.float64], NDArray[np.bool_]]:
        with torch.no_grad():
            # A copy: the caller's array may be read-only.
            done = self.forward(state, torch.from_numpy(np.array(actions, dtype=np.float32)), blocks=True)
            image = self.current_image(state)
            retina_skill = self._on_retina(done.shown, image)
        step = np.minimum(state.step + 1, self.steps)
        new = state._replace(
            step=step,
            judged=image,
            residual=done.residual.numpy(),
            shown=done.shown.numpy(),
            response=done.answer.numpy(),
            loss=done.loss.numpy(),
            skill=done.skill.numpy(),
            retina_skill=state.retina_skill if retina_skill is None else retina_skill,
        )
        reward = done.reward.numpy()
        if not np.isfinite(reward).all():
            raise OntogymError("A reward is not finite; check the twin and the responses.")
        return new, reward, step >= self.steps

    def _on_retina(self, shown: Tensor, image: NDArray[np.int64]) -> NDArray[np.float64] | None:
        if self.task.retina is None:
            return None
        who = torch.zeros(len(image), dtype=torch.int64)
        skill = self.task.retina.judge(shown, torch.from_numpy(image), who).skill
        return np.asarray(skill.numpy())

    def current_image(self, state: EncodingState) -> NDArray[np.int64]:
        """The image that each lane's next action is about, ``(P,)``; after the end the last one."""
        return np.asarray(state.image[np.arange(len(state.step)), np.minimum(state.step, self.steps - 1)])

    def observe(self, state: EncodingState) -> dict[str, NDArray[np.float32]]:
        image, scenes, seen = self.current_image(state), self.task.scenes, {}
        if self.obs != "statistics":
            seen["image"] = scenes.images[image]
        if self.obs != "image":
            seen["statistics"] = scenes.statistics[image]
        if self.reports:
            pair = (self._target(state), state.response)
            seen["target"], seen["response"] = (self.report(torch.from_numpy(x)).numpy().copy() for x in pair)
            seen["progress"] = (state.step[:, None] / self.steps).astype(np.float32)
        return seen

    def _target(self, state: EncodingState) -> NDArray[np.float32]:
        """The ground truth of what was judged last, ``(P, N)``; zeros before anything was."""
        judged, who = np.maximum(state.judged, 0), torch.from_numpy(state.patient)
        target = self.task.judge.reference(torch.from_numpy(judged), who).numpy()
        return np.asarray(np.where(state.judged[:, None] >= 0, target, np.float32(0)))

    def info(self, state: EncodingState) -> dict[str, NDArray[Any]]:
        judge, judged = self.task.judge, torch.from_numpy(np.maximum(state.judged, 0))
        known = judge.known(judged, torch.from_numpy(state.patient))
        facts = {
            "image_index": self.current_image(state),
            judge.named: state.loss,
            **{f"{judge.named}_{name}": loss.numpy() for name, loss in known.items()},
            "skill": state.skill,
            "response": state.response,
            "target": self._target(state),
            "low": state.shown.reshape(-1, *self.task.layout.shape),
        }
        return facts | ({} if self.task.retina is None else {"retina_skill": state.retina_skill})

    def render_frame(self, state: EncodingState, row: int) -> NDArray[np.uint8]:
        from ontogym.retina_env.encoding.drawing import draw_encoding

        judged = int(state.judged[row])
        image = self.task.scenes.images[judged if judged >= 0 else state.image[row, 0]]
        shown = self.task.layout.show(torch.from_numpy(state.shown[[row]])).numpy()[0]
        target, skill = self._target(state)[row], float(state.skill[row])
        return draw_encoding(image, shown, target, state.response[row], skill, self.task.judge.one)

    def weighted_maps(self, image: Tensor, actions: Tensor) -> Tensor:
        """Sum of the images' maps weighted by actions ``(B, 13)``, ``(B, E)``."""
        return WEIGHT_SCALE * torch.bmm(actions[:, None], self.task.scenes.maps[image])[:, 0]


class EncodingEnv(BatchedEnv[EncodingState]):
    """An encoding environment: its arguments are those of its dynamics, and `render_mode`."""

    dynamics_type: ClassVar[type[EncodingDynamics]]


def _made(kind: Callable[..., EncodingDynamics], options: Mapping[str, Any]) -> EncodingDynamics:
    return kind(**options)
