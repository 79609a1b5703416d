"""The board's tasks as data: what is held out, and that every one of them can be made."""

from __future__ import annotations

import pytest

from ontogym.envs import anchors
from ontogym.envs.vector import find_spec
from ontogym.retina_env.encoding.board import ENCODING_TASKS
from ontogym.retina_env.encoding.options import AnimalOptions, PerceptCalibrationOptions, TwinOptions
from ontogym.retina_env.encoding.scenes import PICTURES


@pytest.mark.parametrize("task", ENCODING_TASKS, ids=lambda task: task.name)
def test_tasks_are_held_out_and_their_scale_is_averaging_to_the_best_known(task):
    records = {
        "Animals": AnimalOptions,
        "Percept": PerceptCalibrationOptions,
        "Calibration": PerceptCalibrationOptions,
    }
    record = next((r for word, r in records.items() if word in task.env), TwinOptions)
    options = record(**task.env_kwargs)
    assert options.images in PICTURES
    assert options.images != "leaves"
    assert not task.ranked or "held-out" in task.env_kwargs.values()
    assert task.zero == 0 < task.one
    assert find_spec(task.env).id == task.env
    # What random actions earn is below doing nothing, and is not the scale's zero.
    assert anchors(task.env)[0] < 0


def test_names_are_unique_and_the_twin_is_not_ranked():
    assert len({task.name for task in ENCODING_TASKS}) == len(ENCODING_TASKS)
    assert {task.env for task in ENCODING_TASKS if not task.ranked} == {
        "ontogym/RetinaEncoding-v0",
        "ontogym/RetinaRefinement-v0",
    }
