"""The encoding environments: what is rewarded, what is told, single and batched, gradients, wrong input."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch

import ontogym  # noqa: F401
from ontogym.envs import make_vector
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.retina_env.encoding.reference import best_actions
from ontogym.retina_env.forward_model import ForwardModel, TwinShape
from ontogym.retina_env.retina import SimulatedRetina
from ontogym.retina_env.twins import default_twin, save_twin

ENCODING, PIXELS = "ontogym/RetinaEncoding-v0", "ontogym/RetinaEncodingPixels-v0"
REFINEMENT, CALIBRATION = "ontogym/RetinaRefinement-v0", "ontogym/RetinaCalibration-v0"
ANIMALS, PERCEPT = "ontogym/RetinaEncodingAnimals-v0", "ontogym/RetinaEncodingPercept-v0"
PATIENTS = "ontogym/RetinaCalibration-v1"
IDS = (ENCODING, PIXELS, REFINEMENT, CALIBRATION, ANIMALS, PERCEPT, PATIENTS)
SMALL = {"n_images": 64}


def small(env_id):
    more = {CALIBRATION: {"patients": 3}, ANIMALS: {"animals": 2}, PERCEPT: {"patients": 3}}
    return SMALL | more.get(env_id, {"patients": 3, "steps": 4} if env_id == PATIENTS else {})


def actions(env, scale=0.2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-scale, scale, env.action_space.shape).astype(np.float32)


def linear(images):
    """A model from elsewhere: brightness of the four quadrants."""
    return np.asarray(images).reshape(-1, 2, 64, 2, 64).mean((2, 4)).reshape(-1, 4) + images.std()


class Contrast(torch.nn.Module):
    """A model from elsewhere that torch can differentiate: energy at the scale of pixels, in quadrants."""

    def forward(self, images):
        steps = (images[:, 1:, :-1] - images[:, :-1, :-1]) ** 2 + (
            images[:, :-1, 1:] - images[:, :-1, :-1]
        ) ** 2
        return torch.nn.functional.adaptive_avg_pool2d(steps[:, None], 2).flatten(1) * 100 + 0.1


@pytest.mark.parametrize("env_id", IDS)
def test_zero_action_is_averaging_and_earns_nothing(env_id):
    env = make_vector(env_id, 5, **small(env_id))
    env.reset(seed=0)
    _, reward, _, _, info = env.step(np.zeros(env.action_space.shape, np.float32))
    # Single precision: what was looked up and what is evaluated may differ in the last digits.
    np.testing.assert_allclose(reward, 0, atol=1e-4)
    name = env.dynamics.task.judge.named
    np.testing.assert_allclose(info[name], info[f"{name}_average"], rtol=1e-4)
    shown = env.dynamics.task.scenes.average[torch.from_numpy(env.state.judged)].numpy()
    np.testing.assert_allclose(info["low"].reshape(5, -1), shown)


def test_skill_of_the_full_image_is_one_on_average_and_is_the_formula():
    env = make_vector(ENCODING, 6, **SMALL)
    env.reset(seed=1)
    judge = env.dynamics.task.judge
    full = (judge.average_loss - judge.full_loss) / judge.gap
    assert float(full.mean()) == pytest.approx(1)
    assert float(judge.gap) > 0
    _, reward, terminated, _, info = env.step(actions(env))
    mean = float((judge.average_loss - judge.full_loss).mean())
    np.testing.assert_allclose(reward, (info["deviance_average"] - info["deviance"]) / mean)
    np.testing.assert_allclose(reward, info["skill"])
    assert terminated.all()


def test_response_and_target_are_twin_and_retina(scenes):
    env = gym.make(ENCODING, images=scenes[:8], true_retina=True).unwrapped
    seen, _ = env.reset(seed=3, options={"image": 5})
    np.testing.assert_array_equal(seen["image"], scenes[5])
    _, _, _, _, info = env.step(actions(env))
    shown = info["low"].repeat(4, 0).repeat(4, 1)[None]
    np.testing.assert_allclose(info["response"], default_twin().rates(shown)[0], rtol=1e-3, atol=1e-4)
    retina = SimulatedRetina(0)
    np.testing.assert_allclose(info["target"], retina.respond(scenes[:8])[5])
    y, r = info["target"].astype(float), retina.rates(shown)[0].astype(float)
    d = 2 * np.mean(np.where(y > 0, y * np.log(np.maximum(y, 1e-9) / r), 0) - y + r)
    judge = env.dynamics.task.retina
    expected = float(judge.average_loss[0, 5] - d) / float(judge.gap)
    assert info["retina_skill"] == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("env_id", IDS)
def test_single_is_a_lane_of_the_vector(env_id):
    """Images, patients and what is shown to the bit; rates to single precision, whose last digits depend on BLAS."""
    vector = make_vector(env_id, 5, **small(env_id))
    seen, _ = vector.reset(seed=11)
    moves = [actions(vector, seed=k) for k in range(vector.dynamics.steps)]
    told = [vector.step(move) for move in moves]
    for lane in (0, 3):
        single = gym.make(env_id, **small(env_id)).unwrapped
        first, _ = single.reset(seed=11 + lane)
        for key in first:
            np.testing.assert_array_equal(first[key], seen[key][lane])
        for move, (views, rewards, ends, _, infos) in zip(moves, told):
            view, reward, end, _, info = single.step(move[lane])
            assert reward == pytest.approx(rewards[lane], abs=1e-4)
            assert end == ends[lane]
            np.testing.assert_allclose(info["low"], infos["low"][lane], atol=1e-6)
            assert info["image_index"] == infos["image_index"][lane]
            for key in view:
                np.testing.assert_allclose(view[key], views[key][lane], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("env_id", IDS)
def test_seeds_decide_everything_and_differ(env_id):
    first, again, other = (make_vector(env_id, 4, **small(env_id)) for _ in range(3))
    a, b, c = first.reset(seed=5), again.reset(seed=5), other.reset(seed=6)
    np.testing.assert_array_equal(a[1]["image_index"], b[1]["image_index"])
    assert (a[1]["image_index"] != c[1]["image_index"]).any()
    move = actions(first)
    np.testing.assert_array_equal(first.step(move)[1], again.step(move)[1])


@pytest.mark.parametrize("env_id", IDS)
def test_forward_is_step_and_its_gradient_is_right(env_id):
    env = make_vector(env_id, 3, **small(env_id))
    env.reset(seed=2)
    move = torch.from_numpy(actions(env, 0.1)).requires_grad_(True)
    state = env.state
    done = env.dynamics.forward(state, move)
    done.reward.sum().backward()
    slope = move.grad.clone()
    reward = env.step(move.detach().numpy())[1]
    # Single precision; skill is a loss divided by a part of averaging's, which for animals is the smallest.
    within = 5e-4 if "Animals" in env_id else 1e-4
    np.testing.assert_allclose(done.reward.detach().numpy(), reward, atol=within)
    with torch.no_grad():
        step = 1e-2 * slope / slope.norm()
        up, down = (env.dynamics.forward(state, move + s * step).reward.sum() for s in (1, -1))
    assert float(up - down) == pytest.approx(2e-2 * float(slope.norm()), rel=0.1)


def test_refinement_returns_the_last_skill_and_calibration_the_sum():
    env = make_vector(REFINEMENT, 4, steps=4, **SMALL)
    env.reset(seed=0)
    total = sum(env.step(actions(env, seed=k))[1] for k in range(4))
    np.testing.assert_allclose(total, env.state.skill)
    assert (env.state.step == 4).all()
    residual = env.state.residual
    assert np.abs(residual).max() <= 1
    env = make_vector(CALIBRATION, 4, steps=3, **small(CALIBRATION))
    seen, info = env.reset(seed=0)
    assert not seen["target"].any()
    assert not seen["response"].any()
    patients = info["patient"]
    for k in range(3):
        before = env.dynamics.current_image(env.state)
        seen, reward, ends, _, info = env.step(actions(env, seed=k))
        np.testing.assert_array_equal(reward, info["skill"])
        np.testing.assert_array_equal(info["patient"], patients)
        np.testing.assert_array_equal(
            seen["target"], env.dynamics.task.judge.references[patients, before].numpy()
        )
        assert ends.all() == (k == 2)


def test_patients_differ_and_can_be_chosen():
    env = make_vector(CALIBRATION, 3, steps=2, **small(CALIBRATION))
    env.reset(seed=0, options={"patient": np.arange(3), "image": 4})
    _, _, _, _, info = env.step(np.zeros((3, 13), np.float32))
    retinas = [SimulatedRetina(1000 + k) for k in range(3)]
    image = env.dynamics.task.scenes.images[[4]]
    for k, retina in enumerate(retinas):
        low = info["low"][k].repeat(4, 0).repeat(4, 1)[None]
        np.testing.assert_allclose(info["response"][k], retina.rates(low)[0], rtol=1e-3, atol=1e-4)
        assert np.abs(info["target"][k] - retina.rates(image)[0]).mean() < 2
    with pytest.raises(OntogymError, match="'patient'"):
        env.reset(options={"patient": 3})


def test_levels_and_drive_penalty():
    env = make_vector(PIXELS, 3, n_levels=8, drive_penalty=2.0, **SMALL)
    env.reset(seed=0)
    _, reward, _, _, info = env.step(actions(env, 1.0))
    steps = info["low"] * 7
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-5)
    np.testing.assert_allclose(reward, info["skill"] - 2 * info["low"].mean((1, 2)), rtol=1e-5)


def test_argus_and_free_electrodes():
    env = gym.make(PIXELS, grid=(6, 10), obs="statistics", **SMALL).unwrapped
    assert env.action_space.shape == (6, 10)
    seen, _ = env.reset(seed=0)
    assert list(seen) == ["statistics"]
    _, reward, _, _, info = env.step(np.full((6, 10), 0.1, np.float32))
    assert info["low"].shape == (6, 10)
    assert np.isfinite(reward)
    places = np.random.default_rng(0).uniform(0, 3200, (20, 2)).tolist()
    free = gym.make(ENCODING, grid=places, **SMALL).unwrapped
    free.reset(seed=0)
    assert free.step(np.zeros(13, np.float32))[1] == pytest.approx(0, abs=1e-4)


def test_films_go_frame_by_frame(scenes):
    films = scenes[:12].reshape(3, 4, 128, 128)
    env = gym.make(CALIBRATION, images=films, patients=2, steps=4).unwrapped
    seen, info = env.reset(seed=1)
    first = info["image_index"]
    assert first % 4 == 0
    for k in range(3):
        seen, _, _, _, info = env.step(np.zeros(13, np.float32))
        np.testing.assert_array_equal(seen["image"], scenes[first + k + 1])
    refinement = gym.make(REFINEMENT, images=films, steps=3).unwrapped
    refinement.reset(seed=0, options={"image": 5})
    with pytest.raises(OntogymError, match="film is over"):
        refinement.reset(options={"image": 6})
    with pytest.raises(OntogymError, match="too short"):
        gym.make(CALIBRATION, images=films, patients=2, steps=5)


def test_models_from_elsewhere(scenes, tmp_path):
    env = gym.make(ENCODING, twin=Contrast(), images=scenes[:16]).unwrapped
    env.reset(seed=0)
    move = torch.zeros(1, 13, requires_grad=True)
    env.dynamics.forward(env.state, move).reward.sum().backward()
    assert move.grad.abs().max() > 0
    plain = gym.make(
        ENCODING, twin=lambda x: Contrast()(torch.from_numpy(x)).numpy(), images=scenes[:16]
    ).unwrapped
    plain.reset(seed=0)
    assert plain.step(np.full(13, 0.1, np.float32))[1] == pytest.approx(
        env.step(np.full(13, 0.1, np.float32))[1], abs=1e-3
    )
    with pytest.raises(OntogymError, match="no gradient"):
        best_actions(plain.dynamics, plain.state)
    save_twin(tmp_path / "twin.safetensors", default_twin())
    kept = gym.make(ENCODING, twin=str(tmp_path / "twin.safetensors"), images=scenes[:8]).unwrapped
    kept.reset(seed=0)
    assert kept.step(np.zeros(13, np.float32))[1] == pytest.approx(0, abs=1e-4)
    several = gym.make(CALIBRATION, patients=[Contrast(), Contrast()], images=scenes[:16], steps=2).unwrapped
    several.reset(seed=0)
    assert np.isfinite(several.step(np.zeros(13, np.float32))[1])


def test_gradient_ascent_beats_averaging_by_far():
    env = make_vector(ENCODING, 16, **SMALL)
    env.reset(seed=0)
    assert env.step(best_actions(env.dynamics, env.state, 25))[1].mean() > 0.4


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.5])
@pytest.mark.parametrize("env_id", IDS)
def test_actions_that_are_none_are_told_and_change_nothing(env_id, bad):
    env = make_vector(env_id, 2, **small(env_id))
    env.reset(seed=0)
    move = actions(env)
    move[1].flat[0] = bad
    with pytest.raises(OntogymError, match="lane 1"):
        env.step(move)
    assert np.isfinite(env.step(actions(env))[1]).all()


def test_of_a_thousand_actions_the_wrong_one_is_named():
    env = gym.make(PIXELS, **SMALL).unwrapped
    env.reset(seed=0)
    move = np.zeros((32, 32), np.float32)
    move[3, 5] = np.nan
    with pytest.raises(OntogymError, match=r"with nan at \(3, 5\) of lane 0") as told:
        env.step(move)
    assert len(str(told.value)) < 160


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"fold": 5}, "does not divide"),
        ({"images": np.zeros((4, 128, 128), np.uint8)}, "divide 8-bit"),
        ({"images": np.full((4, 128, 128), -0.1)}, "must lie in"),
        ({"patients": [ForwardModel(TwinShape(neurons=60, size=64)).eval()]}, "sees images of 64 pixels"),
        ({"patients": [0, -1]}, "retina seed"),
        ({"patients": "all"}, "patients is 'all'"),
    ],
)
def test_patients_and_images_that_are_none_are_told(arguments, sentence):
    with pytest.raises(OntogymError, match=sentence):
        gym.make(CALIBRATION, **({"n_images": 8, "patients": 2} | arguments))


BROKEN = np.full((4, 128, 128), 0.4, np.float32)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"fold": 3}, "does not divide"),
        ({"images": np.zeros((4, 128, 128), np.uint8)}, "divide 8-bit"),
        ({"images": BROKEN * 4}, "must lie in"),
        ({"images": BROKEN * np.nan}, "must lie in"),
        ({"images": BROKEN[:, :, :64]}, "pass square stills"),
        ({"images": BROKEN[:, :, :65]}, r"shape \(4, 128, 65\); pass square stills"),  # no fold of 65 fits
        ({"images": np.full((4, 128, 128, 3), 0.4)}, "without colours"),
        ({"images": np.full((128, 128, 3), 0.4)}, "without colours"),
        ({"images": BROKEN[0]}, "pass square stills"),
        ({"images": [[0.1, 0.2], [0.3]]}, "different lengths"),
        ({"images": BROKEN.astype(complex)}, "must be floats"),
        ({"images": np.full((4, 64, 64), 0.4)}, "sees images of 128 pixels"),
        ({"images": BROKEN}, "no skill to measure"),
        ({"responses": np.ones((3, 60))}, "one row per image"),
        ({"responses": np.full((64, 60), np.nan)}, "finite spike counts"),
        ({"responses": -np.ones((64, 60))}, "finite spike counts"),
        ({"n_images": 1}, "n_images"),
        ({"n_levels": 1}, "n_levels"),
        ({"n_levels": 2.5}, "n_levels"),
        ({"drive_penalty": -1.0}, "drive_penalty"),
        ({"drive_penalty": "much"}, "drive_penalty"),
        ({"drive_penalty": float("nan")}, "drive_penalty"),
        ({"retina_seed": -1}, "retina seed"),
        ({"twin": "no/such/file.safetensors"}, "no/such/file"),
        ({"twin": 5}, "The twin is 5"),
        ({"twin": lambda x: np.full((len(x), 3), np.nan)}, "not finite"),
        ({"twin": lambda x: -np.ones((len(x), 3))}, "negative"),
        ({"twin": lambda x: np.ones(3)}, "one row of N rates"),
        ({"twin": lambda x: 1 / 0}, "The twin failed"),
        ({"twin": ForwardModel(TwinShape(neurons=60, size=64)).eval()}, "sees images of 64 pixels"),
        ({"twin": lambda x: x @ np.ones((3, 3))}, "The twin failed"),
        ({"twin": linear, "true_retina": True}, "no true retina"),
    ],
)
def test_wrong_arguments_are_told(arguments, sentence):
    with pytest.raises(OntogymError, match=sentence):
        gym.make(ENCODING, **(SMALL | arguments))


def test_corrupt_weights_and_unknown_names_are_told(tmp_path):
    path = tmp_path / "twin.safetensors"
    save_twin(path, default_twin())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(OntogymError, match=r"twin\.safetensors"):
        gym.make(ENCODING, twin=str(path), **SMALL)
    with pytest.raises(UnknownNameError, match="did you mean 'statistics'"):
        gym.make(ENCODING, obs="statistic", **SMALL)
    with pytest.raises(UnknownNameError, match="true_retina"):
        make_vector(ENCODING, 2, true_retinas=True)
    with pytest.raises(OntogymError, match="steps"):
        gym.make(REFINEMENT, steps=1, **SMALL)
    with pytest.raises(OntogymError, match="patients"):
        gym.make(CALIBRATION, patients=0)
    with pytest.raises(OntogymError, match="'image'"):
        gym.make(ENCODING, **SMALL).reset(options={"image": 64})


@pytest.mark.parametrize("env_id", IDS)
def test_pictures_show_three_panels(env_id):
    env = gym.make(env_id, render_mode="rgb_array", **small(env_id))
    env.reset(seed=0)
    before = env.render()
    env.step(actions(env, 1.0))
    after = env.render()
    assert before.shape == after.shape == (378, 832, 3)
    assert before.dtype == np.uint8
    image, shown, answer = (np.s_[26:282, 16 + 272 * k : 272 + 272 * k] for k in range(3))
    np.testing.assert_array_equal(before[image], after[image])
    assert (before[shown] != after[shown]).any()
    assert (before[answer] != after[answer]).any()


def test_sb3_learns_from_the_batch():
    from stable_baselines3 import PPO

    from ontogym.baselines.lives.life import episode_returns
    from ontogym.baselines.sb3.adapter import make_vec_env
    from ontogym.baselines.sb3.policy import TrainedPolicy
    from ontogym.baselines.sb3.spaces import SpaceMap

    envs = make_vec_env(ENCODING, 8, {"obs": "statistics", **SMALL})
    model = PPO("MultiInputPolicy", envs, n_steps=8, batch_size=32, n_epochs=2, device="cpu", seed=0)
    model.learn(128)
    spaces = envs.observation_space, envs.action_space
    actor = TrainedPolicy(model, *spaces, SpaceMap(*spaces))
    returns = episode_returns(actor, ENCODING, 16, env_kwargs={"obs": "statistics", **SMALL})
    assert np.isfinite(returns).all()
