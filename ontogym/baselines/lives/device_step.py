"""One step of agents and worlds that live on one device: all that `rollout` does of a step, as tensors, in place."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ontogym.agents.lndp.agent import LNDP
from ontogym.agents.lndp.torch_engine import TorchEngine
from ontogym.agents.lndp.torch_networks import Networks
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.batched.dynamics import Dynamics
from ontogym.batched.tensors import TensorDynamics, World

__all__ = ["Life", "LifeStep", "OnDevice", "repeated", "telling"]


class OnDevice(NamedTuple):
    """An agent and a world that both live on one device; an episode ends after `limit` steps."""

    agent: LNDP
    engine: TorchEngine
    rules: TensorDynamics
    dynamics: Dynamics[Any]
    limit: int


class Life(NamedTuple):
    """All that P lanes read and write at a step: memory that stays where it is for a whole life.

    ``told``, ``action``, ``start``, ``terminated`` are what is heard of the step before (see `Feedback`); ``active``
    says who lives; ``earned`` float64 and ``lasted`` int64 are the episode's return and length so far; ``telling``
    (3,) is what a step tells (see `telling`). All others are ``(P, ...)``.
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
    telling: Tensor

    @classmethod
    def of(cls, networks: Networks, world: World, streams: Tensor, actions: int) -> Life:
        """Memory for these networks, in the world and streams ``(1, ...)`` of any one lane."""
        lanes, device = len(networks.genomes), streams.device

        def zeros(dtype: torch.dtype, *shape: int) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        return cls(
            networks=networks,
            world=tuple(repeated(part, lanes) for part in world),
            streams=repeated(streams, lanes),
            told=zeros(torch.float32, lanes),
            action=zeros(torch.float32, lanes, actions),
            start=zeros(torch.bool, lanes),
            terminated=zeros(torch.bool, lanes),
            active=zeros(torch.bool, lanes),
            earned=zeros(torch.float64, lanes),
            lasted=zeros(torch.int64, lanes),
            telling=zeros(torch.float32, 3),
        )


def repeated(tensor: Tensor, copies: int) -> Tensor:
    """The rows of a tensor, all of them, `copies` times."""
    return tensor.repeat(copies, *[1] * (tensor.dim() - 1))


def telling(spec: LifeSpec) -> list[float]:
    """`LifeSpec.tell` as factors of a step's reward and termination, and what is added: data, so that the control that
    is told something else needs no step of its own."""
    if spec.reward_clamp is not None:
        return [0.0, 0.0, spec.reward_clamp]
    if "reward" in spec.silenced or spec.told == "nothing":
        return [0.0, 0.0, 0.0]
    return [0.0, -1.0, 0.0] if spec.told == "termination" else [1.0, 0.0, 0.0]


class LifeStep:
    """The step of one agent in one world.

    Args:
        found: both.
        silenced: signals that are held at zero.
    """

    def __init__(self, found: OnDevice, silenced: tuple[str, ...]) -> None:
        self.found, self.silenced = found, frozenset(silenced)
        agent, device = found.agent, found.engine.device
        gain = agent.gain if agent.gain is not None else np.ones(agent.spaces.n_observations, np.float32)
        self.gain = torch.tensor(gain, device=device)
        self.channels = torch.arange(agent.spaces.n_actions, device=device)

    def __call__(self, life: Life) -> None:
        """One step of agent and world in every living lane, written into `life`."""
        found, active = self.found, life.active
        seen = found.rules.observe(life.world) * self.gain
        told = life.told * found.agent.options.reward_scale
        dtype = found.engine.dtype
        found.engine.live(life.networks, self._heard(seen, life).to(dtype), told.to(dtype), active)
        action = found.engine.motor(life.networks).argmax(1)
        world, reward, terminated, streams = found.rules.step(life.world, action, life.streams)
        by_reward, by_end, constant = life.telling.unbind()
        lasted = life.lasted + 1
        new = life._replace(
            world=world,
            streams=streams,
            told=by_reward * reward.float() + by_end * terminated.float() + constant,
            action=life.action if "action" in self.silenced else (self.channels == action[:, None]).float(),
            start=torch.zeros_like(active),
            terminated=terminated,
            active=~terminated & (lasted < found.limit),
            earned=life.earned + reward,
            lasted=lasted,
        )
        _write(life, new)

    def _heard(self, seen: Tensor, life: Life) -> Tensor:
        """Observation and what the agent hears of its last step, ``(P, I)``, as `Agent.listen` gives it."""
        signals = {
            "action": life.action,
            "reward": life.told[:, None],
            "start": life.start[:, None],
            "terminated": life.terminated[:, None],
        }
        parts = [seen]
        for name in self.found.agent.hears:
            part = signals[name].float()
            silent = name in ("start", "terminated") and name in self.silenced
            parts.append(torch.zeros_like(part) if silent else part)
        return torch.cat(parts, 1)


def _write(life: Life, new: Life) -> None:
    """`new` into the living lanes of `life`. All is worked out before anything is written: a new tensor may be a view."""
    before = (*life.world, *(getattr(life, name) for name in _LANES))
    after = (*new.world, *(getattr(new, name) for name in _LANES))
    rows = [life.active.view(-1, *[1] * (part.dim() - 1)) for part in before]
    chosen = [torch.where(row, fresh, own) for row, fresh, own in zip(rows, after, before)]
    for own, fresh in zip(before, chosen):
        own.copy_(fresh)


_LANES = tuple(name for name in Life._fields if name not in ("networks", "world", "telling"))
