"""``ontogym evolve``."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import tyro

from ontogym.agents.lndp.organism import LNDPConfig
from ontogym.baselines.presets import preset
from ontogym.cli.options import key_values, print_table, score_line

__all__ = ["Evolve", "with_preset"]

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
class Evolve:
    """Evolve an agent: ask, live, tell, and re-evaluate the search mean on fresh lives.

    Starts from the environment's preset (see ontogym/baselines/presets.py); every flag overrides. The run folder
    can be resumed after a kill, with the same result to the bit.

    Attributes:
        env: id of the environment, any that Gymnasium knows.
        env_kwargs: its arguments, as KEY=VALUE ...
        preset: start from what is known to work in this environment.
        agent: name of the agent, or module:Class.
        agent_options: options of an agent other than the LNDP, as KEY=VALUE ...
        lndp: options of the LNDP.
        engine: what computes it.
        strategy: csa, cma-diagonal, cma-full, openai-es, or one that a plug-in brings.
        strategy_options: its options, as KEY=VALUE ...
        sigma: initial step size; the strategy's own if not given.
        population: genomes per generation.
        lives: lives per genome and generation.
        episodes: episodes per life; what the environment suggests if not given.
        utility: mean over lives, or min: weighted towards the worst of the hidden goals.
        min_weight: weight of the worst goal under min.
        generations: the most generations.
        target: stop when the whole 95 % interval on fresh lives is above this.
        eval_every: re-evaluate the search mean after so many generations.
        eval_lives: on so many lives.
        final_lives: lives of the confirmation and of the report.
        reward_clamp: tell agents this number instead of every reward.
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
    lndp: Annotated[LNDPConfig, tyro.conf.arg(name="")] = field(default_factory=LNDPConfig)
    engine: Annotated[Engine, tyro.conf.arg(name="")] = field(default_factory=Engine)
    strategy: str = "csa"
    strategy_options: tuple[str, ...] = ()
    sigma: float | None = None
    population: int = 64
    lives: int = 2
    episodes: int | None = None
    utility: Literal["mean", "min"] = "mean"
    min_weight: float = 0.7
    generations: int = 200
    target: float | None = None
    eval_every: int = 10
    eval_lives: int = 32
    final_lives: int = 96
    reward_clamp: float | None = None
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

        config = self.config()
        result = evolve(config, resume=self.resume, progress=True)
        if not self.json:
            self._print(config.out or "", result)
        return {**result.as_json(), "out": config.out, "config": config.as_json()}

    def config(self) -> Any:
        """The run's configuration."""
        from ontogym.baselines.evolution.config import EvolutionConfig

        options = key_values(self.agent_options, "--agent-options")
        if self.agent == "lndp":
            chosen = {k: v for k, v in dataclasses.asdict(self.engine).items() if v != getattr(Engine(), k)}
            options = {**self.lndp.as_dict(), **chosen, **options}
        shared = {f.name for f in dataclasses.fields(EvolutionConfig)} & set(vars(self))
        values = {name: getattr(self, name) for name in shared}
        values |= {
            "env_kwargs": key_values(self.env_kwargs, "--env-kwargs"),
            "agent_options": options,
            "strategy_options": key_values(self.strategy_options, "--strategy-options"),
            "out": self.out
            or f"runs/{self.env.rpartition('/')[2]}-{self.agent.replace(':', '.')}-s{self.seed}",
        }
        return EvolutionConfig(**values)

    def _print(self, out: str, result: Any) -> None:
        score, control = result.score, result.control
        rows = [
            ("score on fresh lives [95 %]", score_line(score)),
            ("first, last episode", f"{score['first_episode']:.1f}, {score['last_episode']:.1f}"),
            ("per hidden goal", ", ".join(f"{v:.1f}" for v in score["conditions"])),
            ("told a reward of 0 throughout", score_line(control) if control else "-"),
            *((key, f"{value:.2f}") for key, value in score["diagnostics"].items()),
            ("target reached", "yes" if result.solved else "no"),
            ("generations", result.generations),
            ("environment steps", f"{result.env_steps:,}"),
            ("seconds (processor)", f"{result.wall_seconds:.0f} ({result.cpu_seconds:.0f})"),
        ]
        print_table(f"{self.agent} on {self.env}, seed {self.seed}", ("", ""), rows)
        print(f"Next:  ontogym replay {out}      ontogym evaluate {out}")


def with_preset(argv: list[str]) -> Evolve:
    """The defaults of a command line: those of the preset of the environment that it names."""
    env = DEFAULT_ENV
    for k, word in enumerate(argv):
        if word.startswith("--env="):
            env = word.partition("=")[2]
        elif word == "--env" and k + 1 < len(argv):
            env = argv[k + 1]
    values = {} if "--no-preset" in argv else preset(env)
    kwargs = values.pop("env_kwargs", {})
    lndp = LNDPConfig(**values.pop("agent_options", {}))
    return Evolve(env=env, env_kwargs=tuple(f"{k}={v}" for k, v in kwargs.items()), lndp=lndp, **values)
