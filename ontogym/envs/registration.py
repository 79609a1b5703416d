"""The table of registered environments: id, settings, anchors, hidden goals. Adding an environment: one row here.

String entry points keep Gymnasium's specs serialisable and leave the modules unimported until they are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gymnasium.envs.registration import register, registry

from ontogym.errors import UnknownNameError

__all__ = [
    "ENTRIES",
    "EnvEntry",
    "anchors",
    "change_cost",
    "conditions",
    "episodes_of_life",
    "register_all",
    "register_entry",
]


@dataclass(frozen=True)
class EnvEntry:
    """One registered configuration of an environment.

    Args:
        id: as in ``gymnasium.make``.
        entry_point, vector_entry_point: ``"module:Class"``; no vector form where lanes run side by side (None).
        max_episode_steps: length of a life.
        random_return: mean return of a default life under uniformly random actions.
        optimal_return: mean return of the best agent that is told no hidden state (the environment's docstring
            says how it was found).
        floor_return: where the rules change, what the policy that is best before a change earns after it if it does not
            change itself, as the return of an episode (``benchmarks/env_anchors.py --floors``).
        episodes: episodes of one life, where the environment changes over them; None leaves it to who lets live.
        kwargs: arguments of the environment.
        conditions: reset options that set the hidden state to each of its values, to be paired in
            evaluation; empty where nothing is hidden.
        reward_threshold: return from which the task counts as solved.
        ends_itself: the environment ends its lives, whose length is one of its arguments or one step; Gymnasium is
            told no limit, which would overrule the argument and call the one step's end a cut.
        spaces: observation and action space in words, where making the environment takes seconds.
    """

    id: str
    entry_point: str
    vector_entry_point: str | None
    max_episode_steps: int
    random_return: float
    optimal_return: float
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    conditions: tuple[dict[str, Any], ...] = ()
    reward_threshold: float | None = None
    ends_itself: bool = False
    spaces: tuple[str, str] | None = None
    floor_return: float | None = None
    episodes: int | None = None


_FORAGING = ("ontogym.envs.foraging:ForagingEnv", "ontogym.envs.foraging:ForagingVectorEnv")
_CHOICE = (
    "ontogym.envs.de_novo_choice:DeNovoChoiceEnv",
    "ontogym.envs.de_novo_choice:DeNovoChoiceVectorEnv",
)
_CLASSIC = "ontogym.envs.classic_control."
_CHANGING = (
    "ontogym.envs.nonstationary:NonstationaryEnv",
    "ontogym.envs.nonstationary:NonstationaryVectorEnv",
)
_SHIFTED = ("ontogym.envs.rule_shift:RuleShiftEnv", "ontogym.envs.rule_shift:RuleShiftVectorEnv")
_RETINA = "ontogym.retina_env.encoding."
_GOALS = ({"goal": 0}, {"goal": 1})

ENTRIES: dict[str, EnvEntry] = {
    entry.id: entry
    for entry in (
        EnvEntry("ontogym/Foraging-v0", *_FORAGING, 100, 60.0, 490.0, {}, _GOALS),
        EnvEntry("ontogym/ForagingSwitch-v0", *_FORAGING, 100, 60.0, 410.0, {"p_switch": 0.1}, _GOALS),
        EnvEntry(
            "ontogym/ForagingRewardOnly-v0", *_FORAGING, 100, 81.3, 495.0, {"reward_only": True}, _GOALS
        ),
        EnvEntry(
            "ontogym/ForagingRewardOnlyLate-v0",
            *_FORAGING,
            100,
            78.5,
            470.0,
            {"reward_only": True, "reward_delay": 3},
            _GOALS,
        ),
        EnvEntry(
            "ontogym/ForagingSwitchLate-v0",
            *_FORAGING,
            100,
            78.4,
            359.0,
            {"p_switch": 0.1, "reward_only": True, "reward_delay": 3},
            _GOALS,
        ),
        EnvEntry(
            "ontogym/ForagingGratings-v0",
            "ontogym.envs.foraging_gratings:ForagingGratingsEnv",
            "ontogym.envs.foraging_gratings:ForagingGratingsVectorEnv",
            100,
            60.0,
            490.0,
            {},
            _GOALS,
        ),
        EnvEntry("ontogym/DeNovoChoice-v0", *_CHOICE, 500, 250.0, 500.0),
        EnvEntry("ontogym/DeNovoChoiceBlocks-v0", *_CHOICE, 500, 250.0, 470.6, {"phase": 5, "blocks": True}),
        EnvEntry(
            "ontogym/DeNovoChoiceBlocks-v1", *_CHOICE, 500, 250.0, 490.1, {"reversals": True, "tell": False}
        ),
        EnvEntry(
            "ontogym/CartPole-v1",
            _CLASSIC + "cartpole:CartPoleEnv",
            _CLASSIC + "cartpole:CartPoleVectorEnv",
            500,
            22.4,
            500.0,
            reward_threshold=475.0,
        ),
        EnvEntry(
            "ontogym/Acrobot-v1",
            _CLASSIC + "acrobot:AcrobotEnv",
            _CLASSIC + "acrobot:AcrobotVectorEnv",
            500,
            -498.9,
            -59.2,
            reward_threshold=-100.0,
        ),
        EnvEntry(
            "ontogym/Pendulum-v1",
            _CLASSIC + "pendulum:PendulumEnv",
            _CLASSIC + "pendulum:PendulumVectorEnv",
            200,
            -1229.0,
            -135.5,
        ),
        EnvEntry(
            "ontogym/RetinalWaves-v0",
            "ontogym.envs.retinal_waves:RetinalWavesEnv",
            "ontogym.envs.retinal_waves:RetinalWavesVectorEnv",
            600,
            0.0,
            0.0,
            ends_itself=True,
        ),
        EnvEntry(
            "ontogym/SharedForaging-v0",
            "ontogym.envs.shared_foraging:SharedForagingEnv",
            "ontogym.envs.shared_foraging:SharedForagingVectorEnv",
            100,
            3.7,
            50.8,
        ),
        # A change of 'sensor-flip' at the fourth of six episodes is the default.
        EnvEntry(
            "ontogym/CartPoleSensorFlip-v0",
            *_CHANGING,
            500,
            22.3,
            500.0,
            {"change": "sensor-flip"},
            episodes=6,
        ),
        EnvEntry(
            "ontogym/CartPoleSensorPermute-v0",
            *_CHANGING,
            500,
            22.1,
            500.0,
            {"change": "sensor-permute"},
            episodes=6,
        ),
        EnvEntry(
            "ontogym/CartPoleActionFlip-v0",
            *_CHANGING,
            500,
            22.3,
            500.0,
            {"change": "action-flip"},
            episodes=6,
        ),
        EnvEntry(
            "ontogym/CartPoleDrift-v0",
            *_CHANGING,
            500,
            22.2,
            500.0,
            {
                "change": "drift",
                "clock": "step",
                "switches": (100,),
                "episodes": 1,
                "ramp": 300,
                "drift": {"half_length": 3.0, "force": 0.5},
            },
        ),
        EnvEntry(
            "ontogym/AcrobotActionSwap-v0",
            *_CHANGING,
            500,
            -498.8,
            -59.2,
            {"task": "Acrobot-v1", "change": "action-flip"},
            episodes=6,
        ),
        EnvEntry(
            "ontogym/PendulumDrift-v0",
            *_CHANGING,
            200,
            -1358.4,
            -137.0,
            {
                "task": "Pendulum-v1",
                "change": "drift",
                "clock": "step",
                "switches": (20,),
                "episodes": 1,
                "ramp": 100,
                "drift": {"gravity": 1.5},
            },
        ),
        EnvEntry(
            "ontogym/PendulumActionFlip-v0",
            *_CHANGING,
            200,
            -1228.8,
            -135.5,
            {
                "task": "Pendulum-v1",
                "change": "action-flip",
                "clock": "step",
                "switches": (100,),
                "episodes": 1,
            },
        ),
        EnvEntry(
            "ontogym/ForagingGoalSwap-v0",
            *_CHANGING,
            100,
            62.0,
            470.0,
            {
                "task": "Foraging-v0",
                "change": "goal-swap",
                "clock": "step",
                "switches": (50,),
                "episodes": 1,
                "jitter": 10,
            },
            _GOALS,
            floor_return=0.0,
        ),
        EnvEntry(
            "ontogym/CartPoleActionFlip-v1",
            *_CHANGING,
            500,
            22.2,
            500.0,
            {"change": "action-flip", "clock": "life", "changes": 1},
            floor_return=8.7,
            episodes=6,
        ),
        EnvEntry(
            "ontogym/CartPoleActionFlipBack-v0",
            *_CHANGING,
            500,
            22.2,
            500.0,
            {"change": "action-flip", "clock": "life", "changes": 2, "earliest": (500, 1249)},
            floor_return=8.7,
            episodes=6,
        ),
        EnvEntry(
            "ontogym/CartPoleActionFlipOften-v0",
            *_CHANGING,
            500,
            22.3,
            500.0,
            {
                "change": "action-flip",
                "clock": "life",
                "changes": 4,
                "earliest": (250, 750),
                "gap": (250, 600),
            },
            floor_return=8.7,
            episodes=6,
        ),
        EnvEntry(
            "ontogym/AcrobotActionSwap-v1",
            *_CHANGING,
            500,
            -498.9,
            -59.2,
            {
                "task": "Acrobot-v1",
                "change": "action-flip",
                "clock": "life",
                "changes": 1,
                "earliest": (60, 299),
                "episode_ticks": 60,
            },
            floor_return=-500.0,
            episodes=6,
        ),
        EnvEntry(
            "ontogym/AcrobotActionSwapBack-v0",
            *_CHANGING,
            500,
            -498.9,
            -59.2,
            {
                "task": "Acrobot-v1",
                "change": "action-flip",
                "clock": "life",
                "changes": 2,
                "earliest": (60, 149),
                "gap": (60, 150),
                "episode_ticks": 60,
            },
            floor_return=-500.0,
            episodes=6,
        ),
        EnvEntry(
            "ontogym/PendulumActionFlip-v1",
            *_CHANGING,
            200,
            -1228.2,
            -135.5,
            {
                "task": "Pendulum-v1",
                "change": "action-flip",
                "clock": "life",
                "changes": 1,
                "earliest": (200, 999),
            },
            floor_return=-1820.7,
        ),
        EnvEntry(
            "ontogym/PendulumActionFlipBack-v0",
            *_CHANGING,
            200,
            -1228.2,
            -135.5,
            {
                "task": "Pendulum-v1",
                "change": "action-flip",
                "clock": "life",
                "changes": 2,
                "earliest": (200, 499),
                "gap": (200, 500),
            },
            floor_return=-1820.7,
        ),
        EnvEntry(
            "ontogym/ForagingGoalSwapLate-v0",
            *_CHANGING,
            100,
            78.6,
            444.4,
            {
                "task": "Foraging-v0",
                "change": "goal-swap",
                "clock": "step",
                "episodes": 1,
                "task_options": {"reward_only": True, "reward_delay": 3},
                "changes": 1,
                "earliest": (30, 70),
            },
            _GOALS,
            floor_return=0.0,
        ),
        EnvEntry("ontogym/RuleShiftCartPole-v0", *_SHIFTED, 500, 22.3, 500.0, {"body": "CartPole"}),
        EnvEntry("ontogym/RuleShiftAcrobot-v0", *_SHIFTED, 500, -498.9, -59.2, {"body": "Acrobot"}),
        EnvEntry("ontogym/RuleShiftForaging-v0", *_SHIFTED, 100, 60.0, 490.0, {"body": "Foraging"}, _GOALS),
        EnvEntry(
            "ontogym/RuleShiftLunarLander-v0",
            "ontogym.envs.rule_shift_lander:RuleShiftLunarLanderEnv",
            None,
            1000,
            -185.8,
            241.3,
            spaces=("Box(8,)", "Discrete(4)"),
        ),
        EnvEntry(
            "ontogym/RetinaEncoding-v0",
            _RETINA + "still:RetinaEncodingEnv",
            _RETINA + "still:RetinaEncodingVectorEnv",
            1,
            -8.1,
            0.72,
            ends_itself=True,
            spaces=("image (128, 128), statistics (15,)", "Box(13,)"),
        ),
        EnvEntry(
            "ontogym/RetinaEncodingPixels-v0",
            _RETINA + "still:RetinaEncodingPixelsEnv",
            _RETINA + "still:RetinaEncodingPixelsVectorEnv",
            1,
            -5.9,
            1.0,
            ends_itself=True,
            spaces=("image (128, 128), statistics (15,)", "Box(32, 32)"),
        ),
        EnvEntry(
            "ontogym/RetinaCalibration-v0",
            _RETINA + "calibration:RetinaCalibrationEnv",
            _RETINA + "calibration:RetinaCalibrationVectorEnv",
            30,
            -183.0,
            20.0,
            ends_itself=True,
            spaces=(
                "image (128, 128), progress (1,), response (60,), statistics (15,), target (60,)",
                "Box(13,)",
            ),
        ),
        EnvEntry(
            "ontogym/RetinaEncodingAnimals-v0",
            _RETINA + "unseen:RetinaEncodingAnimalsEnv",
            _RETINA + "unseen:RetinaEncodingAnimalsVectorEnv",
            1,
            -7.3,
            1.0,
            ends_itself=True,
            spaces=("image (128, 128), statistics (15,)", "Box(13,)"),
        ),
        EnvEntry(
            "ontogym/RetinaEncodingPercept-v0",
            _RETINA + "percept:RetinaEncodingPerceptEnv",
            _RETINA + "percept:RetinaEncodingPerceptVectorEnv",
            1,
            -0.5,
            1.0,
            ends_itself=True,
            spaces=("image (128, 128), statistics (15,)", "Box(13,)"),
        ),
        EnvEntry(
            "ontogym/RetinaCalibration-v1",
            _RETINA + "percept:PerceptCalibrationEnv",
            _RETINA + "percept:PerceptCalibrationVectorEnv",
            20,
            -7.4,
            14.6,
            ends_itself=True,
            spaces=(
                "image (128, 128), progress (1,), response (60,), statistics (15,), target (60,)",
                "Box(14,)",
            ),
        ),
        EnvEntry(
            "ontogym/RetinaRefinement-v0",
            _RETINA + "refinement:RetinaRefinementEnv",
            _RETINA + "refinement:RetinaRefinementVectorEnv",
            6,
            -15.8,
            1.3,
            ends_itself=True,
            spaces=(
                "image (128, 128), progress (1,), response (60,), statistics (15,), target (60,)",
                "Box(13,)",
            ),
        ),
    )
}


def register_entry(entry: EnvEntry) -> None:
    """Register `entry` with Gymnasium and with `anchors` and `conditions`; an id already there stays as it is."""
    ENTRIES.setdefault(entry.id, entry)
    if entry.id not in registry:
        register(
            id=entry.id,
            entry_point=entry.entry_point,
            vector_entry_point=entry.vector_entry_point,
            max_episode_steps=None if entry.ends_itself else entry.max_episode_steps,
            reward_threshold=entry.reward_threshold,
            kwargs=dict(entry.kwargs),
        )


def register_all() -> None:
    """Register every environment of the suite with Gymnasium. Calling it again changes nothing."""
    for entry in tuple(ENTRIES.values()):
        register_entry(entry)


def bare_id(env_id: str) -> str:
    """The id without ``ontogym:``, which Gymnasium takes as an order to import what is imported already.

    The prefix of another module stays: whoever makes the environment elsewhere must import it there.
    """
    module, _, name = env_id.rpartition(":")
    return name if module.partition(".")[0] == "ontogym" else env_id


def entry_of(env_id: str) -> EnvEntry | None:
    """What is known of an environment, by its id with or without a module before it; None for one from elsewhere."""
    return ENTRIES.get(env_id.rpartition(":")[2])


def anchors(env_id: str) -> tuple[float, float]:
    """Random and optimal return of a default life of `env_id`.

    Raises:
        UnknownNameError: the id is not one of this suite's (other environments have no known anchors).
    """
    entry = entry_of(env_id)
    if entry is None:
        raise UnknownNameError("environment with anchors", env_id, ENTRIES)
    return entry.random_return, entry.optimal_return


def episodes_of_life(env_id: str) -> int:
    """Episodes of one life: the environment's own, else 1 where a hidden goal makes an episode a whole life, else 3."""
    entry = entry_of(env_id)
    if entry is not None and entry.episodes is not None:
        return entry.episodes
    return 1 if conditions(env_id) else 3


def change_cost(env_id: str) -> tuple[float, float] | None:
    """What the policy that is best before a change of the rules earns before and after it; None where that is unknown."""
    entry = entry_of(env_id)
    if entry is None or entry.floor_return is None:
        return None
    return entry.optimal_return, entry.floor_return


def conditions(env_id: str) -> tuple[dict[str, Any], ...]:
    """Reset options that pair the hidden goals of `env_id`: ``({"goal": 0}, {"goal": 1})`` for foraging.

    Empty where nothing is hidden, and for environments from elsewhere.
    """
    entry = entry_of(env_id)
    return tuple(dict(options) for options in entry.conditions) if entry else ()
