"""Files that ask for more memory or time than a table of trials does: a sentence each, and nothing is allocated."""

from __future__ import annotations

import io
import pickle
import struct
import subprocess
import sys
import textwrap
import zipfile
import zlib

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.studies.rule_inference.model.readers import read_trials
from ontogym.studies.rule_inference.model.unpickling import MAX_BYTES, unpickle

HEAD = "choice,contrastLeft,contrastRight,feedbackType"


def npy(shape, descr="<f8", raw=b"") -> bytes:
    """An array file whose header may lie."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + raw


def archive(path, members, **how):
    with zipfile.ZipFile(path, "w", **how) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def repeated(part: bytes, times: int) -> bytes:
    """A pickle that makes one part anew again and again from a text that it has once."""
    text = b"x" * (2**22)
    start = b"\x80\x02X" + struct.pack("<I", len(text)) + text + b"q\x000c_codecs\nencode\nq\x010"
    return start + b"](" + part * times + b"e."


PICKLES = {
    "a place far out": b"\x80\x02Nr\xff\xff\xff\x0f.",
    "a place further out": b"\x80\x02Nr\xff\xff\xff\xff.",
    "a place in words": b"Np999999999\n.",
    "bytes that are not there": b"\x80\x05\x96" + struct.pack("<Q", 2**33) + b".",
    "long bytes that are not there": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b".",
    "a frame that is not there": b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"N.",
    "a text that is not there": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b".",
    "one text made bytes a thousand times": repeated(b"h\x01h\x00\x85R", 1000),
    "many empty lists": b"\x80\x02](" + b"]" * 2_000_000 + b"e.",
    "many empty dicts": b"\x80\x02](" + b"}" * 2_000_000 + b"e.",
    "keys of one hash": b"\x80\x02}("
    + b"".join(pickle.dumps((2**61 - 1) * k, 2)[2:-1] + b"N" for k in range(1, 100_001))
    + b"u.",
    "a deep nest": b"\x80\x02" + b"](" * 40_000 + b"e" * 40_000 + b".",
}


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_that_asks_for_too_much_is_refused_before_it_gets_it(tmp_path, name):
    (tmp_path / "t.pickle").write_bytes(PICKLES[name])
    with pytest.raises(OntogymError, match=r"t\.pickle"):
        read_trials(tmp_path / "t.pickle")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_of_hostile_files_is_bounded(tmp_path):
    """In a process that may have 1 GiB of addresses beyond what its imports took; it reports its peak."""
    for k, data in enumerate(PICKLES.values()):
        (tmp_path / f"{k}.pickle").write_bytes(data)
    bomb = npy((2**29,), raw=bytes(2**20))
    archive(tmp_path / "a.npz", {"choice.npy": bomb}, compression=zipfile.ZIP_DEFLATED)
    large = zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED)
    with large, large.open("choice.npy", "w", force_zip64=True) as stream:
        for _ in range(600):
            stream.write(bytes(2**20))
    program = f"""
        import resource
        from pathlib import Path

        from ontogym.errors import OntogymError
        from ontogym.studies.rule_inference.model.readers import read_trials

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**30,) * 2)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for file in sorted(Path({str(tmp_path)!r}).iterdir()):
            try:
                read_trials(file)
            except OntogymError as error:
                assert len(str(error)) < 400 and file.name in str(error), error
            else:
                raise AssertionError(file)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 3 * MAX_BYTES >> 20  # MiB: what is unpacked, and a copy or two


def test_arrays_in_a_pickle_share_one_budget():
    raw = bytes(2**21)
    many = pickle.dumps([np.frombuffer(raw, np.uint8)[:] for _ in range(3)], 4)
    assert len(unpickle(many, "it")) == 3
    shared = b"\x80\x02X" + struct.pack("<I", 2**21) + b"x" * 2**21 + b"q\x000"
    part = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01J\x00\x00\x20\x00\x85cnumpy\ndtype\nX\x02\x00\x00\x00u1\x89\x88\x87R"
        b"(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89h\x00tb"
    )
    with pytest.raises(OntogymError, match="take more than 256 MiB"):
        unpickle(shared + b"](" + part * 200 + b"e.", "it")


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (npy((2**40,)), "other bytes than its shape"),
        (npy((3, 2**33), "<i8", bytes(24)), "other bytes than its shape"),
        (npy((10**15,), "<U0"), "an array of"),
        (npy((2,), [("a", "<f8")], bytes(16)), "an array of"),
        (npy((4,), "<f8", bytes(40)), "other bytes than its shape"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "no readable npz"),
    ],
)
def test_an_array_header_that_lies(tmp_path, member, message):
    archive(tmp_path / "t.npz", {"choice.npy": member})
    with pytest.raises(OntogymError, match=message):
        read_trials(tmp_path / "t.npz")


def test_archives_that_are_encrypted_packed_oddly_forged_or_of_many_members(tmp_path):
    file = archive(tmp_path / "t.npz", {"choice.npy": npy((1,), raw=bytes(8))})
    plain = file.read_bytes()
    for at in (plain.index(b"PK\x03\x04") + 6, plain.index(b"PK\x01\x02") + 8):
        plain = plain[:at] + bytes([plain[at] | 1]) + plain[at + 1 :]
    file.write_bytes(plain)
    with pytest.raises(OntogymError, match="encrypted"):
        read_trials(file)
    archive(file, {"choice.npy": npy((1,), raw=bytes(8))})
    plain = file.read_bytes()
    for at in (plain.index(b"PK\x03\x04") + 8, plain.index(b"PK\x01\x02") + 10):
        plain = plain[:at] + struct.pack("<H", 77) + plain[at + 2 :]  # a method that nobody knows
    file.write_bytes(plain)
    with pytest.raises(OntogymError, match="no readable npz"):
        read_trials(file)
    # The directory says 10 bytes, the stream has a million.
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packed.compress(bytes(2**20)) + packed.flush()
    archive(file, {"choice.npy": bytes(10)}, compression=zipfile.ZIP_DEFLATED)
    plain = file.read_bytes()
    start = plain.index(b"choice.npy") + 10
    end = plain.index(b"PK\x01\x02")
    file.write_bytes(plain[:start] + body + plain[end:])
    with pytest.raises(OntogymError, match="no readable npz"):
        read_trials(file)
    archive(file, {f"{k}.npy": b"" for k in range(400)})
    with pytest.raises(OntogymError, match="more than 256 arrays"):
        read_trials(file)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    for name in ("t.csv", "t.npz", "t.pickle"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(MAX_BYTES + 1)  # sparse: it takes no room on the disk
        with pytest.raises(OntogymError, match="at most 256 are read"):
            read_trials(tmp_path / name)


def test_tables_whose_size_grows_when_they_are_laid_out(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text(f"subject,{HEAD}\n" + f"{'x' * 5000},1,1,,1\n")
    with pytest.raises(OntogymError, match=r"'subject'.*5000 characters in row 1"):
        read_trials(file)
    file.write_text(f"choice,{HEAD}\n1,1,1,,1\n")
    with pytest.raises(OntogymError, match="'choice' more than once"):
        read_trials(file)
    rows = ["a,1,1,,1"] * 3000 + [
        f"b{k},1,1,,1" for k in range(7000)
    ]  # 7 001 animals, padded to 3 000 trials
    file.write_text("\n".join([f"subject,{HEAD}", *rows]))
    with pytest.raises(OntogymError, match="padded to the longest"):
        read_trials(file)


def test_psytrack_days_that_overflow(tmp_path):
    n = 6
    inputs = {"s1": np.ones((n, 1)), "s2": np.zeros((n, 1))}
    for days in ([2**62, 2**62, 2**62, 2**62 + n], [10**12], [-(10**9), 10**9 + n]):
        data = {
            "y": np.ones(n),
            "answer": np.ones(n),
            "inputs": inputs,
            "dayLength": np.array(days, np.int64),
        }
        np.savez(tmp_path / "t.npz", D=np.array(data, dtype=object))
        with pytest.raises(OntogymError, match="differ in length"):
            read_trials(tmp_path / "t.npz")
