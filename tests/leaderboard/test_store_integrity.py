"""What stands in a store is what was added: identity, damage, migration, held-out seeds, versions, size."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ontogym.cli import main
from ontogym.errors import OntogymError
from ontogym.leaderboard import entries, suites
from ontogym.leaderboard import store as store_module
from ontogym.leaderboard.archive import pack_entry, unpack_entry
from ontogym.leaderboard.board import read_board
from ontogym.leaderboard.limits import MANIFEST, WEIGHTS, Refused
from ontogym.leaderboard.store import Store, entry_name, migrate
from ontogym.leaderboard.submission import Submission, unpack
from ontogym.leaderboard.suites import held_out
from ontogym.leaderboard.verification import verify
from tests.leaderboard.submissions import changed, lndp, random_agent

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture(scope="module")
def good() -> Submission:
    return random_agent()


@pytest.fixture(scope="module")
def evolved() -> Submission:
    return lndp()


@pytest.fixture(scope="module")
def evolved_found(evolved: Submission) -> dict[str, Any]:
    return verify(evolved)


def test_equal_names_of_different_submissions_stay_apart(
    tmp_path: Path, good: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short name is all that collides: a claim with a verified one's name stays a claim with its own bytes."""
    short = lambda submission, digits=12: f"x--{submission.id[: max(0, digits - 12)]}"  # noqa: E731
    monkeypatch.setattr(store_module, "entry_name", short)
    store = Store.open(tmp_path, create=True)
    first, _ = store.add(good, verify(good))
    second, new = store.add(changed(good, {"seed": 9, "agent/options/seed": 9}), None)
    assert (first, new) == ("x--", True)
    assert second != first
    statuses = {entry.id: entry.status for entry in read_board(tmp_path).entries}
    assert statuses == {first: "verified", second: "claimed"}


@pytest.mark.parametrize("part", [MANIFEST, WEIGHTS])
def test_nothing_is_joined_to_bytes_that_differ(
    tmp_path: Path, good: Submission, evolved: Submission, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """Even if two submissions had one SHA-256."""
    store = Store.open(tmp_path, create=True)
    store.add(good, verify(good))
    forged = Submission(good.manifest, good.tensors, {**good.files, part: evolved.files[part]})
    monkeypatch.setattr(Submission, "id", property(lambda self: "0" * 64))
    record = store_module.Record("x", good, 1, "now", "")
    monkeypatch.setattr(Store, "read", lambda self: store_module.Contents([record], {}, "package"))
    with pytest.raises(Refused, match="same SHA-256"):
        store.add(forged, None)


def test_a_verification_belongs_to_one_submission(
    tmp_path: Path, good: Submission, evolved: Submission
) -> None:
    store = Store.open(tmp_path, create=True)
    found = verify(good)
    with pytest.raises(Refused, match="of another submission"):
        store.add(evolved, found)
    for change in (
        {"status": "excellent"},
        {"returns_held_out": []},
        {"extra": 1},
        {"date": "today"},
        {"format": 9},
    ):
        with pytest.raises(Refused):
            store.add(good, {**found, **change})
    assert read_board(tmp_path).entries == []


def test_flipped_bits_are_noticed_and_hide_nothing(
    tmp_path: Path, good: Submission, evolved: Submission, evolved_found: dict[str, Any]
) -> None:
    """One bit at 300 places of an entry's file: the entry is named, the other one stands."""
    store = Store.open(tmp_path, create=True)
    name, _ = store.add(evolved, evolved_found)
    other, _ = store.add(good, verify(good))
    file = tmp_path / "entries" / f"{name}.zip"
    data = file.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(data)
        broken[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        file.write_bytes(broken)
        contents = store.read()
        assert list(contents.faults) == [name]
        assert [record.name for record in contents.records] == [other]
    file.write_bytes(data)
    assert store.read().faults == {}


@pytest.mark.parametrize(
    "damage", ["empty", "truncated", "longer", "swapped", "no zip", "renamed", "other members"]
)
def test_damage_of_every_kind_is_named(
    tmp_path: Path,
    good: Submission,
    evolved: Submission,
    evolved_found: dict[str, Any],
    damage: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = Store.open(tmp_path, create=True)
    name, _ = store.add(evolved, evolved_found)
    other, _ = store.add(good, verify(good))
    file, kept = tmp_path / "entries" / f"{name}.zip", tmp_path / "entries" / f"{other}.zip"
    data = file.read_bytes()
    record = unpack_entry(data)[1]
    replaced = {
        "empty": b"",
        "truncated": data[:-1],
        "longer": data + b"x",
        "swapped": kept.read_bytes(),
        "no zip": b"PK" * 100,
        "renamed": data,
        "other members": pack_entry({**evolved.files, WEIGHTS: good.files[WEIGHTS]}, record),
    }
    file.write_bytes(replaced[damage])
    if damage == "renamed":
        name = f"{name[:-3]}zzz"
        file.rename(file.with_name(f"{name}.zip"))
    board = read_board(tmp_path)
    assert list(board.faults) == [name]
    assert "damaged" in board.faults[name]
    assert [entry.id for entry in board.entries] == [other]
    assert main(["leaderboard", "list", "--store", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert name in told.err
    assert "random" in told.out
    with pytest.raises(OntogymError, match="damaged"):
        store.set_verification(name, evolved_found)


def test_readers_have_what_they_need_or_the_entry_is_refused(good: Submission) -> None:
    """Every key that is required is required: without any of them nothing is taken, so no reader meets a KeyError."""
    for key in (
        *good.manifest,
        *(f"{a}/{b}" for a in ("agent", "training", "claimed") for b in good.manifest[a]),
    ):
        if key != "files":
            with pytest.raises(Refused):
                changed(good, {key: ...})


def old_store(path: Path, submissions: list[Submission]) -> None:
    """As format 1 was written."""
    for submission in submissions:
        folder = path / "submissions" / entry_name(submission, 10)
        folder.mkdir(parents=True)
        for name, data in submission.files.items():
            (folder / name).write_bytes(data)
        found = verify(submission)
        for key in ("submission", "held_out", "spent"):
            del found[key]
        (folder / "verification.json").write_text(json.dumps({**found, "format": 1}))
    (path / "store.json").write_text('{"format": 1, "kind": "leaderboard"}')


def test_a_store_of_format_1_is_read_and_migrated(
    tmp_path: Path, good: Submission, evolved: Submission
) -> None:
    old_store(tmp_path, [good, evolved])
    before = read_board(tmp_path)
    assert before.held_out == "unrecorded"
    with pytest.raises(OntogymError, match="leaderboard migrate"):
        Store.open(tmp_path).add(random_agent(5), None)
    assert main(["leaderboard", "migrate", "--store", str(tmp_path)]) == 0
    after = read_board(tmp_path)
    assert (after.held_out, after.faults) == ("package", {})
    assert [row.iqm for row in after.rows] == [row.iqm for row in before.rows]
    assert [entry.status for entry in after.entries] == ["verified", "verified"]
    assert [e.submission().files for e in after.entries] == [e.submission().files for e in before.entries]
    assert not (tmp_path / "submissions").exists()
    assert migrate(tmp_path, "package") == 2
    Store.open(tmp_path).add(random_agent(5), verify(random_agent(5)))


def test_damage_in_a_store_of_format_1_is_named_and_not_migrated(tmp_path: Path, good: Submission) -> None:
    old_store(tmp_path, [good, random_agent(4)])
    name = Store.open(tmp_path).names()[0]
    (tmp_path / "submissions" / name / WEIGHTS).write_bytes(b"")
    assert list(read_board(tmp_path).faults) == [name]
    with pytest.raises(OntogymError, match=name):
        migrate(tmp_path, "package")
    assert len(read_board(tmp_path).entries) == 1


def test_scores_on_different_held_out_seeds_are_never_mixed(
    tmp_path: Path, good: Submission, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first verification decides; a public root never replaces a secret one, nor the other way round."""
    secret, other = held_out("a secret of ours"), held_out("another secret")
    store = Store.open(tmp_path / "board", create=True)
    name, _ = store.add(good, verify(good, secret))
    before = read_board(tmp_path / "board")
    assert before.held_out == secret.commitment
    assert before.entries[0].score != np.mean(verify(good)["returns_held_out"])
    for seeds in (held_out(None), other):
        with pytest.raises(Refused, match="never mixed"):
            store.set_verification(name, verify(good, seeds))
        with pytest.raises(Refused, match="never mixed"):
            store.add(random_agent(2), verify(random_agent(2), seeds))
    words = ["leaderboard", "verify", name, "--store", str(tmp_path / "board")]
    assert main(words) == 1
    assert "never mixed" in capsys.readouterr().out
    assert main([*words, "--held-out", "a secret of ours"]) == 0
    assert read_board(tmp_path / "board").rows == before.rows
    assert main(["leaderboard", "list", "--store", str(tmp_path / "board")]) == 0
    assert secret.commitment in capsys.readouterr().out
    assert str(secret.root) not in (tmp_path / "board" / "store.json").read_text()


def test_a_whole_board_is_verified_again_by_workers_of_any_kind(
    tmp_path: Path, good: Submission, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open(tmp_path / "board", create=True)
    names = [store.add(each, None)[0] for each in (good, random_agent(2), random_agent(4))]
    words = ["leaderboard", "verify", "--store", str(tmp_path / "board")]
    assert main(words) == 2
    assert "--all" in capsys.readouterr().err
    assert main([*words, "--all", "--evaluator", "pool", "--workers", "2"]) == 0
    assert capsys.readouterr().out.count("verified.") == 3
    assert {entry.status for entry in read_board(tmp_path / "board").entries} == {"verified"}
    # One that is refused does not keep the others from being verified.
    assert main([*words, names[0], str(tmp_path), "--held-out", "a secret of ours", "--json"]) == 1
    assert main([*words, names[0], str(tmp_path / "nothing")]) == 2
    store = Store.open(tmp_path / "board")
    here = {name: store.record(name).verification for name in names}
    assert main([*words, "--all"]) == 0
    for name in names:
        again, before = store.record(name).verification, here[name]
        assert again is not None
        assert before is not None
        assert again["returns_held_out"] == before["returns_held_out"]


def test_what_cannot_be_re_run_hides_nothing_and_is_no_verdict(
    tmp_path: Path, good: Submission, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """verify --all with a damaged entry, one of an unknown suite, one whose worker is gone, and a folder of its name."""
    store = Store.open(tmp_path / "board", create=True)
    names = [store.add(each, verify(each))[0] for each in (good, random_agent(2))]
    alien = unpack({**good.files, MANIFEST: good.files[MANIFEST].replace(b'"classic"', b'"elsewhere"')})
    names += [store.add(alien, None)[0], store.add(random_agent(4), None)[0]]
    broken = tmp_path / "board" / "entries" / f"{names[3]}.zip"
    broken.write_bytes(broken.read_bytes()[:-1])
    monkeypatch.chdir(tmp_path)
    Path(names[1]).mkdir()
    words = ["leaderboard", "verify", "--store", "board", "--all"]
    assert main(words) == 1
    told = capsys.readouterr().out.splitlines()
    said = {line.partition(":")[0]: line.partition(": ")[2] for line in told}
    assert (said[names[0]], said[names[1]]) == ("verified.", "verified.")
    assert "Unknown suite" in said[names[2]]
    assert "damaged" in said[names[3]]
    assert list(Path(names[1]).iterdir()) == []

    def gone(*_: Any) -> None:
        raise OntogymError("The worker that lets agents live is gone (no reply); try again.")

    before = store.record(names[0]).verification
    monkeypatch.setattr("ontogym.leaderboard.evaluation.run_job", gone)
    assert main(["leaderboard", "verify", "--store", "board", names[0], "--evaluator", "process"]) == 1
    assert "failed" in capsys.readouterr().out
    assert store.record(names[0]).verification == before


def test_flipped_bits_of_the_head_are_never_believed(tmp_path: Path, good: Submission) -> None:
    """Of store.json as it is written, and as it was before it had a checksum: no board is empty without a word."""
    store = Store.open(tmp_path, create=True)
    store.add(good, verify(good))
    file = tmp_path / "store.json"
    for data in (
        file.read_bytes(),
        b'{"format": 2, "kind": "leaderboard", "held_out": "package"}',
    ):
        for bit in range(8 * len(data)):
            broken = bytearray(data)
            broken[bit // 8] ^= 1 << (bit % 8)
            file.write_bytes(broken)
            try:
                contents = Store.open(tmp_path).read()
            except OntogymError:
                continue
            assert data.startswith(b'{"format"')
            assert contents.faults or len(contents.records) == 1


def test_versions_of_a_suite_are_not_mixed(
    tmp_path: Path, good: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores of the old version stay readable and can be verified; rows are of one version each."""
    new = suites.Suite(
        "classic", 2, "Newer.", (suites.SuiteTask("Foraging-v0", "ontogym/Foraging-v0", lives=16),)
    )
    store = Store.open(tmp_path, create=True)
    name, _ = store.add(good, verify(good))
    another = random_agent(3)
    every = (*suites.EVERY_SUITE, new)
    monkeypatch.setattr(suites, "EVERY_SUITE", every)
    for module in (suites, entries):
        monkeypatch.setattr(module, "SUITES", {suite.name: suite for suite in every})
    returns = np.zeros((16, 3)).tolist()
    store.add(changed(another, {"suite_version": 2, "claimed/returns": returns}), None)
    board = read_board(tmp_path)
    assert {(row.suite, row.status) for row in board.rows} == {
        ("classic (version 1)", "verified"),
        ("classic", "claimed"),
    }
    assert board.suites["classic"]["version"] == 2
    assert board.suites["classic (version 1)"]["version"] == 1
    again = verify(store.record(name).submission)
    assert again["returns_held_out"] == board.entries[-1].verification["returns_held_out"]  # type: ignore[index]


@pytest.mark.skipif(not RESULTS.is_dir(), reason="the shipped results are not here")
def test_the_shipped_results_are_read_and_six_hundred_entries_like_them_stay_small(tmp_path: Path) -> None:
    """Every shipped entry passes today's schema; one file an entry, so that 600 of them take less than 25 MB."""
    shutil.copytree(RESULTS, tmp_path / "results")
    board = read_board(tmp_path / "results")
    assert board.faults == {}
    assert not [entry.left_out for entry in board.entries if entry.left_out]
    count = migrate(tmp_path / "results", "package")
    assert count == len(board.entries)
    blocks = [-(-file.stat().st_size // 4096) * 4096 for file in (tmp_path / "results" / "entries").iterdir()]
    assert len(blocks) == count
    assert 600 * sum(blocks) / count < 25e6
