"""What `infer-rule` recovers from tables that were simulated outside the package, and how often its interval is right.

    python benchmarks/inference_recovery.py recovery --seeds 0 1 2 --model dnn   # some 5 CPU seconds a seed
    python benchmarks/inference_recovery.py coverage --sets 40                  # some 4 CPU seconds a set
    python benchmarks/inference_recovery.py command                             # all of `infer-rule` once, in CPU seconds

`recovery`: correlation of inferred and true weight changes over 40 animals of 500 trials whose first weights are not
told, and the inferred over the true mean update after correct and after error trials (1 is right).
`coverage`: how many sets whose likelihood at the true baseline lies within 1.92 nats of the best, which is whether the
95 % interval of the profile holds it; the SD of first biases goes round 0, 0.25, 0.5, 0.8.
`command`: `ontogym infer-rule --data TABLE --round-trip` on 40 animals of 500 trials: seconds, and what it says.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from cells import ontogym
from inference_tables import gains, make
from numpy.typing import NDArray

from ontogym.statistics import mean_summary, mean_text
from ontogym.studies.rule_inference.config import InferenceConfig
from ontogym.studies.rule_inference.methods import METHODS
from ontogym.studies.rule_inference.methods.rules import fit_network
from ontogym.studies.rule_inference.model.parametric import DROP, PARAMETRIC, fit_rule
from ontogym.studies.rule_inference.model.recovery import asymmetry
from ontogym.studies.rule_inference.model.trials import Trials
from ontogym.studies.rule_inference.report import round_trip_lines

ANIMALS, TRIALS = 40, 500
SPREADS = (0.0, 0.25, 0.5, 0.8)


def inferred(model: str, trials: Trials, seed: int, options: dict[str, float]) -> NDArray[np.float64]:
    """W before every trial, ``(A, T, 2)``, by a network or by a rule of a few numbers that is fitted to `trials`."""
    if model in PARAMETRIC:
        return METHODS.get(model)(trials, seed).path()  # type: ignore[no-any-return]
    return fit_network(InferenceConfig(seed=seed, **options), model, trials).path()  # type: ignore[arg-type]


def recovery(
    model: str,
    seeds: list[int],
    correct: float,
    error: float,
    options: dict[str, float],
    animals: int = ANIMALS,
) -> None:
    """A line a seed, and the mean with its 95 % interval over seeds."""
    rows = []
    for seed in seeds:
        table, began = make(animals, TRIALS, seed, gains(correct, error)), time.process_time()
        path, true = inferred(model, table.trials, seed, options), table.weights[:, :-1]
        change = np.corrcoef(np.diff(path, axis=1).ravel(), np.diff(true, axis=1).ravel())[0, 1]
        found, right = asymmetry(path, table.trials), asymmetry(true, table.trials)
        ratios = [found[key] / right[key] for key in ("correct", "error")]
        rows.append([change, *ratios, time.process_time() - began])
        print(
            "seed {}: changes {:.2f}, correct {:.2f}, error {:.2f}, {:.0f} CPU s".format(seed, *rows[-1]),
            flush=True,
        )
    means = (mean_text(mean_summary(column)) for column in np.transpose(rows))
    print("mean: changes {}, correct {}, error {}, CPU s {}".format(*means))


def coverage(sets: int, correct: float, error: float) -> None:
    """A line a set, and how many hold the truth."""
    true, held = -error / (correct - error), 0
    for k in range(sets):
        spread = SPREADS[k % len(SPREADS)]
        trials = make(ANIMALS, TRIALS, 1000 + k, gains(correct, error), bias_sd=spread).trials
        free = fit_rule("reinforce-baseline", trials)
        fixed = fit_rule("reinforce-baseline", trials, beta=true, near=free)
        drop = (free.log_likelihood - fixed.log_likelihood) * float(trials.lengths.sum())
        held += drop < DROP
        print(
            f"set {k}, SD {spread}: best {free.params[2]:.2f}, {drop:.2f} nats to {true:.2f}; {held} hold it",
            flush=True,
        )
    print(f"{held} of {sets} intervals hold {true:.2f}")


def command(seed: int, correct: float, error: float) -> None:
    """All of the command on one table: its processor seconds, and the lines that it ends with."""
    with tempfile.TemporaryDirectory() as folder:
        make(ANIMALS, TRIALS, seed, gains(correct, error), file=Path(folder) / "table.csv")
        words = ["infer-rule", "--data", f"{folder}/table.csv", "--out", f"{folder}/run", "--seed", str(seed)]
        found = ontogym(*words, "--round-trip")
    print("\n".join([*found["asymmetry"], *round_trip_lines(found)]))
    print({kind: score["mean"] for kind, score in found["held_out"].items()})
    print(f"{found['cpu_seconds']:.0f} CPU s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("recovery", "coverage", "command"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--sets", type=int, default=40)
    parser.add_argument("--animals", type=int, default=ANIMALS)
    parser.add_argument("--model", choices=("dnn", "gru", *PARAMETRIC), default="dnn")
    parser.add_argument("--correct", type=float, default=0.08)
    parser.add_argument("--error", type=float, default=-0.08)
    parser.add_argument("--set", nargs="*", default=[], help="fields of InferenceConfig, such as epochs=200")
    words = parser.parse_args()
    given = {
        key: float(value) if "." in value else int(value)
        for key, _, value in (w.partition("=") for w in words.set)
    }
    if words.what == "recovery":
        recovery(words.model, words.seeds, words.correct, words.error, given, words.animals)
    elif words.what == "command":
        command(words.seeds[0], words.correct, words.error)
    else:
        coverage(words.sets, words.correct, words.error)
