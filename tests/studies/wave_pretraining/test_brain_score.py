"""The adapter to Brain-Score, without its package: what it hands over, and what it says if it is missing."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import torch

from ontogym.errors import OntogymError
from ontogym.studies.wave_pretraining.brain_score import PUBLIC_BENCHMARKS, PUBLISHED, brain_scores


@pytest.fixture
def network():
    return torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU())


@pytest.fixture
def package(monkeypatch):
    """A stand-in with the call signatures of brainscore_vision 2.4."""
    calls = {}

    class PytorchWrapper:
        def __init__(self, model, preprocessing, identifier=None):
            calls["preprocessing"] = preprocessing.keywords
            calls["training"] = model.training

    class ModelCommitment:
        def __init__(self, identifier, activations_model, layers):
            calls["layers"], calls["image_size"] = layers, activations_model.image_size

    def load_benchmark(identifier):
        if "V2" in identifier:
            raise ConnectionError("no route")
        return lambda subject: types.SimpleNamespace(
            values=np.array(0.5 + 0.1 * identifier.endswith("IT-pls"))
        )

    def module(name, **content):
        made = types.ModuleType(name)
        vars(made).update(content)
        monkeypatch.setitem(sys.modules, name, made)

    module("brainscore_vision", load_benchmark=load_benchmark)
    module("brainscore_vision.model_helpers")
    module("brainscore_vision.model_helpers.activations")
    module(
        "brainscore_vision.model_helpers.activations.pytorch",
        PytorchWrapper=PytorchWrapper,
        load_preprocess_images=lambda *a, **k: None,
    )
    module("brainscore_vision.model_helpers.brain_transformation", ModelCommitment=ModelCommitment)
    return calls


def test_the_network_is_handed_over_and_scores_come_back(network, package):
    found = brain_scores(network, ["0"], "toy", image_size=64, regions=("V1", "IT"), mean=(0.2,), std=(0.5,))
    assert found == {"V1": 0.5, "IT": 0.6}
    assert package["layers"] == ["0"]
    assert package["image_size"] == 64
    assert package["preprocessing"] == {"image_size": 64, "normalize_mean": (0.2,), "normalize_std": (0.5,)}
    assert package["training"] is False


def test_missing_data_is_one_sentence(network, package):
    with pytest.raises(OntogymError, match=r"V2-pls \(ConnectionError: no route\); check"):
        brain_scores(network, ["0"], "toy")


def test_a_missing_package_is_one_sentence(network, monkeypatch):
    monkeypatch.setitem(sys.modules, "brainscore_vision", None)
    with pytest.raises(OntogymError, match="pip install brainscore-vision"):
        brain_scores(network, ["0"], "toy")


def test_unknown_regions_and_layers_are_refused(network):
    with pytest.raises(OntogymError, match="V9"):
        brain_scores(network, ["0"], "toy", regions=("V9",))
    with pytest.raises(OntogymError, match="layer4"):
        brain_scores(network, ["layer4"], "toy")
    with pytest.raises(OntogymError, match="at least one layer"):
        brain_scores(network, [], "toy")


def test_the_published_table_says_what_it_says():
    table = {(row.pretraining, row.finetuning): row for row in PUBLISHED}
    assert len(table) == 9
    assert table["FractalDB-1k", None].v1 > table["rwave-4096", None].v1
    assert table["rwave-4096", "ImageNet"].average < table[None, "ImageNet"].average
    assert set(PUBLIC_BENCHMARKS) == {"V1", "V2", "V4", "IT"}
