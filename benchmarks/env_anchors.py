"""Measures the random and optimal returns that stand in the environments' pages.

    python benchmarks/env_anchors.py [--lives 20000] [--only Retina] [--json]
    python benchmarks/env_anchors.py --worlds    floors and ceilings of every world, written into the package

Random: uniform actions, `lives` default lives. Optimal, by environment:

- foraging with late rewards: dynamic programming over what an agent can know.
- RuleShiftLunarLander (where Box2D is installed): Gymnasium's own heuristic, told the rule; 400 lives each.
- other foraging: `ontogym.envs.reference.WinStayLoseShift` on as many lives (the best policy that is not told the goal).
- SharedForaging: `ontogym.envs.reference.NearestFood`, on as many (a good policy, no bound); and a planner that is told where
  all are, how the rivals walk and where food will grow, 400 lives (1 on the scale of version 2 of the suite).
- de novo choice with blocks: `ontogym.envs.reference.BlockObserver` (exact inference of the block), on as many.
- retinal encoding: `ontogym.retina_env.encoding.reference.best_actions`, gradient ascent through the judge.
- CartPole and de novo choice without blocks: the time limit, by definition.
- Pendulum: backward induction over the 200 steps on a grid of angle and velocity, then the policy that is greedy
  with respect to those values, run in the environment itself from 2 000 random starts.
- PendulumDrift, PendulumActionFlip: the same by an agent that knows the schedule.
- CartPoleDrift: a fixed linear controller. The other changes of CartPole and Acrobot come between episodes, and an agent
  that knows the phase earns the plain task's optimum: that number is repeated.
- Acrobot: breadth-first search through action sequences from 32 random starts, which keeps one state per cell of a
  fine grid and the most energetic states when there are too many: the steps to the height are an upper bound
  of the fewest possible.

The whole run takes about two minutes on one core, and four more for the retinas; `--only Retina` runs those whose id
contains that.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
from late_foraging import late_foraging_optimum

import ontogym  # noqa: F401  (registers the environments)
from ontogym.envs import anchors, make_vector
from ontogym.envs.classic_control.acrobot import AcrobotDynamics, AcrobotState
from ontogym.envs.classic_control.pendulum import PendulumDynamics, PendulumState
from ontogym.envs.control_reference import AcrobotPump, LinearCartPole, Told
from ontogym.envs.grid import MOVES, PatchWorld, PatchWorldState, nearest_food
from ontogym.envs.nonstationary import NonstationaryDynamics
from ontogym.envs.reference import BlockObserver, NearestFood, OneHotForager, RuleKeeper, WinStayLoseShift
from ontogym.envs.registration import ENTRIES
from ontogym.envs.shared_foraging import SharedForagingDynamics
from ontogym.envs.world_anchors import FILE
from ontogym.envs.worlds import FOLDS, all_worlds
from ontogym.seeding import LaneStreams, generator, lane_seeds

CARTPOLE_WEIGHTS = np.array([0.1, 0.4, 5.0, 2.0])
RETINA_LIVES = 2000
"""Lives of environments with a retina in the loop, which are a thousand times slower than others."""
Returns = np.ndarray[Any, np.dtype[np.float64]]


def random_returns(env_id: str, lives: int, seed: int = 0) -> Returns:
    """Returns ``(lives,)`` of uniformly random actions."""
    rng = generator(seed, "random actions", env_id)
    lives = min(lives, RETINA_LIVES) if "ontogym/Retina" in env_id else lives
    env = make_vector(env_id, lives)
    space = env.single_action_space
    env.reset(seed=lane_seeds(seed, lives, env_id))
    total, done = np.zeros(lives), np.zeros(lives, dtype=bool)
    while not done.all():
        if hasattr(space, "n"):
            actions = rng.integers(space.n, size=lives)
        else:
            actions = rng.uniform(space.low, space.high, size=(lives, *space.shape))
        _, reward, terminated, truncated, _ = env.step(actions)
        total += np.where(done, 0.0, reward)
        done |= terminated | truncated
    return total


def reference_returns(kind: type[Any], env_id: str, lives: int, seed: int = 0, **options: Any) -> Returns:
    """Returns ``(lives,)`` of a reference policy with its options, such as `WinStayLoseShift`."""
    env = make_vector(env_id, lives)
    seen, _ = env.reset(seed=lane_seeds(seed, lives, env_id))
    policy, reward = kind(lives, **options), np.zeros(lives)
    total, done = np.zeros(lives), np.zeros(lives, dtype=bool)
    while not done.all():
        seen, reward, terminated, truncated, _ = env.step(policy.act(seen, reward))
        total += reward
        done = terminated | truncated
    return total


def foraging_returns(env_id: str, lives: int) -> Returns:
    """Returns ``(lives,)`` of the best policy, or one number: the optimum where rewards come late."""
    if env_id == "ontogym/ForagingGoalSwapLate-v0":
        return np.array([late_foraging_optimum(swap=(30, 70))])
    if env_id.endswith("-v1"):
        return np.array([late_foraging_optimum(0.1 if "Switch" in env_id else 0.0)])
    return reference_returns(WinStayLoseShift, env_id, lives)


BOX2D = importlib.util.find_spec("Box2D") is not None
BODY_POLICIES = {"CartPole": LinearCartPole, "Acrobot": AcrobotPump, "Foraging": OneHotForager}
"""The hand-written policy of each body under its usual rule."""
WORLD_LIVES = {"CartPole": 32, "Acrobot": 4, "Foraging": 4}


def world_table(env_id: str, lives: int, seed: int = 0) -> Returns:
    """Mean returns ``(C, C)`` of an episode: of the policy told world i, in world j."""
    env = make_vector(env_id, 1)
    body, worlds = env.dynamics.worlds.body.name, env.dynamics.worlds
    count = len(worlds)
    lanes = count * lives
    env = make_vector(env_id, lanes)
    table = np.zeros((count, count))
    for world in range(count):
        options = {"world": np.full(lanes, world)}
        if "goal" in env.dynamics.reset_options:
            options["goal"] = np.arange(lanes) % 2
        seen, _ = env.reset(seed=lane_seeds(seed, lanes, env_id, world), options=options)
        believed = np.repeat(worlds.first, lives)
        policy = Told(BODY_POLICIES[body](lanes), worlds, believed)
        reward, total, done = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes, dtype=bool)
        while not done.all():
            seen, reward, terminated, truncated, _ = env.step(policy.act(seen, reward))
            total += reward
            done = terminated | truncated
        table[:, world] = total.reshape(count, lives).mean(1)
    return table


def measure_worlds(only: str) -> None:
    """Measures floors and ceilings of worlds and writes them to `ontogym.envs.world_anchors.FILE`.

    The floor of a fold is what the policy told one of its training worlds earns, that one which is best on average
    over all of them. A search over other policies could raise it.
    """
    found = json.loads(FILE.read_text()) if FILE.exists() else {}
    for body, lives in WORLD_LIVES.items():
        env_id = f"ontogym/RuleShift{body}-v0"
        if only not in env_id:
            continue
        table, worlds = world_table(env_id, lives), all_worlds(body)
        floors = []
        for fold in range(FOLDS):
            train, test = worlds.split("train", fold), worlds.split("test", fold)
            best = train[table[np.ix_(train, train)].mean(1).argmax()]
            floors.append(table[best])
            told = table.diagonal()
            print(
                f"{env_id:<32}fold {fold}: single {table[best, train].mean():.1f} in training, "
                f"{table[best, test].mean():.1f} in held-out worlds; told {told[test].mean():.1f}",
                flush=True,
            )
        rounded = [[round(float(v), 1) for v in row] for row in (*floors, table.diagonal())]
        found[env_id] = {"floor": rounded[:-1], "ceiling": rounded[-1]}
    FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n")


def lander_returns(told: bool, lives: int = 400, seed: int = 0) -> Returns:
    """Returns ``(lives,)`` in RuleShiftLunarLander of Gymnasium's heuristic told the rule, or of random actions."""
    from gymnasium.envs.box2d.lunar_lander import heuristic

    env, rng, found = (
        gymnasium.make("ontogym/RuleShiftLunarLander-v0", split="all"),
        generator(seed, "lander"),
        [],
    )
    worlds, plain = env.unwrapped.worlds, SimpleNamespace(unwrapped=SimpleNamespace(continuous=False))
    for life in range(lives):
        seen, info = env.reset(seed=life)
        rule = worlds.rules[info["rule"]]
        place, does, total, over = np.argsort(rule.order), np.argsort(rule.actions), 0.0, False
        while not over:
            body = (seen * np.array(rule.signs))[place]
            action = int(does[heuristic(plain, body)]) if told else int(rng.integers(4))
            seen, reward, terminated, truncated, _ = env.step(action)
            total, over = total + reward, terminated or truncated
        found.append(total)
    return np.array(found)


def linear_returns(env_id: str, lives: int = 2000) -> Returns:
    """Returns ``(lives,)`` in a kind of CartPole of the controller that pushes by the sign of a weighted sum."""
    env = make_vector(env_id, lives)
    seen, _ = env.reset(seed=lane_seeds(0, lives, "anchors"))
    total, done = np.zeros(lives), np.zeros(lives, dtype=bool)
    while not done.all():
        seen, reward, terminated, truncated, _ = env.step((seen @ CARTPOLE_WEIGHTS > 0).astype(np.int64))
        total += reward
        done = terminated | truncated
    return total


def retina_returns(env_id: str, lives: int = 256) -> Returns:
    """Returns ``(lives,)`` of gradient ascent through the judging model, in each step."""
    from ontogym.retina_env.encoding.reference import best_actions

    still = "Encoding" in env_id  # every image once: nothing else differs between lives
    lives = 512 if still else lives
    env = make_vector(env_id, lives, obs="statistics")
    env.reset(seed=lane_seeds(0, lives, "anchors"), options={"image": np.arange(lives)} if still else None)
    told, steps = "Refinement" in env_id, env.dynamics.steps
    if "Calibration" in env_id:  # steps do not depend on each other, so one stands for all
        return steps * env.step(best_actions(env.dynamics, env.state))[1]
    return sum(env.step(best_actions(env.dynamics, env.state, told=told))[1] for _ in range(steps))


def pendulum_returns(
    env_id: str = "ontogym/Pendulum-v1",
    lives: int = 2000,
    angles: int = 241,
    speeds: int = 161,
    torques: int = 25,
) -> Returns:
    """Returns ``(lives,)`` of the policy found by backward induction over steps whose rules may differ."""
    rules, streams = PendulumDynamics(), LaneStreams(np.zeros(1, dtype=np.uint64))
    env = make_vector(env_id, lives)
    steps, choices = rules.max_steps, np.linspace(-2, 2, torques).astype(np.float32)
    theta, speed = (
        part.ravel()
        for part in np.meshgrid(np.linspace(-np.pi, np.pi, angles), np.linspace(-8, 8, speeds), indexing="ij")
    )

    def value_of(table: Returns, state: PendulumState) -> Returns:
        """Bilinear interpolation of ``table`` (angles, speeds); the angle is periodic."""
        row = ((state.theta + np.pi) % (2 * np.pi)) * ((angles - 1) / (2 * np.pi))
        column = (state.theta_dot + 8) * ((speeds - 1) / 16)
        i = np.minimum(row.astype(int), angles - 2)
        j = np.minimum(column.astype(int), speeds - 2)
        u, v, flat, at = row - i, column - j, table.ravel(), i * speeds + j
        low = flat[at] * (1 - v) + flat[at + 1] * v
        return low * (1 - u) + (flat[at + speeds] * (1 - v) + flat[at + speeds + 1] * v) * u

    def look_ahead(state: PendulumState, table: Returns, step: int) -> Returns:
        """Value of each torque at this step, ``(torques, P)``."""
        worth, sign, parameters = [], 1, rules.parameters
        if isinstance(env.dynamics, NonstationaryDynamics):
            at = env.state._replace(age=np.full(lives, step))
            parameters = type(parameters)(
                *(float(np.ravel(value)[0]) for value in env.dynamics.parameters_of(at))
            )
            sign = -1 if env.dynamics.change == "action-flip" and env.dynamics.phase(at)[0] % 2 else 1
        for choice in choices:
            torque = np.full((len(state.theta), 1), sign * choice)
            new, reward, _ = rules.step(state, torque, streams, parameters)
            worth.append(reward + value_of(table, new))
        return np.stack(worth)

    env.reset(seed=lane_seeds(0, lives, "anchors"))
    grid = PendulumState(theta, speed, np.zeros(len(theta), dtype=np.float32))
    tables = [np.zeros((angles, speeds))]
    for step in range(steps - 1, 0, -1):
        tables.append(look_ahead(grid, tables[-1], step).max(0).reshape(angles, speeds))
    total = np.zeros(lives)
    for step, table in enumerate(reversed(tables)):
        state = env.state.task if isinstance(env.dynamics, NonstationaryDynamics) else env.state
        best = look_ahead(state, table, step).argmax(0)
        total += env.step(choices[best][:, None])[1]
    return total


def acrobot_returns(lives: int = 32, beam: int = 20_000) -> Returns:
    """Returns ``(lives,)`` of the shortest action sequences found by breadth-first search."""
    rules = AcrobotDynamics()
    streams = LaneStreams(lane_seeds(0, lives, "anchors"))
    starts = rules.reset(streams, np.arange(lives), {})
    return np.array(
        [-_shortest(rules, AcrobotState(*(part[[k]] for part in starts)), beam) for k in range(lives)]
    )


def _shortest(rules: AcrobotDynamics, state: AcrobotState, beam: int) -> float:
    """Steps before the one that reaches the height."""
    streams, cell = LaneStreams(np.zeros(1, dtype=np.uint64)), np.array([0.05, 0.05, 0.1, 0.1])
    for step in range(500):
        actions = np.repeat(np.arange(3), len(state.theta1))
        state = AcrobotState(*(np.tile(part, 3) for part in state))
        state, _, reached = rules.step(state, actions, streams)
        if reached.any():
            return float(step)
        cells = np.floor(np.stack(state, 1) / cell).astype(np.int64)
        keys = cells @ np.array([1, 1_000, 1_000_000, 1_000_000_000])
        keep = np.unique(keys, return_index=True)[1]
        if len(keep) > beam:
            energy = _energy(AcrobotState(*(part[keep] for part in state)))
            keep = keep[np.argpartition(-energy, beam)[:beam]]
        state = AcrobotState(*(part[keep] for part in state))
    return 500.0


def _energy(state: AcrobotState) -> Returns:
    """Mechanical energy of both links, J."""
    q1, q2, v1, v2 = state
    cos2 = np.cos(q2)
    kinetic = 0.5 * (3.5 + cos2) * v1**2 + 0.5 * 1.25 * v2**2 + (1.25 + 0.5 * cos2) * v1 * v2
    return kinetic - 9.8 * (1.5 * np.cos(q1) + 0.5 * np.cos(q1 + q2))


def planner_returns(lives: int = 400, look: int = 20) -> Returns:
    """Shared foraging by a planner that is told everything, the chance of food to come too; returns ``(lives,)``.

    A rollout policy (Bertsekas, Tsitsiklis & Wu 1997): at every step each plan is lived `look` steps ahead in a copy of the world
    with its very chance, and the first move of the best is made. Plans: to one of the patches until it is gone, to the centre
    until a patch is gone, or any first move; each then to the nearest food.
    """
    dynamics = SharedForagingDynamics()
    streams = LaneStreams(lane_seeds(0, lives, "planner"))
    state, returns = dynamics.reset(streams, np.arange(lives), {}), np.zeros(lives)
    for step in range(100):
        actions = _planned(dynamics.world, state.world, streams, min(look, 100 - step))
        state, reward, _ = dynamics.step(state, actions, streams)
        returns += reward
    return returns


def _planned(world: PatchWorld, now: PatchWorldState, streams: LaneStreams, steps: int) -> Any:
    """First moves ``(W,)`` of the best plans."""
    plans = world.patches + 1 + len(MOVES)
    plan, rows = np.tile(np.arange(plans), len(now.place)), np.repeat(np.arange(len(now.place)), plans)
    state, chance = PatchWorldState(*(part[rows] for part in now)), streams.copy()
    chance.state = chance.state[rows]
    food, patch = state.food.copy(), np.minimum(plan, world.patches - 1)
    goal = np.where(
        (plan < world.patches)[:, None], food[np.arange(len(plan)), patch], np.full(2, world.size // 2)
    )
    bound, earned = plan <= world.patches, np.zeros(len(plan))
    for step in range(steps):
        moves = nearest_food(state)
        towards = nearest_food(state._replace(food=goal[:, None]))
        moves[:, 0] = np.where(bound, towards[:, 0], moves[:, 0])
        if step == 0:
            moves[:, 0] = np.where(plan > world.patches, plan - world.patches - 1, moves[:, 0])
            first = moves[:, 0].copy()
        state, eaten = world.step(state, moves, chance)
        earned += eaten[:, 0]
        gone = (state.food != food).any(2)
        bound &= ~np.where(plan == world.patches, gone.any(1), gone[np.arange(len(plan)), patch])
    best = earned.reshape(-1, plans).argmax(1)
    return first.reshape(-1, plans)[np.arange(len(best)), best]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--lives", type=int, default=20_000)
    parser.add_argument("--only", default="", help="environments whose id contains this")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument(
        "--worlds", action="store_true", help="measure the worlds of rule-shift tasks instead"
    )
    arguments = parser.parse_args()
    if arguments.worlds:
        measure_worlds(arguments.only)
        return
    found: dict[str, Any] = {}
    for env_id in ENTRIES:
        # Nothing to earn, nothing to measure.
        if (
            anchors(env_id) == (0.0, 0.0)
            or arguments.only not in env_id
            or ("LunarLander" in env_id and not BOX2D)
        ):
            continue
        lander = "LunarLander" in env_id
        sets = {"random": lander_returns(False) if lander else random_returns(env_id, arguments.lives)}
        if lander:
            sets["optimal"] = lander_returns(True)
        if "SharedForaging" in env_id:
            sets["optimal"] = reference_returns(NearestFood, env_id, arguments.lives)
            planned = planner_returns()
            print(
                f"{env_id:<32}planner  {planned.mean():>10.2f} ± {planned.std() / np.sqrt(len(planned)):.2f}"
            )
        elif "RuleShift" in env_id:
            pass  # told the world, the body's own: --worlds measures what hand-written policies reach
        elif "Foraging" in env_id:
            sets["optimal"] = foraging_returns(env_id, arguments.lives)
        elif "Blocks-v1" in env_id:
            sets["optimal"] = reference_returns(RuleKeeper, env_id, arguments.lives)
        elif "Blocks" in env_id:
            sets["optimal"] = reference_returns(BlockObserver, env_id, arguments.lives)
        elif "PendulumActionFlip" in env_id and env_id != "ontogym/PendulumActionFlip-v0":
            pass  # flips at random times cost an agent that knows the phase nothing: the plain task's
        elif "Pendulum" in env_id:
            sets["optimal"] = pendulum_returns(env_id)
        elif "CartPoleDrift" in env_id:
            sets["optimal"] = linear_returns(env_id)
        elif env_id == "ontogym/Acrobot-v1":
            sets["optimal"] = acrobot_returns()
        elif any(word in env_id for word in ("Animals", "Percept", "RetinaCalibration-v1")):
            pass  # 1 is the best known picture, by definition; Calibration's by encoding_experiments.py calibration
        elif "ontogym/Retina" in env_id:
            sets["optimal"] = retina_returns(env_id)
        for kind, registered in zip(("random", "optimal"), anchors(env_id)):
            if kind in sets:
                mean, sd = float(sets[kind].mean()), float(sets[kind].std())
                error = sd / np.sqrt(len(sets[kind]))
                found[f"{env_id} {kind}"] = {"mean": mean, "sd": sd, "standard_error": error}
                line = f"{env_id:<32}{kind:<9}{mean:>10.2f} ± {error:.2f} (SD {sd:.1f})"
                print(f"{line}   registered {registered}", flush=True)
    if arguments.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
