"""Re-running submissions: what they claim on the public seeds, and what they do on seeds they have not seen."""

from __future__ import annotations

import contextlib
import copy
import datetime
import functools
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.baselines.lives.rollout import Moment, Watcher
from ontogym.baselines.lives.switches import switches_met
from ontogym.errors import OntogymError
from ontogym.leaderboard.limits import MAX_SECONDS, Refused
from ontogym.leaderboard.players import Player, build_player
from ontogym.leaderboard.submission import Submission
from ontogym.leaderboard.suites import HELD_OUT, PUBLIC, Suite, SuiteTask, get_suite

__all__ = ["FORMAT", "TOLERANCE", "Evaluation", "evaluate", "machine", "ontogym_version", "verify"]

FORMAT = 1
TOLERANCE = 0.05
"""How far the mean return may be from the claim where the arithmetic differs, in units of optimum minus random.

Another processor rounds otherwise, and in a chaotic task one rounding makes another life: single returns may then
differ by anything, but their mean over all lives does not."""
_PACKAGES = ("numpy", "numba", "torch", "stable-baselines3", "gymnasium")


@dataclass(frozen=True)
class Evaluation:
    """Lives of one agent: ``returns`` (L, E), mean density of its networks at their ends, and what it took.

    `recovery` is how it got over switches within an episode, where the task has a window for them.
    """

    returns: NDArray[np.float64]
    wiring_cost: float | None
    env_steps: int
    seconds: float
    recovery: dict[str, Any] | None = None


def evaluate(player: Player, suite: Suite, task: SuiteTask, root: int = PUBLIC) -> Evaluation:
    """Let an agent live all lives of a task as one batch.

    Args:
        player: built for the task.
        suite, task: what to live.
        root: of the seeds.

    Raises:
        OntogymError: it cannot live there, or takes longer than the limit.
    """
    began = time.perf_counter()
    with _one_thread():
        seeds = task.seeds(suite, root)
        result = player.live(
            task.life, seeds, trace=task.window is not None, watchers=[_Deadline(MAX_SECONDS)]
        )
    if result.failed.any():
        raise Refused(f"{task.env} gave numbers that are not finite to this agent.")
    density = result.diagnostics.get("density")
    recovery = None
    if task.window is not None:
        recovery = switches_met(result.trace, result.returns, task.window).get("within")
    return Evaluation(
        result.returns[0],
        None if density is None else float(np.mean(density)),
        int(result.lengths.sum()),
        time.perf_counter() - began,
        recovery,
    )


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Sums of several threads depend on their number; on one, the same machine gives the same numbers."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Deadline(Watcher):
    """Stops an agent that would keep the verifier for ever."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.last = seconds, time.monotonic() + seconds

    def acted(self, moment: Moment) -> None:
        if time.monotonic() > self.last:
            raise Refused(f"Its lives take longer than {self.seconds:g} s; the leaderboard cannot wait.")


def machine() -> dict[str, Any]:
    """What decides how numbers are rounded here: processor, system, versions of what computes."""
    return copy.deepcopy(_machine())


@functools.cache
def _machine() -> dict[str, Any]:
    packages = {"ontogym": ontogym_version()}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            packages[name] = version(name)
    return {
        "cpu": _cpu(),
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": packages,
    }


def ontogym_version() -> str:
    """Of the code that runs, whether it is installed or a checkout."""
    return str(getattr(sys.modules.get("ontogym"), "__version__", "unknown"))


def _cpu() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()[:200]
    return (platform.processor() or "unknown")[:200]


def verify(submission: Submission, held_out: int = HELD_OUT) -> dict[str, Any]:
    """Re-run a submission that was read (and so has passed the limits) and compare.

    On the machine and with the versions of the claim every return must be equal; elsewhere their mean may differ by
    `TOLERANCE` of the scale.

    Args:
        submission: as `read_submission` gave it.
        held_out: root of the held-out seeds.

    Returns:
        What goes into ``verification.json``: status "verified" or "refused", returns on both sets of seeds,
        tolerance, largest difference, reasons; "recovery" on held-out seeds where the task has switches within an
        episode (verifications by older versions lack it).
    """
    manifest = submission.manifest
    suite = get_suite(manifest["suite"])
    task = suite.task(manifest["task"])
    found: dict[str, Any] = {
        "format": FORMAT,
        "status": "refused",
        "returns_public": [],
        "returns_held_out": [],
        "wiring_cost": None,
        "tolerance": 0.0,
        "largest_difference": None,
        "reasons": [],
        "ontogym": ontogym_version(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(),
    }
    try:
        player = build_player(
            manifest["agent"]["type"], manifest["agent"]["options"], submission.tensors, task
        )
        public = evaluate(player, suite, task, PUBLIC)
        _compare(found, manifest, public.returns, task)
        if not found["reasons"]:
            hidden = evaluate(player, suite, task, held_out)
            found |= {"returns_held_out": hidden.returns.tolist(), "wiring_cost": hidden.wiring_cost}
            if task.window is not None:
                found["recovery"] = hidden.recovery
            found["status"] = "verified"
    except OntogymError as error:
        found["reasons"].append(str(error))
    except (MemoryError, ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
        # An agent that options of a stranger put together may fail in any of its parts.
        found["reasons"].append(f"The agent cannot live there ({type(error).__name__}: {str(error)[:300]}).")
    return found


def _compare(
    found: dict[str, Any], manifest: Mapping[str, Any], returns: NDArray[np.float64], task: SuiteTask
) -> None:
    """Fill in how far the claim is from what was found, and a reason if that is too far."""
    claimed = np.asarray(manifest["claimed"]["returns"], dtype=np.float64)
    exact = manifest["claimed"].get("machine") == found["machine"]
    random, optimal = task.anchors
    tolerance = 0.0 if exact else TOLERANCE * (optimal - random)
    difference = np.abs(claimed - returns)
    found |= {
        "returns_public": returns.tolist(),
        "tolerance": tolerance,
        "largest_difference": float(difference.max()),
    }
    if exact and difference.max() > 0:
        life, episode = np.unravel_index(int(difference.argmax()), difference.shape)
        found["reasons"].append(
            f"Life {life}, episode {episode} returns {returns[life, episode]:g}, not the claimed "
            f"{claimed[life, episode]:g}, on the same machine with the same versions."
        )
    elif abs(claimed.mean() - returns.mean()) > tolerance:
        found["reasons"].append(
            f"The mean return is {returns.mean():g}, not the claimed {claimed.mean():g}; {tolerance:g} is allowed "
            "between machines."
        )
