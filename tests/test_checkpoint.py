"""Checkpoints: what is written comes back; what is damaged, foreign or unwritable says so and harms nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from ontogym import checkpoint
from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.cli import main
from ontogym.errors import OntogymError

ARRAYS = {"mean": np.arange(6.0).reshape(2, 3), "count": np.array(7), "mask": np.array([True, False])}
META = {"seed": 1, "env": "CartPole-v1", "nested": {"a": [1, 2.5, None]}}


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "run" / "checkpoint.safetensors"
    checkpoint.save(path, "evolution", ARRAYS, META)
    return path


def leftovers(path: Path) -> list[str]:
    return [name for name in os.listdir(path.parent) if name != path.name]


def test_round_trip(path):
    arrays, meta = checkpoint.load(path, "evolution")
    assert meta == META
    assert arrays.keys() == ARRAYS.keys()
    for name, value in ARRAYS.items():
        assert arrays[name].dtype == value.dtype
        assert arrays[name].shape == np.shape(value)
        assert np.array_equal(arrays[name], value)
    assert leftovers(path) == []


def test_arrays_in_any_memory_order(tmp_path):
    value = np.arange(12.0).reshape(3, 4).T[::2]
    checkpoint.save(tmp_path / "c", "x", {"v": value}, {})
    assert np.array_equal(checkpoint.load(tmp_path / "c", "x")[0]["v"], value)


@pytest.mark.parametrize("keep", [0, 4, 30, 0.5, -1])
def test_truncated(path, keep):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep) if isinstance(keep, float) else keep])
    with pytest.raises(OntogymError, match="truncated"):
        checkpoint.load(path, "evolution")


def test_random_bytes(path):
    path.write_bytes(np.random.default_rng(0).bytes(400))
    with pytest.raises(OntogymError, match="truncated or is no safetensors"):
        checkpoint.load(path, "evolution")


def test_header_that_claims_more_than_the_file_holds(path):
    path.write_bytes((2**62).to_bytes(8, "little") + b"{}")
    with pytest.raises(OntogymError, match="truncated or is no safetensors"):
        checkpoint.load(path, "evolution")


def test_missing(tmp_path):
    with pytest.raises(OntogymError, match="no file"):
        checkpoint.load(tmp_path / "nothing", "evolution")


def test_other_kind(path):
    with pytest.raises(OntogymError, match="'evolution', not 'agent'"):
        checkpoint.load(path, "agent")


def test_newer_format(path, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", checkpoint.FORMAT + 1)
    checkpoint.save(path, "evolution", ARRAYS, META)
    monkeypatch.undo()
    with pytest.raises(OntogymError, match="newer than this ontogym"):
        checkpoint.load(path, "evolution")


@pytest.mark.parametrize(
    "metadata", [None, {"ontogym": "{"}, {"ontogym": "[]"}, {"ontogym": '{"kind": "x"}'}]
)
def test_not_ours(tmp_path, metadata):
    from safetensors.numpy import save

    (tmp_path / "c").write_bytes(save({"a": np.zeros(2)}, metadata=metadata))
    with pytest.raises(OntogymError, match="not written by ontogym"):
        checkpoint.load(tmp_path / "c", "evolution")


def test_numbers_that_json_cannot_hold_leave_the_old_file(path):
    old = path.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        checkpoint.save(path, "evolution", ARRAYS, {"score": float("nan")})
    assert path.read_bytes() == old
    assert leftovers(path) == []


def test_killed_half_way_leaves_the_old_file(path):
    """A writer that dies after half of its bytes are on disk: the old checkpoint still loads."""
    old = path.read_bytes()
    program = f"""
        import os, signal
        import numpy as np
        from ontogym import checkpoint

        def die(handle):
            os.kill(os.getpid(), signal.SIGKILL)

        os.fsync = die
        checkpoint.save({str(path)!r}, "evolution", {{"mean": np.zeros(10_000)}}, {{}})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(leftovers(path)) == 1  # the part that was being written, which nobody takes for a checkpoint
    assert path.read_bytes() == old
    assert np.array_equal(checkpoint.load(path, "evolution")[0]["mean"], ARRAYS["mean"])


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_full_disk_leaves_the_old_file_and_nothing_else(path, monkeypatch, call):
    def full(*args):
        raise OSError(28, "No space left on device")

    old = path.read_bytes()
    monkeypatch.setattr(os, call, full)
    with pytest.raises(OntogymError, match=r"No space left on device.*untouched"):
        checkpoint.save(path, "evolution", ARRAYS, META)
    assert path.read_bytes() == old
    assert leftovers(path) == []


def test_interrupt_leaves_nothing_behind(path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, "evolution", ARRAYS, META)
    assert leftovers(path) == []


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OntogymError, match="choose a folder you may write to"):
        checkpoint.save(tmp_path / "file" / "c", "evolution", ARRAYS, META)
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write anywhere")
    with pytest.raises(OntogymError, match="choose a folder you may write to"):
        checkpoint.save(folder / "c", "evolution", ARRAYS, META)


def test_write_json(tmp_path):
    checkpoint.write_json(tmp_path / "a" / "x.json", META)
    assert json.loads((tmp_path / "a" / "x.json").read_text()) == META
    with pytest.raises(ValueError, match="JSON"):
        checkpoint.write_json(tmp_path / "a" / "x.json", {"v": float("inf")})
    assert json.loads((tmp_path / "a" / "x.json").read_text()) == META


def test_every_single_flipped_bit_is_refused(path, tmp_path):
    text = tmp_path / "sealed.json"
    checkpoint.write_sealed_json(text, META)
    assert checkpoint.read_sealed_json(text) == META
    for file, read in (
        (path, lambda p: checkpoint.load(p, "evolution")),
        (text, checkpoint.read_sealed_json),
    ):
        good = file.read_bytes()
        for bit in range(8 * len(good)):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            file.write_bytes(bad)
            with pytest.raises(OntogymError) as refused:
                read(file)
            assert str(file) in str(refused.value)
        file.write_bytes(good)
        read(file)


def test_files_from_before_the_checksum_are_read(path, tmp_path):
    """A file as format 1 wrote it, and JSON without a checksum; one that is taken out is missed."""
    from safetensors.numpy import save

    for version, damaged in ((1, False), (2, True), (0, True)):
        header = json.dumps({"ontogym_format": version, "kind": "evolution", "meta": META})
        path.write_bytes(save({"mean": np.arange(3.0)}, metadata={"ontogym": header}))
        if damaged:
            with pytest.raises(OntogymError, match=r"changed after it was written|there is none of"):
                checkpoint.load(path, "evolution")
        else:
            assert checkpoint.load(path, "evolution")[1] == META
    checkpoint.write_json(tmp_path / "old.json", META)
    assert checkpoint.read_sealed_json(tmp_path / "old.json") == META
    for text, message in (("[1]", "no JSON object"), ("{", "damaged"), ('{"checksum": 3}', "changed after")):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(OntogymError, match=message):
            checkpoint.read_sealed_json(tmp_path / "x.json")
    with pytest.raises(OntogymError, match="no file"):
        checkpoint.read_sealed_json(tmp_path / "nothing.json")


@pytest.mark.parametrize("kind", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_types_that_numpy_lacks_are_one_sentence(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    header = {"ontogym": '{"ontogym_format": 1, "kind": "agent", "meta": {}}'}
    save_file({"genome": torch.zeros(3).to(getattr(torch, kind))}, tmp_path / "a.safetensors", header)
    for read in (lambda file: checkpoint.load(file, "agent"), checkpoint.meta, load_agent):
        with pytest.raises(
            OntogymError, match=r"'genome' in (BF16|F8_E\w+), a type that NumPy lacks; save it as float32"
        ):
            read(tmp_path / "a.safetensors")
    assert main(["evaluate", str(tmp_path / "a.safetensors")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "a type that NumPy lacks" in line
