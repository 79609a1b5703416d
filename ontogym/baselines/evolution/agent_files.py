"""Agents as files: a genome and what rebuilds its agent, in one safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym import checkpoint
from ontogym.agents.base import Agent, check_genomes
from ontogym.baselines.evolution.carried import RULE_TENSOR, carry_rule, check_no_path, rebuild_rule
from ontogym.baselines.lives.life import make_agent
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.envs.registration import bare_id
from ontogym.errors import OntogymError

__all__ = ["SavedAgent", "how_it_lives", "load_agent", "save_agent"]

ZOO = Path(__file__).parents[1] / "zoo"
"""The agents that ship with the package; ``"zoo:NAME"`` means the file NAME.safetensors in here."""


@dataclass(frozen=True)
class SavedAgent:
    """A genome and what rebuilds its agent.

    Attributes:
        genome: ``(D,)`` float64.
        agent: name of the agent.
        options: its options, complete.
        env, env_kwargs: the environment that it was evolved in.
        episodes: episodes per life it was evolved with.
        facts: anything else worth knowing (score, seed, generation), JSON-able.
        lives: the further fields of `LifeSpec` that it was evolved with (what it is told, limits).
    """

    genome: NDArray[np.float64]
    agent: str
    options: dict[str, Any]
    env: str
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    episodes: int = 3
    facts: dict[str, Any] = field(default_factory=dict)
    lives: dict[str, Any] = field(default_factory=dict)

    def spec(
        self, env: str | None = None, env_kwargs: Mapping[str, Any] | None = None, **changes: Any
    ) -> LifeSpec:
        """The life that it was evolved for, in its own environment or another, with changes.

        Raises:
            OntogymError: a life that cannot be.
        """
        limit = self.facts.get("max_steps")  # where version 1 of the format kept it
        kept = {"max_steps": limit if isinstance(limit, int) else None, **self.lives}
        own = {
            "env": env or self.env,
            "env_kwargs": dict(self.env_kwargs if env is None else env_kwargs or {}),
        }
        return LifeSpec.from_json({"episodes": self.episodes, **kept, **own, **changes})

    def build(
        self, env: str | None = None, env_kwargs: Mapping[str, Any] | None = None, trusted: bool = False
    ) -> Agent[Any]:
        """The agent, for its own environment or another with the same spaces.

        A file may come from a stranger, and a name with a colon imports whatever it says: such names are
        refused unless the caller says that the file is trusted.

        Raises:
            OntogymError: the genome does not fit the agent, or a name that would import code or open another file.
        """
        for name in (self.agent, bare_id(env or self.env)):
            if ":" in name and not trusted:
                raise OntogymError(
                    f"This file names {name!r}, which would import code; register it (an entry point for an "
                    "agent, an import before this call for an environment), or say that you trust its maker (trusted=True, --trust)."
                )
        if not trusted:
            check_no_path(self.options, "option")
            check_no_path(self.env_kwargs if env is None else {}, "argument of the environment")
        kwargs = self.env_kwargs if env is None else env_kwargs
        agent = make_agent(self.agent, env or self.env, kwargs, self.options)
        check_genomes(self.genome, agent.genome_size)
        return agent


def how_it_lives(spec: LifeSpec) -> dict[str, Any]:
    """The fields of a life that an agent file keeps beside the environment and the episodes."""
    left_out = ("env", "env_kwargs", "episodes", "conditions")
    return {key: value for key, value in spec.as_json().items() if key not in left_out}


def save_agent(path: Path | str, saved: SavedAgent) -> None:
    """Write an agent to `path`, atomically; a rule that was inferred goes into the file."""
    options, carried = carry_rule(saved.options)
    meta = {
        k: getattr(saved, k) for k in ("agent", "options", "env", "env_kwargs", "episodes", "facts", "lives")
    }
    arrays = {"genome": np.asarray(saved.genome, dtype=np.float64), **carried}
    checkpoint.save(path, "agent", arrays, {**meta, "options": options})


def load_agent(path: Path | str) -> SavedAgent:
    """Read what `save_agent` wrote; ``"zoo:NAME"`` reads an agent that ships with the package.

    A folder of a run means its best agent.

    Raises:
        OntogymError: no such file or zoo agent, a damaged or malformed file.
    """
    where = _zoo_path(str(path)[4:]) if str(path).startswith("zoo:") else Path(path)
    if where.is_dir():
        where = where / "best.safetensors"
    arrays, meta = checkpoint.load(where, "agent")
    genome = arrays.get("genome")
    if genome is None or genome.ndim != 1 or genome.dtype.kind != "f" or not np.isfinite(genome).all():
        raise OntogymError(f"{where} holds no genome of finite numbers; restore it from a copy.")
    types = {
        "agent": str,
        "options": dict,
        "env": str,
        "env_kwargs": dict,
        "episodes": int,
        "facts": dict,
        "lives": dict,
    }
    meta = {"lives": {}, **meta}
    for key, kind in types.items():
        if not isinstance(meta.get(key), kind):
            raise OntogymError(f"{where} lacks a proper {key!r} in its header; restore it from a copy.")
    if RULE_TENSOR in arrays:
        meta["options"] = rebuild_rule(meta["options"], arrays)
    return SavedAgent(genome.astype(np.float64), **{key: meta[key] for key in types})


def _zoo_path(name: str) -> Path:
    from ontogym.errors import UnknownNameError

    known = {p.stem: p for p in ZOO.glob("*.safetensors")}
    if name not in known:
        raise UnknownNameError("zoo agent", name, known)
    return known[name]
