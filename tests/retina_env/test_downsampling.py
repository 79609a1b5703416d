"""Resampling matrices against hand-computed weights, and the equalities that must hold."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.retina_env.downsampling import (
    DOWNSAMPLERS,
    FOLDS,
    correct_contrast,
    downsampler,
    upsample_nearest,
)

NAMES = list(DOWNSAMPLERS)


def row(name: str, fold: int = 4, size: int = 64) -> dict[int, float]:
    """Weights of the middle output pixel, keyed by distance (in half pixels) from its centre."""
    k = size // fold // 2
    weights = downsampler(name).matrix(size, fold)[k]
    return {2 * i + 1 - (2 * k + 1) * fold: w for i, w in enumerate(weights) if abs(w) > 1e-12}


@pytest.mark.parametrize("fold", FOLDS)
@pytest.mark.parametrize("name", NAMES)
def test_weights_sum_to_one_and_mirror(name, fold):
    m = downsampler(name).matrix(128, fold)
    assert m.shape == (128 // fold, 128)
    np.testing.assert_allclose(m.sum(1), 1, atol=1e-12)
    if name != "nearest":
        np.testing.assert_allclose(m, m[::-1, ::-1], atol=1e-12)


def test_average_is_area_is_the_mean_of_blocks():
    x = np.random.default_rng(0).random((3, 64, 64))
    means = x.reshape(3, 16, 4, 16, 4).mean((2, 4))
    np.testing.assert_allclose(downsampler("average")(x), means, atol=1e-12)
    np.testing.assert_array_equal(downsampler("average")(x), downsampler("area")(x))
    assert row("average", 2) == {-1: 0.5, 1: 0.5}
    # Twofold, the triangle's two pixels are the block.
    np.testing.assert_allclose(downsampler("bilinear")(x, 2), downsampler("average")(x, 2), atol=1e-12)


def test_without_antialiasing_kernels_keep_their_own_width():
    assert row("bilinear") == {-1: 0.5, 1: 0.5}
    assert row("nearest") == {1: 1.0}
    # Keys (a = -1/2) at 1/2 and 3/2: 0.5625 and -0.0625.
    assert row("bicubic") == pytest.approx({-3: -0.0625, -1: 0.5625, 1: 0.5625, 3: -0.0625})
    # Mitchell and Netravali at 1/2 and 3/2: 77/144 and -5/144.
    assert row("mitchell-netravali") == pytest.approx({-3: -5 / 144, -1: 77 / 144, 1: 77 / 144, 3: -5 / 144})
    # exp(-2 x^2) at 1/2 and 3/2, where the radius excludes 3/2: half each.
    assert row("gaussian")[1] == pytest.approx(0.5)


def test_lanczos_by_hand():
    def lanczos(x: float, a: int) -> float:
        return a * np.sin(np.pi * x) * np.sin(np.pi * x / a) / (np.pi * x) ** 2

    for a in (3, 5):
        values = {2 * k + 1: lanczos(k + 0.5, a) for k in range(a)}
        total = 2 * sum(values.values())
        for distance, value in values.items():
            assert row(f"lanczos{a}")[distance] == pytest.approx(value / total)
        # Widened four times, the same kernel is read at quarter distances.
        wide = row(f"lanczos{a}-antialiased", 4, 256)
        assert wide[1] / wide[3] == pytest.approx(lanczos(0.125, a) / lanczos(0.375, a))
        assert len(wide) == 8 * a


def test_the_widened_triangle_by_hand():
    expected = {d: (1 - abs(d) / 8) / 4 for d in (-7, -5, -3, -1, 1, 3, 5, 7)}
    assert row("bilinear-antialiased") == pytest.approx(expected)


def test_antialiasing_keeps_out_what_the_small_image_cannot_show():
    # Stripes two pixels wide vanish at a fold of four; without antialiasing they come back as stripes.
    stripes = np.tile(np.where(np.arange(128) % 4 < 2, 1.0, 0.0), (128, 1))[None]
    assert np.abs(downsampler("lanczos3-antialiased")(stripes) - 0.5)[0, 8:-8, 8:-8].max() < 0.01
    shifted = np.roll(stripes, 1, 2)
    assert np.abs(downsampler("bilinear")(shifted) - 0.5).max() > 0.45


@pytest.mark.parametrize("name", NAMES)
def test_numpy_and_torch_agree_and_torch_has_gradients(name):
    x = np.random.default_rng(1).random((2, 32, 32)).astype(np.float32)
    t = torch.from_numpy(x).requires_grad_()
    small = downsampler(name)(t, 4)
    assert downsampler(name)(x, 4).dtype == np.float32
    np.testing.assert_allclose(small.detach().numpy(), downsampler(name)(x, 4), atol=1e-6)
    g = torch.rand(2, 8, 8)
    small.backward(g)
    # The gradient is the adjoint: <A x, g> = <x, A' g>.
    assert t.grad is not None
    assert float((t.grad * t.detach()).sum()) == pytest.approx(float((small.detach() * g).sum()), rel=1e-4)


def test_uniform_images_stay_uniform():
    for name in NAMES:
        np.testing.assert_allclose(downsampler(name)(np.full((1, 64, 64), 0.4), 8), 0.4, atol=1e-12)


def test_nearest_upsampling_is_undone_by_averaging():
    low = np.random.default_rng(2).random((2, 8, 8)).astype(np.float32)
    high = upsample_nearest(low, 4)
    assert high.shape == (2, 32, 32)
    np.testing.assert_allclose(downsampler("average")(high), low, atol=1e-6)
    np.testing.assert_array_equal(upsample_nearest(torch.from_numpy(low), 4).numpy(), high)


def test_contrast():
    x = np.random.default_rng(3).random((4, 8, 8))
    np.testing.assert_allclose(correct_contrast(x, 1.0), x)
    stretched = correct_contrast(x, 1.5, clip=False)
    np.testing.assert_allclose(stretched.mean((1, 2)), x.mean((1, 2)))
    np.testing.assert_allclose(stretched.std((1, 2)), 1.5 * x.std((1, 2)))
    clipped = correct_contrast(torch.from_numpy(x), 2.5).numpy()
    assert clipped.min() == 0
    assert clipped.max() == 1
    np.testing.assert_allclose(clipped, correct_contrast(x, 2.5))


def test_bad_input_is_named():
    with pytest.raises(UnknownNameError, match="lanczos3"):
        downsampler("lanczos-3")
    for fold in (3, 0, -2, 2.5, 256, True):
        with pytest.raises(OntogymError, match="choose one of"):
            downsampler("average")(np.zeros((1, 128, 128)), fold)
    with pytest.raises(OntogymError, match="255"):
        downsampler("average")(np.zeros((1, 128, 128), np.uint8))
    with pytest.raises(OntogymError, match="square"):
        downsampler("average")(np.zeros((1, 128, 64)))
    for alpha in (-1.0, float("nan")):
        with pytest.raises(OntogymError, match="contrast factor"):
            correct_contrast(np.zeros((1, 4, 4)), alpha)


@pytest.mark.parametrize("name", NAMES)
def test_downsamplers_travel_to_other_processes(name):
    assert pickle.loads(pickle.dumps(downsampler(name))) is downsampler(name)
