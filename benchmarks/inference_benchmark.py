"""The recovery benchmark: generating rules × animals × trials × methods, scored; open to methods of other packages.

    python benchmarks/inference_benchmark.py --list                 # the cells of the subset, and of all
    python benchmarks/inference_benchmark.py                        # runs what is missing of the subset
    python benchmarks/inference_benchmark.py --all                  # of everything: some days
    python benchmarks/inference_benchmark.py --methods mine         # one method more, on the subset's data
    python benchmarks/inference_benchmark.py --table                # the table of what is there
    python benchmarks/inference_benchmark.py --write                # the same, into docs/experiments/learning-rules.md

What is run stands in inference-benchmark.toml. A method is an entry point of the group ``ontogym.inference_methods`` (see
`ontogym.studies.rule_inference.methods`) and is named by it. A cell is kept as soon as it is done, so that the same command
goes on after a kill. Scores: ``change``, the correlation of inferred and true changes on the animals fitted; ``held_out``,
nats a trial on animals of the same rule that were not fitted, each choice predicted from the earlier ones; ``identified``,
whether the rule that made the data predicts them best among the parametric ones, where it is among them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from cells import markdown, put_between
from inference_tables import RULES, make

from ontogym.checkpoint import write_json
from ontogym.configurations import read_config
from ontogym.statistics import mean_summary, mean_text
from ontogym.studies.rule_inference.methods import METHODS
from ontogym.studies.rule_inference.model.parametric import PARAMETRIC

HERE = Path(__file__).parent
FILE, KEPT = (
    HERE / "inference-benchmark.toml",
    HERE.parent / "docs/experiments/learning-rules/recovery-benchmark.json",
)
PAGE = HERE.parent / "docs/experiments/learning-rules.md"
MARKS = ("<!-- recovery: python benchmarks/inference_benchmark.py --write -->", "<!-- end of recovery -->")
KEYS = ("rules", "animals", "trials", "seeds", "methods")


def cells(everything: bool, methods: list[str] | None) -> list[str]:
    """Names of cells, RULE/ANIMALS/TRIALS/SEED/METHOD."""
    content = read_config(FILE)
    chosen = content if everything else content | content["subset"]
    lists = [methods or chosen[key] if key == "methods" else chosen[key] for key in KEYS]
    return ["/".join(map(str, cell)) for cell in itertools.product(*lists)]


def run(name: str) -> dict[str, float]:
    """One cell."""
    rule, animals, trials, seed, method = name.split("/")
    held_out = read_config(FILE)["held_out"]
    fitted, other = (
        make(count, int(trials), 1000 * int(seed) + part, RULES[rule])
        for part, count in enumerate((int(animals), held_out))
    )
    began = time.process_time()
    found = METHODS.get(method)(fitted.trials, int(seed))
    changes = [np.diff(path, axis=1).ravel() for path in (found.path(), fitted.weights[:, :-1])]
    # What never changes correlates with nothing.
    change = float(np.corrcoef(*changes)[0, 1]) if all(part.std() > 0 for part in changes) else 0.0
    told = found.predict(other.trials)
    return {"change": change, "held_out": float(told.mean()), "cpu_seconds": time.process_time() - began}


def table(kept: dict[str, dict[str, float]]) -> str:
    """Rules by methods; means over sizes and seeds that are there."""
    names = [name.split("/") for name in kept]
    rules, methods = (list(dict.fromkeys(n[k] for n in names)) for k in (0, 4))

    def mean(method: str, key: str, rule: str | None = None) -> list[float]:
        return [
            v[key]
            for n, v in kept.items()
            if n.endswith(f"/{method}") and (rule is None or n.startswith(f"{rule}/"))
        ]

    def over_rules(method: str) -> str:
        found = [mean(method, "change", rule) for rule in rules]
        return mean_text(mean_summary([float(np.mean(values)) for values in found if values]))

    rows = [[rule, *(f"{np.mean(mean(m, 'change', rule)):.2f}" for m in methods)] for rule in rules]
    rows += [["**mean over rules [95 %]**", *map(over_rules, methods)]]
    rows += [["held out, nats a trial", *(f"{np.mean(mean(m, 'held_out')):.4f}" for m in methods)]]
    rows += [["s of CPU", *(f"{np.mean(mean(m, 'cpu_seconds')):.1f}" for m in methods)]]
    right = identified(kept)
    told = f"Of {len(right)} data sets that one of the parametric rules made, held-out likelihood names the right one for {sum(right)}.\n"
    return markdown(["change", *methods], rows) + "\n" + (f"\n{told}" if right else "")


def identified(kept: dict[str, dict[str, float]]) -> list[bool]:
    """For each data set of a parametric rule, whether that rule predicts it best."""
    sets: dict[str, dict[str, float]] = {}
    for name, value in kept.items():
        data, _, method = name.rpartition("/")
        if method in PARAMETRIC and data.split("/")[0] in PARAMETRIC:
            sets.setdefault(data, {})[method] = value["held_out"]
    return [
        max(v, key=lambda m: v[m]) == data.split("/")[0]
        for data, v in sets.items()
        if len(v) == len(PARAMETRIC)
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for flag in ("--all", "--list", "--table", "--write"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS))
    words = parser.parse_args()
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    wanted = cells(words.all, words.methods)
    if words.list:
        print("\n".join(wanted), f"\n{len(wanted)} cells; all: {len(cells(True, None))}")
    elif words.write:
        put_between(PAGE, MARKS, table(kept))
    elif words.table:
        print(table(kept))
    else:
        for name in [n for n in wanted if n not in kept]:
            kept[name] = {key: round(value, 5) for key, value in run(name).items()}
            write_json(KEPT, kept)
            print(name, kept[name], flush=True)
