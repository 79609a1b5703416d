"""From a submission to something that can live: registered agents, policies of SB3, and agents without weights.

Agent types are looked up by name in tables; no name is ever imported, no file but the submission's is opened.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.base import Actor, check_genomes
from ontogym.agents.lndp import LNDP
from ontogym.baselines.evolution.carried import RULE_TENSOR, rebuild_rule
from ontogym.baselines.lives.actors import ByHand, Constant, Random
from ontogym.baselines.lives.lanes import make_single
from ontogym.baselines.lives.life import make_agent
from ontogym.baselines.lives.player import Player
from ontogym.baselines.sb3.networks import ALGORITHMS
from ontogym.envs.reference import REFERENCES
from ontogym.errors import OntogymError, UnknownNameError, needs
from ontogym.leaderboard.limits import MAX_STATE_BYTES, Refused
from ontogym.leaderboard.options import check_options
from ontogym.leaderboard.suites import SuiteTask
from ontogym.registry import AGENTS

__all__ = ["SB3_TYPES", "WEIGHT_FREE", "Player", "agent_types", "build_player"]

SB3_TYPES = ALGORITHMS
WEIGHT_FREE: Mapping[str, Callable[..., Actor[Any]]] = {
    "random": Random,
    "constant": Constant,
    **{name: functools.partial(ByHand, make=each.make) for name, each in REFERENCES.items()},
}
"""Floors and ceilings: actors that are whole without weights, made of the two spaces and their options."""


def agent_types() -> list[str]:
    """Names of every agent type a submission may have here."""
    return sorted({*AGENTS, *SB3_TYPES, *WEIGHT_FREE})


def build_player(
    agent_type: str, options: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], task: SuiteTask
) -> Player:
    """What a submission holds, built for a task.

    Args:
        agent_type: a name in one of the tables.
        options: its options.
        tensors: its weights.
        task: the task.

    Raises:
        OntogymError: an unknown type, options or weights that are not of this type or do not fit, or networks beyond
            the limit.
    """
    if agent_type not in agent_types():
        raise UnknownNameError("agent type", agent_type, agent_types())
    options = check_options(agent_type, options)
    if agent_type in AGENTS:
        return _evolved(agent_type, options, tensors, task)
    single = make_single(task.env, task.env_kwargs)
    spaces_ = single.observation_space, single.action_space
    single.close()
    make = _weight_free if agent_type in WEIGHT_FREE else _trained
    return Player(make(agent_type, options, tensors, task, *spaces_))


def _evolved(
    agent_type: str, options: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], task: SuiteTask
) -> Player:
    _check_state(options, task.lives)
    rest = dict(tensors)
    if agent_type == "logistic":
        options = _with_rule(options, rest)
    if set(rest) != {"genome"} or rest["genome"].ndim != 1 or rest["genome"].dtype != np.float64:
        raise Refused(f"The weights of {agent_type!r} are one float64 tensor 'genome' of shape (D,).")
    agent = make_agent(agent_type, task.env, task.env_kwargs, options)
    if isinstance(agent, LNDP):  # whose nodes may follow the task's spaces
        _check_state({**options, "nodes": agent.options.nodes}, task.lives)
        check_options(agent_type, {**options, "nodes": agent.options.nodes})
    genome = np.array(rest["genome"])
    check_genomes(genome, agent.genome_size)
    return Player(agent, genome)


def _with_rule(options: Mapping[str, Any], tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Options of a logistic agent with the inferred rule that it carries, which is taken out of `tensors`."""
    shape = {key for key in ("network", "hidden") if key in options}
    if RULE_TENSOR not in tensors:
        if shape:
            raise Refused(
                f"{min(shape)!r} describes an inferred rule, but there is no tensor {RULE_TENSOR!r}."
            )
        return dict(options)
    try:
        return rebuild_rule(options, tensors)
    except OntogymError as error:
        raise Refused(str(error)) from error


def _check_state(options: Mapping[str, Any], lanes: int) -> None:
    """Refuse networks whose states would not fit the limit: edges (N, N, S) and nodes (N, F) of every lane.

    A worker has a limit of its own; this one says what is too large before anything is built.
    """
    size = {"nodes": 32, "hidden": 0, "edge_features": 4, "node_features": 8, "heads": 3}
    for key in size:
        value = options.get(key, size[key])
        size[key] = value if type(value) is int else size[key]
    n = max(size["nodes"], size["hidden"])
    numbers = n * n * (size["edge_features"] + size["heads"] + 1) + n * size["node_features"]
    if 4 * numbers * lanes > MAX_STATE_BYTES:
        raise Refused(
            f"{lanes} networks of {n} nodes would take {4 * numbers * lanes / 2**30:.3g} GiB; the most is "
            f"{MAX_STATE_BYTES / 2**30:g}."
        )


def _weight_free(
    agent_type: str,
    options: Mapping[str, Any],
    tensors: Mapping[str, NDArray[Any]],
    task: SuiteTask,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
) -> Actor[Any]:
    if tensors:
        raise Refused(f"An agent of type {agent_type!r} has no weights; leave the tensors out.")
    written = REFERENCES.get(agent_type)
    if written is not None and task.env not in written.envs:
        raise Refused(
            f"{agent_type!r} is written for {', '.join(written.envs)}, not for {task.env}; choose such a task."
        )
    return WEIGHT_FREE[agent_type](observation_space, action_space, **options)


def _trained(
    agent_type: str,
    options: Mapping[str, Any],
    tensors: Mapping[str, NDArray[Any]],
    task: SuiteTask,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
) -> Actor[Any]:
    """The network of this algorithm and no other's."""
    with needs("An agent of SB3", "stable-baselines3", "stable-baselines3"):
        from ontogym.baselines.sb3.policy import load_policy
    if not tensors:
        raise Refused(f"An agent of type {agent_type!r} has weights; there are none.")
    return load_policy(tensors, {**options, "algorithm": agent_type}, observation_space, action_space)
