"""Images to show a retina: made (dead leaves), shipped with other packages (photographs), or the user's own."""

from __future__ import annotations

from ontogym.retina_env.images.arrays import Split, adapt, check_images, cut_patches, split
from ontogym.retina_env.images.goldin import GoldinSession, read_goldin
from ontogym.retina_env.images.leaves import DeadLeaves, dead_leaves
from ontogym.retina_env.images.shipped import Photographs, folder_pictures, photographs
from ontogym.retina_env.images.van_hateren import read_van_hateren, van_hateren_patches

__all__ = [
    "DeadLeaves",
    "GoldinSession",
    "Photographs",
    "Split",
    "adapt",
    "check_images",
    "cut_patches",
    "dead_leaves",
    "folder_pictures",
    "photographs",
    "read_goldin",
    "read_van_hateren",
    "split",
    "van_hateren_patches",
]
