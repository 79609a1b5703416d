"""MAP-Elites on an archive of pyribs: what is kept, what comes of it, the same bits after a stop."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from ontogym import checkpoint
from ontogym.baselines.evolution.map_elites import MAPElites
from ontogym.baselines.evolution.run import EvolutionConfig, evolve
from ontogym.errors import OntogymError

pytest.importorskip("ribs")
OPTIONS = {"measures": "a,b", "bins": 8, "low": -1.0, "high": 1.0}


def told(strategy, generations):
    """Utility falls with the distance from (.5, ..., .5); the first two numbers of a genome are its measures."""
    for _ in range(generations):
        x = strategy.ask()
        strategy.tell(-((x - 0.5) ** 2).sum(1), x[:, :2])
    return strategy


def test_every_cell_keeps_its_best_and_the_mean_is_the_best_of_all():
    strategy = told(MAPElites(np.zeros(4), 32, seed=1, **OPTIONS), 40)
    kept = strategy.state.elites
    np.testing.assert_allclose(kept["objective"], -((kept["solution"] - 0.5) ** 2).sum(1))
    cells = np.clip(((kept["measures"] + 1) / 2 * 8).astype(int), 0, 7)
    assert len(np.unique(cells, axis=0)) == len(cells) > 40  # of 64
    np.testing.assert_array_equal(strategy.mean, kept["solution"][kept["objective"].argmax()])
    assert kept["objective"].max() > -0.05


def test_a_stopped_search_goes_on_bit_for_bit():
    whole, half = (MAPElites(np.zeros(3), 16, seed=2, **OPTIONS) for _ in range(2))
    told(whole, 12)
    again = MAPElites(np.zeros(3), 16, seed=2, **OPTIONS)
    again.load_state_dict(*told(half, 7).state_dict())
    np.testing.assert_array_equal(told(again, 5).ask(), whole.ask())
    np.testing.assert_array_equal(again.state.elites["solution"], whole.state.elites["solution"])


def test_who_failed_is_not_kept():
    strategy = MAPElites(np.zeros(3), 4, seed=0, **OPTIONS)
    x = strategy.ask()
    measures = x[:, :2].copy()
    measures[1] = np.nan
    strategy.tell(np.array([np.nan, 5.0, 1.0, 0.0]), measures)
    assert strategy.state.elites["objective"].max() == 1.0
    np.testing.assert_array_equal(strategy.mean, x[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bins": 0}, "makes no grid"),
        ({"bins": [10**4, 10**4]}, "makes no grid"),
        ({"low": 2.0}, "below high"),
        ({"high": float("nan")}, "below high"),
        ({"bins": [2, 2, 2]}, "3 numbers for 2 measures"),
        ({"line": -1.0}, "0 or more"),
    ],
)
def test_what_cannot_be_is_one_sentence(options, message):
    with pytest.raises(OntogymError, match=message):
        MAPElites(np.zeros(3), 4, **{**OPTIONS, **options})


def test_measures_must_be_told():
    with pytest.raises(OntogymError, match="needs a, b of each of its 4 members"):
        MAPElites(np.zeros(3), 4, **OPTIONS).tell(np.zeros(4))


def test_without_pyribs_one_sentence_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **more):
        if name.startswith("ribs"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(OntogymError, match=r"pip install 'ontogym\[ribs\]'"):
        MAPElites(np.zeros(3), 4)


def test_an_evolution_by_the_density_of_wiring_resumes_and_names_what_is_unknown(tmp_path):
    def config(generations, **more):
        return EvolutionConfig(
            env="ontogym/CartPole-v1", agent="lndp", agent_options={"io_identity": True, "nodes": 12}, population=6,
            lives=1, episodes=1, max_steps=20, generations=generations, eval_lives=2, final_lives=2, strategy="map-elites",
            strategy_options={"measures": ["density", "length"], "bins": [5, 5], "high": [1, 20]}, out=str(tmp_path / "r"),
            **more,
        )  # fmt: skip

    evolve(config(2), progress=False)
    found = evolve(config(4), progress=False, resume=True)
    assert found.generations == 4
    arrays, _ = checkpoint.load(tmp_path / "r" / "checkpoint.safetensors", "evolution")
    kept = arrays["strategy.elites.measures"]
    assert kept.shape[1] == 2
    assert (kept[:, 0] <= 1).all()
    assert kept[:, 1].max() > 5
    wrong = {"measures": ["densitty"]}
    with pytest.raises(OntogymError, match="did you mean 'density'"):
        evolve(
            EvolutionConfig(env="ontogym/CartPole-v1", agent="lndp", agent_options={"nodes": 12}, population=4, lives=1,
                            max_steps=5, generations=1, strategy="map-elites", strategy_options=wrong, out=None),
            progress=False,
        )  # fmt: skip
