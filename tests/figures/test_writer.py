"""The writer of films: every frame is there, as long as it was asked for, and nothing half written stays."""

from __future__ import annotations

import imageio.v3 as imageio
import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.figures.writer import write_frames

GREY = np.arange(5 * 7 * 9, dtype=np.uint8).reshape(5, 7, 9)
COLOUR = np.stack([np.full((8, 8, 3), (40 * k, 0, 200), dtype=np.uint8) for k in range(5)])


@pytest.mark.parametrize("frames", [GREY, COLOUR])
def test_a_gif_holds_the_very_pictures(tmp_path, frames):
    path = write_frames(((frame, 1.0) for frame in frames), tmp_path / "a.gif", fps=10)
    back = imageio.imread(path, index=None, mode="RGB")
    expected = frames if frames.ndim == 4 else np.repeat(frames[..., None], 3, axis=-1)
    np.testing.assert_array_equal(back, expected)


def test_an_mp4_shows_each_picture_as_long_as_asked_and_odd_sides_are_filled(tmp_path):
    path = write_frames(((frame, 3.0) for frame in GREY), tmp_path / "a.mp4", fps=10)
    back = list(imageio.imiter(path))
    assert len(back) == 15
    assert back[0].shape == (8, 10, 3)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_a_gif_too_large_is_thinned_and_lasts_as_long(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (60, 40, 40), dtype=np.uint8)
    path = write_frames([(frame, 2.0) for frame in noise], tmp_path / "a.gif", fps=50, max_bytes=70_000)
    assert len(imageio.imread(path, index=None)) == 30
    assert imageio.immeta(path)["duration"] == 80


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    for name, fps in (("a.avi", 10), ("a.gif", 0), ("a.mp4", 51)):
        with pytest.raises(OntogymError):
            write_frames([(GREY[0], 1.0)], tmp_path / name, fps)
    with pytest.raises(OntogymError, match="ffmpeg"):
        write_frames([(np.zeros((4, 4, 4, 4), np.uint8), 1.0)], tmp_path / "a.mp4", 10)
    assert list(tmp_path.iterdir()) == []
