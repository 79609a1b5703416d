"""The site: it says what the board says, holds together without a network, and hostile words stay words."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from ontogym.errors import OntogymError
from ontogym.figures.words import number
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
    assert all(re.fullmatch(r"(agents/|manifests/)?[A-Za-z0-9][A-Za-z0-9._-]*", name) for name in names)
    assert len([n for n in names if n.startswith("agents/")]) == 2 * len(HOSTILE)


def test_the_index_says_what_the_board_says(site):
    board = make_board(status={"PPO": "claimed", "random": "refused"})
    index = pages(site)["index.html"]
    tables = index.all("table", class_="board")
    assert len(tables) == 3
    links = [e.text for e in index.all("a") if (e.attributes["href"] or "").startswith("agents/")]
    assert links == ["LNDP", "PPO", "random"] * 3
    for row in board.rows:
        assert f"{number(row.low)} to {number(row.high)}" in tables[0].text or row.task is not None
    assert next(e.text for e in index.all("span", class_="badge claimed")) == "claimed"
    assert len(index.all("tr", data_status="refused")) == 3
    headers = index.all("th", scope="col")
    sortable = [e for e in headers if "aria-sort" in e.attributes]
    assert len(sortable) == 3 * 10
    assert len([e for e in sortable if e.attributes["aria-sort"] == "descending"]) == 3


def test_charts_say_what_they_show_and_have_their_numbers_in_a_table(site):
    for page in pages(site).values():
        for drawing in page.all("svg", role="img"):
            named = drawing.attributes.get("aria-label") or drawing.attributes.get("aria-labelledby")
            assert named
        assert len(page.all("details", class_="numbers")) == len(page.all("figure", class_="chart"))
    assert len(pages(site)["index.html"].all("figure", class_="chart")) == 2


def test_refused_scores_are_no_evidence_in_learning_curves(site):
    legends = [e.text for e in pages(site)["index.html"].all("ul", class_="legend")]
    assert all("LNDP" in legend and "PPO" in legend and "random" not in legend for legend in legends)


def test_an_agents_page_has_its_manifest_its_commands_and_its_seeds(site):
    (name,) = [name for name in pages(site) if "lndp" in name]
    page = pages(site)[name]
    commands = "\n".join(e.text for e in page.all("pre"))
    assert "ontogym evolve --env ontogym/CartPole-v1 --seed 2" in commands
    assert "ontogym leaderboard verify results/submissions/CartPole-v1--lndp--s2--0123456789" in commands
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
    assert ["some" in table.text for table in index.all("table", class_="board")] == [False, True, False]
    assert "1 more agent have" not in index.all("main")[0].text
    assert "1 more agent has run only some of these tasks" in index.all("main")[0].text


def test_an_empty_board_is_a_page_that_says_what_to_do(tmp_path):
    board = make_board([], {"classic": list(TASKS)})
    build_site(board, tmp_path / "out", "results")
    assert "ontogym leaderboard submit" in pages(tmp_path / "out")["index.html"].all("main")[0].text


def test_what_has_no_number_has_a_dash(tmp_path):
    board = make_board(["a"])
    gone = dict.fromkeys(
        ("first_episode", "last_episode", "adaptation", "wiring_cost", "env_steps", "wall_seconds")
    )
    entries = [
        replace(e, score=None, normalised=None, curve=[], verification=None, **gone) for e in board.entries
    ]
    rows = [replace(r, iqm=None, low=None, high=None, **gone) for r in board.rows]
    board = replace(board, entries=entries, rows=rows, suites={})
    build_site(board, tmp_path / "out", "results")
    (row,) = pages(tmp_path / "out")["index.html"].all("table", class_="board")[0:1]
    assert row.text.count("–") == 7


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
