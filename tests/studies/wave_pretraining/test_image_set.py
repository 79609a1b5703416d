"""Image sets: what goes in comes out, whatever the number of workers, the moment of a kill, or the disk."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ontogym import checkpoint
from ontogym.errors import OntogymError
from ontogym.studies.wave_pretraining.building import build, estimate
from ontogym.studies.wave_pretraining.image_set import ImageSet, bytes_per_image, pack, unpack
from tests.studies.wave_pretraining.toy import Toy

ROOT = Path(__file__).parents[3]


def made(log: Path) -> list[int]:
    return [int(line) for line in (log / "log").read_text().split()]


@pytest.mark.parametrize("bits", [1, 8])
@pytest.mark.parametrize("size", [5, 16])
def test_packing_and_back(bits, size):
    images = np.random.default_rng(0).integers(0, 256, (3, size, size), np.uint8)
    if bits == 1:
        images = (images > 127).astype(np.uint8) * np.uint8(255)
    rows = pack(images, bits)
    assert rows.shape == (3, bytes_per_image(size, bits))
    assert (unpack(rows, size, bits) == images).all()


@pytest.mark.parametrize("bits", [1, 8])
def test_what_goes_in_comes_out(tmp_path, bits):
    toy = Toy(bits=bits)
    manifest = build(toy, tmp_path / "set")
    images = ImageSet.open(tmp_path / "set")
    assert (images.classes, images.size, images.channels, len(images)) == (5, 16, 1, 50)
    assert images.manifest == json.loads(json.dumps(manifest))
    assert images.manifest["classes"][3]["twice"] == 6
    for label in range(5):
        assert (images.read(np.flatnonzero(images.labels == label)) == toy.images(label)).all()
    # The last two of each class are for validation; no image is both, none is lost.
    assert (images.validation == np.concatenate([[10 * k + 8, 10 * k + 9] for k in range(5)])).all()
    assert sorted([*images.train, *images.validation]) == list(range(50))
    shuffled = np.random.default_rng(1).permutation(50)[:20]
    assert images.read(shuffled).dtype == np.uint8
    assert all(
        (images.read(shuffled)[k] == images.read(np.array([i]))[0]).all() for k, i in enumerate(shuffled)
    )
    with pytest.raises(IndexError):
        images.read(np.array([50]))


def test_only_the_set_is_left_in_the_folder(tmp_path):
    build(Toy(), tmp_path / "set")
    assert {p.name for p in (tmp_path / "set").iterdir()} == {"images.bin", "manifest.json"}


def test_workers_and_formats_give_identical_sets(tmp_path):
    one = build(Toy(), tmp_path / "one", workers=1)
    two = build(Toy(), tmp_path / "two", workers=2)
    png = build(Toy(), tmp_path / "png", "png", workers=2)
    assert one == two
    assert (tmp_path / "one/images.bin").read_bytes() == (tmp_path / "two/images.bin").read_bytes()
    assert [e["sha256"] for e in png["classes"]] == [e["sha256"] for e in one["classes"]]
    other = build(Toy(seed=1), tmp_path / "other")
    assert other["classes"][0]["sha256"] != one["classes"][0]["sha256"]


def test_png_folders_are_as_image_folder_expects(tmp_path):
    from PIL import Image

    toy = Toy(bits=8)
    build(toy, tmp_path / "set", "png")
    for split, count in (("train", 8), ("val", 2)):
        folders = sorted((tmp_path / "set" / split).iterdir())
        assert [f.name for f in folders] == toy.class_names()
        assert all(len(list(f.glob("*.png"))) == count for f in folders)
    with Image.open(tmp_path / "set/val/002/00001.png") as picture:
        assert picture.mode == "L"
        assert (np.asarray(picture) == toy.images(2)[9]).all()
    with pytest.raises(OntogymError, match="image folder"):
        ImageSet.open(tmp_path / "set")


@pytest.mark.parametrize("storage", ["packed", "png"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_goes_on_with_the_class_it_was_killed_in(tmp_path, storage, workers):
    whole = build(Toy(), tmp_path / "whole", storage)
    log = tmp_path / "log"
    log.mkdir()
    (log / "wait").touch()
    toy = Toy(log=str(log), wait_at=2)
    program = (
        "from ontogym.studies.wave_pretraining.building import build\n"
        "from tests.studies.wave_pretraining.toy import Toy\n"
        f"if __name__ == '__main__': build({toy!r}, {str(tmp_path / 'set')!r}, {storage!r}, {workers})\n"
    )
    (tmp_path / "killed.py").write_text(program)
    child = subprocess.Popen(
        [sys.executable, str(tmp_path / "killed.py")], env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    finished = tmp_path / "set" / "finished"
    deadline = time.monotonic() + 60
    # Class 2 waits; with two workers the other one does the rest meanwhile.
    while time.monotonic() < deadline:
        if (
            (log / "log").exists()
            and 2 in made(log)
            and len(list(finished.glob("*.json"))) == (2, 4)[workers - 1]
        ):
            break
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    before = {int(p.stem) for p in finished.glob("*.json")}
    assert before == ({0, 1} if workers == 1 else {0, 1, 3, 4})
    with pytest.raises(OntogymError, match="not finished"):
        ImageSet.open(tmp_path / "set")
    (log / "wait").unlink()
    (log / "log").unlink()
    _wait_until_free(tmp_path / "set")
    assert build(toy, tmp_path / "set", storage) | {"config": 0} == whole | {"config": 0}
    assert sorted(made(log)) == sorted(set(range(5)) - before)
    assert _files(tmp_path / "set") == _files(tmp_path / "whole")


def _wait_until_free(folder: Path) -> None:
    """The orphaned worker of a killed run sees within moments that its parent is gone."""
    time.sleep(0.5)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.name != "manifest.json"
    }


@pytest.mark.parametrize("storage", ["packed", "png"])
def test_leavings_of_a_half_written_class_do_not_show(tmp_path, storage):
    whole = build(Toy(), tmp_path / "whole", storage)
    build(Toy(), tmp_path / "set", storage)
    # As a kill in the middle of class 3 leaves it: no manifest, no entry for 3, other bytes in its place.
    target = tmp_path / "set"
    (target / "manifest.json").unlink()
    (target / "building.json").write_text(json.dumps(whole["config"]))
    (target / "finished").mkdir()
    for entry in whole["classes"]:
        if entry["label"] != 3:
            (target / "finished" / f"{entry['label']}.json").write_text(json.dumps(entry))
    if storage == "packed":
        with (target / "images.bin").open("r+b") as file:
            file.seek(3 * 10 * 32)
            file.write(b"\xff" * 64)
    else:
        (target / "train/003/00099.png").write_bytes(b"half")
        (target / "val/.003.part").mkdir()
    assert build(Toy(), target, storage) == whole
    assert _files(target) == _files(tmp_path / "whole")


def test_a_worker_that_dies_is_replaced(tmp_path):
    (tmp_path / "log").mkdir()
    toy = Toy(log=str(tmp_path / "log"), die_at=3)
    manifest = build(toy, tmp_path / "set", workers=2)
    assert [e["sha256"] for e in manifest["classes"]] == [
        e["sha256"] for e in build(Toy(), tmp_path / "whole")["classes"]
    ]


def test_a_finished_set_is_not_made_again(tmp_path):
    (tmp_path / "log").mkdir()
    first = build(Toy(log=str(tmp_path / "log")), tmp_path / "set")
    count = len(made(tmp_path / "log"))
    assert build(Toy(log=str(tmp_path / "log")), tmp_path / "set") == first
    assert len(made(tmp_path / "log")) == count


def test_a_kill_while_it_tidies_up_leaves_nothing_for_good(tmp_path):
    """The manifest stands, a part of what only the making needed is still there."""
    folder = tmp_path / "set"
    made = build(Toy(), folder)
    left = sorted(folder.iterdir())
    checkpoint.write_sealed_json(folder / "finished" / "3.json", {"label": 3})
    (folder / "building.json").write_text("{}")
    assert build(Toy(), folder) == made
    assert sorted(folder.iterdir()) == left


def test_another_configuration_or_another_content_is_refused(tmp_path):
    build(Toy(), tmp_path / "set")
    before = _files(tmp_path / "set")
    with pytest.raises(OntogymError, match=r"seed=0, not 1"):
        build(Toy(seed=1), tmp_path / "set")
    with pytest.raises(OntogymError, match="storage"):
        build(Toy(), tmp_path / "set", "png")
    assert _files(tmp_path / "set") == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("x")
    with pytest.raises(OntogymError, match="something else"):
        build(Toy(), tmp_path / "mine")
    assert (tmp_path / "mine/thesis.tex").read_text() == "x"
    assert len(list((tmp_path / "mine").iterdir())) == 1
    (tmp_path / "file").write_text("x")
    with pytest.raises(OntogymError, match="choose another --out"):
        build(Toy(), tmp_path / "file")
    with pytest.raises(OntogymError, match="choose another --out"):
        build(Toy(), tmp_path / "file" / "below")


def test_two_processes_do_not_make_one_set(tmp_path):
    from ontogym.studies.wave_pretraining.set_folder import SetFolder

    config = {"format": 1, "storage": "packed", "classes": 5, **Toy().config()}
    with SetFolder(tmp_path / "set", config), pytest.raises(OntogymError, match="Another process"):
        build(Toy(), tmp_path / "set")


@pytest.mark.parametrize("storage", ["packed", "png"])
def test_a_full_disk_shows_before_anything_is_computed(tmp_path, storage):
    toy = Toy(per_class=10**9, size=512, classes=1000)
    with pytest.raises(OntogymError, match=r"needs .* GB .* free"):
        build(toy, tmp_path / "set", storage)
    assert not (tmp_path / "set").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(OntogymError, match=r"needs .* GB .* free"):
        build(toy, tmp_path / "empty", storage)
    assert not list((tmp_path / "empty").iterdir())


def test_a_disk_that_fills_up_is_one_sentence(tmp_path):
    """A limit on the size of files stands in for the disk: the write fails in the same place."""
    program = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from ontogym.studies.wave_pretraining.building import build\n"
        "from tests.studies.wave_pretraining.toy import Toy\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"build(Toy(), {str(tmp_path / 'set')!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False
    )
    last = done.stderr.strip().splitlines()[-1]
    assert "OntogymError: Cannot write" in last
    assert "there is no room" in last
    assert not (tmp_path / "set").exists()


def test_opening_finds_damage(tmp_path):
    with pytest.raises(OntogymError, match="no image set"):
        ImageSet.open(tmp_path)
    build(Toy(), tmp_path / "set")
    path = tmp_path / "set" / "images.bin"
    data = path.read_bytes()
    path.write_bytes(data[:700] + bytes([data[700] ^ 1]) + data[701:])
    with pytest.raises(OntogymError, match="Class 002"):
        ImageSet.open(tmp_path / "set")
    assert len(ImageSet.open(tmp_path / "set", verify=False)) == 50
    path.write_bytes(data[:-1])
    with pytest.raises(OntogymError, match=r"1599 bytes instead of 1600"):
        ImageSet.open(tmp_path / "set")
    path.write_bytes(data)
    manifest = tmp_path / "set" / "manifest.json"
    text = manifest.read_text()
    for broken in ("{", "[]", "{}", text.replace('"train": 8', '"train": 80')):
        manifest.write_text(broken)
        with pytest.raises(OntogymError, match="make the set anew"):
            ImageSet.open(tmp_path / "set")
    manifest.write_text(text)
    checkpoint.write_sealed_json(manifest, checkpoint.read_sealed_json(manifest) | {"format": 2})
    with pytest.raises(OntogymError, match="newer"):
        ImageSet.open(tmp_path / "set")


def test_warnings_are_said_and_recorded(tmp_path):
    with pytest.warns(UserWarning, match="Class 1 is odd"):
        manifest = build(Toy(warn_at=1), tmp_path / "set")
    assert [e["label"] for e in manifest["classes"] if e["warning"]] == [1]


def test_estimates_extrapolate_and_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    toy = Toy(classes=100)
    found = estimate(toy, workers=2, measure=3)
    assert found.bytes == 100 * 10 * 32
    assert found.images == 1000
    assert found.measured == (61, 23, 85)
    assert found.seconds == pytest.approx(50 * found.seconds_per_class)
    png = estimate(dataclasses.replace(toy, classes=10), "png", measure=1)
    assert 100 * 50 < png.bytes < 100 * 200
    assert not list(tmp_path.iterdir())


def test_no_workers_and_no_such_format_are_refused(tmp_path):
    with pytest.raises(OntogymError, match="at least 1"):
        build(Toy(), tmp_path / "set", workers=0)
    with pytest.raises(OntogymError, match="packed or png"):
        build(Toy(), tmp_path / "set", "zarr")  # type: ignore[arg-type]
    assert not (tmp_path / "set").exists()
