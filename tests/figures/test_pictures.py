"""Replays, figures, films: what they record is the life, and what they write can be opened."""

from __future__ import annotations

import csv

import imageio.v3 as imageio
import numpy as np
import pytest

from ontogym.baselines.lives.life import LifeSpec, life_seeds, live, make_agent
from ontogym.baselines.lives.recording import LifeRecording, record_life
from ontogym.errors import OntogymError
from ontogym.figures.comparison import Score, comparison_figure
from ontogym.figures.curves import learning_curve_figure, read_progress
from ontogym.figures.film import write_animation
from ontogym.figures.life import life_figure

GROWING = "tests.baselines.growing:Growing"
ENV = "ontogym/CartPole-v1"


@pytest.fixture(scope="module")
def recording() -> LifeRecording:
    agent = make_agent(GROWING, ENV)
    return record_life(agent, np.zeros(agent.genome_size), ENV, episodes=2, seed=3, max_frames=40)


def test_a_recording_is_a_life(recording):
    steps = recording.n_steps
    assert len(recording.observations) == len(recording.actions) == len(recording.rewards) == steps
    assert recording.returns.shape == (2,)
    assert recording.returns.sum() == recording.rewards.sum() == steps
    assert recording.frames.ndim == 4
    assert recording.frames.dtype == np.uint8
    assert len(recording.frames) <= 41
    assert recording.birth.mask.shape == recording.last.mask.shape
    assert recording.has_development


def test_a_recording_is_the_life_that_evaluation_lives():
    agent = make_agent(GROWING, ENV)
    genome = np.full(agent.genome_size, 0.3)
    spec = LifeSpec(ENV, episodes=3)
    recorded = record_life(agent, genome, ENV, episodes=3, seed=11)
    lived = live(agent, genome[None], spec, np.array([11], dtype=np.uint64))
    assert life_seeds(spec, 1, 0).shape == (1,)
    np.testing.assert_array_equal(recorded.returns, lived.returns[0, 0])


@pytest.mark.parametrize(
    ("env", "switches"),
    [
        ("CartPoleSensorFlip-v0", 1),
        ("CartPoleSensorPermute-v0", 1),
        ("AcrobotActionSwap-v0", 1),
        ("CartPoleDrift-v0", None),
        ("PendulumActionFlip-v0", 1),
        ("ForagingGoalSwap-v0", 1),
        ("ForagingSwitch-v0", None),
    ],
)
def test_a_recording_in_a_changing_world_is_the_life_that_evaluation_lives(env, switches):
    """Episode, age and the life's own seed reach the world; without them its switches would come at other times."""
    episodes = 5 if switches and not env.startswith(("Pendulum", "Foraging")) else 2
    agent = make_agent(GROWING, f"ontogym/{env}")
    spec = LifeSpec(f"ontogym/{env}", episodes=episodes, max_steps=120)
    for seed in (11, 12):
        recorded = record_life(
            agent, np.full(1, 0.3), spec.env, episodes=episodes, seed=seed, max_frames=2, max_steps=120
        )
        lived = live(agent, np.full((1, 1), 0.3), spec, np.array([seed], dtype=np.uint64), trace=True)
        np.testing.assert_array_equal(recorded.returns, lived.returns[0, 0])
        starts = recorded.episode_starts
        rules = [lived.trace.rules[0, 0, e, : lived.lengths[0, 0, e]] for e in range(episodes)]
        np.testing.assert_array_equal(recorded.rules, np.concatenate(rules))
        if switches is not None:
            assert len(recorded.switches) == switches
        if episodes == 5:
            assert recorded.switches[0] == starts[3]


def test_the_still_figure_and_the_film_can_be_opened(recording, tmp_path):
    life_figure(recording).savefig(tmp_path / "life.png")
    picture = imageio.imread(tmp_path / "life.png")
    assert picture.shape[0] > 300
    assert picture[..., :3].std() > 5
    write_animation(recording, tmp_path / "life.gif", max_frames=12)
    film = imageio.imread(tmp_path / "life.gif", index=None)
    assert len(film) >= 8
    assert (film[0] != film[-1]).any()


def test_films_of_another_kind_are_refused(recording, tmp_path):
    with pytest.raises(OntogymError, match="gif"):
        write_animation(recording, tmp_path / "life.avi")
    assert not list(tmp_path.iterdir())


def progress(path, scores):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["generation", "env_steps", "wall_seconds", "cpu_seconds", "score"])
        writer.writeheader()
        for k, score in enumerate(scores):
            writer.writerow(
                {"generation": k, "env_steps": 100 * k, "wall_seconds": k, "cpu_seconds": k, "score": score}
            )
    return path


def test_learning_curves_read_the_re_evaluated_score_only(tmp_path):
    path = progress(tmp_path / "progress.csv", ["", 10, "", 30])
    time, score = read_progress(path)
    np.testing.assert_array_equal(time, [100, 300])
    np.testing.assert_array_equal(score, [10, 30])
    learning_curve_figure([path], ["a"], lines={"random": 5}).savefig(tmp_path / "c.png")
    with pytest.raises(OntogymError):
        read_progress(tmp_path / "none.csv")


def test_comparisons_refuse_what_is_no_interval(tmp_path):
    comparison_figure([Score("a", 3, 2, 4), Score("b", 1, 0.5, 2)], 0, 5).savefig(tmp_path / "b.png")
    assert (tmp_path / "b.png").stat().st_size > 5000
    for wrong in ([], [Score("a", 3, 4, 5)], [Score("a", float("nan"), 0, 1)]):
        with pytest.raises(OntogymError):
            comparison_figure(wrong)
