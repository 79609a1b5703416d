"""From a submission to something that can live: registered agents, policies of SB3, and agents without weights.

All of them are lived by the one rollout (`ontogym.baselines.lives.rollout`).
Agent types are looked up by name in tables; no name is ever imported.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.base import check_genomes
from ontogym.baselines.lives.actors import ByHand, Constant, Random
from ontogym.baselines.lives.lanes import check_options, make_single
from ontogym.baselines.lives.life import make_agent
from ontogym.baselines.lives.player import Player
from ontogym.envs.reference import BlockObserver, WinStayLoseShift
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.leaderboard.limits import MAX_STATE_BYTES, Refused
from ontogym.leaderboard.suites import SuiteTask
from ontogym.registry import AGENTS

__all__ = ["SB3_TYPES", "WEIGHT_FREE", "Player", "agent_types", "build_player"]

SB3_TYPES = ("ppo", "a2c", "dqn", "sac", "td3", "recurrent-ppo")


WEIGHT_FREE: Mapping[str, Any] = {
    "random": Random,
    "constant": Constant,
    "win-stay-lose-shift": functools.partial(ByHand, make=WinStayLoseShift),
    "block-observer": functools.partial(ByHand, make=BlockObserver),
}
"""Floors and ceilings: actors that are whole without weights, made of the two spaces and their options."""

_FOR = {"win-stay-lose-shift": "Foraging", "block-observer": "DeNovoChoice"}


def agent_types() -> list[str]:
    """Names of every agent type a submission may have here."""
    return sorted({*AGENTS, *SB3_TYPES, *WEIGHT_FREE})


def build_player(
    agent_type: str, options: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], task: SuiteTask
) -> Player:
    """What a submission holds, built for a task.

    Args:
        agent_type: a name in one of the tables.
        options: its options, checked by `manifest.check_options`.
        tensors: its weights.
        task: the task.

    Raises:
        OntogymError: an unknown type, options or weights that do not fit, or networks beyond the limit.
    """
    if agent_type not in agent_types():
        raise UnknownNameError("agent type", agent_type, agent_types())
    single = make_single(task.env, task.env_kwargs)
    spaces_ = single.observation_space, single.action_space
    single.close()
    if agent_type in AGENTS:
        player = _evolved(agent_type, options, tensors, task)
    elif agent_type in WEIGHT_FREE:
        player = _weight_free(agent_type, options, tensors, task, *spaces_)
    else:
        player = _trained(options, tensors, task, *spaces_)
    return player


def _evolved(
    agent_type: str, options: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], task: SuiteTask
) -> Player:
    if set(tensors) != {"genome"} or tensors["genome"].ndim != 1 or tensors["genome"].dtype != np.float64:
        raise Refused(f"The weights of {agent_type!r} are one float64 tensor 'genome' of shape (D,).")
    _check_state(options, task.lives)
    agent = make_agent(agent_type, task.env, task.env_kwargs, options)
    genome = np.array(tensors["genome"])
    check_genomes(genome, agent.genome_size)
    return Player(agent, genome)


def _check_state(options: Mapping[str, Any], lanes: int) -> None:
    """Refuse networks whose states would not fit the limit: edges (N, N, S) and nodes (N, F) of every lane."""
    size = {"nodes": 32, "hidden": 0, "edge_features": 4, "node_features": 8, "heads": 3}
    for key in size:
        value = options.get(key, size[key])
        if type(value) is not int or value < 0:
            raise Refused(f"The option {key!r} must be a whole number, not {value!r}.")
        size[key] = value
    n = max(size["nodes"], size["hidden"])
    numbers = n * n * (size["edge_features"] + size["heads"] + 1) + n * size["node_features"]
    if 4 * numbers * lanes > MAX_STATE_BYTES:
        raise Refused(
            f"{lanes} networks of {n} nodes would take {4 * numbers * lanes / 2**30:.3g} GiB; the most is "
            f"{MAX_STATE_BYTES / 2**30:g}."
        )
    steps = options.get("development_steps", 0)
    if type(steps) is int and steps > 2000:
        raise Refused(f"development_steps is {steps}; the most on the leaderboard is 2000.")


def _weight_free(
    agent_type: str,
    options: Mapping[str, Any],
    tensors: Mapping[str, NDArray[Any]],
    task: SuiteTask,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
) -> Player:
    if tensors:
        raise Refused(f"An agent of type {agent_type!r} has no weights; leave the tensors out.")
    if _FOR.get(agent_type, "") not in task.env:
        raise OntogymError(
            f"{agent_type!r} is written for {_FOR[agent_type]}, not for {task.name}; choose such a task."
        )
    kind = WEIGHT_FREE[agent_type]
    check_options(f"the agent {agent_type!r}", kind, options, ("observation_space", "action_space", "make"))
    return Player(kind(observation_space, action_space, **options))


def _trained(
    options: Mapping[str, Any],
    tensors: Mapping[str, NDArray[Any]],
    task: SuiteTask,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
) -> Player:
    try:
        from ontogym.baselines.sb3.policy import load_policy  # type: ignore[import-not-found]
    except ImportError as error:
        raise OntogymError(f"Agents of SB3 need stable-baselines3 ({error}); install it.") from error
    return Player(load_policy(tensors, options, observation_space, action_space))
