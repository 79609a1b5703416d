"""Flip single bits of every kind of file that the package reads again, at random places, and count what is believed.

python benchmarks/bit_flips.py --places 500
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.damage import believed, make_files


def main() -> int:
    """Print a line for each kind of file; the exit status is 1 if any flipped bit was believed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=int, default=500, help="flipped bits, over all kinds")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng, total = np.random.default_rng(asked.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        kinds = make_files(Path(folder))
        share = -(-asked.places // len(kinds))
        for kind in kinds:
            wrong = believed(kind, share, rng)
            total += len(wrong)
            print(f"{kind.name:28} {kind.path.stat().st_size:8,} bytes  {len(wrong)} of {share} believed")
    print(f"{total} of {share * len(kinds)} flipped bits were believed")
    return int(total > 0)


if __name__ == "__main__":
    raise SystemExit(main())
