"""Four foragers share the same patches of food: three newborn LNDPs, and one PPO trained on all places at once.

    pip install 'ontogym[multi-agent]'
    python examples/shared_foraging.py [--steps 20000] [--episodes 3]

PPO learns one policy for every place through SuperSuit; the LNDPs here have random genomes. Evolve better ones with
``ontogym evolve --env ontogym/SharedForaging-v0`` and read the genome from the run.
"""

from __future__ import annotations

import argparse

import numpy as np
import supersuit
from stable_baselines3 import PPO
from stable_baselines3.common.utils import set_random_seed

from ontogym.agents.base import Actor
from ontogym.agents.individuals import Individuals
from ontogym.agents.lndp import LNDP
from ontogym.baselines.lives.together import play
from ontogym.baselines.sb3.policy import TrainedPolicy
from ontogym.baselines.sb3.spaces import SpaceMap
from ontogym.envs import foraging_v0
from ontogym.seeding import generator


def train(steps: int) -> PPO:
    """PPO with one policy in all four places."""
    lanes = supersuit.pettingzoo_env_to_vec_env_v1(foraging_v0.parallel_env(agents=4))
    lanes = supersuit.concat_vec_envs_v1(lanes, 2, num_cpus=0, base_class="stable_baselines3")
    set_random_seed(0)  # of the network; SuperSuit hands no seed on to the worlds
    model = PPO("MlpPolicy", lanes, n_steps=64, batch_size=128, device="cpu")
    return model.learn(steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--episodes", type=int, default=3)
    arguments = parser.parse_args()
    world = foraging_v0.parallel_env(agents=4)
    spaces = world.observation_space("forager_0"), world.action_space("forager_0")
    actors: dict[str, Actor] = {
        "forager_0": TrainedPolicy(train(arguments.steps), *spaces, SpaceMap(*spaces))
    }
    for name in world.possible_agents[1:]:
        agent = LNDP(world.observation_space(name), world.action_space(name))
        genome = generator(0, name).normal(size=agent.genome_size) * 0.5
        actors[name] = Individuals(agent, genome)
    for name, returns in play(world, actors, seed=1, episodes=arguments.episodes).items():
        kind = "PPO" if isinstance(actors[name], TrainedPolicy) else "LNDP"
        print(f"{name}  {kind:<12} food per episode {np.round(returns, 1)}")


if __name__ == "__main__":
    main()
