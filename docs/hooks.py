"""What the site is held to when it is built: equations are drawn, links lead somewhere, public names have a page.

A fault is a warning, and ``mkdocs build --strict`` ends at a warning. Equations become MathML, which browsers draw without a
program and without a network.
"""

from __future__ import annotations

import html
import importlib
import logging
import pkgutil
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import ontogym
from ontogym import registry
from ontogym.envs.registration import ENTRIES

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

log = logging.getLogger("mkdocs.hooks.site")
LEAVING = re.compile(r"\]\((\.\./[^)#\s]*)(#[^)\s]*)?\)")
HERE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
EQUATION = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
LONG = 50
"""Characters from which an equation within a line may be wider than a narrow page."""
LINK = re.compile(r'<(?:a|img|link|script|source|iframe)\b[^>]*?\s(?:href|src)="([^"]*)"')
ANCHOR = re.compile(r'\s(?:id|name)="([^"]+)"')


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: object) -> str:
    """Links that leave ``docs/`` for the repository, which readers of a checkout follow, lead to it from the site too."""
    folder = PurePosixPath(page.file.src_uri).parent

    def led(found: re.Match[str]) -> str:
        path = posixpath.normpath((PurePosixPath("docs") / folder / found[1]).as_posix())
        if path.startswith("docs/"):
            return found[0]
        if path in HERE:
            return f"]({posixpath.relpath(HERE[path], folder)}{found[2] or ''})"
        return f"]({config.extra['repository']}/tree/main/{path}{found[2] or ''})"

    return LEAVING.sub(led, markdown)


def on_page_content(content: str, **_: object) -> str:
    """Equations as MathML."""
    from latex2mathml.converter import convert

    def drawn(found: re.Match[str]) -> str:
        text = html.unescape(found[3]).strip()
        if found[2] == "(":
            return (
                f'<span class="equation">{convert(text)}</span>' if len(text) > LONG else str(convert(text))
            )
        return f'<div class="equation">{convert(text, display="block")}</div>'

    return EQUATION.sub(drawn, content)


def on_post_build(config: MkDocsConfig, **_: object) -> None:
    """Warn of every link that leads nowhere and of every public name without a page."""
    site = Path(config.site_dir)
    for fault in [*dead_links(site), *unseen_names(site), *unlisted(site)]:
        log.warning(fault)


def dead_links(site: Path) -> Iterator[str]:
    """Links within the site whose file, or whose place in the file, is not there."""
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    anchors = {path: {html.unescape(name) for name in ANCHOR.findall(text)} for path, text in pages.items()}
    for path, text in pages.items():
        for target in set(LINK.findall(text)):
            url = urlsplit(html.unescape(target))
            if url.scheme or url.netloc or url.path.startswith("/") or path.name == "404.html":
                continue
            file = (path.parent / unquote(url.path)).resolve() if url.path else path.resolve()
            file = file / "index.html" if file.is_dir() else file
            place = unquote(url.fragment)
            known = anchors.get(site.resolve() / file.relative_to(site.resolve())) if file.exists() else None
            if not file.exists():
                yield f"{path.relative_to(site)} links to {target}, which is not there."
            elif place and not place.startswith("__") and known is not None and place not in known:
                yield f"{path.relative_to(site)} links to {target}, a page without that place."


def unseen_names(site: Path) -> Iterator[str]:
    """Names in a module's ``__all__`` that have no entry on its page."""
    for found in [None, *pkgutil.walk_packages(ontogym.__path__, "ontogym.")]:
        name = found.name if found else "ontogym"
        if name.endswith("__main__"):
            continue
        public = getattr(importlib.import_module(name), "__all__", ())
        page = site / "reference" / f"{name}.html"
        text = page.read_text(encoding="utf-8") if page.exists() else ""
        for attribute in public:
            if f'id="{name}.{attribute}"' not in text:
                yield f"{name}.{attribute} is public and has no entry on a page."


def unlisted(site: Path) -> Iterator[str]:
    """Environments and registered names that the catalogue does not lead to, or whose page says nothing of them."""
    index = (site / "catalogue" / "index.html").read_text(encoding="utf-8")
    tables = [table for table in vars(registry).values() if isinstance(table, registry.Registry)]
    ours = [name for table in tables for name, entry in table.entries().items() if entry.origin == "ontogym"]
    for name in [*ENTRIES, *ours]:
        found = re.search(rf'<a href="([^"]+)"><code>{re.escape(name)}</code></a>', index)
        page = site / "catalogue" / html.unescape(found[1]) if found else None
        if (
            page is None
            or not page.exists()
            or 'class="doc doc-contents' not in page.read_text(encoding="utf-8")
        ):
            yield f"{name} is registered and has no page in the catalogue."
