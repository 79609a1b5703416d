"""``ontogym evaluate``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from ontogym.cli.options import broken_network, key_values, listed, print_table, score_line
from ontogym.errors import OntogymError

if TYPE_CHECKING:
    from ontogym.baselines.lives.life import LifeResult, LifeSpec

__all__ = ["Evaluate"]


@dataclass(frozen=True)
class Evaluate:
    """Let an evolved or trained agent live fresh lives and report its returns with a 95 % interval.

    Attributes:
        target: a run folder of evolve or train, an agent file, a submission, or zoo:NAME; or an agent without weights by its
            name, such as random or reference, with --env.
        lives: how many fresh lives.
        seed: decides all chance.
        episodes: episodes per life; those it was evolved with if not given.
        reward_clamp: tell the agent this number instead of every reward, while returns count the real one.
        told: what the agent hears in place of a reward: reward, termination or nothing; as it was evolved if not given.
        silenced: signals of the feedback to hold at zero: action, reward, start, terminated.
        freeze: hold this of the network still: wiring, weights, places (edges come and go, but one that returns has the
            weight its place last had) or all; the same lives are lived as it was evolved, too, and compared. nothing holds nothing
            still, whatever it was evolved with.
        from_episode: from this episode on, counted from 0.
        rebirth: begin every later episode with a newborn: the control without memory across episodes.
        develop_between: let the agent go through its developmental phase before each later episode too.
        shuffle_wiring: put edges to other places after development: does it matter which edges it made?
        development: a source of spontaneous activity in place of the agent's own.
        development_steps: for how many steps.
        env: another environment with the same spaces; its own if not given.
        env_kwargs: its arguments, as KEY=VALUE ... Those that the agent was evolved with stay in its own environment, unless
            named, and in one named by --env only if the agent does not fit that without them.
        worlds: of a rule shift: live in every world of this side of the fold (train, test or all) as often, and report the
            share held-out normalised, 0 for the best single policy and 1 for one that is told the world.
        max_steps: cut episodes after so many steps; as in the run if not given.
        window: steps before and after a switch of the rules that are compared, where the task has switches.
        trust: the file is mine, or I trust its maker: import the module:Class that it names.
        json: print one JSON object as the last line.
    """

    target: Annotated[str, tyro.conf.Positional]
    lives: int = 96
    seed: int = 0
    episodes: int | None = None
    reward_clamp: float | None = None
    told: Literal["reward", "termination", "nothing"] | None = None
    silenced: tuple[str, ...] = ()
    freeze: Literal["wiring", "weights", "places", "all", "nothing"] | None = None
    from_episode: int = 0
    rebirth: bool = False
    develop_between: bool = False
    shuffle_wiring: bool = False
    development: str | None = None
    development_steps: int | None = None
    env: str | None = None
    env_kwargs: tuple[str, ...] = ()
    worlds: Literal["train", "test", "all"] | None = None
    max_steps: int | None = None
    window: int = 10
    trust: bool = False
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Evaluate and print; returns the summary."""
        from ontogym.agents.base import Agent, develops
        from ontogym.baselines.lives.lanes import try_environment
        from ontogym.baselines.lives.life import compared, life_seeds, summarise
        from ontogym.baselines.lives.switches import switches_met
        from ontogym.envs.vector import find_spec, is_native
        from ontogym.leaderboard.loading import load_any

        self.check()
        loaded = self._there(load_any)
        env, kwargs = loaded.spec.env, loaded.spec.env_kwargs
        spec = self._life(loaded.spec, env, kwargs)
        if not is_native(find_spec(spec.env)):  # ours keep the contract, and end
            try_environment(spec.env, spec.env_kwargs, spec.max_steps)
        agent = getattr(loaded.player, "built", None)
        if self.development is not None and isinstance(agent, Agent) and not develops(agent):
            raise OntogymError(
                f"{loaded.name} has no developmental phase, so that --development {self.development} would change nothing; leave it out."
            )
        if self.window < 1:
            raise OntogymError(f"--window is {self.window}; compare at least 1 step.")
        seeds = life_seeds(spec, self.lives, self.seed, "evaluate")
        result = loaded.player.live(spec, seeds, trace=True)
        summary = summarise(result, spec, self.seed)
        summary["switches"] = switches_met(result.trace, result.returns, self.window)
        summary["changes"] = _changes(spec.env, result, self.window)
        scored = [change["regained"] for change in summary["changes"] if change["regained"] is not None]
        summary["regained"] = sum(scored) / len(scored) if scored else None
        if spec.freeze is not None and self.freeze is not None:
            # What it lives without in any case (a control that is born still) is no part of the intervention.
            usual = {name: getattr(loaded.spec, name) for name in ("freeze", "freeze_from")}
            free = loaded.player.live(dataclasses.replace(spec, **usual), seeds)
            frozen = compared(result, free, spec, self.seed)
            summary["frozen"] = {"what": self.freeze, "from_episode": self.from_episode} | frozen
            if loaded.spec.freeze is not None:
                summary["frozen"]["free_means"] = loaded.spec.held_in_words
        if self.worlds is not None:
            summary |= _in_worlds(spec, self.worlds, result)
        if not self.json:
            self._print(env, kwargs, summary, _lived(loaded, spec))
        return {
            "target": self.target,
            "agent": loaded.name,
            "env": env,
            "env_kwargs": dict(kwargs),
            "parameters": loaded.parameters,
            **summary,
        }

    def check(self) -> None:
        """Look at what can be told without the agent.

        Raises:
            OntogymError: no lives, or a life that there cannot be.
        """
        from ontogym.baselines.lives.spec import LifeSpec
        from ontogym.envs.vector import find_spec

        if self.lives < 1:
            raise OntogymError(f"lives is {self.lives}; evaluate at least 1.")
        if self.env is not None:
            find_spec(self.env)
        LifeSpec(
            "ontogym/CartPole-v1",
            silenced=tuple(self.silenced),
            told=self.told or "reward",
            episodes=self.episodes or 1,
        )

    def _life(self, usual: LifeSpec, env: str, kwargs: Mapping[str, Any]) -> LifeSpec:
        """The agent's usual life with what the line asks for."""
        from ontogym.envs.world_anchors import world_conditions

        changes: dict[str, Any] = {
            "episodes": self.episodes,
            "reward_clamp": self.reward_clamp,
            "told": self.told,
            "max_steps": self.max_steps,
            "freeze": None if self.freeze == "nothing" else self.freeze,
            # What is not asked for stays as the agent was evolved.
            "freeze_from": self.from_episode if self.freeze is not None else None,
            "rebirth": self.rebirth or None,
            "develop_between": self.develop_between or None,
            "shuffle_wiring": self.shuffle_wiring or None,
            "development": self.development,
            "development_steps": self.development_steps,
            "silenced": (*usual.silenced, *self.silenced),
            "conditions": None
            if self.worlds is None
            else world_conditions(env, _fold(env, kwargs), self.worlds),
        }
        if self.freeze == "nothing":
            if self.from_episode:
                raise OntogymError(
                    "--freeze nothing holds nothing still from any episode on; leave out --from-episode."
                )
            usual = dataclasses.replace(usual, freeze=None)
        return dataclasses.replace(
            usual, **{name: value for name, value in changes.items() if value is not None}
        )

    def _print(self, env: str, kwargs: Mapping[str, Any], summary: dict[str, Any], life: str) -> None:
        """The summary as a table."""
        goals = summary["conditions"]
        rows = [
            *([("its arguments", ", ".join(f"{k}={v}" for k, v in kwargs.items()))] if kwargs else []),
            ("a life", life),
            ("score [95 %]", score_line(summary)),
            ("episodes", listed(summary["episodes"])),
            *([("per hidden goal", listed(goals))] if len(goals) > 1 else []),
            ("worst, best life", listed((summary["min"], summary["max"]))),
            # Scored changes say the same of whole episodes, and what it counts for.
            *(_change_rows(summary["changes"]) or _switch_rows(summary["switches"])),
            *_frozen_rows(summary.get("frozen")),
            *([("held-out normalised", f"{summary['held_out']:.2f}")] if self.worlds is not None else []),
            *((key, f"{value:.2f}") for key, value in summary["diagnostics"].items()),
        ]
        print_table(f"{self.target} on {env}, {self.lives} fresh lives", ("", ""), rows)
        for sentence in broken_network(summary):
            print(sentence)

    def _there(self, load_any: Any) -> Any:
        """The target in the environment that the line asks for."""
        loaded = self._loaded(load_any)
        own, named = loaded.spec, key_values(self.env_kwargs, "--env-kwargs")
        env, kwargs = self.env or own.env, {**own.env_kwargs, **named}
        # Another configuration of its environment is lived in as it is, if the agent can live there.
        if self.env is not None and not (
            _same_kind(env, own.env) and _spaces(env, named) != _spaces(own.env, own.env_kwargs)
        ):
            kwargs = named
        same = (env, kwargs) == (own.env, own.env_kwargs)
        return loaded if same else load_any(self.target, env, kwargs, trusted=self.trust)

    def _loaded(self, load_any: Any) -> Any:
        """The target in its own environment; what has none, such as chance, in that of the line."""
        try:
            return load_any(self.target, trusted=self.trust)
        except OntogymError:
            if self.env is None or Path(self.target).exists():
                raise
            return load_any(self.target, self.env, key_values(self.env_kwargs, "--env-kwargs"), self.trust)


def _lived(loaded: Any, spec: LifeSpec) -> str:
    """A life in words, with what is held at zero that the agent does not hear anyway."""
    hears = getattr(getattr(loaded.player, "built", None), "hears", None)
    deaf = [] if hears is None else [n for n in spec.silenced if n != "reward" and n not in hears]
    return spec.in_words + (f" ({', '.join(deaf)}: which it does not hear anyway)" if deaf else "")


def _changes(env: str, result: Any, window: int) -> list[dict[str, Any]]:
    """Every change of the rules that the lives met, with what was regained."""
    from ontogym.baselines.lives.switches import regained_in_lives
    from ontogym.envs.registration import anchors, change_cost, entry_of

    if entry_of(env) is None:
        return []
    random, optimal = anchors(env)
    cost = change_cost(env)
    return regained_in_lives(result.trace, result.returns, result.lengths, cost, optimal - random, window)


def _fold(env: str, env_kwargs: Mapping[str, Any]) -> int:
    """The fold of a rule shift, 0 by default.

    Raises:
        OntogymError: families of rules whose worlds have no measured floors.
    """
    if env_kwargs.get("families") is not None:
        raise OntogymError(
            f"The worlds of {env} have measured floors with its own families only; leave families out."
        )
    return int(env_kwargs.get("fold", 0))


def _in_worlds(spec: LifeSpec, worlds: str, result: LifeResult) -> dict[str, Any]:
    """Mean returns by world, and held-out normalised."""
    from ontogym.envs.registration import anchors
    from ontogym.envs.world_anchors import in_worlds

    random, optimal = anchors(spec.env)
    by_world, found = in_worlds(
        spec.env, _fold(spec.env, spec.env_kwargs), worlds, result.returns[0], optimal - random
    )
    return {"held_out": found.value, "worlds": [float(value) for value in by_world]}


def _switch_rows(switches: dict[str, Any]) -> list[tuple[str, str]]:
    """How switches of the rules were got over, in words."""
    rows = []
    if found := switches.get("within"):
        rate = f"{found['before']:.2f}, {found['early']:.2f}, {found['late']:.2f}"
        name = f"reward of a step before, after, long after a switch ({found['switches']}, {found['window']} steps)"
        rows.append((name, rate))
        took = "not in the time there was" if found["steps"] is None else f"{found['steps']} steps"
        rows.append(("90 % of the drop made good after", took if found["steps"] != 0 else "no drop"))
    if found := switches.get("between"):
        rate = listed(found[key] for key in ("before", "dropped", "recovered"))
        rows.append((f"return before, at, long after the switch at episode {found['episode'] + 1}", rate))
    return rows


def _change_rows(changes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What was regained after each change of the rules, in words."""
    rows = []
    for change in changes:
        share = "not scored" if change["regained"] is None else f"{change['regained']:.2f}"
        numbers = listed(change[key] for key in ("before", "first", "after", "last"))
        name = f"change {change['number']} (rule {change['old']} to {change['new']})"
        rows.append((f"{name}: before, first, mean and last after it", numbers))
        rows.append((f"  regained (0: the floor {change['floor']:.1f}; 1: as before)", share))
    return rows


def _frozen_rows(frozen: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What freezing cost, in words."""
    if frozen is None:
        return []
    low, high = frozen["ci95"]
    numbers = (
        f"{frozen['mean']:.1f} and {frozen['free']:.1f}; {frozen['difference']:+.1f} [{low:.1f}, {high:.1f}]"
    )
    than = f"{frozen['what']} frozen and not, from episode {frozen['from_episode']} on; difference [95 %]"
    usual = frozen.get("free_means")
    return [(than, numbers), *([("of which not frozen", f"as it was evolved: {usual}")] if usual else [])]


def _spaces(env: str, env_kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    """What an environment shows and takes."""
    from ontogym.baselines.lives.lanes import make_single

    made = make_single(env, env_kwargs)
    try:
        return made.observation_space, made.action_space
    finally:
        made.close()


def _same_kind(env: str, other: str) -> bool:
    """Whether two ids are configurations of one environment, and so take the same arguments."""
    import gymnasium

    if env == other:
        return True
    specs = [gymnasium.registry.get(name) for name in (env, other)]
    return None not in specs and len({str(spec.entry_point) for spec in specs if spec}) == 1
