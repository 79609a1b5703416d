"""Every long command at its smallest, run in forked children that are killed outright at random moments.

A child is a fork of a process that has imported everything, so a kill costs what the command itself costs.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ontogym import checkpoint

__all__ = ["JOBS", "Outcome", "kill_often"]

Job = Callable[[Path, bool], Any]
"""Runs a command in a folder, with or without resuming it."""


def _evolve(out: Path, resume: bool) -> Any:
    from ontogym.baselines.evolution.config import EvolutionConfig
    from ontogym.baselines.evolution.run import evolve
    from tests.baselines.toy import GOAL

    settings: dict[str, Any] = {"population": 8, "generations": 30, "eval_every": 5, "checkpoint_every": 2}
    settings |= {"eval_lives": 4, "final_lives": 4, "conditions": ({"goal": 0}, {"goal": 1})}
    config = EvolutionConfig(env=GOAL, agent="tests.baselines.toy:Linear", out=str(out), **settings)
    evolve(config, resume=resume, progress=False)


def _train(out: Path, resume: bool) -> Any:
    from ontogym.baselines.sb3.config import TrainingConfig
    from ontogym.baselines.sb3.run import train

    hyper = {"n_envs": 2, "n_steps": 16, "batch_size": 32, "n_epochs": 1, "net_arch": [4]}
    train(
        TrainingConfig(
            "ppo", "ontogym/CartPole-v1", steps=512, segment=64, eval_episodes=2, hyper=hyper, out=str(out)
        ),
        resume=resume,
    )


def _images(out: Path, resume: bool) -> Any:
    from ontogym.studies.wave_pretraining.building import build
    from tests.studies.wave_pretraining.toy import Toy

    build(Toy(classes=40), out)


def _pretrain(out: Path, resume: bool) -> Any:
    from ontogym.studies.wave_pretraining.training import train
    from tests.studies.wave_pretraining.bars import FAST, bars

    train(FAST, bars(24), out, resume=resume)


def _finetune(out: Path, resume: bool) -> Any:
    from ontogym.developmental.feature_extractors.saved_network import load_network
    from ontogym.studies.wave_pretraining.training import train
    from tests.studies.wave_pretraining.bars import FAST, bars

    start = out.parent / "start"
    if not (start / "network.safetensors").is_file():
        train(FAST, bars(24), start)
    train(FAST, bars(24, seed=1), out, load_network(start), resume=resume)


def _infer(out: Path, resume: bool) -> Any:
    from ontogym.studies.rule_inference import run
    from ontogym.studies.rule_inference.config import InferenceConfig

    run.SAVE_SECONDS = 0.0
    settings = {"animals": 6, "trials": 10, "folds": 2, "epochs": 3, "hidden": 2}
    run.infer_rule(InferenceConfig(simulate="reinforce", **settings), out, resume=resume)  # type: ignore[arg-type]


def _retina_fit(out: Path, resume: bool) -> Any:
    from ontogym.retina_env.forward_model import TwinShape
    from ontogym.retina_env.twin_fit import FitConfig, fit
    from ontogym.retina_env.twins import save_twin

    images = np.random.default_rng(0).random((64, 32, 32), np.float32)
    responses = np.random.default_rng(1).poisson(2.0, (64, 3)).astype(np.float32)
    shape = TwinShape(neurons=3, size=32, kernels=2, kernel_size=7, pool=2)
    found = fit(images, responses, shape, FitConfig(epochs=8, batch=16), out / "state.fit", resume=resume)
    save_twin(out / "twin.safetensors", found.twin)


def _report(out: Path, resume: bool) -> Any:
    from ontogym.studies.retina_report import parts
    from ontogym.studies.retina_report.config import ReportConfig
    from ontogym.studies.retina_report.run import run_report

    parts.SCENES = 24
    sizes = {"alphas": (1.0,), "images": 24, "test_images": 10, "repeats": 2, "new_retinas": 1, "epochs": 1}
    run_report(ReportConfig(seeds=(0,), folds=(4, 16, 32), **sizes), out, show_progress=False)  # type: ignore[arg-type]


def _rank_sweep(out: Path, resume: bool) -> Any:
    from ontogym.studies.regimes.config import RankSweepConfig
    from ontogym.studies.regimes.rank_sweep import rank_sweep

    sizes = {"nodes": 12, "iterations": 4, "batch": 8, "probes": 8, "kernel_probes": 4}
    rank_sweep(RankSweepConfig(ranks=(1, 2), seeds=(1, 2), **sizes), out, resume=resume)  # type: ignore[arg-type]


def _curvature(out: Path, resume: bool) -> Any:
    from ontogym.studies.regimes.config import CurvatureConfig
    from ontogym.studies.regimes.curvature import curvature

    sizes = {"nodes": 8, "iterations": 4, "batch": 8, "hessian_trials": 8, "hessian_iterations": 20}
    curvature(CurvatureConfig(seeds=(1, 2), rules=("bptt", "rflo"), **sizes), out, resume=resume)  # type: ignore[arg-type]


def _sweep(out: Path, resume: bool) -> Any:
    from ontogym.baselines.evolution.config import EvolutionConfig
    from ontogym.baselines.evolution.run import evolve
    from ontogym.baselines.sweep.plan import make_plan
    from ontogym.baselines.sweep.run import run_sweep
    from tests.baselines.toy import GOAL

    def run(command: str, flags: Any, resume: bool) -> dict[str, Any]:
        if command == "evaluate":
            return {"mean": 1.0}
        settings = {
            "population": 4,
            "generations": 6,
            "checkpoint_every": 1,
            "eval_lives": 2,
            "final_lives": 2,
        }
        config = EvolutionConfig(agent="tests.baselines.toy:Linear", **{**settings, **flags})
        resume = resume and (Path(str(config.out)) / "config.json").is_file()
        return evolve(config, resume=resume, progress=False).as_json()

    content = {
        "tasks": {"goal": {"env": GOAL}},
        "methods": {"evolve": {"command": "evolve"}},
        "seeds": [1, 2, 3, 4],
        "evaluations": {"score": {}},
    }
    run_sweep(make_plan(content, "p"), out, run, progress=False)


JOBS: dict[str, Job] = {
    "evolve": _evolve,
    "train": _train,
    "image set": _images,
    "pretrain": _pretrain,
    "finetune": _finetune,
    "infer-rule": _infer,
    "retina fit": _retina_fit,
    "retina report": _report,
    "rank-sweep": _rank_sweep,
    "curvature": _curvature,
    "sweep": _sweep,
}
_UNTOLD = ("checksum", "date", "machine", "command", "cpu", "facts_seconds", "created", "hardware")
_UNREAD = (".lock", "tensorboard", ".html", ".png", ".part", ".fit")


class Outcome(NamedTuple):
    """How often a job was killed, and what was wrong with what came of it."""

    kills: int
    faults: list[str]


def kill_often(name: str, kills: int, folder: Path, rng: np.random.Generator) -> Outcome:
    """Run a job undisturbed once, then again and again under kills, each run until it is through.

    Args:
        name: of `JOBS`. kills: how many in all. folder: to work in. rng: of the moments.
    """
    job = JOBS[name]
    began = time.perf_counter()
    if _child(job, folder / "whole", False) != 0:
        return Outcome(0, ["it fails undisturbed"])
    seconds, whole = time.perf_counter() - began, content(folder / "whole")
    done, faults = 0, []
    while done < kills and not faults:
        out = folder / "killed"
        shutil.rmtree(out, ignore_errors=True)
        stage = (0, 0)
        for attempt in range(4):
            left = kills - done if attempt < 3 else 0
            status = _child(job, out, _begun(out), rng.uniform(0.02, 0.9) * seconds if left > 0 else None)
            now = _stage(out)
            if now < stage:
                faults.append(f"a kill took the run back from {stage} to {now}")
            stage = now
            if status is None:
                done += 1
                continue
            if status != 0:
                faults.append(f"resumed after {done} kills it fails: {(folder / 'error').read_text()[-300:]}")
            break
        if not faults:
            found = content(out)
            faults += [
                f"{file} differs{_where(whole.get(file), found.get(file))}"
                for file in sorted(whole.keys() | found.keys())
                if whole.get(file) != found.get(file)
            ]
    return Outcome(done, faults)


def _where(one: Any, other: Any) -> str:
    """By which names two objects differ."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return f": {str(one)[:60]}, {str(other)[:60]}"
    differ = sorted(k for k in one.keys() | other.keys() if one.get(k) != other.get(k))
    return f" in {differ[0]}{_where(one.get(differ[0]), other.get(differ[0]))}"


def _begun(out: Path) -> bool:
    """Whether there is a run that can be resumed."""
    names = ("config.json", "run.json", "building.json", "state.fit")
    return any((out / name).is_file() for name in names)


def _child(job: Job, out: Path, resume: bool, seconds: float | None = None) -> int | None:
    """The exit status of a job in a child; None if it was killed after so many seconds."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            job(out, resume)
            status = 0
        except BaseException as error:
            (out.parent / "error").write_text(f"{type(error).__name__}: {error}")
        finally:
            os._exit(status)
    deadline = None if seconds is None else time.perf_counter() + seconds
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if deadline is not None and time.perf_counter() >= deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None
        time.sleep(0.002)


def _stage(out: Path) -> tuple[int, int]:
    """How far a run is: files that are finished, and the step of its checkpoint."""
    if (out / "manifest.json").is_file():  # the set is whole, and its parts are put away
        return 10**6, 0
    kept = sum(len(list(out.glob(pattern))) for pattern in ("cells/*.json", "finished/*.json", "part-*.json"))
    file = out / "checkpoint.safetensors"
    meta = checkpoint.meta(file) if file.is_file() else {}
    return kept, max((int(meta[key]) for key in ("generation", "segment", "epoch") if key in meta), default=0)


def content(folder: Path) -> dict[str, Any]:
    """What a finished run holds, file by file, without what depends on the clock."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if not any(sign in name for sign in _UNREAD):
            found[name] = _told(path)
    return found


def _told(path: Path) -> Any:
    if path.suffix == ".safetensors":
        arrays, _, meta = checkpoint._read(path)
        return {n: (str(v.dtype), v.shape, v.tobytes()) for n, v in arrays.items()}, _timeless(meta)
    if path.suffix == ".json":
        return _timeless(json.loads(path.read_text()))
    if path.suffix == ".csv":
        rows = [line.split(",") for line in path.read_text().splitlines()]
        kept = [k for k, title in enumerate(rows[0]) if "seconds" not in title]
        return [[row[k] for k in kept] for row in rows]
    return path.read_bytes()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            k: _timeless(v)
            for k, v in value.items()
            if "second" not in k and k not in (*_UNTOLD, "wall", "out", "progress", "fingerprint")
        }
    if isinstance(value, list):
        return [_timeless(item) for item in value]
    return value
