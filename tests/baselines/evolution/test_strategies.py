"""Every strategy learns, survives NaN, and continues bit for bit from its state."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from ontogym.baselines.evolution.cma import FullCMA
from ontogym.baselines.evolution.optimisers import Adam, centred_ranks, standardised
from ontogym.baselines.evolution.strategies import IsotropicCSA
from ontogym.errors import OntogymError
from ontogym.registry import STRATEGIES

NAMES = ["csa", "cma-diagonal", "cma-full", "openai-es"]


def sphere(x):
    return -((x - 1.0) ** 2).sum(1)


def run(strategy, generations, f=sphere):
    for _ in range(generations):
        strategy.tell(f(strategy.ask()))
    return strategy


def test_the_registry_holds_exactly_these():
    assert [n for n in STRATEGIES if STRATEGIES.entries()[n].origin == "ontogym"] == sorted(
        [*NAMES, "map-elites"]
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("population", [16, 17])
def test_minimises_a_sphere(name, population):
    strategy = STRATEGIES.get(name)(np.full(10, -2.0), population=population, seed=1)
    before = sphere(strategy.mean[None])[0]
    assert before == -90
    run(strategy, 200)
    assert sphere(strategy.mean[None])[0] > -0.05
    assert strategy.ask().shape == (population, 10)
    assert strategy.generation == 200


@pytest.mark.parametrize("name", NAMES)
def test_state_continues_bit_for_bit_and_leaves_global_randomness_alone(name):
    make = STRATEGIES.get(name)
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.RandomState(3).rand()
    whole = run(make(np.zeros(6), population=8, seed=4), 10)
    half = run(make(np.zeros(6), population=8, seed=4), 4)
    half.tell(np.full(8, np.nan))
    arrays, meta = half.state_dict()
    again = make(np.zeros(6), population=8, seed=4)
    again.load_state_dict({k: v.copy() for k, v in arrays.items()}, dict(meta))
    run(half, 6), run(again, 6)
    for a, b in ((half.mean, again.mean), (half.ask(), again.ask())):
        np.testing.assert_array_equal(a, b)
    assert half.sigma == again.sigma
    assert half.generation == again.generation == 11
    assert not np.array_equal(whole.mean, half.mean)
    assert np.random.rand() == expected  # noqa: NPY002


@pytest.mark.parametrize("name", NAMES)
def test_nan_is_the_worst_and_all_nan_changes_nothing(name):
    make = STRATEGIES.get(name)
    poisoned, explicit = (make(np.zeros(5), population=12, seed=0) for _ in range(2))
    for _ in range(5):
        x = poisoned.ask()
        np.testing.assert_array_equal(x, explicit.ask())
        good = sphere(x)
        worst = np.argsort(good)[:3]
        bad = good.copy()
        bad[worst] = [np.nan, np.inf, -np.inf]
        # Infinite or missing is as bad as the worst that is finite.
        good[worst] = np.delete(good, worst).min()
        poisoned.tell(bad)
        explicit.tell(good)
    np.testing.assert_array_equal(poisoned.mean, explicit.mean)
    mean, sigma = poisoned.mean, poisoned.sigma
    before = poisoned.ask()
    poisoned.tell(np.full(12, np.nan))
    np.testing.assert_array_equal(poisoned.mean, mean)
    assert (poisoned.sigma, poisoned.generation) == (sigma, 6)
    assert not np.array_equal(poisoned.ask(), before)  # and the next generation is a new draw


@pytest.mark.parametrize("name", NAMES)
def test_asking_twice_gives_the_same_and_the_seed_matters(name):
    make = STRATEGIES.get(name)
    strategy = make(np.zeros(5), population=6, seed=0)
    np.testing.assert_array_equal(strategy.ask(), strategy.ask())
    assert not np.array_equal(strategy.ask(), make(np.zeros(5), population=6, seed=1).ask())
    with pytest.raises(OntogymError, match="population of 6"):
        strategy.tell(np.zeros(5))


@pytest.mark.parametrize("name", NAMES)
def test_bad_arguments(name):
    make = STRATEGIES.get(name)
    with pytest.raises(OntogymError, match="at least 2"):
        make(np.zeros(3), population=1, seed=0)
    with pytest.raises(OntogymError, match="sigma"):
        make(np.zeros(3), population=4, seed=0, sigma=0.0)
    other = STRATEGIES.get(NAMES[NAMES.index(name) - 1])(np.zeros(3), population=4, seed=0)
    with pytest.raises(OntogymError, match="resume with the strategy"):
        make(np.zeros(3), population=4, seed=0).load_state_dict(*other.state_dict())
    with pytest.raises(OntogymError, match="resume with the strategy"):
        make(np.zeros(3), population=4, seed=0).load_state_dict(
            *make(np.zeros(4), population=4, seed=0).state_dict()
        )


@pytest.mark.parametrize("name", ["cma-diagonal", "cma-full"])
@pytest.mark.parametrize("restarts", [0, 3])
def test_pycmas_own_state_is_kept_and_put_back_bit_for_bit(name, restarts):
    """A long search saved after every 7th generation; through files, as JSON and arrays, without a replay."""

    def rough(x):
        return -np.round(np.abs(x), 1).sum(1)

    make = STRATEGIES.get(name)
    whole = make(np.full(24, 3.0), population=9, seed=2, sigma=0.5, restarts=restarts)
    part = make(np.full(24, 3.0), population=9, seed=2, sigma=0.5, restarts=restarts)
    for generation in range(400):
        if generation % 7 == 3:
            arrays, meta = part.state_dict()
            assert "history" not in arrays
            part = make(np.full(24, 3.0), population=9, seed=2, sigma=0.5, restarts=restarts)
            part.load_state_dict(arrays, json.loads(json.dumps(meta, allow_nan=False)))
        x = whole.ask()
        np.testing.assert_array_equal(part.ask(), x)
        useful = rough(x) if generation % 20 else np.full(9, np.nan)
        whole.tell(useful), part.tell(useful)
        assert whole.sigma == part.sigma
        assert whole.state.restarts == part.state.restarts
    assert bool(whole.state.restarts) == bool(restarts)
    if name == "cma-full":
        np.testing.assert_array_equal(whole._cma.sm.C, part._cma.sm.C)


@pytest.mark.parametrize("name", ["cma-diagonal", "cma-full"])
def test_a_state_of_the_first_form_is_replayed_and_another_seed_noticed(name):
    make, told = STRATEGIES.get(name), []

    def kept(x):
        told.append(sphere(x))
        return told[-1]

    before = run(make(np.zeros(4), population=8, seed=1), 5, kept)
    meta = {"type": type(before).__name__, "generation": 5, "sigma": before.sigma}
    old = {"mean": before.mean, "history": np.array(told)}
    again = make(np.zeros(4), population=8, seed=1)
    again.load_state_dict(old, meta)
    np.testing.assert_array_equal(run(again, 3).mean, run(before, 3).mean)
    assert again.generation == 8
    with pytest.raises(OntogymError, match="another mean"):
        make(np.zeros(4), population=8, seed=2).load_state_dict(old, meta)


def test_states_of_the_first_form_are_those_of_today():
    """Names and shapes in checkpoints of csa and openai-es that were written before states were records."""
    size = np.zeros(3)
    csa, es = (STRATEGIES.get(name)(size, population=4, seed=0) for name in ("csa", "openai-es"))
    first, second = csa.state_dict(), es.state_dict()
    assert set(first[0]) == {"mean", "path"}
    assert set(first[1]) == {"type", "generation", "sigma"}
    assert set(second[0]) == {"mean", "moment1", "moment2"}
    assert set(second[1]) == {"type", "generation", "sigma", "updates"}


@pytest.mark.parametrize(
    "options", [{"optimiser": "momentum"}, {"shaping": "standardised"}, {"optimiser": Adam(0.1)}]
)
def test_optimiser_and_shaping_are_given_to_the_strategy(options):
    make = STRATEGIES.get("openai-es")
    strategy = run(make(np.full(10, -2.0), population=16, seed=1, **options), 300)
    assert sphere(strategy.mean[None])[0] > -2
    again = make(np.full(10, -2.0), population=16, seed=1, **options)
    again.load_state_dict(*strategy.state_dict())
    np.testing.assert_array_equal(run(again, 3).mean, run(strategy, 3).mean)
    plain = run(make(np.full(10, -2.0), population=16, seed=1), 303)
    assert not np.array_equal(plain.mean, strategy.mean)


def test_options_that_are_not_there():
    make = STRATEGIES.get("openai-es")
    with pytest.raises(OntogymError, match="did you mean 'adam'"):
        make(np.zeros(3), optimiser="adm")
    with pytest.raises(OntogymError, match="Unknown shaping"):
        make(np.zeros(3), shaping="ranked?")
    with pytest.raises(OntogymError, match="restarts cannot be"):
        FullCMA(np.zeros(3), restarts=-1)
    damaged = run(FullCMA(np.zeros(4), population=8, seed=1), 2).state_dict()
    arrays = {key: value for key, value in damaged[0].items() if "countiter" not in key}
    with pytest.raises(OntogymError, match="version of pycma"):
        FullCMA(np.zeros(4), population=8, seed=1).load_state_dict(arrays, damaged[1])


def test_standardised_utilities():
    np.testing.assert_allclose(standardised(np.array([1.0, 3.0])), [-1, 1])
    np.testing.assert_array_equal(standardised(np.full(3, 7.0)), 0)


def test_csa_step_size_grows_on_a_slope_and_stays_without_information():
    slope = run(IsotropicCSA(np.zeros(20), population=16, seed=0), 60, lambda x: x.sum(1))
    assert slope.sigma > 10
    rng = np.random.default_rng(0)
    flat = run(IsotropicCSA(np.zeros(20), population=16, seed=0), 200, lambda x: rng.normal(size=len(x)))
    assert 0.2 < flat.sigma < 5


def test_csa_weights_and_constants():
    strategy = IsotropicCSA(np.zeros(100), population=10, seed=0)
    raw = np.log(5.5) - np.log(np.arange(1, 6))
    np.testing.assert_allclose(strategy.weights, raw / raw.sum())
    assert strategy.mu_eff == pytest.approx(3.1672, abs=1e-3)
    assert strategy.c_sigma == pytest.approx((strategy.mu_eff + 2) / (105 + strategy.mu_eff))


def test_centred_ranks_share_ties():
    np.testing.assert_allclose(centred_ranks(np.array([3.0, 1.0, 3.0, 7.0])), [0, -0.5, 0, 0.5])


def test_full_covariance_warns_when_large():
    with pytest.warns(UserWarning, match="cma-diagonal"):
        FullCMA(np.zeros(1001), population=4, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        STRATEGIES.get("cma-diagonal")(np.zeros(1001), population=4, seed=0)
