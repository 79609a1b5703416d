"""The twin: its equation, its training to the bit, its files, and files that are none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ontogym import checkpoint
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.retina_env import twins
from ontogym.retina_env.downsampling import upsample_nearest
from ontogym.retina_env.forward_model import ForwardModel, TwinShape, poisson_loss
from ontogym.retina_env.images import DeadLeaves
from ontogym.retina_env.measures import neuronal_reliability
from ontogym.retina_env.twin_fit import FitConfig, fit
from ontogym.retina_env.twins import default_twin, load_twin, save_twin, twin_of
from ontogym.studies.retina_report.random_search import random_search

SHAPE = TwinShape(neurons=3, size=32, kernels=2, kernel_size=7, pool=2)
CONFIG = FitConfig(epochs=6, batch=16)


@pytest.fixture(scope="module")
def data(cache) -> tuple[np.ndarray, np.ndarray]:
    """150 small images and three neurons that a twin can be: ON, OFF, and one that answers to nothing."""
    images = DeadLeaves(size=32).images(150, seed=2, show_progress=False)
    return images, np.random.default_rng(0).poisson(true_rates(images)).astype(np.float32)


def true_rates(images: np.ndarray) -> np.ndarray:
    x = torch.from_numpy(images)
    spot = x[:, 10:14, 10:14].mean((1, 2)) - x[:, 6:18, 6:18].mean((1, 2))
    drive = torch.stack([2 + 25 * spot, 2 - 25 * spot, torch.full_like(spot, 2.0)], 1)
    return F.softplus(drive).numpy()


@pytest.fixture
def twin() -> ForwardModel:
    model = ForwardModel(SHAPE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.spatial.copy_(torch.rand(model.spatial.shape, generator=torch.Generator().manual_seed(1)))
        model.norm.running_mean.copy_(torch.tensor([0.1, -0.2]))
        model.norm.running_var.copy_(torch.tensor([0.5, 2.0]))
    model.facts = {"what": "a test"}
    return model.eval()


def test_the_equation_term_by_term(twin, data):
    x = torch.from_numpy(data[0][:4])
    z = (x - twin.image_mean) / twin.image_sd
    maps = F.conv2d(z[:, None], twin.kernels[:, None])[..., :26, :26]
    mean, sd = twin.norm.running_mean, torch.sqrt(twin.norm.running_var + twin.norm.eps)
    activity = F.softplus((maps - mean[:, None, None]) / sd[:, None, None])
    blocks = F.avg_pool2d(activity, 2)
    expected = torch.einsum("bkij,nij,nk->bn", blocks, twin.spatial, twin.feature) + twin.bias
    np.testing.assert_allclose(twin(x).detach(), F.softplus(expected).detach(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(twin.rates(data[0][:4]), twin(x).detach(), rtol=1e-6)


@pytest.mark.parametrize("fold", [1, 2, 4, 8, 16, 32])
def test_low_resolution_is_what_its_blocks_would_give(twin, fold):
    low = torch.rand(3, 32 // fold, 32 // fold, generator=torch.Generator().manual_seed(fold))
    expected = twin(upsample_nearest(low, fold))
    np.testing.assert_allclose(twin.forward_low(low, fold).detach(), expected.detach(), rtol=1e-4, atol=1e-5)
    slope = torch.autograd.grad(twin.forward_low(low.requires_grad_(), fold).sum(), low)[0]
    again = torch.autograd.grad(twin(upsample_nearest(low, fold)).sum(), low)[0]
    np.testing.assert_allclose(slope, again, rtol=1e-3, atol=1e-4)
    with pytest.raises(OntogymError, match="shape"):
        twin.forward_low(low[:, :, 1:], fold) if fold < 32 else twin.forward_low(torch.rand(1, 2, 2), fold)


def test_losses_are_those_of_the_paper(twin):
    rates, counts = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 3.0]])
    assert float(poisson_loss(rates, counts)) == pytest.approx((1 + 2 - 3 * np.log(2)) / 2)
    with torch.no_grad():
        twin.kernels.zero_()
        twin.kernels[0, 3, 3] = 5.0
    # A single pixel under (4; -1, -1, -1, -1): (16 + 4) over 1, whatever its height.
    assert float(twin.laplacian_penalty().detach()) == pytest.approx(20, rel=1e-5)


def test_fitting_finds_the_neurons(data):
    images, responses = data
    found = fit(images, responses, SHAPE, FitConfig(epochs=25, batch=16, learning_rate=5e-3))
    unseen = DeadLeaves(size=32).images(100, seed=3, show_progress=False)
    r2 = neuronal_reliability(found.twin.rates(unseen), true_rates(unseen))
    assert (r2[:2] > 0.5).all()
    # It has learned the noise of the neuron that answers to nothing, but that is less than the others' signal.
    spread = found.twin.rates(unseen).std(0)
    assert spread[2] < 0.6 * spread[:2].min()
    first, last = found.history[0], found.history[-1]
    assert found.best_loss == min(h[1] for h in found.history) < first[1]
    assert last[2] <= first[2]
    assert [len(p) for p in found.parts] == [120, 15, 15]
    assert found.test_reliability.shape == (3,)
    # The receptive field is where it was put: pixels 10 to 14, in blocks of 2 from pixel 3 on.
    weights = found.twin.spatial[0].detach().abs()
    row, column = np.unravel_index(int(weights.argmax()), weights.shape)
    assert abs(row - 4) <= 2
    assert abs(column - 4) <= 2


class Killed(Exception):
    """Stands for the end of the process."""


def test_a_killed_fit_goes_on_to_the_bit(data, tmp_path):
    whole = fit(*data, SHAPE, CONFIG)

    def kill(epochs: int, loss: float) -> None:
        if epochs == 3:
            raise Killed

    with pytest.raises(Killed):
        fit(*data, SHAPE, CONFIG, tmp_path / "fit", on_epoch=kill)
    resumed = fit(*data, SHAPE, CONFIG, tmp_path / "fit", resume=True)
    assert resumed.history == whole.history
    for name, value in whole.twin.state_dict().items():
        assert torch.equal(value, resumed.twin.state_dict()[name]), name
    assert fit(*data, SHAPE, replace(CONFIG, seed=1)).history != whole.history


def test_decay_then_early_stopping(data):
    config = FitConfig(epochs=60, batch=16, learning_rate=0.05, patience=2, decay=0.1, decays=2)
    found = fit(*data, SHAPE, config)
    rates = [h[2] for h in found.history]
    assert sorted(set(rates), reverse=True) == pytest.approx([0.05, 0.005, 0.0005])
    assert len(rates) < 60
    # What is kept is the best, not the last.
    assert found.best_loss < found.history[-1][1]


def test_what_cannot_be_resumed(data, tmp_path):
    images, responses = data
    file = tmp_path / "fit"
    with pytest.raises(OntogymError, match="There is no file"):
        fit(*data, SHAPE, CONFIG, file, resume=True)
    with pytest.raises(OntogymError, match="without a checkpoint"):
        fit(*data, SHAPE, CONFIG, resume=True)
    short = replace(CONFIG, epochs=1)
    fit(*data, SHAPE, short, file)
    assert len(fit(*data, SHAPE, replace(CONFIG, epochs=2), file, resume=True).history) == 2
    for other in (
        lambda: fit(images, responses + 1, SHAPE, short, file, resume=True),
        lambda: fit(*data, replace(SHAPE, kernels=3), short, file, resume=True),
        lambda: fit(*data, SHAPE, replace(short, batch=8), file, resume=True),
    ):
        with pytest.raises(OntogymError, match="belongs to other"):
            other()
    arrays, meta = checkpoint.load(file, "twin training")
    checkpoint.save(file, "twin training", {k: v for k, v in arrays.items() if k != "best/bias"}, meta)
    with pytest.raises(OntogymError, match="damaged"):
        fit(*data, SHAPE, short, file, resume=True)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda x, y: (x, y[:-1]), "do not fit"),
        (lambda x, y: (x, y[:, :2]), "does not fit images"),
        (lambda x, y: (x, -y - 1), "not negative"),
        (lambda x, y: (x, y * np.nan), "not negative"),
        (lambda x, y: (x[:, :16, :16], y), "does not fit images"),
        (lambda x, y: (x * 3, y), "must lie in"),
        (lambda x, y: (np.full_like(x, 0.4), y), "one grey"),
    ],
)
def test_data_that_cannot_be_fitted(data, change, word):
    with pytest.raises(OntogymError, match=word):
        fit(*change(*data), SHAPE, CONFIG)


def test_settings_that_cannot_be():
    for bad in ({"epochs": 0}, {"learning_rate": -1.0}, {"spatial_l1": float("nan")}, {"decay": 2.0}):
        with pytest.raises(OntogymError):
            FitConfig(**bad)
    for bad in ({"size": 16}, {"kernels": 0}, {"neurons": 1.5}, {"pool": True}, {"kernel_size": 10**6}):
        with pytest.raises(OntogymError):
            TwinShape(**bad)


def test_random_search_ranks_by_validation_loss(data):
    ranges = {"spatial_l1": (1e-4, 1e-1), "kernels": (1, 2), "kernel_size": (5, 7)}
    seen = []
    found = random_search(
        *data, 3, ranges=ranges, config=replace(CONFIG, epochs=2), on_trial=lambda k, t: seen.append(t)
    )
    assert [t.loss for t in found] == sorted(t.loss for t in seen)
    assert {t.twin.shape.kernel_size for t in found} <= {5, 7}
    assert len({t.values["spatial_l1"] for t in found}) == 3
    with pytest.raises(UnknownNameError, match="spatial_l1"):
        random_search(*data, 1, ranges={"spatial_l2": (1, 2)})


def test_files_give_back_the_same_twin(twin, data, tmp_path):
    save_twin(tmp_path / "t.safetensors", twin)
    again = load_twin(tmp_path / "t.safetensors")
    np.testing.assert_array_equal(again.rates(data[0][:5]), twin.rates(data[0][:5]))
    assert again.facts == twin.facts
    assert not again.training
    assert not any(p.requires_grad for p in again.parameters())
    assert json.loads((tmp_path / "t.json").read_text())["shape"]["neurons"] == 3


def test_hostile_files_are_refused_in_one_sentence(twin, tmp_path):
    file = tmp_path / "t.safetensors"
    save_twin(file, twin)
    arrays, meta = checkpoint.load(file, "twin")
    shape = meta["shape"]
    without = {k: v for k, v in arrays.items() if k != "spatial"}
    hostile = [
        (without, meta),
        ({**arrays, "spatial": arrays["spatial"] * np.nan}, meta),
        ({**arrays, "feature": arrays["feature"].T.copy()}, meta),
        ({**arrays, "bias": np.zeros(3, np.int64)}, meta),
        ({**arrays, "image_sd": np.zeros((), np.float32)}, meta),
        ({**arrays, "norm.running_var": -arrays["norm.running_var"]}, meta),
        (arrays, {**meta, "shape": {**shape, "neurons": 10**12}}),
        (arrays, {**meta, "shape": {**shape, "neurons": 4096, "size": 4096}}),
        (arrays, {**meta, "shape": {**shape, "size": "128"}}),
        (arrays, {**meta, "shape": {"neurons": 3}}),
        (arrays, {**meta, "shape": {**shape, "extra": 1}}),
        (arrays, {**meta, "facts": 3}),
        (arrays, {}),
    ]
    for bad_arrays, bad_meta in hostile:
        checkpoint.save(file, "twin", bad_arrays, bad_meta)
        with pytest.raises(OntogymError) as caught:
            load_twin(file)
        assert "\n" not in str(caught.value)
    checkpoint.save(file, "evolution", arrays, meta)
    with pytest.raises(OntogymError, match="not 'twin'"):
        load_twin(file)
    file.write_bytes(b"\x80\x04pickle")
    with pytest.raises(OntogymError):
        load_twin(file)


def test_the_shipped_twin_is_what_its_manifest_says(scenes):
    twin = default_twin()
    manifest = json.loads(twins.SHIPPED.with_suffix(".json").read_text())
    assert manifest["facts"] == twin.facts
    assert twin.facts["command"] == "ontogym retina fit"
    assert twins.SHIPPED.stat().st_size < 1_000_000
    # Scenes it has not seen, against the rates of the retina it is the twin of: far from chance, and from
    # what another animal's twin could do. The number in the manifest is on 200 images and noisy responses.
    r2 = neuronal_reliability(twin.rates(scenes), twins.SimulatedRetina(0).rates(scenes))
    assert np.median(r2) == pytest.approx(twin.facts["r2_of_true_rates_median"], abs=0.08)
    assert twin.facts["r2_median"] > 0.8


def test_another_retina_is_fitted_once_and_cached(cache, monkeypatch, capsys):
    tiny = FitConfig(epochs=1)

    def small_fit(seed: int, out: Path, show_progress: bool) -> ForwardModel:
        return whole(seed, out, tiny, show_progress=show_progress, size=32, images=60)

    whole = twins.fit_twin
    monkeypatch.setattr(twins, "fit_twin", small_fit)
    monkeypatch.setattr(twins, "HELD_OUT_IMAGES", 4)
    first = twin_of(5)
    said = capsys.readouterr().err
    assert "Fitting the twin of retina 5" in said
    assert first.facts["command"] == "ontogym retina fit --seed 5"
    assert not list((cache / "twins").glob("*.fit"))
    monkeypatch.setattr(twins, "fit_twin", None)
    again = twin_of(5)
    assert torch.equal(first.spatial, again.spatial)
    assert capsys.readouterr().err == ""
