"""The networks of the published studies, and a small one for two cores.

ResNet-18, -34 and -50 (He et al. 2016, arXiv 1512.03385), AlexNet with batch normalisation (Krizhevsky 2014, arXiv
1404.5997; one normalisation after every convolution) and VGG16 with batch normalisation (Simonyan & Zisserman 2015,
arXiv 1409.1556), in plain PyTorch: parameters are named and shaped as in torchvision, so that a published state
dict loads with ``load_state_dict`` (AlexNet with batch normalisation is the one that torchvision has not).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ontogym.errors import OntogymError, UnknownNameError

__all__ = [
    "NETWORKS",
    "build_network",
    "first_layer",
    "first_layer_filters",
    "match_channels",
    "replace_head",
]

SMALL_GAIN = 0.1
"""Factor on the small network's first layer at birth. Normalisation follows, so the output does not change, but what
is learnt is not buried under the noise of an 11 x 11 kernel's initialisation."""


class _Block(nn.Module):
    """A residual block: two 3x3 convolutions, or 1x1, 3x3, 1x1 with four times as many channels at the end."""

    def __init__(self, before: int, width: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        after = 4 * width if bottleneck else width
        self.bottleneck = bottleneck
        self.conv1 = nn.Conv2d(before, width, 1, bias=False) if bottleneck else _conv3(before, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv3(width, width, stride if bottleneck else 1)
        self.bn2 = nn.BatchNorm2d(width)
        if bottleneck:
            self.conv3 = nn.Conv2d(width, after, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or before != after:
            shortcut = nn.Conv2d(before, after, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.bottleneck:
            x = self.bn3(self.conv3(self.relu(x)))
        after: Tensor = self.relu(x + shortcut)
        return after


def _conv3(before: int, after: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, stride, padding=1, bias=False)


class ResNet(nn.Module):
    """A residual network; `small_stem` begins with 3x3 at stride 1 and no pooling, for images of about 32 pixels."""

    head = "fc"

    def __init__(
        self, depths: Sequence[int], bottleneck: bool, classes: int, channels: int, small_stem: bool
    ) -> None:
        super().__init__()
        self.conv1 = (
            _conv3(channels, 64, 1) if small_stem else nn.Conv2d(channels, 64, 7, 2, padding=3, bias=False)
        )
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if small_stem else nn.MaxPool2d(3, 2, padding=1)
        before = 64
        layers = []
        for k, depth in enumerate(depths):
            width = 64 * 2**k
            blocks = []
            for block in range(depth):
                blocks.append(_Block(before, width, 2 if k and not block else 1, bottleneck))
                before = 4 * width if bottleneck else width
            layers.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = layers
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(before, classes)
        _initialise(self, linear=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits


class _Stack(nn.Module):
    """Convolutions, pooling to a fixed size, and three fully connected layers: AlexNet and VGG."""

    head = "classifier.6"

    def __init__(self, features: nn.Sequential, pooled: int, classifier: nn.Sequential) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d(pooled)
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return logits


def _alexnet_bn(classes: int, channels: int, small_stem: bool) -> nn.Module:
    first = (3, 1, 1) if small_stem else (11, 4, 2)
    layers: list[nn.Module] = []
    before = channels
    for width, kernel, pool in (
        (64, first, True),
        (192, (5, 1, 2), True),
        (384, (3, 1, 1), False),
        (256, (3, 1, 1), False),
        (256, (3, 1, 1), True),
    ):
        layers += [nn.Conv2d(before, width, *kernel), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        layers += [nn.MaxPool2d(3, 2)] if pool else []
        before = width
    classifier = nn.Sequential(
        nn.Dropout(),
        nn.Linear(256 * 36, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(inplace=True),
        nn.Linear(4096, classes),
    )
    return _Stack(nn.Sequential(*layers), 6, classifier)


def _vgg16_bn(classes: int, channels: int, small_stem: bool) -> nn.Module:
    layers: list[nn.Module] = []
    before = channels
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            before = width
        layers.append(nn.MaxPool2d(2, 2))
    classifier = nn.Sequential(
        nn.Linear(512 * 49, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(4096, classes),
    )
    network = _Stack(nn.Sequential(*layers), 7, classifier)
    _initialise(network, linear=True)
    return network


class Small(nn.Module):
    """Four convolutions for images of 32 to 64 pixels, about 0.15 million parameters.

    The first layer has 11 x 11 kernels at stride 2 (`small_stem`: stride 1): large enough to be looked at and fitted.
    """

    head = "fc"

    def __init__(self, classes: int, channels: int, small_stem: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 11, 1 if small_stem else 2, padding=5, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2, self.bn2 = _conv3(32, 48, 1), nn.BatchNorm2d(48)
        self.conv3, self.bn3 = _conv3(48, 96, 1), nn.BatchNorm2d(96)
        self.conv4, self.bn4 = _conv3(96, 96, 1), nn.BatchNorm2d(96)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(96, classes)
        _initialise(self, linear=False)
        with torch.no_grad():
            self.conv1.weight *= SMALL_GAIN

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.maxpool(self.relu(self.bn2(self.conv2(x))))
        x = self.maxpool(self.relu(self.bn3(self.conv3(x))))
        x = self.relu(self.bn4(self.conv4(x)))
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits


def _initialise(network: nn.Module, linear: bool) -> None:
    """He's initialisation by fan-out, as the published weights began; biases at zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif linear and isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
            nn.init.zeros_(module.bias)


NETWORKS: dict[str, Callable[[int, int, bool], nn.Module]] = {
    "small": Small,
    "resnet18": lambda *a: ResNet((2, 2, 2, 2), False, *a),
    "resnet34": lambda *a: ResNet((3, 4, 6, 3), False, *a),
    "resnet50": lambda *a: ResNet((3, 4, 6, 3), True, *a),
    "alexnet_bn": _alexnet_bn,
    "vgg16_bn": _vgg16_bn,
}
"""Name to constructor ``(classes, channels, small_stem)``."""


def build_network(
    name: str, classes: int, channels: int = 3, small_stem: bool = False, seed: int | None = None
) -> nn.Module:
    """A network at its random initialisation; ``(B, channels, H, W)`` to logits ``(B, classes)``.

    Args:
        name: one of `NETWORKS`.
        classes: outputs; 0 for none, so that the output is what the head would see.
        channels: of the images.
        small_stem: a first layer for small images: stride 1 instead of 2 (AlexNet: 3x3 at stride 1; VGG16 as it is).
        seed: decides the weights and leaves torch's global generator as it was; None draws from that one.

    Raises:
        UnknownNameError: no such network.
        OntogymError: no channel, or a negative number of classes.
    """
    if name not in NETWORKS:
        raise UnknownNameError("network", name, NETWORKS)
    if classes < 0 or channels < 1:
        raise OntogymError(
            f"A network of {channels} channels and {classes} classes cannot be; both must be positive."
        )
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        network: nn.Module = NETWORKS[name](classes or 1, channels, small_stem)
    if not classes:
        replace_head(network, 0)
    return network


def replace_head(network: nn.Module, classes: int, seed: int | None = None) -> nn.Module:
    """Put a new last layer on `network`, in place; returns it.

    Args:
        network: from `build_network`.
        classes: outputs of the new layer; 0 for no layer at all.
        seed: decides the layer's weights; None draws from torch's global generator.
    """
    *path, last = str(network.head).split(".")
    parent = network.get_submodule(".".join(path))
    width = head_width(network)
    if not classes:
        new: nn.Module = nn.Identity()
    else:
        with torch.random.fork_rng(devices=[], enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            new = nn.Linear(width, classes)
    setattr(parent, last, new.to(next(network.parameters()).device))
    return network


def head_width(network: nn.Module) -> int:
    """Number of features that the last layer sees."""
    head = network.get_submodule(str(network.head))
    if isinstance(head, nn.Linear):
        return head.in_features
    if isinstance(network, _Stack):
        return 4096
    # Without a head: as many as the last normalisation has channels.
    return [m.num_features for m in network.modules() if isinstance(m, nn.BatchNorm2d)][-1]


def first_layer(network: nn.Module) -> nn.Conv2d:
    """The first convolution."""
    return next(module for module in network.modules() if isinstance(module, nn.Conv2d))


def first_layer_filters(network: nn.Module) -> Tensor:
    """A copy of the first layer's kernels ``(F, channels, H, W)``, on the CPU."""
    return first_layer(network).weight.detach().cpu().clone()


def match_channels(network: nn.Module, channels: int) -> nn.Module:
    """A copy whose first layer takes `channels` channels.

    From grey to colour every kernel is spread evenly over the channels, from colour to grey summed over them: a grey
    picture gives the same output before and after.
    """
    network = copy.deepcopy(network)
    old = first_layer(network)
    if old.in_channels != channels:
        weight = old.weight.detach().sum(1, keepdim=True).expand(-1, channels, -1, -1) / channels
        old.weight = nn.Parameter(weight.contiguous())
        old.in_channels = channels
    return network
