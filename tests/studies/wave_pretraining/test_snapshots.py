"""The camera over a retina: nearest neighbour at any angle, inside the disc, counted right."""

from __future__ import annotations

import numpy as np
import pytest

from ontogym.studies.wave_pretraining.image_set import unpack
from ontogym.studies.wave_pretraining.snapshots import PITCH_UM, ROW_UM, Camera


def retina(radius):
    """Axial coordinates ``(C, 2)`` and places in micrometres of a disc of hexagonal cells."""
    q, r = (v.ravel() for v in np.mgrid[-radius : radius + 1, -radius : radius + 1])
    x, y = PITCH_UM * (q + 0.5 * r), ROW_UM * r
    inside = (np.abs(q + r) <= radius) & (np.hypot(x, y) <= (radius + 0.5) * ROW_UM)
    return np.stack([q, r], 1)[inside], np.stack([x, y], 1)[inside]


def slow_picture(place, active, radius, size, angle, mirrored):
    """The same by looking for the nearest of all cells."""
    side = (radius + 0.5) * ROW_UM * 2**0.5
    at = ((np.arange(size) + 0.5) / size - 0.5) * side
    u, v = np.meshgrid(-at if mirrored else at, -at)
    x = np.cos(angle) * u - np.sin(angle) * v
    y = np.sin(angle) * u + np.cos(angle) * v
    distance = np.hypot(x[..., None] - place[:, 0], y[..., None] - place[:, 1])
    return np.where(active[distance.argmin(-1)], 255, 0)


@pytest.mark.parametrize(("radius", "size"), [(8, 16), (9, 19), (20, 32)])
def test_pictures_show_the_nearest_cell(radius, size):
    axial, place = retina(radius)
    rng = np.random.default_rng(0)
    active = rng.random((12, len(axial))) < 0.4
    angles, mirrored = rng.uniform(0, 2 * np.pi, 12), rng.random(12) < 0.5
    rows, white = Camera(axial, radius, size).shoot(active, angles, mirrored)
    pictures = unpack(rows, size, 1)
    assert ((pictures > 0).sum((1, 2)) == white).all()
    wrong = 0
    for k in range(12):
        wrong += (pictures[k] != slow_picture(place, active[k], radius, size, angles[k], mirrored[k])).sum()
    # Only the tips of the corners, beyond the last cell's hexagon, may show a neighbour of the nearest cell.
    assert wrong <= 0.01 * pictures.size


@pytest.mark.parametrize("angle", np.linspace(0, 2 * np.pi, 9))
def test_the_square_stays_in_the_disc_at_any_angle(angle):
    axial, _ = retina(12)
    full = np.ones((1, len(axial)), bool)
    _, white = Camera(axial, 12, 24).shoot(full, np.array([angle]), np.array([False]))
    assert white[0] == 24 * 24


def test_turning_and_mirroring_do_what_they_say():
    axial, place = retina(30)
    # One bright spot to the right of the centre, a little up.
    spot = np.hypot(place[:, 0] - 500, place[:, 1] - 150) < 100
    camera = Camera(axial, 30, 40)

    def centre(angle, mirrored):
        rows, _ = camera.shoot(spot[None], np.array([angle]), np.array([mirrored]))
        row, column = np.nonzero(unpack(rows, 40, 1)[0])
        return np.array([column.mean() - 19.5, 19.5 - row.mean()])

    x, y = centre(0.0, False)
    assert x > 0
    assert y > 0
    assert centre(0.0, True) == pytest.approx([-x, y], abs=0.7)
    # The square turned to the left sees the spot turned to the right.
    assert centre(np.pi / 2, False) == pytest.approx([y, -x], abs=0.7)
