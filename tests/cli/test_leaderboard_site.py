"""``ontogym leaderboard site``: what it prints, and how it says no."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from ontogym.cli import main
from ontogym.errors import OntogymError
from tests.leaderboard.boards import make_board


@pytest.fixture
def reader(monkeypatch):
    """The store's reader, replaced: what it was asked for, and what it gives."""
    asked: list[Path] = []

    def read_board(store):
        asked.append(Path(store))
        if not Path(store).name.startswith("results"):
            raise OntogymError(f"There is no leaderboard in {store}; check the path.")
        return make_board(["PPO", "random"])

    module = ModuleType("ontogym.leaderboard.board")
    module.read_board = read_board  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return asked


def test_it_reads_the_store_and_writes_the_site(reader, tmp_path, capsys):
    out = tmp_path / "site"
    assert main(["leaderboard", "site", "--store", "results-a", "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found == {
        "index": str(out / "index.html"),
        "agents": 2,
        "submissions": 12,
        "films_made": 0,
        "films_reused": 0,
        "skipped": {},
    }
    assert reader == [Path("results-a")]
    assert "--store results-a" in next((out / "agents").glob("*ppo*")).read_text()


def test_what_cannot_be_shown_is_named(reader, tmp_path, capsys, monkeypatch):
    board = make_board(["PPO", "random"], {"classic": ["CartPole-v1"]}, seeds=1)
    spoilt = [replace(entry, curve=5) if entry.label == "random" else entry for entry in board.entries]
    monkeypatch.setattr(
        sys.modules["ontogym.leaderboard.board"], "read_board", lambda _: replace(board, entries=spoilt)
    )
    assert main(["leaderboard", "site", "--out", str(tmp_path / "site"), "--json"]) == 0
    said = capsys.readouterr()
    (left_out,) = json.loads(said.out.splitlines()[-1])["skipped"]
    assert f"left out {left_out}, which cannot be shown" in said.err


def test_people_are_told_where_the_first_page_is(reader, tmp_path, capsys):
    assert main(["leaderboard", "site", "--out", str(tmp_path / "site"), "--no-animations"]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'site' / 'index.html'}: 2 agents, 12 submissions")
    assert reader == [Path("results")]


@pytest.mark.parametrize("store", ["nowhere", "results"])
def test_bad_input_is_one_sentence_and_status_two(reader, tmp_path, capsys, store):
    """No such store; a folder of other things as the site's."""
    (tmp_path / "mine.txt").write_text("")
    assert main(["leaderboard", "site", "--store", store, "--out", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
