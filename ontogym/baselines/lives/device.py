"""Whole lives on a device: where agent and world both are tensors, a life never comes back to the host.

`live` takes this path by itself for an LNDP of the torch engine on a GPU; it gives what `rollout` gives, up to the last
digits of the device's arithmetic. Nothing may look on: no watcher, no trace, nothing that is frozen or born again.
The host asks only now and then whether anyone is still alive.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ontogym.agents.base import Agent
from ontogym.agents.batching import Replayed, compile_step
from ontogym.agents.individuals import Individuals, IndividualsState, life_stream
from ontogym.agents.lndp.agent import LNDP, LNDPState
from ontogym.agents.lndp.torch_engine import TorchEngine
from ontogym.agents.lndp.torch_networks import Networks, each
from ontogym.baselines.lives.device_step import Life, LifeStep, OnDevice, repeated, telling
from ontogym.baselines.lives.lanes import lanes_of
from ontogym.baselines.lives.rollout import Lived
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.batched.inputs import lane_options
from ontogym.batched.tensors import World, state_tensors, stream_tensor
from ontogym.envs.tensors import tensor_dynamics_of
from ontogym.seeding import LaneStreams

__all__ = ["device_lives", "on_device"]

ASK_EVERY = 25
"""Steps between two questions whether anyone is alive; each waits until the device has caught up."""
KEPT = 2
"""A search uses two sizes, its population and its evaluations; each keeps its memory and its captured step."""


def on_device(agent: Agent[Any], spec: LifeSpec, cpu: bool = False) -> OnDevice | None:
    """The tensor forms that live such a life, or None: then it is lived step by step.

    Args:
        cpu: also for an agent on the CPU (where stepping the living only is usually faster).
    """
    if type(agent) is not LNDP or not isinstance(agent.engine, TorchEngine) or agent.options.released:
        return None
    engine, action = agent.engine, agent.action_space
    if agent.options.rewire_every != 1 or not spec.steps_only or not (cpu or engine.device.type == "cuda"):
        return None
    if not isinstance(action, spaces.Discrete) or action.start != 0:
        return None
    lanes = lanes_of(spec.env, 1, spec.env_kwargs)
    dynamics = lanes.dynamics
    if dynamics is None:
        return None
    rules = tensor_dynamics_of(dynamics, engine.device)
    limits = [n for n in (lanes.limit, spec.max_steps) if n is not None]
    same = dynamics.observation_space == agent.observation_space and dynamics.action_space == action
    return OnDevice(agent, engine, rules, dynamics, min(limits)) if rules and limits and same else None


@torch.no_grad()
def device_lives(
    found: OnDevice,
    genomes: NDArray[np.floating],
    spec: LifeSpec,
    seeds: NDArray[np.uint64],
    options: dict[str, NDArray[Any]],
) -> Lived:
    """Every genome ``(P, D)`` lives every life ``(L,)``, lanes genome-major.

    Args:
        options: reset options of the L lives.

    The state of what has lived is overwritten by the next call of as many lanes.
    """
    population, lives = len(genomes), len(seeds)
    born = Individuals(found.agent, np.repeat(genomes, lives, axis=0), spec.imposed_development)
    newborn = born.begin(np.tile(seeds, population)).agent
    place = _place_of(found, spec, newborn.engine.networks)
    life, returns, lengths = place.life, [], []
    for episode in range(spec.episodes):
        place.begin(*_beginning(found, episode, seeds, options), population)
        for step in range(1, found.limit + 1):
            place.step()
            if step % ASK_EVERY == 0 and not bool(life.active.any()):
                break
        returns.append(life.earned.clone())
        lengths.append(life.lasted.clone())
    inner = newborn.engine._replace(networks=life.networks)
    state = IndividualsState(LNDPState(inner))
    failed = np.zeros(population * lives, np.bool_)  # tensor dynamics are always finite
    return Lived(state, torch.stack(returns, 1).cpu().numpy(), torch.stack(lengths, 1).cpu().numpy(), failed)


def _beginning(
    found: OnDevice, episode: int, seeds: NDArray[np.uint64], options: dict[str, NDArray[Any]]
) -> tuple[World, Tensor]:
    """State and streams ``(L, ...)`` in which an episode of the lives begins."""
    rows, device = np.arange(len(seeds)), found.engine.device
    given = lane_options(options, found.dynamics.reset_options, len(seeds), rows)
    streams = LaneStreams(life_stream(seeds, 2 + episode) >> np.uint64(33))
    state = found.dynamics.reset(streams, rows, given)
    return state_tensors(state, device), stream_tensor(streams.state, device)


class _Place:
    """Memory for so many lanes of one agent in one world, and the step that works in it."""

    def __init__(self, found: OnDevice, step: Any, newborn: Networks) -> None:
        self.found = found
        world, streams = _beginning(found, 0, np.zeros(1, np.uint64), {})
        self.life = Life.of(newborn, world, streams, found.agent.spaces.n_actions)
        self.step = Replayed(lambda: step(self.life), found.engine.device, found.engine.graphs)

    def settle(self, newborn: Networks, spec: LifeSpec) -> None:
        """Newborn networks in place of the last ones; nothing has been heard yet."""
        life = self.life
        if newborn is not life.networks:
            for own, fresh in zip(_tensors(life.networks), _tensors(newborn)):
                own.copy_(fresh)
        for part in (life.told, life.action, life.terminated):
            part.zero_()
        life.telling.copy_(torch.tensor(telling(spec)))

    def begin(self, world: World, streams: Tensor, copies: int) -> None:
        """An episode begins in every lane; `world` and `streams` are of the lives, the same for every genome."""
        life = self.life
        for own, fresh in zip((*life.world, life.streams), (*world, streams)):
            own.copy_(repeated(fresh, copies))
        life.start.fill_(True)
        life.active.fill_(True)
        life.earned.zero_()
        life.lasted.zero_()


def _tensors(networks: Networks) -> list[Tensor]:
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    each(note, networks)
    return found


_places: OrderedDict[str, _Place] = OrderedDict()
_steps: OrderedDict[str, tuple[OnDevice, Any]] = OrderedDict()


def _place_of(found: OnDevice, spec: LifeSpec, newborn: Networks) -> _Place:
    """A place for these newborns, one that is kept from an earlier call if there is one."""
    world = f"{id(found.agent)}|{spec.env}|{spec.env_kwargs}|{found.limit}|{sorted(spec.silenced)}"
    key = f"{world}|{len(newborn.genomes)}"
    kept = _places.get(key)
    if kept is None or kept.found.agent is not found.agent:
        first, step = _step_of(world, found, spec)
        while len(_places) >= KEPT:
            _places.popitem(last=False)
        kept = _places[key] = _Place(first, step, newborn)
    _places.move_to_end(key)
    kept.settle(newborn, spec)
    return kept


def _step_of(key: str, found: OnDevice, spec: LifeSpec) -> tuple[OnDevice, Any]:
    """The step of an agent in a world, compiled once for all numbers of lanes."""
    if key not in _steps or _steps[key][0].agent is not found.agent:
        step = LifeStep(found, spec.silenced)
        while len(_steps) >= KEPT:
            _steps.popitem(last=False)
        _steps[key] = found, compile_step(step, any_size=True) if found.engine.compiled else step
    _steps.move_to_end(key)
    return _steps[key]
