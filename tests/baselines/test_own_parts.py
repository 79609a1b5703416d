"""What somebody's own agent, extractor or evaluator does wrong is said in a sentence that names it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gymnasium.spaces import Box

from ontogym.agents.base import develops
from ontogym.agents.networks import MLP
from ontogym.baselines.evolution.config import EvolutionConfig
from ontogym.baselines.evolution.evaluators import Evaluator
from ontogym.baselines.evolution.run import evolve
from ontogym.baselines.lives.life import LifeSpec, live, make_agent
from ontogym.cli import main
from ontogym.developmental.feature_extractors.base import FeatureExtractor, extracted, make_extractor
from ontogym.errors import OntogymError
from ontogym.processes import Here
from ontogym.seeding import lane_seeds
from ontogym.testing import check_agent
from tests.baselines.toy import Linear, brief

ENV = "ontogym/CartPole-v1"


class Forgetful(Linear):
    """Takes an option and does not say so."""

    @property
    def config(self):
        return {"noise": self.noise}


class OneColumn(Linear):
    def step(self, state, observation, feedback, active=None):
        motor, state = super().step(state, observation, feedback, active)
        return motor[:, :1], state


class Greedy(Linear):
    """Writes into what it is shown."""

    def step(self, state, observation, feedback, active=None):
        motor, state = super().step(state, observation, feedback, active)
        observation[:] = 7
        feedback.reward[:] = 7
        return motor, state


def test_an_option_that_a_config_forgets_is_warned_of():
    with pytest.warns(UserWarning, match="Forgetful is given scale, which its config does not name"):
        make_agent("tests.baselines.test_own_parts:Forgetful", ENV, options={"scale": -1.0, "noise": 0.5})


def test_motor_output_of_another_shape_is_named():
    agent = make_agent("tests.baselines.test_own_parts:OneColumn", ENV)
    with pytest.raises(OntogymError, match=r"OneColumn gave float32 of shape \(2, 1\); .* shape \(2, 2\)"):
        live(agent, np.zeros((2, agent.genome_size)), LifeSpec(ENV, episodes=1), lane_seeds(0, 1))


def test_an_agent_that_writes_into_what_it_is_given_is_found():
    agent = make_agent("tests.baselines.test_own_parts:Greedy", ENV)
    found = [finding.message for finding in check_agent(agent)]
    assert any("writes into observations, the reward that it is given" in message for message in found)
    assert not any(
        "writes into" in finding.message
        for finding in check_agent(Linear(agent.observation_space, agent.action_space))
    )


class Growing(MLP):
    """Of a kind that does not develop, but does."""

    def develop(self, state, activity):
        return state._replace(weights=state.weights + 1)


def test_development_of_an_agent_that_does_not_develop_is_refused_where_it_is_asked_for(tmp_path, capsys):
    agent = make_agent("gru", ENV)
    assert not develops(agent)
    assert develops(Growing(agent.observation_space, agent.action_space))
    assert develops(make_agent("lndp", ENV))
    # A suite's tasks ask it of every agent.
    spec = LifeSpec(ENV, episodes=1, development="white-noise", development_steps=5)
    genome = np.zeros((1, agent.genome_size))
    plain = live(agent, genome, LifeSpec(ENV, episodes=1), lane_seeds(0, 2))
    np.testing.assert_array_equal(live(agent, genome, spec, lane_seeds(0, 2)).returns, plain.returns)
    evolve(brief(ENV, agent="gru", out=str(tmp_path / "run")), progress=False)
    assert (
        main(["evaluate", str(tmp_path / "run"), "--development", "white-noise", "--development-steps", "5"])
        == 2
    )
    assert (
        "gru has no developmental phase, so that --development white-noise would change nothing"
        in capsys.readouterr().err
    )


def test_motor_output_in_other_coats_is_taken():
    """Lists, and one number a member for one motor."""
    for coat in ("tests.baselines.test_own_parts:Listed", "tests.baselines.test_own_parts:Flat"):
        agent = make_agent(coat, "ontogym/Pendulum-v1")
        assert np.isfinite(
            live(
                agent,
                np.zeros((2, agent.genome_size)),
                LifeSpec("ontogym/Pendulum-v1", episodes=1),
                lane_seeds(0, 1),
            ).returns
        ).all()


class Listed(Linear):
    def step(self, state, observation, feedback, active=None):
        motor, state = super().step(state, observation, feedback, active)
        return motor.tolist(), state


class Flat(Linear):
    def step(self, state, observation, feedback, active=None):
        motor, state = super().step(state, observation, feedback, active)
        return motor[:, 0], state


class Extractor(FeatureExtractor):
    name = "mine"

    def __init__(self, observation_space, what: str = "good") -> None:
        super().__init__(observation_space)
        self.what = what
        if what != "spaceless":
            self.space = Box(-np.inf, np.inf, (2,), np.float32)

    def extract(self, observations):
        if self.what == "raises":
            raise KeyError("nope")
        seen = np.asarray(observations, np.float32)[:, :2]
        return {"wide": np.repeat(seen, 2, 1), "nan": seen * np.nan}.get(self.what, seen)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("wide", r"extractor Extractor gave shape \(3, 4\)"),
        ("nan", "extractor Extractor gave numbers that are not finite for observations that are"),
        ("raises", r"extractor Extractor failed \(KeyError: 'nope'; test_own_parts.py, line"),
    ],
)
def test_a_feature_extractor_that_errs_is_named(what, sentence):
    with pytest.raises(OntogymError, match=sentence):
        extracted(Extractor(Box(-1, 1, (4,)), what), np.zeros((3, 4)), 3)
    agent = EvolutionConfig(
        ENV, {"features": {"name": "tests.baselines.test_own_parts:Extractor", "what": what}}
    )
    with pytest.raises(OntogymError, match="feature extractor Extractor"):
        evolve(agent, progress=False)


def test_a_feature_extractor_without_a_space_is_named():
    with pytest.raises(
        OntogymError, match=r"Extractor' has the space None; let its constructor set self\.space"
    ):
        make_extractor(
            {"name": "tests.baselines.test_own_parts:Extractor", "what": "spaceless"}, Box(-1, 1, (4,))
        )


def test_an_environments_numbers_that_are_not_finite_stay_its_own():
    seen = np.zeros((3, 4))
    seen[1, 0] = np.nan
    assert np.isnan(extracted(Extractor(Box(-1, 1, (4,))), seen, 3)[1, 0])


class Workers(Here):
    """Errs as it is told."""

    whole = False
    how = ""

    def results(self, work, tasks):
        pairs = list(super().results(work, tasks))
        return {
            "lists": [list(pair) for pair in pairs],
            "table": dict(pairs),
            "none": None,
            "loses": pairs[:-1],
            "bare": [result for _, result in pairs],
            "far": [(99, pairs[0][1])],
        }[self.how]


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("none", "gave no result for task 0"),
        ("loses", "gave no result for task"),
        ("bare", "pairs of a task's index"),
        ("far", "pairs of a task's index"),
    ],
)
def test_an_evaluator_that_errs_is_named(how, sentence):
    workers = Workers()
    workers.how = how
    with (
        Evaluator("tests.baselines.toy:Linear", workers=workers) as evaluator,
        pytest.raises(OntogymError, match=f"The evaluator Workers.*{sentence}"),
    ):
        evaluator.evaluate(np.zeros((8, 8)), LifeSpec(ENV, episodes=1), lane_seeds(0, 8))


@pytest.mark.parametrize("how", ["lists", "table"])
def test_an_evaluator_may_give_lists_or_a_table(how):
    workers = Workers()
    workers.how = how
    with Evaluator("tests.baselines.toy:Linear", workers=workers) as evaluator:
        assert evaluator.evaluate(
            np.zeros((8, 8)), LifeSpec(ENV, episodes=1), lane_seeds(0, 8)
        ).returns.shape == (8, 8, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1.5},
        {"seed": -1},
        {"population": 2.5},
        {"sigma": "x"},
        {"conditions": 5},
        {"env_kwargs": None},
        {"generations": True},
        {"agent": Linear},
    ],
)
def test_a_configuration_of_other_kinds_is_one_sentence(change):
    name = next(iter(change))
    with pytest.raises(OntogymError, match=f"^{name} is "):
        EvolutionConfig(ENV, **change)


def test_numpys_numbers_become_pythons():
    config = EvolutionConfig(
        ENV, {"dt": np.float32(0.5)}, seed=np.int64(3), episode_weights=[1, np.float64(2)]
    )  # type: ignore[arg-type]
    assert (type(config.seed), config.env_kwargs, config.episode_weights) == (int, {"dt": 0.5}, (1, 2.0))
    assert config.as_json()["seed"] == 3
    assert EvolutionConfig(ENV, silenced={"reward"}, episode_weights=range(1, 3)).episode_weights == (1, 2)  # type: ignore[arg-type]


def test_a_run_whose_target_is_a_whole_number_goes_on(tmp_path):
    """Files hold 475, and must not be compared with 475.0."""
    config = brief(ENV, agent="mlp", target=475, checkpoint_every=1, out=str(tmp_path / "run"))
    assert type(config.target) is int
    evolve(config, progress=False)
    evolve(replace(config, generations=2), resume=True, progress=False)
