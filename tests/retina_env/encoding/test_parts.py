"""Electrodes, maps, and the fast ways to ask a twin or a retina, each against the slow one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ontogym.errors import OntogymError
from ontogym.retina_env.encoding.filter_bank import MAPS, FilterBank
from ontogym.retina_env.encoding.judge import deviance
from ontogym.retina_env.encoding.layout import make_layout
from ontogym.retina_env.encoding.many_retinas import ManyRetinas
from ontogym.retina_env.encoding.responders import FoldedBipolar, FoldedTwin, in_blocks
from ontogym.retina_env.forward_model import ForwardModel, TwinShape
from ontogym.retina_env.retina import Bipolar, SimulatedRetina
from ontogym.retina_env.twins import default_twin


def test_square_blocks_average_and_show_as_the_paper_does(scenes):
    layout, x = make_layout(128, 4), torch.from_numpy(scenes[:3])
    low = layout.average(x)
    blocks = torch.nn.functional.avg_pool2d(x[:, None], 4)[:, 0]
    torch.testing.assert_close(low.view(3, 32, 32), blocks)
    torch.testing.assert_close(layout.show(low), blocks.repeat_interleave(4, 1).repeat_interleave(4, 2))
    assert make_layout(128, grid=(32, 32)).fold == 4
    torch.testing.assert_close(layout.sample(x).view(3, 32, 32), x[:, 2::4, 2::4])


def test_any_electrodes_average_their_own_pixels_and_each_pixel_shows_the_nearest(scenes):
    x = torch.from_numpy(scenes[:2])
    argus = make_layout(128, grid=(6, 10))
    assert argus.shape == (6, 10)
    assert argus.average(x).shape == (2, 60)
    # The same electrodes by coordinates, where they stand in the middle of their pixels.
    xs, ys = (np.arange(4) + 0.5) * 800, (np.arange(2) + 0.5) * 1600
    places = [(a, b) for b in ys for a in xs]
    free, array = make_layout(128, grid=places), make_layout(128, grid=(2, 4))
    torch.testing.assert_close(free.average(x), array.average(x))
    shown = free.show(torch.arange(8.0)[None])[0]
    assert shown[0, 0] == 0
    assert shown[127, 127] == 7
    assert (shown[:64, 32:64] == 1).all()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"fold": 5}, "does not divide"),
        ({"grid": (0, 4)}, "does not fit"),
        ({"grid": (200, 4)}, "does not fit"),
        ({"grid": (2.5, 4)}, "does not fit"),
        ({"grid": "argus"}, "pass .rows, columns."),
        ({"grid": [[0, 0, 0]]}, "coordinates"),
        ({"grid": [[5000, 100]]}, "within the image"),
        ({"grid": [[float("nan"), 100]]}, "within the image"),
        ({"grid": [[100, 100], [100, 100]]}, "nearest to no pixel"),
    ],
)
def test_wrong_electrodes_are_told(settings, sentence):
    with pytest.raises(OntogymError, match=sentence):
        make_layout(128, **settings)


def test_maps_are_normalised_and_tell_what_they_say(scenes):
    layout = make_layout(128, 4)
    bank, x = FilterBank(layout), torch.from_numpy(scenes)
    maps = bank(x)
    assert maps.shape == (64, len(MAPS), 1024)
    assert (maps.mean((0, 2)).abs() < 0.2).all()
    assert ((maps.std((0, 2)) - 1).abs() < 0.3).all()
    grey = bank(torch.full((1, 128, 128), 0.4))
    # On grey, all that is left is what their means over scenes were.
    assert grey.std(2).abs().max() < 1e-3
    # The average's map is what corrects contrast.
    low = layout.average(x)
    ratio = maps[:, 0].std(1) / low.std(1)
    torch.testing.assert_close(ratio, ratio[:1].expand(64), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("fold", [2, 4, 8, 16, 32])
def test_folded_twin_is_the_twin_on_blocks(scenes, fold):
    layout, twin = make_layout(128, fold), default_twin()
    low = layout.average(torch.from_numpy(scenes[:5]))
    with torch.no_grad():
        slow, fast = twin(layout.show(low)), FoldedTwin(twin, fold)(low)
    torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-4)


def test_folded_twin_of_other_sizes():
    twin = ForwardModel(TwinShape(neurons=3, size=32, kernels=2, kernel_size=6, pool=2), 0.3, 0.5).eval()
    twin.spatial.data.normal_(generator=torch.Generator().manual_seed(0))
    twin.norm.running_mean.fill_(0.1)
    layout = make_layout(32, 4)
    low = torch.rand(4, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(FoldedTwin(twin, 4)(low), twin(layout.show(low)), rtol=1e-4, atol=1e-4)


def test_folded_bipolar_is_bipolar_on_blocks(scenes):
    layout, bipolar = make_layout(128, 4), Bipolar(128)
    low = layout.average(torch.from_numpy(scenes[:3]))
    fast = FoldedBipolar(bipolar, 128, 4)(low)
    torch.testing.assert_close(fast, bipolar(layout.show(low)), rtol=1e-4, atol=1e-5)


def test_many_retinas_are_each_of_them(scenes):
    retinas = [SimulatedRetina(seed) for seed in (3, 4, 5)]
    many, who = ManyRetinas(retinas), torch.tensor([2, 0, 1, 1, 0, 2, 2])
    with torch.no_grad():
        b = Bipolar(128)(torch.from_numpy(scenes[:7]))
        fast, slow = many.fire(many.pool(b, who), who), torch.stack([r.fire(b) for r in retinas])
    torch.testing.assert_close(fast, slow[who, torch.arange(7)], rtol=1e-5, atol=1e-5)
    # Neither the lanes beside it nor the retinas beside its own change a number.
    alone = ManyRetinas(retinas[1:2])
    here = torch.zeros(1, dtype=torch.int64)
    torch.testing.assert_close(alone.pool(b[2:3], here), many.pool(b, who)[:, 2:3], rtol=0, atol=0)


def test_slopes_of_many_retinas_are_those_of_each(scenes):
    retinas, who = [SimulatedRetina(seed) for seed in (3, 4)], torch.tensor([1, 0, 1])
    many = ManyRetinas(retinas)
    with torch.no_grad():
        b = Bipolar(128)(torch.from_numpy(scenes[:3]))
    wanted = torch.rand(3, 60, generator=torch.Generator().manual_seed(1))
    fast, slow = b.clone().requires_grad_(True), b.clone().requires_grad_(True)
    (wanted * many.fire(many.pool(fast, who), who)).sum().backward()
    sum((wanted[k] * retinas[int(who[k])].fire(slow[k : k + 1])).sum() for k in range(3)).backward()
    torch.testing.assert_close(fast.grad, slow.grad, rtol=1e-4, atol=1e-5)


def test_blocks_are_always_eight_and_nothing_is_lost():
    sizes = []

    def twice(x):
        sizes.append(len(x))
        return 2 * x

    x = torch.arange(19.0)[:, None]
    torch.testing.assert_close(in_blocks(twice, x), 2 * x)
    assert sizes == [8, 8, 8]


def test_deviance_by_hand():
    y, r = torch.tensor([[0.0, 2.0], [3.0, 1.0]]), torch.tensor([[0.5, 2.0], [1.0, 1.0]])
    by_hand = [(2 * 0.5 + 0) / 2, (2 * (3 * np.log(3) - 2) + 0) / 2]
    np.testing.assert_allclose(deviance(y, r).numpy(), by_hand, rtol=1e-6)
    assert float(deviance(y, y)[1]) == 0
