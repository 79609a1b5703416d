"""Fractals: every class fills enough of the image, and every image depends on the seed and its place alone."""

from __future__ import annotations

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.studies.wave_pretraining.building import build
from ontogym.studies.wave_pretraining.fractals import FractalRecipe
from ontogym.studies.wave_pretraining.image_set import ImageSet
from ontogym.studies.wave_pretraining.iterated_systems import (
    MIN_FILLING,
    filling_rate,
    iterate,
    random_system,
)

TINY = FractalRecipe(classes=3, per_class=12, size=16, points=4000)


def test_classes_fill_the_image_and_are_contractions():
    for seed in range(5):
        system, attempts = random_system(seed)
        assert 2 <= len(system) <= 8
        assert attempts >= 1
        assert filling_rate(iterate(system, 100_000, seed), 256) > MIN_FILLING
        assert (np.linalg.norm(system[:, :4].reshape(-1, 2, 2), 2, axis=(1, 2)) < 1).all()


def test_the_chaos_game_draws_the_sierpinski_triangle():
    """Three maps that halve towards the corners: no point falls into the middle triangle."""
    half = [0.5, 0, 0, 0.5]
    system = np.array([[*half, 0, 0], [*half, 0.5, 0], [*half, 0, 0.5]])
    x, y = iterate(system, 20_000, 3)
    assert x.min() >= 0
    assert (x + y).max() <= 1
    inside = (x < 0.5) & (y < 0.5) & (x + y > 0.5)
    assert inside.sum() == 0
    thirds = [np.mean(x > 0.5), np.mean(y > 0.5)]
    assert thirds == pytest.approx([1 / 3, 1 / 3], abs=0.02)


def test_an_image_depends_on_seed_and_place_alone(tmp_path):
    one = build(TINY, tmp_path / "one", workers=1)
    two = build(TINY, tmp_path / "two", workers=2)
    assert one == two
    more = build(FractalRecipe(classes=4, per_class=12, size=16, points=4000), tmp_path / "more")
    assert [e["sha256"] for e in more["classes"][:3]] == [e["sha256"] for e in one["classes"]]
    other = build(FractalRecipe(classes=3, per_class=12, size=16, points=4000, seed=1), tmp_path / "other")
    assert not {e["sha256"] for e in other["classes"]} & {e["sha256"] for e in one["classes"]}


def test_instances_differ_and_classes_differ_more(tmp_path):
    build(TINY, tmp_path / "set")
    images = ImageSet.open(tmp_path / "set")
    assert (len(images.train), len(images.validation)) == (30, 6)
    pictures = images.read(np.arange(36)).astype(float)
    assert len({p.tobytes() for p in pictures}) == 36
    distance = np.abs(pictures[:, None] - pictures[None]).mean((2, 3))
    same = images.labels[:, None] == images.labels[None]
    assert distance[same & (distance > 0)].mean() < distance[~same].mean()
    # Averaged down from 256 pixels: there are greys.
    assert len(np.unique(pictures)) > 10


def test_mirrors_and_variations_turn_over_in_order():
    recipe = FractalRecipe(classes=1, per_class=130, size=16, points=200_000, validation=0.0)
    rows = recipe.make(0).train.reshape(130, 16, 16).astype(float)
    # Instance 25 is instance 0 upside down; the points drawn differ, at 800 a pixel hardly.
    assert np.abs(rows[25] - rows[0][::-1]).mean() < 6
    assert np.abs(rows[25] - rows[0]).mean() > 12


@pytest.mark.parametrize(
    "bad", [{"classes": 0}, {"size": 4}, {"points": 0}, {"validation": 1.0}, {"per_class": 0}]
)
def test_bad_values_are_refused(bad):
    with pytest.raises(OntogymError, match="choose"):
        FractalRecipe(**bad)
