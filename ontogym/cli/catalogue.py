"""``ontogym agents``, ``ontogym zoo`` and ``ontogym card``: what there is, and what it is."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ontogym.cli.options import print_table, score_line

__all__ = ["Agents", "Card", "Zoo", "write_card"]


@dataclass(frozen=True)
class Agents:
    """List agents, baselines and feature extractors, and what they take.

    Attributes:
        json: print one JSON object as the last line.
    """

    json: bool = False

    def run(self) -> dict[str, Any]:
        """Print the tables; returns them."""
        from ontogym.baselines.sb3.networks import ALGORITHMS
        from ontogym.envs.reference import REFERENCES
        from ontogym.registry import AGENTS, FEATURE_EXTRACTORS

        evolved, seen = _rows(AGENTS), _rows(FEATURE_EXTRACTORS)
        for row in evolved:
            row["takes"] = _takes(AGENTS, row["name"])
        trained = [{"name": name, "how": f"ontogym train --algo {name}"} for name in ALGORITHMS]
        by_hand = {
            "random": "any",
            "constant": "any",
            **{k: ", ".join(r.envs) for k, r in REFERENCES.items()},
        }
        if not self.json:
            print_table(
                "Evolved: ontogym evolve --agent NAME", ("name", "what", "from"), map(_cells, evolved)
            )
            print_table(
                "What they take: --agent-options NAME=VALUE ..., such as hidden=8",
                ("name", "and what it is if not given"),
                [(row["name"], row["takes"]) for row in evolved],
            )
            print_table("Trained: ontogym train --algo NAME", ("name",), [(row["name"],) for row in trained])
            print_table("By hand: ontogym evaluate NAME --env ID", ("name", "where"), by_hand.items())
            print_table("Feature extractors: --features NAME", ("name", "what", "from"), map(_cells, seen))
            print("Ready-made: ontogym zoo. Flags of a run: ontogym evolve --agent NAME --help.")
        return {"evolved": evolved, "trained": trained, "by_hand": by_hand, "feature_extractors": seen}


def _rows(registry: Any) -> list[dict[str, str]]:
    """Name, first line of the docstring and origin of each entry; one that cannot be loaded says why."""
    rows = []
    for name, entry in registry.entries().items():
        try:
            about = (inspect.getdoc(registry.get(name)) or "").partition("\n")[0]
        except Exception as error:
            about = f"cannot be loaded: {error}"
        rows.append({"name": name, "what": about, "from": entry.origin})
    return rows


def _takes(registry: Any, name: str) -> str:
    """The options of an agent with their defaults; those of one whose configuration is a class of its own are flags."""
    from ontogym.registry import key_value_words

    try:
        found = inspect.signature(registry.get(name)).parameters.values()
    except Exception:
        return "–"  # its row says why it cannot be loaded
    if any(option.kind is option.VAR_KEYWORD for option in found):
        return f"flags: ontogym evolve --agent {name} --help"
    return "  ".join(key_value_words({o.name: o.default for o in found if o.kind is o.KEYWORD_ONLY}))


def _cells(row: dict[str, str]) -> tuple[str, str, str]:
    return row["name"], row["what"], row["from"]


@dataclass(frozen=True)
class Zoo:
    """List the agents that ship with the package, or show the card of one.

    Attributes:
        name: one of them, whose card to show.
        json: print one JSON object as the last line.
    """

    name: Annotated[str | None, tyro.conf.Positional] = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Print the table or the card; returns it."""
        from ontogym.baselines.evolution.agent_files import ZOO, load_agent

        if self.name is not None:
            name = self.name.removeprefix("zoo:")
            load_agent(f"zoo:{name}")
            text = (ZOO / f"{name}.md").read_text(encoding="utf-8")
            if not self.json:
                print(text, end="")
            return {"name": name, "card": text}
        rows = []
        for path in sorted(ZOO.glob("*.safetensors"), key=lambda path: path.stem):
            saved = load_agent(path)
            low, high = saved.facts["ci95"]
            rows.append(
                {
                    "name": f"zoo:{path.stem}",
                    "agent": saved.agent,
                    "env": saved.env,
                    "numbers": len(saved.genome),
                    "score": saved.facts["score"],
                    "ci95": [low, high],
                }
            )
        if not self.json:
            shown = [
                (
                    r["name"],
                    r["agent"],
                    r["env"],
                    r["numbers"],
                    score_line({"mean": r["score"], **r}),
                )
                for r in rows
            ]
            print_table("The zoo", ("name", "agent", "environment", "numbers", "score [95 %]"), shown)
            print(
                'A card: ontogym zoo NAME.  In Python: ontogym.load("zoo:NAME").  A film: ontogym replay zoo:NAME'
            )
        return {"agents": rows}


@dataclass(frozen=True)
class Card:
    """Write the card of an agent: what it is, how it was made, how it scores.

    Markdown with the header that model hubs read.

    Attributes:
        target: a run folder of evolve or train, an agent file, a submission, or zoo:NAME.
        out: the file; printed if not given.
        lives: fresh lives to score it on; 0 takes the score that its file says.
        seed: decides all chance.
        trust: the file is mine, or I trust its maker: import the module:Class that it names.
        json: print one JSON object as the last line.
    """

    target: Annotated[str, tyro.conf.Positional]
    out: str | None = None
    lives: int = 96
    seed: int = 0
    trust: bool = False
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Score, write or print; returns the text."""
        text = write_card(self.target, self.lives, self.seed, self.trust)
        if self.out is not None:
            from ontogym.checkpoint import write_atomic

            write_atomic(Path(self.out), text.encode())
        if not self.json:
            print(self.out if self.out is not None else text, end="\n" if self.out is not None else "")
        return {"card": text, "out": self.out}


def write_card(target: str, lives: int = 0, seed: int = 0, trusted: bool = False) -> str:
    """The card of whatever `load_any` loads, scored on so many fresh lives if there are any."""
    from ontogym.baselines.cards import card
    from ontogym.baselines.lives.life import life_seeds, summarise
    from ontogym.cli.citations import cited
    from ontogym.leaderboard.loading import load_any
    from ontogym.registry import AGENTS

    loaded = load_any(target, trusted=trusted)
    spec, score = loaded.spec, None
    if lives:
        seeds = life_seeds(spec, lives, seed, "evaluate")
        score = summarise(loaded.player.live(spec, seeds), spec, seed)
    kind = AGENTS.resolve(loaded.name) if loaded.name in AGENTS or ":" in loaded.name else None
    about = (inspect.getdoc(kind) or "").partition("\n\n")[0] if kind is not None else ""
    citations = cited(loaded.name, spec.env, loaded.options, spec.env_kwargs)
    return card(loaded, about, citations, score)
