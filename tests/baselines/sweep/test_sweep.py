"""Sweeps: what a file asks for, what is run again and what is not, and the tables."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from ontogym.baselines.sweep.plan import REPORTED, check_cell, make_plan, read_plan
from ontogym.baselines.sweep.run import Threads, _check_primary, read_cells, run_sweep
from ontogym.baselines.sweep.tables import ahead, markdown, pooled, rows, scaled
from ontogym.cli import main
from ontogym.cli.sweep import Subprocesses, _line
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.figures.profiles import profiles_figure
from ontogym.processes import Terminated, sigterm_interrupts
from ontogym.runs import holding

CONTENT = {
    "primary": "score.mean",
    "seeds": 3,
    "defaults": {"evolve": {"population": 8, "lives": 4}},
    "tasks": {
        "easy": {"env": "A-v0", "anchors": [0.0, 10.0]},
        "hard": {"env": "B-v0", "anchors": [0.0, 10.0]},
    },
    "methods": {
        "gru": {"agent": "gru", "lives": 2},
        "ppo": {"command": "train", "algo": "ppo", "tasks": ["easy"]},
    },
    "evaluations": {"score": {"lives": 96}, "blind": {"silenced": ["action"], "methods": ["gru"]}},
    "cells": [{"task": "hard", "method": "gru", "population": 16, "seeds": [5]}],
}


RANDOM = """
        [methods.random]
        command = "train"
        algo = "random"
        eval_episodes = 2
        [evaluations.score]
        lives = 4
"""


def test_flags_of_a_cell_are_defaults_then_task_then_method_then_its_own():
    plan = make_plan(CONTENT, "p")
    assert [c.name for c in plan.cells] == [
        "easy--gru--s1", "easy--ppo--s1", "easy--gru--s2", "easy--ppo--s2", "easy--gru--s3", "easy--ppo--s3",
        "hard--gru--s5",
    ]  # fmt: skip
    assert plan.cells[0].flags == {"population": 8, "lives": 2, "env": "A-v0", "agent": "gru"}
    assert plan.cells[-1].flags["population"] == 16
    assert plan.cells[1].command == "train"
    assert set(plan.cells[0].evaluations) == {"score", "blind"}
    assert set(plan.cells[1].evaluations) == {"score"}
    assert len({c.fingerprint for c in plan.cells}) == len(plan.cells)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": {}}, "did you mean 'tasks'"),
        ({"tasks": {}}, r"needs \[tasks.NAME\]"),
        ({"methods": {"../x": {}}}, "file names"),
        ({"primary": "scor.mean"}, "did you mean 'score'"),
    ],
)
def test_what_cannot_be_is_one_sentence(change, message):
    with pytest.raises(OntogymError, match=message):
        make_plan({**CONTENT, **change}, "p")


def runner(log):
    """Pretends to run commands: the score is the seed."""
    seeds = {}

    def run(command, flags, resume):
        log.append((command, resume))
        if command == "evaluate":
            score = float(seeds[flags["target"]]) - (10 if "silenced" in flags else 0)
            return {"mean": score, "parameters": 7}
        seeds[flags["out"]] = flags["seed"]
        return {"env_steps": 100, "cpu_seconds": 2.0, "config": "long"}

    return run


def test_a_method_goes_on_where_another_ended(tmp_path):
    first = {"agent": "gru", "tasks": ["easy"]}
    further = {**first, "start_from": "{cells}/easy--gru--s{seed}.best.safetensors"}
    plan = make_plan({**CONTENT, "methods": {"gru": first, "further": further}, "cells": []}, "p")
    assert [cell.method for cell in plan.cells] == ["gru", "further"] * 3
    started = []

    def run(command, flags, resume):
        started.append(flags.get("start_from"))
        return {"mean": 1.0}

    run_sweep(plan, tmp_path, run, progress=False)
    starts = [name for name in started if name is not None]
    assert starts == [str(tmp_path / f"cells/easy--gru--s{seed}.best.safetensors") for seed in (1, 2, 3)]


def test_a_method_may_be_like_one_above_it():
    first = {"agent": "gru", "population": 64, "seeds": 1}
    methods = {
        "gru": first,
        "wide": {"like": "gru", "population": 128},
        "long": {"like": "wide", "generations": 9},
    }
    cells = {cell.method: cell for cell in make_plan({**CONTENT, "methods": methods, "cells": []}, "p").cells}
    said = {
        name: (cell.flags["agent"], cell.flags["population"], cell.flags.get("generations"))
        for name, cell in cells.items()
    }
    assert said == {"gru": ("gru", 64, None), "wide": ("gru", 128, None), "long": ("gru", 128, 9)}
    for model in ("later", "me"):
        wrong = {"me": {"like": model}, "later": first}
        with pytest.raises(OntogymError, match="method above me"):
            make_plan({**CONTENT, "methods": wrong, "cells": []}, "p")


def test_what_a_method_took_holds_the_stages_that_it_began_from_each_once(tmp_path):
    stage = {"agent": "gru", "tasks": ["easy"]}
    methods = {
        "born": stage,
        "other": stage | {"seed": "{seed}7"},
        "turns": stage | {"start_from": "{cells}/{task}--born--s{seed}.best.safetensors"},
        "last": stage
        | {"start_from": "{cells}/{task}--turns--s{seed}.best.safetensors"}
        | {"restart_from": ["{cells}/{task}--born--s{seed}.best.safetensors", "{cells}/{task}--other--s{seed}.best.safetensors"]},
    }  # fmt: skip
    evaluations = {"score": {"methods": ["turns", "last"]}}
    content = {
        **CONTENT,
        "methods": methods,
        "evaluations": evaluations,
        "primary": "score.mean",
        "cells": [],
    }
    plan, seeds = make_plan(content, "p"), []

    def run(command, flags, resume):
        if command == "evolve":
            seeds.append(str(flags["seed"]))
        return {"mean": 1.0, "env_steps": 10, "cpu_seconds": 2.0, "parameters": 7}

    found = run_sweep(plan, tmp_path, run, progress=False)
    assert seeds == [s for seed in "123" for s in (seed, f"{seed}7", seed, seed)]
    table = {row["method"]: row for row in rows(plan, found)}
    assert set(table) == {"turns", "last"}  # what nothing evaluates has no row
    assert (table["turns"]["env_steps"], table["last"]["env_steps"]) == (20, 40)
    assert table["last"]["cpu_seconds"] == 8.0
    assert "Stages before, not scored: `born`, `other`;" in markdown(plan, found)


def test_an_evaluation_called_score_beside_another_primary(tmp_path):
    evaluations = {"blind": {"silenced": ["action"]}, "score": {}}
    plan = make_plan({**CONTENT, "evaluations": evaluations, "primary": "blind.mean", "cells": []}, "p")
    found = rows(plan, run_sweep(plan, tmp_path, runner([]), progress=False))
    assert {row["score"].value for row in found} == {-8.0}  # seeds 1, 2 and 3, less 10
    assert {row["score.mean"] for row in found} == {2.0}
    assert "score.mean" in markdown(plan, read_cells(plan, tmp_path)).splitlines()[0]


def test_a_kill_after_a_cells_file_leaves_nothing_once_the_sweep_goes_on(tmp_path):
    plan = make_plan({**CONTENT, "cells": []}, "p")
    run_sweep(plan, tmp_path, runner([]), progress=False)
    left = tmp_path / "runs" / plan.cells[0].name
    left.mkdir(parents=True)
    mark = left.with_suffix(".fingerprint")
    mark.write_text(plan.cells[0].run_fingerprint)
    run_sweep(plan, tmp_path, runner([]), progress=False)
    assert not left.exists()
    assert not mark.exists()


def test_a_cell_is_run_once_and_again_when_its_settings_change(tmp_path):
    plan, log = make_plan(CONTENT, "p"), []
    run_sweep(plan, tmp_path, runner(log), progress=False)
    assert len(log) == 4 * 3 + 3 * 2
    run_sweep(plan, tmp_path, runner(log), progress=False)
    assert len(log) == 18
    changed = make_plan({**CONTENT, "defaults": {"evolve": {"population": 9}}}, "p")
    assert len(read_cells(changed, tmp_path)) == 4  # those of ppo, and the cell with a population of its own
    found = run_sweep(plan, tmp_path, runner(log), workers=2, progress=False)
    table = {(r["task"], r["method"]): r for r in rows(plan, found)}
    assert table["easy", "gru"]["score"].value == 2.0
    assert table["easy", "gru"]["blind"] == -8.0
    assert table["easy", "gru"]["cpu_seconds"] == 2.0
    assert "config" not in found[0]["result"]
    assert "| easy | gru | 3 | 2 [1, 3] | -8 | 7 | 100 | 2 |" in markdown(plan, found)
    assert set(pooled(scaled(plan, found))) == {"gru"}  # ppo was not on every task
    assert pooled(scaled(plan, found))["gru"].value == pytest.approx(np.mean([0.2, 0.3]))


def test_methods_that_have_every_task_are_compared_by_profiles_and_by_whose_run_is_ahead(tmp_path):
    """By hand: on the scale of 0 to 10 runs of gru have .1, .2 and .3 on each task, those of ppo .3, .4 and .5."""
    content = {
        "tasks": {"one": {"env": "A-v0", "anchors": [0, 10]}, "two": {"env": "B-v0", "anchors": [0, 10]}},
        "methods": {"gru": {"agent": "gru"}, "ppo": {"command": "train", "algo": "ppo"}},
        "seeds": 3,
        "evaluations": {"score": {}},
    }
    plan = make_plan(content, "p")
    cells = run_sweep(plan, tmp_path, runner([]), progress=False)
    for cell in cells:
        cell["evaluations"]["score"]["mean"] = cell["seed"] + 2.0 * (cell["method"] == "ppo")
    ((best, other, beats),) = ahead(scaled(plan, cells))
    assert (best, other) == ("ppo", "gru")
    assert beats.value == pytest.approx(8.5 / 9)  # of nine pairs eight are won and one is even
    figure = profiles_figure(scaled(plan, cells))
    low, high = (line.get_ydata() for line in figure.axes[0].lines)
    x = figure.axes[0].lines[0].get_xdata()
    np.testing.assert_allclose(low[[x.searchsorted(0.05), x.searchsorted(0.25), -1]], [1, 1 / 3, 0])
    assert (low <= high).all()
    assert scaled(make_plan({**content, "tasks": {"one": {"env": "A-v0"}}}, "p"), cells) == {}


def test_networks_that_are_not_finite_are_named_below_the_table(tmp_path):
    plan = make_plan({**CONTENT, "cells": []}, "p")
    cells = run_sweep(plan, tmp_path, runner([]), progress=False)
    assert "not finite" not in markdown(plan, cells)
    cells[0]["evaluations"]["score"]["diagnostics"] = {"not_finite": 2.0}
    assert f"no decisions: `{cells[0]['method']}` on {cells[0]['task']}." in markdown(plan, cells)


def test_what_is_asked_of_a_run_afterwards_does_not_run_it_again(tmp_path):
    """An evaluation fails: asked otherwise, the command goes on in the folder that it had; with other flags it begins anew."""
    asked = []

    def run(command, flags, resume):
        if command == "evaluate":
            if "silenced" in flags:
                raise OntogymError("No.")
            return {"mean": 1.0}
        asked.append(resume)
        Path(flags["out"]).mkdir(parents=True, exist_ok=True)
        return {"env_steps": 1, "cpu_seconds": 1.0}

    one = {
        **CONTENT,
        "tasks": {"easy": {"env": "A-v0"}},
        "methods": {"gru": {"agent": "gru"}},
        "cells": [],
        "seeds": 1,
    }
    with pytest.raises(OntogymError, match="No"):
        run_sweep(make_plan(one, "p"), tmp_path, run, progress=False)
    with pytest.raises(OntogymError, match="No"):
        run_sweep(
            make_plan({**one, "defaults": {"evolve": {"lives": 3}}}, "p"), tmp_path, run, progress=False
        )
    mended = {**one, "defaults": {"evolve": {"lives": 3}}, "evaluations": {"score": {}}}
    run_sweep(make_plan(mended, "p"), tmp_path, run, progress=False)
    assert asked == [False, False, True]


def test_a_cell_that_fails_is_named_and_the_others_are_kept(tmp_path):
    plan, log = make_plan(CONTENT, "p"), []
    good = runner(log)

    def run(command, flags, resume):
        if flags.get("algo") == "ppo" and flags["seed"] == 2:
            raise OntogymError("no luck")
        return good(command, flags, resume)

    with pytest.raises(OntogymError, match=r"1 of 7 cells failed:.*easy--ppo--s2: no luck"):
        run_sweep(plan, tmp_path, run, progress=False)
    assert len(read_cells(plan, tmp_path)) == 6


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"evaluations": {"score": {"methods": ["pop"]}}}, r"'pop'; did you mean 'ppo'"),
        (
            {"evaluations": {"score": {"tasks": ["eazy"]}}},
            r"\[evaluations.score\] 'eazy'; did you mean 'easy'",
        ),
        ({"methods": {**CONTENT["methods"], "ppo": {"tasks": ["eazy"]}}}, r"\[methods.ppo\] 'eazy'"),
        ({"cells": [{"task": "eazy", "lives": 3}]}, r"task in \[cells\] 'eazy'; did you mean 'easy'"),
    ],
)
def test_names_that_a_file_does_not_have_are_refused(table, says):
    with pytest.raises(OntogymError, match=says):
        make_plan({**CONTENT, "cells": [], **table}, "p")


def test_a_primary_endpoint_that_no_evaluation_has_is_refused_and_what_was_run_is_kept(tmp_path):
    with pytest.raises(OntogymError, match="'maen'; did you mean 'mean'"):
        make_plan({**CONTENT, "primary": "score.maen"}, "p")
    plan = make_plan({**CONTENT, "primary": "score.regained"}, "p")  # a number of other tasks
    with pytest.raises(OntogymError, match="number in primary"):
        run_sweep(plan, tmp_path, runner([]), progress=False)
    assert (tmp_path / "runs" / plan.cells[0].name).with_suffix(".fingerprint").exists()


@pytest.mark.parametrize(
    ("primary", "says"),
    [("flip.frozen.fre", "did you mean 'free'"), ("flip.frozen.free.mean", "'mean'; known are: none"), ("flip.regained.mean", None)],
)  # fmt: skip
def test_every_part_of_a_primary_endpoint_is_looked_up(primary, says):
    scores = {"flip": {"frozen": {"free": 1.0}, "regained": None}}
    if says is None:
        _check_primary(
            primary, scores
        )  # nothing was lost, so that nothing is regained: a number that is not there, and no mistake
        return
    with pytest.raises(OntogymError, match=says):
        _check_primary(primary, scores)


def test_a_cell_is_held_by_one_process_and_the_others_are_run(tmp_path):
    plan, log = make_plan(CONTENT, "p"), []
    with (
        holding(tmp_path / "runs" / ".held" / "easy--ppo--s2", "runs this cell"),
        pytest.raises(OntogymError, match=r"1 of 7 cells failed.*Another process runs this cell"),
    ):
        run_sweep(plan, tmp_path, runner(log), progress=False)
    assert len(read_cells(plan, tmp_path)) == 6
    assert len(run_sweep(plan, tmp_path, runner(log), progress=False)) == 7


def test_workers_of_another_machine_must_see_the_folder(tmp_path):
    class Elsewhere(Threads):
        def results(self, work, tasks):
            shutil.rmtree(tmp_path / "cells")
            return super().results(work, tasks)

    plan, log = make_plan(CONTENT, "p"), []
    with pytest.raises(OntogymError, match=r"7 of 7 cells failed.*does not see .*--out in a folder that all"):
        run_sweep(plan, tmp_path, runner(log), Elsewhere(), progress=False)
    assert not log


SUBMITTED = {
    **CONTENT,
    "submit": {"store": "board", "author": "me"},
    "tasks": {
        "easy": {"env": "A-v0", "submits": ["A1", "A2"], "train": {"steps": 5}},
        "hard": {"env": "B-v0"},
    },
    "methods": {"gru": {"agent": "gru", "label": "GRU"}, "ppo": {"command": "train", "algo": "ppo"}},
}


def test_every_run_of_a_task_that_submits_is_submitted_to_all_its_tasks_and_verified(tmp_path):
    plan, log, sent = make_plan(SUBMITTED, "p"), [], []
    good = runner(log)

    def run(command, flags, resume):
        if not command.startswith("leaderboard"):
            return good(command, flags, resume)
        sent.append((command, dict(flags)))
        return {"id": f"entry{len(sent)}", "score": 1.0}

    found = run_sweep(plan, tmp_path, run, progress=False)
    assert [cell.get("submission") for cell in found if cell["task"] == "hard"] == [None] * 4
    assert found[0]["submission"] == {"A1": "entry2", "A2": "entry4"}
    submit, add = sent[0], sent[1]
    assert submit[0] == "leaderboard submit"
    assert {k: submit[1][k] for k in ("task", "label", "author")} == {
        "task": "A1",
        "label": "GRU",
        "author": "me",
    }
    assert add == ("leaderboard add", {"submission": submit[1]["out"], "store": "board"})
    # Flags of one command alone do not reach the other, and what is submitted is part of what decides a cell.
    assert [cell.flags.get("steps") for cell in plan.cells[:2]] == [None, 5]
    stages = {**SUBMITTED["methods"], "gru": {"agent": "gru", "submits": []}}
    assert not make_plan({**SUBMITTED, "methods": stages}, "p").cells[0].submission
    other = make_plan({**SUBMITTED, "submit": {"store": "board", "author": "you"}}, "p")
    assert other.cells[0].fingerprint != plan.cells[0].fingerprint


def test_sigterm_ends_the_cells_under_way_and_begins_no_other(tmp_path):
    ended, calls = threading.Event(), []

    def run(command, flags, resume):
        calls.append(command)
        os.kill(os.getpid(), signal.SIGTERM)
        assert ended.wait(20)  # a cell that nobody ends would never
        raise OntogymError("stopped")

    with sigterm_interrupts(), pytest.raises(Terminated):
        run_sweep(make_plan(CONTENT, "p"), tmp_path, run, progress=False, stop=lambda why: ended.set())
    assert calls == ["evolve"]
    assert not list((tmp_path / "cells").iterdir())


def test_a_sweep_that_stops_passes_sigterm_on():
    runs = Subprocesses()
    code = "import time; print('begun', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        runs._living.add(child)
        runs.stop(Terminated())
        assert child.wait(20) == -signal.SIGTERM
    with pytest.raises(OntogymError, match="was stopped"):
        runs("evolve", {}, False)


def test_flags_become_words():
    words = _line(
        "train", {"env_kwargs": {"a": 1, "b": "x"}, "resume": True, "hears": ["action"], "lives": 3}
    )
    assert words.split("\0") == [
        "train", "--env-kwargs", "a=1", "b=x", "--resume", "--hears", "action", "--lives", "3",
    ]  # fmt: skip


def test_what_is_evaluated_is_a_word_and_what_is_aimed_at_a_flag():
    assert _line("evaluate", {"target": "runs/x", "lives": 3}).split("\0") == [
        "evaluate",
        "runs/x",
        "--lives",
        "3",
    ]
    assert _line("evolve", {"target": 460.0}).split("\0") == ["evolve", "--target", "460.0"]


def test_a_sweep_from_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(
        """
        seeds = 1
        [tasks.CartPole]
        env = "ontogym/CartPole-v1"
        """
        + RANDOM
    )
    assert main(["sweep", "tiny.toml", "--dry-run"]) == 0
    assert "CartPole--random--s1" in capsys.readouterr().out
    assert main(["sweep", "tiny.toml", "--json", "--evaluator", "process", "--out", "here"]) == 0
    here = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert main(["sweep", "tiny.toml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert 10 < found["rows"][0]["score"]["value"] < 40
    assert here["rows"][0]["score"] == found["rows"][0]["score"]  # in this process or in one of its own
    assert len(read_cells(read_plan("tiny.toml"), "runs/sweep-tiny")) == 1
    with pytest.raises(UnknownNameError):
        make_plan({**CONTENT, "seed": 3}, "p")


def test_a_sweep_may_be_about_a_file_of_ones_own(tmp_path, monkeypatch):
    worlds = Path(__file__).parents[1] / "worlds.py"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bars_of_a_sweep.py").write_text(worlds.read_text())
    (tmp_path / "own.toml").write_text(
        """
        seeds = 1
        [tasks.Bars]
        env = "bars_of_a_sweep.py:Bars-v0"
        features = "flatten"
        features_options = ["scale=0.01"]
        """
        + RANDOM
    )
    assert main(["sweep", "own.toml", "--trust", "--evaluator", "process", "--out", "here"]) == 0
    (cell,) = read_cells(read_plan("own.toml"), "here")
    assert 0 <= cell["evaluations"]["score"]["mean"] <= 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 10**9}, "seeds is 1000000000"),
        ({"seeds": [3, 3]}, "a list of different whole numbers"),
        ({"defaults": {"evolv": {"population": 5}}}, "did you mean 'evolve'"),
        ({"seeds": -5}, "seeds is -5"),
        ({"seeds": [1, "x"]}, "seeds is"),
        ({"seeds": [10**400]}, "seeds is"),
        ({"tasks": 5}, "'tasks' of a sweep must be a table of tables"),
        ({"methods": {"m": 3}}, "'methods' of a sweep must be a table of tables"),
        ({"methods": {"m": {"command": "leaderboard add"}}}, "command of a sweep"),
        ({"methods": {"../m": {}}}, "part of file names"),
        ({"methods": {"m" * 300: {}}}, "part of file names"),
        ({"tasks": {"t": {"env": "A-v0", "anchors": ["a"]}}}, "two numbers"),
        ({"evaluations": [1]}, "'evaluations' of a sweep"),
        ({"cells": [5]}, "'cells' of a sweep must be a list of tables"),
        ({"columns": [1]}, "'columns' of a sweep"),
        ({"submit": 5}, "'submit' of a sweep"),
        ({"tune": 5}, "'tune' of a sweep"),
        ({"keep": ["../../etc/passwd"]}, "without folders"),
        ({"keep": ["/etc/passwd"]}, "without folders"),
        ({"tasks": {f"t{k}": {"env": "A-v0"} for k in range(101)}, "seeds": 1000}, "at most 100000 cells"),
    ],
)
def test_a_strangers_sweep_is_what_it_must_be_or_one_sentence(changes, message):
    with pytest.raises(OntogymError, match=message):
        make_plan({**CONTENT, **changes}, "s")


@pytest.mark.parametrize(
    "method",
    [
        'env = "evil.py:Evil"',
        'agent = "evil:Evil"',
        'agent_options = { synaptic_rule = "evil:Evil" }',
        'env_kwargs = { wrappers = [{ name = "evil:Evil" }] }',
    ],
)
def test_a_strangers_sweep_imports_no_code_unless_it_is_trusted(tmp_path, monkeypatch, capsys, method):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text("raise SystemExit('executed')")
    (tmp_path / "s.toml").write_text(
        f'seeds = 1\n[tasks.C]\nenv = "ontogym/CartPole-v1"\n[methods.m]\n{method}\n'
    )
    for flags in ([], ["--dry-run"], ["--cite", "--dry-run"]):
        assert main(["sweep", "s.toml", *flags]) == 2
        assert "would import code" in capsys.readouterr().err
    assert main(["sweep", "s.toml", "--table"]) == 0  # of stored cells: nothing is imported
    main(["sweep", "s.toml", "--dry-run", "--trust"])  # one's own is built before anything runs
    assert "would import code" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            '[tasks.C]\nenv = "ontogym/CartPole-v1"\n[methods.m]\nagent = "mlp"\nseed = 5\n',
            "its seed is 5 whatever the cell's",
        ),
        ('[tasks.C]\n[methods.m]\nagent = "mlp"\n', r"[tasks.C] has no env"),
        ('[tasks.C]\nenv = "ontogym/CartPol-v1"\n[methods.m]\nagent = "mlp"\n', "CartPol"),
        ('[tasks.C]\nenv = "ontogym/CartPole-v1"\n[methods.m]\nagent = "mpl"\n', "did you mean 'mlp'"),
        (
            '[tasks.C]\nenv = "ontogym/CartPole-v1"\n[methods.m]\nagent = "mlp"\nagent_options = { hiden = 4 }\n',
            "did you mean 'hidden'",
        ),
        ('[tasks.C]\nenv = "ontogym/CartPole-v1"\n[methods.m]\nagent = "mlp"\nstrategy = "nope"\n', "nope"),
        (
            '[tasks.C]\nenv = "ontogym/CartPole-v1"\n[methods.a]\nagent = "mlp"\n[methods.m]\nagent = "mlp"\nutility = "min"\nlives = 1\n',
            "worst of several",
        ),
        ('[tasks.C]\nenv = "ontogym/CartPol-v1"\n[methods.m]\ncommand = "train"\n', "CartPol"),
        (
            '[tasks.C]\nenv = "ontogym/CartPole-v1"\n[methods.m]\nagent = "mlp"\n[evaluations.score]\nsilenced = ["foo"]\n',
            "signal to silence",
        ),
        (
            '[tasks.C]\nenv = "ontogym/CartPole-v1"\n[methods.m]\nagent = "mlp"\n[evaluations.score]\nlives = 0\n',
            "lives is 0",
        ),
        (
            '[tasks.C]\nenv = "ontogym/CartPole-v1"\n[methods.m]\nagent = "mlp"\n[evaluations.score]\nenv = "ontogym/CartPol-v1"\n',
            "CartPol",
        ),
    ],
)
def test_what_cannot_run_is_met_before_anything_does(tmp_path, capsys, table, sentence):
    (tmp_path / "s.toml").write_text("seeds = 2\n" + table)
    for flags in (["--dry-run"], ["--out", str(tmp_path / "out")]):
        assert main(["sweep", str(tmp_path / "s.toml"), *flags]) == 2
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_seeds_that_enter_otherwise_leave_the_seed_free():
    methods = {"m": {"start_from": "runs/a-s{seed}", "seed": 7}}
    plan = make_plan({**CONTENT, "evaluations": {"score": {}}, "cells": [], "methods": methods}, "s")
    check_cell(plan.cells[0])


def test_all_numbers_that_evaluate_reports_may_be_an_endpoint(capsys):
    assert (
        main(
            [
                "evaluate",
                "zoo:lndp-flips",
                "--lives",
                "2",
                "--freeze",
                "wiring",
                "--from-episode",
                "1",
                "--json",
            ]
        )
        == 0
    )
    found = json.loads(capsys.readouterr().out)
    words = {"target", "agent", "env", "env_kwargs", "ci95_method"}
    assert set(found) - words <= set(REPORTED)
