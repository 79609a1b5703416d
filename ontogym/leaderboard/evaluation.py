"""A submission's lives: as they are claimed and under controls, here for agents that are known, in a worker for strangers'."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.baselines.lives.life import lives_not_finite
from ontogym.baselines.lives.switches import switches_met
from ontogym.errors import OntogymError
from ontogym.leaderboard.limits import WEIGHTS, Refused, parse_tensors
from ontogym.leaderboard.local_suites import local_facts, recall_suite
from ontogym.leaderboard.players import Player, build_player
from ontogym.leaderboard.suite import CONTROLS
from ontogym.leaderboard.suites import PUBLIC, Suite, SuiteTask, get_suite
from ontogym.leaderboard.worker import Limits, Spent, run_job
from ontogym.processes import one_torch_thread

__all__ = ["Evaluation", "controls_job", "evaluate", "evaluate_job", "live_bounded", "live_controls"]


@dataclass(frozen=True)
class Evaluation:
    """Lives of one agent: ``returns`` (L, E), mean density of its networks at their ends, and what it took.

    `recovery` is how it got over switches within an episode, where the task has a window for them; `measure` is what
    the task ranks by where that is not the score (`SuiteTask.measure`).
    """

    returns: NDArray[np.float64]
    wiring_cost: float | None
    env_steps: int
    seconds: float
    recovery: dict[str, Any] | None = None
    measure: float | None = None


def evaluate(
    player: Player, suite: Suite, task: SuiteTask, root: int = PUBLIC, agent: Mapping[str, Any] | None = None
) -> Evaluation:
    """Let an agent live all lives of a task as one batch.

    Args:
        player: built for the task.
        suite, task: what to live.
        root: of the seeds.
        agent: of its manifest, for what it is told (`SuiteTask.life_of`).

    It runs here and has no limits: for agents that are known. `live_bounded` is for strangers'.

    Raises:
        OntogymError: it cannot live there.
    """
    began = time.perf_counter()
    with one_torch_thread(sys.modules.get("torch")):
        seeds = task.seeds(suite, root)
        result = player.live(task.life_of(agent or {}), seeds, trace=task.traced)
    if result.failed.any():
        raise Refused(f"{task.env} gave numbers that are not finite to this agent.")
    if lives_not_finite(result.diagnostics) == len(seeds):
        raise Refused(
            "The network's own numbers are not finite in any life, so that its actions are no decisions."
        )
    density = result.diagnostics.get("density_at_end")
    recovery = None
    if task.window is not None:
        recovery = switches_met(result.trace, result.returns, task.window).get("within")
    return Evaluation(
        result.returns[0],
        None if density is None else float(np.mean(density)),
        int(result.lengths.sum()),
        time.perf_counter() - began,
        recovery,
        task.measure(result),
    )


def live_bounded(
    manifest: Mapping[str, Any],
    weights: bytes,
    roots: Sequence[int] = (PUBLIC,),
    limits: Limits | None = None,
) -> tuple[list[Evaluation], Spent]:
    """Let a submission live the lives of its task in a worker, within limits of time and memory.

    Args:
        manifest: of the submission; its suite, version, task, type of agent and options count.
        weights: the bytes of its weights.
        roots: of the sets of seeds to live on, one after the other.
        limits: for all of them together.

    Returns:
        An evaluation for each root, and what the worker took.

    Raises:
        Refused: it cannot live there, or takes more than the limits.
    """
    facts = {**_facts(manifest), "roots": list(roots)}
    found, spent = run_job("evaluate", facts, {WEIGHTS: weights}, limits)
    return [Evaluation(**{**each, "returns": np.asarray(each["returns"])}) for each in found], spent


def _facts(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What of a manifest a worker is told."""
    told = {key: manifest[key] for key in ("suite", "suite_version", "task", "agent")}
    return {**told, **local_facts(manifest["suite"])}


def live_controls(
    manifest: Mapping[str, Any], weights: bytes, root: int, limits: Limits | None = None
) -> dict[str, float] | None:
    """Mean returns of a submission's lives under each of `CONTROLS` that can be asked of it, in a worker of its own.

    Arguments as in `live_bounded`. None where the worker was stopped: an agent that is verified stays so, and may be asked again.
    """
    try:
        found: dict[str, float] = run_job(
            "controls", {**_facts(manifest), "root": root}, {WEIGHTS: weights}, limits
        )[0]
    except Refused:
        return None
    return found


def controls_job(facts: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, float]:
    """What a worker does for `live_controls`."""
    recall_suite(facts)
    suite = get_suite(facts["suite"], facts["suite_version"])
    task, agent = suite.task(facts["task"]), facts["agent"]
    tensors, seeds, found = parse_tensors(files[WEIGHTS]), task.seeds(suite, facts["root"]), {}
    for name in CONTROLS:
        player = build_player(agent["type"], agent["options"], tensors, task)
        # What it does not have cannot be held still; anything else that goes wrong is an error.
        absent: tuple[type[OntogymError], ...] = (OntogymError,) if "freeze" in CONTROLS[name] else ()
        with contextlib.suppress(*absent), one_torch_thread(sys.modules.get("torch")):
            result = player.live(task.control_of(agent, name), seeds)
            if not result.failed.any():
                found[name] = float(result.returns.mean())
    return found


def evaluate_job(facts: Mapping[str, Any], files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """What a worker does for `live_bounded`."""
    recall_suite(facts)
    suite = get_suite(facts["suite"], facts["suite_version"])
    task = suite.task(facts["task"])
    tensors = parse_tensors(files[WEIGHTS])
    found = []
    for root in facts["roots"]:
        # Built anew: what an agent remembers of one set of lives must not reach the next.
        player = build_player(facts["agent"]["type"], facts["agent"]["options"], tensors, task)
        result = evaluate(player, suite, task, root, facts["agent"])
        found.append({**vars(result), "returns": result.returns.tolist()})
    return found
