"""Films of networks: what they play is what the network was, and nothing is run that should not be."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load, save

from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.baselines.lives.life import make_agent
from ontogym.baselines.lives.recording import record_life
from ontogym.errors import OntogymError
from ontogym.figures.layout import wires
from ontogym.leaderboard.board import read_board
from ontogym.leaderboard.limits import WEIGHTS
from ontogym.leaderboard.runs import Candidate, make_submission
from ontogym.leaderboard.site import filming
from ontogym.leaderboard.site.filming import FilmStore, _read, film_board
from ontogym.leaderboard.site.networks import Film, FilmedLife, film_life
from ontogym.leaderboard.store import Store
from ontogym.leaderboard.verification import verify
from ontogym.leaderboard.worker import Done, Limits
from tests.leaderboard.boards import make_board
from tests.leaderboard.submissions import lndp

GROWING = "tests.baselines.growing:Growing"
ENV = "ontogym/CartPole-v1"
LIFE = FilmedLife(ENV, episodes=2, seed=3)


@pytest.fixture(scope="module")
def film() -> Film:
    agent = make_agent(GROWING, ENV)
    return film_life(agent, np.zeros(agent.genome_size), LIFE)


def count(network) -> int:
    return int(wires(network.mask, network.weights).sum())


def played(film: Film, until: int) -> np.ndarray:
    """Levels after the frames up to and with `until`, as the page's program has them."""
    levels = np.zeros(len(film.edges), dtype=int)
    for frame in film.frames[: until + 1]:
        for edge, level in frame["changes"]:
            levels[edge] = level
    return levels


def test_every_frame_plays_to_as_many_edges_as_it_says(film):
    assert film.left_out == 0
    for k, frame in enumerate(film.frames):
        assert np.count_nonzero(played(film, k)) == frame["wires"] <= frame["edges"]
    assert len({frame["wires"] for frame in film.frames}) > 5


def test_the_film_starts_at_birth_and_ends_as_the_life_ends(film):
    agent = make_agent(GROWING, ENV)
    recording = record_life(agent, np.zeros(agent.genome_size), ENV, episodes=2, seed=3)
    assert film.frames[0]["caption"] == "birth"
    assert film.frames[0]["edges"] == recording.birth.mask.sum()
    assert film.frames[-1]["edges"] == recording.last.mask.sum()
    weights = recording.last.weights[wires(recording.last.mask, recording.last.weights)]
    levels = played(film, len(film.frames) - 1)
    assert (levels > 0).sum() == (weights > 0).sum()
    assert (levels < 0).sum() == (weights < 0).sum()


def test_development_is_in_the_film_step_by_step_and_ends_where_life_begins(film):
    agent = make_agent(GROWING, ENV)
    recording = record_life(agent, np.zeros(agent.genome_size), ENV, episodes=2, seed=3)
    steps = [f for f in film.frames if f["caption"].startswith("development")]
    assert [f["caption"] for f in steps][-1] == "development, step 10 of 10"
    assert len(steps) >= 5
    assert steps[-1]["edges"] == recording.developed.mask.sum()
    assert film.milestones[1] == [
        "after development",
        count(recording.developed),
        int(recording.developed.mask.sum()),
    ]


def test_what_a_page_needs_is_json_and_in_range(film):
    again = Film(**json.loads(json.dumps(dataclasses.asdict(film))))
    assert again == film
    assert len(film.last_activity) == len(film.nodes) == 16
    assert set(film.last_activity) <= set("012345678")
    assert all(0 <= value <= 400 for node in film.nodes for value in node)
    assert all(abs(level) <= 4 for frame in film.frames for _, level in frame["changes"])


def test_networks_too_large_to_draw_are_refused(monkeypatch):
    monkeypatch.setattr("ontogym.leaderboard.site.networks.MOST_NODES", 8)
    agent = make_agent(GROWING, ENV)
    with pytest.raises(OntogymError, match="too large to be drawn"):
        film_life(agent, np.zeros(agent.genome_size), LIFE)


@pytest.fixture
def growing_board(tmp_path, monkeypatch):
    """One verified agent that can be filmed, one that is claimed, one of a kind without a growing network."""
    monkeypatch.setattr(filming, "_growing_types", lambda: {GROWING})
    monkeypatch.setattr(filming, "run_job", grown)
    board = make_board(
        {"Grower": GROWING, "Claimer": GROWING, "PPO": "ppo"},
        {"classic": ["CartPole-v1"]},
        status={"Claimer": "claimed"},
        store=tmp_path,
    )
    return with_weights(board, save({"genome": np.zeros(1)}))


def grown(name, facts, files, limits):
    """What a worker would do, here: it knows no agents of tests."""
    assert name == "film"
    genome = load(files[WEIGHTS])["genome"]
    film = film_life(make_agent(GROWING, ENV), genome, FilmedLife(**facts["life"]))
    return Done(dataclasses.asdict(film), None)


def with_weights(board, data):
    """The same board, its entries read from a store with these weights."""
    read = SimpleNamespace(submission=SimpleNamespace(files={WEIGHTS: data}))
    files = {WEIGHTS: hashlib.sha256(data).hexdigest()}
    entries = [
        dataclasses.replace(entry, manifest={**entry.manifest, "files": files}, record=read)
        for entry in board.entries
    ]
    return dataclasses.replace(board, entries=entries)


def test_films_are_made_once_for_the_best_verified_seed(growing_board, tmp_path, monkeypatch):
    films = FilmStore(tmp_path / "films")
    first = film_board(growing_board, films)
    best = max((e for e in growing_board.entries if e.label == "Grower"), key=lambda e: e.score)
    assert isinstance(first[best.id], Film)
    assert (films.made, films.reused) == (1, 0)

    def never(*_):
        raise AssertionError("this film is already there")

    monkeypatch.setattr(filming, "run_job", never)
    films = FilmStore(tmp_path / "films")
    assert film_board(growing_board, films) == first
    assert (films.made, films.reused) == (0, 1)


def test_other_weights_and_damaged_films_are_filmed_again(growing_board, tmp_path):
    films = FilmStore(tmp_path / "films")
    film_board(growing_board, films)
    (file,) = (tmp_path / "films").iterdir()
    good = file.read_bytes()
    for place in range(0, len(good), len(good) // 40):
        file.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        assert _read(file) is None
    file.write_bytes(good)
    assert _read(file) is not None
    good = file.read_text()
    file.write_text(good[:100])
    film_board(growing_board, films)
    assert films.made == 2
    assert file.read_text() == good
    film_board(with_weights(growing_board, save({"genome": np.ones(1)})), films)
    assert films.made == 3


def test_a_claimed_agent_is_never_run(growing_board, tmp_path, monkeypatch):
    run = []
    monkeypatch.setattr(filming, "_make", lambda entry, life: run.append(entry.label) or film_stub())
    found = film_board(growing_board, FilmStore(tmp_path / "films"))
    assert run == ["Grower"]
    claimed = [found[e.id] for e in growing_board.entries if e.label == "Claimer" and e.id in found]
    assert claimed == [filming.NOT_VERIFIED]


def test_one_broken_agent_is_a_sentence_and_not_an_end(growing_board, tmp_path):
    found = film_board(with_weights(growing_board, b"no"), FilmStore(tmp_path / "films"))
    notes = [note for note in found.values() if isinstance(note, str) and "cannot be shown" in note]
    assert len(notes) == 1
    assert not (tmp_path / "films").exists()


def test_names_that_would_import_code_are_no_agents():
    assert not any(":" in name for name in filming._growing_types())


def test_a_real_submission_is_filmed_in_a_worker(tmp_path):
    saved = load_agent("zoo:lndp-cartpole")
    training = {"env_steps": 1, "wall_seconds": 1.0}
    made = make_submission(
        Candidate("lndp", saved.options, {"genome": saved.genome}, saved.env, training=training)
    )
    name, _ = Store.open(tmp_path / "store", create=True).add(made, verify(made))
    found = film_board(read_board(tmp_path / "store"), FilmStore(tmp_path / "films"))[name]
    assert isinstance(found, Film), found
    assert len(found.nodes) == 32


def test_a_film_that_takes_too_long_is_a_sentence(tmp_path, monkeypatch):
    made = lndp()
    name, _ = Store.open(tmp_path / "store", create=True).add(made, verify(made))
    monkeypatch.setattr(filming, "FILM_LIMITS", Limits(seconds=0.0))
    found = film_board(read_board(tmp_path / "store"), FilmStore(tmp_path / "films"))[name]
    assert "longer than 0 s" in found
    assert not (tmp_path / "films").exists()


def film_stub() -> Film:
    frame = {"caption": "birth", "wires": 0, "edges": 0, "changes": [], "activity": "4"}
    return Film([[1.0, 2.0]], 1.0, 1, 0, [], [frame], [["at birth", 0, 0]])
