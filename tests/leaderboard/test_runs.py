"""Run folders become submissions: one set of names for what is trained, what is written by hand and what is ranked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from ontogym.baselines.sb3.config import TrainingConfig
from ontogym.baselines.sb3.references import FLOORS
from ontogym.baselines.sb3.run import train
from ontogym.envs.reference import REFERENCES, reference_of
from ontogym.errors import UnknownNameError
from ontogym.leaderboard.players import WEIGHT_FREE, agent_types
from ontogym.leaderboard.runs import make_submission, read_run
from ontogym.leaderboard.suites import EVERY_SUITE
from ontogym.leaderboard.verification import verify


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
