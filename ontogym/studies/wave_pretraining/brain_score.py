"""Brain-Score of a network, by Brain-Score's own package; and the published scores beside it.

Schrimpf et al. 2018 (Brain-Score). The package, ``brainscore_vision``, is no dependency of this one: it wants NumPy
below 2, so it lives best in an environment of its own. It downloads public recordings at first use; the others, and
with them the averages of the published table, are open to submissions to brain-score.org only.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from ontogym.errors import OntogymError, needs

__all__ = ["PUBLIC_BENCHMARKS", "PUBLISHED", "PublishedScore", "brain_scores"]


class PublishedScore(NamedTuple):
    """One row of ReWaRD's table.

    Attributes:
        pretraining: on what the ResNet-50 was trained first; None for from scratch.
        finetuning: on what afterwards; None for nothing.
        average: over the benchmarks.
        v1: the V1 benchmarks alone.
    """

    pretraining: str | None
    finetuning: str | None
    average: float
    v1: float


PUBLISHED: tuple[PublishedScore, ...] = (
    PublishedScore("rwave-1024", None, 0.230, 0.437),
    PublishedScore("rwave-4096", None, 0.239, 0.434),
    PublishedScore("FractalDB-1k", None, 0.267, 0.572),
    PublishedScore(None, "CIFAR-100", 0.216, 0.389),
    PublishedScore("rwave-1024", "CIFAR-100", 0.290, 0.455),
    PublishedScore("rwave-4096", "CIFAR-100", 0.282, 0.444),
    PublishedScore("FractalDB-1k", "CIFAR-100", 0.285, 0.506),
    PublishedScore(None, "ImageNet", 0.414, 0.538),
    PublishedScore("rwave-4096", "ImageNet", 0.411, 0.517),
)
"""ReWaRD's table (arXiv 2311.17232). FractalDB beats the waves on V1, and waves before ImageNet do not beat ImageNet."""

PUBLIC_BENCHMARKS: Mapping[str, str] = MappingProxyType(
    {
        "V1": "FreemanZiemba2013public.V1-pls",
        "V2": "FreemanZiemba2013public.V2-pls",
        "V4": "MajajHong2015public.V4-pls",
        "IT": "MajajHong2015public.IT-pls",
    }
)
"""Region to benchmark whose data anyone may download. Not the benchmarks behind `PUBLISHED`: compare within a column."""


def brain_scores(
    model: Any,
    layers: Sequence[str],
    identifier: str,
    image_size: int = 224,
    regions: Sequence[str] = ("V1", "V2", "V4", "IT"),
    mean: Sequence[float] = (0.485, 0.456, 0.406),
    std: Sequence[float] = (0.229, 0.224, 0.225),
) -> dict[str, float]:
    """Ceiled scores of a network on public benchmarks.

    Args:
        model: a ``torch.nn.Module`` that takes images ``(B, 3, image_size, image_size)``.
        layers: names of the submodules that may stand for a region; Brain-Score picks the best one for each.
        identifier: a name unique to these weights: Brain-Score caches activations under it.
        image_size: pixels a side.
        regions: keys of `PUBLIC_BENCHMARKS`.
        mean, std: normalisation of the channels that the network was trained with.

    Returns:
        Region to score; 1 is as good as the recordings allow.

    Raises:
        OntogymError: unknown regions or layers, or the package or its data are missing.
    """
    unknown = [region for region in regions if region not in PUBLIC_BENCHMARKS]
    if unknown:
        raise OntogymError(
            f"No public benchmark for {unknown[0]!r}; choose from {', '.join(PUBLIC_BENCHMARKS)}."
        )
    names = {name for name, _ in model.named_modules()}
    missing = [layer for layer in layers if layer not in names]
    if missing or not layers:
        raise OntogymError(
            f"The network has no layer {missing[0]!r}; see its named_modules()."
            if missing
            else "Name at least one layer of the network, for example 'layer1'."
        )
    load_benchmark, wrapper, commitment, preprocess = _package()
    preprocessing = functools.partial(
        preprocess, image_size=image_size, normalize_mean=tuple(mean), normalize_std=tuple(std)
    )
    activations = wrapper(identifier=identifier, model=model.eval(), preprocessing=preprocessing)
    activations.image_size = image_size
    subject = commitment(identifier=identifier, activations_model=activations, layers=list(layers))
    found = {}
    for region in regions:
        try:
            score = load_benchmark(PUBLIC_BENCHMARKS[region])(subject)
        # Downloads fail in as many ways as the package has storage back ends.
        except Exception as error:
            raise OntogymError(
                f"Brain-Score could not score {PUBLIC_BENCHMARKS[region]} ({type(error).__name__}: {error}); check "
                "that its data can be downloaded from here, or leave the region out."
            ) from error
        found[region] = float(score.values.ravel()[0])
    return found


def _package() -> tuple[Any, Any, Any, Any]:
    apart = " in an environment of its own (it wants NumPy below 2), or compare with the published table, PUBLISHED"
    with needs("Brain-Score", "its own package", "brainscore-vision", apart):
        from brainscore_vision import load_benchmark
        from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper, load_preprocess_images
        from brainscore_vision.model_helpers.brain_transformation import ModelCommitment
    return load_benchmark, PytorchWrapper, ModelCommitment, load_preprocess_images
