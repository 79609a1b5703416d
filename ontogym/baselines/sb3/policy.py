"""Trained policies as tensors and JSON: loading them executes nothing and allocates what the options say.

SB3's own ``load`` unpickles what it reads; nothing here does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym import checkpoint
from ontogym.agents.base import Actor, Feedback
from ontogym.baselines.lives.spec import Told
from ontogym.baselines.sb3.lives import Ears
from ontogym.baselines.sb3.networks import build_policy
from ontogym.baselines.sb3.references import FLOORS, make_floor
from ontogym.baselines.sb3.spaces import SpaceMap, narrowed
from ontogym.errors import OntogymError

__all__ = ["TrainedPolicy", "TrainingRun", "load_policy", "read_training_run"]

KIND = "policy"
NORMALISATION = ("normalisation.mean", "normalisation.var", "normalisation.count")
_EPSILON = 1e-8  # as in VecNormalize


@dataclass(frozen=True)
class TrainingRun:
    """What a run folder of ``ontogym train`` holds.

    Attributes:
        tensors: of the best model by evaluation (state_dict, and normalisation statistics if there are any).
        agent_type: name of the algorithm.
        options: of `load_policy`.
        env, env_kwargs, seed: what it was trained in.
        episodes, told: of the lives that it was trained on; None where it was trained on episodes.
        training: env_steps, wall_seconds, cpu_seconds, curve ``[[env_steps, score], ...]``, hyper-parameters,
            command, hardware, packages.
    """

    tensors: dict[str, NDArray[Any]]
    agent_type: str
    options: dict[str, Any]
    env: str
    env_kwargs: dict[str, Any]
    seed: int
    training: dict[str, Any]
    episodes: int | None = None
    told: Told = "reward"


class TrainedPolicy(Actor[Any]):
    """A policy of SB3 with frozen normalisation statistics, acting deterministically; its state is its memory.

    A recurrent policy forgets where an episode starts, as it did in training, unless it was trained on whole lives.

    Args:
        policy: an SB3 policy or model. observation_space, action_space: of one environment.
        mapping: between these spaces and those of the policy.
        statistics: mean and variance of observations, if it saw normalised ones. clip: bound of those.
        ears: what joins to its observations what it hears, if it was trained on whole lives.
    """

    def __init__(
        self,
        policy: Any,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        mapping: SpaceMap,
        statistics: tuple[NDArray[Any], NDArray[Any]] | None = None,
        clip: float = 10.0,
        ears: Ears | None = None,
    ) -> None:
        self.hears = () if ears is None else ears.hears
        self._ears = ears
        self.policy, self.observation_space, self.action_space = policy, observation_space, action_space
        self._map, self._statistics, self._clip = mapping, statistics, clip

    def begin(self, seeds: NDArray[np.uint64]) -> Any:
        return None

    def act(
        self, state: Any, observations: Any, feedback: Feedback, active: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], Any]:
        observations = self._map.observe(observations)
        if self._ears is not None:
            observations = self._ears.listen(observations, feedback)
        if self._statistics is not None:
            mean, var = self._statistics
            scaled = (observations - mean) / np.sqrt(var + _EPSILON)
            observations = np.clip(scaled, -self._clip, self._clip).astype(np.float32)
        forgets = feedback.start.copy() if self._ears is None else np.zeros_like(feedback.start)
        actions, new = self.policy.predict(
            observations, state=state, episode_start=forgets, deterministic=True
        )
        if self._ears is not None and state is not None:  # lanes that wait remember what they did
            new = tuple(np.where(active[:, None], a, b) for a, b in zip(new, state))
        return np.asarray(self._map.act(actions)), new


def load_policy(
    tensors: Mapping[str, NDArray[Any]],
    options: Mapping[str, Any],
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
) -> Actor[Any]:
    """The policy that `tensors` and `options` describe, for these spaces.

    Args:
        tensors: every tensor of the policy's state_dict, and ``normalisation.mean``, ``.var`` and ``.count``
            if it saw normalised observations; none for random, constant and reference.
        options: ``algorithm``; for networks ``policy``, ``net_arch``, ``activation``, ``lstm_size``, ``observe``,
            ``clip``, ``action_share`` (see `narrowed`); and ``hears`` where it was trained on whole lives, see `ontogym.baselines.sb3.lives`.

    Raises:
        OntogymError: unknown options, a tensor missing, left over, misshapen, of another type or not finite.
    """
    if options.get("algorithm") in FLOORS:
        if tensors:
            raise OntogymError(f"{options['algorithm']} has no weights; {min(tensors)!r} is left over.")
        return make_floor(options, observation_space, action_space)
    weights = {name: value for name, value in tensors.items() if name not in NORMALISATION}
    mapping, ears = SpaceMap(observation_space, action_space), None
    seen = mapping.observation_space
    if options.get("hears") is not None:
        ears = Ears(seen, mapping.action_space, options["hears"])
        seen = ears.space
    statistics = _statistics(tensors, seen)
    clip = options.get("clip", 10.0)
    if isinstance(clip, bool) or not isinstance(clip, (int, float)) or not 0 < clip < 1e6:
        raise OntogymError(f"clip is {clip!r}; give a positive number.")
    if statistics is not None:
        low, high = np.float32(-clip), np.float32(clip)
        seen = spaces.Box(low, high, seen.shape, np.float32)  # as VecNormalize's
    policy = build_policy(options, seen, narrowed(mapping.action_space, options.get("action_share", 1.0)))
    _fill(policy, weights)
    return TrainedPolicy(policy, observation_space, action_space, mapping, statistics, float(clip), ears)


def _statistics(
    tensors: Mapping[str, NDArray[Any]], space: spaces.Space[Any]
) -> tuple[NDArray[Any], NDArray[Any]] | None:
    given = [name for name in NORMALISATION if name in tensors]
    if not given:
        return None
    if len(given) != len(NORMALISATION) or not isinstance(space, spaces.Box):
        raise OntogymError("Normalisation needs mean, var and count, and a Box of observations.")
    mean, var, count = (np.asarray(tensors[name]) for name in NORMALISATION)
    for name, value, shape in zip(NORMALISATION, (mean, var, count), (space.shape, space.shape, ())):
        _check(name, value, shape, np.dtype(np.float64))
    if (var < 0).any():
        raise OntogymError("normalisation.var has negative numbers; the file is damaged.")
    return mean, var


def _fill(policy: Any, weights: Mapping[str, NDArray[Any]]) -> None:
    """Copy `weights` into `policy`, strictly."""
    import torch

    expected = policy.state_dict()
    if set(weights) != set(expected):
        odd = min(set(weights) ^ set(expected))
        raise OntogymError(
            f"The tensor {odd!r} is {'left over' if odd in weights else 'missing'}; these weights belong to "
            "another network than the options describe."
        )
    for name, tensor in expected.items():
        _check(name, np.asarray(weights[name]), tuple(tensor.shape), tensor.numpy().dtype)
    policy.load_state_dict({name: torch.tensor(np.asarray(value)) for name, value in weights.items()})
    policy.set_training_mode(False)


def _check(name: str, value: NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if value.shape != shape or value.dtype != dtype:
        raise OntogymError(
            f"The tensor {name!r} is {value.dtype} {value.shape}, not {dtype} {shape}; these weights belong to "
            "another network than the options describe."
        )
    if not np.isfinite(value).all():
        raise OntogymError(f"The tensor {name!r} holds numbers that are not finite; the file is damaged.")


def read_training_run(path: Path | str) -> TrainingRun:
    """Read a run folder of ``ontogym train``.

    Raises:
        OntogymError: no such folder, one of another kind, or one whose training has not finished.
    """
    file = Path(path) / "run.json"
    try:
        if not file.is_file():
            raise OntogymError(f"There is no training run in {path}; make one with ontogym train.")
        run = checkpoint.read_sealed_json(file)
        if run["kind"] != "training-run" or run["format"] > checkpoint.FORMAT:
            raise OntogymError(f"{file} is no training run of this version of ontogym.")
        facts = (str(run["algo"]), dict(run["options"]), str(run["env"]), dict(run["env_kwargs"]))
        seed, training = int(run["seed"]), run["training"]
        lived = run.get("life_episodes"), run.get("told", "reward")
    except OntogymError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise OntogymError(f"{file} is damaged ({error}); restore it or train again.") from error
    if training is None:
        raise OntogymError(f"The training in {path} is not over; go on with ontogym train --resume.")
    tensors, _ = checkpoint.load(Path(path) / "model.safetensors", KIND)
    return TrainingRun(tensors, *facts, seed, dict(training), *lived)
