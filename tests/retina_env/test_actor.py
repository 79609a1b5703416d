"""The actor: what it computes, that it learns through the twin, and its file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ontogym import checkpoint
from ontogym.errors import OntogymError
from ontogym.retina_env.actor import Actor, ActorShape, effective_kernel, load_actor, save_actor
from ontogym.retina_env.actor_training import low_resolution, train_actor
from ontogym.retina_env.downsampling import downsampler, upsample_nearest
from ontogym.retina_env.forward_model import ForwardModel, TwinShape, poisson_loss
from ontogym.seeding import torch_generator

SMALL = {"kernels": 2, "kernel_size": 7}


@pytest.fixture(scope="module")
def images():
    from ontogym.retina_env.images import dead_leaves

    return dead_leaves(60, seed=3, size=32, show_progress=False)


@pytest.fixture(scope="module")
def twin(images):
    shape = TwinShape(neurons=6, size=32, kernels=2, kernel_size=5, pool=3)
    twin = ForwardModel(shape, generator=torch_generator(0, "twin"))
    rng = np.random.default_rng(0)
    with torch.no_grad():
        # Each neuron looks at a few places.
        twin.spatial.copy_(torch.from_numpy(rng.random(twin.spatial.shape) < 0.05))
        twin.norm.running_var.fill_(float(twin.convolve(twin.spectrum(torch.from_numpy(images))).var()))
        twin.feature.copy_(torch.tensor([[1.0, 0.2]] * 3 + [[0.2, 1.0]] * 3))
    twin.eval()
    for parameter in twin.parameters():
        parameter.requires_grad_(False)
    return twin


def plain(actor: Actor, images: np.ndarray) -> np.ndarray:
    """The equation of the module, pixel by pixel of the low-resolution image."""
    s = actor.shape
    x = (torch.from_numpy(images) - actor.image_mean) / actor.image_sd
    reach = s.kernel_size + s.fold
    x = F.pad(x[:, None], (reach, reach, reach, reach), mode="replicate")[:, 0]
    side = s.size // s.fold
    low = torch.zeros(len(images), side, side)
    start = (s.fold - s.kernel_size + (s.kernel_size < s.fold)) / 2
    start = -((s.kernel_size - s.fold) // 2) if s.kernel_size >= s.fold else int(start - 0.5)
    for i in range(side):
        for j in range(side):
            top, left = reach + i * s.fold + start, reach + j * s.fold + start
            patch = x[:, top : top + s.kernel_size, left : left + s.kernel_size]
            maps = F.softplus(torch.einsum("bij,kij->bk", patch, actor.kernels) + actor.shift)
            low[:, i, j] = maps @ actor.mix + actor.grey
    return low.clamp(0, 1).detach().numpy()


@pytest.mark.parametrize(("fold", "size"), [(2, 7), (4, 7), (4, 31), (8, 31), (8, 5), (16, 31), (32, 31)])
def test_the_fast_form_is_the_equation(images, fold, size):
    actor = Actor(ActorShape(fold, 32, 3, size), generator=torch_generator(1, "actor"))
    with torch.no_grad():
        actor.kernels *= 20
        actor.shift += 0.3
        actor.grey += 0.1
    found = actor.encode(images[:3, None])
    assert found.shape == (3, 1, 32 // fold, 32 // fold)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], plain(actor, images[:3]), atol=2e-5)
    np.testing.assert_array_equal(actor.encode(torch.from_numpy(images[:3, None])).numpy(), found)
    assert found.std() > 0.01


def test_a_clipped_pixel_still_gets_its_gradient(images):
    actor = Actor(ActorShape(4, 32, 2, 7))
    with torch.no_grad():
        actor.grey += 5
    low = actor(torch.from_numpy(images[:2, None]))
    assert (low == 1).all()
    low.sum().backward()
    assert float(actor.grey.grad) == pytest.approx(low.numel())


def test_training_beats_averaging_on_what_it_never_saw_and_leaves_the_twin_alone(images, twin):
    before = {name: value.clone() for name, value in twin.state_dict().items()}
    losses: list[float] = []
    actor = train_actor(
        twin, images[:48], 4, 0, on_epoch=lambda _, loss: losses.append(loss), **SMALL, epochs=25
    )
    assert min(losses) < losses[0]
    assert actor.facts["validation_loss"] == pytest.approx(min(losses), abs=1e-6)
    unseen = torch.from_numpy(images[48:])
    wanted, show = twin(unseen), low_resolution(twin, 4)
    loss = {
        "actor": poisson_loss(show(actor(unseen[:, None])[:, 0]), wanted),
        "average": poisson_loss(show(downsampler("average")(unseen, 4)), wanted),
        "untrained": poisson_loss(show(Actor(actor.shape)(unseen[:, None])[:, 0]), wanted),
    }
    assert loss["actor"] < loss["untrained"]
    assert loss["actor"] < loss["average"]
    for name, value in twin.state_dict().items():
        assert torch.equal(value, before[name])
    assert not any(p.requires_grad for p in actor.parameters())


def test_a_seed_makes_an_actor_and_a_function_is_a_twin_too(images, twin):
    one = train_actor(twin, images[:40], 4, 5, **SMALL, epochs=2)
    same = train_actor(twin, images[:40, None], 4, 5, **SMALL, epochs=2)
    other = train_actor(twin, images[:40], 4, 6, **SMALL, epochs=2)
    assert torch.equal(one.kernels, same.kernels)
    assert not torch.equal(one.kernels, other.kernels)
    slow = train_actor(lambda x: twin(x), images[:40], 4, 5, **SMALL, epochs=2)
    torch.testing.assert_close(slow.kernels, one.kernels, atol=1e-3, rtol=0)
    low = torch.from_numpy(downsampler("average")(images[:2], 4))
    torch.testing.assert_close(
        low_resolution(twin, 4)(low), twin(upsample_nearest(low, 4)), atol=1e-4, rtol=1e-4
    )


def test_the_effective_kernel_is_the_slope_near_grey():
    actor = Actor(ActorShape(4, 32, 3, 7), generator=torch_generator(2, "actor"))
    grey = torch.full((1, 1, 32, 32), float(actor.image_mean), requires_grad=True)
    actor(grey)[0, 0, 3, 4].backward()
    s = actor.shape
    top, left = 3 * 4 - s.before, 4 * 4 - s.before
    found = grey.grad[0, 0, top : top + 7, left : left + 7]
    np.testing.assert_allclose(effective_kernel(actor), found.numpy(), atol=1e-6)
    assert float(grey.grad.abs().sum()) == pytest.approx(float(found.abs().sum()), rel=1e-5)


def test_an_actor_survives_its_file(images, twin, tmp_path):
    actor = train_actor(twin, images[:40], 8, 0, **SMALL, epochs=1)
    save_actor(tmp_path / "actor.safetensors", actor)
    again = load_actor(tmp_path / "actor.safetensors")
    np.testing.assert_array_equal(again.encode(images[:2, None]), actor.encode(images[:2, None]))
    assert again.facts == actor.facts
    assert again.shape == actor.shape
    assert (tmp_path / "actor.json").is_file()


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    save_actor(path, Actor(ActorShape(4, 32, 2, 7)))
    arrays, meta = checkpoint.load(path, "actor")
    for change in ({"mix": np.full(2, np.nan, np.float32)}, {"shift": np.zeros(3, np.float32)}):
        checkpoint.save(path, "actor", arrays | change, meta)
        with pytest.raises(OntogymError, match="holds no finite"):
            load_actor(path)
    checkpoint.save(path, "actor", arrays, {"shape": {"fold": 4}, "facts": {}})
    with pytest.raises(OntogymError, match="which sizes"):
        load_actor(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(OntogymError):
        load_actor(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fold": 5}, "does not divide"),
        ({"images": np.zeros((4, 32, 32), np.float32)}, "too few|nothing"),
        ({"images": np.full((40, 32, 32), np.nan, np.float32)}, "."),
        ({"images": np.zeros((40, 32, 31), np.float32)}, "."),
        ({"learning_rate": 0.0}, "positive"),
        ({"l2": float("nan")}, "l2 cannot be"),
        ({"leraning_rate": 0.1}, "did you mean 'learning_rate'"),
        ({"kernels": 0}, "kernels is 0"),
        ({"responses": np.zeros((3, 6))}, "do not fit"),
    ],
)
def test_bad_input_is_a_clear_error(images, twin, change, words):
    arguments = {"images": images[:40], "fold": 4, "epochs": 1, **SMALL, **change}
    with pytest.raises(OntogymError, match=words):
        train_actor(twin, **arguments)
    with pytest.raises(OntogymError, match="Images come as"):
        Actor(ActorShape(4, 32, 2, 7)).encode(images[:2])
