"""One test per attack: each is refused with a reason, and nothing it asks for is executed or allocated."""

from __future__ import annotations

import json
import os
import pickle
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from ontogym.leaderboard.limits import Refused, parse_json, parse_tensors
from ontogym.leaderboard.submission import Submission, read_submission, unpack, write_submission
from ontogym.leaderboard.verification import allowance, verify
from tests.leaderboard.submissions import (
    check_sentence,
    lndp,
    put_weights,
    random_agent,
    spoiled,
    why_refused,
)


@pytest.fixture(scope="module")
def good() -> Submission:
    return random_agent()


@pytest.fixture(scope="module")
def evolved() -> Submission:
    return lndp()


@pytest.fixture
def folder(tmp_path: Path, good: Submission) -> Path:
    write_submission(tmp_path / "s", good)
    return tmp_path / "s"


@pytest.fixture
def frugal() -> Iterator[None]:
    """Nothing may allocate what a file only declares."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * 2**20


def header(entries: dict[str, Any], body: bytes = b"") -> bytes:
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + body


def test_an_honest_one_is_taken(folder: Path, good: Submission) -> None:
    assert read_submission(folder).manifest == good.manifest
    assert verify(read_submission(folder))["status"] == "verified"


class Bomb:
    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('executed')",))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_pickle_instead_of_safetensors(folder: Path, protocol: int) -> None:
    put_weights(folder, pickle.dumps(Bomb(), protocol=protocol))
    with pytest.raises(Refused, match=r"pickle|no safetensors"):
        read_submission(folder)


def test_zip_bomb(folder: Path, tmp_path: Path, frugal: None) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.safetensors", bytes(30 * 2**20))
    with pytest.raises(Refused, match="never an archive"):
        read_submission(bomb)
    put_weights(folder, bomb.read_bytes())
    with pytest.raises(Refused, match="zip archive"):
        read_submission(folder)


@pytest.mark.parametrize("key", ["task", "suite"])
def test_path_traversal(tmp_path: Path, good: Submission, key: str) -> None:
    with pytest.raises(Refused, match=r"which is none"):
        read_submission(spoiled(tmp_path / "s", good, {key: "../../etc/passwd"}))


def test_path_traversal_in_the_label_stays_in_the_folder(tmp_path: Path, good: Submission) -> None:
    from ontogym.leaderboard.store import Store

    found = read_submission(spoiled(tmp_path / "s", good, {"agent/label": "../../../up"}))
    name, _ = Store.open(tmp_path / "store", create=True).add(found, None)
    assert "/" not in name
    assert ".." not in name
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s", "store"]


def test_traversal_in_the_hashes(tmp_path: Path, good: Submission) -> None:
    with pytest.raises(Refused, match="Unknown key"):
        read_submission(spoiled(tmp_path / "s", good, {"files": {"../../x": "0" * 64}}))


@pytest.mark.parametrize("name", ["manifest.json", "weights.safetensors"])
@pytest.mark.parametrize("kind", ["symlink", "hard link", "pipe", "folder"])
def test_links_devices_and_folders(folder: Path, tmp_path: Path, name: str, kind: str) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes((folder / name).read_bytes())
    (folder / name).unlink()
    if kind == "symlink":
        (folder / name).symlink_to(secret)
    elif kind == "hard link":
        os.link(secret, folder / name)
    elif kind == "pipe":
        os.mkfifo(folder / name)  # opening it for reading would wait for ever
    else:
        (folder / name).mkdir()
    with pytest.raises(Refused, match=r"plain files|hard link"):
        read_submission(folder)


def test_the_folder_itself_is_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(Refused, match="never an archive or a link"):
        read_submission(tmp_path / "link")


def test_extra_and_missing_files(folder: Path) -> None:
    (folder / "setup.py").write_text("raise SystemExit")
    with pytest.raises(Refused, match=r"setup\.py.*nothing else"):
        read_submission(folder)
    (folder / "setup.py").unlink()
    (folder / "weights.safetensors").unlink()
    with pytest.raises(Refused, match="missing"):
        read_submission(folder)


def test_a_verification_of_the_submitters_own_is_worth_nothing(folder: Path, tmp_path: Path) -> None:
    from ontogym.leaderboard.board import read_board
    from ontogym.leaderboard.store import Store

    (folder / "verification.json").write_text(
        '{"format": 1, "status": "verified", "returns_held_out": [[490]]}'
    )
    found = read_submission(folder)
    Store.open(tmp_path / "store", create=True).add(found, None)
    (entry,) = read_board(tmp_path / "store").entries
    assert (entry.status, entry.verification) == ("claimed", None)


@pytest.mark.parametrize("name", ["manifest.json", "weights.safetensors"])
def test_files_that_are_huge(folder: Path, name: str, frugal: None) -> None:
    with (folder / name).open("r+b") as file:
        file.truncate(2**40)  # sparse: declared, not there
    with pytest.raises(Refused, match="the most is"):
        read_submission(folder)


SHAPES = {
    "more than there is": [10**9, 10**9],
    "overflows 64 bits to 0": [2**32, 2**32],
    "negative": [-1, -4],
    "fraction": [1.5],
    "true": [True],
    "deep": [1] * 100,
    "hidden behind a zero": [0, 10**30],
    "larger than any file": [0, 2**40],
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_shapes_that_the_bytes_do_not_bear_out(folder: Path, shape: list[Any], frugal: None) -> None:
    put_weights(folder, header({"genome": {"dtype": "F64", "shape": shape, "data_offsets": [0, 4]}}, b"1234"))
    with pytest.raises(Refused, match=r"malformed|says"):
        read_submission(folder)


def test_headers_that_lie(folder: Path, frugal: None) -> None:
    entry = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}
    for data in (
        (2**60).to_bytes(8, "little") + b"{}",
        b"\x01",
        header({"a": entry, "b": entry}, b"1234"),
        header({"a": entry}, b"12345678"),
        header({"a": {**entry, "data_offsets": [0, 2**50]}}, b"1234"),
        header({"a": {**entry, "dtype": "OBJECT"}}, b"1234"),
        header({"a": {**entry, "dtype": ["U8"]}}, b"1234"),
        header({str(k): {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for k in range(2000)}),
    ):
        put_weights(folder, data)
        with pytest.raises(Refused):
            read_submission(folder)


def test_too_many_numbers() -> None:
    with pytest.raises(Refused, match="more than"):
        parse_tensors(save({"a": np.zeros(17 * 2**20, np.uint8)}))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite(tmp_path: Path, evolved: Submission, bad: float) -> None:
    write_submission(tmp_path / "s", evolved)
    genome = evolved.tensors["genome"].copy()
    genome[3] = bad
    put_weights(tmp_path / "s", save({"genome": genome}))
    with pytest.raises(Refused, match="NaN or infinite"):
        read_submission(tmp_path / "s")


@pytest.mark.parametrize(
    "tensors", [{"genome": np.zeros(3)}, {"genome": np.zeros((1, 9))}, {"other": np.zeros(9)}]
)
def test_weights_of_the_wrong_shape(tmp_path: Path, evolved: Submission, tensors: dict[str, Any]) -> None:
    write_submission(tmp_path / "s", evolved)
    put_weights(tmp_path / "s", save(tensors))
    found = verify(read_submission(tmp_path / "s"))
    assert found["status"] == "refused"
    assert "genome" in found["reasons"][0].lower()


def test_forged_hash(tmp_path: Path, evolved: Submission) -> None:
    write_submission(tmp_path / "s", evolved)
    genome = evolved.tensors["genome"] + 1
    (tmp_path / "s" / "weights.safetensors").write_bytes(save({"genome": genome}))
    with pytest.raises(Refused, match="SHA-256"):
        read_submission(tmp_path / "s")


def test_forged_returns(tmp_path: Path, good: Submission) -> None:
    returns = [list(row) for row in good.manifest["claimed"]["returns"]]
    returns[7][0] += 10
    found = verify(read_submission(spoiled(tmp_path / "a", good, {"claimed/returns": returns})))
    assert found["status"] == "refused"
    assert "Life 7, episode 0" in found["reasons"][0]
    # From another machine single lives may differ, but not what they come to.
    other = {"claimed/machine": {"cpu": "another"}}
    assert verify(read_submission(spoiled(tmp_path / "b", good, {**other, "claimed/returns": returns})))[
        "status"
    ] == ("verified")
    best = [[490.0]] * len(returns)
    found = verify(read_submission(spoiled(tmp_path / "c", good, {**other, "claimed/returns": best})))
    assert found["status"] == "refused"
    assert "not the claimed 490" in found["reasons"][0]


CHAOS = np.random.default_rng(0).choice([30.0, 400.0, 490.0], (2, 32, 1), p=[0.3, 0.2, 0.5])


def test_lives_that_part_may_differ_as_far_as_chance_goes() -> None:
    """Two draws from the same lives pass; what is certain, or did not part, leaves a claim no room."""
    claimed, returns = CHAOS
    assert abs(claimed.mean() - returns.mean()) < allowance(claimed, returns)
    # sqrt(2 s² k) / L, three times
    spread = returns.mean(1).var(ddof=1)
    parted = (claimed != returns).sum()
    np.testing.assert_allclose(allowance(claimed, returns), 3 * np.sqrt(2 * spread * parted) / 32)
    assert allowance(returns, returns) == 0.0
    # One forged life gains less than it may: the others did not part.
    forged = returns.copy()
    forged[returns.argmin()] = 490.0
    np.testing.assert_allclose(allowance(forged, returns), 3 * np.sqrt(2 * spread) / 32)
    # However wild the claim, only lives lived here count for the spread.
    assert allowance(1e6 * claimed, returns) == allowance(claimed + 1.0, returns)


@pytest.mark.parametrize("claim", [490.0, 380.0, 1e6])
def test_a_policy_that_earns_the_same_under_each_condition_leaves_no_room(claim: float) -> None:
    """Always left: 490 where the food is there, 10 where it is not."""
    returns = np.tile([[490.0], [10.0]], (16, 1))
    assert allowance(np.full((32, 1), claim), returns, group=2) == 0.0


@pytest.mark.parametrize("returns", [[[1.0]], [[1.0], [1.0, 2.0]], [], [["490"]], [[1e300]], "490"])
def test_returns_that_are_none(tmp_path: Path, good: Submission, returns: Any) -> None:
    with pytest.raises(Refused, match=r"returns|return"):
        read_submission(spoiled(tmp_path / "s", good, {"claimed/returns": returns}))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"suite": "nosuch"}, "Unknown suite"),
        ({"suite_version": 99}, "version"),
        ({"task": "Nosuch-v0"}, "Unknown task"),
        ({"agent/type": "subprocess:Popen"}, "which is none"),
        ({"agent/type": "os.system"}, "which is none"),
        ({"agent/type": "nosuch"}, "Unknown agent type"),
        ({"agent/options": {"synaptic_rule": "subprocess:Popen"}}, "would import code"),
        ({"agent/options": {"development_options": ["a=os:system"]}}, "would import code"),
        ({"agent/options": {"compiled": True}}, "leave it to the verifier"),
        ({"agent/options": {"device": "cuda"}}, "leave it to the verifier"),
        ({"agent/options": {"nodes": 10**9}}, "Unknown key"),
        ({"agent/label": "\u202eevil"}, "cannot be printed"),
        ({"agent/label": "\ud800"}, "cannot be printed"),
        ({"agent/label": "x" * 1000}, "the most is"),
        ({"agent/label": ["x"]}, "must be text"),
        ({"format": 2}, "upgrade"),
        ({"format": True}, "whole number"),
        ({"extra": 1}, "Unknown key"),
        ({"seed": -1}, "seed"),
        ({"training/env_steps": 10**30}, "a number of 31 digits"),
        ({"training/curve": [[0, 1]] * 10_001}, "curve"),
    ],
)
def test_manifests_that_ask_for_trouble(tmp_path: Path, good: Submission, change: Any, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        read_submission(spoiled(tmp_path / "s", good, change))


@pytest.mark.parametrize(
    "options",
    [
        {"nodes": 1024},
        {"nodes": 10**6},
        {"edge_features": 10**6},
        {"nodes": 500, "edge_features": 64},
        {"nodes": "9"},
    ],
)
def test_enormous_networks_are_not_allocated(
    tmp_path: Path, evolved: Submission, options: dict[str, Any], frugal: None
) -> None:
    reason = why_refused(spoiled(tmp_path / "s", evolved, {"agent/options": options}))
    assert "GiB" in reason or "whole number" in reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 100_000, "nested deeper"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "finite"),
        (b'{"a": 1e999}', "finite"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
        (b"\xff\xfe", "no JSON"),
        (b'"' + b'\\"' * 400_000, "no JSON"),
        (b"[]", "no JSON object"),
        (b"", "no JSON"),
    ],
)
def test_json_that_asks_for_trouble(text: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        parse_json(text, "manifest.json")


@pytest.mark.parametrize("name", ["manifest.json", "weights.safetensors"])
def test_any_bytes_are_refused_in_one_sentence(evolved: Submission, name: str) -> None:
    """Bytes changed, cut out, doubled: never a traceback, and nothing is taken that is not as it was hashed."""
    rng = np.random.default_rng(0)
    good = evolved.files[name]
    for _ in range(500):
        data = bytearray(good)
        kind, at = rng.integers(3), int(rng.integers(len(data)))
        if kind == 0:
            data[at] = int(rng.integers(256))
        elif kind == 1:
            del data[at : at + int(rng.integers(1, 200))]
        else:
            data[at:at] = data[: int(rng.integers(1, 200))]
        if name == "weights.safetensors":  # as if its hash fitted
            outcome = lambda: parse_tensors(bytes(data))  # noqa: B023, E731
        else:
            outcome = lambda: unpack({**evolved.files, name: bytes(data)})  # noqa: B023, E731
        try:
            outcome()
        except Refused as error:
            check_sentence(error)


def test_headers_at_random_are_refused_in_one_sentence() -> None:
    """Shapes, types and places of tensors, whatever JSON can say."""
    rng = np.random.default_rng(1)
    odd: list[Any] = [0, 1, 4, -1, 10**30, 2**63, 1.5, True, None, "U8", [], [4], {}, [0, 10**30], [2**40, 0]]
    for _ in range(2000):
        entry = {key: odd[rng.integers(len(odd))] for key in ("dtype", "shape", "data_offsets")}
        base = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}
        key = ("dtype", "shape", "data_offsets")[rng.integers(3)]
        for tried in (entry, {**base, key: entry[key]}):
            try:
                assert parse_tensors(header({"a": tried}, b"1234"))["a"].nbytes == 4
            except Refused as error:
                check_sentence(error)


def test_a_good_header_between_the_odd_ones() -> None:
    assert parse_tensors(header({"a": {"dtype": "U8", "shape": [2, 2], "data_offsets": [0, 4]}}, b"1234"))
