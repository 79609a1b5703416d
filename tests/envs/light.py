"""Small forms of tasks whose whole form takes minutes to be made, for tests of contracts that know no size."""

from __future__ import annotations

import os

FULL = bool(os.environ.get("ONTOGYM_FULL"))
"""Whether the long forms are asked for (``.ci/full``)."""
LIGHT: dict[str, dict[str, object]] = {
    "ontogym/RetinaCalibration-v0": {"n_images": 16, "patients": 2},
    "ontogym/RetinaEncodingAnimals-v0": {"n_images": 16, "animals": 2, "share": 0.5},
    "ontogym/RetinaEncodingPercept-v0": {"n_images": 16, "patients": 2, "share": 0.5, "fast": True},
    "ontogym/RetinaCalibration-v1": {"n_images": 16, "patients": 2, "share": 0.5, "fast": True},
}
"""By id, arguments that take the place of the registered ones unless `FULL`."""
