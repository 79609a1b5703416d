"""The simulated retina: its seeds, its shape, its noise, and what the experiments find in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ontogym.errors import OntogymError
from ontogym.retina_env.cells import CELL_TYPES
from ontogym.retina_env.measures import neuronal_reliability
from ontogym.retina_env.receptive_fields import checkerboards, fit_receptive_fields, spike_triggered_average
from ontogym.retina_env.retina import SimulatedRetina
from ontogym.studies.retina_report.resolution import resolution_experiment


@pytest.fixture(scope="session")
def animal(cache) -> SimulatedRetina:
    return SimulatedRetina(0)


def test_a_seed_makes_an_animal(animal, scenes):
    assert animal.n_cells == 60 == sum(kind.n for kind in CELL_TYPES.values())
    again, other = SimulatedRetina(0), SimulatedRetina(1)
    np.testing.assert_array_equal(again.rates(scenes[:4]), animal.rates(scenes[:4]))
    assert np.abs(other.cells.x - animal.cells.x).max() > 100
    low, high = np.array([CELL_TYPES[name].diameter_um for name in animal.cells.types]).T
    assert ((4 * animal.cells.sigma >= low) & (4 * animal.cells.sigma <= high)).all()


def test_rates_are_a_pure_bounded_function(animal, scenes):
    rates = animal.rates(scenes)
    assert rates.shape == (64, 60)
    assert rates.dtype == np.float32
    # An image's rates do not depend on what stands beside it, up to single precision.
    np.testing.assert_allclose(animal.rates(scenes[10]), rates[10:11], rtol=1e-4)
    assert (rates >= animal.cells.base.astype(np.float32) - 1e-5).all()
    assert (rates <= animal.cells.base + animal.cells.max_spikes + 1e-5).all()
    # Uniform grey and uniform white carry no contrast, so that subunits rest.
    blank = animal.rates(np.stack([np.full((128, 128), v, np.float32) for v in (0.4, 1.0, 0.0)]))
    assert np.isfinite(blank).all()


def test_steps_against_a_plain_computation(animal, scenes):
    """One cell by loops over the written steps, in double precision and with another convolution."""
    from scipy.ndimage import gaussian_filter

    x, k, cells = scenes[0].astype(float), 30, animal.cells

    def blur(z, um):
        return gaussian_filter(z, um / 25, mode="nearest", truncate=4)

    r = 4 * (x**0.8 / (x**0.8 + 0.4**0.8) - 0.5)
    b = blur(r, 22) - 0.7 * blur(r, 80)
    b = b / (1 + np.sqrt(blur(b * b, 150)) / 0.5)
    on, off = np.maximum(b - 0.02, 0), np.maximum(-b - 0.02, 0)
    grid = (np.arange(128) + 0.5) * 25
    dx, dy = grid[None] - cells.x[k], grid[:, None] - cells.y[k]
    c, s = np.cos(cells.angle[k]), np.sin(cells.angle[k])
    u, v = (dx * c + dy * s) / cells.stretch[k], (-dx * s + dy * c) * cells.stretch[k]
    centre = np.exp(-(u * u + v * v) / 2 / cells.sigma[k] ** 2)
    surround = np.exp(-(dx * dx + dy * dy) / 2 / (2.5 * cells.sigma[k]) ** 2)
    centre, surround = centre / centre.sum(), surround / surround.sum()
    rho, p_on, p_off = cells.rectification[k], cells.on[k], cells.off[k]
    linear = 0.5 * (1 - rho) * (b * centre).sum()
    drive = p_on * (rho * (on * centre).sum() + linear) + p_off * (rho * (off * centre).sum() - linear)
    drive -= 0.6 * cells.surround[k] * (p_on * (on * surround).sum() + p_off * (off * surround).sum())
    drive -= cells.crossover[k] * (p_on * (off * centre).sum() + p_off * (on * centre).sum())
    d = (drive - float(animal.drive_mean[k])) / float(animal.drive_sd[k])
    z = np.log1p(np.exp(2.2 * (d - cells.threshold[k]))) / 2.2
    rate = cells.base[k] + cells.max_spikes[k] * z**1.3 / (z**1.3 + 2.2)
    assert animal.rates(x)[0, k] == pytest.approx(rate, rel=2e-3)


def test_polarity(animal):
    """A bright spot on a cell's centre excites ON cells above what a dark one does, and OFF cells the other way."""
    grid = (np.arange(128) + 0.5) * 25
    cells = animal.cells
    for k, name in enumerate(cells.types):
        if name in ("W3", "ON-OFF direction selective"):
            continue
        inside = np.hypot(grid[None] - cells.x[k], grid[:, None] - cells.y[k]) < 1.5 * cells.sigma[k]
        spots = np.stack([np.where(inside, v, 0.4) for v in (0.9, 0.1)]).astype(np.float32)
        bright, dark = animal.rates(spots)[:, k]
        assert (bright > dark) == name.startswith("ON"), name


def test_spikes_are_poisson_and_seeded(animal, scenes):
    spikes = animal.record(scenes[:8], repeats=400, seed=5)
    assert spikes.shape == (400, 8, 60)
    rates = animal.rates(scenes[:8])
    # The mean of 400 has a standard error of sqrt(rate / 400); 5 of them leave 480 draws room.
    assert (np.abs(spikes.mean(0) - rates) < 5 * np.sqrt(rates / 400)).all()
    # Variance over mean of 400 draws: 1 with an SD of about 0.07.
    assert np.median(spikes.var(0) / rates) == pytest.approx(1, abs=0.03)
    np.testing.assert_array_equal(animal.record(scenes[:2], 3, seed=5), animal.record(scenes[:2], 3, seed=5))
    assert (animal.record(scenes[:2], 3, seed=5) != animal.record(scenes[:2], 3, seed=6)).any()
    np.testing.assert_allclose(
        animal.respond(scenes[:2], 3, seed=5), animal.record(scenes[:2], 3, seed=5).mean(0), rtol=1e-6
    )
    with pytest.raises(OntogymError, match="once or more"):
        animal.record(scenes[:1], 0)


def test_gradients_reach_the_image_and_are_right(animal):
    x = torch.full((1, 128, 128), 0.4, requires_grad=True)
    with torch.no_grad():
        x[0, 30:90, 30:90] += 0.2
    animal(x).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert float(x.grad.abs().sum()) > 0
    # Along the gradient's own direction a small step changes the rates as it says.
    step = x.grad / x.grad.norm()
    with torch.no_grad():
        h = 1e-2
        slope = (animal(x + h * step).sum() - animal(x - h * step).sum()) / (2 * h)
    assert float(slope) == pytest.approx(float(x.grad.norm()), rel=0.02)
    black = torch.zeros(1, 128, 128, requires_grad=True)
    animal(black).sum().backward()
    assert black.grad is not None
    assert torch.isfinite(black.grad).all()


def test_bad_images_are_refused(animal):
    for bad in (np.zeros((1, 64, 64)), np.zeros((1, 128, 128), np.uint8), np.full((1, 128, 128), np.inf)):
        with pytest.raises(OntogymError):
            animal.rates(bad)
    with pytest.raises(OntogymError, match="16 to 512"):
        SimulatedRetina(0, size=8)


def test_checkerboards_recover_receptive_fields(animal):
    average = spike_triggered_average(animal, frames=3200, seed=1)
    found, cells = fit_receptive_fields(average), animal.cells
    alpha = np.array(["alpha" in name for name in cells.types])
    alpha = alpha & found.recognisable
    # Ninety-seven seconds of recording; the weakest cell may still hide in the noise.
    assert alpha.sum() >= 27
    # 3200 frames place a centre to about 10 um; 60 um is a little more than one check.
    error = np.hypot(found.x - cells.x, found.y - cells.y)[alpha]
    assert np.median(error) < 20
    assert (error < 60).all()
    # The inhibitory surround (2.5 times as wide) trims the flanks, checks and bipolar cells widen them.
    ratio = found.sigma[alpha] / cells.sigma[alpha]
    assert 0.7 < np.median(ratio) < 1.05
    np.testing.assert_array_equal(found.polarity[alpha], np.where(cells.on[alpha] > 0, 1, -1))
    # Bright and dark cancel in the average of a cell that is driven by both.
    both = np.array([name.startswith("ON-OFF") for name in cells.types])
    assert found.recognisable[both].mean() < 0.5
    assert found.area_um2.shape == (60,)


def test_a_gaussian_is_found_exactly_where_there_is_no_noise():
    y, x = np.mgrid[0:64, 0:64]
    clean = -0.3 * np.exp(-0.5 * (((x - 20.3) / 1.5) ** 2 + ((y - 41.6) / 2.5) ** 2))
    found = fit_receptive_fields(clean[None])
    assert found.x[0] == pytest.approx(20.8 * 50, abs=0.5)
    assert found.y[0] == pytest.approx(42.1 * 50, abs=0.5)
    assert found.sigma[0] == pytest.approx(50 * np.sqrt(1.5 * 2.5), rel=0.01)
    assert found.polarity[0] == -1


def test_checkerboards_are_binary_balanced_and_seeded():
    boards = np.concatenate(list(checkerboards(100, seed=2)))
    assert boards.shape == (100, 128, 128)
    assert set(np.unique(boards)) == {np.float32(0), np.float32(0.8)}
    assert boards.mean() == pytest.approx(0.4, abs=0.01)
    assert (boards[:, ::2, ::2] == boards[:, 1::2, 1::2]).all()
    np.testing.assert_array_equal(boards, np.concatenate(list(checkerboards(100, seed=2))))
    with pytest.raises(OntogymError, match="multiple of 64"):
        next(checkerboards(1, size=100))


def test_coarser_images_are_less_reliable():
    found = resolution_experiment((0,), None, 40, 4, (128, 64, 32, 16), show_progress=False)
    median = found.medians()
    assert all(values.shape == (60,) for values in found.reliability.values())
    # Down to 64 pixels subunits see all there is; 16 pixels are four times as wide as they are.
    assert median[128, 128] > median[128, 32] > median[128, 16]
    assert found.p_values[128, 16] < 1e-4
    assert median[128, 16] < 0.6 * median[128, 128]
    for bad in ((64, 128), (128, 48), (128,), (128, 128)):
        with pytest.raises(OntogymError, match="Resolutions"):
            resolution_experiment(resolutions=bad)
    with pytest.raises(OntogymError, match="even number"):
        resolution_experiment(repeats=3)


def test_a_retina_of_another_size_sees_the_same_scene(animal, scenes):
    fine = SimulatedRetina(0, 256)
    shown = scenes[:16].repeat(2, 1).repeat(2, 2)
    # The same luminance on a finer grid; blurs and pools are only sampled differently.
    assert np.median(neuronal_reliability(fine.rates(shown), animal.rates(scenes[:16]))) > 0.99


def test_black_pixels_have_a_slope_so_that_a_search_can_leave_them():
    images = torch.zeros(1, 128, 128, requires_grad=True)
    retina = SimulatedRetina(0)
    retina(images).sum().backward()
    assert float((images.grad != 0).float().mean()) > 0.9
    np.testing.assert_array_equal(retina(images).detach().numpy(), retina.rates(images.detach().numpy()))
