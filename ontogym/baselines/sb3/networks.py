"""SB3's policy networks from plain JSON options: what trains them and what loads them build the same thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gymnasium import spaces

from ontogym.errors import OntogymError, UnknownNameError, needs

__all__ = [
    "ACTIVATIONS",
    "ALGORITHMS",
    "POLICIES",
    "algorithms_for",
    "build_policy",
    "class_of",
    "policy_kwargs",
]

ALGORITHMS = ("ppo", "a2c", "dqn", "sac", "td3", "recurrent-ppo")
"""The learning algorithms. All take flat observations; the action space decides which of them fit."""
POLICIES = ("MlpPolicy", "CnnPolicy", "MultiInputPolicy", "MlpLstmPolicy", "MultiInputLstmPolicy")
ACTIVATIONS = {"tanh": "Tanh", "relu": "ReLU", "elu": "ELU", "leaky-relu": "LeakyReLU", "gelu": "GELU"}
_CONTINUOUS = ("sac", "td3")
_MAX_WIDTH, _MAX_DEPTH = 2048, 6


def algorithms_for(action_space: spaces.Space[Any]) -> tuple[str, ...]:
    """The algorithms that can act in `action_space`, by SB3's own rules."""
    if isinstance(action_space, spaces.Discrete):
        return tuple(name for name in ALGORITHMS if name not in _CONTINUOUS)
    if isinstance(action_space, spaces.Box):
        return tuple(name for name in ALGORITHMS if name != "dqn")
    if isinstance(action_space, (spaces.MultiDiscrete, spaces.MultiBinary)):
        return ("ppo", "a2c", "recurrent-ppo")
    return ()


def policy_kwargs(algorithm: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """SB3's ``policy_kwargs`` from `options`: ``net_arch``, ``activation``, ``lstm_size``, ``log_std_init``,
    ``observe``.

    Raises:
        OntogymError: a value that no network of ours has (too wide, too deep, of another type).
    """
    from torch import nn

    activation = options.get("activation", "tanh")
    if activation not in ACTIVATIONS:
        raise UnknownNameError("activation", str(activation), ACTIVATIONS)
    widths = options.get("net_arch", [64, 64])
    if isinstance(widths, list):
        _check_widths(widths)
    elif isinstance(widths, Mapping) and set(widths) in ({"pi", "vf"}, {"pi", "qf"}):
        widths = dict(widths)
        for part in widths.values():
            _check_widths(part)
    else:
        raise OntogymError('net_arch must be a list of widths, or {"pi": [...], "vf": [...]}.')
    kwargs: dict[str, Any] = {"net_arch": widths, "activation_fn": getattr(nn, ACTIVATIONS[activation])}
    if algorithm == "recurrent-ppo":
        _check_widths([options.get("lstm_size", 64)])
        kwargs["lstm_hidden_size"] = options.get("lstm_size", 64)
    if "log_std_init" in options:
        spread = options["log_std_init"]
        if isinstance(spread, bool) or not isinstance(spread, (int, float)) or not -20 <= spread <= 2:
            raise OntogymError(f"log_std_init is {spread!r}; give a number from -20 to 2.")
        kwargs["log_std_init"] = float(spread)
    if options.get("observe") is not None:
        kwargs |= _reading(options["observe"])
    return kwargs


def _reading(keys: Any) -> dict[str, Any]:
    """What makes a network read these parts of a dictionary of observations."""
    from ontogym.baselines.sb3.parts import Parts

    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise OntogymError(f'observe is {str(keys)[:80]}; give a list of names, such as ["statistics"].')
    return {"features_extractor_class": Parts, "features_extractor_kwargs": {"keys": keys}}


def _check_widths(widths: Any) -> None:
    fits = isinstance(widths, list) and len(widths) <= _MAX_DEPTH
    if not fits or not all(type(w) is int and 1 <= w <= _MAX_WIDTH for w in widths):
        raise OntogymError(
            f"A network of layers {str(widths)[:80]} is not taken; give at most {_MAX_DEPTH} whole numbers "
            f"from 1 to {_MAX_WIDTH}."
        )


def build_policy(
    options: Mapping[str, Any], observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> Any:
    """A fresh SB3 policy on the CPU for these spaces.

    Args:
        options: ``algorithm`` (of `ALGORITHMS`), ``policy`` (of `POLICIES`), and those of `policy_kwargs`.

    Raises:
        OntogymError: options or spaces that do not fit.
    """
    from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
    from stable_baselines3.common.vec_env import VecTransposeImage

    algorithm, policy = str(options.get("algorithm")), str(options.get("policy", "MlpPolicy"))
    if algorithm not in ALGORITHMS:
        raise UnknownNameError("algorithm", algorithm, ALGORITHMS)
    if policy not in POLICIES:
        raise UnknownNameError("policy", policy, POLICIES)
    if algorithm not in algorithms_for(action_space):
        raise OntogymError(
            f"{algorithm} cannot act in {action_space}; algorithms that can: "
            f"{', '.join(algorithms_for(action_space)) or 'none'}."
        )
    image: Any = observation_space
    if is_image_space(observation_space) and not is_image_space_channels_first(image):
        observation_space = VecTransposeImage.transpose_space(image)
    aliases = class_of(algorithm).policy_aliases
    if policy not in aliases:
        raise UnknownNameError(f"policy of {algorithm}", policy, aliases)
    try:
        return aliases[policy](
            observation_space, action_space, lambda _: 0.0, **policy_kwargs(algorithm, options)
        )
    except (AssertionError, TypeError, ValueError, NotImplementedError) as error:
        raise OntogymError(f"{policy} of {algorithm} does not fit these spaces ({error}).") from error


def class_of(algorithm: str) -> Any:
    """SB3's class; that of recurrent PPO is sb3-contrib's."""
    if algorithm == "recurrent-ppo":
        with needs("recurrent-ppo", "sb3-contrib", "sb3-contrib"):
            from sb3_contrib import RecurrentPPO
        return RecurrentPPO
    import stable_baselines3

    return getattr(stable_baselines3, algorithm.upper())
