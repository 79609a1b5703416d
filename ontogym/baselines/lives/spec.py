"""What a life consists of: the world, its episodes, what the agent is told, how it develops, what is held still."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import FREEZES
from ontogym.agents.feedback import SIGNALS, Feedback
from ontogym.agents.individuals import Development
from ontogym.envs.registration import bare_id
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.seeding import lane_seeds

__all__ = ["LifeSpec", "Told", "life_seeds"]

Told = Literal["reward", "termination", "nothing"]


@dataclass(frozen=True)
class LifeSpec:
    """What a life consists of.

    Args:
        env: id of the environment.
        env_kwargs: its keyword arguments.
        episodes: episodes per life; the network is carried over from one to the next.
        conditions: reset options that set hidden goals against each other, such as
            ``({"goal": 0}, {"goal": 1})``; life l lives under condition ``l % n``, and the n lives of a group
            share their seed.
        told: what an agent hears in place of a reward: the reward of the step before; or -1 where that step
            terminated the episode and 0 elsewhere; or nothing (0). Returns count the real reward in any case.
        reward_clamp: if set, the agent is told this number at every step: the control that shows whether it learns
            from what it is told.
        silenced: signals of the feedback that are held at zero: a control is *deaf* with all of them, *action-blind*
            with ``("action",)``.
        development: a source of spontaneous activity to use in place of the agent's own.
        development_steps: for how many steps.
        development_options: options of that source.
        max_steps: episodes are cut after so many steps; needed where the environment has no time limit.
        freeze: what of the agent is held still from the episode `freeze_from` on, of `FREEZES`.
        freeze_from: number of that episode, from 0.
        rebirth: whether each later episode begins with a newborn of the same seed: the control without memory
            across episodes.
        develop_between: whether the agent goes through its developmental phase before each later episode too, on
            activity that is drawn anew (``dev_after_episode`` of the LNDP's released code).
        shuffle_wiring: whether each developed agent's edges are put to other places before its first episode, as many
            and with the same weights: the control that shows whether it matters which edges development made.
    """

    env: str
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    episodes: int = 3
    _: KW_ONLY
    conditions: tuple[dict[str, Any], ...] = ()
    told: Told = "reward"
    reward_clamp: float | None = None
    silenced: tuple[str, ...] = ()
    development: str | None = None
    development_steps: int = 0
    development_options: Mapping[str, Any] | tuple[str, ...] = ()
    max_steps: int | None = None
    freeze: str | None = None
    freeze_from: int = 0
    rebirth: bool = False
    develop_between: bool = False
    shuffle_wiring: bool = False

    @property
    def steps_only(self) -> bool:
        """Whether nothing is frozen, born again, developed between episodes or shuffled."""
        return not (self.freeze is not None or self.rebirth or self.develop_between or self.shuffle_wiring)

    def __post_init__(self) -> None:
        object.__setattr__(self, "env", bare_id(self.env))
        if self.episodes < 1:
            raise OntogymError(f"A life of {self.episodes} episodes is no life; give at least 1.")
        if self.max_steps is not None and self.max_steps < 1:
            raise OntogymError(f"max_steps is {self.max_steps}; give at least 1 or leave it out.")
        if any(set(c) != set(self.conditions[0]) for c in self.conditions):
            raise OntogymError("All conditions must set the same options; give each of them every key.")
        if self.told not in get_args(Told):
            raise UnknownNameError("thing to be told", self.told, get_args(Told))
        if self.reward_clamp is not None and not np.isfinite(self.reward_clamp):
            raise OntogymError(f"reward_clamp is {self.reward_clamp}; give a finite number or leave it out.")
        for name in self.silenced:
            if name not in SIGNALS:
                raise UnknownNameError("signal to silence", name, SIGNALS)
        if self.freeze is not None and self.freeze not in FREEZES:
            raise UnknownNameError("thing to freeze", self.freeze, FREEZES)
        if self.development is not None and self.development_steps < 1:
            raise OntogymError(
                f"Development on {self.development!r} is asked for in development_steps={self.development_steps}; "
                "give a positive number."
            )

        if self.freeze_from < 0:
            raise OntogymError(f"freeze_from is {self.freeze_from}; episodes are counted from 0.")
        if self.freeze is not None and self.freeze_from >= self.episodes:
            raise OntogymError(
                f"Nothing is left to freeze from episode {self.freeze_from} on: a life here has {self.episodes}, counted "
                "from 0; begin earlier (--from-episode) or give it more (--episodes)."
            )
        if self.rebirth and self.develop_between:
            raise OntogymError(
                "A life that begins anew with every episode develops then anyway; leave out rebirth or develop_between."
            )

    @property
    def in_words(self) -> str:
        """How long a life is, what is told in it, and what is held still, where that is not the usual."""
        said = f"{self.episodes} episode{'s' * (self.episodes != 1)}"
        said += f" of at most {self.max_steps} steps" if self.max_steps is not None else ""
        told = {"termination": "the end of an episode (-1) in place of the reward", "nothing": "no reward"}
        heard = []
        if self.reward_clamp is not None:
            heard = [f"told {self.reward_clamp:g} in place of every reward"]
        elif self.told in told and "reward" not in self.silenced:
            heard = [f"told {told[self.told]}"]
        heard += [f"silenced: {', '.join(self.silenced)}"] if self.silenced else []
        return "; ".join(part for part in (said, *heard, self.held_in_words) if part)

    @property
    def held_in_words(self) -> str:
        """What of the agent is held still, and from when on; empty where nothing is."""
        if self.freeze is None:
            return ""
        what = {"places": "the weights of places", "all": "everything but activity"}.get(
            self.freeze, self.freeze
        )
        since = "birth" if self.freeze_from == 0 else f"episode {self.freeze_from} (counted from 0)"
        return f"{what} held still from {since} on"

    @property
    def group(self) -> int:
        """Number of lives that share a seed: one per condition."""
        return max(1, len(self.conditions))

    @property
    def imposed_development(self) -> Development | None:
        """The developmental phase that takes the place of the agent's own, if there is one."""
        if self.development is None:
            return None
        return Development(self.development, self.development_steps, self.development_options)

    def tell(
        self,
        feedback: Feedback,
        reward: NDArray[np.float64],
        terminated: NDArray[np.bool_],
        rows: NDArray[np.bool_],
    ) -> None:
        """Write what lanes `rows` are told of a step into `feedback.reward`, ``(P,)``."""
        if self.reward_clamp is not None:
            feedback.reward[rows] = self.reward_clamp
        elif "reward" in self.silenced or self.told == "nothing":
            feedback.reward[rows] = 0.0
        elif self.told == "termination":
            feedback.reward[rows] = -terminated[rows].astype(np.float32)
        else:
            feedback.reward[rows] = reward[rows]

    def as_json(self) -> dict[str, Any]:
        """All fields as JSON, those at their defaults left out."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        usual = LifeSpec(self.env)
        kept = {k: v for k, v in values.items() if k == "env" or v != getattr(usual, k)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in kept.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LifeSpec:
        """The inverse of `as_json`.

        Raises:
            OntogymError: an unknown field.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise UnknownNameError("field of a life", name, known)
        tuples = ("conditions", "silenced")
        given: dict[str, Any] = {k: tuple(v) if k in tuples else v for k, v in values.items()}
        return cls(**given)


def life_seeds(spec: LifeSpec, lives: int, seed: int, *names: object) -> NDArray[np.uint64]:
    """Seeds ``(lives,)`` of the lives called `names` under `seed`; lives of one group share theirs.

    Raises:
        OntogymError: `lives` is no multiple of the number of conditions.
    """
    if lives < 1 or lives % spec.group:
        raise OntogymError(
            f"{lives} lives cannot be spread evenly over {spec.group} conditions of {spec.env}; "
            f"choose a positive multiple of {spec.group}."
        )
    return np.repeat(lane_seeds(seed, lives // spec.group, *names), spec.group)
