"""A whole run: it learns, reports honestly, survives kills bit for bit, and never overwrites."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ontogym import checkpoint
from ontogym.baselines.evolution import search
from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.baselines.evolution.config import EvolutionConfig, cost_risen, life_spec, utilities
from ontogym.baselines.evolution.run import evolve
from ontogym.baselines.lives.life import LifeResult, LifeSpec, life_seeds, live
from ontogym.errors import OntogymError
from tests.baselines.toy import GOAL

TOY = "tests.baselines.toy:Linear"
ROOT = Path(__file__).parents[3]
BRIEF = EvolutionConfig(
    env=GOAL,
    env_kwargs={"bonus": 1.0},
    conditions=({"goal": 0}, {"goal": 1}),
    agent=TOY,
    agent_options={"noise": 0.3},
    population=6,
    generations=9,
    eval_every=2,
    eval_lives=4,
    final_lives=8,
    checkpoint_every=2,
    seed=3,
)


def at(tmp_path, name="run", **changes):
    return dataclasses.replace(BRIEF, out=str(tmp_path / name), **changes)


def rows(config):
    with open(Path(config.out) / "progress.csv") as file:
        return [
            {k: v for k, v in r.items() if k not in ("wall_seconds", "cpu_seconds")}
            for r in csv.DictReader(file)
        ]


def assert_same_run(result, reference, config, reference_config):
    np.testing.assert_array_equal(result.genome, reference.genome)
    for name in ("score", "control", "generation", "generations", "env_steps", "solved"):
        assert getattr(result, name) == getattr(reference, name)
    assert rows(config) == rows(reference_config)
    a, b = (
        checkpoint.load(Path(c.out) / "checkpoint.safetensors", "evolution")[0]
        for c in (config, reference_config)
    )
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key])


@pytest.mark.parametrize("strategy", ["csa", "cma-diagonal", "cma-full", "openai-es"])
def test_learns_cartpole(strategy):
    config = EvolutionConfig(
        env="CartPole-v1",
        agent=TOY,
        strategy=strategy,
        population=16,
        generations=30,
        episodes=1,
        target=400,
        eval_every=3,
        eval_lives=8,
        final_lives=16,
    )
    result = evolve(config, progress=False)
    assert result.solved
    assert result.score["mean"] >= 350  # fresh lives: a little below the target is chance
    assert result.generations == result.generation < 30
    assert result.control is not None
    assert result.control["mean"] == result.score["mean"]  # this agent does not look at the reward


def test_the_folder_tells_the_whole_story(tmp_path, capsys):
    config = at(tmp_path, tensorboard=True)
    result = evolve(config)
    folder = Path(config.out)
    table = rows(config)
    assert [int(r["generation"]) for r in table] == list(range(1, 10))
    assert [bool(r["score"]) for r in table] == [False, True] * 4 + [True]
    assert int(table[-1]["env_steps"]) == result.env_steps
    told = json.loads((folder / "result.json").read_text())
    assert told["score"]["mean"] == result.score["mean"]
    assert told["score"]["lives"] == 8
    assert json.loads((folder / "config.json").read_text())["agent"] == TOY
    assert any((folder / "tensorboard").iterdir())
    assert "score=" in capsys.readouterr().err

    saved = load_agent(folder)
    np.testing.assert_array_equal(saved.genome, result.genome)
    spec = life_spec(config)
    again = live(saved.build(trusted=True), saved.genome, spec, life_seeds(spec, 8, config.seed, "report"))
    assert again.returns.mean() == pytest.approx(result.score["mean"], rel=1e-12)
    assert not [p for p in folder.iterdir() if p.suffix == ".part"]


def test_budget_counts_every_step(tmp_path):
    config = at(tmp_path, generations=2, eval_every=10)
    result = evolve(config, progress=False)
    # Two generations of 6 x 2 lives; then an evaluation on 4 and a confirmation on 4; 5 steps each.
    assert result.env_steps == 5 * (2 * 6 * 2 + 4 + 4)
    hit = evolve(at(tmp_path, "hit", generations=2, target=0.0), progress=False)
    assert hit.env_steps == 5 * (2 * 6 * 2 + 4 + 8)  # a reached target is confirmed on more
    assert result.warmup_seconds > 0


def test_workers_change_nothing(tmp_path):
    local, pooled = at(tmp_path, "a"), at(tmp_path, "b", workers=2)
    assert_same_run(evolve(pooled, progress=False), evolve(local, progress=False), pooled, local)


@pytest.mark.parametrize("strategy", ["csa", "cma-diagonal", "cma-full", "openai-es"])
def test_resume_is_bit_identical(tmp_path, strategy, monkeypatch):
    whole = at(tmp_path, "whole", strategy=strategy)
    expected = evolve(whole, progress=False)
    for stop in (1, 4, 5, 9):
        cut = at(tmp_path, f"cut{stop}", strategy=strategy)
        stop_after(monkeypatch, stop)
        with pytest.raises(KeyboardInterrupt):
            evolve(cut, progress=False)
        monkeypatch.undo()
        with open(Path(cut.out) / "progress.csv", "a") as file:
            file.write("7,12")  # a row that a kill cut short
        assert_same_run(evolve(cut, resume=True, progress=False), expected, cut, whole)


def stop_after(monkeypatch, generation):
    """Interrupt a run right after it wrote this generation's row."""
    from ontogym.runs import RunFolder

    original = RunFolder.append

    def append(self, row):
        original(self, row)
        if row["generation"] == generation:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "append", append)


def test_kill_9_at_random_moments_and_resume(tmp_path):
    whole, cut = (at(tmp_path, n, env_kwargs={"length": 400}, generations=12) for n in ("whole", "cut"))
    began = time.perf_counter()
    expected = evolve(whole, progress=False)
    generation = (time.perf_counter() - began) / 12
    rng, reached = random.Random(), []
    # A kill in every quarter of the run, somewhere within a generation: clock times alone would mostly hit imports.
    for quarter in range(4):
        process = start(cut, resume=Path(cut.out, "config.json").exists())
        target = rng.randint(3 * quarter, min(3 * quarter + 2, 10))
        wait_for(lambda p=process, t=target: lived(cut) >= t or p.poll() is not None)
        time.sleep(rng.uniform(0.0, generation))
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            reached.append(lived(cut))
    assert len(reached) >= 2
    assert len(set(reached)) > 1
    assert_same_run(evolve(cut, resume=True, progress=False), expected, cut, whole)
    assert not list(Path(cut.out).glob(".*.part"))


def lived(config):
    """Generations in the progress file; -1 before there is one."""
    try:
        return Path(config.out, "progress.csv").read_text().count("\n") - 1
    except FileNotFoundError:
        return -1


def start(config, resume):
    code = (
        "import json, sys\n"
        "from ontogym.baselines.evolution.run import EvolutionConfig, evolve\n"
        "given = json.loads(sys.argv[1])\n"
        "given['conditions'] = tuple(given['conditions'])\n"
        f"evolve(EvolutionConfig(**given), resume={resume}, progress=False)\n"
    )
    return subprocess.Popen([sys.executable, "-c", code, json.dumps(config.as_json())], cwd=ROOT)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_a_finished_run_resumes_to_the_same_and_a_longer_one_goes_on(tmp_path):
    short, long = at(tmp_path, "short", generations=4), at(tmp_path, "long", generations=8)
    first = evolve(short, progress=False)
    assert_same_run(evolve(short, resume=True, progress=False), first, short, short)
    expected = evolve(long, progress=False)
    extended = dataclasses.replace(short, generations=8)
    assert_same_run(evolve(extended, resume=True, progress=False), expected, extended, long)


def snapshot(folder):
    return {p.name: p.read_bytes() for p in Path(folder).iterdir() if p.is_file()}


def test_nothing_is_overwritten(tmp_path):
    config = at(tmp_path, generations=2)
    evolve(config, progress=False)
    before = snapshot(config.out)
    with pytest.raises(OntogymError, match=r"--resume .* --out"):
        evolve(config, progress=False)
    for changes, field in (
        ({"seed": 4}, "seed=3, not 4"),
        ({"env_kwargs": {}}, "env_kwargs="),
        ({"strategy": "openai-es"}, "strategy='csa'"),
    ):
        with pytest.raises(OntogymError, match=field):
            evolve(dataclasses.replace(config, **changes), resume=True, progress=False)
    assert snapshot(config.out) == before
    with pytest.raises(OntogymError, match="no run to resume"):
        evolve(at(tmp_path, "nowhere"), resume=True, progress=False)
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "precious.txt").write_text("keep")
    with pytest.raises(OntogymError, match="already holds something"):
        evolve(at(tmp_path, "notes"), progress=False)
    assert list((tmp_path / "notes").iterdir()) == [tmp_path / "notes" / "precious.txt"]


def test_damaged_newer_and_foreign_checkpoints_are_refused(tmp_path):
    config = at(tmp_path, generations=4)
    evolve(config, progress=False)
    file = Path(config.out) / "checkpoint.safetensors"
    good = file.read_bytes()
    table = (Path(config.out) / "progress.csv").read_bytes()

    def refused(message):
        before = file.read_bytes()
        with pytest.raises(OntogymError, match=message):
            evolve(config, resume=True, progress=False)
        assert file.read_bytes() == before
        assert (Path(config.out) / "progress.csv").read_bytes() == table

    for size in (0, 7, len(good) // 2, len(good) - 1):
        file.write_bytes(good[:size])
        refused("truncated")
    newer = good.replace(rb"\"ontogym_format\": 2", rb"\"ontogym_format\": 9")
    assert newer != good
    file.write_bytes(newer)
    refused("format 9, newer than")
    shutil.copy(Path(config.out) / "best.safetensors", file)
    refused("holds 'agent', not 'evolution'")
    other = at(tmp_path, "other", generations=4, seed=8)
    evolve(other, progress=False)
    shutil.copy(Path(other.out) / "checkpoint.safetensors", file)
    refused("another run")
    file.write_bytes(good)
    evolve(config, resume=True, progress=False)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX locks")
def test_two_runs_cannot_share_a_folder(tmp_path):
    config = at(tmp_path, env_kwargs={"length": 5000}, generations=500)
    process = start(config, resume=False)
    try:
        wait_for(Path(config.out, "config.json").exists)
        with pytest.raises(OntogymError, match="Another process"):
            evolve(config, resume=True, progress=False)
    finally:
        process.kill()
        process.wait()


def test_an_unwritable_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OntogymError, match="Cannot"):
        evolve(at(tmp_path, "file/run"), progress=False)


def test_min_utility_weighs_the_worst_condition():
    config = dataclasses.replace(BRIEF, utility="min", min_weight=0.7, lives=4)
    spec = life_spec(config)
    returns = np.array([[[10.0], [0.0], [30.0], [4.0]], [[11.0], [11.0], [11.0], [11.0]]])
    whole = np.zeros(returns.shape[:2], bool)
    result = LifeResult(returns, np.ones(returns.shape, dtype=np.int64), {}, None, whole)
    # Genome 0: conditions score 20 and 2, mean 11. Genome 1: 11 everywhere.
    np.testing.assert_allclose(utilities(result, spec, config), [0.7 * 2 + 0.3 * 11, 11.0])
    plain = dataclasses.replace(config, utility="mean")
    np.testing.assert_allclose(utilities(result, spec, plain), [11.0, 11.0])
    ones = np.ones((1, 1, 3), dtype=np.int64)
    episodes = LifeResult(np.array([[[1.0, 2.0, 6.0]]]), ones, {}, None, np.zeros((1, 1), bool))
    np.testing.assert_allclose(utilities(episodes, LifeSpec(GOAL), plain), [3.0])
    late = dataclasses.replace(plain, episode_weights=(0.0, 0.0, 1.0))
    np.testing.assert_allclose(utilities(episodes, LifeSpec(GOAL), late), [6.0])
    failed = np.array([[False, True, False, False], [False, False, False, False]])
    sick = result._replace(failed=failed, returns=np.where(failed[..., None], np.nan, returns))
    np.testing.assert_allclose(
        utilities(sick, spec, plain), [(10 + 4 + 30 + 4) / 4, 11.0]
    )  # the worst of all


def test_default_episodes_follow_the_conditions():
    assert life_spec(BRIEF).episodes == 1
    assert life_spec(dataclasses.replace(BRIEF, conditions=())).episodes == 3
    assert life_spec(dataclasses.replace(BRIEF, episodes=2)).episodes == 2


def test_nan_utilities_do_not_poison_a_run(tmp_path, monkeypatch):
    def sick(result, spec, config, risen):
        values = utilities(result, spec, config, risen)
        values[::2] = np.nan
        return values if values[1] > 0 or len(values) < 2 else np.full(len(values), np.nan)

    monkeypatch.setattr(search, "utilities", sick)
    result = evolve(at(tmp_path), progress=False)
    assert np.isfinite(result.genome).all()
    assert np.isfinite(result.score["mean"])
    assert len(rows(at(tmp_path))) == 9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"agent": "lnpd"}, "did you mean 'lndp'"),
        ({"env": "CartPoole-v1", "conditions": ()}, "CartPole-v1"),
        ({"strategy": "cma-diag"}, "did you mean 'cma-diagonal'"),
        ({"strategy_options": {"sigm": 1}}, "did you mean 'sigma'"),
        ({"agent_options": {"noisy": 1}}, "did you mean 'noise'"),
        ({"lives": 3}, "multiple of 2"),
        ({"conditions": (), "utility": "min", "lives": 1}, "needs a worst of several"),
        ({"population": 1}, "at least 2"),
        ({"sigma": -1.0}, "positive"),
    ],
)
def test_bad_configurations_write_nothing(tmp_path, changes, message):
    with pytest.raises(OntogymError, match=message):
        evolve(at(tmp_path, **changes), progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generations": 0}, "generations is 0"),
        ({"workers": -1}, "workers is -1"),
        ({"min_weight": 2.0}, "min_weight"),
        ({"utility": "max"}, "'mean' or 'min'"),
    ],
)
def test_nonsense_is_refused_at_once(changes, message):
    with pytest.raises(OntogymError, match=message):
        dataclasses.replace(BRIEF, **changes)


def test_what_is_kept_is_the_best_confirmed_mean_not_the_luckiest(tmp_path, monkeypatch):
    """Scores by generation: the evaluation picks candidates, the confirmation decides."""
    from ontogym.baselines.evolution.search import Search

    scores = {
        ("evaluation", 2): 10.0,
        ("confirmation", 2): 9.0,
        ("evaluation", 4): 30.0,  # luck: not confirmed
        ("confirmation", 4): 5.0,
        ("evaluation", 6): 8.0,  # no candidate
        ("evaluation", 8): 12.0,
        ("confirmation", 8): 11.0,
        ("evaluation", 9): 10.5,
    }
    means, asked = {}, []

    def scripted(self, genome, lives, *names):
        asked.append(names)
        means[names[1]] = genome
        return {"mean": scores[names], "ci95": [scores[names]] * 2, "env_steps": 0, "diagnostics": {}}

    monkeypatch.setattr(Search, "_lives", scripted)
    result = evolve(at(tmp_path, target=25.0), progress=False)
    assert asked == list(scores)
    assert (result.generation, result.generations, result.solved) == (8, 9, False)
    np.testing.assert_array_equal(result.genome, means[8])
    assert load_agent(tmp_path / "run").facts["generation"] == 8


def test_wiring_is_paid_for_as_far_as_the_cost_has_risen():
    config = dataclasses.replace(BRIEF, wiring_cost=40.0, wiring_ramp=4)
    returns = np.array([[[10.0], [30.0]], [[8.0], [8.0]]])
    density = np.array([[0.5, 0.1], [0.0, 0.0]])
    result = LifeResult(returns, np.ones((2, 2, 1), int), {"density": density}, None, np.zeros((2, 2), bool))
    spec = LifeSpec(GOAL, episodes=1)
    np.testing.assert_allclose(utilities(result, spec, config), [20 - 40 * 0.3, 8])
    np.testing.assert_allclose(utilities(result, spec, config, 0.25), [20 - 10 * 0.3, 8])
    free = dataclasses.replace(config, wiring_free=0.2)
    np.testing.assert_allclose(utilities(result, spec, free), [20 - 40 * 0.1, 8])
    assert [cost_risen(config, g, 0) for g in (1, 4, 9)] == [0.25, 1.0, 1.0]
    assert [cost_risen(config, 9, begun) for begun in (None, 8)] == [0.0, 0.25]
    assert cost_risen(dataclasses.replace(config, wiring_ramp=0), 1, 0) == 1.0
    with pytest.raises(OntogymError, match="no wiring to pay for"):
        utilities(result._replace(diagnostics={}), spec, config)


@pytest.mark.parametrize(
    "changes", [{"wiring_cost": -1.0}, {"wiring_ramp": -1}, {"target_density": 0.0}, {"wiring_free": 2.0}]
)
def test_costs_that_cannot_be_are_refused(changes):
    with pytest.raises(OntogymError, match=next(iter(changes))):
        dataclasses.replace(BRIEF, **changes)


def test_a_cost_begins_with_competence_and_outlives_a_kill(tmp_path):
    """Sparse or dense, the score is the same; what is kept is judged by both once the cost has begun."""
    lndp = {"nodes": 11, "io_identity": True, "engine": "numba", "threads": 1}
    config = at(
        tmp_path, agent="lndp", agent_options=lndp, env_kwargs={}, wiring_cost=5.0, wiring_ramp=2, wiring_after=-1e9
    )  # fmt: skip
    whole = evolve(config, progress=False)
    assert [r["density"] != "" for r in rows(config)] == [k % 2 == 0 or k == 9 for k in range(1, 10)]
    cut = at(tmp_path, "cut", **{k: getattr(config, k) for k in ("agent", "agent_options", "env_kwargs", "wiring_cost", "wiring_ramp", "wiring_after")})  # fmt: skip
    evolve(dataclasses.replace(cut, generations=4), progress=False)
    (Path(cut.out) / "result.json").unlink()
    assert_same_run(evolve(cut, resume=True, progress=False), whole, cut, config)


def test_what_is_sparse_enough_comes_before_what_scores_better(tmp_path):
    lndp = {"nodes": 11, "io_identity": True, "engine": "numba", "threads": 1}
    costly = {"agent": "lndp", "agent_options": lndp, "env_kwargs": {}, "wiring_cost": 1e-6, "seed": 5}
    config = at(tmp_path, eval_every=1, **costly)
    evolve(config, progress=False)
    densities = {int(r["generation"]): float(r["density"]) for r in rows(config)}
    sparsest = min(densities, key=densities.__getitem__)
    others = [d for g, d in densities.items() if g != sparsest]
    most = (densities[sparsest] + min(others)) / 2
    found = evolve(at(tmp_path, "sparse", eval_every=1, target_density=most, **costly), progress=False)
    assert found.generation == sparsest
    assert evolve(at(tmp_path, "any", eval_every=1, **costly), progress=False).generation != sparsest


def test_a_search_that_does_not_arrive_begins_anew_and_outlives_a_kill(tmp_path):
    config = at(tmp_path, target=1e9, restart_after=4)
    whole = evolve(config, progress=False)
    sigmas = [float(r["sigma"]) for r in rows(config)]
    first = at(tmp_path, "first", generations=4)
    evolve(first, progress=False)
    assert sigmas[:4] == [float(r["sigma"]) for r in rows(first)]
    assert len({sigmas[0], sigmas[4], sigmas[8]}) == 3
    assert whole.generations == 9
    cut = at(tmp_path, "cut", target=1e9, restart_after=4)
    evolve(dataclasses.replace(cut, generations=6), progress=False)
    (Path(cut.out) / "result.json").unlink()
    assert_same_run(evolve(cut, resume=True, progress=False), whole, cut, config)


def test_later_starts_begin_at_files_of_their_own(tmp_path, monkeypatch):
    sources = [at(tmp_path, f"source{seed}", seed=seed, generations=3) for seed in (7, 8)]
    for source in sources:
        evolve(source, progress=False)
    first, second = (load_agent(source.out).genome for source in sources)
    files = {"start_from": str(sources[0].out), "restart_from": (str(sources[1].out),)}
    config, cut = (at(tmp_path, name, target=1e9, restart_after=3, **files) for name in ("run", "cut"))
    means, make = [], search.make_strategy
    monkeypatch.setattr(search, "make_strategy", lambda c, mean, n=0: means.append(mean) or make(c, mean, n))
    whole = evolve(config, progress=False)
    np.testing.assert_array_equal(means, [first, second, first])
    evolve(dataclasses.replace(cut, generations=4), progress=False)
    (Path(cut.out) / "result.json").unlink()
    assert_same_run(evolve(cut, resume=True, progress=False), whole, cut, config)
    for changes in (
        {"restart_after": None},
        {"restart_after": None, "restart_from": (), "restart_patience": 3},
    ):
        with pytest.raises(OntogymError, match="give restart_after"):
            dataclasses.replace(config, **changes)
    for patience in (-1, 1, 2.5, "3", None, True):
        with pytest.raises(OntogymError, match="restart_patience is"):
            dataclasses.replace(config, restart_patience=patience, eval_every=4)


SEARCH = {"target": 1e9, "restart_after": 3, "eval_every": 1, "generations": 12}


@pytest.fixture
def begun(monkeypatch):
    """Number and first generation of every start of a search whose scores rise through generation 6."""
    scores = {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0, 5: 5.0, 6: 6.0}
    lives, again, found = search.Search._lives, search.Search._restart, []
    monkeypatch.setattr(
        search.Search,
        "_lives",
        lambda self, genome, n, *names: {
            **lives(self, genome, n, *names),
            "mean": scores.get(names[-1], 0.0),
        },
    )
    monkeypatch.setattr(
        search.Search, "_restart", lambda self, n, g: found.append((n, g)) or again(self, n, g)
    )
    return found


def cut_at(config, generations):
    """A run that was killed after so many generations."""
    evolve(dataclasses.replace(config, generations=generations), progress=False)
    (Path(config.out) / "result.json").unlink()


def test_a_start_that_still_rises_is_not_left(tmp_path, begun):
    """With a patience of 2 the second start begins after generation 8, not after 3."""
    config, cut = (at(tmp_path, name, restart_patience=2, **SEARCH) for name in ("patient", "cut"))
    whole = evolve(config, progress=False)
    assert begun == [(0, 0), (1, 8), (2, 11)]
    cut_at(cut, 7)
    assert_same_run(evolve(cut, resume=True, progress=False), whole, cut, config)
    begun.clear()
    evolve(at(tmp_path, "impatient", **SEARCH), progress=False)
    assert begun == [(0, 0), (1, 3), (2, 6), (3, 9)]


def test_a_checkpoint_of_before_there_was_patience_is_gone_on_with(tmp_path, begun):
    config = at(tmp_path, **SEARCH)
    cut_at(config, 5)
    file = Path(config.out) / "checkpoint.safetensors"
    arrays, meta = checkpoint.load(file, "evolution")
    checkpoint.save(file, "evolution", arrays, {k: v for k, v in meta.items() if not k.startswith("start_")})
    begun.clear()
    evolve(config, resume=True, progress=False)
    assert [number for number, _ in begun] == [0, 1, 2, 3]


def test_an_evaluation_out_of_turn_moves_no_start(tmp_path, begun):
    """The last generation of a run is evaluated, 6 here; going on, the search is the one that was never cut."""
    options = {**SEARCH, "eval_every": 4, "restart_after": 5, "restart_patience": 4}
    evolve(at(tmp_path, "whole", **options), progress=False)
    assert begun[1] == (1, 8)
    cut = at(tmp_path, "cut", **options)
    cut_at(cut, 6)
    begun.clear()
    evolve(cut, resume=True, progress=False)
    assert begun[-1] == (1, 8)


@pytest.mark.parametrize(
    "changes",
    [
        {"restart_after": 4},
        {"restart_after": 0, "target": 1.0},
        {"restart_after": 4, "target": 1.0, "wiring_after": 0.0},
    ],
)
def test_restarts_that_cannot_be_are_refused(changes):
    with pytest.raises(OntogymError, match="restart_after is"):
        dataclasses.replace(BRIEF, **changes)


def test_lives_are_held_from_a_later_episode_on(tmp_path):
    config = at(
        tmp_path, env="ontogym/CartPole-v1", env_kwargs={}, conditions=(), agent="lndp", agent_options={"nodes": 11}, generations=1,
        episodes=2, max_steps=20, freeze="weights", freeze_from=1,
    )  # fmt: skip
    assert evolve(config).generations == 1
