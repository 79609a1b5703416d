"""What to show instead of a picture, by every method, judged by twin, source, unseen animals and implant's patients.

    python benchmarks/encoding_experiments.py --list                       # cells and commands
    python benchmarks/encoding_experiments.py optimum                      # where skill is 1, into optima.json
    python benchmarks/encoding_experiments.py actor-own --seeds 1 2 3      # one row; cells that are there are skipped
    python benchmarks/encoding_experiments.py calibration refinement       # the two tasks of several steps
    python benchmarks/encoding_experiments.py all --parallel 2             # everything that is missing
    python benchmarks/encoding_experiments.py --write                      # the tables, into the page

A cell is one method with one seed; what it found is one small JSON file in docs/experiments/encoding/. Methods learn on
the twin of retina 0, on animals or on patients to train on, and are scored on 96 held-out dead leaves and 96
photographs: on the twin, on its source retina 0, on 16 animals and on 32 patients of an Argus II that nothing has met.
`--device cuda` helps `optimum`, `filter`, `actor-ensemble` and `pictures-animals`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import cells
import numpy as np
import torch
from encoding_rows import (
    ARGUS,
    BLOCKS,
    PATIENTS,
    PICTURES,
    REFINING,
    RESULTS,
    ROWS,
    SUBJECTS,
    Encode,
    OtherElectrodes,
    Where,
    judge,
    pictures,
    refining_learner,
)
from encoding_tables import OPTIMA, board, tables

from ontogym import __version__
from ontogym.errors import OntogymError
from ontogym.retina_env.animals import HELD_OUT_ANIMALS
from ontogym.retina_env.encoding.animals_judge import AnimalsJudge
from ontogym.retina_env.encoding.judge import Judge
from ontogym.retina_env.encoding.layout import Layout
from ontogym.retina_env.encoding.optimum import STARTS, best_pictures
from ontogym.retina_env.encoding.percept_judge import PerceptJudge
from ontogym.retina_env.encoding.retina_judge import RetinaJudge
from ontogym.retina_env.measures import neuronal_reliability
from ontogym.retina_env.percept.implants import implant
from ontogym.retina_env.percept.patients import HELD_OUT_PATIENTS
from ontogym.retina_env.retina import SimulatedRetina
from ontogym.retina_env.twins import default_twin
from ontogym.seeding import generator
from ontogym.statistics import mean_summary

ROOT = RESULTS.parent.parent.parent
PAGE = ROOT / "docs" / "experiments" / "encoding.md"
README = (
    ROOT / "README.md",
    (
        "<!-- encoding-board: python benchmarks/encoding_experiments.py --write -->",
        "<!-- end of encoding-board -->",
    ),
)
MARKS = ("<!-- encoding: python benchmarks/encoding_experiments.py --write -->", "<!-- end of encoding -->")
EXTRA = ("optimum", "calibration", "refinement")


def scores(make: Callable[[int, Layout], tuple[Encode, dict[str, Any]]], seed: int) -> tuple[Any, Any]:
    """By kind of pictures and subject, and the method's facts.

    `taken` is what part of the loss of averaging an encoder takes away, by animal or patient: skill is that over the
    share that the best known picture takes away. `reliability` is the median over neurons.
    """
    found: dict[str, dict[str, Any]] = {}
    facts: dict[str, Any] = {}
    for kind in PICTURES:
        try:
            pictures(kind)
        except OntogymError as error:
            print(f"{kind} are left out: {error}", file=sys.stderr, flush=True)
            continue
        for subject in SUBJECTS:
            layout = ARGUS if subject == "percept" else BLOCKS
            try:
                encode, told = make(seed, layout)
                own, low = judge(subject, kind), encode(pictures(kind))
            except OtherElectrodes:
                continue
            values = torch.from_numpy(np.asarray(low, dtype=np.float32)).clamp(0, 1)
            rows = [_one(own, values, k) for k in range(own.subjects)]
            found.setdefault(kind, {})[subject] = {
                "taken": [round(row[0], 4) for row in rows],
                "reliability": [round(row[1], 4) for row in rows],
            }
            facts["argus" if subject == "percept" else "blocks"] = told
    return found, facts


@torch.no_grad()
def _one(own: Judge, values: torch.Tensor, subject: int) -> tuple[float, float]:
    picture = torch.arange(own.pictures)
    who = torch.full_like(picture, subject)
    answers = own.answer(values, who)
    mean = own.averages(picture, who)[1].mean()
    taken = float(1 - own.loss(answers, picture, who).mean() / mean)
    reliability = neuronal_reliability(answers.numpy(), own.reference(picture, who).numpy())
    return taken, float(np.median(reliability))


def run(name: str, seed: int) -> str:
    """Run one cell unless it is there; returns a line about it."""
    torch.set_num_threads(1)
    kept = RESULTS / f"{name}-s{seed}.json"
    if kept.exists() and "pictures" in json.loads(kept.read_text()):
        return f"{name} seed {seed}: already there"
    start = time.process_time()
    if name in EXTRA:
        found, facts = globals()[f"run_{name}"](seed)
    else:
        found, facts = scores(ROWS[name][2], seed)
        facts = facts.get("blocks", {}) | {"argus": facts.get("argus", {})}
    cell = {
        "encoder": name,
        "seed": seed,
        "command": command(name, seed),
        "cpu_seconds": round(time.process_time() - start, 1),
        "pictures": found,
        "facts": facts,
        "versions": {"ontogym": __version__, "torch": str(torch.__version__), "numpy": np.__version__},
    }
    cells.keep(kept, cell)
    return f"{name} seed {seed}: {cell['cpu_seconds']} s; {json.dumps(shortly(found))}"


def shortly(found: dict[str, Any]) -> dict[str, Any]:
    """For the line: mean shares of the loss that are taken away; of the tasks of several steps what they are about."""
    if "calibration" in found:
        unit = json.loads(OPTIMA.read_text())["percept-each/leaves"]["share"]
        told = found["calibration"]
        means = {name: round(row["mean"] / unit, 2) for name, row in told["returns"].items()}
        return {
            "value of information (skill)": round(told["value_of_information"] / unit, 3),
            "returns": means,
        }
    if "refinement" in found:
        return {name: round(row["mean"], 2) for name, row in found["refinement"].items()}
    if not set(found) <= set(PICTURES) or "taken" not in next(iter(next(iter(found.values())).values())):
        return {}
    return {
        kind: {s: round(float(np.mean(v["taken"])), 3) for s, v in by.items()} for kind, by in found.items()
    }


OPTIMA_OF = [
    (kind, who) for who in ("twin", "source", "animals", "percept", "percept-each") for kind in PICTURES
]


def run_optimum(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The best known pictures of one judge for pictures of one kind, which the seed counts through (`OPTIMA_OF`)."""
    kind, subject = OPTIMA_OF[seed]
    # Where every start ends at nearly the whole loss, or all of them alike, fewer pictures and starts do.
    images = pictures(kind)[:: {"twin": 2, "source": 6, "animals": 6}.get(subject, 8)]
    x, picture = torch.from_numpy(images), torch.arange(len(images))
    if subject in ("twin", "source"):
        model: Any = default_twin() if subject == "twin" else SimulatedRetina(0)
        own: Judge = RetinaJudge([model], BLOCKS, x, torch.from_numpy(model.rates(images))[None])
        iterations, starts = (200, STARTS) if subject == "twin" else (150, STARTS[:1])
        told = _told(best_pictures(own, picture, [0], BLOCKS.average(x), iterations, starts=starts))
    elif subject == "animals":
        told = _of_animals(images)
    else:
        percept, averages = PerceptJudge(implant("argus-ii"), PATIENTS, images), ARGUS.average(x)
        everyone = list(range(len(PATIENTS)))
        if subject == "percept":
            told = _told(best_pictures(percept, picture, everyone, averages, 60, 0.08, STARTS[:2]))
        else:
            each = [best_pictures(percept, picture, [k], averages, 60, 0.08, STARTS[:1]) for k in everyone]
            shares = [best.share for best in each]
            told = {"share": round(float(np.mean(shares)), 4), "by_patient": [round(v, 3) for v in shares]}
    return {kind: {subject: told}}, {"pictures": len(images)}


def _of_animals(images: np.ndarray[Any, Any]) -> dict[str, Any]:
    """From averages; and on a third of the pictures from every start and for twice as long, to see what that moves."""

    def search(some: np.ndarray[Any, Any], iterations: int, *starts: str) -> Any:
        x = torch.from_numpy(some)
        own = AnimalsJudge(HELD_OUT_ANIMALS, BLOCKS, x).on(Where.device)
        rows, averages = torch.arange(len(x)).to(Where.device), BLOCKS.average(x).to(Where.device)
        return best_pictures(own, rows, list(range(own.subjects)), averages, iterations, starts=starts)

    told, few = _told(search(images, STEPS, "average")), images[::3]
    short, starts = search(few, STEPS, "average"), search(few, STEPS, *STARTS[1:])
    long = search(few, 2 * STEPS, "average")
    told["by_start"] = {k: round(v, 4) for k, v in {**short.shares, **starts.shares}.items()}
    return told | {"twice_as_long": [round(short.share, 4), round(long.share, 4)], "steps": STEPS}


STEPS = 100
"""Of the search for animals."""


def _told(best: Any) -> dict[str, Any]:
    return {
        "share": round(best.share, 4),
        "by_start": {k: round(v, 4) for k, v in best.shares.items()},
        "path": {k: [round(v, 4) for v in path] for k, path in best.paths.items()},
        "loss": round(float(best.loss.mean()), 5),
        "loss_of_averaging": round(float(best.average.mean()), 5),
    }


def write_optima() -> None:
    """What `optimum` found, into the package: environments and tables are scaled by it."""
    kept: dict[str, Any] = json.loads(OPTIMA.read_text())
    for cell in cells.kept(RESULTS, "optimum"):
        for kind, by in cell["pictures"].items():
            kept |= {f"{subject}/{kind}": told for subject, told in by.items()}
    OPTIMA.write_text(json.dumps(kept, indent=1) + "\n")


def run_calibration(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The value of information, and what the estimator makes of it, on patients that are not in its table."""
    from ontogym.envs import make_vector
    from ontogym.retina_env.encoding.calibrators import Estimator, value_of_information
    from ontogym.retina_env.encoding.preferences import Preferences, worth_to_each

    table = make_vector("ontogym/RetinaCalibration-v1", 1, patients=64)
    # Those to be known beforehand are fitted through one product a percept, in a fifth of the time.
    learned_on = make_vector("ontogym/RetinaCalibration-v1", 1, patients=64, fast=True)
    known = value_of_information(learned_on.dynamics, range(64))
    held = {"patients": list(HELD_OUT_PATIENTS), "images": "held-out leaves"}
    test = make_vector("ontogym/RetinaCalibration-v1", 32, **held)
    value = value_of_information(test.dynamics, range(16))
    common = known.common
    bayes = Estimator(test.dynamics, table.dynamics.task.judge, known.fits, common)
    nothing = Estimator(test.dynamics, table.dynamics.task.judge, np.tile(common, (1, 1)), common)
    candidates = np.concatenate([known.fits, common[None]])
    duels = Preferences(candidates, worth_to_each(table.dynamics, candidates, range(64)), seed=seed)
    # As a share of the loss of averaging, which does not depend on where skill is 1.
    unit = test.dynamics.task.judge.share
    lived = {
        "random": _at_random(test, 1000 + seed),
        "best for all": nothing.live(test, 1000 + seed),
        "which of two is better (after HILO)": duels.live(test, 1000 + seed),
        "Bayes and least squares, from drawings": bayes.live(test, 1000 + seed),
    }
    found = {
        "value": _times(unit, value._asdict()),
        "value_of_information": unit * value.of_information,
        "training_value": _times(unit, known._asdict()),
        "returns": {name: _interval(unit * returns) for name, returns in lived.items()},
    }
    return {"calibration": found}, {"common": common.tolist()}


def _at_random(env: Any, seed: int) -> np.ndarray[Any, Any]:
    """Returns of uniform actions."""
    rng, total = generator(seed, "random actions"), np.zeros(env.num_envs)
    env.reset(seed=seed)
    for _ in range(env.unwrapped.dynamics.steps):
        total += env.step(rng.uniform(-1, 1, env.action_space.shape).astype(np.float32))[1]
    return total


def _times(unit: float, told: dict[str, Any]) -> dict[str, float]:
    return {name: round(unit * told[name], 4) for name in ("own", "everyone", "another")}


def run_refinement(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns of RetinaRefinement-v0 on 64 lives: nothing, one filter, hill climbing, Gauss-Newton, three seeds of each learner."""
    from ontogym.envs import make_vector
    from ontogym.retina_env.encoding.refiners import GaussNewton, HillClimbing, learn_jacobian, refine

    env: Any = make_vector("ontogym/RetinaRefinement-v0", 64, obs="statistics")
    start = np.asarray(json.loads((RESULTS / "cma-s1.json").read_text())["facts"]["weights"])
    learned = learn_jacobian(env.unwrapped.dynamics, start)
    ways = {
        "nothing": HillClimbing(None, 0.0),
        "one filter (CMA-ES), once": HillClimbing(start, 0.0),
        "hill climbing": HillClimbing(None, 0.05, seed),
        "one filter, then hill climbing": HillClimbing(start, 0.05, seed),
        "one filter, then Gauss-Newton": GaussNewton(start, learned),
    }
    found = {name: _interval(refine(env, way, 12345 + seed)) for name, way in ways.items()}
    for kind, title in (("ppo", "PPO, exploration SD .05"), ("sac", "SAC")):
        models = [refining_learner(kind, each) for each in (1, 2, 3)]
        means = [float(_lived(env, model, 12345 + seed).mean()) for model in models]
        found[f"{title}, three seeds"] = _interval(means) | {"seeds": [round(each, 4) for each in means]}
    return {"refinement": found}, {"lives": 64, "learners_steps": REFINING}


def _lived(env: Any, model: Any, seed: int) -> np.ndarray[Any, Any]:
    """Returns of a policy of Stable-Baselines3 that sees statistics, target, response and progress."""
    seen, _ = env.reset(seed=seed)
    total = np.zeros(env.num_envs)
    for _ in range(env.unwrapped.dynamics.steps):
        seen, reward, *_ = env.step(model.predict(seen, deterministic=True)[0])
        total += reward
    return total


def _interval(returns: Iterable[float]) -> dict[str, Any]:
    told = mean_summary(list(map(float, returns)))
    return {"mean": round(told["mean"], 4), "ci95": [round(v, 4) for v in told["ci95"]]}


def command(name: str, seed: int) -> str:
    """What makes one cell."""
    return f"python benchmarks/encoding_experiments.py {name} --seeds {seed}"


def main() -> None:
    """See the module."""
    carried: list[str] = []
    if "--device" in sys.argv:
        at = sys.argv.index("--device")
        Where.device = sys.argv[at + 1]
        carried = sys.argv[at : at + 2]
        del sys.argv[at : at + 2]
    names = [*ROWS, *EXTRA]
    if "all" in sys.argv:
        at = sys.argv.index("all")
        sys.argv[at : at + 1] = names

    def seeds_matter(name: str) -> bool:
        return name == "optimum" or (name in ROWS and ROWS[name][1])

    def listed(name: str) -> list[str]:
        return [
            command(name, seed)
            for seed in (
                range(len(OPTIMA_OF)) if name == "optimum" else (1, 2, 3) if seeds_matter(name) else (0,)
            )
        ]

    def seed_of(name: str, seed: int) -> int:
        return seed if seeds_matter(name) else 0

    def once(name: str, seed: int) -> str:
        line = run(name, seed)
        if name == "optimum":
            write_optima()
        return line

    cells.main(__doc__, names, listed, once, tables, PAGE, MARKS, seed_of=seed_of, carried=carried)
    if "--write" in sys.argv:
        cells.put_between(*README, board())


if __name__ == "__main__":
    main()
