"""Files from strangers: names that import code are refused before anything is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ontogym.agents.lndp import LNDPConfig
from ontogym.baselines.evolution.agent_files import SavedAgent, load_agent, save_agent
from ontogym.baselines.evolution.carried import check_no_path
from ontogym.baselines.lives.life import LifeSpec, live, make_agent
from ontogym.developmental.rules.inferred.network import UpdateNetwork
from ontogym.developmental.rules.inferred.rule import save_rule
from ontogym.errors import OntogymError


@pytest.mark.parametrize(
    "names", [{"agent": "subprocess:Popen"}, {"env": "antigravity:CartPole-v1"}], ids=["agent", "env"]
)
def test_a_name_that_imports_code_is_refused(names: dict[str, str]) -> None:
    saved = SavedAgent(np.zeros(3), **({"agent": "lndp", "env": "CartPole-v1", "options": {}} | names))
    with pytest.raises(OntogymError, match="would import code"):
        saved.build()


@pytest.mark.parametrize(
    "names",
    [
        {"agent": "logistic", "options": {"rule_path": "/etc/passwd"}},
        {"agent": "logistic", "options": {"rule_path": "rule.safetensors"}},
        {"agent": "plastic", "options": {"synaptic_rule": "subprocess:Popen"}},
        {"options": {"development_options": ["movie=../film.npz"]}},
        {"env": "ontogym/CartPoleActionFlip-v1", "env_kwargs": {"task": "antigravity:CartPole-v1"}},
        {"env": "ontogym/RetinaEncoding-v0", "env_kwargs": {"twin": "/tmp/twin.safetensors"}},
    ],
    ids=lambda names: str(names)[:60],
)
def test_options_that_name_files_or_code_are_refused_unless_trusted(names: dict[str, Any]) -> None:
    saved = SavedAgent(np.zeros(3), **({"agent": "lndp", "env": "CartPole-v1", "options": {}} | names))
    with pytest.raises(OntogymError, match="would open another file or import code"):
        saved.build()
    with pytest.raises(OntogymError) as raised:
        saved.build(trusted=True)
    assert "would open" not in str(raised.value)


def test_ids_of_this_suite_name_no_file() -> None:
    check_no_path({"task": "ontogym/Foraging-v0", "task_options": {"observation": "one-hot"}}, "argument")


def test_an_agent_file_carries_its_rule(tmp_path: Path) -> None:
    """The rule's own file may be gone: the agent is the same."""
    env, file = "ontogym/DeNovoChoice-v0", tmp_path / "rule.safetensors"
    network = UpdateNetwork("gru", 4)
    save_rule(file, network, network.initialise(3), {})
    options = {"rule": "inferred", "rule_path": str(file)}
    before = make_agent("logistic", env, {}, options)
    genome = before.initial_genome()
    save_agent(tmp_path / "a", SavedAgent(genome, "logistic", options, env))
    file.unlink()
    after = load_agent(tmp_path / "a").build()
    spec, seeds = LifeSpec(env, episodes=1), np.arange(2, dtype=np.uint64)
    returns = [live(each, genome, spec, seeds).returns for each in (before, after)]
    np.testing.assert_array_equal(*returns)


@pytest.mark.parametrize("option", [{"nodes": 10**9}, {"rnn_iters": 10**6}, {"edge_features": 10**5}])
def test_absurd_sizes_are_refused_before_anything_is_allocated(option: dict[str, int]) -> None:
    with pytest.raises(OntogymError, match="the most is"):
        LNDPConfig(**option)
