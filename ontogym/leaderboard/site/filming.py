"""Which networks a site shows, and the films it need not make again.

Only verified submissions are filmed: what they say has been checked and they have been run before. A claimed one
is not run by building a page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ontogym import checkpoint
from ontogym.errors import OntogymError
from ontogym.leaderboard.limits import WEIGHTS, parse_tensors
from ontogym.leaderboard.local_suites import local_facts, recall_suite
from ontogym.leaderboard.players import build_player
from ontogym.leaderboard.site.networks import Film, FilmedLife, film_life
from ontogym.leaderboard.site.specs import suite_tasks
from ontogym.leaderboard.suites import get_task
from ontogym.leaderboard.worker import Limits, run_job

if TYPE_CHECKING:
    from ontogym.leaderboard.board import Board, Entry

__all__ = ["FilmStore", "film_board"]

FORMAT = 3
"""Part of a film's key: to be raised when films are made differently."""
MOST_EPISODES = 3
"""Episodes that are filmed: a network that changes within a life has by then shown how."""
FILM_LIMITS = Limits(seconds=300.0)
NOT_VERIFIED = "Its network is shown once a submission has been verified."


class FilmStore:
    """A folder of films, each under the hash of all that it depends on.

    Args:
        folder: where they are; made when the first one is written.

    Attributes:
        made, reused: how many films were made and found.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.made, self.reused = folder, 0, 0
        self.used: set[str] = set()

    def film(self, entry: Entry, life: FilmedLife) -> Film:
        """The film of an entry's life, from the folder or made now.

        Raises:
            OntogymError: the submission cannot be read, built or run, or shows no network.
        """
        file = self.folder / f"{self._key(entry, life)}.json"
        self.used.add(file.name)
        film = _read(file)
        if film is not None:
            self.reused += 1
            return film
        film = _make(entry, life)
        self.made += 1
        checkpoint.write_sealed_json(file, asdict(film), indent=None)
        return film

    def _key(self, entry: Entry, life: FilmedLife) -> str:
        """Hash of the weights, the agent, the life, and the version of this code."""
        digest = entry.manifest["files"][WEIGHTS]
        lived = {name: value for name, value in asdict(life).items() if name != "heard" or value}
        parts = [FORMAT, digest, entry.agent_type, _options(entry), lived]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def film_board(board: Board, films: FilmStore) -> dict[str, Film | str]:
    """By the entry's id, a film of the best verified entry of every agent and task; or why there is none."""
    found: dict[str, Film | str] = {}
    best: dict[tuple[str, str, str], Entry] = {}
    for entry in sorted(board.entries, key=_rank):
        best.setdefault((entry.suite, entry.label, entry.task), entry)
    growing = _growing_types()
    specs = {suite: suite_tasks(board, suite) for suite in board.suites}
    for (suite, _, task), entry in best.items():
        if entry.agent_type not in growing:
            continue
        if entry.status != "verified":
            found[entry.id] = NOT_VERIFIED
            continue
        try:
            spec, agent = specs[suite][task], entry.manifest["agent"]
            life = FilmedLife(
                spec.env,
                spec.env_kwargs,
                min(MOST_EPISODES, spec.episodes),
                development=spec.development,
                development_steps=spec.development_steps,
                heard={name: agent[name] for name in ("told", "silenced") if name in agent},
            )
            found[entry.id] = films.film(entry, life)
        except Exception as error:  # one agent, perhaps of another package, must not take the site with it
            found[entry.id] = f"Its network cannot be shown: {error}"
    return found


def _rank(entry: Entry) -> tuple[bool, float, int, str]:
    score = entry.score if entry.score is not None else float("-inf")
    return entry.status != "verified", -score, entry.seed, entry.id


def _growing_types() -> set[str]:
    """Agents of the population kind, whose networks can be watched. Names only: this imports no code."""
    from ontogym.registry import AGENTS

    return set(AGENTS)


def _options(entry: Entry) -> dict[str, Any]:
    return dict(entry.manifest.get("agent", {}).get("options") or {})


def _make(entry: Entry, life: FilmedLife) -> Film:
    """Made in a worker, within limits: whatever an agent does, it does not happen here."""
    manifest = entry.manifest
    facts = {
        "suite": manifest["suite"],
        "suite_version": manifest["suite_version"],
        "task": manifest["task"],
        "agent": manifest["agent"],
        "life": asdict(life),
        **local_facts(manifest["suite"]),
    }
    return Film(**run_job("film", facts, {WEIGHTS: entry.submission().files[WEIGHTS]}, FILM_LIMITS).value)


def film_job(facts: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    """What a worker does for `FilmStore.film`."""
    recall_suite(facts)
    task = get_task(facts["suite"], facts["suite_version"], facts["task"])
    player = build_player(
        facts["agent"]["type"], facts["agent"]["options"], parse_tensors(files[WEIGHTS]), task
    )
    assert player.genome is not None  # only agents of the population kind are filmed
    return asdict(film_life(player.built, player.genome, FilmedLife(**facts["life"])))  # type: ignore[arg-type]


def _read(file: Path) -> Film | None:
    """A film as it was written; one that is damaged is made again."""
    try:
        film = Film(**checkpoint.read_sealed_json(file))
        shown = len(film.last_levels) == len(film.edges) and len(film.last_activity) == len(film.nodes)
    except (OntogymError, TypeError):
        return None
    return film if shown else None
