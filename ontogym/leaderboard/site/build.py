"""A board as a folder of pages that need no server and no network."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ontogym import checkpoint
from ontogym.errors import OntogymError
from ontogym.leaderboard.site.agent_pages import AgentPage, agent_pages
from ontogym.leaderboard.site.filming import FilmStore, film_board
from ontogym.leaderboard.site.first_page import IndexPage, index_page
from ontogym.leaderboard.site.screening import screened
from ontogym.leaderboard.site.task_pages import results_page, task_names, task_pages
from ontogym.leaderboard.site.text import brief, safe_name, visible

if TYPE_CHECKING:
    from jinja2 import Environment

    from ontogym.leaderboard.board import Board

__all__ = ["SiteReport", "build_site"]

TEMPLATES = Path(__file__).parent / "templates"
FORMAT = 1
_LIST = "site.json"
_FOLDERS = ("agents", "manifests", "tasks")


@dataclass(frozen=True)
class SiteReport:
    """What was built: the first page, how many agents' pages, how many films were made and reused.

    `skipped` says of entries that could not be shown, by their id, why.
    """

    index: Path
    agents: int
    submissions: int
    films_made: int
    films_reused: int
    skipped: dict[str, str] = field(default_factory=dict)


def build_site(board: Board, out: Path | str, store: Path | str, animations: bool = True) -> SiteReport:
    """Write the site of a board, in place of an older one.

    Equal boards give equal files. Pages are made in a folder beside `out` and moved when all are there; films of
    growing networks are kept in ``networks/`` and made only once. Nothing that a submission says reaches a page
    unescaped, and no address that it names becomes a link. An entry that cannot be shown is left out and named, on the
    first page and in the report.

    Args:
        board: what `read_board` returned.
        out: folder of the site: new, empty, or one that an earlier call wrote.
        store: folder of the leaderboard; only its name is used, in commands.
        animations: make films of growing networks where there is none yet. It runs verified agents.

    Raises:
        OntogymError: `out` holds something else, or cannot be written.
    """
    out = Path(out)
    old = _old_files(out)
    board, shown, unshown = screened(board)
    skipped = {**board.faults, **unshown}
    films = FilmStore(out / "networks")
    filmed = film_board(board, films) if animations else {}
    agents = {
        (entry.suite, entry.label): f"{safe_name(entry.suite, entry.label)}.html" for entry in board.entries
    }
    tasks = {names: f"{safe_name(*names)}.html" for names in task_names(board)}
    store_name = visible(Path(store).resolve().name)
    try:
        with _staged(out) as stage:
            writer = _Writer(stage, old)
            for page in agent_pages(board, shown, agents, filmed, store_name):
                writer.agent(page)
            for task in task_pages(board, agents, tasks):
                writer.page(f"tasks/{task.file}", "task.html", task)
            writer.page("results.html", "results.html", results_page(board, agents, tasks))
            writer.index(index_page(board, agents, tasks, skipped))
            written = writer.finish()
            _publish(stage, out, written, old)
    except OSError as error:
        raise OntogymError(
            f"Cannot write the site to {out} ({error.strerror or error}); choose a folder you may write to."
        ) from error
    return SiteReport(out / "index.html", len(agents), len(board.entries), films.made, films.reused, skipped)


class _Writer:
    """Renders pages into a folder and remembers their names."""

    def __init__(self, folder: Path, old: set[str]) -> None:
        self.folder, self.written = folder, set[str]()
        self.templates = _templates()
        for name in _FOLDERS:
            (folder / name).mkdir()

    def agent(self, page: AgentPage) -> None:
        """A page, and the manifests that it links to."""
        self.page(f"agents/{page.file}", "agent.html", page)
        for name, data in page.manifests.items():
            self._put(f"manifests/{name}", data)

    def page(self, name: str, template: str, page: Any) -> None:
        """One page."""
        html = self.templates.get_template(template).render(page=page, root="../" * name.count("/"))
        self._put(name, html.encode())

    def index(self, page: IndexPage) -> None:
        """The first page, with the style and the program that all pages share."""
        self.page("index.html", "index.html", page)
        for name in ("site.css", "site.js"):
            self._put(name, (TEMPLATES / name).read_bytes())

    def finish(self) -> set[str]:
        """Write the list of all files, which marks the folder as ours; returns their names."""
        listed = {"format": FORMAT, "kind": "leaderboard-site", "files": sorted(self.written)}
        checkpoint.write_sealed_json(self.folder / _LIST, listed)
        self.written.add(_LIST)
        return self.written

    def _put(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)
        self.written.add(name)


def _templates() -> Environment:
    """Templates in which whatever is printed is first made visible and then escaped, without being asked."""
    import jinja2
    from markupsafe import Markup

    def reveal(value: Any) -> Any:
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=reveal,
    )
    environment.filters |= {"brief": brief, "level": _level_class}
    environment.globals["version"] = sys.modules["ontogym"].__version__
    return environment


def _level_class(level: int) -> str:
    return f"p{level}" if level > 0 else f"n{-level}" if level else ""


def _old_files(out: Path) -> set[str]:
    """Files of the site that is in `out`; none for a new or empty folder.

    Raises:
        OntogymError: the folder holds something that is no site.
    """
    try:
        present = {path.name for path in out.iterdir()}
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise OntogymError(f"Cannot use {out} as the site's folder ({error.strerror}).") from error
    # Films may be there before the first page is: a build may have been killed in between.
    if present <= {"networks"}:
        return set()
    try:
        listed = checkpoint.read_sealed_json(out / _LIST)
        if listed["kind"] != "leaderboard-site" or int(listed["format"]) > FORMAT:
            raise ValueError(listed["kind"])
        return {str(name) for name in listed["files"]}
    except (ValueError, LookupError, TypeError, OntogymError) as error:
        raise OntogymError(
            f"{out} holds something that this ontogym did not write; choose an empty folder as --out."
        ) from error


@contextmanager
def _staged(out: Path) -> Iterator[Path]:
    """A folder beside `out` (so that moving is renaming), gone at the end whatever happens."""
    out.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part"))
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _publish(stage: Path, out: Path, written: set[str], old: set[str]) -> None:
    """Move every page into place, the first page after those it links to; then drop what is no longer there."""
    for folder in _FOLDERS:
        (out / folder).mkdir(parents=True, exist_ok=True)
    # The list goes first: from then on the folder is known as a site, whenever this is cut short.
    order = sorted(written, key=lambda name: (name != _LIST, name == "index.html", name))
    for name in order:
        os.replace(stage / name, out / name)
    root = out.resolve()
    for name in old - written:
        stale = (root / name).resolve()
        if stale.is_relative_to(root) and stale.is_file():
            stale.unlink()
