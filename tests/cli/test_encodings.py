"""Terminals that cannot show every character: a question mark, never an error."""

from __future__ import annotations

import io
import sys

import pytest

from ontogym.cli import main

LINES = [
    ["--help"],
    ["evolve", "--help"],
    ["train", "--help"],
    ["evaluate", "--help"],
    ["waves", "render", "--help"],
    ["pretrain", "--help"],
    ["infer-rule", "--help"],
    ["regimes", "rank-sweep", "--help"],
    ["retina", "report", "--help"],
    ["leaderboard", "verify", "--help"],
    ["sweep", "--help"],
    ["envs"],
    ["rules"],
    ["evolve", "--env", "Käfig→☃-v0"],
]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_no_encoding_ends_a_command(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in LINES:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            status = main(line)
        written = b"".join(stream.buffer.getvalue() for stream in (out, err) if not stream.flush())  # type: ignore[attr-defined]
        assert status == (2 if "☃" in line[-1] else 0), (line, written)
        assert len(written) > 40
