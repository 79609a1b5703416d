"""``ontogym evolve``."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import tyro

from ontogym.agents.lndp.organism import LNDPConfig
from ontogym.agents.plastic.config import PlasticConfig
from ontogym.baselines.evolution.config import EvolutionConfig
from ontogym.baselines.evolution.presets import NETWORKS, preset
from ontogym.cli.advice import what_to_try
from ontogym.cli.configs import given, kept_config, with_values
from ontogym.cli.grouped_help import flags_of, print_grouped
from ontogym.cli.long_run import LongRun
from ontogym.cli.options import Features, broken_network, listed, print_table, quoted, score_line
from ontogym.configurations import build_config
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.registry import AGENTS, STRATEGIES
from ontogym.runs import runs_folder, stoppable

__all__ = ["Evolve", "EvolveLNDP", "EvolvePlastic", "help_of_evolve", "with_preset"]

DEFAULT_ENV = "ontogym/CartPole-v1"
STORED = "--stored"


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
class Evolve(LongRun):
    """Evolve an agent: ask, live, tell, and re-evaluate the search mean on fresh lives.

    Starts from the environment's preset (see ontogym/baselines/evolution/presets.py); every flag overrides. The run
    folder can be resumed after a kill, with the same result to the bit: --out FOLDER --resume suffices.

    Attributes:
        preset: start from what is known to work in this environment.
        paper: the LNDP of the paper, without the departures that the presets make (I/O identity and others).
        resume: go on with the run in the folder.
    """

    config: Annotated[EvolutionConfig, tyro.conf.arg(name="")] = field(
        default_factory=lambda: EvolutionConfig(env=DEFAULT_ENV)
    )
    seen: Annotated[Features, tyro.conf.arg(name="")] = field(default_factory=Features)
    preset: bool = True
    paper: bool = False
    resume: bool = False

    def configuration(self) -> dict[str, Any]:
        return self.configured().as_json()

    def cited(self) -> list[str]:
        from ontogym.cli.citations import used_by

        return used_by(self.configured())

    def work(self) -> dict[str, Any]:
        """Evolve, print what was found; returns the result."""
        from ontogym.baselines.evolution.run import evolve

        config = self.configured()
        with stoppable(str(config.out)):
            result = evolve(config, resume=self.resume, progress=True)
        if not self.json:
            self._print(config, result)
        return {
            **result.as_json(),
            "parameters": len(result.genome),
            "out": config.out,
            "config": config.as_json(),
        }

    def check(self) -> None:
        """Build what would be evolved, and where.

        Raises:
            OntogymError: no such environment or agent, or arguments that they do not take.
        """
        from ontogym.baselines.evolution.config import life_spec
        from ontogym.baselines.lives.life import make_agent

        config = self.configured()
        spec = life_spec(config)
        STRATEGIES.resolve(config.strategy)
        make_agent(config.agent, spec.env, spec.env_kwargs, config.agent_options)

    def options(self) -> dict[str, Any]:
        """The agent's options."""
        return dict(self.config.agent_options)

    def configured(self) -> EvolutionConfig:
        """The run's configuration: its preset's arguments of the environment, the agent's flags, its folder."""
        config = self.config
        # A flag names some arguments or options; it does not take back what the preset says about the others.
        known = preset(config.env, config.agent) if self.preset else {}
        kwargs = known.get("env_kwargs", {})
        options = known.get("agent_options", {}) if config.agent in NETWORKS else {}
        name = f"{config.env.rpartition('/')[2]}-{config.agent}-s{config.seed}"
        return dataclasses.replace(
            config,
            env_kwargs=self.seen.added_to({**kwargs, **config.env_kwargs}),
            agent_options={**options, **self.options()},
            out=config.out or runs_folder(name),
        )

    def _print(self, config: EvolutionConfig, result: Any) -> None:
        score, control = result.score, result.control
        goals = score["conditions"]
        rows = [
            ("score on fresh lives [95 %]", score_line(score)),
            ("first, last episode", listed((score["first_episode"], score["last_episode"]))),
            *([("per hidden goal", listed(goals))] if len(goals) > 1 else []),
            ("told a reward of 0 throughout", score_line(control) if control else "-"),
            *((key, f"{value:.2f}") for key, value in score["diagnostics"].items()),
            ("target reached", "-" if config.target is None else "yes" if result.solved else "no"),
            ("generations", result.generations),
            ("environment steps", f"{result.env_steps:,}"),
            ("seconds (processor)", f"{result.wall_seconds:.0f} ({result.cpu_seconds:.0f})"),
        ]
        print_table(f"{config.agent} on {config.env}, seed {config.seed}", ("", ""), rows)
        for sentence in broken_network(score):
            print(sentence)
        if config.target is not None and not result.solved:
            print("\n".join(["What to try:", *(f"  {line}" for line in what_to_try(config, result))]))
        # A stranger's file must not import code; a run of one's own with a module:Class may.
        trust = " --trust" if ":" in config.agent + config.env else ""
        out = quoted(config.out)
        print(f"Next:  ontogym replay {out}{trust}      ontogym evaluate {out}{trust}")


GROUPS: dict[str, tuple[str, ...]] = {
    "What matters first": (
        "env", "agent", "features", "generations", "target", "seed", "out", "resume", "workers", "dry_run",
    ),
    "The world and its lives": (
        "env_kwargs", "features_options", "episodes", "conditions", "max_steps", "told", "silenced", "reward_clamp",
        "development", "development_steps", "development_options", "develop_between", "shuffle_wiring", "freeze",
        "freeze_from",
    ),
    "The search": (
        "preset", "paper", "strategy", "sigma", "strategy_options", "population", "lives", "utility", "min_weight",
        "own_seeds", "episode_weights", "wiring_cost", "wiring_free", "wiring_ramp", "wiring_after", "target_density",
        "restart_after", "restart_patience", "restart_from", "eval_every", "eval_lives", "final_lives", "start_from",
    ),
    "Where it runs, and what it writes": (
        "evaluator", "address", "slices", "checkpoint_every", "tensorboard", "track", "cite", "json",
        "engine", "dtype", "device", "threads", "compiled",
    ),
    "The agent's rules": (
        "rule", "synaptic_rule", "pruning_rule", "synaptogenesis_rule", "structural_rule", "rewire_every", "hears",
        "synaptic_plasticity", "structural_plasticity",
    ),
    "The agent's body": (),
}  # fmt: skip
"""Headings of the help; flags that none of them names stand under the last."""


def help_of_evolve(argv: list[str]) -> None:
    """Print the grouped help of the agent that the line names."""
    default, _ = with_preset(argv)
    about = inspect.cleandoc(Evolve.__doc__ or "").partition("Attributes:")[0].strip()
    about += "\n\nAnother agent has other flags: ontogym evolve --agent NAME --help."
    print_grouped("ontogym evolve", about, flags_of(default, {"start_from": "from"}), GROUPS)


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
        raise OntogymError(
            f"--rule {rule} is short for --synaptic-rule {rule}, and the line or the run that is resumed has {chosen['synaptic_rule']}; give one of "
            "them, and to a run its own."
        )
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


_BODIES: dict[str, tuple[type[Any], str, type[Any], type[Any]]] = {
    "lndp": (EvolveLNDP, "lndp", LNDPConfig, Engine),
    "ndp": (EvolveLNDP, "lndp", LNDPConfig, Engine),
    "plastic": (EvolvePlastic, "plastic", PlasticConfig, TorchEngine),
}
"""Agents whose options are flags of their own: the command, its field, and the configurations that are laid out."""


def _check_flags(agent: str, argv: list[str]) -> None:
    """Refuse flags that are another agent's; what is nobody's is left to the parser."""
    fields = {
        name: {f.name for part in (command, *parts) for f in dataclasses.fields(part)}
        for name, (command, _, *parts) in _BODIES.items()
    }
    own = fields.get(agent, set()) | {
        f.name for part in (Evolve, EvolutionConfig, Features) for f in dataclasses.fields(part)
    }
    engine = {f.name for part in (Engine, TorchEngine) for f in dataclasses.fields(part)}
    for word in argv:
        flag = word.partition("=")[0]
        field = flag.removeprefix("--").removeprefix("no-").replace("-", "_")
        theirs = [name for name in fields if field in fields[name]]
        if flag.startswith("--") and theirs and field not in own:
            mend = (
                "It is computed in one way; leave the flag out."
                if field in engine
                else "Its own options are given by --agent-options NAME=VALUE, and `ontogym agents` lists them."
            )
            raise OntogymError(
                f"{flag} is a flag of --agent {', '.join(theirs)}; {agent} has none of that name. {mend}"
            )


def with_preset(argv: list[str]) -> tuple[Evolve, list[str]]:
    """The defaults of a command line, and what is left of it to parse.

    The defaults are those of a configuration file, of the run to be resumed, or of the environment's preset.

    Raises:
        UnknownNameError: the agent that the line names is unknown (its flags depend on the agent).
        OntogymError: a configuration that cannot be read.
    """
    argv = [
        word.replace("--from", "--start-from", 1) if word.partition("=")[0] == "--from" else word
        for word in argv
    ]
    # A sweep's file is a stored configuration, in which a field that is not there means what it always meant.
    stored = STORED in argv
    argv = [word for word in argv if word != STORED]
    kept, argv = kept_config(argv, given(argv, "--out"))
    values = dict(kept or {})
    env = given(argv, "--env", values.get("env", DEFAULT_ENV))
    agent = given(argv, "--agent", values.get("agent", "lndp"))
    assert env is not None
    assert agent is not None
    if ":" not in agent and agent not in AGENTS:
        raise UnknownNameError(AGENTS.kind, agent, AGENTS)
    _check_flags(agent, argv)
    if kept is None and "--no-preset" not in argv:
        values = preset(env, agent, identity=not stored)
        if "--paper" in argv:
            values.pop("agent_options", None)
    options = values.pop("agent_options", {})
    settings = {**values, "env": env, "agent": agent}
    if kept is not None:
        settings["preset"] = False
    elif agent not in ("lndp", "ndp", *NETWORKS):
        options = _fitting(agent, options)
    return with_values(_command(agent, options), settings), argv


def _fitting(agent: str, options: dict[str, Any]) -> dict[str, Any]:
    """Of a preset's options, which are the LNDP's, those that another agent knows."""
    known = {f.name for f in dataclasses.fields(PlasticConfig)} if agent == "plastic" else set()
    return {key: value for key, value in options.items() if key in known}


def _command(agent: str, options: dict[str, Any]) -> Evolve:
    """The command for an agent, its options laid out as flags where the agent has flags of its own."""
    if agent not in _BODIES:
        return Evolve(EvolutionConfig(env=DEFAULT_ENV, agent_options=options))
    kind, name, body, engine = _BODIES[agent]
    parts = []
    for part in (body, engine):
        known = {f.name for f in dataclasses.fields(part)}
        parts.append(build_config(part, {key: options.pop(key) for key in list(options) if key in known}))
    config = EvolutionConfig(env=DEFAULT_ENV, agent_options=options)
    return kind(config, **{name: parts[0], "engine": parts[1]})  # type: ignore[no-any-return]
