"""The BibTeX of what a run used, found by the arXiv numbers and DOIs that docstrings cite.

Every reference lives once, in ``references.bib`` beside the code, which an installation carries too.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["bibtex", "used_by"]

_REFERENCES = Path(__file__).parents[1] / "references.bib"
_NUMBER = re.compile(r"\b\d{4}\.\d{5}\b(?!/)|\b10\.\d{4,9}/[^\s,;)}]*[^\s,;.)}]")
_GYMNASIUM = "arXiv:2407.17032"


def bibtex(texts: Iterable[str]) -> list[str]:
    """The entries whose arXiv number or DOI stands in one of `texts`."""
    wanted = set(_NUMBER.findall("\n".join(texts)))
    entries = re.split(r"^(?=@)", _REFERENCES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [entry.strip() for entry in entries if wanted & set(_NUMBER.findall(entry))]


def used_by(config: Any) -> list[str]:
    """BibTeX of an `EvolutionConfig`: agent, environment, strategy, rules, source of development, and Gymnasium."""
    from gymnasium.envs.registration import load_env_creator

    from ontogym.envs.vector import find_spec
    from ontogym.registry import AGENTS, RULES, SPONTANEOUS, STRATEGIES

    point = find_spec(config.env).entry_point
    rules = [name for key, name in config.agent_options.items() if key.endswith("_rule") and name in RULES]
    source = config.agent_options.get("development")
    things = [
        AGENTS.resolve(config.agent),
        load_env_creator(point) if isinstance(point, str) else point,
        STRATEGIES.resolve(config.strategy),
        *(RULES.get(name) for name in rules),
        *([SPONTANEOUS.get(source)] if source in SPONTANEOUS else []),
    ]
    return bibtex([_GYMNASIUM, *(inspect.getdoc(thing) or "" for thing in things)])
