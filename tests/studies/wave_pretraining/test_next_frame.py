from __future__ import annotations

import numpy as np
import pytest
import torch

from ontogym.errors import OntogymError
from ontogym.studies.wave_pretraining.next_frame import (
    ConvGRU,
    NextFrame,
    copy_loss,
    learn_films,
    prediction_loss,
    scrolling_leaves,
    windows,
)


def test_the_cell_is_a_gru_of_one_place():
    cell = ConvGRU(3, 2, kernel=1)
    twin = torch.nn.GRUCell(3, 2)
    with torch.no_grad():
        gates, new = (layer.weight[:, :, 0, 0] for layer in (cell.gates, cell.candidate))
        # torch's has reset before update, takes the other way round to keep the state, and resets after the product.
        twin.weight_ih.copy_(torch.cat([gates[2:, :3], -gates[:2, :3], new[:, :3]]))
        twin.weight_hh.copy_(torch.cat([gates[2:, 3:], -gates[:2, 3:], new[:, 3:] * 0]))
        twin.bias_ih.copy_(torch.cat([cell.gates.bias[2:], -cell.gates.bias[:2], cell.candidate.bias]))
        twin.bias_hh.zero_()
        cell.candidate.weight[:, 3:] = 0  # where the two differ
        x, h = torch.randn(5, 3, 1, 1), torch.randn(5, 2, 1, 1)
        assert torch.allclose(cell(x, h)[..., 0, 0], twin(x[..., 0, 0], h[..., 0, 0]), atol=1e-6)


def test_a_prediction_knows_nothing_of_what_it_predicts():
    model = NextFrame(4, seed=1)
    films = torch.rand(2, 6, 8, 8)
    changed = films.clone()
    changed[:, 4:] = 0
    with torch.no_grad():
        a, b = model(films), model(changed)
    assert a.shape == (2, 5, 8, 8)
    assert torch.equal(a[:, :4], b[:, :4])
    assert not torch.equal(a[:, 4], b[:, 4])


def test_losses_count_from_the_third_frame_on():
    films = torch.tensor([0.0, 5, 1, 3])[None, :, None, None].expand(2, 4, 2, 2)
    assert copy_loss(films) == (4**2 + 2**2) / 2

    class Zero(torch.nn.Module):
        def forward(self, films):
            return torch.zeros_like(films[:, 1:])

    assert float(prediction_loss(Zero(), films)) == (1 + 9) / 2


def test_a_network_learns_what_moves_and_the_same_again():
    films = scrolling_leaves(12, 5, 16, seed=2)
    found = []
    for _ in range(2):
        model = NextFrame(6, seed=3)
        found.append(learn_films(model, films, 60, 0, films, (0, 60), batch=8, lr=5e-3))
    assert found[0] == found[1]
    assert found[0][60] < 0.3 * found[0][0]


def test_an_optimiser_goes_on_with_what_it_remembers():
    films = scrolling_leaves(8, 4, 16, seed=2)
    new, kept = NextFrame(4, seed=3), NextFrame(4, seed=3)
    adam = torch.optim.Adam(kept.parameters(), 1e-2)
    after = []
    for model, optimiser in ((new, None), (kept, adam)):
        for phase in (1, 2):
            last = learn_films(model, films, 5, phase, films, (5,), batch=4, lr=1e-2, optimiser=optimiser)
        after.append(last[5])
    assert adam.state[kept.decoder.bias]["step"] == 10
    assert after[0] != after[1]


def test_films_scroll_at_the_speed_that_is_asked_for():
    films = scrolling_leaves(6, 4, 16, seed=1, speed=(0, 0))
    assert (films == films[:, :1]).all()
    moving = scrolling_leaves(6, 4, 16, seed=1, speed=(1, 1))
    assert not (moving == moving[:, :1]).all()
    assert moving.shape == (6, 4, 16, 16)
    assert 0 <= moving.min() < moving.max() <= 1
    with pytest.raises(OntogymError, match="leave the picture"):
        scrolling_leaves(1, 20, 16, seed=1)


def test_stretches_show_something_in_every_frame():
    films = np.zeros((2, 12, 4, 4), np.uint8)
    films[0, 2:9] = np.arange(1, 8, dtype=np.uint8)[:, None, None] * 30
    films[1, :, 0, 0] = 255
    found = windows(films, 4, least=2)
    assert (found[:, :, 0, 0] * 255).round().tolist() == [[30, 60, 90, 120], [90, 120, 150, 180]]
    loose = windows(films, 4, least=2, seed=1)
    assert (np.sort(loose.ravel()) == np.sort(found.ravel())).all()
    assert not (loose == found).all()
    with pytest.raises(OntogymError, match="12 frames in a row"):
        windows(films, 12, least=2)
