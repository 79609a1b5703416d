"""The entries of the shipped leaderboard: train, submit, verify, add, and build the site.

    python benchmarks/leaderboard_results.py --list                  # cells and their commands
    python benchmarks/leaderboard_results.py ppo-cartpole --seeds 1 2 3
    python benchmarks/leaderboard_results.py all --parallel 2        # everything that is not there yet
    python benchmarks/leaderboard_results.py --write                 # the table, into README.md and docs/leaderboard.md

A cell is one agent on one task with one training seed. Runs are kept in runs/leaderboard/ and resume if killed; what is in
results/ already is not made again.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from cells import Failed, markdown, ontogym, put_between

from ontogym.leaderboard.board import Board, Entry, Row, read_board
from ontogym.leaderboard.suite import CONTROLS
from ontogym.leaderboard.suites import SUITES, SuiteTask

ROOT = Path(__file__).parent.parent
RUNS = ROOT / "runs" / "leaderboard"
STORE = ROOT / "results"
SEEDS = (1, 2, 3)
CHEAP = ("lndp-cartpole", "ppo-cartpole", "ppo-foraging", "ppo-reward-only")
"""Cells that take a minute or less a seed have ten."""


class Cell(NamedTuple):
    """What is trained (nothing for an agent without weights), on which task, under which name.

    `of` is the cell whose training this one submits to another task; `found` begins the names of JSON files, one a
    seed, with what a search found for an agent without weights: `key` says where among its facts, and `steps` after how
    many presentations.
    """

    label: str
    task: str
    train: str = ""
    agent: str = ""
    seeds: tuple[int, ...] = SEEDS
    of: str = ""
    found: str = ""
    key: str = "weights"
    steps: int = 0


IDENTITY = "--io-identity"
ONE_HOT = ("Foraging-v0", "ForagingRewardOnly-v0", "ForagingSwitch-v0")

TASKS = {
    "cartpole": "CartPole-v1",
    "acrobot": "Acrobot-v1",
    "pendulum": "Pendulum-v1",
    "foraging": "Foraging-v0",
    "reward-only": "ForagingRewardOnly-v0",
    "switch": "ForagingSwitch-v0",
    "action-flip": "CartPoleActionFlip-v0",
    "goal-swap": "ForagingGoalSwap-v0",
    "choice": "DeNovoChoice-v0",
    "shared": "SharedForaging-v0",
    "sensor-flip": "CartPoleSensorFlip-v0",
    "sensor-permute": "CartPoleSensorPermute-v0",
    "action-swap": "AcrobotActionSwap-v0",
    "drift": "CartPoleDrift-v0",
    "pendulum-drift": "PendulumDrift-v0",
    "pendulum-flip": "PendulumActionFlip-v0",
    "choice-blocks": "DeNovoChoiceBlocks-v0",
    "encoding": "RetinaEncoding-v0",
}
"""Tasks that PPO is trained on, by the names of their cells. The other encoding tasks are trained on by
``benchmarks/sweeps/encoding.toml``."""
WITHOUT_LNDP = ("pendulum-drift", "pendulum-flip", "encoding")


def _evolved(env: str, *options: str) -> str:
    return " ".join(["evolve", "--env", f"ontogym/{env}", *options])


def _trained(algorithm: str, env: str, steps: int) -> str:
    # The suites' foraging tasks show places one by one, as `ontogym evolve` does.
    kwargs = " --env-kwargs observation=one-hot" if env in ONE_HOT else ""
    return f"train --algo {algorithm} --env ontogym/{env}{kwargs} --steps {steps}"


def _prenatal() -> list[tuple[str, str, str, SuiteTask]]:
    """What comes before ("waves"), the short name ("foraging"), the environment, the task."""
    found = []
    for task in (task for task in SUITES["prenatal"].tasks if task.development):
        plain, version = task.env.removeprefix("ontogym/").split("-")
        word = task.name.removeprefix(plain).removesuffix(f"-{version}")
        found.append((word.lower(), plain.lower(), f"{plain}-{version}", task))
    return found


CELLS: dict[str, Cell] = {
    **{
        f"lndp-{name}": Cell("LNDP (identity)", task, _evolved(task, IDENTITY))
        for name, task in TASKS.items()
        if name not in WITHOUT_LNDP
    },
    # Made before its preset asked for 96.
    "lndp-pendulum": Cell(
        "LNDP (identity)", "Pendulum-v1", _evolved("Pendulum-v1", IDENTITY, "--eval-lives 32")
    ),
    **{
        # The runs of docs/experiments/prenatal.md: each evolved after the activity that its task has.
        f"lndp-{word}-{name}": Cell(
            "LNDP (identity)",
            task.name,
            _evolved(
                plain,
                f"{settings} --io-identity --target None",
                f"--development {task.development} --development-steps {task.development_steps}",
            ),
        )
        for word, name, plain, task in _prenatal()
        for settings in [{"foraging": "--episodes 2 --generations 30", "cartpole": "--generations 20"}[name]]
    },
    **{f"ppo-{word}-{name}": Cell("PPO", task.name, of=f"ppo-{name}") for word, name, _, task in _prenatal()},
    **{f"ppo-{name}": Cell("PPO", task, _trained("ppo", task, 100_000)) for name, task in TASKS.items()},
    "dqn-cartpole": Cell("DQN", "CartPole-v1", _trained("dqn", "CartPole-v1", 50_000)),
    "a2c-cartpole": Cell("A2C", "CartPole-v1", _trained("a2c", "CartPole-v1", 100_000)),
    "sac-pendulum": Cell("SAC", "Pendulum-v1", _trained("sac", "Pendulum-v1", 10_000)),
    "td3-pendulum": Cell("TD3", "Pendulum-v1", _trained("td3", "Pendulum-v1", 10_000)),
    **{
        f"random-{task.name}": Cell("random", task.name, agent="random", seeds=(1,))
        for suite in SUITES.values()
        for task in suite.tasks
    },
    **{
        # Thirteen zeros show averages of the pixels in front of each electrode.
        f"average-{task.name}": Cell("average (nothing learned)", task.name, agent="constant", seeds=(1,))
        for task in SUITES["encoding"].tasks
    },
    **{
        name: Cell(
            "CMA-ES, one filter for all pictures",
            task,
            agent="constant",
            found="docs/experiments/encoding/cma",
            steps=60 * 24 * 64,
        )
        for name, task in {
            "cma-encoding": "RetinaEncoding-v0",
            "cma-animals": "RetinaEncodingAnimals-v0",
            "cma-percept": "RetinaEncodingPercept-v0",
        }.items()
    },
    # One constant filter, fitted by the gradient through six animals, 32 patients, or (with a turn) 64 patients.
    "filter-animals": Cell(
        "one filter, through six animals",
        "RetinaEncodingAnimals-v0",
        agent="constant",
        seeds=(1,),
        found="docs/experiments/encoding/filter",
        steps=80 * 16 * 6,
    ),
    "filter-percept": Cell(
        "one filter, through 32 patients",
        "RetinaEncodingPercept-v0",
        agent="constant",
        seeds=(1,),
        found="docs/experiments/encoding/filter",
        key="argus.weights",
        steps=80 * 16 * 32,
    ),
    "filter-calibration": Cell(
        "one filter and turn, through 64 patients",
        "RetinaCalibration-v1",
        agent="constant",
        seeds=(0,),
        found="docs/experiments/encoding/calibration",
        key="common",
        steps=240 * 24,
    ),
    "observer-blocks": Cell("ideal observer", "DeNovoChoiceBlocks-v0", agent="block-observer", seeds=(1,)),
    **{
        f"wsls-{task}": Cell("win-stay, lose-shift (by hand)", task, agent="win-stay-lose-shift", seeds=(1,))
        for task in ("Foraging-v0", "ForagingRewardOnly-v0", "ForagingSwitch-v0", "ForagingGoalSwap-v0")
    },
}


CELLS |= {name: CELLS[name]._replace(seeds=tuple(range(1, 11))) for name in CHEAP}


def command(name: str, seed: int) -> str:
    """What trains a cell."""
    cell = CELLS[name]
    return f"ontogym {cell.train} --seed {seed} --out runs/leaderboard/{name}-s{seed}" if cell.train else ""


def make(name: str, seed: int) -> str:
    """Train (or resume), submit and add one cell; returns a line about it."""
    cell, trained = CELLS[name], CELLS[name].of or name
    run = RUNS / f"{trained}-s{seed}"
    if (STORE / "store.json").exists() and any(_is(entry, cell, seed) for entry in read_board(STORE).entries):
        return f"{name} seed {seed}: already there"
    if CELLS[trained].train and not (run / "done").exists():
        started = any((run / file).exists() for file in ("config.json", "run.json"))
        ontogym(*command(trained, seed).split()[1:], *["--resume"] * started)
        (run / "done").touch()
    out = RUNS / f"{name}-s{seed}-submission"
    if not (out / "manifest.json").exists():
        what = cell.agent or str(run)
        words = [
            "leaderboard",
            "submit",
            what,
            "--task",
            cell.task,
            "--label",
            cell.label,
            "--author",
            "ontogym",
        ]
        ontogym(*words, "--seed", str(seed), "--out", str(out), *_found(cell, seed))
    found = ontogym("leaderboard", "add", str(out), "--store", str(STORE))
    return f"{name} seed {seed}: {json.dumps(found)[:200]}"


def _found(cell: Cell, seed: int) -> list[str]:
    if not cell.found:
        return []
    found = json.loads(Path(ROOT, f"{cell.found}-s{seed}.json").read_text())["facts"]
    for part in cell.key.split("."):
        found = found[part]
    return ["--options", f"action={json.dumps(found)}", "--env-steps", str(cell.steps)]


def _is(entry: Entry, cell: Cell, seed: int) -> bool:
    newest = entry.suite in SUITES  # an entry of an old version of its suite is named with that version
    return newest and (entry.task, entry.label, entry.seed) == (cell.task, cell.label, seed)


def rows(board: Board) -> list[Row]:
    """A row per task and label, best first."""
    found = [row for row in board.rows if row.task]
    return sorted(found, key=lambda r: (r.suite, r.task or "", r.rank))


def table(rows: list[Row]) -> str:
    """All of them."""
    heads = (
        "suite",
        "task",
        "agent",
        "seeds",
        "return, IQM [95 %]",
        "regained or held-out",
        "env steps",
        "status",
    )
    lines = []
    for row in rows:
        steps = f"{row.env_steps:,.0f}" if row.env_steps else "–"
        steps += " (over budget)" if row.over_budget else ""
        named = [row.suite, str(row.task), row.label, str(row.seeds)]
        lines.append([*named, _score(row), _ranked(row), steps, row.status])
    return markdown(heads, lines)


def controls(board: Board) -> str:
    """What rows of tasks with controls earn as they are and under them, means over seeds."""
    lines = []
    scores = {entry.id: entry.score for entry in board.entries}
    for row in rows(board):
        found = [getattr(row, name) for name in CONTROLS]
        if any(value is not None for value in found) and row.label != "random":
            words = ["–" if value is None else f"{value:.1f}" for value in found]
            mean = sum(scores[name] for name in row.entries) / len(row.entries)
            lines.append([str(row.task), row.label, str(row.seeds), _ranked(row), f"{mean:.1f}", *words])
    names = [name.replace("_", " ") for name in CONTROLS]
    return markdown(["task", "agent", "seeds", "regained or held-out", "return", *names], lines)


COLUMNS = {
    "random": "random",
    "PPO": "PPO",
    "mlp": "MLP",
    "rnn": "RNN",
    "gru": "GRU",
    "hyper": "hyper",
    "trace": "trace",
    "LNDP (identity)": "LNDP",
    "LNDP, hears": "LNDP that hears",
}
"""Labels that have a column of their own in the README, and what they are called there."""


def overview(rows: list[Row]) -> str:
    """A row per task of the newest suites: the same agents on each, and the best of whatever else there is."""
    lines = []
    tasks: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        if row.suite in SUITES:
            tasks.setdefault((row.suite, row.task or ""), {})[row.label] = row
    for (suite, task), found in tasks.items():
        cells = [_short(found[label]) if label in found else "–" for label in COLUMNS]
        other = next((row for label, row in found.items() if label not in COLUMNS), None)
        cells.append(f"{_short(other)} {other.label}" if other else "–")
        lines.append([suite, task, *cells])
    return markdown(["suite", "task", *COLUMNS.values(), "best other"], lines)


def _short(row: Row) -> str:
    """The return; where a task ranks by something else, that, and the return in brackets."""
    score = f"{row.iqm:.{2 if abs(row.iqm) < 10 else 0 if abs(row.iqm) >= 100 else 1}f}"
    return score if row.ranked is None else f"{_ranked(row)} ({score})"


def _ranked(row: Row) -> str:
    """What a task ranks by, where it is not the return."""
    return "–" if row.ranked is None else f"{row.ranked:.2f}"


def _score(row: Row) -> str:
    return row.in_words(2 if abs(row.iqm) < 10 else 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cells", nargs="*", metavar="CELL", help="names of --list, or all")
    parser.add_argument("--seeds", type=int, nargs="+", help="those of the cell, if not given")
    parser.add_argument("--parallel", type=int, default=1, help="cells at a time, one core each")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if arguments.list:
        for name, cell in CELLS.items():
            what = cell.agent or f"runs/leaderboard/{cell.of}-s1"
            print(f"{name:<32}{command(name, 1) or f'ontogym leaderboard submit {what} --task {cell.task}'}")
        return
    names = list(CELLS) if arguments.cells == ["all"] else arguments.cells
    if unknown := [name for name in names if name not in CELLS]:
        parser.error(f"no cell is called {unknown[0]}; see --list")
    jobs = [(name, seed) for name in names for seed in arguments.seeds or CELLS[name].seeds]
    with ThreadPoolExecutor(arguments.parallel) as pool:
        for line in pool.map(lambda job: _line(*job), jobs):
            print(line, flush=True)
    if arguments.write:
        board = read_board(STORE)
        blocks = (
            ("README.md", "board", overview(rows(board))),
            ("docs/leaderboard.md", "board", table(rows(board))),
            ("docs/leaderboard.md", "controls", controls(board)),
        )
        for name, block, body in blocks:
            begin = f"<!-- {block}: python benchmarks/leaderboard_results.py --write -->"
            put_between(ROOT / name, (begin, f"<!-- end of {block} -->"), f"{body}\n")
            print(body)


def _line(name: str, seed: int) -> str:
    try:
        return make(name, seed)
    except Failed as error:
        return f"{name} seed {seed}: {error}"


if __name__ == "__main__":
    main()
