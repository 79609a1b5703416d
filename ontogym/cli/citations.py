"""The BibTeX of what a run used, found by the arXiv numbers and DOIs that docstrings cite.

Every reference lives once, in ``references.bib`` beside the code, which an installation carries too.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["bibtex", "cited", "used_by"]

_REFERENCES = Path(__file__).parents[1] / "references.bib"
_NUMBER = re.compile(r"\b\d{4}\.\d{4,5}\b(?!/)|\b10\.\d{4,9}/[^\s,;)}]*[^\s,;.)}]")
_KEY = re.compile(r"^@\w+\{(\w+),", re.MULTILINE)
_GYMNASIUM = "arXiv:2407.17032"


def bibtex(texts: Iterable[str]) -> list[str]:
    """The entries whose arXiv number or DOI, or whose key where they have none, stands in one of `texts`."""
    text = "\n".join(texts)
    wanted = set(_NUMBER.findall(text)) | set(re.findall(r"\w+", text))
    entries = re.split(r"^(?=@)", _REFERENCES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [entry.strip() for entry in entries if wanted & set(_NUMBER.findall(entry) + _KEY.findall(entry))]


def used_by(config: Any) -> list[str]:
    """BibTeX of an `EvolutionConfig`: what `cited` finds, and its strategy."""
    from ontogym.registry import STRATEGIES

    return cited(
        config.agent, config.env, config.agent_options, config.env_kwargs, STRATEGIES.resolve(config.strategy)
    )


def cited(
    agent: str, env: str, options: Mapping[str, Any], env_kwargs: Mapping[str, Any], *others: Any
) -> list[str]:
    """BibTeX of an agent, its environment, rules, source of development and feature extractor, `others`, and Gymnasium.

    An agent that no registry knows, such as an algorithm of SB3, brings nothing of its own.
    """
    from gymnasium.envs.registration import load_env_creator

    from ontogym.developmental.feature_extractors.base import split_features
    from ontogym.envs.vector import find_spec
    from ontogym.registry import AGENTS, FEATURE_EXTRACTORS, RULES, SPONTANEOUS

    point = find_spec(env).entry_point
    rules = [name for key, name in options.items() if key.endswith("_rule") and name in RULES]
    source, choice = str(options.get("development")), split_features(env_kwargs)[0]
    features = str(choice.get("name") if isinstance(choice, Mapping) else choice)
    things = [
        *([AGENTS.resolve(agent)] if agent in AGENTS or ":" in agent else []),
        load_env_creator(point) if isinstance(point, str) else point,
        *others,
        *(RULES.get(name) for name in rules),
        *([SPONTANEOUS.get(source)] if source in SPONTANEOUS else []),
        *([FEATURE_EXTRACTORS.get(features)] if features in FEATURE_EXTRACTORS else []),
    ]
    return bibtex([_GYMNASIUM, *(inspect.getdoc(thing) or "" for thing in things)])
