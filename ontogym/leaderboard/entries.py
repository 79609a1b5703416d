"""What a board knows of one submission: its manifest and what verification found, read into an `Entry`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym import statistics as scores
from ontogym.adaptation import adaptation
from ontogym.envs.registration import ENTRIES
from ontogym.errors import OntogymError
from ontogym.leaderboard.admission import Record
from ontogym.leaderboard.submission import Submission
from ontogym.leaderboard.suites import SUITES, SuiteTask, get_task

__all__ = ["Entry", "make_entry", "suite_title", "task_of"]


@dataclass(frozen=True)
class Entry:
    """One submission: one trained agent on one task with one training seed.

    Attributes:
        id: name of its file. suite: as `suite_title` names it. task, label, agent_type, seed: as in its manifest.
        status: "verified", "claimed" or "refused".
        score: mean return of an episode: on held-out seeds where verified, else as claimed.
        normalised: the same with random actions at 0 and the optimum at 1; None if this version of ontogym does not
            know the task.
        first_episode, last_episode: mean return of each life's first and last episode.
        adaptation: return regained after a switch: between episodes `ontogym.adaptation.Adaptation`; within one the reward of a
            step that `ontogym.adaptation.recovery` found regained, times the steps of an episode. None where there is none, or
            where the verification is older than the measure.
        wiring_cost: density of the living networks at the end of life; None for agents without wiring.
        env_steps, wall_seconds: what training took, as claimed.
        command: what trains it again.
        manifest: the submitter's. verification: ours, or None.
        curve: [environment steps, score] during training, as claimed.
        path: its file.
        over_budget: training took more steps than the suite's task allows for a comparison at a matched budget; it is
            marked, not refused.
        author: under which name the organiser took it. order: which entry of the store it was.
        left_out: why it counts in no row; empty for one that does.
        copy_of: ids of the entries on its task that were there before and are the same agent.
        record: what the store holds of it.
        measure: what its task ranks by, as verified, where `ranked` says that it is not the score.
        by_subject: mean return for each hidden subject; empty where the task has none.
        controls: mean return under each of `ontogym.leaderboard.suite.CONTROLS`, as verified; empty where there is none.
    """

    id: str
    suite: str
    task: str
    label: str
    agent_type: str
    seed: int
    status: str
    score: float
    normalised: float | None
    first_episode: float
    last_episode: float
    adaptation: float | None
    wiring_cost: float | None
    env_steps: int
    wall_seconds: float
    command: str
    manifest: dict[str, Any]
    verification: dict[str, Any] | None
    curve: list[list[float]]
    path: Path
    over_budget: bool = False
    author: str = ""
    order: int = 0
    left_out: str = ""
    copy_of: tuple[str, ...] = ()
    record: Record | None = None
    measure: float | None = None
    ranked: str = "score"
    by_subject: tuple[float, ...] = ()
    controls: Mapping[str, float] = field(default_factory=dict)

    def submission(self) -> Submission:
        """The submission, all bytes of which were checked when the store was read.

        Raises:
            OntogymError: the entry was not read from a store.
        """
        if self.record is None:
            raise OntogymError(f"The entry {self.id} was not read from a store; read its board again.")
        return self.record.submission


def make_entry(path: Path, record: Record) -> Entry:
    """An entry from what a store holds of it."""
    manifest, verification = record.manifest, record.verification
    agent, training, claimed = manifest["agent"], manifest["training"], manifest["claimed"]
    status = "claimed" if verification is None else str(verification["status"])
    task = task_of(manifest)
    raw, wiring = claimed["returns"], claimed["wiring_cost"]
    if verification is not None and status == "verified":
        raw, wiring = verification["returns_held_out"], verification["wiring_cost"]
    returns = np.asarray(raw, dtype=np.float64)
    if status != "verified" and task is not None:
        returns = np.minimum(returns, task.anchors[1])  # no claim counts for more than the optimum
    score = float(returns.mean())
    return Entry(
        id=record.name,
        suite=suite_title(manifest["suite"], manifest["suite_version"]),
        task=manifest["task"],
        label=agent["label"],
        agent_type=agent["type"],
        seed=manifest["seed"],
        status=status,
        score=score,
        normalised=None if task is None else float(scores.normalise(score, *task.anchors)),
        first_episode=scores.first_episode(returns),
        last_episode=scores.last_episode(returns),
        adaptation=_adaptation(task, returns, verification if status == "verified" else None),
        measure=(verification or {}).get("measure") if status == "verified" else None,
        ranked="score" if task is None else task.ranked,
        controls=(verification or {}).get("controls", {}) if status == "verified" else {},
        by_subject=() if task is None else tuple(map(float, task.by_subject(returns))),
        wiring_cost=wiring,
        env_steps=training["env_steps"],
        wall_seconds=training["wall_seconds"],
        command=training["command"],
        manifest=manifest,
        verification=verification,
        curve=training["curve"],
        path=path,
        over_budget=task is not None and training["env_steps"] > task.budget,
        author=record.author,
        order=record.order,
        record=record,
    )


def _adaptation(
    task: SuiteTask | None, returns: NDArray[np.float64], verification: Mapping[str, Any] | None
) -> float | None:
    """Return regained after a switch, in units of an episode's return."""
    if task is None:
        return None
    if task.switch is not None:
        return adaptation(returns, task.switch).gain
    found = (verification or {}).get("recovery")
    steps = ENTRIES[task.env].max_episode_steps if task.env in ENTRIES else 0
    return float(found["regained"]) * steps if found and steps else None


def suite_title(name: str, version: int) -> str:
    """A suite as boards and pages name it: the newest version by its name alone, an older one with its version."""
    newest = SUITES.get(name)
    return name if newest is not None and newest.version == version else f"{name} (version {version})"


def task_of(manifest: Mapping[str, Any]) -> SuiteTask | None:
    """The task of a manifest, or None if this version of ontogym has none."""
    try:
        return get_task(manifest["suite"], manifest["suite_version"], manifest["task"])
    except OntogymError:
        return None
