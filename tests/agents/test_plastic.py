"""The plastic agent: the contract with every rule, its arithmetic by hand, its wiring, its options."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from ontogym.agents.base import Feedback
from ontogym.agents.plastic import Plastic
from ontogym.baselines.lives.life import make_agent
from ontogym.baselines.lives.recording import record_life
from ontogym.errors import OntogymError
from ontogym.figures.life import life_figure
from ontogym.registry import RULES
from ontogym.seeding import lane_seeds
from ontogym.testing import check_agent

BOX, TWO = Box(-1, 1, (3,)), Discrete(2)
# 'inferred' is a file's rule, not a rule: without one there is nothing to evolve.
SYNAPTIC = [name for name in RULES.builtin if RULES.get(name).kind == "synaptic" and name != "inferred"]
STRUCTURAL = [name for name in RULES.builtin if RULES.get(name).kind == "structural"]


def plastic(**options) -> Plastic:
    return Plastic(BOX, TWO, **{"hidden": 4, **options})


@pytest.mark.parametrize("name", SYNAPTIC)
@pytest.mark.parametrize("topology", ["feedforward", "recurrent"])
@pytest.mark.parametrize("weights", ["evolved", "random"])
def test_contract_with_every_synaptic_rule(name, topology, weights):
    assert check_agent(plastic(synaptic_rule=name, topology=topology, weights=weights)) == []


@pytest.mark.parametrize("name", STRUCTURAL)
@pytest.mark.parametrize("decisions", ["threshold", "stochastic"])
def test_contract_with_every_structural_rule(name, decisions):
    agent = plastic(
        structural_rule=name, decisions=decisions, density=0.5, topology="recurrent", edge_features=2
    )
    assert check_agent(agent) == []


def test_activation_and_change_by_hand():
    """Feedforward, evolved weights and biases, Hebb: two steps against plain NumPy."""
    agent = plastic(synaptic_rule="hebb", dtype="float64")
    rng = np.random.default_rng(0)
    genome = rng.normal(size=agent.genome_size) * 0.5
    cut = agent.layout.slices
    w = np.zeros((9, 9))
    w[agent.layout.allowed > 0] = genome[cut["weights"]]
    bias, eta = genome[cut["bias"]], genome[cut["synaptic"]][0]
    x = rng.normal(size=(2, 3)).astype(np.float32)
    state = agent.birth(genome[None], lane_seeds(0, 1))
    for t in range(2):
        if t:  # the weights learn from what was just active, then the network acts
            w[3:7, :3] += eta * np.outer(h, x[0])  # noqa: F821
            w[7:, 3:7] += eta * np.outer(y, h)  # noqa: F821
            w = np.clip(w, -4, 4)
        h = np.tanh(w[3:7, :3] @ x[t] + bias[:4])
        y = np.tanh(w[7:, 3:7] @ h + bias[4:])
        motor, state = agent.step(state, x[t : t + 1], Feedback.of(np.zeros(1)))
        np.testing.assert_allclose(motor[0], y, rtol=1e-6)
    assert np.array_equal(agent.network(state).mask, agent.layout.allowed > 0)


def test_without_rules_nothing_changes_and_with_one_it_does():
    observations = np.random.default_rng(0).normal(size=(20, 2, 3)).astype(np.float32)

    def weights_after(rule):
        agent = plastic(synaptic_rule=rule)
        genomes = np.full((2, agent.genome_size), 0.3)
        state = agent.birth(genomes, lane_seeds(0, 2))
        before = agent.network(state).weights
        for observation in observations:
            _, state = agent.step(state, observation, Feedback.of(np.ones(2)))
        return before, agent.network(state).weights

    before, after = weights_after("")
    assert np.array_equal(before, after)
    before, after = weights_after("oja")
    assert not np.array_equal(before, after)


@pytest.mark.parametrize(
    ("what", "still"), [("weights", {"weights"}), ("wiring", {"mask"}), ("all", {"weights", "mask"})]
)
def test_what_is_frozen_stays_as_it_is(what, still):
    agent = plastic(
        synaptic_rule="hebb", structural_rule="activity-turnover", topology="recurrent", density=0.5
    )
    observations = np.random.default_rng(0).normal(size=(30, 2, 3)).astype(np.float32)
    genomes = np.random.default_rng(1).normal(size=(2, agent.genome_size))
    state, shown = agent.birth(genomes, lane_seeds(0, 2)), []
    for t, observation in enumerate(observations):
        if t == 10:
            state = agent.freeze(state, what)
            shown.append(agent.network(state))
        active = np.array([True, t % 3 > 0])
        _, state = agent.step(state, observation, Feedback.of(np.ones(2)), active)
    shown.append(agent.network(state))
    (old, new), kept = (each.weights for each in shown), shown[0].mask & shown[1].mask
    same = {
        "weights": bool(
            (kept & (new != 0) & (new != old)).sum() == 0
        ),  # one that went and came again begins at 0
        "mask": np.array_equal(shown[0].mask, shown[1].mask),
    }
    assert {name for name, value in same.items() if value} == still
    with pytest.raises(OntogymError, match="freeze wiring, weights or all"):
        agent.freeze(state, "places")


def test_reward_reaches_the_rule():
    agent = plastic(synaptic_rule="reward-hebb", reward_scale=2.0)
    genomes = agent.initial_genome()[None] + 0.4
    observation = np.ones((1, 3), np.float32)
    found = []
    for reward in (0.0, 1.0):
        state = agent.birth(genomes, lane_seeds(0, 1))
        for _ in range(2):
            _, state = agent.step(state, observation, Feedback.of(np.full(1, reward)))
        found.append(agent.network(state).weights)
    assert not np.allclose(*found)


@pytest.mark.parametrize("name", ["deep-rewiring", "magnitude-regrow"])
def test_lives_keep_their_number_of_edges_and_move_them(name):
    agent = plastic(structural_rule=name, density=0.4, topology="recurrent")
    rng = np.random.default_rng(0)
    genomes = rng.normal(size=(5, agent.genome_size))
    genomes[:, agent.layout.slices["structural"].start] = 0.0  # half a chance, or half the edges
    state = agent.birth(genomes, lane_seeds(0, 5))
    start = [agent.network(state, k).mask for k in range(5)]
    for _ in range(30):
        active = rng.random(5) < 0.8
        _, state = agent.step(
            state, rng.normal(size=(5, 3)).astype(np.float32), Feedback.of(np.zeros(5)), active
        )
    end = [agent.network(state, k) for k in range(5)]
    for before, after in zip(start, end):
        assert after.mask.sum() == before.sum()
        assert not after.weights[~after.mask].any()
    assert any((before != after.mask).any() for before, after in zip(start, end))
    assert not any((after.mask & (agent.layout.allowed == 0)).any() for after in end)


def test_random_weights_are_each_lifes_own_and_only_the_rule_evolves():
    agent = plastic(weights="random", synaptic_rule="hebbian-abcd")
    assert agent.genome_size == RULES.get("hebbian-abcd")().n_params
    state = agent.birth(np.zeros((3, 5)), np.array([1, 2, 1], np.uint64))
    first, second, third = (agent.network(state, k).weights for k in range(3))
    assert np.array_equal(first, third)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("development", ["ornstein-uhlenbeck", "white-noise"])
def test_development_changes_newborns(development):
    agent = plastic(development=development, development_steps=5, weights="random")
    genomes = agent.initial_genome()[None]
    params = agent.development_params(genomes)
    assert (params is None) == ("development" not in agent.layout.slices)
    state = agent.birth(genomes, lane_seeds(0, 1))
    before = agent.network(state).weights
    activity = np.random.default_rng(0).normal(size=(5, 1, 3)).astype(np.float32)
    after = agent.network(agent.develop(state, activity))
    assert not np.array_equal(before, after.weights)
    assert not after.activation.any()


def test_the_config_rebuilds_the_agent():
    agent = plastic(synaptic_rule="stdp", structural_rule="deep-rewiring", density=0.2, weights="random")
    twin = Plastic(BOX, TWO, **agent.config)
    assert twin.config == agent.config
    assert twin.genome_size == agent.genome_size


@pytest.mark.slow
def test_compiled_step_is_the_eager_one():
    genomes = np.random.default_rng(0).normal(size=(9, plastic().genome_size))
    observations = np.random.default_rng(1).normal(size=(4, 9, 3)).astype(np.float32)
    motors = []
    for compiled in (False, True):
        agent = plastic(compiled=compiled)
        state = agent.birth(genomes, lane_seeds(0, 9))
        for observation in observations:
            motor, state = agent.step(state, observation, Feedback.of(np.ones(9)))
        motors.append(motor)
    np.testing.assert_allclose(*motors, atol=1e-4)


def test_a_life_is_recorded_and_drawn(tmp_path):
    agent = make_agent("plastic", "ontogym/CartPole-v1", options={"structural_rule": "deep-rewiring"})
    recording = record_life(agent, agent.initial_genome() + 0.2, "ontogym/CartPole-v1", episodes=1, seed=1)
    assert recording.returns[0] == recording.n_steps > 0
    life_figure(recording).savefig(tmp_path / "life.png")
    assert (tmp_path / "life.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"hiden": 3}, "did you mean 'hidden'"),
        ({"topology": "recurent"}, "did you mean 'recurrent'"),
        ({"synaptic_rule": "oya"}, "did you mean 'oja'"),
        ({"synaptic_rule": "deep-rewiring"}, "is a structural rule; choose a synaptic one"),
        ({"structural_rule": "oja"}, "is a synaptic rule; choose a structural one"),
        ({"weights": "random", "synaptic_rule": ""}, "nothing is left to evolve"),
        ({"density": 1.5}, "choose 0 to 1"),
        ({"hidden": 0}, "choose 1 to 1024"),
        ({"rnn_iters": 1}, "at least 2"),
        ({"development_steps": 3}, "needs a source"),
        ({"dtype": "float16"}, "float16"),
        ({"device": "tpu9"}, "use device='cpu'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_options_are_one_sentence(options, sentence):
    with pytest.raises(OntogymError) as caught:
        plastic(**options)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["e-prop", "mdgl", "mdgl-types", "modprop", "modprop-types"])
def test_rules_that_change_nothing_here_say_so(name):
    with pytest.warns(UserWarning, match="changes nothing here: it needs"):
        make_agent("plastic", "ontogym/CartPole-v1", options={"synaptic_rule": name})


def test_a_rule_of_an_unknown_scope_is_refused(monkeypatch):
    monkeypatch.setattr(RULES.get("oja"), "scope", "lokal")
    with pytest.raises(
        OntogymError, match=r"unknown scope 'lokal'; let it declare one of local, global-reward"
    ):
        plastic(synaptic_rule="oja")
