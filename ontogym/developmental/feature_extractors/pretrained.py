"""Extractors that see pictures through a small network that is frozen: trained on waves, on fractals, or on nothing.

The networks ship with the package (``weights/``, how they were made is in docs/features.md): the network ``small`` of
`networks`, 56 x 56 grey pixels to 96 features, of which a fixed projection keeps a few. What the three see differently is
what they were shown before: the comparison that pre-experience asks for. So that it is not one of scales, what is kept
is measured in standard deviations over the same test pictures (`calibration.calibration_pictures`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.developmental.feature_extractors.base import FeatureExtractor
from ontogym.developmental.feature_extractors.calibration import calibration_pictures
from ontogym.developmental.feature_extractors.plain import Flatten
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.seeding import generator

__all__ = ["FractalFeatures", "NetworkFeatures", "UntrainedFeatures", "WaveFeatures"]

WEIGHTS = Path(__file__).parent / "weights"
_SMALLEST = 8
_REMEMBERED = 16_000_000
"""Bytes of pictures whose features are kept, the last that were seen: in a small world the same ones come again."""
_ANSWERS: dict[tuple[str, int], NDArray[np.float64]] = {}
"""By file and when it was written, so that an extractor is made at once the second time."""


class NetworkFeatures(FeatureExtractor):
    """A picture through a pre-trained network: of a run of ``ontogym pretrain``, or of a file that it left.

    Args:
        network: run folder or file.
        size: F, numbers to keep of the network's features, by a fixed orthogonal projection; 0 keeps all of them.
        key: of a Dict, the picture; the only one if not given.
        seed: decides the projection.
        keys: of a Dict, further parts, which follow the picture's numbers as `Flatten` gives them; others are not seen.
    """

    name = "network"
    where: ClassVar[Path | None] = None

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        network: str = "",
        size: int = 16,
        key: str | None = None,
        seed: int = 0,
        keys: Sequence[str] | str | None = None,
    ) -> None:
        super().__init__(observation_space)
        self._beside = Flatten(observation_space, keys=keys) if keys else None
        path = self.where if self.where is not None else Path(network)
        if self.where is None and not network:
            raise OntogymError("Say which network sees: network=FOLDER, a run of ontogym pretrain.")
        self.key, picture = _picture(observation_space, key)
        self._first = len(picture.shape) == 3 and picture.shape[0] in (1, 3) and picture.shape[2] > 4
        self._low, self._span = (
            float(picture.low.min()),
            float(np.ptp([picture.low.min(), picture.high.max()])),
        )
        if not 0 < self._span < 1e6:
            raise OntogymError(
                "The picture has no bounds between which it could be scaled; give its Box bounds."
            )
        self._path = path
        self._network: Any = None
        self._remembered: dict[bytes, NDArray[np.float32]] = {}
        width = self._load()
        if not 0 <= size <= width:
            raise OntogymError(
                f"The network has {width} features, of which {size} cannot be kept; choose 0 to {width}."
            )
        draw = generator(seed, "network-features").normal(size=(width, width))
        self.projection = np.linalg.qr(draw)[0][:, :size] if size else np.eye(width)
        answers = self._answers() @ self.projection
        self._usual, self._spread = answers.mean(0), np.maximum(answers.std(0), 1e-6)
        low, high = (np.full(size or width, end, np.float32) for end in (-np.inf, np.inf))
        if self._beside is not None:
            low, high = np.append(low, self._beside.space.low), np.append(high, self._beside.space.high)
        self.space = spaces.Box(low, high, dtype=np.float32)

    def extract(self, observations: Any) -> NDArray[np.float32]:
        import torch

        pictures = np.asarray(observations if self.key is None else observations[self.key])
        with torch.inference_mode():
            seen = np.stack([self._features(picture) for picture in pictures])
        return seen if self._beside is None else np.append(seen, self._beside.extract(observations), 1)

    def _features(self, picture: NDArray[Any]) -> NDArray[np.float32]:
        """What the network makes of one picture ``(F,)``; one that was seen before is not looked at again."""
        key = picture.tobytes()
        known = self._remembered.pop(key, None)
        if known is None:
            # One by one: convolutions may round a picture by what stands beside it.
            features = self._network(self._seen(picture))[0].double().numpy()
            known = ((features @ self.projection - self._usual) / self._spread).astype(np.float32)
            if len(self._remembered) >= max(1, _REMEMBERED // max(1, picture.nbytes)):
                self._remembered.pop(next(iter(self._remembered)))
        self._remembered[key] = known
        return known

    def _answers(self) -> NDArray[np.float64]:
        """The network's features of the pictures by which every network is calibrated, ``(B, width)``."""
        import torch

        mark = (str(self._path), self._path.stat().st_mtime_ns)
        if mark not in _ANSWERS:
            tensors = torch.from_numpy(calibration_pictures(self._side))[:, None, None]
            with torch.inference_mode():
                rows = [self._network((one - self._mean) / self._sd)[0].double().numpy() for one in tensors]
            _ANSWERS[mark] = np.stack(rows)
        return _ANSWERS[mark]

    def _load(self) -> int:
        """Read the network; returns how many features it has."""
        from ontogym.developmental.feature_extractors.networks import head_width, match_channels, replace_head
        from ontogym.developmental.feature_extractors.saved_network import load_network

        saved = load_network(self._path)
        training = dict(saved.facts.get("training", {}))
        self._mean, self._sd = (float(np.mean(training.get(k, d))) for k, d in (("mean", 0.2), ("sd", 0.5)))
        self._side = int(training.get("crop") or 7 * int(saved.facts.get("input_size") or 64) // 8)
        width = head_width(saved.network)
        # The shipped ones are kept at half precision.
        self._network = match_channels(replace_head(saved.network.float(), 0), 1).eval()
        return width

    def _seen(self, picture: NDArray[Any]) -> Any:
        """A picture as the network saw its own: grey, from 0 to 1, of one side, normalised; ``(1, 1, S, S)``."""
        import torch

        grey = (picture.astype(np.float32) - self._low) / self._span
        if grey.ndim == 3:
            grey = grey.mean(0 if self._first else 2)
        tensor = torch.from_numpy(np.ascontiguousarray(grey))[None, None]
        scaled = torch.nn.functional.interpolate(tensor, (self._side, self._side), mode="area")
        return (scaled - self._mean) / self._sd


class WaveFeatures(NetworkFeatures):
    """Eyes that opened on waves: a picture through a network that was trained to tell retinal waves apart.

    Source: the training of arXiv 2311.17232, at the size of two cores. Options: those of `NetworkFeatures` but the network.
    """

    name = "waves"
    where = WEIGHTS / "waves.safetensors"

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        size: int = 16,
        key: str | None = None,
        seed: int = 0,
        keys: Sequence[str] | str | None = None,
    ) -> None:
        super().__init__(observation_space, "", size, key, seed, keys)


class FractalFeatures(WaveFeatures):
    """The same network trained to tell fractals apart: the comparator without retina (FractalDB, arXiv 2101.08515)."""

    name = "fractals"
    where = WEIGHTS / "fractals.safetensors"


class UntrainedFeatures(WaveFeatures):
    """The same network as it was born: trained on nothing, its normalisation set on white noise."""

    name = "untrained"
    where = WEIGHTS / "untrained.safetensors"


def _picture(space: spaces.Space[Any], key: str | None) -> tuple[str | None, spaces.Box]:
    """Where the picture is in an observation, and its space.

    Raises:
        OntogymError: there is none, or there are several and none was chosen.
    """
    if not isinstance(space, spaces.Dict):
        if _is_picture(space) and isinstance(space, spaces.Box):
            return None, space
        raise OntogymError(
            f"A network sees pictures, and {space} is none; use --features flatten, select or random-projection."
        )
    found = {name: part for name, part in space.spaces.items() if _is_picture(part)}
    if key is not None and key not in found:
        raise UnknownNameError("picture of the observation", key, found)
    if key is None and len(found) != 1:
        raise OntogymError(
            f"The observation holds {len(found)} pictures ({', '.join(found) or 'none'}); say which one with key=NAME."
        )
    name = key if key is not None else next(iter(found))
    picture = found[name]
    assert isinstance(picture, spaces.Box)
    return name, picture


def _is_picture(space: spaces.Space[Any]) -> bool:
    return (
        isinstance(space, spaces.Box) and len(space.shape) in (2, 3) and sorted(space.shape)[-2] >= _SMALLEST
    )
