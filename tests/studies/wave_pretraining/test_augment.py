from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ontogym.seeding import torch_generator
from ontogym.studies.wave_pretraining import augment
from ontogym.studies.wave_pretraining.simclr import nt_xent


def ramp(count: int = 64, size: int = 12) -> torch.Tensor:
    """Images whose pixels tell where they are: ``16 row + column``."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return (16 * rows + columns).to(torch.uint8).expand(count, 1, size, size)


def test_crops_are_squares_of_the_image_at_places_of_their_own():
    batch = ramp()
    crops = augment.random_crop(batch, 9, torch_generator(0, "a"))
    corners = crops[:, 0, 0, 0].long()
    for crop, corner in zip(crops[:, 0].long(), corners):
        assert torch.equal(crop - corner, ramp(1, 9)[0, 0].long())
    assert set(corners.tolist()) == {16 * r + c for r in range(4) for c in range(4)}
    assert torch.equal(crops, augment.random_crop(batch, 9, torch_generator(0, "a")))
    assert torch.equal(augment.centre_crop(batch, 10)[0, 0, 0, :2], torch.tensor([17, 18], dtype=torch.uint8))


def test_flips_mirror_about_half_of_the_images():
    batch = ramp()
    flipped = augment.random_flip(batch, torch_generator(0, "a"))
    mirrored = (flipped == batch.flip(-1)).flatten(1).all(1)
    assert ((flipped == batch).flatten(1).all(1) ^ mirrored).all()
    assert 16 < mirrored.sum() < 48


def test_grey_to_colour_and_back():
    grey = np.arange(32, dtype=np.uint8).reshape(2, 4, 4)
    assert torch.equal(augment.to_batch(grey, 3)[:, 2], torch.from_numpy(grey))
    colour = np.stack([grey, grey, grey], -1)
    assert torch.equal(augment.to_batch(colour, 1)[:, 0], torch.from_numpy(grey))
    red = colour * np.array([1, 0, 0], np.uint8)
    assert augment.to_batch(red, 1).max() == round(0.299 * 31)


def test_normalisation():
    batch = torch.full((1, 3, 2, 2), 51, dtype=torch.uint8)
    out = augment.normalise(batch, (0.2, 0.1, 0.0), (1.0, 0.5, 0.1))
    torch.testing.assert_close(out[0, :, 0, 0], torch.tensor([0.0, 0.2, 2.0]))
    grey = augment.normalise(batch[:, :1], (0.2, 0.1, 0.0), (1.0, 0.5, 0.1))
    torch.testing.assert_close(grey, torch.full((1, 1, 2, 2), 0.1 / (1.6 / 3)))


def test_resizing_keeps_the_kind_and_scales_the_shorter_side():
    batch = torch.full((2, 1, 8, 12), 7, dtype=torch.uint8)
    out = augment.resize(batch, 16)
    assert out.shape == (2, 1, 16, 24)
    assert out.dtype == torch.uint8
    assert (out == 7).all()
    assert augment.resize(batch, 8) is batch


def test_a_view_of_everything_is_the_image():
    batch = ramp(4).float()
    view = augment.random_view(batch, 12, torch_generator(0, "a"), (1.0, 1.0), rotate=False, flip=False)
    torch.testing.assert_close(view, batch, atol=1e-3, rtol=0)
    flips = augment.random_view(batch, 12, torch_generator(0, "a"), (1.0, 1.0), rotate=False, flip=True)
    for image in flips:
        same, mirrored = (torch.allclose(image, x, atol=1e-3) for x in (batch[0], batch[0].flip(-1)))
        assert same != mirrored


def test_views_are_smaller_squares_within_the_image_and_differ():
    batch = ramp().float()
    views = augment.random_view(batch, 8, torch_generator(1, "a"), (0.2, 0.5), rotate=False, flip=False)
    assert views.shape == (64, 1, 8, 8)
    # Unturned, columns grow by 1 per pixel of the original: less than 12 / 8 per pixel of the view.
    step = (views[:, 0, 4, 5] - views[:, 0, 4, 4]) * 8 / 12
    assert (step > 0.2**0.5 - 0.01).all()
    assert (step < 0.5**0.5 + 0.01).all()
    assert step.std() > 0.02
    turned = augment.random_view(batch, 8, torch_generator(1, "a"), (0.2, 0.5))
    assert (turned[:, 0, 4, 5] - turned[:, 0, 4, 4] < 0).any()
    assert turned.min() >= 0
    assert turned.max() <= batch.max()


def test_the_contrastive_loss_by_hand():
    """Two pairs at right angles, one pair a little apart: every term written out."""
    angle = 0.6
    first = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    second = torch.tensor([[math.cos(angle), math.sin(angle)], [0.0, 3.0]])
    c, s, tau = math.cos(angle), math.sin(angle), 0.5
    # Cosines: a·b = 0, a·a' = c, a·b' = 0, b·a' = s, b·b' = 1, a'·b' = s.
    e = [math.exp(x / tau) for x in (c, s, 1.0, 0.0)]
    terms = [
        -math.log(e[0] / (e[0] + 2 * e[3])),  # a: positive a'; others b, b'
        -math.log(e[2] / (e[2] + e[3] + e[1])),  # b: positive b'; others a, a'
        -math.log(e[0] / (e[0] + 2 * e[1])),  # a': positive a; others b, b'
        -math.log(e[2] / (e[2] + e[3] + e[1])),  # b': positive b; others a, a'
    ]
    assert float(nt_xent(first, second, tau)) == pytest.approx(sum(terms) / 4, rel=1e-6)


def test_the_contrastive_loss_of_features_that_say_nothing():
    alike = torch.ones(5, 3)
    assert float(nt_xent(alike, alike)) == pytest.approx(math.log(9), rel=1e-6)
