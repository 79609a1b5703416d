"""Picture files of every depth, order, turn and size."""

from __future__ import annotations

import io
import struct
import zlib

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


@pytest.mark.parametrize("form", ["frame{}", "{}", "clip 2, {} of 11", "day10_{:02}"])
def test_frames_are_in_order_and_hidden_files_are_none(tmp_path, form):
    for number in (1, 2, 10, 11, 9):
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / f"{form.format(number)}.png")
    for hidden in (f"._{form.format(1)}.png", ".png", ".hidden.jpg"):
        (tmp_path / hidden).write_bytes(b"\0\5\26\7")
    (tmp_path / ".trash").mkdir()
    (tmp_path / ".trash" / "old.png").write_bytes(b"")
    assert [p.stem for p in picture_files(tmp_path)] == [form.format(n) for n in (1, 2, 9, 10, 11)]
    assert sorted(["b10", "b9", "a", "b²"], key=natural_order)[0] == "a"


@pytest.mark.parametrize(("turn", "quarters"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_pictures_are_upright(tmp_path, turn, quarters):
    """As the camera held it, to be shown so many quarters further against the clock."""
    held = np.zeros((4, 8), np.uint8)
    held[:, 0], held[0, 4] = 200, 100
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(held).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(np.asarray(load_picture(tmp_path / "turned.png")), np.rot90(held, quarters))


@pytest.mark.parametrize("size", [(20_000, 20_000), (1, 400_000_000), (65_535, 65_535)])
@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_a_picture_is_not_unpacked_for_what_its_header_says(tmp_path, size, kind):
    """400 megapixels, and more, in a file of some hundred bytes."""
    path, stream = tmp_path / f"x.{kind.lower()}", io.BytesIO()
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(stream, kind)
    data = bytearray(stream.getvalue())
    if kind == "PNG":
        data[16:24] = struct.pack(">2I", *size)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    else:
        data[18:26] = struct.pack("<2i", *size)
    path.write_bytes(data)
    with pytest.raises(OntogymError, match=r"more than [\d,]+ pixels"):
        load_picture(path)


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


def test_a_folder_without_pictures_is_told_what_it_lacks(tmp_path):
    with pytest.raises(OntogymError, match=r"no folder .*nowhere"):
        folder_pictures(tmp_path / "nowhere")
    with pytest.raises(OntogymError, match=r"holds no picture file \(\.bmp, "):
        folder_pictures(tmp_path)
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "small.png")
    with pytest.raises(OntogymError, match=r"small\.png is a file.*folder"):
        folder_pictures(tmp_path / "small.png")
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(tmp_path / "black.png")
    with pytest.raises(
        OntogymError, match=r"32 x 32 .*: black\.png \(nothing to see in it\), small\.png \(30 x 20 pixels\)"
    ):
        folder_pictures(tmp_path, 32)


def half_transparent(mode):
    """A picture whose right half is wholly transparent, with something hidden below it; and what is seen of it."""
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 255, (32, 64), dtype=np.uint8)
    alpha = np.repeat([[255, 0]], 32, 1).repeat(32, 0).astype(np.uint8)
    seen = np.where(alpha, grey, 128)
    if mode == "I;16":  # one value stands for transparency
        deep = np.where(alpha, grey.astype(np.uint16) * 257, 7).astype(np.uint16)
        return Image.fromarray(deep), {"transparency": 7}, seen
    if mode in ("P", "L"):
        codes = np.where(alpha, np.maximum(grey, 1), 0).astype(np.uint8)
        picture = Image.fromarray(codes)
        if mode == "P":
            picture = Image.frombytes("P", picture.size, codes.tobytes())
            picture.putpalette(np.repeat(np.arange(256), 3).tolist())
        return picture, {"transparency": 0}, np.where(alpha, codes, 128)
    planes = [grey] * (1 if mode == "LA" else 3)
    return Image.fromarray(np.stack([*planes, alpha], -1), mode), {}, seen


@pytest.mark.filterwarnings("ignore:'mode' parameter:DeprecationWarning")
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "I;16"])
def test_what_is_transparent_is_grey_and_a_patch_of_it_no_picture(tmp_path, mode):
    picture, more, seen = half_transparent(mode)
    picture.save(tmp_path / "a.png", **more)
    found = load_picture(tmp_path / "a.png")
    assert found.mode == {"RGBA": "RGB", "P": "RGB", "I;16": "F"}.get(mode, "L")
    values = np.asarray(found, float) * (255 if mode == "I;16" else 1)
    values = values[..., 0] if values.ndim == 3 else values
    np.testing.assert_allclose(values, seen, atol=1e-3)
    assert len(folder_pictures(tmp_path, 32).images) == 1


def test_a_veil_lets_the_grey_through_by_half_and_an_opaque_picture_stays_what_it_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8, 4), dtype=np.uint8)
    for alpha, expected in ((255, pixels[..., :3]), (128, (pixels[..., :3] + 128.0) / 2)):
        pixels[..., 3] = alpha
        Image.fromarray(pixels).save(tmp_path / "a.png")
        np.testing.assert_allclose(np.asarray(load_picture(tmp_path / "a.png"), float), expected, atol=1)
    Image.fromarray(pixels[..., :3]).save(tmp_path / "b.png")
    pixels[..., 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(*(np.asarray(load_picture(tmp_path / name)) for name in ("a.png", "b.png")))
