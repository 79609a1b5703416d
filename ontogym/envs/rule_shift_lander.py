"""LunarLander in worlds drawn at birth. It needs Gymnasium's Box2D; everything else here does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from ontogym.batched.inputs import whole_option
from ontogym.envs.changes import PLACE
from ontogym.envs.rule_shift import seen_space
from ontogym.envs.worlds import all_worlds
from ontogym.errors import OntogymError, whole_number
from ontogym.seeding import derive

__all__ = ["RuleShiftLunarLanderEnv"]


class RuleShiftLunarLanderEnv(gym.Env[Any, Any]):
    """
    ## Description

    Gymnasium's `LunarLander-v3` in a world that is drawn at birth and stays for a life of several episodes: six sensors
    may have the other sign, the legs' sensors may be swapped, the four engines' actions trade places. What worlds are,
    how they are numbered and held out: `ontogym.envs.rule_shift.RuleShiftEnv`. The mirror turns x, its speed, the angle
    and the spin, and swaps the legs and the side engines: 3072 rules, 1536 worlds. Needs Box2D
    (`pip install 'gymnasium[box2d]'`).

    ## Action Space

    `Discrete(4)`; under a rule action k does what the lander's action `actions[k]` does (0 nothing, 1 left engine, 2 main
    engine, 3 right engine).

    ## Observation Space

    A `Box` of shape `(8,)`, float32: x, y, their speeds, angle, spin, both legs' contact, in units and ranges of
    `LunarLander-v3`, under the rule's signs; a range that has no middle is widened to both sides.

    ## Hidden State

    The world. The info holds `world` (its number), `rule`, `episode_index` and `age` (steps lived, earlier episodes
    included).

    ## Rewards

    Those of `LunarLander-v3`. Both anchors are means over one episode; the optimal return is that of Gymnasium's own
    heuristic told the world, a lower bound of what is possible.

    ## Starting State

    That of `LunarLander-v3`; the world and the reset options `"world"`, `"life"`, `"episode"`, `"age"` as in `RuleShiftEnv`.

    ## Episode End

    That of `LunarLander-v3`; truncation after 1000 steps.

    ## Arguments

    | Parameter     | Type         | Default   | Description                                                |
    |---------------|--------------|-----------|------------------------------------------------------------|
    | `families`    | tuple / None | `None`    | what rules differ in; None: `('signs', 'actions')`         |
    | `split`       | str          | `'train'` | worlds of lives: `'train'`, `'test'` (held out) or `'all'` |
    | `fold`        | int          | `0`       | which fourth is held out, 0 to 3                           |
    | `episodes`    | int          | `6`       | episodes in a life that is not told its end                |
    | `render_mode` | str / None   | `None`    | `'rgb_array'` or `'human'`                                 |

    ## Registered Configurations

    | Id | Arguments | Steps | Random return | Optimal return |
    |----|-----------|-------|---------------|----------------|
    | `ontogym/RuleShiftLunarLander-v0` | none | 1000 | -185.8 | 241.3 |

    ## Version History

    - v0: initial version
    """

    metadata: dict[str, Any] = {"render_modes": ["human", "rgb_array"], "render_fps": 50}  # noqa: RUF012
    reset_options = (*PLACE, "world")

    def __init__(
        self,
        families: Sequence[str] | None = None,
        split: str = "train",
        fold: int = 0,
        episodes: int = 6,
        render_mode: str | None = None,
    ) -> None:
        self.worlds = all_worlds("LunarLander", families)
        self.among, self.episodes = self.worlds.split(split, fold), whole_number("episodes", episodes, 1)
        self._lander = _make_lander(render_mode)
        self.render_mode = render_mode
        self.observation_space = seen_space(self._lander.observation_space, self.worlds)
        self.action_space = self._lander.action_space
        self.rule, self.life, self.episode, self.age = -1, -1, 0, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """The first episode of a new life with a seed, else the next of the same."""
        super().reset(seed=seed)
        given = {name: np.asarray(value)[None] for name, value in (options or {}).items()}
        unknown = sorted(set(given) - set(self.reset_options))
        if unknown:
            raise OntogymError(f"There is no reset option {unknown[0]!r}; there are {self.reset_options}.")
        drawn, start = self.np_random.integers(2**53), self.np_random.integers(2**31)
        goes_on = seed is None and self.life >= 0 and self.episode + 1 < self.episodes
        place = {"episode": self.episode + 1, "age": self.age, "life": self.life} if goes_on else {}
        world = int(self.worlds.world_of[self.rule]) if goes_on else -1
        self.episode, self.age = (
            self._option(given, name, place.get(name, 0), 0) for name in ("episode", "age")
        )
        life = self._option(given, "life", place.get("life", -1), -1)
        self.life = int(drawn) if life < 0 else life
        world = self._option(given, "world", world, -1)
        self.rule = int(self.worlds.draw(np.array([self.life]), self.among, np.array([world]))[0])
        observation, info = self._lander.reset(seed=derive(int(start), "lander") % 2**31)
        return self._see(observation), info | self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step, as in `LunarLander-v3`."""
        if not self.action_space.contains(action):
            raise OntogymError(f"The action {action!r} is outside the action space {self.action_space}.")
        does = int(self.worlds.actions[self.rule, int(action)])
        observation, reward, terminated, truncated, info = self._lander.step(does)
        self.age += 1
        return self._see(observation), float(reward), bool(terminated), truncated, info | self._info()

    def render(self) -> Any:
        """The lander's picture."""
        return self._lander.render()

    def close(self) -> None:
        """Closes the lander's window."""
        self._lander.close()

    @staticmethod
    def _option(given: dict[str, Any], name: str, otherwise: int, missing: int) -> int:
        return int(whole_option(given, name, 1, missing)[0]) if name in given else otherwise

    def _see(self, observation: Any) -> Any:
        seen = np.asarray(observation)[self.worlds.orders[self.rule]] * self.worlds.signs[self.rule]
        return seen.astype(np.float32)

    def _info(self) -> dict[str, Any]:
        world = int(self.worlds.world_of[self.rule])
        return {"world": world, "rule": self.rule, "episode_index": self.episode, "age": self.age}


def _make_lander(render_mode: str | None) -> Any:
    try:
        return gym.make(
            "LunarLander-v3", max_episode_steps=-1, render_mode=render_mode, disable_env_checker=True
        ).unwrapped
    except (gym.error.DependencyNotInstalled, ImportError) as error:
        raise OntogymError("RuleShiftLunarLander needs Box2D; run pip install 'gymnasium[box2d]'.") from error
