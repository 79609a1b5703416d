"""Single flipped bits in files of every kind: none is believed. ``benchmarks/bit_flips.py`` is the long form."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.damage import believed, make_files


def test_no_flipped_bit_is_believed(tmp_path: Path) -> None:
    rng = np.random.default_rng()
    kinds = make_files(tmp_path)
    assert len(kinds) == 24
    assert {kind.name: found for kind in kinds if (found := believed(kind, 12, rng))} == {}
