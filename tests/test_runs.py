"""The folder of a run: whose it is, what a kill or a flipped bit does to it, and what is said when it is stopped."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ontogym import checkpoint
from ontogym.configurations import build_config, command_line, read_config
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.processes import Terminated, sigterm_interrupts
from ontogym.registry import code_in
from ontogym.runs import RunFolder, read_progress, stoppable

CONFIG = {"env": "X-v0", "seed": 1, "options": {"a": (1, 2)}, "workers": 2}
COLUMNS = ("generation", "score")


def opened(path: Path, resume: bool | None = False, **changes: object) -> RunFolder:
    return RunFolder(path, {**CONFIG, **changes}, resume, neutral=("workers",), columns=COLUMNS)


def run(path: Path, steps: int, written: int) -> None:
    """A run of so many steps, whose last checkpoint is of step `written`."""
    with opened(path) as folder:
        for step in range(1, steps + 1):
            folder.append({"generation": step, "score": step / 3})
            folder.keep("toy", {"mean": np.full(2, step)}, {"generation": step}, write=step == written)


def test_a_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run"
    run(path, 5, 3)
    with (path / "progress.csv").open("a") as file:
        file.write("6,1.2")  # cut short by a kill
    assert [row["generation"] for row in read_progress(path)] == list("12345")
    with opened(path, True, workers=7) as folder:
        assert folder.kept == {**CONFIG, "options": {"a": [1, 2]}}
        loaded = folder.load("toy")
        assert loaded is not None
        assert loaded[0]["mean"].tolist() == [3, 3]
        folder.append({"generation": 4, "score": 0.5})
        folder.keep("toy", {"mean": np.zeros(2)}, {"generation": 4})
    assert (path / "progress.csv").read_text().splitlines()[-2:] == ["3,1.0", "4,0.5"]
    assert read_config(path)["workers"] == 7
    with opened(path, True) as folder:
        assert folder.load("toy") is not None


def test_a_run_whose_checkpoint_is_gone_starts_over_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "run"
    run(path, 5, 3)
    (path / "checkpoint.safetensors").unlink()
    with (
        opened(path, True) as folder,
        pytest.warns(UserWarning, match="is not there, so this run starts over"),
    ):
        assert folder.load("toy") is None
    assert read_progress(path) == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OntogymError])
def test_a_stopped_run_keeps_the_last_whole_step(stop: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "run"

    def stopped() -> None:
        with opened(path) as folder:
            for step in (1, 2, 3):
                folder.append({"generation": step, "score": step})
                if step == 3:
                    raise stop
                folder.keep("toy", {"mean": np.full(2, step)}, {"generation": step}, write=step == 1)

    with pytest.raises(stop):
        stopped()
    with opened(path, True) as folder:
        loaded = folder.load("toy")
        assert loaded is not None
        assert loaded[1]["generation"] == (2 if stop is KeyboardInterrupt else 1)
    assert len(read_progress(path)) == loaded[1]["generation"]


def test_rows_that_are_missing_or_changed_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run"
    run(path, 4, 3)
    table = path / "progress.csv"
    good = table.read_bytes()
    flipped = bytearray(good)
    flipped[20] ^= 4
    lines = good.splitlines(keepends=True)
    for bad in (b"", good[: len(good) // 2], bytes(flipped), b"".join(lines[:2] + lines[3:])):
        table.write_bytes(bad)
        with (
            opened(path, True) as folder,
            pytest.raises(OntogymError, match="rows are missing or were changed"),
        ):
            folder.load("toy")
        assert table.read_bytes() == bad
        with pytest.raises(OntogymError, match="rows are missing or were changed"):
            read_progress(path)
    table.unlink()
    with opened(path, True) as folder, pytest.raises(OntogymError, match="rows are missing or were changed"):
        folder.load("toy")


def test_another_run_is_named_by_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "run"
    run(path, 2, 2)
    before = {p.name: p.read_bytes() for p in path.iterdir()}
    for changes, message in (
        ({"seed": 2}, "seed=1, not 2"),
        ({"options": {"a": [1]}}, r"options\.a=\[1, 2\]"),
        ({"options": {}}, r"options=\{'a': \[1, 2\]\}, not \{\}"),
    ):
        with pytest.raises(OntogymError, match=message):
            opened(path, True, **changes)
    with pytest.raises(OntogymError, match="already holds something; pass --resume"):
        opened(path)
    with pytest.raises(OntogymError, match="no run to resume"):
        opened(tmp_path / "nowhere", True)
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes").touch()
    with pytest.raises(OntogymError, match="something else"):
        opened(tmp_path / "mine", None)
    assert {p.name: p.read_bytes() for p in path.iterdir()} == before
    with opened(path, None), pytest.raises(OntogymError, match="Another process is running"):
        opened(path, True)
    other = tmp_path / "other"
    with opened(other, seed=5) as folder:
        folder.keep("toy", {}, {"generation": 0})
    (path / "checkpoint.safetensors").write_bytes((other / "checkpoint.safetensors").read_bytes())
    with opened(path, True) as folder, pytest.raises(OntogymError, match="belongs to another run"):
        folder.load("toy")


def test_code_of_ones_own_that_has_changed_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that goes on in another environment than it began in has scores of two tasks on one curve."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("goal = 1\n")
    names = {"env": "mine.py:Mine-v0"}
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with opened(Path("run"), None, **names):
                pass
    Path("mine.py").write_text("goal = 2\n")
    for _ in range(2):
        changed = pytest.warns(UserWarning, match=r"mine\.py has changed since the run in run began")
        with changed, opened(Path("run"), True, **names):
            pass


def test_a_folder_of_the_first_form_is_resumed(tmp_path: Path) -> None:
    """No checksums, a configuration that lacks a later setting, rows cut back by the number of the generation."""
    old = {"env": "X-v0", "seed": 1}
    checkpoint.write_json(tmp_path / "config.json", old)
    (tmp_path / "progress.csv").write_text("generation,score\n1,0.1\n2,0.2\n3,0.3\n")
    mark = hashlib.blake2b(json.dumps(old, sort_keys=True).encode(), digest_size=16).hexdigest()
    checkpoint.save(tmp_path / "checkpoint.safetensors", "toy", {}, {"generation": 2, "fingerprint": mark})
    with RunFolder(tmp_path, {**old, "later": 0}, True, defaults={"later": 0}, columns=COLUMNS) as folder:
        assert folder.load("toy") is not None
        folder.append({"generation": 3, "score": 9})
    assert [row["score"] for row in read_progress(tmp_path)] == ["0.1", "0.2", "9"]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_what_a_stop_promises(sent: signal.Signals, tmp_path: Path) -> None:
    def said(out: Path, onward: str = "with --resume ") -> str:
        with sigterm_interrupts(), pytest.raises(KeyboardInterrupt) as stop, stoppable(out, onward):
            signal.raise_signal(sent)
        assert isinstance(stop.value, Terminated) == (sent == signal.SIGTERM)
        return str(stop.value)

    path = tmp_path / "run"
    assert said(path) == "stopped; nothing is kept."
    opened(path).close()
    assert said(path) == (
        f"stopped; no checkpoint was written yet: the same command with --resume starts {path} over."
    )
    with opened(path, True) as folder:
        assert folder.load("toy") is None
        folder.keep("toy", {}, {})
    assert said(path) == f"stopped; the same command with --resume goes on with {path}."
    assert said(path, "") == f"stopped; the same command goes on with {path}."
    assert said(tmp_path / "twin.fit") == "stopped; nothing is kept."


@dataclass(frozen=True)
class Command:
    env: str = "X-v0"
    goals: tuple[int, ...] = ()
    fast: bool = False
    options: dict[str, float] | None = None


def test_configurations_are_read_back_and_said_as_a_command(tmp_path: Path) -> None:
    asked = Command("Y-v0", (1, 2), True, {"a b": 0.5})
    RunFolder(tmp_path / "run", vars(asked)).close()
    assert build_config(Command, read_config(tmp_path / "run")) == asked
    (tmp_path / "mine.json").write_text(json.dumps({"goals": [3]}))
    assert build_config(Command, read_config(tmp_path / "mine.json")) == Command(goals=(3,))
    with pytest.raises(UnknownNameError, match="did you mean 'goals'"):
        build_config(Command, {"goal": 1})
    said = command_line("ontogym go", vars(asked), vars(Command()))
    assert said == "ontogym go --env Y-v0 --goals 1 2 --fast --options 'a b=0.5'"
    assert (
        command_line("ontogym go", vars(Command()), {}, leave_out=("goals",))
        == "ontogym go --env X-v0 --no-fast"
    )


def test_a_configuration_in_toml(tmp_path: Path) -> None:
    pytest.importorskip("tomllib")
    (tmp_path / "mine.toml").write_text('env = "Z-v0"\n[options]\na = 1.5\n')
    assert build_config(Command, read_config(tmp_path / "mine.toml")) == Command("Z-v0", options={"a": 1.5})
    (tmp_path / "mine.toml").write_text("env = ")
    with pytest.raises(OntogymError, match="no TOML"):
        read_config(tmp_path / "mine.toml")
    with pytest.raises(OntogymError, match="no file"):
        read_config(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = " + "[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("x = " + "{a = " * 5000 + "1" + "}" * 5000, "nested too deeply"),
        (".".join(["a"] * 100_000) + " = 1", "more than 50 parts"),
        (" . ".join(["'a b'"] * 100_000) + " = 1", "more than 50 parts"),
        ("x = " + "9" * 10_000, "no TOML"),
        ("# " + "x" * 2**20, "more than 1048576 bytes"),
        ("\0", "no TOML"),
    ],
)
def test_a_hostile_configuration_is_one_sentence_soon(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(OntogymError, match=reason) as told:
        read_config(tmp_path / "c.toml")
    assert len(str(told.value)) < 500


def test_a_configuration_that_is_no_plain_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c.toml")
    with pytest.raises(OntogymError, match="no plain file"):
        read_config(tmp_path / "c.toml")


def test_words_that_would_import_code_are_found_at_any_depth() -> None:
    for value in ("evil.py:Evil", {"a": [{"b": "x=evil:Evil"}]}, '{"rule": "a.b:C"}', ["/tmp/e.py:E"]):
        assert "vil" in code_in(value) or ":" in code_in(value)
    # What stands behind the colon may be any id, and a module may have any name.
    odd = (
        "evil:3D-v0",
        "evil: Foo",
        "evil:-x",
        "evil::Foo",
        ":evil:Foo",
        "zoo:evil:Foo",
        "ontogym:evil:X",
        "12:3D",
        "a://b",
        {"evil:E": 1},
    )
    for value in odd:
        assert code_in(value) != "", value
    for value in (
        "zoo:lndp-cartpole",
        "ontogym:ontogym/Foraging-v0",
        '[{"born": 0}]',
        "ray://127.0.0.1:10001",
        {"data": "movies:ferret"},
        {"data": "mnist:/somewhere"},
        5,
        None,
    ):
        assert code_in(value) == ""


@pytest.mark.parametrize("kind", ["fifo", "folder", "endless"])
def test_progress_that_is_no_plain_file_is_neither_waited_for_nor_read(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "progress.csv"
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to("/dev/zero")
    with pytest.raises(OntogymError, match="no plain file"):
        read_progress(tmp_path)
