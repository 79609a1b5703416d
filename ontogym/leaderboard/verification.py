"""Re-running submissions: what they claim on the public seeds, and what they do on seeds they have not seen."""

from __future__ import annotations

import contextlib
import copy
import datetime
import functools
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.leaderboard.evaluation import live_bounded, live_controls
from ontogym.leaderboard.limits import MAX_RETURN, MAX_STEPS, WEIGHTS, Refused
from ontogym.leaderboard.local_suites import recall_suite
from ontogym.leaderboard.schema import Choice, Field, ListOf, MapOf, Null, OneOf, Real, Record, Text, Whole
from ontogym.leaderboard.submission import Submission, unpack
from ontogym.leaderboard.suite import CONTROLS
from ontogym.leaderboard.suites import (
    HELD_OUT,
    PACKAGE_SEEDS,
    PUBLIC,
    HeldOut,
    SuiteTask,
    get_task,
)
from ontogym.leaderboard.worker import Limits, Stopped

__all__ = [
    "FORMAT",
    "STANDARD_ERRORS",
    "TOLERANCE",
    "allowance",
    "check_verification",
    "machine",
    "ontogym_version",
    "uncontrolled",
    "verify",
    "verify_files",
]

FORMAT = 2
"""Version of a verification. Those of version 1 say neither what they are of nor which held-out seeds were used."""
TOLERANCE = 0.05
"""How far the mean return may always be from the claim where the arithmetic differs, in units of optimum minus random."""
STANDARD_ERRORS = 3.0
"""How far it may be where lives part (see `allowance`); honest claims are refused once in 370 times."""
_PACKAGES = ("numpy", "numba", "torch", "stable-baselines3", "gymnasium")
_NUMBER = Real(-MAX_RETURN, MAX_RETURN)
_NUMBER_OR_NOT = OneOf("null or a number", (Null(), _NUMBER))
_RETURNS = ListOf(ListOf(_NUMBER, 1000), 10_000)
_COUNT = Whole(0, MAX_STEPS)
_COMMON: dict[str, Field] = {
    "format": Whole(1, FORMAT),
    "status": Choice(("verified", "refused")),
    "returns_public": _RETURNS,
    "returns_held_out": _RETURNS,
    "wiring_cost": _NUMBER_OR_NOT,
    "tolerance": _NUMBER,
    "largest_difference": _NUMBER_OR_NOT,
    "reasons": ListOf(Text(2000, lines=True), 20),
    "ontogym": Text(40),
    "date": Text(40, r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\+00:00"),
    "machine": Record(
        {}, {"cpu": Text(200), "platform": Text(200), "python": Text(40), "packages": MapOf(Text(60), 40)}
    ),
}
_RECOVERY = OneOf(
    "null or numbers by name",
    (Null(), MapOf(_NUMBER_OR_NOT, 20)),
)
VERIFICATION_SCHEMA = Record(
    {
        **_COMMON,
        "submission": Text(64, "[0-9a-f]{64}"),
        "held_out": Text(64, "[0-9a-z-]+"),
        "spent": OneOf(
            "null or what a worker took",
            (
                Null(),
                Record(
                    {
                        "seconds": _NUMBER,
                        "cpu_seconds": _NUMBER,
                        "peak_bytes": _COUNT,
                        "rest_bytes": _COUNT,
                    }
                ),
            ),
        ),
    },
    {
        "recovery": _RECOVERY,
        "measure": _NUMBER_OR_NOT,
        "controls": Record({}, dict.fromkeys(CONTROLS, _NUMBER)),
    },
)
_SCHEMA_1 = Record(_COMMON, {"recovery": _RECOVERY})
UNRECORDED = "unrecorded"
"""Which held-out seeds a verification of version 1 used, unless who migrates its store knows."""


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


def check_verification(found: Mapping[str, Any], submission: str) -> dict[str, Any]:
    """A copy of a verification in today's form, if every part of it is what it must be.

    Args:
        found: as it was read.
        submission: id of the submission that it must be of; one of version 1 is taken to be of this.

    Raises:
        Refused: what is wrong.
    """
    version = found.get("format")
    if type(version) is int and version > FORMAT:
        raise Refused(f"The verification has format {version}, newer than {FORMAT}; upgrade ontogym.")
    if version == 1:
        told = _SCHEMA_1.check(found, "the verification")
        told |= {"format": FORMAT, "submission": submission, "held_out": UNRECORDED, "spent": None}
    else:
        told = dict(found)
    checked: dict[str, Any] = VERIFICATION_SCHEMA.check(told, "the verification")
    if checked["submission"] != submission:
        raise Refused("The verification is of another submission.")
    rows = checked["returns_held_out"]
    if checked["status"] == "verified" and (not rows or any(len(row) != len(rows[0]) for row in rows)):
        raise Refused("The verification has no held-out returns.")
    return checked


def uncontrolled(manifest: Mapping[str, Any], found: Mapping[str, Any] | None) -> bool:
    """Whether a submission with this verification is verified, but was so before its task, one known here, had controls."""
    if found is None or found["status"] != "verified" or "controls" in found:
        return False
    try:
        return get_task(manifest["suite"], manifest["suite_version"], manifest["task"]).controlled
    except UnknownNameError:
        return False


def verify(
    submission: Submission, held_out: HeldOut | None = None, limits: Limits | None = None
) -> dict[str, Any]:
    """Re-run a submission that was read (and so has passed the limits) and compare.

    On the machine and with the versions of the claim every return must be equal; elsewhere their mean may differ by an
    `allowance`. It is born, develops and lives in a worker.

    Args:
        submission: as `read_submission` gave it.
        held_out: the held-out seeds, see `suites.held_out`; the package's own if None.
        limits: of time and memory.

    Returns:
        What a store keeps of it, see `check_verification`: status "verified" or "refused", the submission's id, the
        commitment to the held-out seeds, returns on both sets of seeds, tolerance, largest difference, reasons, what
        the worker took; "recovery" on held-out seeds where the task has switches within an episode, "controls" where it
        has controls (`live_controls`).

    Raises:
        OntogymError: it could not be re-run, for which the submission is not to blame.
    """
    manifest, held_out = submission.manifest, held_out or HeldOut(HELD_OUT, PACKAGE_SEEDS)
    task = get_task(manifest["suite"], manifest["suite_version"], manifest["task"])
    found: dict[str, Any] = {
        "format": FORMAT,
        "status": "refused",
        "submission": submission.id,
        "held_out": held_out.commitment,
        "returns_public": [],
        "returns_held_out": [],
        "wiring_cost": None,
        "tolerance": 0.0,
        "largest_difference": None,
        "reasons": [],
        "ontogym": ontogym_version(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(),
        "spent": None,
    }
    try:
        roots = (PUBLIC, held_out.root)
        (public, hidden), spent = live_bounded(manifest, submission.files[WEIGHTS], roots, limits)
        found["spent"] = vars(spent)
        _compare(found, manifest, public.returns, task)
        if not found["reasons"]:
            found |= {"returns_held_out": hidden.returns.tolist(), "wiring_cost": hidden.wiring_cost}
            if task.window is not None:
                found["recovery"] = hidden.recovery
            if task.ranked != "score":
                found["measure"] = hidden.measure
            if task.controlled:
                controls = live_controls(manifest, submission.files[WEIGHTS], held_out.root, limits)
                found |= {} if controls is None else {"controls": controls}
            found["status"] = "verified"
    except Refused as error:
        found["reasons"].append(str(error)[:1000])
        if isinstance(error, Stopped):
            found["spent"] = vars(error.spent)
    return found


def verify_files(
    files: Mapping[str, bytes], held_out: HeldOut, suites: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """`verify` for the bytes of a submission that was read: what workers of any kind are given; `suites` is `every_local`.

    Where it could not be re-run the status is "failed": no verdict, and the others of its board go on.
    """
    try:
        for facts in suites:
            recall_suite(facts)
        return verify(unpack(files), held_out)
    except OntogymError as error:
        return {"status": "failed", "reasons": [str(error)]}


def allowance(claimed: NDArray[np.float64], returns: NDArray[np.float64], group: int = 1) -> float:
    """How far the mean of honest lives on one machine may be from that on another.

    Another processor rounds otherwise, and in a chaotic task one rounding makes another life: another draw from the
    same lives. With k of L lives that parted, each of a variance s², the difference of the two means has the variance
    k 2 s² / L². s² is that of the lives lived here, within a condition: a claim cannot widen it, and a policy that
    always earns the same under a condition has none.

    Args:
        claimed, returns: ``(L, E)``, of the same seeds, there and here. group: number of conditions, which take turns.
    """
    theirs, ours = claimed.mean(1), returns.mean(1)
    parted = np.count_nonzero(theirs != ours)
    rounds = ours.reshape(-1, group)
    spread = rounds.var(0, ddof=1).mean() if len(rounds) > 1 else 0.0
    return float(STANDARD_ERRORS * np.sqrt(2.0 * spread * parted) / len(ours))


def _compare(
    found: dict[str, Any], manifest: Mapping[str, Any], returns: NDArray[np.float64], task: SuiteTask
) -> None:
    """Fill in how far the claim is from what was found, and a reason if that is too far."""
    claimed = np.asarray(manifest["claimed"]["returns"], dtype=np.float64)
    exact = manifest["claimed"].get("machine") == found["machine"]
    random, optimal = task.anchors
    tolerance = (
        0.0 if exact else max(TOLERANCE * (optimal - random), allowance(claimed, returns, task.life.group))
    )
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
