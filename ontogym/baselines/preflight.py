"""An environment looked over before an agent is sent there: what it shows, whether it repeats itself, who can act in it."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from ontogym.agents.lndp.organism import usual_nodes
from ontogym.agents.spaces import SpaceAdapter
from ontogym.baselines.lives.lanes import make_single
from ontogym.baselines.sb3.networks import algorithms_for
from ontogym.batched.flat import batch_of_one, flatten_batch
from ontogym.developmental.feature_extractors.base import make_extractor, split_features
from ontogym.envs.checked import CheckedEnv
from ontogym.envs.vector import find_spec, is_native
from ontogym.errors import OntogymError
from ontogym.registry import FEATURE_EXTRACTORS, key_value_words

__all__ = ["Preflight", "look_over"]

STEPS = 50
"""Steps that are lived twice, to see whether they are the same."""
FAINT = 0.1
"""Share of a box's largest magnitude below which all that an episode shows is too faint for an extractor's scale."""
WIDE = 128
"""Observation channels from which on an LNDP becomes slow: its edges grow with the square of its nodes."""
_PREFERRED = ("waves", "flatten", "random-projection")


@dataclass(frozen=True)
class Preflight:
    """What was found.

    Attributes:
        id: of the environment. observation, action: its spaces.
        limit: steps after which an episode is cut; None without one.
        native: whether it has a batched form of this suite, so that a population is stepped at once.
        renders: whether it draws itself.
        deterministic: whether one seed and the same actions gave the same episode twice; None where there was no episode.
        faults: sentences on what is wrong with it.
        evolved, trained: names of what can act in it: agents of ``evolve`` as it is, algorithms of ``train`` as it is or through
            one of `features`.
        channels: numbers of a flattened observation, and motor channels; None where it cannot be flattened.
        nodes: of an LNDP at its defaults.
        features: extractors that fit, name to the numbers that they give.
        advice: what to do next, as sentences.
    """

    id: str
    observation: str
    action: str
    limit: int | None
    native: bool
    renders: bool
    deterministic: bool | None
    faults: list[str]
    evolved: list[str]
    trained: list[str]
    channels: tuple[int, int] | None
    nodes: int | None
    features: dict[str, int]
    advice: list[str]


def look_over(env_id: str, env_kwargs: Mapping[str, Any] | None = None) -> Preflight:
    """Look over an environment: any Gymnasium id, ``module:id`` or ``file.py:id``.

    Raises:
        OntogymError: it cannot be made at all.
    """
    spec = find_spec(env_id)
    env = make_single(env_id, env_kwargs)
    try:
        limit = getattr(env.spec, "max_episode_steps", None)
        deterministic, faults = _lived(CheckedEnv(env, env_id))
        broken = deterministic is None
        faults = [*([] if broken else _checked(env_id, env_kwargs)), *faults]
        seen, act = env.observation_space, env.action_space
        refusal, channels, nodes = _adapted(seen, act)
        # Whatever it shows, its actions may be such as no agent gives.
        helpless = _adapted(gymnasium.spaces.Box(-1.0, 1.0, (1,)), act)[0]
        refusal = helpless or refusal
        chosen = split_features(env_kwargs)[0]
        features = {} if chosen is not None or helpless else _extractors(seen)
        trained = [name for name in algorithms_for(act) if (_sb3_sees(seen) or features) and not broken]
        return Preflight(
            id=spec.id,
            observation=str(seen),
            action=str(act),
            limit=limit,
            native=is_native(spec),
            renders="rgb_array" in env.metadata.get("render_modes", ()),
            deterministic=deterministic,
            faults=faults,
            evolved=[]
            if refusal or broken
            else ["lndp", "ndp", "plastic", "mlp", "rnn", "gru", "hyper", "trace"],
            trained=trained,
            channels=channels,
            nodes=nodes,
            features=features,
            advice=["Mend that, then look again."]
            if broken
            else _advice(
                _line(env_id, env_kwargs),
                _scale(env, features),
                refusal,
                channels,
                nodes,
                features,
                limit,
                trained,
            ),
        )
    finally:
        env.close()


def _adapted(seen: Any, act: Any) -> tuple[str, tuple[int, int] | None, int | None]:
    """Why no agent takes these spaces, or how many numbers and nodes they come to."""
    try:
        adapter = SpaceAdapter(seen, act)
        channels = adapter.n_observations, adapter.n_actions
        return "", channels, usual_nodes(*channels)
    except OntogymError as error:
        return str(error), None, None


def _extractors(seen: Any) -> dict[str, int]:
    """Extractors that take such observations and give no more numbers than agents do."""
    found = {}
    for name in FEATURE_EXTRACTORS:
        try:
            width = int(make_extractor(name, seen).space.shape[0])
        except OntogymError:
            continue
        if width <= 512:
            found[name] = width
    return found


def _sb3_sees(seen: Any) -> bool:
    """Whether the policies of SB3 take such observations."""
    spaces = gymnasium.spaces
    if isinstance(seen, spaces.Dict):
        return all(_sb3_sees(part) and not isinstance(part, spaces.Dict) for part in seen.spaces.values())
    return isinstance(seen, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary))


def _lived(env: gymnasium.Env[Any, Any]) -> tuple[bool | None, list[str]]:
    """Whether the same episode comes twice (None: there is none to be had), and what is wrong with the numbers in it."""
    try:
        (first, faults), (second, _) = _episode(env), _episode(env)
    except OntogymError as error:
        return None, [str(error)]
    same = len(first) == len(second) and all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second)
    )
    if not same:
        faults.append(
            "One seed and the same actions gave two different episodes: draw all chance from self.np_random, and call "
            "super().reset(seed=seed)."
        )
    return same, faults


def _episode(env: gymnasium.Env[Any, Any]) -> tuple[list[Any], list[str]]:
    """What an episode of seed 0 and actions of seed 0 brings, step by step; and what is not finite in it."""
    env.action_space.seed(0)
    observation, _ = env.reset(seed=0)
    numbers, faults = [_numbers(env, observation)], list[str]()
    for _ in range(STEPS):
        observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        numbers.append(np.append(_numbers(env, observation), [float(reward), terminated, truncated]))
        if not np.isfinite(numbers[-1].astype(np.float64)).all() and not faults:
            faults.append("It gave a number that is not finite; agents end such a life as the worst of all.")
        if terminated or truncated:
            break
    return numbers, faults


def _numbers(env: gymnasium.Env[Any, Any], observation: Any) -> Any:
    try:
        return flatten_batch(env.observation_space, batch_of_one(observation))[0]
    except (TypeError, ValueError):  # words
        return make_extractor("flatten", env.observation_space).extract(batch_of_one(observation))[0]


def _scale(env: gymnasium.Env[Any, Any], features: Mapping[str, int]) -> str:
    """A factor for the extractors, where boxes allow far more than they hold (MiniGrid: 255, and 10 at most); or nothing."""
    if "random-projection" not in features:
        return ""
    seen = env.observation_space
    default, raw = make_extractor("flatten", seen), make_extractor({"name": "flatten", "scale": 1.0}, seen)
    env.action_space.seed(0)
    observation, most, share = env.reset(seed=0)[0], 0.0, 0.0
    for _ in range(STEPS):
        batch = batch_of_one(observation)
        small, large = np.abs(default.extract(batch)), np.abs(raw.extract(batch))
        boxes = small < large  # one-hot and words are 1 on either scale
        most, share = (
            max(old, new.max(initial=0.0, where=boxes)) for old, new in ((most, large), (share, small))
        )
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            break
    return f"{1 / most:.1g}" if 1 < most < np.inf and share < FAINT else ""


def _checked(env_id: str, env_kwargs: Mapping[str, Any] | None) -> list[str]:
    """What Gymnasium's own checker says, as one sentence."""
    from gymnasium.utils.env_checker import check_env

    env = make_single(env_id, split_features(env_kwargs)[1])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_env(env.unwrapped, skip_render_check=True)
    except Exception as error:
        said = str(error).strip().partition("\n")[0].rstrip(".")
        return [f"Gymnasium's checker says: {said}."]
    finally:
        env.close()
    return []


def _line(env_id: str, env_kwargs: Mapping[str, Any] | None) -> str:
    words = key_value_words(split_features(env_kwargs)[1])
    return shlex.join(["ontogym", "evolve", "--env", env_id, *(["--env-kwargs", *words] if words else [])])


def _advice(
    line: str,
    scale: str,
    refusal: str,
    channels: tuple[int, int] | None,
    nodes: int | None,
    features: Mapping[str, int],
    limit: int | None,
    trained: list[str],
) -> list[str]:
    found = []
    fitting = [name for name in _PREFERRED if features.get(name, WIDE + 1) <= WIDE]
    if refusal and fitting:
        found.append(
            f"No agent takes its observations as they are; put a feature extractor in front: --features {fitting[0]}."
        )
        line += f" --features {fitting[0]}"
    elif refusal:
        found.append(f"No evolved agent can act in it: {refusal}")
    elif channels and channels[0] > WIDE and "random-projection" in features:
        found.append(
            f"An LNDP has {nodes} nodes here and is slow; --features random-projection leaves it "
            f"{features['random-projection']} numbers."
        )
        line += " --features random-projection"
    if scale and line.endswith("random-projection"):
        found.append(
            f"Its boxes allow far more than they hold, so an extractor's numbers are faint: --features-options scale={scale}."
        )
        line += f" --features-options scale={scale}"
    if limit is None:
        found.append(
            "No limit of steps is registered: if it does not end its episodes itself, add --max-steps 1000."
        )
    ways = [line] if not refusal or fitting else []
    ways += [f"{line.replace(' evolve', ' train', 1)} --algo {trained[0]}"] if trained else []
    found += [f"{'       ' if k else 'Next:  '}{way}" for k, way in enumerate(ways)]
    return found
