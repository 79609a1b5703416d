"""Foraging for several agents, as PettingZoo has environments: `parallel_env`, `env` and `raw_env`.

    from ontogym.envs import foraging_v0

    env = foraging_v0.parallel_env(agents=4)
    observations, infos = env.reset(seed=0)
    actions = {agent: env.action_space(agent).sample() for agent in env.agents}
    observations, rewards, terminations, truncations, infos = env.step(actions)

World, senses, actions and rewards are those of `ontogym.envs.shared_foraging`: shared patches that run out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils import parallel_to_aec, wrappers

from ontogym.envs.grid import MOVES, PatchWorld, PatchWorldState
from ontogym.errors import OntogymError, whole_number
from ontogym.seeding import LaneStreams, one_seed

__all__ = ["ForagingParallelEnv", "env", "parallel_env", "raw_env"]

_WORLD = np.zeros(1, dtype=np.intp)


class ForagingParallelEnv(ParallelEnv[str, NDArray[np.float32], int]):
    """Foragers ``forager_0`` ... that eat from the same patches and act at the same time.

    Args:
        agents: number of agents. size: cells along a side. patches: number of patches. stock: units in a fresh
            patch. max_cycles: steps of an episode, after which all agents are truncated.
        render_mode: None, ``"rgb_array"`` or ``"human"`` (a window).

    Raises:
        OntogymError: arguments that make no world, a step before reset, or actions that are missing or unknown.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "name": "foraging_v0",
        "render_modes": ["rgb_array", "human"],
        "render_fps": 5,
        "is_parallelizable": True,
    }

    def __init__(
        self,
        agents: int = 4,
        size: int = 7,
        patches: int = 2,
        stock: int = 10,
        max_cycles: int = 100,
        render_mode: str | None = None,
    ) -> None:
        self.max_cycles = whole_number("max_cycles", max_cycles, 1)
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise OntogymError(f"There is no render mode {render_mode!r}; use 'rgb_array', 'human' or None.")
        self.world = PatchWorld(size, agents, patches, stock)
        self.render_mode = render_mode
        self.possible_agents = [f"forager_{k}" for k in range(self.world.agents)]
        self.agents: list[str] = []
        self.observation_spaces = {
            a: spaces.Box(0.0, 1.0, (10,), dtype=np.float32) for a in self.possible_agents
        }
        self.action_spaces = {a: spaces.Discrete(len(MOVES)) for a in self.possible_agents}
        self._streams: LaneStreams | None = None
        self._state: PatchWorldState | None = None
        self._cycle = 0

    def observation_space(self, agent: str) -> spaces.Box:
        """The space of an agent's senses, the same object at every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Discrete[Any]:
        """The space of an agent's actions, the same object at every call."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, dict[str, Any]]]:
        """A new world with all agents in it; without a seed chance goes on where it was."""
        if seed is not None or self._streams is None:
            self._streams = LaneStreams(
                one_seed(np.random.default_rng().integers(2**63) if seed is None else seed)
            )
        self.agents, self._cycle = list(self.possible_agents), 0
        self._state = self.world.reset(self._streams, _WORLD)
        if self.render_mode == "human":
            self.render()
        return self._observations(), {agent: {} for agent in self.agents}

    def step(self, actions: Mapping[str, int]) -> tuple[dict[str, Any], ...]:
        """One step of everyone: observations, rewards, terminations, truncations and infos, by agent."""
        if self._state is None or self._streams is None:
            raise OntogymError("There is no world yet; call reset before step.")
        if not self.agents:
            return {}, {}, {}, {}, {}
        chosen = np.array([self._checked(actions, agent) for agent in self.agents])
        self._state, eaten = self.world.step(self._state, chosen[None], self._streams)
        self._cycle += 1
        over = self._cycle >= self.max_cycles
        agents, observations = self.agents, self._observations()
        if over:
            self.agents = []
        if self.render_mode == "human":
            self.render()
        return (
            observations,
            {agent: float(units) for agent, units in zip(agents, eaten[0])},
            dict.fromkeys(agents, False),
            dict.fromkeys(agents, over),
            {agent: {} for agent in agents},
        )

    def state(self) -> NDArray[np.float32]:
        """The whole world as numbers in [0, 1]: places, food, and how full it is."""
        state, last = self._require(), self.world.last
        parts = state.place[0] / last, state.food[0] / last, state.stock[0] / self.world.stock
        return np.concatenate([part.ravel() for part in parts]).astype(np.float32)

    @property
    def state_space(self) -> spaces.Box:
        """The space of `state`."""
        count = 2 * self.world.agents + 3 * self.world.patches
        return spaces.Box(0.0, 1.0, (count,), dtype=np.float32)

    def render(self) -> NDArray[np.uint8] | None:
        """The picture ``(H, W, 3)``; None in a window or without a render mode."""
        if self.render_mode is None:
            return None
        from ontogym.envs.drawing import draw_patch_world, show_frame

        state = self._require()
        fullness = state.stock[0] / self.world.stock
        picture = draw_patch_world(self.world.size, state.place[0], state.food[0], fullness)
        if self.render_mode == "rgb_array":
            return picture
        show_frame(picture)
        return None

    def close(self) -> None:
        """Nothing to free but a window."""
        if self.render_mode == "human":
            from ontogym.envs.drawing import close_window

            close_window()

    def _observations(self) -> dict[str, NDArray[np.float32]]:
        return dict(zip(self.agents, self.world.observe(self._require())[0]))

    def _require(self) -> PatchWorldState:
        if self._state is None:
            raise OntogymError("There is no world yet; call reset first.")
        return self._state

    def _checked(self, actions: Mapping[str, int], agent: str) -> int:
        if agent not in actions:
            raise OntogymError(f"There is no action for {agent!r}; pass one for each of {self.agents}.")
        if not self.action_spaces[agent].contains(actions[agent]):
            raise OntogymError(f"The action {actions[agent]!r} of {agent!r} is not one of 0 to 4.")
        return int(actions[agent])


def parallel_env(**kwargs: Any) -> ForagingParallelEnv:
    """All agents act at once; arguments as in `ForagingParallelEnv`."""
    return ForagingParallelEnv(**kwargs)


def raw_env(**kwargs: Any) -> AECEnv[str, Any, Any]:
    """Agents act one after the other (agent-environment cycle), without checks."""
    made: AECEnv[str, Any, Any] = parallel_to_aec(ForagingParallelEnv(**kwargs))
    return made


def env(**kwargs: Any) -> AECEnv[str, Any, Any]:
    """`raw_env` with PettingZoo's checks of bounds and of the order of calls."""
    checked = wrappers.AssertOutOfBoundsWrapper(raw_env(**kwargs))
    return wrappers.OrderEnforcingWrapper(checked)
