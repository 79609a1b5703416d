"""The site: it says what the board says, holds together without a network, and hostile words stay words."""

from __future__ import annotations

import functools
import json
import os
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from ontogym.errors import OntogymError
from ontogym.figures.words import number
from ontogym.leaderboard.board import Row
from ontogym.leaderboard.site import build as building
from ontogym.leaderboard.site import build_site
from tests.leaderboard.boards import TASKS, make_board
from tests.leaderboard.markup import Markup

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</title></svg></script><script src=//evil.example/x.js></script>",
    "{{ 7 * 7 }}{% raw %}",
    "<!--<![CDATA[ ]]>-->&lt;b&gt;&amp;",
    "admin\u202etxt.exe\u2066\u200b",
    "lone \ud800 surrogate and \x00 null",
    "../../../../etc/passwd",
    "https://evil.example/",
    "name\n[verified](x)\r\nnext",
    "Z\u0335\u0301\u0302\u0303\u0304\u0305\u0306\u0307algo",
    "",
    "x" * 5000,
]


def hostile_board(tmp_path):
    """Every text that a submitter can choose is hostile, suite, task and agent type included."""
    text = " ".join(HOSTILE)
    manifest = {
        "author": text,
        "notes": text,
        "agent": {"type": HOSTILE[0], "label": HOSTILE[1], "options": dict.fromkeys(HOSTILE, HOSTILE)},
        "training": {"command": f"ontogym train; {text}", "hardware": {"cpu": text}},
    }
    board = make_board(
        dict.fromkeys(HOSTILE, HOSTILE[0]),
        {HOSTILE[4]: [HOSTILE[0], HOSTILE[7]], HOSTILE[7]: [HOSTILE[9]]},
        seeds=2,
        tasks={},
        manifest=manifest,
        status={HOSTILE[0]: "refused", HOSTILE[1]: "<b>", HOSTILE[2]: "claimed"},
        store=tmp_path / "results",
    )
    return replace(
        board,
        entries=[replace(e, verification={"status": e.status, "reasons": [text]}) for e in board.entries],
    )


def pages(site: Path) -> dict[str, Markup]:
    return {str(path.relative_to(site)): Markup(path) for path in sorted(site.rglob("*.html"))}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Three agents of which one is claimed and one refused, on two tasks."""
    folder = tmp_path_factory.mktemp("site")
    board = make_board(status={"PPO": "claimed", "random": "refused"})
    build_site(board, folder / "out", folder / "results", animations=False)
    return folder / "out"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    build_site(hostile_board(folder), folder / "out", folder / "results")
    return folder / "out"


@pytest.fixture(scope="module", params=["site", "hostile"])
def any_site(request) -> Path:
    return request.getfixturevalue(request.param)


def test_tags_match_and_ids_are_unique(any_site):
    for name, page in pages(any_site).items():
        assert page.faults == [], name
        ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
        assert len(ids) == len(set(ids)), name


def test_nothing_is_loaded_from_elsewhere_and_every_link_leads_somewhere(any_site):
    found = pages(any_site)
    for name, page in found.items():
        here = (any_site / name).parent
        for element in page.elements:
            for attribute in ("href", "src", "action", "data", "srcset", "poster", "xlink:href"):
                address = element.attributes.get(attribute)
                if address is None or address == "data:,":
                    continue
                parts = urlsplit(address)
                assert not parts.scheme, (name, address)
                assert not parts.netloc, (name, address)
                target = (here / unquote(parts.path)).resolve() if parts.path else (any_site / name).resolve()
                assert target.is_relative_to(any_site.resolve()), (name, address)
                assert target.is_file(), (name, address)
                if parts.fragment:
                    linked = found[str(target.relative_to(any_site.resolve()))]
                    assert any(e.attributes.get("id") == parts.fragment for e in linked.elements), address


def test_no_program_but_ours_and_no_style_in_the_markup(any_site):
    for name, page in pages(any_site).items():
        for script in page.all("script"):
            ours = script.attributes.get("src", "").removeprefix("../") == "site.js"
            assert ours or script.attributes.get("type") == "application/json", name
        for element in page.elements:
            assert not [a for a in element.attributes if a.startswith("on") or a == "style"], name
            assert element.tag not in ("img", "iframe", "object", "embed", "base", "style", "foreignobject")
        (policy,) = page.all("meta", http_equiv="Content-Security-Policy")
        assert "default-src 'none'" in policy.attributes["content"]
        assert "unsafe" not in policy.attributes["content"]


def test_hostile_words_are_shown_as_words(hostile):
    index = pages(hostile)["index.html"]
    shown = "\n".join(element.text for element in index.all("th", scope="row"))
    for text in ("<script>alert(1)</script>", "javascript:alert(1)", "{{ 7 * 7 }}", "&lt;b&gt;"):
        assert text in shown
    assert "admin⟨U+202E⟩txt.exe⟨U+2066⟩⟨U+200B⟩" in shown
    assert "lone ⟨U+D800⟩ surrogate and ⟨U+0000⟩ null" in shown


def test_no_invisible_character_is_in_any_page(hostile):
    for path in hostile.rglob("*.html"):
        assert not re.search(
            "[\x00-\x08\x0b-\x1f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", path.read_text("utf-8")
        )
    for path in hostile.rglob("*.json"):
        assert path.read_bytes().isascii()
        json.loads(path.read_text())


def test_file_names_stay_in_the_site(hostile):
    names = [str(path.relative_to(hostile)) for path in hostile.rglob("*") if path.is_file()]
    assert all(
        re.fullmatch(r"(agents/|manifests/|tasks/)?[A-Za-z0-9][A-Za-z0-9._-]*", name) for name in names
    )
    assert len([n for n in names if n.startswith("agents/")]) == 2 * len(HOSTILE)


def test_the_index_says_what_the_board_says(site):
    board = make_board(status={"PPO": "claimed", "random": "refused"})
    index = pages(site)["index.html"]
    (table,) = index.all("table", class_="board")
    links = [e.text for e in index.all("a") if (e.attributes["href"] or "").startswith("agents/")]
    assert links == ["LNDP", "PPO", "random"]
    for row in board.rows:
        assert f"{number(row.low)} to {number(row.high)}" in table.text or row.task is not None
    assert next(e.text for e in index.all("span", class_="badge claimed")) == "claimed"
    assert len(index.all("tr", data_status="refused")) == 1
    sortable = [e for e in index.all("th", scope="col") if "aria-sort" in e.attributes]
    # There is no column for what nobody measured here: what was regained, and all that this board does not know.
    assert [e.text for e in sortable] == [
        "Agent", "IQM", "First episode", "Last episode", "End density", "Env steps", "Wall-clock", "Seeds", "Status",
    ]  # fmt: skip
    assert [e.attributes["aria-sort"] for e in sortable].count("descending") == 1
    best = {row.task: number(row.iqm) for row in board.rows if row.label == "LNDP"}
    (tasks,) = index.all("table", class_="tasks")
    assert all(name in tasks.text and best[name] in tasks.text for name in TASKS)


def test_every_task_has_a_page_and_every_score_is_in_one_table(site):
    board = make_board(status={"PPO": "claimed", "random": "refused"})
    found = pages(site)
    tasks = [page for name, page in found.items() if name.startswith("tasks/")]
    assert sorted(page.all("h1")[0].text for page in tasks) == sorted(TASKS)
    (flat,) = found["results.html"].all("table", class_="board")
    for row in board.rows:
        if row.task is None:
            continue
        (page,) = [page for page in tasks if page.all("h1")[0].text == row.task]
        for shown in (page.all("table", class_="board")[0], flat):
            assert f"{number(row.low)} to {number(row.high)}" in shown.text
        assert len(page.all("tr", data_status="refused")) == 1
    assert len(found["results.html"].all("tr", data_status="refused")) == 2


def test_rows_say_by_number_what_they_can_be_filtered_by(tmp_path):
    suites = {"classic": ["CartPole-v1"], "other": ["Foraging-v0", "CartPole-v1"]}
    board = make_board(["a", "b"], suites)
    for k, entry in enumerate(board.entries):
        entry.manifest["author"] = f"author {k % 2}" if entry.label == "a" else ""
    build_site(board, tmp_path / "out", "results")
    results = pages(tmp_path / "out")["results.html"]
    options = [e.text for e in results.all("option")]
    assert options == [
        "all",
        "classic",
        "other",
        "all",
        "CartPole-v1",
        "Foraging-v0",
        "all",
        "author 0",
        "author 1",
    ]
    rows = [e.attributes for e in results.elements if e.tag == "tr" and "data-suite" in e.attributes]
    seen = [(r["data-suite"], r["data-task"], r["data-author"]) for r in rows]
    assert sorted(seen) == sorted(
        (s, t, a) for s, t in (("0", "0"), ("1", "1"), ("1", "0")) for a in ("0 1", "")
    )


def test_columns_of_later_boards_appear_when_a_row_has_them(tmp_path):
    @dataclass(frozen=True)
    class Later(Row):
        held_out: float | None = None
        regained: float | None = 0.4
        told_clamped: float | None = None
        parameters: int = 12_345
        cpu_seconds: float = 7200.0

    board = make_board(["a", "b"])
    rows = [
        Later(**{f.name: getattr(row, f.name) for f in fields(Row)} | {"regained": 0.4}) for row in board.rows
    ]
    build_site(replace(board, rows=rows), tmp_path / "out", "results")
    (table,) = pages(tmp_path / "out")["index.html"].all("table", class_="board")
    for shown in ("Regained", "0.400", "Parameters", "12.3 k", "CPU time", "2 h"):
        assert shown in table.text
    for absent in ("Held-out", "Told clamped", "Weights frozen"):
        assert absent not in table.text


@pytest.mark.parametrize(
    "spoilt",
    [
        {"manifest": ["no", "mapping"]},
        {"manifest": functools.reduce(lambda inner, _: {"a": inner}, range(100_000), {})},
        {"curve": 7},
        {"env_steps": "many"},
        {"verification": {"status": "verified", "reasons": 3}},
    ],
)
def test_one_bad_entry_is_named_and_hides_no_other(tmp_path, spoilt):
    board = make_board(["good", "bad"], seeds=1)
    entries = [replace(e, **spoilt) if e.label == "bad" else e for e in board.entries]
    report = build_site(replace(board, entries=entries), tmp_path / "out", "results", animations=False)
    assert set(report.skipped) == {e.id for e in entries if e.label == "bad"}
    index = pages(tmp_path / "out")["index.html"]
    assert "good" in index.all("table", class_="board")[0].text
    assert "bad" not in index.all("table", class_="board")[0].text
    (left_out,) = index.all("section", id="skipped")
    assert all(name in left_out.text for name in report.skipped)


def test_charts_say_what_they_show_and_have_their_numbers_in_a_table(site):
    for page in pages(site).values():
        for drawing in page.all("svg", role="img"):
            named = drawing.attributes.get("aria-label") or drawing.attributes.get("aria-labelledby")
            assert named
        assert len(page.all("details", class_="numbers")) == len(page.all("figure", class_="chart"))
    tasks = [page for name, page in pages(site).items() if name.startswith("tasks/")]
    assert [len(page.all("figure", class_="chart")) for page in tasks] == [1, 1]


def test_refused_scores_are_no_evidence_in_learning_curves(site):
    tasks = [page for name, page in pages(site).items() if name.startswith("tasks/")]
    legends = [e.text for page in tasks for e in page.all("ul", class_="legend")]
    assert len(legends) == 2
    assert all("LNDP" in legend and "PPO" in legend and "random" not in legend for legend in legends)


def test_an_agents_page_has_its_manifest_its_commands_and_its_seeds(site):
    (name,) = [name for name in pages(site) if "lndp" in name]
    page = pages(site)[name]
    commands = "\n".join(e.text for e in page.all("pre"))
    assert "ontogym evolve --env ontogym/CartPole-v1 --seed 2" in commands
    assert "ontogym leaderboard verify CartPole-v1--lndp--s2--0123456789 --store results" in commands
    assert '"author": "A. Tester"' in commands
    assert len(page.all("details", class_="manifest")) == 6
    (refused,) = [page for name, page in pages(site).items() if "random" in name]
    assert "Life 3, episode 1 returned 12.0 and not 500.0." in refused.all("main")[0].text


def test_the_site_says_what_it_cannot_claim(site):
    (claims,) = pages(site)["index.html"].all("section", id="claims")
    assert "4 of 4 rows have fewer than 10 training seeds" in claims.text
    assert "Budgets run from 100 k to 200 k environment steps" in claims.text
    assert "12 of 18 submissions are not verified" in claims.text


def test_many_seeds_are_not_called_few(tmp_path):
    build_site(make_board(["a"], seeds=10), tmp_path / "out", "results", animations=False)
    (claims,) = pages(tmp_path / "out")["index.html"].all("section", id="claims")
    assert "fewer than" not in claims.text


def test_equal_boards_give_equal_files_and_a_rebuild_drops_old_pages(tmp_path):
    read = lambda: {str(p): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}  # noqa: E731
    build_site(make_board(["a", "b"]), tmp_path / "out", "results")
    first = read()
    build_site(make_board(["a", "c"]), tmp_path / "out", "results")
    assert not [name for name in read() if "-b-" in name]
    build_site(make_board(["a", "b"]), tmp_path / "out", "results")
    assert read() == first


def test_an_agent_that_lacks_tasks_is_listed_where_it_has_been(tmp_path):
    board = make_board(["all", "some"])
    tasks = list(TASKS)
    keep = lambda one: one.label == "all" or one.task == tasks[0]  # noqa: E731
    board = replace(board, entries=list(filter(keep, board.entries)), rows=list(filter(keep, board.rows)))
    build_site(board, tmp_path / "out", "results")
    index = pages(tmp_path / "out")["index.html"]
    assert ["some" in table.text for table in index.all("table", class_="board")] == [False]
    own = {p.all("h1")[0].text: p for name, p in pages(tmp_path / "out").items() if name.startswith("tasks/")}
    assert [("some" in own[task].all("table", class_="board")[0].text) for task in tasks] == [True, False]
    assert "1 more agent have" not in index.all("main")[0].text
    assert "1 more agent has run only some of these tasks" in index.all("main")[0].text


def test_an_empty_board_is_a_page_that_says_what_to_do(tmp_path):
    board = make_board([], {"classic": list(TASKS)})
    build_site(board, tmp_path / "out", "results")
    assert "ontogym leaderboard submit" in pages(tmp_path / "out")["index.html"].all("main")[0].text


def test_what_has_no_number_has_a_dash_and_what_none_has_no_column(tmp_path):
    board = make_board(["a", "b"])
    gone = dict.fromkeys(
        ("first_episode", "last_episode", "adaptation", "wiring_cost", "env_steps", "wall_seconds")
    )
    entries = [
        e if e.label == "b" else replace(e, score=None, normalised=None, curve=[], verification=None, **gone)
        for e in board.entries
    ]
    rows = [r if r.label == "b" else replace(r, iqm=None, low=None, high=None, **gone) for r in board.rows]
    board = replace(board, entries=entries, rows=rows, suites={})
    build_site(board, tmp_path / "out", "results")
    (row,) = pages(tmp_path / "out")["index.html"].all("table", class_="board")[0:1]
    assert row.text.count("–") == 5  # no score and four means; nobody has wiring


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OntogymError, match="choose an empty folder"):
        build_site(make_board(), tmp_path, "results")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_list_of_files_that_points_elsewhere_deletes_nothing(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    build_site(make_board(["a"]), tmp_path / "out", "results")
    listed = tmp_path / "out" / "site.json"
    listed.write_text(
        json.dumps({"format": 1, "kind": "leaderboard-site", "files": ["../precious.txt", "agents"]})
    )
    build_site(make_board(["a"]), tmp_path / "out", "results")
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_build_that_fails_leaves_the_old_site_whole(tmp_path, monkeypatch):
    build_site(make_board(["a"]), tmp_path / "out", "results")
    before = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}

    def full(self, *_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building._Writer, "index", full)
    with pytest.raises(OntogymError, match="No space left on device"):
        build_site(make_board(["b"]), tmp_path / "out", "results")
    assert {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_a_sentence(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OntogymError, match="choose a folder you may write to"):
        build_site(make_board(["a"]), tmp_path / "out", "results")


def test_a_file_in_the_way_is_a_sentence(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(OntogymError, match="Cannot use"):
        build_site(make_board(["a"]), tmp_path / "out", "results")
