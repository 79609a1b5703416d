"""The table of registered environments: id, settings, anchors, hidden goals. Adding an environment: one row here.

String entry points keep Gymnasium's specs serialisable and leave the modules unimported until they are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gymnasium.envs.registration import register, registry

from ontogym.errors import OntogymError, UnknownNameError

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


_FORAGING = "envs.foraging:Foraging"
_CHOICE = "envs.de_novo_choice:DeNovoChoice"
_CLASSIC = "envs.classic_control."
_SHIFTED = "envs.rule_shift:RuleShift"
_RETINA = "retina_env.encoding."
_GOALS = ({"goal": 0}, {"goal": 1})


def _row(
    name: str, where: str, steps: int, random: float, optimal: float, vectorised: bool = True, **facts: Any
) -> EnvEntry:
    """``ontogym/{name}``, whose classes are ``ontogym.{where}Env`` and ``ontogym.{where}VectorEnv``."""
    vector = f"ontogym.{where}VectorEnv" if vectorised else None
    return EnvEntry(f"ontogym/{name}", f"ontogym.{where}Env", vector, steps, random, optimal, **facts)


def _changing(
    name: str, steps: int, random: float, optimal: float, *, life: int | None = None, **told: Any
) -> EnvEntry:
    """A body whose rules change in the episodes of a `life`; beside what `EnvEntry` takes, `told` are the environment's arguments."""
    facts = {key: told.pop(key) for key in ("conditions", "floor_return") if key in told}
    where = "envs.nonstationary:Nonstationary"
    return _row(name, where, steps, random, optimal, kwargs=told, episodes=life, **facts)


# Of a changing environment a change of 'sensor-flip' at the fourth of six episodes is the default.
# fmt: off
_ROWS = (
    _row("Foraging-v0", _FORAGING, 100, 60.0, 490.0, conditions=_GOALS),
    _row("ForagingSwitch-v0", _FORAGING, 100, 60.0, 410.0, kwargs={"p_switch": 0.1}, conditions=_GOALS),
    _row("ForagingRewardOnly-v0", _FORAGING, 100, 81.3, 495.0, kwargs={"reward_only": True}, conditions=_GOALS),
    _row("ForagingRewardOnlyLate-v0", _FORAGING, 100, 78.5, 470.0,
        kwargs={"reward_only": True, "reward_delay": 3}, conditions=_GOALS),
    _row("ForagingSwitchLate-v0", _FORAGING, 100, 78.4, 359.0,
        kwargs={"p_switch": 0.1, "reward_only": True, "reward_delay": 3}, conditions=_GOALS),
    _row("ForagingGratings-v0", "envs.foraging_gratings:ForagingGratings", 100, 60.0, 490.0, conditions=_GOALS),
    _row("DeNovoChoice-v0", _CHOICE, 500, 250.0, 500.0),
    _row("DeNovoChoiceBlocks-v0", _CHOICE, 500, 250.0, 470.6, kwargs={"phase": 5, "blocks": True}),
    _row("DeNovoChoiceBlocks-v1", _CHOICE, 500, 250.0, 490.1, kwargs={"reversals": True, "tell": False}),
    _row("CartPole-v1", _CLASSIC + "cartpole:CartPole", 500, 22.4, 500.0, reward_threshold=475.0),
    _row("Acrobot-v1", _CLASSIC + "acrobot:Acrobot", 500, -498.9, -59.2, reward_threshold=-100.0),
    _row("Pendulum-v1", _CLASSIC + "pendulum:Pendulum", 200, -1229.0, -135.5),
    _row("RetinalWaves-v0", "envs.retinal_waves:RetinalWaves", 600, 0.0, 0.0, ends_itself=True),
    _row("SharedForaging-v0", "envs.shared_foraging:SharedForaging", 100, 3.7, 50.8),
    _changing("CartPoleSensorFlip-v0", 500, 22.3, 500.0, change="sensor-flip", life=6),
    _changing("CartPoleSensorPermute-v0", 500, 22.1, 500.0, change="sensor-permute", life=6),
    _changing("CartPoleActionFlip-v0", 500, 22.3, 500.0, change="action-flip", life=6),
    _changing("CartPoleDrift-v0", 500, 22.2, 500.0, change="drift", clock="step", switches=(100,), episodes=1,
        ramp=300, drift={"half_length": 3.0, "force": 0.5}),
    _changing("AcrobotActionSwap-v0", 500, -498.8, -59.2, task="Acrobot-v1", change="action-flip", life=6),
    _changing("PendulumDrift-v0", 200, -1358.4, -137.0, task="Pendulum-v1", change="drift", clock="step",
        switches=(20,), episodes=1, ramp=100, drift={"gravity": 1.5}),
    _changing("PendulumActionFlip-v0", 200, -1228.8, -135.5, task="Pendulum-v1", change="action-flip",
        clock="step", switches=(100,), episodes=1),
    _changing("ForagingGoalSwap-v0", 100, 62.0, 470.0, task="Foraging-v0", change="goal-swap", clock="step",
        switches=(50,), episodes=1, jitter=10, conditions=_GOALS, floor_return=0.0),
    _changing("CartPoleActionFlip-v1", 500, 22.2, 500.0, change="action-flip", clock="life", changes=1,
        floor_return=8.7, life=6),
    _changing("CartPoleActionFlipBack-v0", 500, 22.2, 500.0, change="action-flip", clock="life", changes=2,
        earliest=(500, 1249), floor_return=8.7, life=6),
    _changing("CartPoleActionFlipOften-v0", 500, 22.3, 500.0, change="action-flip", clock="life", changes=4,
        earliest=(250, 750), gap=(250, 600), floor_return=8.7, life=6),
    _changing("AcrobotActionSwap-v1", 500, -498.9, -59.2, task="Acrobot-v1", change="action-flip", clock="life",
        changes=1, earliest=(60, 299), episode_ticks=60, floor_return=-500.0, life=6),
    _changing("AcrobotActionSwapBack-v0", 500, -498.9, -59.2, task="Acrobot-v1", change="action-flip",
        clock="life", changes=2, earliest=(60, 149), gap=(60, 150), episode_ticks=60, floor_return=-500.0,
        life=6),
    _changing("PendulumActionFlip-v1", 200, -1228.2, -135.5, task="Pendulum-v1", change="action-flip",
        clock="life", changes=1, earliest=(200, 999), floor_return=-1820.7),
    _changing("PendulumActionFlipBack-v0", 200, -1228.2, -135.5, task="Pendulum-v1", change="action-flip",
        clock="life", changes=2, earliest=(200, 499), gap=(200, 500), floor_return=-1820.7),
    _changing("ForagingGoalSwapLate-v0", 100, 78.6, 444.4, task="Foraging-v0", change="goal-swap", clock="step",
        episodes=1, task_options={"reward_only": True, "reward_delay": 3}, changes=1, earliest=(30, 70),
        conditions=_GOALS, floor_return=0.0),
    _row("RuleShiftCartPole-v0", _SHIFTED, 500, 22.3, 500.0, kwargs={"body": "CartPole"}),
    _row("RuleShiftAcrobot-v0", _SHIFTED, 500, -498.9, -59.2, kwargs={"body": "Acrobot"}),
    _row("RuleShiftForaging-v0", _SHIFTED, 100, 60.0, 490.0, kwargs={"body": "Foraging"}, conditions=_GOALS),
    _row("RuleShiftLunarLander-v0", "envs.rule_shift_lander:RuleShiftLunarLander", 1000, -185.8, 241.3,
        vectorised=False, spaces=("Box(8,)", "Discrete(4)")),
    _row("RetinaEncoding-v0", _RETINA + "still:RetinaEncoding", 1, -8.1, 0.72, ends_itself=True,
        spaces=("image (128, 128), statistics (15,)", "Box(13,)")),
    _row("RetinaEncodingPixels-v0", _RETINA + "still:RetinaEncodingPixels", 1, -5.9, 1.0, ends_itself=True,
        spaces=("image (128, 128), statistics (15,)", "Box(32, 32)")),
    _row("RetinaCalibration-v0", _RETINA + "calibration:RetinaCalibration", 30, -183.0, 20.0, ends_itself=True,
        spaces=("image (128, 128), progress (1,), response (60,), statistics (15,), target (60,)", "Box(13,)")),
    _row("RetinaEncodingAnimals-v0", _RETINA + "unseen:RetinaEncodingAnimals", 1, -7.3, 1.0, ends_itself=True,
        spaces=("image (128, 128), statistics (15,)", "Box(13,)")),
    _row("RetinaEncodingPercept-v0", _RETINA + "percept:RetinaEncodingPercept", 1, -0.5, 1.0, ends_itself=True,
        spaces=("image (128, 128), statistics (15,)", "Box(13,)")),
    _row("RetinaCalibration-v1", _RETINA + "percept:PerceptCalibration", 20, -7.4, 14.6, ends_itself=True,
        spaces=("image (128, 128), progress (1,), response (60,), statistics (15,), target (60,)", "Box(14,)")),
    _row("RetinaRefinement-v0", _RETINA + "refinement:RetinaRefinement", 6, -15.8, 1.3, ends_itself=True,
        spaces=("image (128, 128), progress (1,), response (60,), statistics (15,), target (60,)", "Box(13,)")),
)
# fmt: on
ENTRIES: dict[str, EnvEntry] = {entry.id: entry for entry in _ROWS}


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

    Raises:
        OntogymError: something else than an id.
    """
    if not isinstance(env_id, str):
        raise OntogymError(
            f"env is {env_id!r}; give an id, such as 'CartPole-v1', and register a class of your own by gymnasium.register first."
        )
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
