"""The folder of a leaderboard: submissions with our verifications, whole at any moment and whoever is killed.

========================================  ==========================================================
``store.json``                            format and kind of the folder
``submissions/<id>/manifest.json``        as it was submitted
``submissions/<id>/weights.safetensors``  likewise
``submissions/<id>/verification.json``    what we found by re-running it; absent if we have not
========================================  ==========================================================

An entry appears by one rename of its finished folder. Hidden names are unfinished and are skipped.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ontogym import checkpoint
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.leaderboard.limits import (
    MANIFEST,
    MAX_BYTES,
    VERIFICATION,
    WEIGHTS,
    Refused,
    parse_json,
)
from ontogym.leaderboard.manifest import check_manifest

__all__ = ["FORMAT", "Store", "submission_id"]

FORMAT = 1
"""Version of the folder. Readers accept this one and older ones."""

Record = tuple[Path, dict[str, Any], "dict[str, Any] | None"]


def submission_id(manifest: Mapping[str, Any], raw: bytes) -> str:
    """Name of a submission: task, label, seed, and the first ten digits of the SHA-256 of the manifest's bytes."""
    slug = re.sub(r"[^a-z0-9]+", "-", str(manifest["agent"]["label"]).lower()).strip("-")[:40] or "agent"
    digest = hashlib.sha256(raw).hexdigest()[:10]
    return f"{manifest['task']}--{slug}--s{manifest['seed']}--{digest}"


class Store:
    """A leaderboard's folder; use `Store.open`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: Path | str, create: bool = False) -> Store:
        """The store in a folder.

        Args:
            path: the folder.
            create: make a store of a folder that is missing or empty.

        Raises:
            OntogymError: no store, something else, a damaged one or one of a newer format.
        """
        store = cls(Path(path))
        file = store.path / "store.json"
        if create and not file.exists():
            store._begin()
        try:
            found = json.loads(file.read_bytes())
            version, kind = int(found["format"]), found["kind"]
        except FileNotFoundError as error:
            raise OntogymError(
                f"There is no leaderboard in {path}; `ontogym leaderboard add SUBMISSION --store {path}` begins one."
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OntogymError(f"{file} cannot be read ({error}); restore it from a copy.") from error
        if kind != "leaderboard":
            raise OntogymError(f"{file} belongs to a {kind!r}, not to a leaderboard; choose another --store.")
        if version > FORMAT:
            raise OntogymError(
                f"The leaderboard in {path} has format {version}, newer than this ontogym reads ({FORMAT}); upgrade "
                "with 'pip install --upgrade ontogym'."
            )
        return store

    def _begin(self) -> None:
        try:
            present = [p for p in self.path.iterdir() if not p.name.startswith(".")]
        except FileNotFoundError:
            present = []
        except OSError as error:
            raise OntogymError(f"Cannot use {self.path} as a leaderboard ({error.strerror}).") from error
        if present:
            raise OntogymError(
                f"{self.path} holds {present[0].name!r} but no leaderboard; choose an empty folder or another --store."
            )
        checkpoint.write_json(self.path / "store.json", {"format": FORMAT, "kind": "leaderboard"})

    @property
    def submissions(self) -> Path:
        """Where the entries are."""
        return self.path / "submissions"

    def folder(self, id_: str) -> Path:
        """The folder of an entry.

        Raises:
            UnknownNameError: there is none of this name.
        """
        known = self.ids()
        if id_ not in known:
            raise UnknownNameError("submission", id_, known)
        return self.submissions / id_

    def ids(self) -> list[str]:
        """Names of all entries, sorted."""
        try:
            names = [p.name for p in self.submissions.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OntogymError(f"{self.submissions} cannot be read ({error.strerror}).") from error
        return sorted(name for name in names if not name.startswith("."))

    def records(self) -> Iterator[Record]:
        """Every entry: its folder, its manifest and its verification (or None).

        Raises:
            OntogymError: a damaged entry, by name.
        """
        for id_ in self.ids():
            path = self.submissions / id_
            try:
                raw = _read(path / MANIFEST)
                manifest = check_manifest(parse_json(raw, MANIFEST))
                if id_ != submission_id(manifest, raw) or not (path / WEIGHTS).is_file():
                    raise Refused("it is not what was added under this name.")
                yield path, manifest, _verification(path)
            except (OSError, OntogymError) as error:
                raise OntogymError(
                    f"The entry {path} is damaged ({error}); restore it from a copy or remove its folder."
                ) from error

    def add(
        self, manifest: Mapping[str, Any], files: Mapping[str, bytes], verification: Mapping[str, Any] | None
    ) -> tuple[str, bool]:
        """Put a checked submission in; returns its name and whether it is new.

        Args:
            manifest: parsed, checked.
            files: `MANIFEST` and `WEIGHTS` as they were read.
            verification: what re-running it gave, or None.

        Raises:
            OntogymError: the store cannot be written; it is then as it was.
        """
        id_ = submission_id(manifest, files[MANIFEST])
        kept = {name: files[name] for name in (MANIFEST, WEIGHTS)}
        if verification is not None:
            kept[VERIFICATION] = _dump(verification)
        with self._held():
            for leftover in self.submissions.glob(".*.part"):
                shutil.rmtree(leftover, ignore_errors=True)  # of a writer that was killed: we hold the lock
            new = checkpoint.write_folder(self.submissions / id_, kept)
            if not new and verification is not None:
                checkpoint.write_atomic(self.submissions / id_ / VERIFICATION, kept[VERIFICATION])
        return id_, new

    def set_verification(self, id_: str, verification: Mapping[str, Any]) -> None:
        """Replace what we found about an entry.

        Raises:
            OntogymError: no such entry, or the store cannot be written; it is then as it was.
        """
        with self._held():
            checkpoint.write_atomic(self.folder(id_) / VERIFICATION, _dump(verification))

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """One writer at a time; the next one waits."""
        try:
            lock = checkpoint.lock_folder(self.path, wait=True)
        except OSError as error:
            raise OntogymError(
                f"Cannot write to {self.path} ({error.strerror}); choose a --store that you may write to."
            ) from error
        assert lock is not None
        with lock:
            yield


def _dump(verification: Mapping[str, Any]) -> bytes:
    return (json.dumps(verification, indent=2, allow_nan=False) + "\n").encode()


def _read(path: Path) -> bytes:
    if path.stat().st_size > MAX_BYTES[path.name]:
        raise Refused(f"{path.name} is larger than {MAX_BYTES[path.name]} bytes.")
    return path.read_bytes()


def _verification(folder: Path) -> dict[str, Any] | None:
    try:
        found = parse_json(_read(folder / VERIFICATION), VERIFICATION)
    except FileNotFoundError:
        return None
    if found.get("status") not in ("verified", "claimed", "refused"):
        raise Refused(f"{VERIFICATION} has no proper status.")
    if int(found.get("format", 0)) > FORMAT:
        raise Refused(f"{VERIFICATION} has a newer format; upgrade ontogym.")
    return found
