"""Readers of public data, on small or empty files made in their formats, and on files that are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.retina_env.images import read_goldin, read_van_hateren, van_hateren_patches
from ontogym.retina_env.recorded_twin import fit_recording
from ontogym.retina_env.twin_fit import FitConfig
from ontogym.retina_env.twins import load_twin


@pytest.fixture
def scene() -> np.ndarray:
    """A smooth scene of van Hateren's size, values as in those files."""
    y, x = np.mgrid[0:1024, 0:1536]
    return (1500 + 900 * np.sin(x / 60) * np.cos(y / 45) + 30 * ((x + y) % 7)).astype(np.uint16)


def test_van_hateren(tmp_path, scene):
    for name in ("imk00001.iml", "imk00002.imc"):
        (tmp_path / name).write_bytes(scene.astype(">u2").tobytes())
        found = read_van_hateren(tmp_path / name)
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, scene)
    images, names = van_hateren_patches(tmp_path, 128, limit=10)
    assert images.shape == (10, 128, 128)
    assert set(names) == {"imk00001.iml", "imk00002.imc"}
    assert images.mean((1, 2)) == pytest.approx(np.full(10, 0.4), abs=0.01)
    assert van_hateren_patches(tmp_path, 256)[0].shape == (2 * 4 * 6, 256, 256)


def test_van_hateren_that_is_none(tmp_path, scene):
    file = tmp_path / "imk00001.iml"
    with pytest.raises(OntogymError, match="check the path"):
        read_van_hateren(file)
    with pytest.raises(OntogymError, match="check the path"):
        van_hateren_patches(tmp_path)
    file.write_bytes(scene.astype(">u2").tobytes()[:-2])
    with pytest.raises(OntogymError, match="3145726 bytes"):
        read_van_hateren(file)
    file.write_bytes(scene.astype("<u2").tobytes())
    with pytest.raises(OntogymError, match="wrong order"):
        read_van_hateren(file)
    other = tmp_path / "picture.png"
    other.write_bytes(scene.astype(">u2").tobytes())
    with pytest.raises(OntogymError, match=r"\.iml"):
        read_van_hateren(other)


def session(path: Path, **changes) -> Path:
    """A session of 3 cells; `changes` replace data sets (None leaves one out)."""
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(0)
    repeats = rng.poisson(4, (3, 5, 6)).astype(float)
    content = {
        "train/stimulus": 7 + 2 * rng.standard_normal((8, 12, 12)),
        "test/stimulus": rng.standard_normal((6, 12, 12)),
        "train/response/binned": rng.poisson(3, (3, 8)),
        "test/response/binned": repeats.mean(1),
        **{f"test/repeats/cell{k + 1}": repeats[k] for k in range(3)},
        **changes,
    }
    with h5py.File(path, "w") as file:
        for name, value in content.items():
            if value is not None:
                file[name] = value
    return path


def test_goldin(tmp_path):
    found = read_goldin(session(tmp_path / "a.h5"), size=12)
    assert found.train_images.shape == (8, 12, 12)
    assert found.train_images.mean() == pytest.approx(0, abs=1e-6)
    assert found.train_images.std() == pytest.approx(1, rel=1e-5)
    assert found.image_mean == pytest.approx(7, abs=0.5)
    # The test images are scored with the training statistics, not their own.
    assert found.test_images.mean() == pytest.approx(-found.image_mean / found.image_sd, abs=0.2)
    assert found.train_responses.shape == (8, 3)
    assert found.test_responses.shape == (6, 3)
    assert found.repeats is not None
    assert found.repeats.shape == (3, 5, 6)
    np.testing.assert_allclose(found.repeats.mean(1).T, found.test_responses, rtol=1e-5)


def test_goldin_with_the_other_names_in_the_order_of_numbers(tmp_path):
    rng = np.random.default_rng(1)
    repeats = rng.poisson(4, (11, 5, 6)).astype(float)
    changes = {f"test/repeats/cell{k}": None for k in (1, 2, 3)}
    changes |= {f"test/repeats/cell_{k}": repeats[k] for k in range(11)}
    binned = {"test/response/binned": repeats.mean(1), "train/response/binned": rng.poisson(3, (11, 8))}
    found = read_goldin(session(tmp_path / "a.h5", **changes, **binned), size=12)
    assert found.repeats is not None
    # As text, cell_10 would stand before cell_2.
    np.testing.assert_array_equal(found.repeats[10], repeats[10])


def test_goldin_without_repeats(tmp_path):
    changes = {f"test/repeats/cell{k}": None for k in (1, 2, 3)}
    assert read_goldin(session(tmp_path / "a.h5", **changes), size=12).repeats is None


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"train/stimulus": None}, "no data set /train/stimulus"),
        ({"test/response/binned": None}, "no data set /test/response/binned"),
        ({"train/stimulus": np.ones((8, 12))}, r"\(any, 12, 12\)"),
        ({"test/stimulus": np.ones((6, 10, 10))}, "/test/stimulus of shape"),
        ({"train/stimulus": np.ones((8, 12, 12))}, "all alike"),
        ({"train/response/binned": np.ones((8, 3))}, r"\(any, 8\)"),
        ({"test/response/binned": np.ones((2, 6))}, r"\(3, 6\)"),
        ({"train/response/binned": -np.ones((3, 8))}, "negative"),
        ({"train/response/binned": np.full((3, 8), np.nan)}, "NaN"),
        ({"train/response/binned": np.full((3, 8), b"x")}, "where numbers belong"),
        ({"test/repeats/cell2": np.zeros((5, 6))}, "cell 2 whose mean"),
        ({"test/repeats/cell2": None}, "repeats of 2 cells"),
        ({"test/repeats/neuron": np.zeros((5, 6))}, "no cell's name"),
        ({"test/repeats/cell_1": np.zeros((5, 6))}, "stands there twice"),
    ],
)
def test_goldin_that_is_none(tmp_path, changes, word):
    with pytest.raises(OntogymError, match=word) as caught:
        read_goldin(session(tmp_path / "a.h5", **changes), size=12)
    assert "\n" not in str(caught.value)


def test_goldin_that_claims_more_than_there_is(tmp_path):
    """A file of some kilobytes whose images nobody has written; nothing of that size is reserved."""
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "claims.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("train/stimulus", (90_000, 108, 108), "f8", chunks=(1, 108, 108))
    assert path.stat().st_size < 20_000
    with pytest.raises(OntogymError, match="more than the 134,217,728 that are read"):
        read_goldin(path)


def test_goldin_of_another_size_or_kind(tmp_path):
    with pytest.raises(OntogymError, match="108, 108"):
        read_goldin(session(tmp_path / "a.h5"))
    (tmp_path / "b.h5").write_bytes(b"no HDF5 at all")
    with pytest.raises(OntogymError, match="is no HDF5 file"):
        read_goldin(tmp_path / "b.h5")
    with pytest.raises(OntogymError, match="check the path"):
        read_goldin(tmp_path / "c.h5")
    whole = session(tmp_path / "d.h5").read_bytes()
    (tmp_path / "d.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OntogymError, match="damaged"):
        read_goldin(tmp_path / "d.h5", size=12)


def test_a_twin_is_fitted_to_a_session_as_it_is_read(tmp_path):
    rng = np.random.default_rng(1)
    changes = {
        "train/stimulus": 7 + 2 * rng.standard_normal((60, 24, 24)),
        "test/stimulus": rng.standard_normal((6, 24, 24)),
        "train/response/binned": rng.poisson(3, (3, 60)),
    }
    path, out = session(tmp_path / "a.h5", **changes), tmp_path / "twin.safetensors"
    read = read_goldin(path, size=24)
    images, test = read.luminance
    assert min(images.min(), test.min()) == 0
    assert max(images.max(), test.max()) == 1
    assert np.corrcoef(images.ravel(), read.train_images.ravel())[0, 1] == pytest.approx(1)
    twin = fit_recording(path, out, FitConfig(epochs=1), size=24)
    assert twin.rates(test).shape == (6, 3)
    assert twin.facts["held_out_images"] == 6
    assert 0 <= twin.facts["r2_ceiling_median"] <= 1
    assert load_twin(out).facts["what"] == "twin of the recording a.h5"
    assert not out.with_suffix(".fit").exists()
