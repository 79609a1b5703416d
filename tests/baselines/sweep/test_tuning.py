"""Equal tuning: as many trials for every method, on lives of their own, resumable."""

from __future__ import annotations

import json

import pytest

from ontogym.baselines.sweep.plan import make_plan, read_plan
from ontogym.baselines.sweep.tuning import TRIAL_SEED, tune
from ontogym.checkpoint import read_sealed_json, write_sealed_json
from ontogym.cli import main
from ontogym.errors import OntogymError

CONTENT = {
    "primary": "score.mean",
    "seeds": [1, 2],
    "tasks": {"easy": {"env": "A-v0"}},
    "methods": {"gru": {"agent": "gru", "agent_options": {"hidden": 4}}, "mlp": {"agent": "mlp"}},
    "evaluations": {"score": {"lives": 8}, "blind": {"silenced": ["action"]}},
    "tune": {
        "gru": {"sigma": {"low": 0.01, "high": 1.0, "log": True}, "agent_options.hidden": [4, 8]},
        "mlp": {"lives": {"low": 2, "high": 9}},
    },
}


def runner(asked):
    """Commands that are never run: a gru is best at sigma 0.1, and an mlp fails with an odd number of lives."""

    def run(command, flags, resume):
        asked.append((command, dict(flags)))
        if command == "evaluate":
            return {"mean": scores[-1], "ci95": [0, 0]}
        if flags.get("lives", 0) % 2:
            raise OntogymError("An odd number.")
        scores.append(-abs(flags.get("sigma", 0) - 0.1) + flags.get("lives", 0))
        return {"env_steps": 1, "cpu_seconds": 1.0}

    scores = []
    return run


def test_every_method_gets_its_trials_and_they_are_kept(tmp_path):
    pytest.importorskip("optuna")
    plan, asked = make_plan(CONTENT, "p"), []
    found = tune(plan, tmp_path, runner(asked), trials=6)
    assert [(cell["method"], len(cell["tried"])) for cell in found["cells"]] == [("gru", 6), ("mlp", 6)]
    gru, mlp = found["cells"]
    assert gru["best"] in [each["settings"] for each in gru["tried"]]
    assert gru["score"] == max(each["score"] for each in gru["tried"])
    for each in gru["tried"]:
        assert 0.01 <= each["settings"]["sigma"] <= 1.0
        assert each["score"] == pytest.approx(-abs(each["settings"]["sigma"] - 0.1))
    odd = [each for each in mlp["tried"] if each["settings"]["lives"] % 2]
    assert all((each["score"], each["error"] is not None) == (None, True) for each in odd)
    assert all(type(each["settings"]["lives"]) is int for each in mlp["tried"])
    trials = [flags for command, flags in asked if command == "evolve" and flags["agent"] == "gru"]
    assert {flags["agent_options"]["hidden"] for flags in trials} <= {4, 8}
    # Neither the seeds nor the lives of the sweep itself, and no controls.
    assert {flags["seed"] for _, flags in asked} == {TRIAL_SEED}
    assert not any("silenced" in flags for _, flags in asked)

    kept = json.loads((tmp_path / "tuning.json").read_text())
    assert kept["cells"] == found["cells"]
    asked.clear()
    assert tune(plan, tmp_path, runner(asked), trials=6)["cells"][0] == gru
    assert all(flags.get("agent") != "gru" for _, flags in asked)  # none of the finished trials is run again


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"lstm": {}}, "did you mean|method in"),
        ({"gru": {"sigma": 0.1}}, "list of values, or low and high"),
        ({"gru": {"sigma": {"low": 2, "high": 1}}}, "list of values, or low and high"),
    ],
)
def test_ranges_that_are_none_are_one_sentence(ranges, message):
    with pytest.raises(OntogymError, match=message):
        make_plan({**CONTENT, "tune": ranges}, "p")


def test_a_tiny_tuning_by_the_command_line(tmp_path, capsys):
    pytest.importorskip("optuna")
    file = tmp_path / "tiny.toml"
    file.write_text(
        "seeds = 1\n[defaults.evolve]\npopulation = 4\ngenerations = 1\neval_every = 1\neval_lives = 2\nfinal_lives = 2\n"
        '[tasks.Foraging]\nenv = "ontogym/Foraging-v0"\n[methods.mlp]\nagent = "mlp"\n[evaluations.score]\nlives = 2\n'
        "[tune.mlp]\nsigma = { low = 0.1, high = 1.0, log = true }\n"
    )
    main(["sweep", str(file), "--tune", "2", "--out", str(tmp_path / "out"), "--evaluator", "process"])
    assert "sigma" in capsys.readouterr().out
    (cell,) = json.loads((tmp_path / "out" / "tuning.json").read_text())["cells"]
    assert len(cell["tried"]) == 2
    assert cell["score"] == max(each["score"] for each in cell["tried"])


def test_what_another_tuning_found_stays(tmp_path):
    pytest.importorskip("optuna")
    plan = make_plan(CONTENT, "p")
    for only in ("gru", "mlp", "gru"):
        found = tune(plan, tmp_path, runner([]), trials=2, only=only)
    assert sorted(each["method"] for each in found["cells"]) == ["gru", "mlp"]
    assert read_sealed_json(tmp_path / "tuning.json") == found
    assert [e["method"] for e in tune(plan, tmp_path, runner([]), trials=3, only="gru")["cells"]] == ["gru"]
    others = make_plan({**CONTENT, "defaults": {"evolve": {"generations": 9}}}, "p")
    assert [e["method"] for e in tune(others, tmp_path, runner([]), trials=3, only="mlp")["cells"]] == ["mlp"]
    write_sealed_json(tmp_path / "tuning.json", {"name": "p"})
    with pytest.raises(OntogymError, match="no outcome"):
        tune(plan, tmp_path, runner([]), trials=2, only="gru")


def test_a_sweep_takes_what_was_tuned(tmp_path):
    """Of its own task and method, and for a method that is like it; its cells say otherwise if they will."""
    best = {"sigma": 0.5, "agent_options.hidden": 8}
    cells = [{"task": "easy", "method": "gru", "best": best, "score": 1.0, "tried": []}]
    write_sealed_json(tmp_path / "tuning.json", {"cells": cells})
    (tmp_path / "sweep.toml").write_text(
        """
        seeds = [1]
        tuned = { file = "tuning.json" }
        [tasks]
        easy = { env = "A-v0" }
        [methods]
        gru = { agent = "gru", agent_options = { hidden = 4, hears = ["action"] } }
        deaf = { like = "gru", silenced = ["action"] }
        whole = { like = "gru", agent_options = { hidden = 5 } }
        wide = { like = "gru", "agent_options.hidden" = 99 }
        mlp = { agent = "mlp", tuned = false }
        [[cells]]
        method = "deaf"
        sigma = 0.1
        "agent_options.hears" = []
        """
    )
    flags = {(cell.task, cell.method): cell.flags for cell in read_plan(tmp_path / "sweep.toml").cells}
    assert flags["easy", "gru"]["sigma"] == 0.5
    assert flags["easy", "gru"]["agent_options"] == {"hidden": 8, "hears": ["action"]}
    assert flags["easy", "deaf"]["sigma"] == 0.1
    assert flags["easy", "deaf"]["agent_options"]["hidden"] == 8
    assert flags["easy", "wide"]["agent_options"] == {"hidden": 99, "hears": ["action"]}
    assert flags["easy", "wide"]["sigma"] == 0.5
    assert flags["easy", "deaf"]["agent_options"]["hears"] == []
    assert flags["easy", "whole"]["agent_options"] == {"hidden": 5}
    assert "sigma" not in flags["easy", "mlp"]


@pytest.mark.parametrize(
    ("table", "content", "message"),
    [
        ({"file": "tuning.json", "more": 1}, {"cells": []}, "one thing"),
        ({"file": "tuning.json"}, {"cells": 3}, "no outcome"),
        ({"file": "tuning.json"}, {"cells": [4]}, "no outcome"),
        ({"file": "none.json"}, {"cells": []}, "none.json"),
        ({"file": "tuning.json"}, {"cells": []}, "no settings of gru on easy"),
        ({"file": "tuning.json"}, {"cells": [{"task": ["a"], "method": "gru", "best": {}}]}, "no outcome"),
        *(
            ({"file": "tuning.json"}, {"cells": [{"task": "easy", "method": "gru", "best": best}]}, message)
            for best, message in (
                (5, "no outcome"),
                ({"seeds": 9}, "no outcome"),
                ({"agent.x": 1}, "agent.x"),
                ({".x": 1}, "mend it"),
                ({"sigma.": 1}, "mend it"),
            )
        ),
    ],
)
def test_what_was_not_tuned_is_refused(tmp_path, table, content, message):
    write_sealed_json(tmp_path / "tuning.json", content)
    with pytest.raises(OntogymError, match=message):
        make_plan({**CONTENT, "tuned": table}, "p", tmp_path)


def test_tuned_settings_of_a_stranger_import_nothing(tmp_path, capsys):
    cells = [{"task": "easy", "method": "gru", "best": {"agent": "evil.py:Agent"}}]
    write_sealed_json(tmp_path / "tuning.json", {"cells": cells})
    (tmp_path / "s.toml").write_text(
        'tuned = { file = "tuning.json" }\n[tasks.easy]\nenv = "A-v0"\n[methods.gru]\nagent = "gru"\n'
    )
    assert main(["sweep", str(tmp_path / "s.toml"), "--dry-run"]) == 2
    assert "would import code" in capsys.readouterr().err
