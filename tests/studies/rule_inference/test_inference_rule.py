"""The inferred rule in a file and as a plasticity rule: what it changes is what was inferred, and it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ontogym import checkpoint
from ontogym.developmental.rules import RuleContext, apply_rule
from ontogym.developmental.rules.inferred.network import KINDS, UpdateNetwork
from ontogym.developmental.rules.inferred.rule import InferredRule, load_rule, save_rule
from ontogym.errors import OntogymError
from ontogym.registry import RULES
from ontogym.studies.rule_inference.model.fitting import FitConfig, FitState, epochs, trajectory
from ontogym.studies.rule_inference.model.simulate import simulate
from ontogym.testing import check_rule


def random_rule(kind, path, hidden=6):
    network = UpdateNetwork(kind, hidden)
    params = np.random.default_rng(3).uniform(-0.4, 0.4, network.n_params)
    params[:2] = [0.05, -0.04]
    save_rule(path, network, params, {"data": "none"})
    return network, params


def contexts(weights, x, choice, reward):
    """Three nodes: stimulus, bias, decision; two edges."""
    p = len(x)
    mask = torch.zeros(p, 3, 3, dtype=torch.float64)
    mask[:, 2, :2] = 1
    nodes = torch.zeros(p, 3, 2, dtype=torch.float64)
    nodes[:, 0, 0] = nodes[:, 1, 1] = 1
    act = torch.stack(
        [torch.tensor(x), torch.ones(p, dtype=torch.float64), torch.tensor(2.0 * choice - 1)], 1
    )
    none = torch.zeros(p, 3, dtype=torch.float64)
    return RuleContext(
        weights, mask, mask, weights[:, None], act, act, none, none, torch.tensor(reward)[:, None], nodes,
        torch.stack([act], 2), torch.zeros(p, 2, 3, 3, dtype=torch.float64),
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_life_under_the_rule_is_the_inferred_trajectory(kind, tmp_path):
    network, params = random_rule(kind, tmp_path / "r.safetensors")
    trials = simulate("reinforce", 5, 30).trials
    expected = trajectory(network, params, trials)
    rule = InferredRule(2, 1, 1, path=tmp_path / "r.safetensors")
    state = rule.init_state(5, 3, torch.float64)
    weights = torch.zeros(5, 3, 3, dtype=torch.float64)
    weights[:, 2, :2] = torch.tensor(trials.initial)
    for t in range(30):
        np.testing.assert_allclose(weights[:, 2, :2].numpy(), expected[:, t], atol=1e-12)
        context = contexts(weights, trials.stimulus[:, t], trials.choice[:, t], trials.reward[:, t])
        _, weights, _, state = apply_rule(rule, torch.zeros(5, 0), state, context)
    assert np.abs(expected[:, -1] - expected[:, 0]).max() > 0.05


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_the_rule_keeps_the_contract(kind, tmp_path):
    path = None
    if kind is not None:
        path = tmp_path / "r.safetensors"
        random_rule(kind, path)
    assert [f.message for f in check_rule(InferredRule(path=path))] == []
    assert RULES.get("inferred") is InferredRule


def test_files_keep_every_bit_and_a_folder_stands_for_its_rule(tmp_path):
    network, params = random_rule("gru", tmp_path / "rule.safetensors")
    saved = load_rule(tmp_path)
    assert saved.network == network
    assert saved.facts == {"data": "none"}
    np.testing.assert_array_equal(saved.params, params)


def test_damaged_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(OntogymError, match="There is no file"):
        InferredRule(path=tmp_path / "no.safetensors")
    network = UpdateNetwork("dnn", 3)
    save_rule(tmp_path / "short", network, network.initialise(0)[:-1], {})
    with pytest.raises(OntogymError, match="damaged"):
        InferredRule(path=tmp_path / "short")
    save_rule(tmp_path / "nan", network, network.initialise(0) * np.nan, {})
    with pytest.raises(OntogymError, match="damaged"):
        InferredRule(path=tmp_path / "nan")
    checkpoint.save(tmp_path / "other", "agent", {"params": np.zeros(3)}, {})
    with pytest.raises(OntogymError, match="not 'inferred-rule'"):
        InferredRule(path=tmp_path / "other")
    with pytest.raises(OntogymError, match="node features"):
        InferredRule(node_features=1)


@pytest.fixture(scope="module")
def inferred(tmp_path_factory):
    """A rule inferred from animals that learn by REINFORCE."""
    config = FitConfig(hidden=8, epochs=12, batch=10, learning_rate=5e-3)
    trials, state = simulate("reinforce", 80, 250, seed=7).trials, FitState.begin(config)
    for _ in epochs(trials, trials.valid.astype(float), config, state):
        pass
    path = tmp_path_factory.mktemp("rule") / "rule.safetensors"
    save_rule(path, config.network, state.params, {})
    return path


def test_an_agent_with_the_inferred_rule_learns_the_task(inferred):
    from ontogym.baselines.lives.life import LifeSpec, make_agent, reevaluate

    env = "ontogym/DeNovoChoice-v0"
    spec = LifeSpec(env, episodes=1)

    def life(**options):
        agent = make_agent("logistic", env, None, options)
        return reevaluate(agent, np.zeros(agent.genome_size), spec, 40, 0, "learning")

    learned, untrained = life(rule_path=str(inferred)), life()
    assert untrained["ci95"][1] < 265  # of 500: chance is 250
    assert learned["ci95"][0] > 320
    assert learned["diagnostics"]["stimulus_weight"] > 1.0
