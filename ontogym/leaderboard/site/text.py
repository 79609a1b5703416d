"""Words for pages that show what strangers wrote.

Escaping makes text harmless to a browser. It does not make it harmless to a reader: characters that cannot be
seen, or that turn the direction of what follows, can make a command or a name read as another one. They are
shown here by their code points.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["brief", "pretty_json", "safe_name", "slug", "visible"]

# Controls (but for tab and line feed), soft hyphen, zero-width and bidirectional controls, line separators,
# byte-order mark, interlinear and tag characters, and surrogates, which cannot be encoded at all.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_MARKS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_LONGEST_LIST = 24


def visible(text: str) -> str:
    """`text` with every character that hides or reorders others written as its code point.

    Piles of combining marks, which would paint over the lines above, are cut to three.
    """
    if text.isascii() and text.isprintable():  # nearly all text; a large site has a quarter of a million
        return text
    text = _INVISIBLE.sub(lambda found: f"\u27e8U+{ord(found[0]):04X}\u27e9", text)
    return _MARKS.sub(r"\1", text)


def brief(text: str, most: int = 60) -> str:
    """`text` on one line, cut to `most` characters with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def slug(text: str, most: int = 40) -> str:
    """Lower-case ASCII letters, digits and hyphens: the part of a file name that people read."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:most].strip("-")


def safe_name(*parts: str) -> str:
    """A file name for these texts: readable, free of path characters, and different for different texts."""
    if len(parts) == 1 and _PLAIN.fullmatch(parts[0]):
        return parts[0]
    raw = json.dumps(parts).encode()  # escapes surrogates, keeps the borders between parts
    return "-".join(filter(None, [*map(slug, parts), hashlib.sha256(raw).hexdigest()[:8]]))


def pretty_json(value: Any, most: int = 20_000) -> str:
    """Indented JSON with lists of plain values on one line each, the long ones shortened, cut at `most` characters.

    Nothing is searched in the text that a stranger wrote, so the time is linear in what is printed.

    Raises:
        RecursionError: nested hundreds deep, which no manifest is.
    """
    parts: list[str] = []
    length = 0
    for part in _json_parts(value, "\n"):
        parts.append(part)
        length += len(part)
        if length > most:
            return f"{''.join(parts)[:most]}\n… cut here; the whole manifest is linked below."
    return "".join(parts)


def _json_parts(value: Any, line: str) -> Iterator[str]:
    """JSON piece by piece; `line` is the line break with the indentation of what is around."""
    inner = f"{line}  "
    if isinstance(value, dict) and value:
        for k, (name, item) in enumerate(value.items()):
            yield f"{',' if k else '{'}{inner}{json.dumps(str(name), ensure_ascii=False)}: "
            yield from _json_parts(item, inner)
        yield f"{line}}}"
    elif isinstance(value, (list, tuple)) and any(isinstance(item, (dict, list, tuple)) for item in value):
        for k, item in enumerate(value):
            yield f"{',' if k else '['}{inner}"
            yield from _json_parts(item, inner)
        yield f"{line}]"
    elif isinstance(value, (list, tuple)):
        shown = [json.dumps(item, ensure_ascii=False) for item in value[:_LONGEST_LIST]]
        more = [f"… {len(value) - _LONGEST_LIST} more"] if len(value) > _LONGEST_LIST else []
        yield f"[{', '.join(shown + more)}]"
    else:
        yield json.dumps(value, ensure_ascii=False)
