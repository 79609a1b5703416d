"""What verified agents earn under controls stands in their verification, and on the board."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ontogym.agents.base import FREEZES
from ontogym.baselines.lives.life import make_agent
from ontogym.cli import main
from ontogym.leaderboard.board import read_board
from ontogym.leaderboard.evaluation import live_controls
from ontogym.leaderboard.limits import WEIGHTS, Refused
from ontogym.leaderboard.runs import Candidate, make_submission
from ontogym.leaderboard.store import Store
from ontogym.leaderboard.submission import Submission
from ontogym.leaderboard.suite import CONTROLS
from ontogym.leaderboard.suites import HELD_OUT, SUITES
from ontogym.leaderboard.verification import check_verification, uncontrolled, verify
from ontogym.leaderboard.worker import Limits

TASK = "ForagingRewardOnlyLate-v0"
ENV = f"ontogym/{TASK}"


def submission(kind: str, **options: object) -> Submission:
    agent = make_agent(kind, ENV, {"observation": "one-hot"}, options)
    genome = np.random.default_rng(1).normal(0, 0.5, agent.genome_size)
    training = {"env_steps": 10, "wall_seconds": 1.0}
    return make_submission(
        Candidate(kind, agent.config, {"genome": genome}, ENV, {}, 1, training), TASK, kind
    )


def test_what_an_agent_does_not_have_is_not_held_still() -> None:
    made = submission("gru")
    found = live_controls(made.manifest, made.files[WEIGHTS], HELD_OUT)
    assert found is not None
    assert set(found) == {"told_clamped", "action_blind", "reborn"}
    made = submission("lndp", nodes=14)
    found = live_controls(made.manifest, made.files[WEIGHTS], HELD_OUT)
    assert found is not None
    assert set(found) == set(CONTROLS)


def test_a_control_is_what_evaluate_calls_it() -> None:
    task = SUITES["nonstationary"].task(TASK)
    agent = {"told": "termination", "silenced": ["start"]}
    assert task.control_of(agent, "told_clamped") == replace(task.life_of(agent), reward_clamp=0.0)
    assert task.control_of(agent, "action_blind").silenced == ("start", "action")
    assert task.control_of(agent, "reborn").rebirth
    assert {task.control_of(agent, name).freeze for name in CONTROLS} <= {None, *FREEZES}


def test_a_worker_that_is_stopped_leaves_an_agent_verified() -> None:
    made = submission("gru")
    assert live_controls(made.manifest, made.files[WEIGHTS], HELD_OUT, Limits(seconds=0.001)) is None


def test_entries_from_before_get_theirs_and_the_board_shows_them(tmp_path: Path) -> None:
    made = submission("trace")
    found = verify(made)
    assert found["status"] == "verified"
    assert set(found["controls"]) == {"told_clamped", "action_blind", "weights_frozen", "reborn"}
    controls = found.pop("controls")
    store = Store.open(tmp_path / "board", create=True)
    name, _ = store.add(made, found)
    assert uncontrolled(made.manifest, store.record(name).verification)
    assert main(["leaderboard", "controls", "--store", str(store.path)]) == 0
    kept = store.record(name).verification
    assert kept is not None
    assert kept["controls"] == controls
    assert not uncontrolled(made.manifest, kept)
    row = next(row for row in read_board(store.path).rows if row.task)
    assert row.action_blind == pytest.approx(controls["action_blind"])
    assert row.wiring_frozen is None


@pytest.mark.parametrize("controls", [{"another": 1.0}, {"reborn": float("nan")}, {"reborn": "1"}, [1.0]])
def test_a_record_cannot_bring_controls_of_its_own(controls: object) -> None:
    made = submission("trace")
    found = {**verify(made), "controls": controls}
    with pytest.raises(Refused, match="controls"):
        check_verification(found, made.id)
