"""The folder of a leaderboard: submissions with what we know of them, whole at any moment and whoever is killed.

=========================  =========================================================================================
``store.json``             format and kind of the folder, and which held-out seeds its verifications use
``entries/<name>.zip``     an entry: the submission as it was submitted, and our record of it (see `archive`)
=========================  =========================================================================================

An entry is what the SHA-256 of its manifest says, which holds that of the weights; its file's name only shortens it.
Whenever an entry is read all of its bytes are checked; one that is damaged is named and does not hide the others. An
entry appears, or changes its record, by one rename of a finished file. Hidden names are unfinished and are skipped.

Format 1 (a folder of three files for every entry) is read as it is; `migrate` rewrites it.
"""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ontogym import checkpoint
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.leaderboard.admission import Record, check_admission
from ontogym.leaderboard.archive import pack_entry, unpack_entry
from ontogym.leaderboard.limits import MANIFEST, MAX_BYTES, RECORD, VERIFICATION, WEIGHTS, Refused, parse_json
from ontogym.leaderboard.schema import Anything, Exactly, ListOf, Null, OneOf, Text, Whole
from ontogym.leaderboard.schema import Record as Fields
from ontogym.leaderboard.submission import Submission, unpack
from ontogym.leaderboard.verification import UNRECORDED, check_verification

__all__ = ["FORMAT", "Contents", "Store", "entry_name", "migrate"]

FORMAT = 2
"""Version of the folder. Readers accept this one and older ones."""
_SHA256 = Text(64, "[0-9a-f]{64}")
_RECORD = Fields(
    {
        "format": Exactly(FORMAT),
        "id": _SHA256,
        "order": Whole(1, 10**9),
        "added": Text(40),
        "author": Text(200),
        "accepted": ListOf(Text(40), 10),
        "replaces": OneOf("null or an id", (Null(), _SHA256)),
        "verification": OneOf("null or an object", (Null(), Anything())),
    }
)


@dataclass(frozen=True)
class Contents:
    """What a store holds: whole entries in the order in which they came, and by name why others cannot be read."""

    records: list[Record]
    faults: dict[str, str]
    held_out: str | None


def entry_name(submission: Submission, digits: int = 12) -> str:
    """Short name of a submission for people and files: task, label, seed, and the first digits of its id."""
    manifest = submission.manifest
    slug = re.sub(r"[^a-z0-9]+", "-", manifest["agent"]["label"].lower()).strip("-")[:40] or "agent"
    return f"{manifest['task']}--{slug}--s{manifest['seed']}--{submission.id[:digits]}"


class Store:
    """A leaderboard's folder; use `Store.open`.

    Attributes:
        format: version of the folder. held_out: commitment to the held-out seeds of its verifications, if it has any.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.format = path, FORMAT
        self.held_out: str | None = None

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
        if create and not (store.path / "store.json").exists():
            store._begin()
        store._read_head()
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
        self._write_head()

    def _write_head(self) -> None:
        head = {"format": FORMAT, "kind": "leaderboard", "held_out": self.held_out}
        checkpoint.write_sealed_json(self.path / "store.json", head)

    def _read_head(self) -> None:
        file = self.path / "store.json"
        if not file.exists():
            raise OntogymError(
                f"There is no leaderboard in {self.path}; `ontogym leaderboard add SUBMISSION --store {self.path}` begins one."
            )
        found = checkpoint.read_sealed_json(file)
        try:
            version, kind, held_out = found["format"], found["kind"], found.get("held_out")
            if type(version) is not int or version < 1:
                raise ValueError(f"the format is {version!r}")
        except (ValueError, KeyError) as error:
            raise OntogymError(f"{file} cannot be read ({error}); restore it from a copy.") from error
        if kind != "leaderboard":
            raise OntogymError(f"{file} belongs to a {kind!r}, not to a leaderboard; choose another --store.")
        if version > FORMAT:
            raise OntogymError(
                f"The leaderboard in {self.path} has format {version}, newer than this ontogym reads ({FORMAT}); "
                "upgrade with 'pip install --upgrade ontogym'."
            )
        if held_out is not None and not isinstance(held_out, str):
            raise OntogymError(f"{file} cannot be read (held_out); restore it from a copy.")
        self.format, self.held_out = version, held_out if version > 1 else UNRECORDED

    @property
    def entries(self) -> Path:
        """Where the entries are."""
        return self.path / ("entries" if self.format > 1 else "submissions")

    def names(self) -> list[str]:
        """Names of all entries, sorted."""
        try:
            found = list(self.entries.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OntogymError(f"{self.entries} cannot be read ({error.strerror}).") from error
        shown = [path for path in found if not path.name.startswith(".")]
        return sorted(path.name if self.format == 1 else path.stem for path in shown)

    def read(self) -> Contents:
        """Every entry that is whole, and why the others are not."""
        records, faults = [], {}
        for name in self.names():
            try:
                records.append(self.record(name))
            except OntogymError as error:
                faults[name] = str(error)
        return Contents(sorted(records, key=lambda each: (each.order, each.name)), faults, self.held_out)

    def record(self, name: str) -> Record:
        """An entry by its name or the beginning of it.

        Raises:
            UnknownNameError: there is none of this name, or several begin so.
            OntogymError: it is damaged.
        """
        known = self.names()
        fitting = [name] if name in known else [each for each in known if each.startswith(name)]
        if len(fitting) != 1:
            raise UnknownNameError("submission", name, known)
        path = self.entries / (f"{fitting[0]}.zip" if self.format > 1 else fitting[0])
        try:
            found = _read_entry(path) if self.format > 1 else _read_folder(path)
            if self.format > 1 and not found.name.startswith(entry_name(found.submission)):
                raise Refused("it is not what was added under this name.")
            if found.verification is not None and found.verification["held_out"] != self.held_out:
                raise Refused("it was verified on other held-out seeds than this board's.")
            return found
        except (OSError, OntogymError) as error:
            raise OntogymError(
                f"The entry {path} is damaged ({error}); restore it from a copy or remove it."
            ) from error

    def add(
        self,
        submission: Submission,
        verification: Mapping[str, Any] | None,
        author: str | None = None,
        accept: Collection[str] = (),
    ) -> tuple[str, bool]:
        """Put a checked submission in; returns its name and whether it is new.

        Args:
            submission: as it was read.
            verification: what re-running it gave, or None.
            author: under which name the organiser takes it; the manifest's if None.
            accept: what the organiser lets pass, see `admission.ACCEPTABLE`.

        Raises:
            Refused: it may not stand beside what is there.
            OntogymError: the store cannot be written; it is then as it was.
        """
        with self._held():
            record, new = self.check(submission, author, accept)
            if new or verification is not None:
                self._set(record, verification)
            return record.name, new

    def check(
        self, submission: Submission, author: str | None = None, accept: Collection[str] = ()
    ) -> tuple[Record, bool]:
        """The entry that a submission is here or would become, and whether it would be new; nothing is written.

        Raises:
            Refused: it may not stand beside what is there.
        """
        records = self.read().records
        for each in records:
            if each.submission.id == submission.id:
                if each.submission.files != submission.files:
                    raise Refused("Another submission has the same SHA-256; this one is not taken.")
                return each, False
        made = Record(
            name=self._free_name(submission),
            submission=submission,
            order=1 + max((each.order for each in records), default=0),
            added=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            author=submission.manifest["author"] if author is None else author,
            accepted=tuple(sorted(set(accept))),
        )
        return check_admission(made, records), True

    def check_held_out(self, commitment: str) -> None:
        """Refuse held-out seeds other than those of this board.

        Raises:
            Refused: they are others.
            OntogymError: the store is of an older format.
        """
        self._check_format()
        if self.held_out not in (None, commitment):
            raise Refused(
                f"This board's scores are on the held-out seeds {self.held_out!r}, not on {commitment!r}, and scores on "
                "different ones are never mixed; pass the --held-out of this board or choose another --store."
            )

    def set_verification(self, name: str, verification: Mapping[str, Any]) -> None:
        """Replace what we found about an entry.

        Raises:
            Refused: it is of another submission, or on other held-out seeds than this board's.
            OntogymError: no such entry, or the store cannot be written; it is then as it was.
        """
        with self._held():
            self._set(self.record(name), verification)

    def _set(self, record: Record, verification: Mapping[str, Any] | None) -> None:
        """Write an entry with this verification; it is checked as a reader will check it."""
        if verification is not None:
            checked = check_verification(verification, record.submission.id)
            self.check_held_out(checked["held_out"])
            if self.held_out is None:
                self.held_out = checked["held_out"]
                self._write_head()
            record = replace(record, verification=checked)
        checkpoint.write_atomic(self.entries / f"{record.name}.zip", _pack(record))

    def _check_format(self) -> None:
        if self.format < FORMAT:
            raise OntogymError(
                f"The leaderboard in {self.path} has format {self.format}, which is only read; rewrite it with "
                f"`ontogym leaderboard migrate --store {self.path}`."
            )

    def _free_name(self, submission: Submission) -> str:
        """A name that no other submission has, with more digits of the id where a short one is taken."""
        known = set(self.names())
        return next(
            name for digits in range(12, 65, 4) if (name := entry_name(submission, digits)) not in known
        )

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """One writer at a time; the next one waits, and sees what the one before it wrote."""
        with _held(self.path):
            self._read_head()
            self._check_format()
            with contextlib.suppress(OSError):
                for leftover in self.entries.glob(".*.part"):
                    leftover.unlink()  # of a writer that was killed: we hold the lock
            yield


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    try:
        lock = checkpoint.lock_folder(path, wait=True)
    except OSError as error:
        raise OntogymError(
            f"Cannot write to {path} ({error.strerror}); choose a --store that you may write to."
        ) from error
    assert lock is not None
    with lock:
        yield


def _pack(record: Record) -> bytes:
    facts = {
        "format": FORMAT,
        "id": record.submission.id,
        "order": record.order,
        "added": record.added,
        "author": record.author,
        "accepted": list(record.accepted),
        "replaces": record.replaces,
        "verification": record.verification,
    }
    return pack_entry(record.submission.files, facts)


def _read_entry(path: Path) -> Record:
    most = sum(MAX_BYTES[name] for name in (MANIFEST, WEIGHTS, RECORD))
    files, facts = unpack_entry(_read(path, most))
    told = _RECORD.check(facts, "the record")
    submission = unpack(files)
    if told["id"] != submission.id:
        raise Refused("its record is of another submission.")
    found = told["verification"]
    return Record(
        name=path.stem,
        submission=submission,
        order=told["order"],
        added=told["added"],
        author=told["author"],
        accepted=tuple(told["accepted"]),
        replaces=told["replaces"],
        verification=None if found is None else check_verification(found, submission.id),
    )


def _read_folder(path: Path) -> Record:
    """An entry of format 1: its name held the first ten digits of its id, and its order is that of verification."""
    files = {name: _read(path / name, MAX_BYTES[name]) for name in (MANIFEST, WEIGHTS)}
    submission = unpack(files)
    if path.name != entry_name(submission, 10):
        raise Refused("it is not what was added under this name.")
    found = None
    with contextlib.suppress(FileNotFoundError):
        found = parse_json(_read(path / VERIFICATION, MAX_BYTES[VERIFICATION]), VERIFICATION)
        found = check_verification(found, submission.id)
    added = found["date"] if found else "1970-01-01T00:00:00+00:00"
    order = int(datetime.datetime.fromisoformat(added).timestamp()) // 60 + 1
    return Record(path.name, submission, order, added, submission.manifest["author"], verification=found)


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise Refused(f"{path.name} is larger than {most} bytes.")
    return data


def migrate(path: Path | str, held_out: str) -> int:
    """Rewrite a store of format 1 in today's; returns how many entries there are.

    The submissions stay what they are, byte for byte. A run that is killed leaves the old store or the new one.

    Args:
        path: of the store.
        held_out: commitment to the held-out seeds that all of its verifications used, as the organiser knows.

    Raises:
        OntogymError: a damaged entry (named), a store that is none, or one that cannot be written.
    """
    with _held(Path(path)):
        store = Store.open(path)
        if store.format == FORMAT:
            return len(store.names())
        contents = store.read()
        if contents.faults:
            raise OntogymError(next(iter(contents.faults.values())))
        old = store.entries
        store.format, store.held_out = FORMAT, held_out
        for order, record in enumerate(contents.records, 1):
            found = record.verification
            made = replace(
                record,
                name=entry_name(record.submission),
                order=order,
                verification=found and {**found, "held_out": held_out},
            )
            checkpoint.write_atomic(store.entries / f"{made.name}.zip", _pack(made))
        store._write_head()  # from here on it is a store of the new format
    import shutil

    shutil.rmtree(old)
    return len(contents.records)
