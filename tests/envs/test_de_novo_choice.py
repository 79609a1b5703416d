"""De novo choice: contrasts, phases, trials, debiasing, blocks, and what the best policies earn."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import ontogym  # noqa: F401
from ontogym.envs import anchors, make_vector
from ontogym.envs.de_novo_choice import BLOCK_LENGTHS, PHASE_CONTRASTS, UNBIASED_TRIALS, DeNovoChoiceEnv
from ontogym.envs.reference import BlockObserver, RuleKeeper
from ontogym.errors import OntogymError

ID, BLOCKS = "ontogym/DeNovoChoice-v0", "ontogym/DeNovoChoiceBlocks-v0"


def session(env, policy, steps, **reset):
    """Infos of every step (stacked) of a vector env; `policy` maps observations and the info to actions."""
    seen, info = env.reset(seed=3, **reset)
    infos, actions = [info], []
    for _ in range(steps):
        actions.append(policy(seen, info))
        seen, _, _, _, info = env.step(actions[-1])
        infos.append(info)
    names = ("contrast", "side", "block", "choice", "correct", "trial")
    return {name: np.stack([i[name] for i in infos]) for name in names}, np.stack(actions)


def look(seen, info):
    return (seen[:, 1] > seen[:, 0]).astype(np.int64)


def test_what_is_seen_rewarded_and_told():
    env = DeNovoChoiceEnv(phase=4)
    seen, info = env.reset(seed=0)
    assert (info["choice"], info["correct"], info["trial"]) == (-1, False, 0)
    for trial in range(60):
        contrast, side = info["contrast"], info["side"]
        np.testing.assert_allclose(seen[:2], [max(-contrast, 0), max(contrast, 0)])
        assert seen[2] == 1
        action = trial % 2
        seen, reward, _, _, info = env.step(action)
        assert reward == float(action == side) == seen[3]
        assert seen[4] == 2 * action - 1
        assert (info["choice"], info["correct"], info["trial"]) == (action, action == side, trial + 1)


def test_trials_of_no_contrast_have_a_true_side_that_cannot_be_seen():
    env = make_vector(ID, 400, phase=4)
    history, actions = session(env, look, 50)
    blank = history["contrast"][:-1] == 0
    right = history["side"][:-1][blank]
    assert abs(right.mean() - 0.5) < 4 * 0.5 / np.sqrt(blank.sum())
    np.testing.assert_array_equal(history["correct"][1:], actions == history["side"][:-1])
    assert history["correct"][1:][~blank].all()


@pytest.mark.parametrize("phase", range(6))
def test_contrasts_of_each_phase_are_even_and_balanced(phase):
    env = make_vector(ID, 500)
    history, _ = session(env, look, 100, options={"phase": phase})
    magnitude = np.abs(history["contrast"])
    assert set(np.unique(magnitude)) == set(PHASE_CONTRASTS[phase])
    n, k = magnitude.size, len(PHASE_CONTRASTS[phase])
    for contrast in PHASE_CONTRASTS[phase]:
        assert abs((magnitude == contrast).mean() - 1 / k) < 4 * np.sqrt(1 / k / n)
    assert abs(history["side"].mean() - 0.5) < 4 * 0.5 / np.sqrt(n)


def test_phase_can_differ_between_lanes():
    env = make_vector(ID, 2)
    history, _ = session(env, look, 200, options={"phase": np.array([0, 5])})
    assert set(np.abs(history["contrast"][:, 0])) == {1.0, 0.5}
    assert set(np.abs(history["contrast"][:, 1])) == {1.0, 0.25, 0.125, 0.0625, 0.0}


def test_in_long_trials_only_the_action_at_the_go_cue_counts():
    env = DeNovoChoiceEnv(trial_steps=3)
    seen, info = env.reset(seed=1)
    for _ in range(10):
        side = info["side"]
        go, rewards, shown = [], [], []
        for step in range(3):
            go.append(seen[2])
            shown.append(info["contrast"])
            seen, reward, _, _, info = env.step(side if step == 2 else 1 - side)
            rewards.append(reward)
        assert go == [0, 0, 1]
        assert rewards == [0, 0, 1]
        assert len(set(shown)) == 1
    assert info["trial"] == 10


def test_debiasing_repeats_easy_errors_on_the_side_that_is_neglected():
    env = make_vector(ID, 600, debias=True, phase=4)
    history, _ = session(env, lambda seen, info: np.ones(600, dtype=np.int64), 60)
    contrast, side = np.abs(history["contrast"]), history["side"]
    error = ~history["correct"][1:]
    repeated = error & (contrast[:-1] >= 0.5)
    np.testing.assert_array_equal(contrast[1:][repeated], contrast[:-1][repeated])
    late = repeated.copy()
    late[:10] = False
    # All of the last ten went right: right again only if N(1, 1/2) < 1/2, that is with Phi(-1).
    assert abs(side[1:][late].mean() - 0.1587) < 4 * np.sqrt(0.1587 * 0.8413 / late.sum())
    free = ~repeated
    assert abs(side[1:][free].mean() - 0.5) < 4 * 0.5 / np.sqrt(free.sum())


def test_blocks_alternate_with_their_lengths_and_their_bias():
    env = make_vector(BLOCKS, 300)
    history, _ = session(env, look, 499)
    block, side = history["block"], history["side"]
    assert (block[:UNBIASED_TRIALS] == 0.5).all()
    assert not (block[UNBIASED_TRIALS:] == 0.5).any()
    biased = block[UNBIASED_TRIALS:].round(6)
    lengths = []
    for lane in biased.T:
        starts = np.flatnonzero(np.diff(lane)) + 1
        assert set(lane[starts]) <= {0.2, 0.8}
        lengths.extend(np.diff(np.concatenate([[0], starts])))
    assert min(lengths) >= BLOCK_LENGTHS[0]
    assert max(lengths) <= BLOCK_LENGTHS[1]
    left = (side[UNBIASED_TRIALS:] == 0)[biased == 0.8]
    assert abs(left.mean() - 0.8) < 4 * 0.4 / np.sqrt(left.size)


def test_looking_earns_everything_and_blocks_must_be_inferred():
    env = make_vector(ID, 10)
    history, _ = session(env, look, 500)
    assert history["correct"][1:].sum(0).tolist() == [anchors(ID)[1]] * 10
    lives, seen = 400, make_vector(BLOCKS, 400)
    observation, _ = seen.reset(seed=5)
    policy, reward, total = BlockObserver(lives), np.zeros(lives), np.zeros(lives)
    for _ in range(500):
        observation, reward, _, _, _ = seen.step(policy.act(observation, reward))
        total += reward
    assert abs(total.mean() - anchors(BLOCKS)[1]) < 4 * total.std() / np.sqrt(lives) + 0.1
    blind, _ = session(make_vector(BLOCKS, lives), look, 500)
    assert blind["correct"].sum(0).mean() < total.mean() - 10


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [({"phase": 6}, "phase is 6"), ({"phase": 1.5}, "phase"), ({"trial_steps": 0}, "trial_steps")],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(OntogymError, match=message):
        DeNovoChoiceEnv(**kwargs)


def test_bad_reset_option():
    with pytest.raises(OntogymError, match="'phase' must be"):
        make_vector(ID, 2).reset(options={"phase": 7})


def test_picture_shows_the_side_the_contrast_and_the_outcome():
    env = gym.make(ID, render_mode="rgb_array")
    env.reset(seed=0)
    first = env.render()
    side, contrast = env.unwrapped.state.side[0], env.unwrapped.state.contrast[0]
    spread = [half.std() for half in np.split(first[20:140, 20:300, 0].astype(float), 2, axis=1)]
    assert spread[side] > spread[1 - side]
    assert contrast in (0.5, 1.0)
    pictures = [first]
    for choice in (0, 1):
        env.reset(seed=0)
        env.step(choice)
        pictures.append(env.render())
    assert all(p.shape == (160, 320, 3) and p.dtype == np.uint8 for p in pictures)
    assert not np.array_equal(pictures[1][:4], pictures[2][:4])


def test_reversals_move_the_rule_and_nothing_that_is_seen():
    env = make_vector("ontogym/DeNovoChoiceBlocks-v1", 2)
    seen, info = env.reset(seed=[1, 1])
    state = env.state
    env.state = state._replace(mapping=np.array([0, 1]))
    mappings = []
    rng = np.random.default_rng(0)
    for _ in range(300):
        np.testing.assert_array_equal(seen[0], seen[1])
        assert not seen[:, 3:].any()
        side = (seen[:, 1] > seen[:, 0]).astype(np.int64)
        mapping = env.state.mapping
        assert mapping.sum() == 1
        mappings.append(int(mapping[0]))
        action = rng.integers(2)
        seen, reward, _, _, info = env.step(np.array([action, action]))
        np.testing.assert_array_equal(reward, action == side ^ mapping)
        np.testing.assert_array_equal(info["mapping"], env.state.mapping)
    blocks = np.diff(np.flatnonzero(np.diff(mappings)))
    assert len(blocks) >= 2
    assert (blocks >= BLOCK_LENGTHS[0]).all()
    assert (blocks <= BLOCK_LENGTHS[1]).all()


def test_reversals_are_kept_up_with_at_one_trial_each():
    lives = 1000
    env, policy = make_vector("ontogym/DeNovoChoiceBlocks-v1", lives), RuleKeeper(lives)
    seen, _ = env.reset(seed=5)
    reward, total, changes, before = np.zeros(lives), np.zeros(lives), np.zeros(lives), env.state.mapping
    first_wrong = before.copy()
    for _ in range(500):
        seen, reward, _, _, _ = env.step(policy.act(seen, reward))
        total += reward
        changes += env.state.mapping != before
        before = env.state.mapping
    # The rule that changes after the last trial costs nothing any more.
    assert (np.abs(500 - total - changes - first_wrong) <= 1).all()
    assert (
        abs(total.mean() - anchors("ontogym/DeNovoChoiceBlocks-v1")[1])
        < 4 * total.std() / np.sqrt(lives) + 0.1
    )


def test_two_kinds_of_blocks_are_one_sentence():
    with pytest.raises(OntogymError, match="not both"):
        DeNovoChoiceEnv(blocks=True, reversals=True)
