"""Sources of spontaneous activity: the Ornstein-Uhlenbeck statistics against theory, rows on their own."""

from __future__ import annotations

import numpy as np
import pytest

from ontogym.developmental.spontaneous import (
    OrnsteinUhlenbeck,
    Silence,
    SpontaneousActivity,
    WhiteNoise,
    make_source,
)
from ontogym.errors import OntogymError
from ontogym.registry import SPONTANEOUS
from ontogym.seeding import lane_seeds

SOURCES = list(SPONTANEOUS)


@pytest.mark.parametrize("name", SOURCES)
def test_contract(name):
    """Shape, dtype, determinism; row alone = row in company; a longer stretch begins with the shorter one."""
    source = SPONTANEOUS.get(name)()
    assert isinstance(source, SpontaneousActivity)
    assert source.name == name
    seeds, rng = lane_seeds(1, 4), np.random.default_rng(0)
    params = source.initial_params(3) + rng.normal(size=(4, source.n_params(3)))
    x = source.sample(20, seeds, 3, params)
    assert x.shape == (20, 4, 3)
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    assert np.array_equal(x, source.sample(20, seeds, 3, params))
    for k in range(4):
        assert np.array_equal(x[:, k : k + 1], source.sample(20, seeds[k : k + 1], 3, params[k : k + 1]))
    assert np.array_equal(x[:, ::-1], source.sample(20, seeds[::-1], 3, params[::-1]))
    assert np.array_equal(x[:7], source.sample(7, seeds, 3, params))
    assert source.sample(0, seeds, 3).shape == (0, 4, 3)
    if name != "silence":
        assert not np.array_equal(x[:, 0], x[:, 1])


@pytest.mark.parametrize("name", SOURCES)
def test_no_parameters_are_the_initial_ones(name):
    source, seeds = SPONTANEOUS.get(name)(), lane_seeds(2, 3)
    start = np.tile(source.initial_params(2), (3, 1))
    assert np.array_equal(source.sample(9, seeds, 2), source.sample(9, seeds, 2, start))


@pytest.mark.parametrize("options", [{"sd": 2.0}, ["sd=2.0"], ("sd=2.0",)], ids=["dict", "list", "tuple"])
@pytest.mark.parametrize("source", ["white-noise", WhiteNoise])
def test_sources_are_made_by_name_with_options(source, options):
    made = make_source(source, options)
    assert isinstance(made, WhiteNoise)
    assert made.sd == 2.0
    assert make_source(source).sd == 1.0


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("white-nose", (), "did you mean 'white-noise'"),
        ("white-noise", {"sdd": 1.0}, "option of the source 'white-noise': 'sdd'; did you mean 'sd'"),
        ("white-noise", ["sd"], "KEY=VALUE"),
        ("white-noise", {"sd": "loud"}, "cannot be built with"),
        ("white-noise", {"sd": -1}, "finite number >= 0"),
        ("silence", {"sd": 1}, "Unknown option"),
    ],
)
def test_sources_refuse_unknown_names_and_options(name, options, message):
    with pytest.raises(OntogymError, match=message):
        make_source(name, options)


def genes_for(mu, alpha, dt, mixing):
    """Genes of one individual that give these values: the inverse of the documented transforms."""
    channels = len(mu)
    g_alpha = np.log(np.expm1(np.asarray(alpha) * np.log(2)))
    share = (np.asarray(dt) - 0.01) / 0.99
    g_dt = np.log(share / (1 - share)) + np.log(10)
    lower = (mixing - np.sqrt(0.19) * np.eye(channels))[np.tril_indices(channels)]
    return np.concatenate([mu, g_alpha, g_dt, lower])


def test_transforms_and_their_defaults():
    source = OrnsteinUhlenbeck()
    assert source.n_params(3) == 3 * 3 + 6
    mu, pull, mixing = source.process(np.zeros((1, 15)), 3)
    np.testing.assert_allclose(mu, 0)
    np.testing.assert_allclose(pull, 0.1)
    np.testing.assert_allclose(mixing[0], np.sqrt(0.19) * np.eye(3))
    mixing = np.array([[0.5, 0], [-0.3, 0.2]])
    genes = genes_for([1.0, -2.0], [0.5, 2.0], [0.3, 0.2], mixing)
    got = source.process(genes[None], 2)
    for value, wanted in zip(got, ([[1, -2]], [[0.15, 0.4]], [mixing])):
        np.testing.assert_allclose(value, wanted, atol=1e-12)
    for extreme in (-800.0, 800.0):  # no overflow, and never a diverging walk
        _, pull, _ = source.process(np.full((1, 9), extreme), 2)
        assert np.isfinite(pull).all()
        assert ((pull >= 0) & (pull <= 1)).all()


def test_ornstein_uhlenbeck_reaches_its_stationary_distribution():
    """Mean mu and covariance LL'_ij / (1 - (1 - k_i)(1 - k_j)), from independent lives."""
    mixing = np.array([[0.4, 0.0, 0.0], [0.3, 0.2, 0.0], [-0.2, 0.1, 0.3]])
    mu, alpha, dt = np.array([0.5, -1.0, 0.0]), np.array([1.0, 0.5, 2.0]), np.array([0.2, 0.3, 0.4])
    lives = 20_000
    params = np.tile(genes_for(mu, alpha, dt, mixing), (lives, 1))
    # The slowest channel forgets its start as .85^t: 7e-8 of it is left after 100 steps.
    x = OrnsteinUhlenbeck().sample(100, lane_seeds(3, lives), 3, params)[-1].astype(np.float64)
    keep = 1 - alpha * dt
    covariance = mixing @ mixing.T / (1 - np.outer(keep, keep))
    sd = np.sqrt(np.diag(covariance))
    # Five standard errors: sd / sqrt(n) for a mean, sqrt((C_ii C_jj + C_ij^2) / n) for a covariance.
    assert (np.abs(x.mean(0) - mu) < 5 * sd / np.sqrt(lives)).all()
    error = np.sqrt((np.outer(sd, sd) ** 2 + covariance**2) / lives)
    assert (np.abs(np.cov(x.T) - covariance) < 5 * error).all()
    # The tolerance can tell LL' from its diagonal and from L + L'.
    assert (np.abs(covariance - np.diag(np.diag(covariance))) > 10 * error)[0, 1]


def test_ornstein_uhlenbeck_equation_step_by_step():
    """x <- x + k (mu - x) + L xi: from the noise that two lives of other mu share, the recursion follows."""
    source, seeds = OrnsteinUhlenbeck(), lane_seeds(4, 1)
    genes = [genes_for([m, 0.0], [1.0, 1.0], [0.3, 0.3], np.eye(2)) for m in (0.0, 2.0)]
    a, b = (source.sample(30, seeds, 2, g[None]).astype(np.float64)[:, 0] for g in genes)
    # Both start at their mu and are pulled back to it, so they run in parallel, 2 apart.
    np.testing.assert_allclose(b - a, np.tile([2.0, 0.0], (30, 1)), atol=1e-6)
    first = (a[1:] - 0.7 * a[:-1]).ravel()  # the noise itself: standard normal, white
    assert abs(first.std() - 1) < 5 / np.sqrt(2 * first.size)
    # Lag-one autocorrelation of the walk is 1 - k = .7: from 4000 steps, standard error ~ .011.
    long = source.sample(4000, seeds, 2, genes[0][None]).astype(np.float64)[:, 0, 0]
    assert abs(np.corrcoef(long[1:], long[:-1])[0, 1] - 0.7) < 0.055


def test_white_noise_and_silence():
    seeds = lane_seeds(5, 2)
    x = WhiteNoise(sd=0.5).sample(5000, seeds, 4)
    # 40 000 numbers: five standard errors of the SD are 5 * .5 / sqrt(80 000) = .009.
    assert abs(x.std() - 0.5) < 0.009
    assert abs(x.mean()) < 5 * 0.5 / np.sqrt(40_000)
    assert not Silence().sample(5, seeds, 4).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: OrnsteinUhlenbeck().sample(-1, s, 2), "steps"),
        (lambda s: OrnsteinUhlenbeck().sample(5, s, 0), "channels"),
        (lambda s: OrnsteinUhlenbeck().sample(5, s, 2, np.zeros((3, 4))), r"\(3, 9\), not \(3, 4\)"),
        (lambda s: OrnsteinUhlenbeck().sample(5, s, 2, np.full((3, 9), np.nan)), "finite"),
        (lambda s: WhiteNoise().sample(5, s, 2, np.zeros((3, 1))), "white-noise"),
        (lambda s: WhiteNoise(sd=-1.0), "finite number >= 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(OntogymError, match=message):
        call(lane_seeds(0, 3))


@pytest.mark.parametrize(("gives", "says"), [("flat", r"shape \(5, 3\)"), ("nan", "not finite")])
def test_a_source_that_gives_something_else_is_named(gives, says):
    class Faulty(SpontaneousActivity):
        name = "faulty"

        def _sample(self, steps, seeds, channels, params):
            return (
                np.zeros((steps, channels))
                if gives == "flat"
                else np.full((steps, len(seeds), channels), np.nan)
            )

    with pytest.raises(OntogymError, match=f"'faulty' gave.*{says}"):
        Faulty().sample(5, lane_seeds(0, 2), 3)
