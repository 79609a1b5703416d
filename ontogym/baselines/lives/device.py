"""Whole lives on a device: where agent and world both are tensors, a life never comes back to the host.

`live` takes this path by itself for an LNDP of the torch engine on a GPU; it gives what `rollout` gives, up to the last
digits of the device's arithmetic. Nothing may look on: no watcher, no trace, nothing that is frozen or born again.
The host asks only now and then whether anyone is still alive.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ontogym.agents.base import Agent
from ontogym.agents.batching import Replayed, compile_step
from ontogym.agents.individuals import Individuals, IndividualsState, life_stream
from ontogym.agents.lndp.agent import LNDP, LNDPState
from ontogym.agents.lndp.torch_engine import TorchEngine, TorchState
from ontogym.agents.lndp.torch_networks import Networks, each
from ontogym.baselines.lives.lanes import lanes_of
from ontogym.baselines.lives.rollout import Lived
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedVectorEnv
from ontogym.batched.inputs import lane_options
from ontogym.batched.tensors import (
    TensorDynamics,
    World,
    state_tensors,
    stream_tensor,
    tensor_dynamics_of,
)
from ontogym.seeding import LaneStreams

__all__ = ["OnDevice", "device_lives", "on_device"]

ASK_EVERY = 25
"""Steps between two questions whether anyone is alive; each waits until the device has caught up."""


class OnDevice(NamedTuple):
    """An agent and a world that both live on one device."""

    agent: LNDP
    engine: TorchEngine
    rules: TensorDynamics
    dynamics: Dynamics[Any]
    limit: int


class Life(NamedTuple):
    """All that lanes read and write at a step, ``(P, ...)``: in memory that stays where it is for a whole life.

    ``told``, ``action``, ``start``, ``terminated`` are what is heard of the step before (see `Feedback`); ``active``
    says who lives; ``earned`` float64 and ``lasted`` int64 are the episode's return and length so far.
    """

    networks: Networks
    world: World
    streams: Tensor
    told: Tensor
    action: Tensor
    start: Tensor
    terminated: Tensor
    active: Tensor
    earned: Tensor
    lasted: Tensor


def on_device(agent: Agent[Any], spec: LifeSpec, cpu: bool = False) -> OnDevice | None:
    """The tensor forms that live such a life, or None: then it is lived step by step.

    Args:
        cpu: also for an agent on the CPU (where stepping the living only is usually faster).
    """
    if type(agent) is not LNDP or not isinstance(agent.engine, TorchEngine) or agent.options.released:
        return None
    engine, action = agent.engine, agent.action_space
    if spec.freeze is not None or spec.rebirth or not (cpu or engine.device.type == "cuda"):
        return None
    if not isinstance(action, spaces.Discrete) or action.start != 0:
        return None
    lanes = lanes_of(spec.env, 1, spec.env_kwargs)
    dynamics = getattr(lanes.envs, "dynamics", None)
    if not isinstance(lanes.envs, BatchedVectorEnv) or not isinstance(dynamics, Dynamics):
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
    """
    population, lives = len(genomes), len(seeds)
    born = Individuals(found.agent, np.repeat(genomes, lives, axis=0), spec.imposed_development)
    newborn = born.begin(np.tile(seeds, population)).agent.engine.networks
    place = _place_of(found, spec, newborn)
    returns, lengths = [], []
    for episode in range(spec.episodes):
        world, streams = _beginning(found, episode, seeds, options)
        place.begin(world, streams, population)
        for step in range(found.limit):
            place.step()
            if (step + 1) % ASK_EVERY == 0 and not bool(place.life.active.any()):
                break
        returns.append(place.life.earned.cpu().numpy())
        lengths.append(place.life.lasted.cpu().numpy())
    state = IndividualsState(LNDPState(TorchState(place.life.networks)))
    failed = np.zeros(population * lives, np.bool_)  # tensor dynamics are always finite
    return Lived(state, np.stack(returns, 1), np.stack(lengths, 1), failed)


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

    def __init__(self, found: OnDevice, spec: LifeSpec, newborn: Networks) -> None:
        self.found, self.spec = found, spec
        self.gain = (
            None if found.agent._gain is None else torch.tensor(found.agent._gain, device=found.engine.device)
        )
        lanes, device = len(newborn.genomes), found.engine.device
        world, streams = _beginning(found, 0, np.zeros(1, np.uint64), {})
        no = torch.zeros(lanes, dtype=torch.bool, device=device)
        self.life = Life(
            networks=newborn,
            world=tuple(part.repeat(lanes, *[1] * (part.dim() - 1)) for part in world),
            streams=streams.repeat(lanes),
            told=torch.zeros(lanes, device=device),
            action=torch.zeros(lanes, found.agent.spaces.n_actions, device=device),
            start=no,
            terminated=no.clone(),
            active=no.clone(),
            earned=torch.zeros(lanes, dtype=torch.float64, device=device),
            lasted=torch.zeros(lanes, dtype=torch.int64, device=device),
        )
        advance = (
            compile_step(self._advance, any_size=True) if found.engine.compiled else self._advance
        )
        self.step = Replayed(lambda: advance(self.life), device, found.engine.graphs)

    def settle(self, newborn: Networks) -> None:
        """Newborn networks in place of the last ones; nothing has been heard yet."""
        mine = self.life.networks
        if newborn is not mine:
            kept = iter(_leaves(mine))
            each(lambda fresh: next(kept).copy_(fresh), newborn)
        for part in (self.life.told, self.life.action, self.life.terminated):
            part.zero_()

    def begin(self, world: World, streams: Tensor, copies: int) -> None:
        """An episode begins in every lane; `world` and `streams` are of the lives, the same for every genome."""
        life = self.life
        for own, fresh in zip((*life.world, life.streams), (*world, streams)):
            own.copy_(fresh.repeat(copies, *[1] * (fresh.dim() - 1)))
        life.start.fill_(True)
        life.active.fill_(True)
        life.earned.zero_()
        life.lasted.zero_()

    def _advance(self, life: Life) -> None:
        """One step of agent and world in every living lane, written into `life`."""
        found, active = self.found, life.active
        networks, dtype = life.networks, found.engine.dtype
        seen = found.rules.observe(life.world)
        seen = seen if self.gain is None else seen * self.gain
        told = life.told * found.agent.options.reward_scale
        found.engine.live(networks, self._heard(seen, life).to(dtype), told.to(dtype), active)
        action = found.engine.motor(networks).argmax(1)
        world, reward, terminated, streams = found.rules.step(life.world, action, life.streams)
        for own, fresh in zip((*life.world, life.streams), (*world, streams)):
            own.copy_(torch.where(active.view(-1, *[1] * (own.dim() - 1)), fresh, own))
        life.earned.add_(torch.where(active, reward, 0.0))
        life.lasted.add_(active.long())
        life.told.copy_(torch.where(active, self._tell(reward, terminated), life.told))
        if "action" not in self.spec.silenced:
            done = torch.nn.functional.one_hot(action, life.action.shape[1]).float()
            life.action.copy_(torch.where(active[:, None], done, life.action))
        life.terminated.copy_(torch.where(active, terminated, life.terminated))
        life.start.logical_and_(~active)
        life.active.logical_and_(~terminated & (life.lasted < found.limit))

    def _heard(self, seen: Tensor, life: Life) -> Tensor:
        """Observation and what the agent hears of its last step, ``(P, I)``."""
        parts = [seen]
        for name in self.found.agent.hears:
            signal = {
                "action": life.action, "reward": life.told, "start": life.start, "terminated": life.terminated,
            }[name].float()  # fmt: skip
            silent = name in ("start", "terminated") and name in self.spec.silenced
            signal = torch.zeros_like(signal) if silent else signal
            parts.append(signal if signal.dim() == 2 else signal[:, None])
        return torch.cat(parts, 1)

    def _tell(self, reward: Tensor, terminated: Tensor) -> Tensor:
        """What is told of a step, as `LifeSpec.tell` says it, ``(P,)`` float32."""
        spec = self.spec
        if spec.reward_clamp is not None:
            return torch.full_like(reward, spec.reward_clamp, dtype=torch.float32)
        if "reward" in spec.silenced or spec.told == "nothing":
            return torch.zeros_like(reward, dtype=torch.float32)
        return (-terminated.float()) if spec.told == "termination" else reward.float()


def _leaves(networks: Networks) -> list[Tensor]:
    found: list[Tensor] = []
    each(lambda tensor: (found.append(tensor), tensor)[1], networks)
    return found


_places: OrderedDict[str, _Place] = OrderedDict()
_KEPT = 2
"""A search uses two sizes, its population and its evaluations; each keeps its memory and its captured step."""


def _place_of(found: OnDevice, spec: LifeSpec, newborn: Networks) -> _Place:
    """A place for these newborns, one that is kept from an earlier call if there is one."""
    key = f"{id(found.agent)}|{spec}|{len(newborn.genomes)}"
    if key in _places and _places[key].found.agent is found.agent:
        _places.move_to_end(key)
    else:
        while len(_places) >= _KEPT:
            _places.popitem(last=False)
        _places[key] = _Place(found, spec, newborn)
    _places[key].settle(newborn)
    return _places[key]
