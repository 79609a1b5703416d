"""A life as a GIF or MP4: the world and the growing network side by side, the return beneath.

Drawn with Pillow, since Matplotlib would take a minute for what takes seconds here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import NetworkSnapshot
from ontogym.baselines.lives.recording import LifeRecording
from ontogym.errors import OntogymError
from ontogym.figures.layout import life_layout, weight_scale
from ontogym.figures.network import count_wires, network_at, network_shapes, paint_image
from ontogym.figures.style import BLUE, GRID, INK, MUTED, ORANGE, PAPER
from ontogym.figures.writer import write_frames

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["animation_frames", "write_animation"]

WIDTH, HEIGHT = 720, 408
_WORLD = (16, 52, 344, 300)
_NETWORK = (364, 44, 712, 308)
_TRACE = (52, 330, 704, 388)
_FINE = 2
"""Shapes are drawn this many times larger and shrunk, which smooths their edges."""


class Scene(NamedTuple):
    """One picture of the animation: what it shows and for how long."""

    network: NetworkSnapshot
    frame: int
    step: int
    caption: str
    hold: float


def write_animation(
    recording: LifeRecording,
    path: Path | str,
    fps: int = 20,
    max_frames: int = 200,
    max_bytes: int = 3_000_000,
) -> Path:
    """Write a recorded life as an animation.

    Args:
        recording: the life.
        path: ends in ``.gif`` or ``.mp4``.
        fps: pictures per second, 1 to 50.
        max_frames: most pictures; longer lives are shown in larger steps.
        max_bytes: a GIF that would be larger is written with half the pictures, each shown twice as long,
            until it fits or only 25 are left.

    Raises:
        OntogymError: another ending, a bad number, a folder that cannot be written, or an MP4 without ffmpeg.
    """
    if max_frames < 2:
        raise OntogymError(f"max_frames={max_frames} is too few; use at least 2.")
    pictures = ((np.asarray(picture), hold) for picture, hold in animation_frames(recording, max_frames))
    return write_frames(pictures, path, fps, max_bytes)


def animation_frames(recording: LifeRecording, max_frames: int = 200) -> Iterator[tuple[Image, float]]:
    """The pictures of an animation, each with how many frames long it is shown.

    Yields:
        An RGB image of `WIDTH` by `HEIGHT` pixels, and its duration in frames.
    """
    artist = _Artist(recording)
    for scene in _scenes(recording, max_frames):
        yield artist.draw(scene), scene.hold


def _scenes(recording: LifeRecording, max_frames: int) -> Iterator[Scene]:
    """Birth, development, then the life at even intervals, then the end, held."""
    snapshots = recording.snapshots
    times = recording.frame_steps if len(recording.frame_steps) else snapshots.steps
    shown = np.unique(np.linspace(0, len(times) - 1, min(max_frames, len(times))).round().astype(int))
    if recording.has_network:
        yield Scene(recording.birth, 0, 0, "at birth", 12.0)
    if recording.has_development:
        yield Scene(recording.developed, 0, 0, "after development", 12.0)
    for position in shown:
        step = int(times[position])
        network = network_at(recording, snapshots.at(step))
        hold = 30.0 if position == shown[-1] else 1.0
        yield Scene(network, int(position), step, f"step {step + 1} of {recording.n_steps}", hold)


class _Artist:
    """Draws scenes of one life; everything that never changes is drawn once."""

    def __init__(self, recording: LifeRecording) -> None:
        self.recording, self.scale = recording, weight_scale(recording)
        self.small, self.bold = _font("DejaVuSans.ttf", 12), _font("DejaVuSans-Bold.ttf", 15)
        self.has_world = len(recording.frames) > 0
        self.place = life_layout(recording) if recording.has_network else np.zeros((0, 2))
        left, top, right, bottom = _NETWORK
        if not self.has_world:
            left, right = left - 174, right - 174
        # One picture of two has the page to itself.
        self.world = (
            _WORLD if recording.has_network else (_WORLD[0] + 180, *_WORLD[1:2], _WORLD[2] + 180, _WORLD[3])
        )
        self.network_at = (left, top)
        self.network_size = (right - left, bottom - top)
        side = min(self.network_size[0] - 16, 1.25 * (self.network_size[1] - 8))
        self.unit = np.array([side, self.network_size[1] - 16]) * _FINE
        self.corner = np.array([(self.network_size[0] - side) / 2 * _FINE, self.unit[1] + 8 * _FINE])
        self.trace, self.gathered = self._trace_points()
        self.page = self._background()

    def draw(self, scene: Scene) -> Image:
        """One picture."""
        from PIL import Image, ImageDraw

        page = self.page.copy()
        pen = ImageDraw.Draw(page)
        episode = int(self.recording.episode[scene.step])
        started = scene.caption.startswith("step")
        caption = f"episode {episode + 1},  {scene.caption}" if started else scene.caption
        pen.text((WIDTH - 16, 22), caption, fill=INK, font=self.small, anchor="rm")
        if self.has_world:
            frame = Image.fromarray(self.recording.frames[scene.frame])
            page.paste(*_fitted(frame, self.world))
        if self.recording.has_network:
            page.paste(self._network(scene.network), self.network_at)
            centre = self.network_at[0] + self.network_size[0] / 2
            pen.text(
                (centre, _NETWORK[3]), count_wires(scene.network), fill=MUTED, font=self.small, anchor="mm"
            )
        if started:
            self._trace_until(page, scene.step)
        return page

    def _background(self) -> Image:
        from PIL import Image, ImageDraw

        page = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
        pen = ImageDraw.Draw(page)
        title = f"{self.recording.agent} on {self.recording.env}"
        pen.text((16, 22), title, fill=INK, font=self.bold, anchor="lm")
        left, top, right, bottom = _TRACE
        pen.line([(left, bottom), (right, bottom)], fill=MUTED)
        starts = self.recording.episode_starts / max(self.recording.n_steps, 1)
        for start in starts[1:] if len(starts) <= 40 else ():
            x = left + start * (right - left)
            pen.line([(x, top), (x, bottom)], fill=GRID)
        switches = self.recording.switches
        for switch in switches if len(switches) <= 40 else ():
            x = left + switch / self.recording.n_steps * (right - left)
            pen.line([(x, top), (x, bottom)], fill=ORANGE, width=2)
        low, high = self._range
        pen.text((left - 6, top), f"{high:.4g}", fill=MUTED, font=self.small, anchor="rm")
        pen.text((left - 6, bottom), f"{low:.4g}", fill=MUTED, font=self.small, anchor="rm")
        what = "return of the episode so far" + ("; marks: the rules change" if len(switches) else "")
        pen.text((left, bottom + 10), what, fill=MUTED, font=self.small, anchor="lm")
        return page

    def _trace_points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixels ``(T, 2)`` of the return gathered so far in each episode, and the returns ``(T,)``."""
        rewards, starts = self.recording.rewards, self.recording.episode_starts
        total = np.cumsum(rewards)
        before = np.where(starts > 0, total[starts - 1], 0.0)
        gathered = total - before[self.recording.episode]
        self._range = (min(0.0, float(gathered.min())), max(0.0, float(gathered.max())))
        left, top, right, bottom = _TRACE
        span = max(self._range[1] - self._range[0], 1e-9)
        x = left + (np.arange(len(rewards)) + 1) / len(rewards) * (right - left)
        y = bottom - (gathered - self._range[0]) / span * (bottom - top)
        return np.stack([x, y], 1), gathered

    def _trace_until(self, page: Image, step: int) -> None:
        from PIL import ImageDraw

        pen = ImageDraw.Draw(page)
        episodes = self.recording.episode[: step + 1]
        for points in np.split(self.trace[: step + 1], np.flatnonzero(np.diff(episodes)) + 1):
            pen.line([tuple(p) for p in points], fill=BLUE, width=2)
        x, y = self.trace[step]
        pen.ellipse([x - 3, y - 3, x + 3, y + 3], fill=BLUE)
        pen.text((WIDTH - 16, 398), f"{self.gathered[step]:.4g}", fill=INK, font=self.small, anchor="rm")

    def _network(self, network: NetworkSnapshot) -> Image:
        from PIL import Image, ImageDraw

        width, height = self.network_size
        panel = Image.new("RGB", (width * _FINE, height * _FINE), PAPER)
        shapes = network_shapes(network, self.place, self.scale)
        paint_image(ImageDraw.Draw(panel), shapes, self.unit, self.corner)
        return panel.reduce(_FINE)


def _font(name: str, size: int) -> Any:
    """A font that ships with Matplotlib."""
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), size)


def _fitted(frame: Image, box: tuple[int, int, int, int]) -> tuple[Image, tuple[int, int]]:
    """`frame` scaled into `box`, and where its corner goes."""
    from PIL.Image import Resampling

    width, height = box[2] - box[0], box[3] - box[1]
    scale = min(width / frame.width, height / frame.height)
    size = (max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
    if size != frame.size:
        frame = frame.resize(size, Resampling.BILINEAR if scale > 0.5 else Resampling.BOX)
    return frame, (box[0] + (width - size[0]) // 2, box[1] + (height - size[1]) // 2)
