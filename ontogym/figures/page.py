"""One self-contained HTML page: words, tables, pictures, all in the file, light and dark."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ontogym import checkpoint
from ontogym.errors import OntogymError

__all__ = ["Page"]

_MEDIA = {".png": "image/png", ".gif": "image/gif", ".svg": "image/svg+xml", ".mp4": "video/mp4"}

_TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ title }}</title>
<style>
  :root { --paper: #ffffff; --ink: #1d2329; --quiet: #5b6670; --line: #d8dee4; --card: #f6f8fa; }
  @media (prefers-color-scheme: dark) {
    :root { --paper: #14181c; --ink: #e8ecef; --quiet: #9aa5af; --line: #333c44; --card: #1c2227; }
  }
  body { background: var(--paper); color: var(--ink); margin: 0 auto; max-width: 62rem; padding: 2rem 1.2rem 4rem;
         font: 1rem/1.55 system-ui, sans-serif; }
  h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .4rem; } h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
  p { max-width: 46rem; } .lead, figcaption { color: var(--quiet); }
  figure { margin: 1.2rem 0; } figcaption { font-size: .9rem; margin-top: .4rem; }
  img, video { background: #fff; border: 1px solid var(--line); border-radius: 6px; height: auto; max-width: 100%; }
  .wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  th, td { border-bottom: 1px solid var(--line); padding: .4rem .9rem .4rem 0; text-align: left; }
  pre { background: var(--card); border-radius: 6px; overflow-x: auto; padding: .8rem 1rem; }
</style>
<h1>{{ title }}</h1>
{% if lead %}<p class="lead">{{ lead }}</p>{% endif %}
{% for part in parts %}
{% if part.kind == "heading" %}<h2>{{ part.text }}</h2>
{% elif part.kind == "text" %}<p>{{ part.text }}</p>
{% elif part.kind == "code" %}<pre><code>{{ part.text }}</code></pre>
{% elif part.kind == "table" %}<div class="wide"><table>
<thead><tr>{% for cell in part.head %}<th scope="col">{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in part.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% else %}<figure>{% if part.media.startswith("video") %}<video controls loop muted playsinline src="{{ part.source }}"></video>
{% else %}<img alt="{{ part.text }}" src="{{ part.source }}">{% endif %}<figcaption>{{ part.text }}</figcaption></figure>
{% endif %}{% endfor %}
</html>
"""


@dataclass
class Page:
    """A page, built part by part and written as one file that needs no other.

    Args:
        title: heading and title.
        lead: one line below it.
    """

    title: str
    lead: str = ""
    parts: list[dict[str, Any]] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """A second-level heading."""
        self.parts.append({"kind": "heading", "text": text})

    def text(self, text: str) -> None:
        """A paragraph of plain text."""
        self.parts.append({"kind": "text", "text": text})

    def code(self, text: str) -> None:
        """Commands or code."""
        self.parts.append({"kind": "code", "text": text})

    def table(self, head: Sequence[object], rows: Sequence[Sequence[object]]) -> None:
        """A table; every row as long as the head.

        Raises:
            OntogymError: a row of another length.
        """
        if any(len(row) != len(head) for row in rows):
            raise OntogymError("A table's rows must be as long as its head; fill missing cells with ''.")
        self.parts.append({"kind": "table", "head": list(head), "rows": [list(row) for row in rows]})

    def picture(self, picture: Any, caption: str) -> None:
        """A picture or film: a matplotlib figure, or the path of a png, gif, svg or mp4.

        Args:
            picture: see above.
            caption: below it, and what a screen reader says.

        Raises:
            OntogymError: a file of another kind, or that cannot be read.
        """
        if hasattr(picture, "savefig"):
            buffer = io.BytesIO()
            picture.savefig(buffer, format="png")
            media, data = "image/png", buffer.getvalue()
        else:
            path = Path(picture)
            if path.suffix not in _MEDIA:
                raise OntogymError(f"{path} is no picture that a page takes; use {', '.join(_MEDIA)}.")
            try:
                media, data = _MEDIA[path.suffix], path.read_bytes()
            except OSError as error:
                raise OntogymError(f"Cannot read {path} ({error.strerror}); check the path.") from error
        source = f"data:{media};base64,{base64.b64encode(data).decode()}"
        self.parts.append({"kind": "picture", "media": media, "source": source, "text": caption})

    def html(self) -> str:
        """The page; everything that came as text is escaped."""
        from jinja2 import Environment

        template = Environment(autoescape=True, trim_blocks=True).from_string(_TEMPLATE)
        return template.render(title=self.title, lead=self.lead, parts=self.parts)

    def write(self, path: Path | str) -> None:
        """Write the page, atomically."""
        checkpoint.write_atomic(path, self.html().encode())
