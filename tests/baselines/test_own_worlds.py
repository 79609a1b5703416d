"""An environment of one's own: found as a file, looked over, seen through an extractor, evolved, trained and filmed."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import ontogym
from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.baselines.evolution.config import EvolutionConfig, life_spec
from ontogym.baselines.lives.lanes import Lanes, make_single
from ontogym.baselines.lives.life import LifeSpec, life_seeds, live, make_agent
from ontogym.baselines.preflight import look_over
from ontogym.cli import main
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.registry import import_here

BARS = "bars_of_mine.py:Bars-v0"
SMALL = ["--population", "4", "--generations", "2", "--lives", "1", "--eval-lives", "2", "--final-lives", "2"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a file that registers environments, worked in as a user would."""
    shutil.copy(Path(__file__).with_name("worlds.py"), tmp_path / "bars_of_mine.py")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    sys.modules.pop("bars_of_mine", None)
    for name in ("Bars-v0", "Boundless-v0", "Shaky-v0", "Codes-v0"):
        gymnasium.registry.pop(name, None)


def test_a_file_and_a_module_are_found_from_the_working_directory(here):
    assert make_single(BARS).action_space.n == 2
    assert make_single("bars_of_mine:Bars-v0", {"width": 8}).unwrapped.width == 8
    assert Lanes(BARS, 2).limit == 12
    with pytest.raises(UnknownNameError, match="did you mean 'Bars-v0'"):
        make_single("bars_of_mine.py:Barz-v0")
    with pytest.raises(OntogymError, match=r"no file missing\.py here"):
        make_single("missing.py:X-v0")
    (here / "sub").mkdir()
    shutil.copy(here / "bars_of_mine.py", here / "sub")
    with pytest.raises(ImportError, match="there already"):
        import_here("sub/bars_of_mine.py")


def test_an_unknown_id_is_told_how_ones_own_is_given(here):
    with pytest.raises(UnknownNameError, match=r"module:id or file\.py:id"):
        make_single("Zzyzx-v0")
    with pytest.raises(UnknownNameError) as caught:
        make_single("Zzyzx-v0")
    assert len(str(caught.value)) < 600


def test_pictures_are_evolved_through_an_extractor_and_the_run_keeps_it(here, capsys):
    line = ["evolve", "--env", BARS, "--agent", "mlp", "--out", "run", *SMALL]
    assert main(line) == 2
    assert "--features waves" in capsys.readouterr().err
    assert main([*line, "--features", "waves", "--features-options", "size=6"]) == 0
    kept = json.loads((here / "run" / "config.json").read_text())
    assert kept["env_kwargs"] == {"features": {"name": "waves", "size": 6}}
    saved = load_agent("run")
    assert saved.env_kwargs == kept["env_kwargs"]
    assert saved.build(trusted=True).spaces.n_observations == 6
    assert main([*line, "--resume", "--generations", "3"]) == 0  # as the folder says, without --features
    assert main(["evaluate", "run", "--trust", "--lives", "2"]) == 0
    with pytest.raises(OntogymError, match="would import code"):
        ontogym.load("run")


def test_extractors_give_a_lane_the_same_life_whatever_stands_beside_it(here):
    kwargs = {"features": {"name": "untrained", "size": 4}}
    agent = make_agent("mlp", BARS, kwargs)
    genomes = np.random.default_rng(0).normal(size=(3, agent.genome_size))
    spec = LifeSpec(BARS, kwargs, 2)
    seeds = life_seeds(spec, 2, 1)
    whole = live(agent, genomes, spec, seeds).returns
    alone = np.concatenate([live(agent, genome[None], spec, seeds).returns for genome in genomes])
    np.testing.assert_array_equal(whole, alone)


def test_a_compiled_life_is_not_taken_where_an_extractor_stands(here):
    kwargs = {"features": {"name": "flatten", "scale": 1.0}}
    agent = make_agent("mlp", "ontogym/CartPole-v1", kwargs)
    plain = make_agent("mlp", "ontogym/CartPole-v1")
    genome = np.random.default_rng(2).normal(size=(1, agent.genome_size))
    lives = [
        live(a, genome, LifeSpec("ontogym/CartPole-v1", k, 1), np.arange(3, dtype=np.uint64)).returns
        for a, k in ((agent, kwargs), (plain, {}))
    ]
    np.testing.assert_array_equal(*lives)


def test_policies_are_trained_through_an_extractor_and_filmed(here, capsys):
    hyper = ["--hyper", "n_steps=16", "batch_size=16", "n_epochs=1"]
    line = ["train", "--env", BARS, "--features", "random-projection", "--steps", "128", "--segment", "128"]
    assert main([*line, "--eval-episodes", "2", "--out", "ppo", *hyper]) == 0
    assert "ontogym evaluate ppo --trust" in capsys.readouterr().out  # no board of the package has it
    loaded = ontogym.load("ppo", trusted=True)
    assert loaded.player.built.observation_space.shape == (16,)
    env = loaded.make_env(render_mode="rgb_array")  # gymnasium.make knows neither the file nor the extractor
    observation, _ = env.reset(seed=0)
    assert observation.shape == (16,)
    assert env.step(loaded.predict(observation)[0])[0].shape == (16,)
    assert env.render() is not None
    assert main(["replay", "ppo", "--trust", "--episodes", "1", "--out", "films/ppo.gif"]) == 0
    assert {p.name for p in (here / "films").iterdir()} == {"ppo.gif"}
    assert main(["replay", "ppo", "--trust", "--episodes", "1", "--out", "ppo.png"]) == 0
    assert (here / "ppo.png").stat().st_size > 10_000


def test_agents_without_weights_are_evaluated_and_filmed(here, capsys):
    assert main(["evaluate", "random", "--env", BARS, "--lives", "8", "--json"]) == 0
    assert 3 < json.loads(capsys.readouterr().out)["mean"] < 9
    assert main(["replay", "random", "--env", BARS, "--episodes", "1", "--out", "chance"]) == 0
    assert {p.name for p in (here / "chance").iterdir()} == {"life.gif", "life.png"}
    assert main(["evaluate", "random"]) == 2
    assert "--env" in capsys.readouterr().err


def test_a_preflight_says_who_fits_and_what_to_do(here, capsys):
    found = look_over(BARS)
    assert (found.limit, found.deterministic, found.renders, found.faults) == (12, True, True, [])
    assert found.evolved == []
    assert found.features["waves"] == 16
    assert any("--features waves" in line for line in found.advice)
    seen = look_over(BARS, {"features": "waves"})
    assert "lndp" in seen.evolved
    assert (seen.channels, seen.nodes) == ((16, 2), 32)
    shaky = look_over("bars_of_mine.py:Shaky-v0")
    assert not shaky.deterministic
    assert "np_random" in shaky.faults[-1]
    assert main(["envs", BARS]) == 0
    assert "ontogym evolve --env bars_of_mine.py:Bars-v0 --features waves" in capsys.readouterr().out
    assert main(["envs", "bars_of_mine.py:Shaky-v0"]) == 1
    assert look_over("CartPole-v1").evolved[0] == "lndp"


def test_a_preflight_says_the_scale_of_codes_that_are_far_below_what_is_allowed(here, capsys):
    assert main(["envs", "bars_of_mine.py:Codes-v0"]) == 0
    out = capsys.readouterr().out
    assert "--features random-projection --features-options scale=0.1" in out
    assert main(["envs", "CartPole-v1"]) == 0
    assert "scale=" not in capsys.readouterr().out


def test_a_trusted_run_is_found_from_elsewhere_by_the_folders_above_it(here, tmp_path_factory, monkeypatch):
    assert (
        main(["evolve", "--env", BARS, "--agent", "mlp", "--features", "waves", "--out", "runs/one", *SMALL])
        == 0
    )
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    sys.modules.pop("bars_of_mine")
    gymnasium.registry.pop("Bars-v0")
    with pytest.raises(OntogymError, match="would import code"):
        ontogym.load(here / "runs" / "one")
    assert ontogym.load(here / "runs" / "one", trusted=True).spec.env == f"{here / 'bars_of_mine.py'}:Bars-v0"
    # Another run whose file has the same name is not given this one's world.
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(here / "runs", other / "runs")
    shutil.copy(here / "bars_of_mine.py", other)
    with pytest.raises(OntogymError, match="another name"):
        ontogym.load(other / "runs" / "one", trusted=True)


def test_a_preflight_tells_actions_from_observations_and_keeps_the_arguments(here, capsys):
    assert main(["envs", "bars_of_mine.py:Boundless-v0", "--env-kwargs", "width=2"]) == 0
    said = capsys.readouterr().out
    assert "No evolved agent can act in it: The action box is unbounded" in said
    assert "Next:  ontogym train --env bars_of_mine.py:Boundless-v0 --env-kwargs width=2 --algo" in said
    assert "ontogym evolve" not in said


def test_a_class_in_place_of_an_id_is_told_of_registering():
    with pytest.raises(OntogymError, match="register a class of your own"):
        EvolutionConfig(gymnasium.Env)
    with pytest.raises(OntogymError, match="register a class of your own"):
        look_over(gymnasium.Env)


def test_lives_that_conditions_do_not_divide_are_named():
    config = EvolutionConfig("ontogym/Foraging-v0", conditions=({}, {}, {}), lives=3)
    with pytest.raises(OntogymError, match="eval_lives: 32 lives"):
        life_spec(config)
