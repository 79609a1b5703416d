"""Words and numbers for pages that show what strangers wrote.

Escaping makes text harmless to a browser. It does not make it harmless to a reader: characters that cannot be
seen, or that turn the direction of what follows, can make a command or a name read as another one. They are
shown here by their code points.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any

__all__ = [
    "NO_NUMBER",
    "brief",
    "budget",
    "duration",
    "number",
    "pretty_json",
    "safe_name",
    "slug",
    "visible",
]

NO_NUMBER = "–"
"""Stands where there is no number."""

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
_FLAT_LIST = re.compile(r"\[\s*((?:-?[0-9.eE+-]+|null)(?:,\s*(?:-?[0-9.eE+-]+|null))*)\s*\]")
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


def number(value: float | None, digits: int = 3) -> str:
    """A number in about `digits` significant digits with a true minus sign; `NO_NUMBER` for None and NaN."""
    if value is None or not math.isfinite(value):
        return NO_NUMBER
    size = abs(value)
    if size >= 1e6 or 0 < size < 10**-digits:
        shown = f"{value:.{digits - 1}e}"
    else:
        shown = f"{value:.{max(0, digits - 1 - (math.floor(math.log10(size)) if size >= 1 else 0))}f}"
    return shown.replace("-", "−") if float(shown) else shown.replace("-", "")


def budget(steps: float | None) -> str:
    """Environment steps: 950, 12.5 k, 3.2 M."""
    if steps is None or not math.isfinite(steps):
        return NO_NUMBER
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(steps) >= size:
            return f"{steps / size:.3g}{unit}"
    return f"{steps:.0f}"


def duration(seconds: float | None) -> str:
    """Wall-clock time: 42 s, 3.5 min, 2.1 h."""
    if seconds is None or not math.isfinite(seconds):
        return NO_NUMBER
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 5400 else f"{seconds / 3600:.3g} h"


def pretty_json(value: Any, most: int = 20_000) -> str:
    """Indented JSON with lists of numbers on one line each, the long ones shortened, and cut at `most` characters."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    text = _FLAT_LIST.sub(_on_one_line, text)
    return text if len(text) <= most else f"{text[:most]}\n… cut here; the whole manifest is linked below."


def _on_one_line(found: re.Match[str]) -> str:
    items = found[1].replace("\n", " ").split(",")
    items = [item.strip() for item in items]
    if len(items) > _LONGEST_LIST:
        items = [*items[:_LONGEST_LIST], f"… {len(items) - _LONGEST_LIST} more"]
    return f"[{', '.join(items)}]"
