from __future__ import annotations

import pytest
import torch

from ontogym.developmental.feature_extractors.networks import (
    NETWORKS,
    build_network,
    first_layer,
    first_layer_filters,
    head_width,
    match_channels,
    replace_head,
)
from ontogym.errors import OntogymError, UnknownNameError

PUBLISHED = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "vgg16_bn": 138_365_992,
    # Torchvision's AlexNet (61 100 840) and two numbers for each of its 1152 normalised channels.
    "alexnet_bn": 61_100_840 + 2 * 1152,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_as_many_parameters_as_published(name):
    with torch.device("meta"):
        assert sum(p.numel() for p in build_network(name, 1000).parameters()) == PUBLISHED[name]


def test_state_dicts_are_named_and_shaped_as_torchvision_names_them():
    with torch.device("meta"):
        resnet = {k: tuple(v.shape) for k, v in build_network("resnet50", 1000).state_dict().items()}
        vgg = {k: tuple(v.shape) for k, v in build_network("vgg16_bn", 1000).state_dict().items()}
    assert resnet["conv1.weight"] == (64, 3, 7, 7)
    assert resnet["layer1.0.downsample.0.weight"] == (256, 64, 1, 1)
    assert resnet["layer1.0.downsample.1.running_var"] == (256,)
    assert resnet["layer2.0.conv2.weight"] == (128, 128, 3, 3)
    assert resnet["layer4.2.bn3.bias"] == (2048,)
    assert resnet["fc.weight"] == (1000, 2048)
    assert len(resnet) == 320  # 161 tensors of weights, 3 statistics for each of 53 normalisations
    assert vgg["features.0.weight"] == (64, 3, 3, 3)
    assert vgg["features.41.running_mean"] == (512,)
    assert vgg["classifier.6.weight"] == (1000, 4096)
    assert not any(k.startswith("features.43") for k in vgg)


@pytest.mark.parametrize(("name", "size"), [("small", 16), ("resnet18", 32), ("alexnet_bn", 63)])
def test_logits_features_and_heads(name, size):
    network = build_network(name, 5, 1, seed=0).eval()
    x = torch.rand(2, 1, size, size)
    with torch.no_grad():
        assert network(x).shape == (2, 5)
        width = head_width(network)
        replace_head(network, 0)
        assert network(x).shape == (2, width)
        assert head_width(network) == width
        replace_head(network, 3, seed=1)
        assert network(x).shape == (2, 3)


def test_small_is_small_and_its_stem_can_be_finer():
    network, fine = build_network("small", 64, 1), build_network("small", 64, 1, small_stem=True)
    assert sum(p.numel() for p in network.parameters()) < 500_000
    assert first_layer_filters(network).shape == (32, 1, 11, 11)
    assert first_layer(network).stride == (2, 2)
    assert first_layer(fine).stride == (1, 1)
    assert first_layer(build_network("resnet18", 10, small_stem=True)).kernel_size == (3, 3)


@pytest.mark.parametrize("name", ["small", "resnet18"])
def test_a_seed_decides_the_weights_and_leaves_the_global_generator_alone(name):
    before = torch.random.get_rng_state()
    first, again, other = (build_network(name, 2, seed=s).state_dict() for s in (3, 3, 4))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_grey_pictures_look_the_same_to_a_network_turned_to_colour_and_back():
    grey = build_network("small", 4, 1, seed=0).eval()
    colour = match_channels(grey, 3)
    x = torch.rand(2, 1, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(colour(x.expand(-1, 3, -1, -1)), grey(x))
        torch.testing.assert_close(match_channels(colour, 1)(x), grey(x))
    assert first_layer_filters(grey).shape[1] == 1  # a copy was changed, not the original


def test_faults_are_sentences():
    with pytest.raises(UnknownNameError, match="did you mean 'resnet50'"):
        build_network("resnet5", 10)
    with pytest.raises(OntogymError, match="0 channels"):
        build_network("small", 10, 0)
    assert set(PUBLISHED) < set(NETWORKS)
