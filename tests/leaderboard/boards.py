"""Boards made up for tests: any number of agents, tasks and seeds, with text as hostile as asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ontogym.leaderboard.board import Board, Entry, Row

TASKS: dict[str, dict[str, Any]] = {
    "CartPole-v1": {"env": "ontogym/CartPole-v1", "episodes": 2, "random": 22.0, "optimal": 500.0},
    "Foraging-v0": {"env": "ontogym/Foraging-v0", "episodes": 3, "random": 0.4, "optimal": 9.0},
}


def make_board(
    agents: Mapping[str, str] | Sequence[str] = ("LNDP", "PPO", "random"),
    suites: Mapping[str, Sequence[str]] | None = None,
    seeds: int = 3,
    status: Mapping[str, str] | None = None,
    tasks: Mapping[str, Mapping[str, Any]] = TASKS,
    manifest: Mapping[str, Any] | None = None,
    store: Path = Path("results"),
) -> Board:
    """A board of `agents` (labels, or label to type) in all `suites` (name to tasks) with `seeds` seeds each.

    Earlier agents score higher. `manifest` adds to every manifest, `status` sets the status of labels.
    """
    types = dict(agents) if isinstance(agents, Mapping) else {label: label.lower() for label in agents}
    suites = suites or {"classic": list(TASKS)}
    entries, rows = [], []
    for suite, names in suites.items():
        for rank, (label, kind) in enumerate(types.items()):
            state = (status or {}).get(label, "verified")
            own = [
                make_entry(
                    suite, task, label, kind, seed, state, 1 / (1 + rank), manifest or {}, tasks, store
                )
                for task in names
                for seed in range(seeds)
            ]
            entries += own
            if state == "refused":  # counts in no row
                continue
            rows += [_row(suite, task, label, [e for e in own if e.task == task]) for task in names]
            rows.append(_row(suite, None, label, own))
    known = {
        s: {"version": 1, "tasks": {t: dict(tasks.get(t, {})) for t in names}} for s, names in suites.items()
    }
    return Board(entries=entries, rows=rows, suites=known)


def make_entry(
    suite: str,
    task: str,
    label: str,
    kind: str,
    seed: int,
    status: str,
    skill: float,
    extra: Mapping[str, Any],
    tasks: Mapping[str, Mapping[str, Any]],
    store: Path,
) -> Entry:
    """One submission whose numbers follow from `skill` (0 random, 1 optimal) and its seed."""
    chance = np.random.default_rng([seed, sum(map(ord, f"{task}{label}"[:200])) % 2**31])
    spec = tasks.get(task, {})
    low, high = spec.get("random", 0.0), spec.get("optimal", 1.0)
    normalised = float(np.clip(skill - 0.1 * chance.random(), 0, 1))
    scale = high - low
    returns = low + scale * normalised * np.linspace(0.7, 1.0, 3) + scale * 0.02 * chance.random((10, 3))
    steps = np.linspace(0, 100_000 * (1 + seed % 2), 21)
    curve = [[float(s), float(low + scale * normalised * (1 - np.exp(-s / 2e4)))] for s in steps]
    slug = "".join(c if c.isascii() and c.isalnum() else "-" for c in label.lower())[:40]
    id_ = f"{task}--{slug}--s{seed}--0123456789"
    command = f"ontogym evolve --env {spec.get('env', task)} --seed {seed}"
    manifest = {
        "format": 1,
        "kind": "submission",
        "suite": suite,
        "suite_version": 1,
        "task": task,
        "agent": {"type": kind, "label": label, "options": {}},
        "seed": seed,
        "training": {"env_steps": int(steps[-1]), "wall_seconds": 61.0, "command": command, "curve": curve},
        "claimed": {"seeds": "public", "returns": returns.tolist(), "wiring_cost": 0.12},
        "author": "A. Tester",
        "notes": "",
        **extra,
    }
    verification = {"status": status, "returns_held_out": returns.tolist(), "reasons": []}
    if status == "refused":
        verification = {"status": status, "reasons": ["Life 3, episode 1 returned 12.0 and not 500.0."]}
    return Entry(
        id=id_,
        suite=suite,
        task=task,
        label=label,
        agent_type=kind,
        seed=seed,
        status=status,
        score=float(returns.mean()),
        normalised=normalised,
        first_episode=float(returns[:, 0].mean()),
        last_episode=float(returns[:, -1].mean()),
        adaptation=None,
        wiring_cost=0.12 if kind == "lndp" else None,
        env_steps=int(steps[-1]),
        wall_seconds=61.0 + seed,
        command=str(manifest["training"]["command"]),
        manifest=manifest,
        verification=None if status == "claimed" else verification,
        curve=curve,
        path=store / "submissions" / id_,
    )


def _row(suite: str, task: str | None, label: str, entries: list[Entry]) -> Row:
    scores = np.array([e.score if task else e.normalised for e in entries])
    spread = float(scores.std() + 0.02 * abs(scores.mean()))
    return Row(
        suite=suite,
        task=task,
        label=label,
        seeds=len({e.seed for e in entries}),
        iqm=float(scores.mean()),
        low=float(scores.mean()) - spread,
        high=float(scores.mean()) + spread,
        first_episode=float(np.mean([e.first_episode for e in entries])),
        last_episode=float(np.mean([e.last_episode for e in entries])),
        adaptation=None,
        wiring_cost=entries[0].wiring_cost,
        env_steps=float(np.mean([e.env_steps for e in entries])),
        wall_seconds=float(np.mean([e.wall_seconds for e in entries])),
        status=entries[0].status,
        entries=[e.id for e in entries],
    )
