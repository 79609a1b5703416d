"""`ontogym infer-rule` and what it is made of: files, resuming, sentences, the picture, bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ontogym.cli import main
from ontogym.cli.commands import parse
from ontogym.developmental.rules.inferred.rule import load_rule
from ontogym.studies.rule_inference import run as module
from ontogym.studies.rule_inference.config import InferenceConfig
from ontogym.studies.rule_inference.model.parametric import PARAMETRIC
from ontogym.studies.rule_inference.report import asymmetry_lines, held_out_rows

TINY = ["infer-rule", "--animals", "12", "--trials", "30", "--folds", "2", "--epochs", "3", "--hidden", "4"]
CONFIG = InferenceConfig(simulate="reinforce", animals=10, trials=25, folds=2, epochs=4, hidden=4)
HEAD = "subject,date,choice,contrastLeft,contrastRight,feedbackType"


def last_json(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("infer") / "run"
    assert main([*TINY, "--simulate", "reinforce-history", "--out", str(out)]) == 0
    return out


def test_a_run_leaves_its_rules_its_numbers_and_a_picture(folder):
    result = json.loads((folder / "result.json").read_text())
    assert set(result["held_out"]) == {*PARAMETRIC, "dnn", "gru", "truth"}
    assert result["held_out"]["static"]["gain"] == 0
    assert result["best"] in ("dnn", "gru")
    best, own = load_rule(folder), load_rule(folder / f"rule-{result['best']}.safetensors")
    np.testing.assert_array_equal(best.params, own.params)
    assert best.facts["source"] == "sim:reinforce-history"
    assert (folder / "update.png").read_bytes().startswith(b"\x89PNG")
    assert len(result["profile"]["beta"]) == len(result["profile"]["log_likelihood"])
    assert {"change", "weights", "error"} <= result["models"]["gru"]["recovery"].keys()
    assert result["plugged_in"]["untrained"]["mean"] < 275


def test_the_tables_name_every_baseline_and_print_the_profile_beside_the_asymmetry(folder, capsys, tmp_path):
    assert main([*TINY, "--simulate", "predict-max", "--models", "dnn", "--out", str(tmp_path / "r")]) == 0
    out = capsys.readouterr().out
    for rule in PARAMETRIC:
        assert rule in out
    profile, split = out.index("Baseline profile"), out.index("drive towards the choice")
    assert profile < split < out.index("Likelihood profile over the baseline")


@pytest.mark.parametrize(
    ("animals", "trials", "batch", "passes"),
    [
        (30, 300, 10, (140, 200)),
        (40, 500, 10, (140, 200)),
        (40, 501, 10, (140, 200)),
        (300, 500, 10, (20, 27)),
        (1, 20_000, 1, (20, 20)),
    ],
)
def test_passes_that_nobody_asked_for_follow_the_steps_of_one(animals, trials, batch, passes):
    config, lengths = InferenceConfig(batch=batch), np.full(animals, trials)
    assert tuple(config.fit(kind, lengths).epochs for kind in ("dnn", "gru")) == passes
    assert InferenceConfig(epochs=7).fit("gru", lengths).epochs == 7


def test_a_run_that_was_stopped_goes_on_to_the_same_result(tmp_path, monkeypatch):
    whole = module.infer_rule(CONFIG, tmp_path / "whole")
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.0)
    real, seen = module._Fits._after, []

    def stopped(self, kind, part, state):
        real(self, kind, part, state)
        seen.append((kind, part, state.epoch))
        if (kind, part, state.epoch) == ("gru", "fold1", 2):
            raise KeyboardInterrupt

    monkeypatch.setattr(module._Fits, "_after", stopped)
    with pytest.raises(KeyboardInterrupt):
        module.infer_rule(CONFIG, tmp_path / "cut")
    seen.clear()
    again = module.infer_rule(CONFIG, tmp_path / "cut", resume=True)
    assert seen[0] == ("gru", "fold1", 3)
    for key in ("held_out", "models", "profile"):
        assert json.dumps(again[key]) == json.dumps(whole[key])


def test_resuming_needs_the_same_settings_and_a_new_run_an_empty_folder(folder, capsys):
    line = [*TINY, "--simulate", "reinforce-history", "--out", str(folder)]
    assert main(line) == 2
    assert "already holds something" in capsys.readouterr().err
    assert main([*line, "--seed", "3", "--resume"]) == 2
    assert "seed=0, not 3" in capsys.readouterr().err
    before = json.loads((folder / "result.json").read_text())
    assert main([*line, "--resume", "--json"]) == 0
    assert last_json(capsys)["held_out"] == before["held_out"]
    assert parse(["infer-rule", "--config", str(folder)]).config == parse(line).config


def test_a_table_of_two_mice_is_inferred_from(tmp_path, capsys):
    rng = np.random.default_rng(0)
    lines = [
        f"m{k // 40},2020-01-0{1 + k // 20},{rng.choice([-1, 1])},1,,{rng.choice([-1, 1])}" for k in range(80)
    ]
    (tmp_path / "t.csv").write_text("\n".join([HEAD, *lines]))
    more = ["--data", str(tmp_path / "t.csv"), "--out", str(tmp_path / "run"), "--json"]
    assert main(["infer-rule", "--folds", "5", "--epochs", "2", "--hidden", "3", "--batch", "1", *more]) == 0
    found = last_json(capsys)
    assert (found["animals"], found["folds"], found["trials"]) == (2, 2, 80)
    assert "truth" not in found
    assert found["bibtex"]


def test_a_handful_of_trials_is_refused(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("\n".join([HEAD, *["m,2020-01-01,1,1,,1"] * 12]))
    assert main(["infer-rule", "--data", str(tmp_path / "t.csv"), "--out", str(tmp_path / "run")]) == 2
    assert (
        "holds 12 trials with a choice and feedback, from which no rule can be told"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "--simulate RULE or --data FILE"),
        (["--simulate", "reinforc"], "did you mean 'reinforce'"),
        (["--simulate", "reinforce", "--data", "x.csv"], "one of the two"),
        (["--data", "nowhere.csv"], "no file nowhere.csv"),
        (["--simulate", "reinforce", "--models", "gnu"], "did you mean 'gru'"),
        (["--simulate", "reinforce", "--folds", "1"], "ask for 2 or more"),
        (["--simulate", "reinforce", "--animals", "2", "--folds", "3"], "too few for 3 folds"),
        (["--simulate", "reinforce", "--epochs", "0"], "epochs is 0"),
        (["--simulate", "reinforce", "--batch", "0"], "batch is 0"),
        (["--simulate", "reinforce", "--learning-rate", "nan"], "positive"),
        (["--simulate", "reinforce", "--hidden", "0"], "hidden"),
        (["--simulate", "reinforce", "--validation", "1"], "below 1"),
    ],
)
def test_bad_input_ends_with_a_sentence_and_leaves_nothing(more, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["infer-rule", *more]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_malformed_table_leaves_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(f"{HEAD}\nm,d,1,1,,1\nm,d,up,1,,1\n")
    assert main(["infer-rule", "--data", "t.csv"]) == 2
    assert "Column 'choice' of t.csv holds 'up' in row 2" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def sentences(interval, best_rule="reinforce", network_gain=-0.01, **more):
    held_out = {rule: {"mean": -0.4 if rule == best_rule else -0.5} for rule in PARAMETRIC}
    model = {"asymmetry": {"correct": 0.1, "error": -0.2}, "history": {"ratio": 1.0}}
    first = {"first_weights": "random effect", "spread": [0.5, 0.8]}
    profile = {"best": sum(interval) / 2, "interval": interval, **first, **more}
    comparison = {"model": "dnn", "over": best_rule, "ci95": [network_gain, network_gain + 0.005]}
    result = {"models": {"dnn": model}, "profile": profile, "held_out": held_out, "comparisons": [comparison]}
    return " ".join(asymmetry_lines(result))


def test_the_asymmetry_is_judged_by_the_profile():
    assert "not told by these data" in sentences((-0.1, 0.2))
    assert "push away" in sentences((0.1, 0.2))
    assert "perseveres" in sentences((-2, -1))
    assert "differ between animals, each with its own (SD 0.50 of the weight, 0.80 of the bias" in sentences(
        (-2, -1)
    )
    assert "predict-max predicts better" in sentences((0.1, 0.2), "predict-max")
    assert "predicts better" not in sentences((0.1, 0.2), "reinforce-baseline")
    assert "DNN predicts better than any" in sentences((0.1, 0.2), "reinforce", 0.01)


def test_a_profile_of_more_than_one_peak_gives_no_sign_that_one_of_them_contradicts():
    def of(*pieces):
        return sentences((pieces[0][0], pieces[-1][1]), pieces=pieces)

    both = of((-2, -1), (1, 2))
    assert "more than one peak within 1.92 nats of the best: [-2.00, -1.00] and [1.00, 2.00]" in both
    assert "both sides of 0: which way errors push the animal is not told by these data" in both
    assert "0 is inside: whether errors move the animal at all" in of((-2, 0.5), (1, 2))
    above = of((0.2, 0.5), (1, 2))
    assert "more than one peak" in above
    assert "push away" in above
    assert "more than one peak" not in of((0.2, 0.5))


def test_rows_of_held_out_scores_end_with_the_best():
    one = {"ci95": [0, 0], "gain": 0.0, "gain_ci95": [0, 0]}
    rows = held_out_rows({"held_out": {"dnn": {"mean": -0.1, **one}, "static": {"mean": -0.6, **one}}})
    assert [row[0] for row in rows] == ["static", "DNN"]
