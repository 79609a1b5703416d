"""Gabor fits: known gratings are recovered, noise is not taken for one, and small kernels flatter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from ontogym.errors import OntogymError
from ontogym.figures.style import diverging
from ontogym.studies.wave_pretraining.filter_sheet import filter_sheet, write_filter_sheet
from ontogym.studies.wave_pretraining.gabor import (
    as_planes,
    fit_gabors,
    gabor,
    permuted_control,
    random_control,
)


@pytest.fixture(scope="module")
def known():
    rng = np.random.default_rng(0)
    n = 24
    truth = {
        "orientation_deg": rng.uniform(0, 180, n),
        "frequency": rng.uniform(0.1, 0.35, n),
        "phase_deg": rng.uniform(-180, 180, n),
        "sigma_x": rng.uniform(1.5, 3, n),
        "sigma_y": rng.uniform(1.5, 3, n),
        "centre_x": rng.uniform(-1.5, 1.5, n),
        "centre_y": rng.uniform(-1.5, 1.5, n),
    }
    shapes = ("orientation_deg", "frequency", "phase_deg", "sigma_x", "sigma_y")
    filters = [
        gabor(11, *(truth[k][i] for k in shapes), (truth["centre_x"][i], truth["centre_y"][i]))
        for i in range(n)
    ]
    return truth, np.stack(filters)


def turned(a, b, full):
    """Distance on a circle of `full` degrees."""
    return np.abs((a - b + full / 2) % full - full / 2)


def test_noiseless_gabors_are_recovered_exactly(known):
    truth, filters = known
    # Amplitude and offset of any size must not matter to the shape.
    fits = fit_gabors(3.0 * filters + 0.5)
    assert fits.r2 == pytest.approx(1.0, abs=1e-9)
    assert turned(fits.orientation_deg, truth["orientation_deg"], 180).max() < 1e-3
    assert turned(fits.phase_deg, truth["phase_deg"], 360).max() < 1e-3
    for name in ("frequency", "sigma_x", "sigma_y", "centre_x", "centre_y"):
        assert getattr(fits, name) == pytest.approx(truth[name], abs=1e-4)
    assert fits.amplitude == pytest.approx(3.0, abs=1e-4)
    assert fits.offset == pytest.approx(0.5, abs=1e-4)


def test_noise_of_a_fifth_leaves_orientation_and_frequency(known):
    truth, filters = known
    filters = filters / filters.std((1, 2), keepdims=True)
    fits = fit_gabors(filters + 0.2 * np.random.default_rng(1).standard_normal(filters.shape))
    # Noise of 0.2 SD is 1 / 26 of the variance; the fit absorbs some of it.
    assert np.median(fits.r2) == pytest.approx(0.96, abs=0.01)
    assert fits.fraction() == 1.0
    assert turned(fits.orientation_deg, truth["orientation_deg"], 180).max() < 5
    assert np.abs(fits.frequency - truth["frequency"]).max() < 0.02


def test_orientation_is_what_it_says():
    bars = np.tile(np.cos(2 * np.pi * 0.2 * (np.arange(11) - 5)), (11, 1))
    assert turned(fit_gabors(bars[None]).orientation_deg[0], 0, 180) < 0.5
    assert fit_gabors(bars.T[None]).orientation_deg[0] == pytest.approx(90, abs=0.5)
    # Rising to the right and upwards: the top row is row 0.
    grating = gabor(11, 45, 0.15, sigma_x=3, sigma_y=3, phase_deg=-90)
    assert grating[4, 6] > 0 > grating[6, 4]


def test_fits_end_in_minima(known):
    """A solver in the units of `GaborFits` and without bounds, started where a fit ends, finds nothing better."""
    noisy = known[1][:6] + 0.1 * np.random.default_rng(2).standard_normal((6, 11, 11))
    fits = fit_gabors(noisy)
    for k, target in enumerate(noisy):

        def residual(p, target=target):
            plane = gabor(11, p[0], p[1], p[2], p[3], p[4], (p[5], p[6]))
            return (p[7] * plane + p[8] - target).ravel()

        start = [
            getattr(fits, name)[k]
            for name in (
                "orientation_deg",
                "frequency",
                "phase_deg",
                "sigma_x",
                "sigma_y",
                "centre_x",
                "centre_y",
                "amplitude",
                "offset",
            )
        ]
        total = np.square(target - target.mean()).sum()
        assert 1 - np.square(residual(start)).sum() / total == pytest.approx(fits.r2[k], abs=1e-9)
        polished = least_squares(residual, start)
        assert 1 - 2 * polished.cost / total == pytest.approx(fits.r2[k], abs=1e-4)


def test_random_filters_are_no_gabors_but_small_ones_look_like_it():
    large, small = random_control((11, 11), 24), random_control((4, 4), 24)
    assert large.fraction() == 0
    assert np.median(large.r2) < 0.25
    assert np.median(small.r2) > 0.5
    assert (random_control((11, 11), 24).r2 == large.r2).all()
    assert (random_control((11, 11), 24, seed=1).r2 != large.r2).all()
    assert random_control((11, 11), 24, distribution="normal").fraction() == 0


def test_shuffled_pixels_are_no_gabors(known):
    assert permuted_control(known[1]).fraction() == 0


def test_blobs_are_told_apart_in_the_summary():
    y, x = np.mgrid[-5:6, -5:6]
    blobs = np.stack([np.exp(-0.5 * (x**2 + y**2) / s**2) for s in (1.5, 2.0, 3.0)])
    summary = fit_gabors(blobs).summary()
    assert summary["fraction_r2_above_0.7"] == 1.0
    assert summary["fraction_under_one_cycle"] == 1.0


def test_filters_of_several_channels_are_their_principal_component(known):
    import torch

    filters = known[1][:4]
    colour = np.array([0.5, -1.0, 0.25])
    stacked = torch.tensor(filters[:, None] * colour[None, :, None, None])
    fits = fit_gabors(stacked)
    assert fits.r2 == pytest.approx(1.0, abs=1e-6)
    assert fits.frequency == pytest.approx(known[0]["frequency"][:4], abs=1e-3)
    assert as_planes(stacked.numpy()[:, :1]).shape == (4, 11, 11)


def test_constant_filters_have_no_fit():
    assert fit_gabors(np.full((2, 7, 7), 0.3)).r2.tolist() == [0, 0]
    assert fit_gabors(np.zeros((1, 7, 7))).r2.tolist() == [0]


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        (np.zeros((3, 3)), "shape"),
        (np.zeros((0, 7, 7)), "shape"),
        (np.full((1, 7, 7), np.nan), "finite"),
        (np.ones((2, 1, 3, 3)), "parameters"),
    ],
)
def test_what_cannot_be_fitted_is_refused(weights, match):
    with pytest.raises(OntogymError, match=match):
        fit_gabors(weights)
    if match != "parameters":
        with pytest.raises(OntogymError, match=match):
            filter_sheet(weights)


def test_a_sheet_shows_every_filter(known, tmp_path):
    from PIL import Image

    filters = known[1][:5]
    sheet = filter_sheet(filters, columns=3, scale=1)
    assert sheet.shape == (2 * 13 + 2, 3 * 13 + 2, 3)
    np.testing.assert_array_equal(sheet[15:26, 15:26], diverging(filters[4] / np.abs(filters[4]).max()))
    # Colours of three channels; a filter of zeros is mid-grey.
    red = np.zeros((2, 3, 4, 4))
    red[0, 0] = 1.0
    sheet = filter_sheet(red, scale=1)
    assert sheet[2, 2].tolist() == [255, 128, 128]
    assert sheet[2, 8].tolist() == [128, 128, 128]
    path = write_filter_sheet(filters, tmp_path / "filters.png", scale=2)
    with Image.open(path) as picture:
        assert picture.size == (3 * 24 + 2, 2 * 24 + 2 + 32)  # the scale of colours
    with pytest.raises(OntogymError, match=r"\.png"):
        write_filter_sheet(filters, tmp_path / "filters.jpg")
