"""Picture files of every depth, order, turn and size."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ontogym.errors import OntogymError
from ontogym.retina_env.images import files, folder_pictures
from ontogym.retina_env.images.files import load_picture, natural_order, picture_files, read_luminance

RAMP = np.tile(np.linspace(0, 1, 64), (8, 1))


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("eight.png", Image.fromarray(np.rint(255 * RAMP).astype(np.uint8))),
        ("sixteen.png", Image.fromarray(np.rint(65_535 * RAMP).astype(np.uint16))),
        ("sixteen.tif", Image.fromarray(np.rint(65_535 * RAMP).astype(np.uint16))),
        ("floats.tif", Image.fromarray(RAMP.astype(np.float32))),
        ("colour.png", Image.fromarray(np.repeat(np.rint(255 * RAMP)[..., None], 3, 2).astype(np.uint8))),
    ],
)
def test_a_ramp_is_a_ramp_at_any_depth(tmp_path, name, picture):
    path = tmp_path / name
    picture.save(path)
    expected = np.where(RAMP <= 0.04045, RAMP / 12.92, ((RAMP + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(read_luminance(path), expected, atol=0.005)
    assert len(np.unique(np.asarray(load_picture(path)))) == 64


def test_frames_are_in_order_and_hidden_files_are_none(tmp_path):
    for number in (1, 2, 10, 11, 9):
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / f"frame{number}.png")
    (tmp_path / "._frame1.png").write_bytes(b"\0\5\26\7")
    (tmp_path / ".trash").mkdir()
    (tmp_path / ".trash" / "old.png").write_bytes(b"")
    assert [p.stem for p in picture_files(tmp_path)] == [f"frame{n}" for n in (1, 2, 9, 10, 11)]
    assert sorted(["b10", "b9", "a", "b²"], key=natural_order)[0] == "a"


def test_pictures_are_upright(tmp_path):
    tall = np.zeros((4, 8), np.uint8)
    tall[:, 0] = 200
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by the camera, to be shown a quarter further clockwise
    Image.fromarray(tall).save(tmp_path / "turned.png", exif=exif)
    shown = np.asarray(load_picture(tmp_path / "turned.png"))
    assert shown.shape == (8, 4)
    assert (shown[0] == 200).all()
    assert not shown[1:].any()


def test_what_cannot_be_read_is_told_in_a_sentence(tmp_path, monkeypatch):
    path = tmp_path / "x.png"
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(path)
    monkeypatch.setattr(files, "LARGEST", 500)
    with pytest.raises(OntogymError, match="more than 500 pixels"):
        load_picture(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    with pytest.raises(OntogymError, match="more than 500 pixels"):
        load_picture(path)
    monkeypatch.undo()
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(OntogymError, match="Cannot read the image"):
        load_picture(path)
    Image.fromarray(np.full((4, 4), 300.0, np.float32)).save(tmp_path / "high.tif")
    with pytest.raises(OntogymError, match="cannot be guessed"):
        load_picture(tmp_path / "high.tif")


def test_a_folder_of_ones_own_gives_adapted_patches(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (70, 100), dtype=np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.full((64, 64), 128, np.uint8)).save(tmp_path / "flat.png")
    Image.fromarray(rng.integers(0, 255, (20, 100), dtype=np.uint8)).save(tmp_path / "low.png")
    found = folder_pictures(tmp_path, 32)
    assert found.images.shape == (6, 32, 32)
    assert set(found.names) == {"a.png"}
    assert dict(found.left_out) == {"flat.png": "nothing to see in it", "low.png": "100 x 20 pixels"}
    assert found.told() == (
        "6 patches of 1 pictures; left out: flat.png (nothing to see in it), low.png (100 x 20 pixels)."
    )
    # A little lower where highlights were cut off.
    np.testing.assert_allclose(found.images.mean((1, 2)), 0.39, atol=0.015)
    with pytest.raises(OntogymError, match="holds no picture"):
        folder_pictures(tmp_path / "nowhere")
