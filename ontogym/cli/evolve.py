"""``ontogym evolve``."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import tyro

from ontogym.agents.lndp.organism import LNDPConfig
from ontogym.agents.plastic.config import PlasticConfig
from ontogym.baselines.evolution.presets import preset
from ontogym.cli.options import key_values, print_table, score_line
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.registry import AGENTS
from ontogym.runs import stoppable

__all__ = ["Evolve", "EvolveLNDP", "EvolvePlastic", "with_preset"]

DEFAULT_ENV = "ontogym/CartPole-v1"


@dataclass(frozen=True)
class Engine:
    """What computes the LNDP.

    Attributes:
        engine: numba (fast, built-in rules), torch (any rule, CPU or GPU), pyg (readable), or auto.
        dtype: float32, or float64 for parity.
        device: cpu, cuda, ... (torch engine).
        threads: cores of the numba engine; 0 means all.
        compiled: fuse the torch engine's step with torch.compile.
    """

    engine: Literal["auto", "numba", "torch", "pyg"] = "auto"
    dtype: Literal["float32", "float64"] = "float32"
    device: str = "cpu"
    threads: int = 0
    compiled: bool = False


@dataclass(frozen=True)
class TorchEngine:
    """What computes the plastic network.

    Attributes:
        dtype: float32, or float64 for parity.
        device: cpu, cuda, ...
        compiled: fuse the step with torch.compile.
    """

    dtype: Literal["float32", "float64"] = "float32"
    device: str = "cpu"
    compiled: bool = False


@dataclass(frozen=True)
class Evolve:
    """Evolve an agent: ask, live, tell, and re-evaluate the search mean on fresh lives.

    Starts from the environment's preset (see ontogym/baselines/evolution/presets.py); every flag overrides. The run folder
    can be resumed after a kill, with the same result to the bit.

    Attributes:
        env: id of the environment, any that Gymnasium knows.
        env_kwargs: its arguments, as KEY=VALUE ...; those of the preset stay unless named.
        preset: start from what is known to work in this environment.
        agent: name of the agent, or module:Class.
        agent_options: options of the agent that have no flag of their own, as KEY=VALUE ...
        strategy: csa, cma-diagonal, cma-full, openai-es, or one that a plug-in brings.
        strategy_options: its options, as KEY=VALUE ...
        sigma: initial step size; the strategy's own if not given.
        population: genomes per generation.
        lives: lives per genome and generation.
        episodes: episodes per life; what the environment suggests if not given.
        utility: mean over lives, or min: weighted towards the worst of the hidden goals.
        min_weight: weight of the worst goal under min.
        episode_weights: weight of each episode in the utility; alike if not given.
        generations: the most generations.
        target: stop when the whole 95 % interval on fresh lives is above this.
        eval_every: re-evaluate the search mean after so many generations.
        eval_lives: on so many lives.
        final_lives: lives of the confirmation and of the report.
        told: what agents hear in place of a reward: reward, termination (-1 at one), or nothing.
        silenced: signals of the feedback to hold at zero: action, reward, start, terminated.
        reward_clamp: tell agents this number instead of every reward.
        start: agent file, run folder or zoo:NAME to start the search at.
        max_steps: cut episodes after so many steps.
        seed: decides all chance.
        workers: worker processes; 0 evaluates in this process, on all its cores.
        checkpoint_every: generations between checkpoints.
        tensorboard: also write TensorBoard events.
        out: folder of the run; runs/ENV-AGENT-sSEED if not given.
        resume: go on with the run in that folder.
        json: print one JSON object as the last line.
    """

    env: str = DEFAULT_ENV
    env_kwargs: tuple[str, ...] = ()
    preset: bool = True
    agent: str = "lndp"
    agent_options: tuple[str, ...] = ()
    strategy: str = "csa"
    strategy_options: tuple[str, ...] = ()
    sigma: float | None = None
    population: int = 64
    lives: int = 2
    episodes: int | None = None
    utility: Literal["mean", "min"] = "mean"
    min_weight: float = 0.7
    episode_weights: tuple[float, ...] | None = None
    generations: int = 200
    target: float | None = None
    eval_every: int = 10
    eval_lives: int = 32
    final_lives: int = 96
    told: Literal["reward", "termination", "nothing"] = "reward"
    silenced: tuple[str, ...] = ()
    reward_clamp: float | None = None
    start: Annotated[str | None, tyro.conf.arg(name="from")] = None
    max_steps: int | None = None
    seed: int = 0
    workers: int = 0
    checkpoint_every: int = 5
    tensorboard: bool = False
    out: str | None = None
    resume: bool = False
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Evolve, print what was found; returns the result."""
        from ontogym.baselines.evolution.run import evolve
        from ontogym.cli.citations import used_by

        config = self.config()
        with stoppable(config.out):
            result = evolve(config, resume=self.resume, progress=True)
        citations = used_by(config)
        if not self.json:
            self._print(config.out, result)
            print("\nCite what was used:\n\n" + "\n".join(citations) if citations else "")
        return {
            **result.as_json(),
            "out": config.out,
            "config": config.as_json(),
            "bibtex": citations,
        }

    def options(self) -> dict[str, Any]:
        """The agent's options."""
        return key_values(self.agent_options, "--agent-options")

    def config(self) -> Any:
        """The run's configuration."""
        from ontogym.baselines.evolution.config import EvolutionConfig

        shared = {f.name for f in dataclasses.fields(EvolutionConfig)} & set(vars(self))
        values = {name: getattr(self, name) for name in shared}
        # A flag names some arguments; it does not take back what the preset says about the others.
        kwargs = preset(self.env).get("env_kwargs", {}) if self.preset else {}
        name = f"{self.env.rpartition('/')[2]}-{self.agent}-s{self.seed}".replace(":", ".")
        values |= {
            "env_kwargs": {**kwargs, **key_values(self.env_kwargs, "--env-kwargs")},
            "agent_options": self.options(),
            "strategy_options": key_values(self.strategy_options, "--strategy-options"),
            "out": self.out or f"runs/{name}",
        }
        return EvolutionConfig(**values)

    def _print(self, out: str, result: Any) -> None:
        score, control = result.score, result.control
        goals = score["conditions"]
        rows = [
            ("score on fresh lives [95 %]", score_line(score)),
            ("first, last episode", f"{score['first_episode']:.1f}, {score['last_episode']:.1f}"),
            *([("per hidden goal", ", ".join(f"{v:.1f}" for v in goals))] if len(goals) > 1 else []),
            ("told a reward of 0 throughout", score_line(control) if control else "-"),
            *((key, f"{value:.2f}") for key, value in score["diagnostics"].items()),
            ("target reached", "-" if self.target is None else "yes" if result.solved else "no"),
            ("generations", result.generations),
            ("environment steps", f"{result.env_steps:,}"),
            ("seconds (processor)", f"{result.wall_seconds:.0f} ({result.cpu_seconds:.0f})"),
        ]
        print_table(f"{self.agent} on {self.env}, seed {self.seed}", ("", ""), rows)
        # A stranger's file must not import code; a run of one's own with a module:Class may.
        trust = " --trust" if ":" in self.agent + self.env else ""
        print(f"Next:  ontogym replay {out}{trust}      ontogym evaluate {out}{trust}")


def _body_options(body: Any, engine: Any, rule: str | None) -> dict[str, Any]:
    """The options of an agent that differ from the defaults.

    Raises:
        OntogymError: a source of development, but no steps of it; two synaptic rules.
    """
    if body.development and not body.development_steps:
        raise OntogymError(
            f"--development {body.development} does nothing in 0 steps; add --development-steps, for "
            "example 100."
        )
    chosen = body.as_dict() | {
        k: v for k, v in dataclasses.asdict(engine).items() if v != getattr(type(engine)(), k)
    }
    if rule is None:
        return chosen
    if chosen.get("synaptic_rule", rule) != rule:
        raise OntogymError("--rule is short for --synaptic-rule, and they differ here; give one of them.")
    usual = type(body)().synaptic_rule
    return chosen | ({"synaptic_rule": rule} if rule != usual else {})


@dataclass(frozen=True)
class EvolveLNDP(Evolve):
    __doc__ = Evolve.__doc__

    # Named by nothing, their fields are flags of the command.
    lndp: Annotated[LNDPConfig, tyro.conf.arg(name="")] = field(default_factory=LNDPConfig)
    engine: Annotated[Engine, tyro.conf.arg(name="")] = field(default_factory=Engine)
    rule: Annotated[str | None, tyro.conf.arg(help="short for --synaptic-rule.")] = None

    def options(self) -> dict[str, Any]:
        return {**_body_options(self.lndp, self.engine, self.rule), **super().options()}


@dataclass(frozen=True)
class EvolvePlastic(Evolve):
    __doc__ = Evolve.__doc__

    plastic: Annotated[PlasticConfig, tyro.conf.arg(name="")] = field(default_factory=PlasticConfig)
    engine: Annotated[TorchEngine, tyro.conf.arg(name="")] = field(default_factory=TorchEngine)
    rule: Annotated[str | None, tyro.conf.arg(help="short for --synaptic-rule.")] = None

    def options(self) -> dict[str, Any]:
        return {**_body_options(self.plastic, self.engine, self.rule), **super().options()}


def with_preset(argv: list[str]) -> Evolve:
    """The defaults of a command line: those of the preset of the environment that it names.

    Raises:
        UnknownNameError: the agent that it names is unknown (its flags depend on the agent).
    """
    env, agent = _given(argv, "--env", DEFAULT_ENV), _given(argv, "--agent", "lndp")
    if ":" not in agent and agent not in AGENTS:
        raise UnknownNameError(AGENTS.kind, agent, AGENTS)
    values = {} if "--no-preset" in argv else preset(env)
    pairs = values.pop("env_kwargs", {}).items()
    values["env_kwargs"] = tuple(f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in pairs)
    options = values.pop("agent_options", {})
    if agent == "plastic":
        known = {f.name for f in dataclasses.fields(PlasticConfig)}
        kept = {key: value for key, value in options.items() if key in known}
        return EvolvePlastic(env=env, agent=agent, plastic=PlasticConfig(**kept), **values)
    if agent != "lndp":
        return Evolve(env=env, agent=agent, **values)
    return EvolveLNDP(env=env, lndp=LNDPConfig(**options), **values)


def _given(argv: list[str], flag: str, default: str) -> str:
    """The value of a flag, before the line is parsed."""
    for word, following in zip(argv, [*argv[1:], default]):
        if word == flag:
            default = following
        elif word.startswith(f"{flag}="):
            default = word.partition("=")[2]
    return default
