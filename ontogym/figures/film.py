"""A life as a GIF or MP4: the world and the growing network side by side, the return beneath.

Drawn with Pillow, since Matplotlib would take a minute for what takes seconds here.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import NetworkSnapshot
from ontogym.baselines.lives.recording import LifeRecording
from ontogym.checkpoint import write_atomic
from ontogym.errors import OntogymError
from ontogym.figures.layout import edge_shapes, life_layout, node_radius, weight_scale
from ontogym.figures.style import BLUE, GRID, INK, MUTED, ORANGE, PAPER, diverging

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["animation_frames", "write_animation"]

WIDTH, HEIGHT = 720, 408
_WORLD = (16, 52, 344, 300)
_NETWORK = (364, 44, 712, 308)
_TRACE = (52, 330, 704, 388)
_FINE = 2
"""Shapes are drawn this many times larger and shrunk, which smooths their edges."""
_SHADES = 6
"""Steps between faint and full colour; few of them keep a GIF small."""


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
    path = Path(path)
    if not 1 <= fps <= 50 or max_frames < 2:
        raise OntogymError(
            f"fps={fps} and max_frames={max_frames}: use fps of 1 to 50 and at least 2 frames."
        )
    kind = path.suffix.lower()
    if kind not in (".gif", ".mp4"):
        raise OntogymError(f"Animations are written as .gif or .mp4, not {path.name!r}; change the ending.")
    if kind == ".mp4":
        _write_mp4(path, animation_frames(recording, max_frames), fps)
        return path
    pictures = list(animation_frames(recording, max_frames))
    data = _gif(pictures, fps)
    while len(data) > max_bytes and len(pictures) > 50:
        pictures = [(picture, 2 * hold) for picture, hold in pictures[::2]]
        data = _gif(pictures, fps)
    write_atomic(path, data)
    return path


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
    yield Scene(recording.birth, 0, 0, "at birth", 12.0)
    if recording.has_development:
        yield Scene(recording.developed, 0, 0, "after development", 12.0)
    for position in shown:
        step = int(times[position])
        at = snapshots.at(step)
        network = recording.birth._replace(
            weights=snapshots.weights[at],
            mask=snapshots.mask[at],
            activation=snapshots.activation[at],
            nodes=snapshots.nodes[at],
        )
        hold = 30.0 if position == shown[-1] else 1.0
        yield Scene(network, int(position), step, f"step {step + 1} of {recording.n_steps}", hold)


class _Artist:
    """Draws scenes of one life; everything that never changes is drawn once."""

    def __init__(self, recording: LifeRecording) -> None:
        self.recording, self.scale = recording, weight_scale(recording)
        self.small, self.bold = _font("DejaVuSans.ttf", 12), _font("DejaVuSans-Bold.ttf", 15)
        self.has_world = len(recording.frames) > 0
        place = life_layout(recording)
        self.radius = node_radius(len(place))
        left, top, right, bottom = _NETWORK
        if not self.has_world:
            left, right = left - 174, right - 174
        self.network_at = (left, top)
        self.network_size = (right - left, bottom - top)
        side = min(self.network_size[0] - 16, 1.25 * (self.network_size[1] - 8))
        self.unit = np.array([side, self.network_size[1] - 16]) * _FINE
        self.place = place * [1, -1] * self.unit + [8 * _FINE, self.unit[1] + 8 * _FINE]
        self.place[:, 0] += (self.network_size[0] - 16 - side) / 2 * _FINE
        # Half a unit's worth of radius is lost where the panel is wider than high.
        self.pixel = self.radius * self.unit.mean()
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
            page.paste(*_fitted(frame, _WORLD))
        page.paste(self._network(scene.network), self.network_at)
        edges = int(scene.network.mask.sum())
        centre = self.network_at[0] + self.network_size[0] / 2
        pen.text((centre, _NETWORK[3]), f"{edges} edges", fill=MUTED, font=self.small, anchor="mm")
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
        pen = ImageDraw.Draw(panel)
        post, pre = np.nonzero(network.mask)
        weights = network.weights[post, pre]
        shade = np.ceil(np.clip(np.nan_to_num(np.abs(weights)) / self.scale, 0.0, 1.0) * _SHADES) / _SHADES
        order = np.argsort(shade, kind="stable")
        thickness = (0.7 + 3.6 * shade) * _FINE
        shapes = edge_shapes(self.place[pre], self.place[post], thickness, self.pixel, points=6, bend=-0.16)
        colours = diverging(np.where(weights < 0, -1, 1) * (0.12 + 0.88 * shade))
        for k in order:
            pen.polygon(shapes[k].ravel().tolist(), fill=tuple(colours[k].tolist()))
        # Few shades here too: a node whose colour flickers invisibly still costs bytes.
        fills = diverging(np.round(network.activation * _SHADES) / _SHADES)
        r = self.pixel
        for (x, y), fill in zip(self.place, fills):
            pen.ellipse([x - r, y - r, x + r, y + r], fill=tuple(fill.tolist()), outline=INK, width=_FINE)
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


def _gif(pictures: list[tuple[Image, float]], fps: int) -> bytes:
    """Encode with one palette for all pictures, so that what stands still costs nothing."""
    from PIL import Image

    sample = [picture for picture, _ in pictures[:: max(1, len(pictures) // 8)]]
    montage = Image.new("RGB", (WIDTH, HEIGHT * len(sample)))
    for k, picture in enumerate(sample):
        montage.paste(picture, (0, HEIGHT * k))
    palette = montage.quantize(96, dither=Image.Dither.NONE)
    flat = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture, _ in pictures]
    # A GIF counts hundredths of a second.
    holds = [10 * max(2, round(100 * hold / fps)) for _, hold in pictures]
    buffer = io.BytesIO()
    flat[0].save(
        buffer, format="GIF", save_all=True, append_images=flat[1:], duration=holds, loop=0, optimize=False
    )
    return buffer.getvalue()


def _write_mp4(path: Path, pictures: Iterator[tuple[Image, float]], fps: int) -> None:
    """Encode with ffmpeg into a file beside `path`, then rename it."""
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise OntogymError(
            "MP4 needs ffmpeg, which was not found; run pip install imageio-ffmpeg, or write a .gif."
        ) from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".part.mp4")
    except OSError as error:
        raise OntogymError(
            f"Cannot write {path} ({error.strerror}); choose a folder you may write to."
        ) from error
    os.close(handle)
    try:
        writer = imageio_ffmpeg.write_frames(name, (WIDTH, HEIGHT), fps=fps, macro_block_size=8, quality=7)
        writer.send(None)
        for picture, hold in pictures:
            data = np.ascontiguousarray(picture).tobytes()
            for _ in range(max(1, round(hold))):
                writer.send(data)
        writer.close()
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        raise OntogymError(
            f"ffmpeg could not write {path} ({error}); check the disk, or write a .gif."
        ) from error
    finally:
        Path(name).unlink(missing_ok=True)
