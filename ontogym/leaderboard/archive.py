"""One entry of a store as one file: a zip archive that any program opens, with a checksum of all its bytes.

Members: the submission's ``manifest.json`` and ``weights.safetensors``, byte for byte as they were submitted, and
``record.json``, what the organiser knows of it. The archive's comment is the SHA-256 of every byte before it, so that
a reader notices any bit that is not as it was written, in the members and around them.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from ontogym.leaderboard.limits import MANIFEST, MAX_BYTES, RECORD, WEIGHTS, Refused, parse_json

__all__ = ["pack_entry", "unpack_entry"]

_MEMBERS = (MANIFEST, WEIGHTS, RECORD)
_DIGEST = 64
"""Characters of a SHA-256 in hexadecimal."""
_DATE = (1980, 1, 1, 0, 0, 0)


def pack_entry(files: Mapping[str, bytes], record: Mapping[str, Any]) -> bytes:
    """The bytes of an entry's file; equal arguments give equal bytes."""
    members = {**files, RECORD: (json.dumps(record, allow_nan=False) + "\n").encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in _MEMBERS:
            member = zipfile.ZipInfo(name, _DATE)
            member.external_attr = 0o644 << 16
            archive.writestr(member, members[name], zipfile.ZIP_DEFLATED, 9)
        archive.comment = b"0" * _DIGEST
    body = buffer.getvalue()[:-_DIGEST]
    return body + hashlib.sha256(body).hexdigest().encode()


def unpack_entry(data: bytes) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The submission's files and the organiser's record.

    Raises:
        Refused: bytes that are not as they were written, other members, or members beyond their limits.
    """
    body, digest = data[:-_DIGEST], data[-_DIGEST:]
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise Refused("its checksum does not fit: its bytes are not as they were written.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.namelist() != list(_MEMBERS):
                raise Refused("it does not hold the members of an entry.")
            files = {info.filename: _member(archive, info) for info in archive.infolist()}
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise Refused(f"it is no archive of an entry ({str(error)[:200]}).") from error
    return files, parse_json(files.pop(RECORD), RECORD)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """What a member holds; what it says it unpacks to is known before anything is."""
    most = MAX_BYTES[info.filename]
    if info.compress_type != zipfile.ZIP_DEFLATED:
        raise Refused(f"{info.filename} is not packed as an entry's members are.")
    if info.file_size > most:
        raise Refused(f"{info.filename} has {info.file_size} bytes; the most is {most}.")
    with archive.open(info) as member:
        return member.read(most + 1)
