"""Every version of every suite of the package."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from ontogym.leaderboard.suite import Ranked, Suite, SuiteTask
from ontogym.retina_env.encoding.board import ENCODING_TASKS

__all__ = ["EVERY_SUITE"]

_ONE_HOT = MappingProxyType({"observation": "one-hot"})
_PRENATAL_STEPS = 100


def _prenatal(name: str, env: str, **settings: Any) -> tuple[SuiteTask, ...]:
    """The same lives after retinal waves, after noise of the same length, and after silence."""
    before = {"Waves": "retinal-waves", "Noise": "white-noise", "Silence": "silence"}
    return tuple(
        SuiteTask(
            name.replace("-v", f"{word}-v"),
            env,
            development=source,
            development_steps=_PRENATAL_STEPS,
            **settings,
        )
        for word, source in before.items()
    )


def _eyes(name: str, env: str, **settings: Any) -> tuple[SuiteTask, ...]:
    """The same lives through eyes that are one network, and differ in what it was trained to see before (docs/features.md)."""
    before = {"WaveEyes": "waves", "FractalEyes": "fractals", "UntrainedEyes": "untrained"}
    return tuple(
        SuiteTask(
            name.replace("-v", f"{word}-v"),
            env,
            MappingProxyType({"features": features}),
            asks=f"To tell places apart by the bars on their walls, through eyes that were shown {shown} before birth.",
            **settings,
        )
        for (word, features), shown in zip(before.items(), ("retinal waves", "fractals", "nothing"))
    )


_FORAGING: dict[str, Any] = {"env_kwargs": _ONE_HOT, "episodes": 1, "lives": 32}
_HEAR_ACTION = "To find out what the own actions now do: to one that cannot hear them both rules look alike."
_SCORE: Ranked = "score"
_REGAINED: Ranked = "regained"
_SWING_BOTH_WAYS = "Little: one fixed policy that hears nothing swings up under both rules (-137, regained 1); the score tells more."
EVERY_SUITE: tuple[Suite, ...] = (
    Suite(
        "classic",
        1,
        "Balance, swing up, forage: tasks that stay the same for a life.",
        (
            SuiteTask("CartPole-v1", "ontogym/CartPole-v1"),
            SuiteTask("Acrobot-v1", "ontogym/Acrobot-v1"),
            SuiteTask("Pendulum-v1", "ontogym/Pendulum-v1"),
            SuiteTask("Foraging-v0", "ontogym/Foraging-v0", **_FORAGING),
            SuiteTask("ForagingRewardOnly-v0", "ontogym/ForagingRewardOnly-v0", **_FORAGING),
        ),
    ),
    Suite(
        "nonstationary",
        1,
        "The rules change within a life, untold.",
        (
            SuiteTask("ForagingSwitch-v0", "ontogym/ForagingSwitch-v0", window=10, **_FORAGING),
            *(
                SuiteTask(name, f"ontogym/{name}", episodes=6, switch=3)
                for name in (
                    "CartPoleSensorFlip-v0",
                    "CartPoleSensorPermute-v0",
                    "CartPoleActionFlip-v0",
                    "AcrobotActionSwap-v0",
                )
            ),
            # Here the rules change within the one episode of a life.
            *(
                SuiteTask(name, f"ontogym/{name}", episodes=1, window=window)
                for name, window in (
                    ("CartPoleDrift-v0", None),
                    ("PendulumDrift-v0", None),
                    ("PendulumActionFlip-v0", 20),
                    ("ForagingGoalSwap-v0", 10),
                )
            ),
        ),
    ),
    Suite(
        "prenatal",
        1,
        "The same life after retinal waves, after noise, and after silence.",
        (
            *_prenatal("Foraging-v0", "ontogym/Foraging-v0", **_FORAGING),
            *_prenatal("CartPole-v1", "ontogym/CartPole-v1"),
        ),
    ),
    Suite(
        "encoding",
        1,
        "What a retina should be shown instead of a picture.",
        (
            SuiteTask("RetinaEncoding-v0", "ontogym/RetinaEncoding-v0", episodes=1, lives=64),
            SuiteTask("RetinaRefinement-v0", "ontogym/RetinaRefinement-v0", episodes=1, lives=32),
            SuiteTask("RetinaCalibration-v0", "ontogym/RetinaCalibration-v0", episodes=1, lives=16),
        ),
    ),
    Suite(
        "choice",
        1,
        "Two-alternative choices whose rule is inferred from behaviour.",
        (
            SuiteTask("DeNovoChoice-v0", "ontogym/DeNovoChoice-v0", episodes=1, lives=20),
            SuiteTask("DeNovoChoiceBlocks-v0", "ontogym/DeNovoChoiceBlocks-v0", episodes=1, lives=20),
        ),
    ),
    Suite(
        "multi-agent",
        1,
        "Several agents, one food: the agent among scripted rivals.",
        (SuiteTask("SharedForaging-v0", "ontogym/SharedForaging-v0", episodes=1),),
    ),
    Suite(
        "multi-agent",
        2,
        "Several agents, one food: the agent among scripted rivals. 1 is a planner that is told where food will grow.",
        (
            SuiteTask(
                "SharedForaging-v0",
                "ontogym/SharedForaging-v0",
                episodes=1,
                scale=(3.7, 68.0),  # benchmarks/env_anchors.py --only Shared
                asks="To go where food is and the rivals are not: walking to the nearest food earns 51, as they do.",
            ),
        ),
    ),
    Suite(
        "nonstationary",
        2,
        "The rules change within a life, untold, at times that no clock can know.",
        (
            *(
                SuiteTask(
                    name, f"ontogym/{name}", episodes=6, lives=24, ranked=ranked, asks=asks, controlled=True
                )
                for name, ranked, asks in (
                    ("CartPoleActionFlip-v1", _REGAINED, _HEAR_ACTION),
                    ("CartPoleActionFlipBack-v0", _REGAINED, f"{_HEAR_ACTION} And to turn back."),
                    # An agent that never falls meets a flip in nearly every episode, so that none is left that is
                    # wholly before or after one: the return says it, of which turning once leaves little.
                    ("CartPoleActionFlipOften-v0", _SCORE, f"{_HEAR_ACTION} Four times a life."),
                    ("AcrobotActionSwap-v1", _REGAINED, _SWING_BOTH_WAYS),
                    ("AcrobotActionSwapBack-v0", _REGAINED, _SWING_BOTH_WAYS),
                )
            ),
            SuiteTask(
                "ForagingRewardOnlyLate-v0",
                "ontogym/ForagingRewardOnlyLate-v0",
                episodes=1,
                lives=32,
                env_kwargs=_ONE_HOT,
                controlled=True,
                asks="Memory of the own way: reward comes three steps late, and nothing else tells.",
            ),
            SuiteTask(
                "ForagingSwitchLate-v0",
                "ontogym/ForagingSwitchLate-v0",
                episodes=1,
                lives=32,
                env_kwargs=_ONE_HOT,
                controlled=True,
                asks="The same, for food that moves; where the agent is tells nothing of where food is.",
            ),
        ),
    ),
    Suite(
        "choice",
        2,
        "Two-alternative choices whose rule is inferred from behaviour.",
        (
            SuiteTask(
                "DeNovoChoice-v0",
                "ontogym/DeNovoChoice-v0",
                episodes=1,
                lives=20,
                asks="To choose by the stimulus; a rule that is the same in every life need not be learned.",
            ),
            SuiteTask(
                "DeNovoChoiceBlocks-v1",
                "ontogym/DeNovoChoiceBlocks-v1",
                episodes=1,
                lives=20,
                asks="To find out from reward and the own choice which way the rule points now.",
            ),
        ),
    ),
    Suite(
        "encoding",
        2,
        "What helps animals and patients whom nobody has met: 0 is averaging, 1 the best known picture; intervals are over "
        "training seeds and over animals or patients. The twin's rows (RetinaEncoding, RetinaRefinement) show what was optimised. A clinic "
        "should show a retina what an actor trained through many animals shows, and find out first who the patient of a small implant is: "
        "sure on these judges, untested on any real one. Every method on all judges, and photographs, which need the extra `data`: "
        "docs/experiments/encoding.md.",
        tuple(
            SuiteTask(
                row.name,
                row.env,
                row.env_kwargs,
                episodes=1,
                lives=row.lives,
                asks=row.about,
                scale=(row.zero, row.one),
                subjects=row.subjects,
            )
            for row in ENCODING_TASKS
            if "Photographs" not in row.name  # a suite runs wherever ontogym does
        ),
    ),
    Suite(
        "prenatal",
        2,
        "The same life after retinal waves, after noise, and after silence; and through eyes that opened on waves, on "
        "fractals, or on nothing.",
        (
            *_prenatal("Foraging-v0", "ontogym/Foraging-v0", **_FORAGING),
            *_prenatal("CartPole-v1", "ontogym/CartPole-v1"),
            *_eyes("ForagingGratings-v0", "ontogym/ForagingGratings-v0", episodes=1, lives=32),
        ),
    ),
    Suite(
        "rule-shift",
        1,
        "Worlds drawn at birth over one body, in four folds: what is scored are worlds that training did not have.",
        tuple(
            SuiteTask(
                f"RuleShift{body}-fold{fold}-v0",
                f"ontogym/RuleShift{body}-v0",
                {"fold": fold, "split": "test"},
                episodes=3,
                lives=lives,
                ranked="held-out",
                controlled=True,
                fold=fold,
                asks="To find out by acting which way sensors and actions point, in a world never met.",
            )
            for body, lives in (("CartPole", 32),)
            for fold in range(4)
        ),
    ),
)
"""Every version of every suite; versions of one name in rising order."""
