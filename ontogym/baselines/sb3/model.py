"""SB3 models from hyper-parameter files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gymnasium import spaces

from ontogym.baselines.sb3.networks import class_of, policy_kwargs
from ontogym.baselines.sb3.settings import schedule
from ontogym.baselines.sb3.spaces import narrowed
from ontogym.errors import OntogymError
from ontogym.seeding import derive

if TYPE_CHECKING:
    from ontogym.baselines.sb3.config import TrainingConfig

__all__ = ["explore_little", "make_model"]

_NOT_SB3 = (
    "n_envs",
    "normalise",
    "clip",
    "policy",
    "net_arch",
    "activation",
    "lstm_size",
    "log_std_init",
    "observe",
    "noise_std",
    "action_share",
)


def make_model(config: TrainingConfig, values: Mapping[str, Any]) -> tuple[Any, str]:
    """An untrained model and the name of its policy.

    Raises:
        OntogymError: hyper-parameters that SB3 refuses.
    """
    import numpy as np
    from stable_baselines3.common.noise import NormalActionNoise
    from stable_baselines3.common.vec_env import VecNormalize

    from ontogym.baselines.sb3.adapter import make_vec_env
    from ontogym.baselines.sb3.lives import Lives

    settings = {name: value for name, value in values.items() if name not in _NOT_SB3}
    for name in ("learning_rate", "clip_range"):
        if name in settings:
            settings[name] = schedule(settings[name])
    env = make_vec_env(config.env, values["n_envs"], config.env_kwargs)
    if config.hears is not None:
        env = Lives(env, config.life, config.hears)
    if values.get("normalise"):
        if not isinstance(env.observation_space, spaces.Box):
            raise OntogymError("normalise needs a Box of observations; pass --hyper normalise=false.")
        env = VecNormalize(env, clip_obs=values.get("clip", 10.0), gamma=values["gamma"])
    # What it does reaches the environment as it is: a smaller box is all that the model needs to know.
    env.action_space = narrowed(env.action_space, values.get("action_share", 1.0))
    kind = "MultiInput" if isinstance(env.observation_space, spaces.Dict) else "Mlp"
    standard = kind + ("LstmPolicy" if config.algo == "recurrent-ppo" else "Policy")
    policy = str(values.get("policy", standard))
    if "noise_std" in values:
        shape = env.action_space.shape or (1,)
        settings["action_noise"] = NormalActionNoise(np.zeros(shape), np.full(shape, values["noise_std"]))
    try:
        model = class_of(config.algo)(
            policy,
            env,
            seed=derive(config.seed, "weights") % 2**31,
            device="cpu",
            policy_kwargs=policy_kwargs(config.algo, values),
            **settings,
        )
    except (AssertionError, TypeError, ValueError) as error:
        if isinstance(error, OntogymError):
            raise
        raise OntogymError(f"SB3 refuses these hyper-parameters of {config.algo}: {error}") from error
    if config.algo == "sac" and "log_std_init" in values:
        explore_little(model.policy.actor, float(values["log_std_init"]))
    return model, policy


def explore_little(actor: Any, log_std: float) -> None:
    """Let SAC begin as SB3's PPO does: actions near the middle, with a spread of its own choice.

    SB3 reads SAC's ``log_std_init`` under state-dependent exploration only; without, the spread begins at 1, and its
    mean wherever the first weights point. Last layers a hundred times smaller: Andrychowicz et al. 2021, arXiv 2006.05990.
    """
    import torch

    with torch.no_grad():
        for layer, start in ((actor.mu, 0.0), (actor.log_std, log_std)):
            layer.weight.mul_(0.01)
            layer.bias.fill_(start)
