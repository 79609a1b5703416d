from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from ontogym.developmental.feature_extractors.networks import build_network
from ontogym.errors import OntogymError
from ontogym.studies.wave_pretraining.movies import WaveMovies, phase_randomised
from ontogym.studies.wave_pretraining.translation import (
    TranslatedExemplars,
    manifold_capacity,
    read_translated,
    recalibrated,
    separation,
)

from .bars import FAST

FEW = TranslatedExemplars(exemplars=4, field=32, side=12, positions=6, columns=4)
CONFIG = dataclasses.replace(FAST, resize=32, crop=32)


def columns(image: np.ndarray) -> np.ndarray:
    """Those in which something is not the background."""
    return np.flatnonzero((image != image[0, 0] if image[0, 0] == 102 else image != 102).any(0))


def test_train_and_test_positions_are_apart():
    images = FEW.images()
    learnt, others = images.read(images.train), images.read(images.validation)
    near, far = others[:24], others[24:]
    assert max(columns(i).max() for i in (*learnt, *near)) < 4 + 12
    assert min(columns(i).min() for i in far) >= 32 - 12 - 4 + 1
    assert images.labels.tolist() == [0] * 6 + [1] * 6 + [2] * 6 + [3] * 6 + images.labels[24:].tolist()
    shown = {i.tobytes() for i in learnt}
    assert len(shown) == 24
    assert not shown & {i.tobytes() for i in near}


def test_an_exemplar_is_the_same_everywhere():
    images = FEW.images()
    first = [i for i, label in zip(images.read(np.arange(72)), images.labels) if label == 2]
    pixels = {tuple(np.sort(i.ravel())) for i in first}
    assert len(first) == 18
    assert len(pixels) == 1


def test_positions_that_do_not_fit_are_refused():
    with pytest.raises(OntogymError, match="positions in 9 of 17 columns"):
        TranslatedExemplars(field=32, side=16, columns=9)


class Sums(torch.nn.Module):
    """What no translation changes: moments of the picture."""

    head = "fc"

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 1, 1)
        self.bn = torch.nn.BatchNorm2d(6)
        self.fc = torch.nn.Linear(6, 2)

    def forward(self, x):
        return self.fc(torch.stack([(x**k).mean((1, 2, 3)) for k in range(1, 7)], 1))


def test_what_is_invariant_is_read_anywhere():
    found = read_translated(Sums(), FEW, CONFIG, "cpu")
    assert (found.learnt, found.near, found.far) == (1, 1, 1)
    assert found.capacity == pytest.approx(2, abs=0.4)
    assert found.separation > 1e6


def test_new_statistics_change_only_the_normalisation():
    network = build_network("small", 4, 1, seed=0)
    fresh = recalibrated(network, FEW, CONFIG)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), fresh.parameters()))
    images = FEW.images()
    x = (torch.from_numpy(images.read(images.train))[:, None].float() / 255 - 0.2) / 0.5
    assert fresh.bn1.running_mean.numpy() == pytest.approx(
        network.conv1(x).mean((0, 2, 3)).detach().numpy(), abs=1e-5
    )
    assert network.bn1.running_mean.abs().max() == 0


def test_points_have_a_capacity_of_two_and_manifolds_less():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(40, 1, 50))
    points = np.repeat(centres, 5, 1)
    clouds = points + 0.5 * rng.normal(size=(40, 5, 50))
    assert manifold_capacity(points) == pytest.approx(2, rel=0.06)  # Cover's
    assert 0.5 < manifold_capacity(clouds) < 1.5
    # Without a centre to tell them by, M points in general position: each is a constraint of its own.
    assert manifold_capacity(rng.normal(size=(40, 5, 50))) == pytest.approx(2 / 5, rel=0.1)


def test_separation():
    manifolds = np.array([[[0.0, 0], [2, 0]], [[0, 6], [2, 6]]])
    assert separation(manifolds) == 9  # variance 9 between centres, 1 within


def test_pairs_of_frames():
    frames = np.random.default_rng(0).integers(0, 256, (3, 20, 4, 4)).astype(np.uint8)
    frames[0, :5] = 0
    frames[0, 0, 0, 0] = 9
    movies = WaveMovies(frames, least=2)
    paired = movies.with_pairs(20, seed=1)
    assert len(paired.train) == 20
    assert (paired.successor[paired.train] == paired.train + 1).all()
    shuffled = movies.with_pairs(20, seed=1, shuffled=True)
    assert (shuffled.train == paired.train).all()
    assert sorted(shuffled.successor[shuffled.train]) == sorted(paired.train + 1)
    assert (shuffled.successor[shuffled.train] != paired.train + 1).sum() > 10
    with pytest.raises(OntogymError, match="40 frames"):  # 15 + 15 + 10
        movies.with_pairs(100, seed=1)


def test_noise_films_keep_the_spectrum():
    rng = np.random.default_rng(0)
    films = np.cumsum(rng.normal(size=(2, 8, 6, 6)), 1) * 8 + 128
    films = films.clip(0, 255).astype(np.uint8)
    noise = phase_randomised(films, 3).astype(float)
    power = [
        np.abs(np.fft.fftn(f - f.mean((1, 2, 3), keepdims=True), axes=(1, 2, 3))) for f in (films, noise)
    ]
    # Rounding to whole grey values adds white noise of variance 1/12.
    assert np.abs(power[0] - power[1]).max() < 6 * np.sqrt(8 * 36 / 12)
    assert abs(np.corrcoef(films[0].ravel(), noise[0].ravel())[0, 1]) < 0.3
