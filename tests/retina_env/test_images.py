"""Dead leaves: their statistics, their independence of one another, and their cache."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.retina_env.cache import cache_folder
from ontogym.retina_env.images import (
    DeadLeaves,
    adapt,
    check_images,
    cut_patches,
    dead_leaves,
    photographs,
    split,
)
from ontogym.retina_env.images import leaves as leaves_module
from ontogym.retina_env.measures import local_contrast, neuronal_reliability, power_slope, rms_contrast

SMALL = DeadLeaves(size=32)


def test_statistics_are_those_of_natural_scenes(scenes):
    # 64 images: the slope of such a set has an SD of 0.02 over seeds, its mean RMS contrast one of 0.025.
    assert power_slope(scenes) == pytest.approx(-2.22, abs=0.08)
    assert rms_contrast(scenes).mean() == pytest.approx(0.54, abs=0.1)
    # Mean 0.4, less what is cut off at white in harsh scenes.
    assert 0.37 < scenes.mean() <= 0.4
    assert scenes.min() >= 0
    assert scenes.max() <= 1
    # Edges: steps between neighbours have far heavier tails than the normal distribution's kurtosis of 3.
    steps = np.diff(scenes, axis=2).ravel()
    assert (steps**4).mean() / (steps**2).mean() ** 2 > 8


def test_an_image_is_the_same_whatever_else_is_made(cache):
    world = DeadLeaves(size=32)
    all_of_them = world.images(70, seed=3, show_progress=False)
    np.testing.assert_array_equal(world.image(66, seed=3), all_of_them[66])
    np.testing.assert_array_equal(world.images(2, seed=3, start=65, show_progress=False), all_of_them[65:67])
    np.testing.assert_array_equal(world.images(3, seed=3, cached=False), all_of_them[:3])
    assert len(np.unique(all_of_them.reshape(70, -1), axis=0)) == 70
    assert np.abs(world.image(0, seed=4) - all_of_them[0]).max() > 0.05


def test_another_process_makes_the_same_image():
    code = (
        "from ontogym.retina_env.images import DeadLeaves; "
        "print(DeadLeaves(size=32).image(5, seed=1).astype('float64').sum().hex())"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == SMALL.image(5, seed=1).astype(np.float64).sum().hex()


def test_the_cache_is_read_and_a_damaged_file_is_made_anew(cache, monkeypatch):
    first = SMALL.images(3, seed=11, show_progress=False)
    (file,) = (cache / "dead-leaves").glob("*-32-*-s11/*.safetensors")
    made = []
    whole = DeadLeaves._levels
    monkeypatch.setattr(DeadLeaves, "_levels", lambda *a: made.append(1) or whole(*a))
    np.testing.assert_array_equal(SMALL.images(3, seed=11, show_progress=False), first)
    assert not made
    for damage in (b"", b"not safetensors", file.read_bytes()[:-7]):
        file.write_bytes(damage)
        made.clear()
        np.testing.assert_array_equal(SMALL.images(3, seed=11, show_progress=False), first)
        assert made
        assert file.stat().st_size > 64 * 32 * 32 * 2


def test_a_cache_that_takes_no_files_is_a_warning(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("a file where the folder should be")
    monkeypatch.setenv("ONTOGYM_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(leaves_module, "_CHUNK", 2)
    with pytest.warns(UserWarning, match="ONTOGYM_CACHE"):
        images = SMALL.images(1, seed=1, show_progress=False)
    np.testing.assert_array_equal(images[0], SMALL.image(0, seed=1))


def test_where_the_cache_is(monkeypatch):
    monkeypatch.setenv("ONTOGYM_CACHE", "/somewhere/else")
    assert cache_folder() == Path("/somewhere/else")
    monkeypatch.delenv("ONTOGYM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == Path("/xdg/ontogym")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder().parts[-3:] == ("Library", "Caches", "ontogym")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert cache_folder() == Path("/local/ontogym/Cache")


def test_what_is_being_made_is_said_once(monkeypatch, capsys):
    monkeypatch.setattr(leaves_module, "_CHUNK", 2)
    SMALL.images(2, seed=12)
    assert "dead-leaves images, about" in capsys.readouterr().err
    SMALL.images(2, seed=12)
    assert capsys.readouterr().err == ""


def test_photographs_are_adapted_and_named():
    pytest.importorskip("matplotlib")
    found = photographs(64)
    assert found.images.shape[1:] == (64, 64)
    assert len(found.names) == len(found.images) > 20
    check_images(found.images, 64)
    assert np.median(found.images.mean((1, 2))) == pytest.approx(0.4, abs=0.02)
    with pytest.raises(OntogymError, match="ontogym\\[data\\]"):
        photographs(10_000)


def test_split_keeps_groups_whole_and_loses_nothing():
    parts = split(1200)
    assert [len(p) for p in parts] == [960, 120, 120]
    assert sorted(np.concatenate(parts)) == list(range(1200))
    groups = [f"photo {k // 7}" for k in range(140)]
    parts = split(140, groups=groups, seed=1)
    owners = [{groups[i] for i in p} for p in parts]
    assert [len(o) for o in owners] == [16, 2, 2]
    assert not owners[0] & owners[1] | owners[0] & owners[2] | owners[1] & owners[2]
    assert not np.array_equal(split(140, seed=1).train, split(140, seed=2).train)
    for bad in ((0.5, 0.1, 0.1), (1.2, -0.1, -0.1)):
        with pytest.raises(OntogymError, match="sum to 1"):
            split(100, bad)
    with pytest.raises(OntogymError, match="too few"):
        split(3)
    with pytest.raises(OntogymError, match="labels"):
        split(5, groups=["a"])


def test_patches_and_adaptation():
    image = np.arange(9 * 7).reshape(9, 7).astype(float)
    patches = cut_patches(image, 3)
    assert patches.shape == (6, 3, 3)
    np.testing.assert_array_equal(patches[1], image[0:3, 3:6])
    assert adapt(patches).mean((1, 2))[1:] == pytest.approx(np.full(5, 0.4), abs=0.01)
    assert adapt(np.array([[[0.0, 0.0, 0.0, 9.0]]])).max() == 1
    np.testing.assert_array_equal(adapt(np.zeros((1, 2, 2))), 0)
    with pytest.raises(OntogymError, match="nowhere negative"):
        adapt(-patches)
    with pytest.raises(OntogymError, match="no patch"):
        cut_patches(image, 10)


@pytest.mark.parametrize(
    ("images", "word"),
    [
        (np.zeros((2, 32, 31)), "shape"),
        (np.zeros((0, 32, 32)), "shape"),
        (np.zeros((32,)), "shape"),
        (np.zeros((1, 32, 32), np.uint8), "255"),
        (np.full((1, 32, 32), 1.01), "must lie in"),
        (np.full((1, 32, 32), -0.01), "must lie in"),
        (np.full((1, 32, 32), np.nan), "must lie in"),
        (np.zeros((1, 32, 32), complex), "type"),
        ([["a"]], "type"),
    ],
)
def test_images_that_are_none(images, word):
    with pytest.raises(OntogymError, match=word) as caught:
        check_images(images, 32)
    assert "\n" not in str(caught.value)


def test_worlds_that_cannot_be():
    for bad in ({"size": 4}, {"smallest": 0.0}, {"smallest": 70.0}, {"texture": -1.0}):
        with pytest.raises(OntogymError):
            DeadLeaves(**bad)
    with pytest.raises(OntogymError, match="one image or more"):
        dead_leaves(0)


def test_local_contrast_by_definition():
    x = np.random.default_rng(0).random((2, 20, 24))
    windows = np.lib.stride_tricks.sliding_window_view(x, (7, 7), axis=(1, 2))
    np.testing.assert_allclose(local_contrast(x), windows.var((-1, -2)).mean((1, 2)), rtol=1e-10)
    assert local_contrast(np.full((20, 20), 0.4))[0] == pytest.approx(0, abs=1e-15)
    with pytest.raises(OntogymError, match="window"):
        local_contrast(x, 21)
    with pytest.raises(OntogymError, match="NaN"):
        local_contrast(np.full((20, 20), np.nan))


def test_power_slope_of_noise_of_known_slope():
    rng = np.random.default_rng(0)
    f = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64))
    f[0, 0] = np.inf
    for slope in (0.0, -2.0):
        noise = np.fft.ifft2(np.fft.fft2(rng.standard_normal((50, 64, 64))) * f ** (slope / 2)).real
        # Hann windows let power leak from the steep end into the first rings, which steepens -2 by 0.07.
        assert power_slope(noise) == pytest.approx(slope, abs=0.1)
    with pytest.raises(OntogymError, match="square"):
        power_slope(np.ones((1, 32, 16)))
    assert rms_contrast([[0.2, 0.6]])[0] == pytest.approx(0.5)


def test_reliability_is_squared_pearson_per_neuron():
    rng = np.random.default_rng(0)
    a, b = rng.random((50, 4)), rng.random((50, 4))
    b[:, 1] = -3 * a[:, 1] + 2
    b[:, 2] = 5.0
    found = neuronal_reliability(a, b)
    assert found[0] == pytest.approx(np.corrcoef(a[:, 0], b[:, 0])[0, 1] ** 2)
    assert found[1] == pytest.approx(1)
    assert found[2] == 0
    with pytest.raises(OntogymError, match="one shape"):
        neuronal_reliability(a, b[:, :3])
