"""Lives with a change in them: what is counted as a wire, as coming and going, and as earned under which rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ontogym.agents.base import NetworkSnapshot
from ontogym.baselines.lives.life import make_agent
from ontogym.baselines.lives.recording import LifeRecording, Snapshots, record_life
from ontogym.errors import OntogymError
from ontogym.figures.change import change_figure, changed_wires, earned
from ontogym.figures.layout import wires
from ontogym.figures.life import life_figure, liveliest_wires
from ontogym.figures.network import count_wires, network_shapes
from ontogym.figures.rewiring import difference, rewiring


def recorded(weights: np.ndarray, rules: list[int], episode: list[int]) -> LifeRecording:
    """A life of T steps of three nodes whose weights are given, ``(T, 3, 3)``; an edge is where there is a number."""
    steps, mask = len(weights), ~np.isnan(weights)
    weights = np.nan_to_num(weights).astype(np.float32)
    nodes = np.zeros((steps, 3, 2), np.float32)
    activation = np.zeros((steps, 3), np.float32)
    stages = [
        NetworkSnapshot(weights[k], mask[k], activation[k], nodes[k], n_inputs=1, n_outputs=1)
        for k in (0, 0, -1)
    ]
    return LifeRecording(
        "made-up", "none", 0, np.zeros((0, 1, 1, 3), np.uint8), np.zeros(0, np.int64), *stages, False,
        Snapshots(np.arange(steps), weights, mask, activation, nodes), np.zeros((steps, 1), np.float32),
        np.zeros((steps, 1), np.float32), np.zeros(steps), np.arange(steps, dtype=float), np.array(episode), 6,
        np.array(rules),
    )  # fmt: skip


@pytest.fixture
def life() -> LifeRecording:
    """1 -> 0 is lost with .5, 2 -> 0 comes with -.7, 0 -> 1 turns from .3 to -.4, 2 -> 1 is there and silent."""
    before = np.full((3, 3), np.nan)
    before[0, 1], before[1, 0], before[1, 2] = 0.5, 0.3, 0.05
    after = np.full((3, 3), np.nan)
    after[0, 2], after[1, 0], after[1, 2], after[0, 1] = -0.7, -0.4, 0.1, 0.01
    return recorded(np.stack([before, before, after, after]), [0, 0, 1, 1], [0, 0, 1, 1])


def test_an_edge_that_carries_nothing_is_no_wire(life):
    snapshots = life.snapshots
    assert wires(snapshots.mask, snapshots.weights).sum((1, 2)).tolist() == [2, 2, 2, 2]
    assert count_wires(life.birth) == "2 wires of 3 edges"
    assert len(network_shapes(life.birth, np.zeros((3, 2)), 1.0).edges) == 2
    assert not wires(np.ones(3, bool), np.array([0.1, -0.1, np.nan], np.float64)).any()


def test_rewiring_says_what_came_and_went_and_what_it_carried(life):
    found = rewiring(life)
    assert found.came.tolist() == found.went.tolist() == [0, 1, 0]
    np.testing.assert_allclose(found.came_weight, [0, 0.7, 0], rtol=1e-6)
    np.testing.assert_allclose(found.went_weight, [0, 0.5, 0], rtol=1e-6)
    change = difference(life, 1, 2)
    assert np.argwhere(change.came).tolist() == [[0, 2]]
    assert np.argwhere(change.went).tolist() == [[0, 1]]
    assert np.argwhere(change.turned).tolist() == [[1, 0]]
    np.testing.assert_allclose(change.change[[0, 0, 1, 1], [2, 1, 0, 2]], [-0.7, -0.5, -0.7, 0], rtol=1e-6)
    assert changed_wires(change)[-1].tolist() == [0, 1]
    assert {tuple(edge) for edge in liveliest_wires(life)} == {(0, 1), (0, 2), (1, 0)}


def test_what_was_earned_is_never_a_mean_over_two_sets_of_rules(life):
    steps, values, what = earned(life)
    assert what == "return of the episode"
    assert (steps.tolist(), values.tolist()) == ([1, 3], [1, 5])
    life = replace(life, episode=np.zeros(4, np.int64))
    assert earned(life)[1].tolist() == [0, 1, 2, 3]
    long = recorded(np.zeros((120, 3, 3)), [0] * 50 + [1] * 70, [0] * 120)
    _, values, what = earned(long)
    assert what == "reward a step, mean of 6"
    assert values[[0, 1, 49, 50, 51]].tolist() == [0, 0.5, 46.5, 50, 50.5]


@pytest.mark.parametrize("env", ["CartPoleSensorFlip-v0", "ForagingSwitch-v0"])
def test_a_change_is_drawn(tmp_path, env):
    agent = make_agent("tests.baselines.growing:Growing", f"ontogym/{env}")
    episodes = 5 if env.startswith("CartPole") else 1
    life = record_life(
        agent, np.zeros(agent.genome_size), f"ontogym/{env}", episodes=episodes, seed=1, max_frames=2
    )
    figure = change_figure(life)
    lines = [line for line in figure.axes[0].get_lines() if line.get_color() == "#E69F00"]
    assert [line.get_xdata()[0] for line in lines] == life.switches.tolist()
    figure.savefig(tmp_path / "change.png")


def test_a_life_without_change_or_wires_is_drawn_or_refused():
    life = recorded(np.full((4, 3, 3), np.nan), [0] * 4, [0] * 4)
    life_figure(life)
    with pytest.raises(OntogymError, match="never change"):
        change_figure(life)
    change_figure(replace(life, rules=np.array([0, 1, 1, 1])))
