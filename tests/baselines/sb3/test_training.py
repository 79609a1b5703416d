"""Training of baselines: killed runs end in the weights of uninterrupted ones; files are strict; floors and ceilings."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch

import ontogym  # noqa: F401 (registers)
from ontogym import checkpoint
from ontogym.baselines.sb3.policy import load_policy, read_training_run
from ontogym.baselines.sb3.run import TrainingConfig, score, train
from ontogym.errors import OntogymError

TINY = {
    "ppo": {"n_envs": 2, "n_steps": 32, "batch_size": 32, "n_epochs": 2, "normalise": True},
    "dqn": {
        "n_envs": 2,
        "learning_starts": 64,
        "buffer_size": 600,
        "batch_size": 16,
        "target_update_interval": 50,
    },
    "a2c": {"n_envs": 2, "n_steps": 8, "normalise": True},
    "sac": {"n_envs": 2, "learning_starts": 64, "buffer_size": 300, "batch_size": 16},
    "td3": {"n_envs": 2, "learning_starts": 64, "buffer_size": 300, "batch_size": 16},
    "recurrent-ppo": {"n_envs": 2, "n_steps": 32, "batch_size": 32, "n_epochs": 2, "lstm_size": 8},
}
SMALL_STEPS = {"ppo": {"n_envs": 2, "n_steps": 32, "batch_size": 32, "n_epochs": 1}}


def config(algo: str, out: Path, **changes: object) -> TrainingConfig:
    base = TrainingConfig(
        algo, "ontogym/CartPole-v1", seed=3, steps=1600, segment=256, eval_episodes=4, hyper=TINY.get(algo, {}),
        out=str(out),
    )  # fmt: skip
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def assert_same_run(one: Path, two: Path) -> None:
    for file, kind in (("last", "policy"), ("model", "policy"), ("checkpoint", "training")):
        ours, _ = checkpoint.load(one / f"{file}.safetensors", kind)
        theirs, _ = checkpoint.load(two / f"{file}.safetensors", kind)
        assert ours.keys() == theirs.keys()
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


@pytest.mark.parametrize("algo", ["a2c", "dqn", "sac", "td3", "recurrent-ppo"])
def test_an_interrupted_run_ends_in_the_same_weights(
    algo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if algo == "recurrent-ppo":
        pytest.importorskip("sb3_contrib")
    env = "ontogym/Pendulum-v1" if algo in ("sac", "td3") else "ontogym/CartPole-v1"
    changes = {"env": env, "steps": 512, "max_steps": 50, "eval_episodes": 2}
    whole = train(config(algo, tmp_path / "whole", **changes))
    cut = config(algo, tmp_path / "cut", **changes)
    calls = []

    def interrupt(*given: object) -> float:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return score(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("ontogym.baselines.sb3.run.score", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(cut)
    assert (tmp_path / "cut" / "checkpoint.safetensors").exists()
    assert not (tmp_path / "cut" / "last.safetensors").exists()
    again = train(cut, resume=True)
    assert again["training"]["curve"] == whole["training"]["curve"]
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def segments(folder: Path) -> int:
    """Segments behind the last checkpoint; 0 in a folder that has none, -1 before there is one."""
    file = folder / "checkpoint.safetensors"
    if not file.exists():
        return 0 if (folder / "run.json").exists() else -1
    return int(checkpoint.load(file, "training")[1]["segment"])


def test_a_run_killed_anywhere_ends_in_the_same_weights(tmp_path: Path) -> None:
    whole = train(config("ppo", tmp_path / "whole"))
    killed = config("ppo", tmp_path / "killed")
    code = (
        "import json, sys, ontogym\nfrom ontogym.baselines.sb3.run import *\n"
        "train(TrainingConfig(**json.loads(sys.argv[1])), resume=sys.argv[2] == '1')"
    )
    folder, chance, kills = tmp_path / "killed", np.random.default_rng(), 0
    segment = whole["training"]["wall_seconds"] / 7
    # In the first segment, in the middle and near the end, somewhere within a segment: clock times alone would mostly
    # hit the imports, which take longer than the run.
    for target in (0, int(chance.integers(1, 4)), int(chance.integers(4, 6))):
        words = [json.dumps(dataclasses.asdict(killed)), str(int(folder.exists()))]
        child = subprocess.Popen([sys.executable, "-c", code, *words])
        while segments(folder) < target and child.poll() is None:
            time.sleep(0.001)
        time.sleep(chance.uniform(0.0, segment))
        child.send_signal(signal.SIGKILL)
        kills += child.wait() == -signal.SIGKILL
        assert segments(folder) >= target
    assert kills >= 2
    again = train(killed, resume=True)
    assert again["training"]["curve"] == whole["training"]["curve"]
    assert_same_run(tmp_path / "whole", folder)


def test_replay_of_dictionaries_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where observations are dictionaries, so are the buffers of what was observed."""
    parts = dataclasses.replace(
        config("sac", tmp_path / "run"),
        env="ontogym/RetinaRefinement-v0",
        env_kwargs={"obs": "statistics", "n_images": 4},
        steps=160,
        segment=80,
        eval_episodes=1,
    )
    train(parts)
    arrays, _ = checkpoint.load(tmp_path / "run" / "checkpoint.safetensors", "training")
    assert arrays["buffer/observations/target"].shape[-1] == 60
    train(dataclasses.replace(parts, steps=240), resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_a_start_killed_before_its_first_file_blocks_nothing(resume: bool, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".lock").touch()
    (folder / ".run.json.1.part").write_text("{")
    train(config("constant", folder, hyper={"action": 1}), resume=resume)
    assert not list(folder.glob("*.part"))
    assert json.loads((folder / "run.json").read_text())["training"] is not None


@pytest.mark.parametrize(
    ("env", "kwargs"),
    [
        ("MountainCar-v0", {}),
        ("ontogym/RetinaEncoding-v0", {"obs": "both"}),
        ("ontogym/RetinaEncoding-v0", {"obs": "statistics"}),
    ],
)
def test_other_environments_train(env: str, kwargs: dict[str, object], tmp_path: Path) -> None:
    made = config(
        "ppo", tmp_path / "run", env=env, env_kwargs=kwargs, steps=64, segment=64, eval_episodes=2,
        max_steps=20, hyper=SMALL_STEPS["ppo"],
    )  # fmt: skip
    facts = train(made)
    run = read_training_run(tmp_path / "run")
    single = gymnasium.make(run.env, **run.env_kwargs)
    policy = load_policy(run.tensors, run.options, single.observation_space, single.action_space)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in training: the twin's sums are cut up by threads
    try:
        assert score(policy, made) == facts["training"]["curve"][0][1]
    finally:
        torch.set_num_threads(threads)


def test_a_saved_model_scores_what_training_said(tmp_path: Path) -> None:
    made = config("ppo", tmp_path / "run", steps=256)
    facts = train(made)
    run = read_training_run(tmp_path / "run")
    env = gymnasium.make(run.env)
    policy = load_policy(run.tensors, run.options, env.observation_space, env.action_space)
    assert score(policy, made) == max(value for _, value in facts["training"]["curve"])
    assert "normalisation.mean" in run.tensors
    name = next(n for n in run.tensors if n.endswith("weight"))
    for tensors in (
        {n: t for n, t in run.tensors.items() if n != name},
        {**run.tensors, "more": np.zeros(1, np.float32)},
        {**run.tensors, name: run.tensors[name][:-1]},
        {**run.tensors, name: run.tensors[name] * np.nan},
        {**run.tensors, name: run.tensors[name].astype(np.float64)},
    ):
        with pytest.raises(OntogymError):
            load_policy(tensors, run.options, env.observation_space, env.action_space)
    with pytest.raises(OntogymError, match="layers"):
        load_policy(
            run.tensors, {**run.options, "net_arch": [10**9]}, env.observation_space, env.action_space
        )


def test_folders_are_never_clobbered_and_errors_say_how_to_mend(tmp_path: Path) -> None:
    train(config("constant", tmp_path / "run", hyper={"action": 1}))
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(OntogymError, match="--resume"):
        train(config("constant", tmp_path / "run", hyper={"action": 1}))
    with pytest.raises(OntogymError, match="seed"):
        train(config("constant", tmp_path / "run", hyper={"action": 1}, seed=4), resume=True)
    assert (tmp_path / "run" / "run.json").read_bytes() == before
    with pytest.raises(OntogymError, match="ppo, a2c, dqn"):
        train(config("sac", tmp_path / "sac"))
    with pytest.raises(OntogymError, match="ontogym/CartPole-v1"):
        train(config("ppo", tmp_path / "env", env="ontogym/CartPol-v1"))
    with pytest.raises(OntogymError, match="n_steps"):
        train(config("ppo", tmp_path / "hyper", hyper={"nsteps": 3}))
    assert not (tmp_path / "sac").exists()
    assert not (tmp_path / "env").exists()
    assert not (tmp_path / "hyper").exists()


@pytest.mark.parametrize(
    ("env", "least"), [("Foraging-v0", 480), ("CartPole-v1", 500), ("Pendulum-v1", -160)]
)
def test_references_reach_what_they_promise(env: str, least: float, tmp_path: Path) -> None:
    made = config("reference", tmp_path / "run", env=f"ontogym/{env}", eval_episodes=50)
    assert train(made)["training"]["curve"][0][1] >= least


@pytest.mark.parametrize("algo", ["ppo", "a2c", "dqn"])
def test_a_finished_run_is_extended_as_if_it_had_been_longer(algo: str, tmp_path: Path) -> None:
    """Where no setting falls with the steps that are left."""
    constant = {
        "ppo": {**SMALL_STEPS["ppo"], "learning_rate": 3e-4, "clip_range": 0.2},
        "a2c": {**TINY["a2c"], "learning_rate": 3e-4},
        "dqn": {**TINY["dqn"], "learning_rate": 3e-4, "exploration_fraction": 1e-9},
    }
    whole, parts = (
        config(algo, tmp_path / name, steps=512, segment=128, hyper=constant[algo])
        for name in ("whole", "parts")
    )
    train(whole)
    train(dataclasses.replace(parts, steps=256))
    with pytest.raises(OntogymError, match="already holds something"):
        train(parts)
    run = train(parts, resume=True)
    assert run["steps"] == run["training"]["env_steps"] == 512
    assert [steps for steps, _ in run["training"]["curve"]] == [128, 256, 384, 512]
    assert_same_run(tmp_path / "whole", tmp_path / "parts")
    assert read_training_run(tmp_path / "parts").training["env_steps"] == 512
    with pytest.raises(OntogymError, match="trained for 512 steps already, not 100"):
        train(dataclasses.replace(parts, steps=100), resume=True)
    assert train(parts, resume=True) == run


@pytest.mark.parametrize("last", [1, 2, 3])
def test_events_after_the_checkpoint_are_purged_at_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """What a killed run has logged after its last checkpoint does not step back in TensorBoard."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from ontogym.baselines.sb3 import run as module

    asked, folder = (
        config("ppo", tmp_path / "run", steps=512, segment=128, hyper=SMALL_STEPS["ppo"]),
        tmp_path / "run",
    )
    keep = module.RunFolder.keep

    def killed(self: object, kind: str, arrays: object, meta: dict[str, object], write: bool = True) -> None:
        if meta["segment"] == last:
            raise SystemExit
        keep(self, kind, arrays, meta, write)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(module.RunFolder, "keep", killed)
        with pytest.raises(SystemExit):
            train(asked)
    train(asked, resume=True)
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("eval/mean_return")] == [128, 256, 384, 512]
