"""Labels: whose they are, what they may look like, and that no claim stands above what was verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ontogym.errors import OntogymError
from ontogym.leaderboard.board import read_board
from ontogym.leaderboard.labels import check_label, check_name, skeleton
from ontogym.leaderboard.limits import Refused
from ontogym.leaderboard.runs import Candidate, make_submission
from ontogym.leaderboard.store import Store
from ontogym.leaderboard.submission import Submission
from ontogym.leaderboard.suites import SUITES
from ontogym.leaderboard.verification import verify
from tests.leaderboard.submissions import changed, random_agent

CONSTANT = {"env_steps": 0, "wall_seconds": 0.0}


def constant(seed: int, action: int, label: str, author: str = "Ada") -> Submission:
    candidate = Candidate("constant", {"action": action}, {}, seed=seed, training=dict(CONSTANT))
    return make_submission(candidate, "CartPole-v1", label, author)


@pytest.mark.parametrize(
    "label",
    [
        "LNDP (identity)",
        "CMA-ES, one filter for all pictures",
        "TD(λ)",
        "β-VAE",
        "naïve Bayes",
        "PPO+",
        "A → B (±1 °)",
        "ひらがなと漢字",
        "агент",
    ],
)
def test_labels_as_people_write_them(label: str) -> None:
    assert check_label(label) == label


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("", "empty"),
        (" ", "blanks"),
        ("PPO ", "blanks"),
        (" PPO", "blanks"),
        ("P  PO", "blanks"),
        ("PPO\u00a0", "printed"),
        ("PPO\u200b", "printed"),
        ("P\u00adPO", "printed"),
        ("PPO\ufe0f", "shows nothing"),
        ("PPO\u034f", "shows nothing"),
        ("\u2800", "shows nothing"),
        ("\u3164", "shows nothing"),
        ("PPO\uffa0", "shows nothing"),
        ("PPO\u180b", "shows nothing"),
        ("\u202ePPO", "printed"),
        ("nai\u0308ve", "composed"),
        ("ＰＰＯ", "stand for others"),
        ("𝐏𝐏𝐎", "stand for others"),
        ("P\u0440O", "mixes"),
        ("РРО", "look Latin"),
        ("ΡΡΟ", "look Latin"),
        ("ᴘᴘᴏ", "common one"),
        ("ꓑꓑꓳ", "common one"),
        ("ᏢᏢO", "common one"),
        ("M\u2223P", "sign that can stand"),
        ("PP\u25cb", "sign that can stand"),
        ("PP\u0966", "sign that can stand"),
        ("MLP \u2714", "sign that can stand"),
        ("MLP \U0001f947", "sign that can stand"),
        ("---", "no letter"),
        ("x" * 81, "the most is"),
        ("PPO\n", "printed"),
        (5, "must be text"),
        (["PPO"], "must be text"),
    ],
)
def test_labels_that_deceive(label: Any, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        check_label(label)


def test_what_looks_alike_has_one_skeleton() -> None:
    same = ("PPO", "ppo", "P-PO", "PP0", "Ppo.", "P P O")
    assert len({skeleton(label) for label in same}) == 1
    assert skeleton("LNDP 1") == skeleton("LNDP l")
    assert skeleton("modern") == skeleton("modem")
    assert skeleton("ニ号ロ") == skeleton("二号口")
    assert len({skeleton(label) for label in ("PPO", "A2C", "PPO+", "PPO (tuned)", "LNDP", "TD(λ)")}) == 6
    assert check_name("", "The author", 10, empty=True) == ""


@pytest.mark.parametrize(
    ("label", "like"),
    [
        ("łndp", "lndp"),
        ("døt", "dot"),
        ("đot", "dot"),
        ("haŧ", "hat"),
        ("ĸan", "kan"),
        ("þat", "pat"),
        ("trænet", "traenet"),
        ("lηdp", "lndp"),
        ("grγ", "gry"),
        ("sσn", "son"),
        ("neτ", "net"),
        ("ταn", "tan"),
        ("ргос", "proc"),
        ("нет", "het"),
        ("a~b", "a-b"),
    ],
)
def test_letters_with_strokes_and_of_other_scripts_are_compared_by_their_looks(label: str, like: str) -> None:
    """They may be written, where nobody has the label that they resemble."""
    assert check_label(label) == label
    assert skeleton(label) == skeleton(like)


def test_a_label_belongs_to_its_first_author(tmp_path: Path) -> None:
    store = Store.open(tmp_path, create=True)
    mine = constant(1, 0, "Pusher")
    name, _ = store.add(mine, verify(mine))
    for stranger in (
        constant(2, 1, "Pusher", "Eve"),
        constant(1, 1, "Pusher", "Eve"),
        constant(2, 1, "Pusher", ""),
    ):
        with pytest.raises(Refused, match="belongs to 'Ada'"):
            store.add(stranger, verify(stranger))
    for label in ("pusher", "Pusher.", "P-usher", "Pu5her"):
        with pytest.raises(Refused, match="looks like 'Pusher'"):
            store.add(constant(2, 1, label, "Eve"), None)
    stranger = constant(2, 1, "Pusher", "Eve")
    store.add(stranger, verify(stranger), accept=["label"])
    (row,) = [row for row in read_board(tmp_path).rows if row.task]
    assert row.seeds == 2
    # The organiser's word counts, not the submission's.
    forged = constant(3, 1, "Pusher", "Ada")
    with pytest.raises(Refused, match="belongs to 'Ada', not to 'Eve'"):
        store.add(forged, verify(forged), author="Eve")
    assert Store.open(tmp_path).record(name).author == "Ada"


def test_a_store_that_was_put_together_by_hand_does_not_count_what_is_not_the_authors(tmp_path: Path) -> None:
    """An entry with the label of another, copied into the folder, stands in no row and the board says why."""
    ours, theirs = Store.open(tmp_path / "a", create=True), Store.open(tmp_path / "b", create=True)
    ours.add(constant(1, 0, "Pusher"), verify(constant(1, 0, "Pusher")))
    ours.add(random_agent(1, "CartPole-v1"), None)
    other = constant(2, 1, "Pusher", "Eve")
    theirs.add(random_agent(2, "CartPole-v1"), None)
    theirs.add(constant(3, 1, "Other", "Eve"), verify(constant(3, 1, "Other", "Eve")))
    name, _ = theirs.add(other, verify(other), accept=["copy"])
    file = f"{name}.zip"
    (tmp_path / "a" / "entries" / file).write_bytes((tmp_path / "b" / "entries" / file).read_bytes())
    board = read_board(tmp_path / "a")
    assert [row.seeds for row in board.rows if row.task and row.label == "Pusher"] == [1]
    assert [entry.left_out for entry in board.entries if entry.id == name] == ["The label belongs to Ada."]


def test_one_agent_a_seed_until_an_organiser_replaces_it(tmp_path: Path) -> None:
    store = Store.open(tmp_path, create=True)
    first, second = constant(1, 0, "Pusher"), constant(1, 1, "Pusher")
    store.add(first, verify(first))
    with pytest.raises(Refused, match="Seed 1 of 'Pusher' is there already"):
        store.add(second, verify(second))
    before = read_board(tmp_path).rows
    name, _ = store.add(second, verify(second), accept=["replacement"])
    assert store.record(name).replaces == first.id
    after = read_board(tmp_path)
    assert len(after.entries) == 2
    assert [row.entries for row in after.rows if row.task] == [[name]]
    assert after.rows[0].iqm != before[0].iqm
    with pytest.raises(Refused, match="Nothing called"):
        store.add(constant(7, 1, "x"), None, accept=["everything"])


@pytest.mark.parametrize("change", [{"label": "Mine"}, {"seed": 2}, {"label": "Mine", "author": "Eve"}])
def test_copies_are_named(tmp_path: Path, change: dict[str, Any]) -> None:
    """The same agent under another label or seed, however its files are written."""
    store = Store.open(tmp_path, create=True)
    first = constant(1, 0, "Pusher")
    name, _ = store.add(first, None)
    copy = constant(**{"seed": 1, "action": 0, "label": "Pusher", **change})
    with pytest.raises(Refused, match=f"same agent as {name}"):
        store.add(copy, None)
    other, _ = store.add(copy, None, accept=["copy"])
    board = read_board(tmp_path)
    assert {entry.id: entry.copy_of for entry in board.entries} == {name: (), other: (name,)}
    assert sum(row.copies for row in board.rows if row.task) == 1


@pytest.mark.parametrize("action", [True, 1.0, 1])
def test_copies_of_agents_without_weights_are_found_however_they_are_written(
    tmp_path: Path, action: Any
) -> None:
    store = Store.open(tmp_path, create=True)
    store.add(constant(1, 1, "Pusher"), None)
    with pytest.raises(Refused, match="same agent"):
        store.add(constant(1, action, "Mine", "Eve"), None)
    training = dict(CONSTANT)
    store.add(make_submission(Candidate("random", {}, {}, training=training), "CartPole-v1", "Chance"), None)
    other = make_submission(Candidate("random", {"seed": 0}, {}, training=training), "CartPole-v1", "Luck")
    with pytest.raises(Refused, match="same agent"):
        store.add(other, None)
    with pytest.raises(OntogymError, match="no action"):
        constant(1, 0.5, "Half")  # type: ignore[arg-type]


def test_copies_of_weights_are_found_under_other_names_and_orders() -> None:
    import numpy as np
    from safetensors.numpy import save

    from ontogym.leaderboard.limits import MANIFEST, WEIGHTS
    from ontogym.leaderboard.submission import content_of
    from tests.leaderboard.submissions import lndp

    good = lndp()
    twin = Submission(
        good.manifest, {"other": good.tensors["genome"]}, {**good.files, WEIGHTS: save({"b": np.ones(1)})}
    )
    assert content_of(twin) == content_of(good)
    relabelled = changed(good, {"agent/options/reward_scale": 1.0})
    assert relabelled.files[MANIFEST] != good.files[MANIFEST]
    assert content_of(relabelled) == content_of(good)
    other = Submission(good.manifest, {"genome": good.tensors["genome"] + 1e-9}, good.files)
    assert content_of(other) != content_of(good)


@pytest.mark.parametrize("claim", [1e9, 1e6, 501.0])
def test_claims_rank_below_what_was_verified_and_never_beyond_the_optimum(
    tmp_path: Path, claim: float
) -> None:
    store = Store.open(tmp_path, create=True)
    honest = constant(1, 0, "Pusher")
    store.add(honest, verify(honest))
    boast = constant(1, 1, "Boaster", "Eve")
    returns = [[claim] * len(row) for row in boast.manifest["claimed"]["returns"]]
    store.add(changed(boast, {"claimed/returns": returns}), None)
    more = constant(2, 1, "Pusher")
    store.add(changed(more, {"claimed/returns": returns}), None, accept=["copy"])
    rows = [row for row in sorted(read_board(tmp_path).rows, key=lambda row: row.rank) if row.task]
    assert [row.label for row in rows] == ["Pusher", "Boaster"]
    optimum = SUITES["classic"].task("CartPole-v1").anchors[1]
    assert rows[1].iqm == optimum
    assert rows[0].iqm < 20  # the claim beside it touches nothing
    assert (rows[0].seeds, rows[0].unverified, rows[0].status) == (1, 1, "verified")
