"""Run folders become submissions: one set of names for what is trained, what is written by hand and what is ranked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from ontogym.baselines.evolution.config import EvolutionConfig
from ontogym.baselines.evolution.run import evolve
from ontogym.baselines.loading import load
from ontogym.baselines.sb3.config import TrainingConfig
from ontogym.baselines.sb3.references import FLOORS
from ontogym.baselines.sb3.run import train
from ontogym.cli.evaluate import Evaluate
from ontogym.envs.reference import REFERENCES, reference_of
from ontogym.errors import UnknownNameError
from ontogym.leaderboard.board import read_board
from ontogym.leaderboard.limits import Refused
from ontogym.leaderboard.players import WEIGHT_FREE, agent_types
from ontogym.leaderboard.runs import make_submission, read_run
from ontogym.leaderboard.store import Store
from ontogym.leaderboard.submission import write_submission
from ontogym.leaderboard.suites import EVERY_SUITE, get_suite, get_task
from ontogym.leaderboard.verification import verify
from tests.leaderboard.submissions import changed, random_agent


@pytest.mark.parametrize(
    ("algo", "hyper", "kind", "options"),
    [
        ("random", {}, "random", {"seed": 4}),
        ("constant", {"action": 1}, "constant", {"action": 1}),
        ("constant", {}, "constant", {}),
        ("reference", {}, "cart-pole-balance", {}),
    ],
)
def test_folders_of_floors_are_submitted(
    tmp_path: Path, algo: str, hyper: dict[str, Any], kind: str, options: dict[str, Any]
) -> None:
    out = str(tmp_path / "run")
    train(TrainingConfig(algo=algo, env="ontogym/CartPole-v1", seed=4, hyper=hyper, eval_episodes=2, out=out))
    made = make_submission(read_run(out))
    assert made.manifest["agent"] == {"type": kind, "label": kind, "options": options}
    assert (made.manifest["seed"], made.manifest["training"]["env_steps"]) == (4, 0)
    assert verify(made)["status"] == "verified"


def test_one_table_names_what_is_written_by_hand() -> None:
    assert set(FLOORS) == {"random", "constant", "reference"}
    assert set(WEIGHT_FREE) == {"random", "constant", *REFERENCES}
    assert set(WEIGHT_FREE) <= set(agent_types())
    named = [env for reference in REFERENCES.values() for env in reference.envs]
    assert all(env in gymnasium.registry for env in named)
    assert reference_of("ontogym/ForagingSwitch-v0") == "win-stay-lose-shift"
    several = {env for env in named if named.count(env) > 1}
    assert several == {"ontogym/RuleShiftCartPole-v0"}
    assert reference_of("ontogym/RuleShiftCartPole-v0") == "sign-observer"
    assert reference_of("ontogym/RuleShiftCartPole-v0", "least-squares") == "least-squares"
    with pytest.raises(UnknownNameError, match="reference policy of ontogym/CartPole-v1"):
        reference_of("ontogym/CartPole-v1", "least-squares")
    with pytest.raises(UnknownNameError, match="environment with a reference policy"):
        reference_of("ontogym/RetinaEncoding-v0")


@pytest.mark.parametrize("name", REFERENCES)
def test_every_reference_acts_in_its_environments(name: str) -> None:
    written = REFERENCES[name]
    for env in written.envs:
        lanes = gymnasium.make_vec(env, 3)
        observations, _ = lanes.reset(seed=0)
        actions = written.make(3).act(np.asarray(observations), np.zeros(3))
        assert all(lanes.single_action_space.contains(action) for action in actions)
        lanes.close()


def test_old_entries_of_references_can_be_built() -> None:
    """Types that stand in manifests of the first version of the suites keep their names and their tasks."""
    tasks = {task.env for suite in EVERY_SUITE for task in suite.tasks if suite.version == 1}
    for name in ("win-stay-lose-shift", "block-observer"):
        assert tasks & set(REFERENCES[name].envs)


@pytest.fixture(scope="module")
def told_of_falls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose agent was told -1 at a fall and nothing else, and heard no episode's start."""
    out = tmp_path_factory.mktemp("told") / "run"
    evolve(
        EvolutionConfig(
            env="ontogym/CartPole-v1",
            agent="gru",
            agent_options={"hidden": 4, "reward_scale": 30.0},
            told="termination",
            silenced=("start",),
            sigma=2.0,
            population=8,
            generations=2,
            eval_every=1,
            eval_lives=4,
            final_lives=4,
            seed=3,
            out=str(out),
        ),
        progress=False,
    )
    return out


def test_an_agent_is_lived_as_it_was_told_in_evolution(told_of_falls: Path, tmp_path: Path) -> None:
    made = make_submission(read_run(str(told_of_falls)))
    agent = made.manifest["agent"]
    assert (agent["told"], agent["silenced"]) == ("termination", ["start"])
    found = verify(made)
    assert found["status"] == "verified"

    task = get_task("classic", 1, "CartPole-v1")
    own = load(told_of_falls)
    lived = {}
    for told in ("termination", "reward"):
        spec = replace(task.life, told=told, silenced=("start",))
        lived[told] = own.player.live(spec, task.seeds(get_suite("classic", 1))).returns[0]
    np.testing.assert_array_equal(made.manifest["claimed"]["returns"], lived["termination"])
    np.testing.assert_array_equal(found["returns_public"], lived["termination"])
    assert not np.array_equal(lived["termination"], lived["reward"])

    write_submission(tmp_path / "sent", made)
    by_run, by_submission = (
        Evaluate(target=str(target), lives=8, seed=5, json=True).run()
        for target in (told_of_falls, tmp_path / "sent")
    )
    assert by_run["mean"] == by_submission["mean"]


def test_the_board_says_what_an_agent_was_told(told_of_falls: Path, tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store", create=True)
    candidate = read_run(str(told_of_falls))
    store.add(make_submission(candidate, label="told of falls"), None)
    store.add(make_submission(replace(candidate, heard={}), label="told rewards"), None, accept=("copy",))
    rows = {row.label: row.told for row in read_board(tmp_path / "store").rows if row.task}
    assert rows == {"told of falls": "termination not start", "told rewards": ""}


@pytest.mark.parametrize(
    ("key", "value"), [("told", "phase"), ("told", 3), ("silenced", ["goal"]), ("silenced", ["reward"] * 5)]
)
def test_nothing_that_an_agent_could_not_know_is_told(key: str, value: Any) -> None:
    with pytest.raises(Refused, match=f"'{key}'"):
        changed(random_agent(), {f"agent/{key}": value})
