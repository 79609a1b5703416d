"""The two experiments and their commands: cells, controls, resuming, directions, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ontogym.cli import main
from ontogym.cli.commands import parse
from ontogym.errors import OntogymError
from ontogym.statistics import mean_summary, mean_text, paired_difference
from ontogym.studies.regimes.cells import run_cells
from ontogym.studies.regimes.config import CurvatureConfig, RankSweepConfig
from ontogym.studies.regimes.connectome import developed_wiring, load_connectome
from ontogym.studies.regimes.curvature import curvature
from ontogym.studies.regimes.model.initial import spectral_radius
from ontogym.studies.regimes.model.tasks import make_task
from ontogym.studies.regimes.rank_sweep import Condition, _aligned, conditions, rank_sweep, start

SWEEP = ["regimes", "rank-sweep", "--nodes", "12", "--iterations", "4", "--ranks", "1", "--seeds", "1", "2"]
SHARP = ["regimes", "curvature", "--nodes", "8", "--iterations", "3", "--rules", "rflo", "--seeds", "1", "--batch", "8",
         "--hessian-trials", "20"]  # fmt: skip


def last_json(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_interval_by_hand():
    found = mean_summary([1.0, 2.0, 3.0])
    # t(0.975, 2) = 4.3027
    np.testing.assert_allclose(found["ci95"], [2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5], rtol=1e-4)
    assert mean_text(mean_summary([1.5])) == "1.5"
    assert mean_text(mean_summary([-1028.4])) == "-1028"  # not -1.03e+03
    assert mean_summary([1.0, None])["mean"] == 1
    assert mean_text(mean_summary([None])) == "failed"


@pytest.mark.parametrize(
    ("high", "low", "measured"),
    [([2, 2.1, 2.2], [1, 1, 1], "up"), ([1, 1, 1], [2, 2.1, 2.2], "down"), ([0, 3], [1, 1], "unresolved"),
     ([5], [1], "unresolved"), ([2, 2.1, None], [1, 1, 1], "up")],
)  # fmt: skip
def test_directions_need_an_interval_without_zero(high, low, measured):
    assert paired_difference("x", high, low, "a − b", "up")["measured"] == measured


def test_starts_of_one_seed_come_from_one_matrix():
    config = RankSweepConfig(ranks=(1, 5))
    full = start(config, Condition("rank-full", ""), 20, 1)
    low = start(config, Condition("rank-1", "", rank=1), 20, 1)
    control = start(config, Condition("control-1", "", control_of=1), 20, 1)
    u, s, v = np.linalg.svd(full.weights)
    np.testing.assert_allclose(
        low.weights / low.frobenius, np.outer(u[:, 0], v[0]) * np.sign(s[0]), atol=1e-12
    )
    assert low.frobenius == pytest.approx(full.frobenius)
    np.testing.assert_allclose(control.weights / control.frobenius, full.weights / full.frobenius)
    assert control.spectral_radius == pytest.approx(low.spectral_radius)
    assert not np.allclose(full.weights, start(config, Condition("rank-full", ""), 20, 2).weights)


def test_an_aligned_start_is_what_training_changes_most_at_the_size_of_the_full_one():
    config = RankSweepConfig("delay-match-sample", 12, 3, aligned=(2,), ranks=(2,), seeds=(1,))
    task, full = make_task(config.task, None), start(config, Condition("rank-full", ""), 12, 1)
    found = _aligned(config, task, full.weights, 2, 1)
    assert np.linalg.matrix_rank(found.weights) == 2
    assert found.frobenius == pytest.approx(full.frobenius)
    u, _, v = np.linalg.svd(found.weights)
    again = _aligned(config, task, full.weights, 12, 1)  # every direction: the change itself
    top = u[:, :2].T @ again.weights @ v[:2].T
    assert np.linalg.norm(top - np.diag(np.diag(top))) < 1e-6 * np.linalg.norm(top)
    names = [c.name for c in conditions(config, 12, False)]
    assert names == ["rank-2", "rank-full", "control-2", "aligned-2"]
    result = rank_sweep(config)
    whats = [d["what"] for d in result["directions"]]
    assert whats.count("rank 2, aligned with the task − rank 2") == 3
    with pytest.raises(OntogymError, match="not all within 1 and 12"):
        rank_sweep(RankSweepConfig(nodes=12, aligned=(13,)))


def test_a_shuffled_connectome_keeps_its_weights_only():
    given = np.triu(np.random.default_rng(0).standard_normal((9, 9)))
    config = RankSweepConfig()
    kept, moved = (start(config, Condition(n, "", family="matrix"), 9, 1, given).weights for n in
                   ("connectome", "connectome-shuffled"))  # fmt: skip
    np.testing.assert_allclose(kept / kept[0, 0], given / given[0, 0])
    np.testing.assert_allclose(np.sort(kept.ravel()), np.sort(moved.ravel()))
    assert not np.allclose(kept, moved)


def test_conditions():
    config = RankSweepConfig(ranks=(30, 1, 50), families=("dale", "gaussian"))
    names = [c.name for c in conditions(config, 50, connectome=False)]
    assert names == ["rank-1", "rank-30", "rank-full", "control-1", "family-dale"]
    radius = RankSweepConfig(ranks=(1,), match="spectral_radius")
    assert [c.name for c in conditions(radius, 50, False)] == ["rank-1", "rank-full"]
    every = RankSweepConfig(ranks=(1, 30), controls="all")
    assert [c.name for c in conditions(every, 50, True)][3:] == [
        "control-1", "control-30", "connectome", "connectome-shuffled"
    ]  # fmt: skip


def test_higher_rank_is_lazier():
    """The direction of arXiv 2310.08513 at the smallest size where it is plain (RA and the change of weights)."""
    config = RankSweepConfig(
        "delay-match-sample", nodes=50, iterations=300, seeds=(1, 2), ranks=(1,), lr=0.01, kernel_probes=4
    )
    by_name = {row["name"]: row for row in rank_sweep(config)["conditions"]}
    low, full = by_name["rank-1"], by_name["rank-full"]
    assert min(low["accuracy"]["mean"], full["accuracy"]["mean"]) > 0.85
    assert full["representation_alignment"]["mean"] > low["representation_alignment"]["mean"] + 0.02
    assert full["weight_change"]["mean"] < low["weight_change"]["mean"]


def test_eprop_ends_in_sharper_places_than_bptt():
    """The direction of arXiv 2206.00823 for the top eigenvalue, small."""
    config = CurvatureConfig(
        nodes=32,
        iterations=500,
        stretch=1.2,
        seeds=(1, 2),
        rules=("bptt",),
        batch=32,
        lr=0.05,
        hessian_trials=100,
    )
    result = curvature(config)
    values = {row["name"]: row["eigenvalue"]["mean"] for row in result["conditions"]}
    assert values["e-prop"] > 1.5 * values["bptt"] > 0
    assert {row["name"]: row["iterations"] for row in result["conditions"]} == {
        "bptt": 500, "bptt-scaled": 600, "e-prop": 600
    }  # fmt: skip


def test_rank_sweep_command(tmp_path, capsys):
    out = tmp_path / "run"
    assert main([*SWEEP, "--families", "dale-balanced", "--out", str(out), "--json"]) == 0
    found = last_json(capsys)
    assert [row["name"] for row in found["conditions"]] == [
        "rank-1",
        "rank-full",
        "control-1",
        "family-dale-balanced",
    ]
    assert {d["published"] for d in found["directions"]} == {"up", "down", None}
    assert "2310.08513" in found["bibtex"][0]
    assert Path(found["picture"]).read_bytes()[:4] == b"\x89PNG"
    assert len(list((out / "cells").iterdir())) == 8
    assert json.loads((out / "result.json").read_text())["cells"] == found["cells"]


def test_a_run_goes_on_and_grows_but_is_not_clobbered(tmp_path, capsys, monkeypatch):
    out = tmp_path / "run"
    assert main([*SWEEP, "--out", str(out)]) == 0
    assert "published" in capsys.readouterr().out
    assert main([*SWEEP, "--out", str(out)]) == 2
    assert "--resume" in capsys.readouterr().err
    first = {p.name: p.read_bytes() for p in (out / "cells").iterdir()}
    assert main([*SWEEP, "3", "--out", str(out), "--resume", "--json"]) == 0
    assert len(last_json(capsys)["conditions"][0]["weight_change"]["values"]) == 3
    # A run's own file feeds the next, with the seeds that it has by now.
    fed = parse([*SWEEP[:2], "--config", str(out)])
    assert fed.config == parse([*SWEEP, "3"]).config
    assert {name: (out / "cells" / name).read_bytes() for name in first} == first
    assert main([*SWEEP, "--lr", "0.1", "--out", str(out), "--resume"]) == 2
    assert "lr=0.003, not 0.1" in capsys.readouterr().err


def test_an_interrupted_run_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    from ontogym.studies.regimes import rank_sweep as module

    whole, count = module._cell, []

    def interrupted(*arguments):
        count.append(1)
        if len(count) == 2:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(module, "_cell", interrupted)
    out = tmp_path / "run"
    assert main([*SWEEP, "--out", str(out)]) == 130
    assert f"--resume goes on with {out}" in capsys.readouterr().err
    assert main([*SWEEP, "--out", str(out), "--resume"]) == 0
    # Five cells were left of six.
    assert len(count) == 7


def test_curvature_command(tmp_path, capsys):
    assert main([*SHARP, "--out", str(tmp_path / "run"), "--json"]) == 0
    found = last_json(capsys)
    assert [row["name"] for row in found["conditions"]] == ["bptt", "bptt-scaled", "e-prop", "rflo"]
    assert found["conditions"][0]["gap"]["ci95"] is None
    assert {"e-prop − bptt", "e-prop − bptt-scaled", "rflo − bptt"} == {
        d["what"] for d in found["directions"]
    }


def test_failed_training_is_a_result(tmp_path, capsys):
    assert (
        main([*SHARP, "--lr", "1e9", "--out", str(tmp_path / "run"), "--iterations", "20"]) == 1
    )  # nothing was learned
    out = capsys.readouterr().out
    assert "bptt-s1 failed: Training by bptt diverged" in out


def test_a_damaged_cell_is_named(tmp_path):
    run_cells(tmp_path / "run", {"a": 1}, {"x": 1}, lambda name, tick: {"v": 1})
    (tmp_path / "run" / "cells" / "x.json").write_text("{")
    with pytest.raises(OntogymError, match=r"x\.json is damaged"):
        run_cells(tmp_path / "run", {"a": 1}, {"x": 1}, lambda name, tick: {"v": 1}, resume=True)
    with pytest.raises(OntogymError, match="no run to resume"):
        run_cells(tmp_path / "none", {"a": 1}, {"x": 1}, lambda name, tick: {"v": 1}, resume=True)


def test_connectomes_from_files_and_grown_ones(tmp_path, capsys):
    np.savetxt(tmp_path / "w.csv", np.random.default_rng(0).standard_normal((6, 6)), delimiter=",")
    command = ["regimes", "rank-sweep", "--iterations", "2", "--seeds", "1", "--ranks", "1", "--json"]
    assert main([*command, "--connectome", str(tmp_path / "w.csv"), "--out", str(tmp_path / "run")]) == 0
    found = last_json(capsys)
    assert found["nodes"] == 6
    assert [row["name"] for row in found["conditions"]][-2:] == ["connectome", "connectome-shuffled"]
    np.save(tmp_path / "none.npy", np.zeros((3, 3)))
    with pytest.raises(OntogymError, match="no edges"):
        load_connectome(str(tmp_path / "none.npy"))
    with pytest.raises(OntogymError, match="zoo agent"):
        load_connectome("zoo:lndp-cartpol")


def test_a_grown_lndp_hands_over_its_wiring():
    wiring = developed_wiring("zoo:lndp-foraging")
    assert wiring.shape == (32, 32)
    assert 0 < (wiring != 0).mean() < 1
    assert np.isfinite(wiring).all()
    np.testing.assert_array_equal(wiring, load_connectome("zoo:lndp-foraging"))
    assert spectral_radius(wiring) > 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([*SWEEP, "--task", "delay-match"], "did you mean 'delay-match-sample'"),
        ([*SWEEP, "--families", "dales"], "did you mean 'dale'"),
        ([*SWEEP, "--ranks", "13"], "within 1 and 12"),
        ([*SWEEP, "--seeds", "1", "1"], "different numbers"),
        ([*SWEEP, "--connectome", "no.csv"], "no file no.csv"),
        ([*SHARP, "--rules", "eprop"], "did you mean 'e-prop'"),
        ([*SHARP, "--task", "delay-match-sample"], "known are: digits, synthetic"),
        ([*SHARP, "--iterations", "0"], "at least 1 iteration"),
    ],
)
def test_bad_input_leaves_nothing(words, says, tmp_path, capsys):
    assert main([*words, "--out", str(tmp_path / "run")]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--l2", "-1"], "l2 is -1.0"),
        (["--alpha", "0"], "alpha is 0.0"),
        (["--gain", "0"], "gain is 0.0"),
        (["--lr", "nan"], "lr is nan"),
        (["--batch", "0"], "batch is 0"),
        (["--iterations", "10", "--stretch", "0.01"], "are no step"),
    ],
)
def test_numbers_with_which_nothing_is_learned_are_refused(tmp_path, capsys, flags, sentence):
    assert main([*SHARP, *flags, "--out", str(tmp_path / "run")]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("0.1\t0.2\n0.3\t0.4\n", "separate numbers by commas"),
        ("1e200,1e200\n1e200,1e200\n", "divide its weights"),
    ],
)
def test_connectomes_that_cannot_be_scaled_say_why(tmp_path, capsys, content, sentence):
    (tmp_path / "w.csv").write_text(content)
    command = ["regimes", "rank-sweep", "--iterations", "2", "--seeds", "1", "--ranks", "1"]
    main([*command, "--connectome", str(tmp_path / "w.csv"), "--out", str(tmp_path / "run")])
    said = capsys.readouterr()
    assert sentence in said.err + said.out
