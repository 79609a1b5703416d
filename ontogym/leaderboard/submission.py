"""Submissions as folders: read with every limit kept, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym import checkpoint
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.leaderboard.limits import (
    MANIFEST,
    VERIFICATION,
    WEIGHTS,
    Refused,
    parse_json,
    parse_tensors,
    read_files,
)
from ontogym.leaderboard.manifest import check_manifest, check_task
from ontogym.leaderboard.players import agent_types

__all__ = ["Submission", "content_of", "pack", "read_submission", "unpack", "write_submission"]


@dataclass(frozen=True)
class Submission:
    """A submission in memory: `manifest`, `tensors` (views of the bytes), and the bytes of both `files`."""

    manifest: dict[str, Any]
    tensors: dict[str, NDArray[Any]]
    files: dict[str, bytes]

    @property
    def id(self) -> str:
        """The SHA-256 of the manifest's bytes, which hold that of the weights: equal ids are equal submissions."""
        return hashlib.sha256(self.files[MANIFEST]).hexdigest()


def read_submission(folder: Path | str) -> Submission:
    """Read a stranger's submission; nothing in it is executed, nothing it declares is allocated.

    Raises:
        Refused: the reason why it is not taken.
    """
    # A verification beside it is the submitter's own affair: it is neither read nor kept.
    submission = unpack(read_files(Path(folder), also=(VERIFICATION,)))
    check_task(submission.manifest)
    if submission.manifest["agent"]["type"] not in agent_types():
        kind = submission.manifest["agent"]["type"]
        raise Refused(str(UnknownNameError("agent type", kind, agent_types())))
    return submission


def unpack(files: Mapping[str, bytes]) -> Submission:
    """A submission from the bytes of its two files; whether its task and type are known here is not asked.

    Raises:
        Refused: the reason why it is not taken.
    """
    manifest = check_manifest(parse_json(files[MANIFEST], MANIFEST))
    digest = hashlib.sha256(files[WEIGHTS]).hexdigest()
    if manifest["files"][WEIGHTS] != digest:
        raise Refused(f"{WEIGHTS} has the SHA-256 {digest}, not the one in the manifest.")
    return Submission(manifest, parse_tensors(files[WEIGHTS]), dict(files))


def pack(manifest: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Submission:
    """A submission from its parts; `files` of the manifest is filled in.

    Raises:
        Refused: it would not be taken by `read_submission`.
    """
    weights = pack_tensors(tensors)
    whole = {**manifest, "files": {WEIGHTS: hashlib.sha256(weights).hexdigest()}}
    try:
        text = json.dumps(whole, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Refused(f"The manifest cannot be written as JSON ({error}).") from error
    made = unpack({MANIFEST: (text + "\n").encode(), WEIGHTS: weights})
    check_task(made.manifest)
    return made


def pack_tensors(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """Tensors as the bytes of a safetensors file."""
    from safetensors.numpy import save

    return save({name: np.asarray(value, order="C") for name, value in tensors.items()})


def content_of(submission: Submission) -> str:
    """SHA-256 of what the agent is, however its files are written.

    Agents of equal content are one agent: of those with weights the numbers count (not the names and the order of the
    tensors, nor options, which could be padded with defaults), of the others the type and what its options say.
    """
    agent = submission.manifest["agent"]
    numbers = [f"{t.dtype} {hashlib.sha256(t.tobytes()).hexdigest()}" for t in submission.tensors.values()]
    said = {key: _plain(value) for key, value in agent["options"].items()}
    told = {key: value for key, value in said.items() if value != _DEFAULTS.get((agent["type"], key))}
    parts = sorted(numbers) or [agent["type"], json.dumps(told, sort_keys=True)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


_DEFAULTS = {("random", "seed"): 0.0}
"""Options that say nothing: those of `baselines.lives.actors`."""


def _plain(value: Any) -> Any:
    """One way to write a value: true, 1 and 1.0 are one action, and so is a list that holds one number throughout."""
    if isinstance(value, (bool, int, float)):
        return float(value)
    if not isinstance(value, (list, tuple)):
        return value
    parts = [_plain(part) for part in value]
    return parts[0] if parts and all(part == parts[0] for part in parts) else parts


def write_submission(folder: Path | str, submission: Submission) -> None:
    """Write the folder of a submission, whole or not at all.

    Raises:
        OntogymError: the folder is there already, or cannot be written.
    """
    if not checkpoint.write_folder(folder, submission.files):
        raise OntogymError(f"{folder} is there already; choose another --out or remove it.")
