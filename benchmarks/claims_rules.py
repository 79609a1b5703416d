"""The claims on learning regimes and on rules inferred from choices, by row."""

from __future__ import annotations

import json
from statistics import fmean

from cells import kept
from claims import PAGES, Row, judged, text, values
from inference_benchmark import identified

from ontogym.statistics import mean_summary, mean_text


def _regime(name: str, cell: str, metric: str) -> list[float | None]:
    """By seed; None where a start fell silent or diverged."""
    runs = kept(PAGES / "learning-rules", name)
    return [run["cells"][cell].get(metric) for run in runs if cell in run["cells"]]


LAZINESS = (
    ("representation_alignment", "RA", "up"),
    ("kernel_alignment", "KA", "up"),
    ("weight_change", "‖ΔW‖", "down"),
)
"""What is measured, how it is called, and where laziness moves it."""


def _rank(name: str, words: str) -> list[Row]:
    rows = []
    for metric, label, published in LAZINESS:
        full, low, control = (_regime(name, cell, metric) for cell in ("rank-full", "rank-1", "control-1"))
        found, verdict = judged(full, low, published)
        rank, _ = judged(control, low, published)
        rows.append(Row(f"High rank is lazier: {label}, full − rank 1, {words}", published, found,
                        f"full rank at that radius − rank 1: {rank}", verdict))  # fmt: skip
    return rows


def _aligned(name: str, words: str) -> list[Row]:
    rows = []
    accuracy = [_regime(name, cell, "accuracy") for cell in ("aligned-1", "rank-1")]
    learned = "accuracies {}, {}".format(
        *(mean_text(mean_summary([v for v in kind if v is not None]), interval=False) for kind in accuracy)
    )
    for metric, label, published in LAZINESS:
        aligned, low, full = (_regime(name, cell, metric) for cell in ("aligned-1", "rank-1", "rank-full"))
        found, verdict = judged(aligned, low, published)
        lost = sum(None in pair for pair in zip(aligned, low))
        diverged = f"; {lost} of {len(aligned)} pairs lost to divergence" if lost else ""
        if 2 * lost > len(aligned):  # those that are left are a selection
            verdict = "not decided: most starts diverge"
        rows.append(Row(f"A low rank that fits the task is lazy: {label}, aligned − random rank 1, {words}", published,
                        f"{found}{diverged}", f"aligned − full rank {judged(aligned, full, published)[0]}; {learned}", verdict))  # fmt: skip
    return rows


def _step_size(name: str, words: str) -> Row:
    """The theorem: gradient descent of one step size cannot rest where the largest eigenvalue is above 2 / step size."""
    runs = kept(PAGES / "learning-rules", name)
    sharp, scaled, local = (_regime(name, cell, "eigenvalue") for cell in ("bptt", "bptt-scaled", "e-prop"))
    bounds = [2 / run["config"]["lr"] for run in runs]
    _, verdict = judged(sharp, bounds, "down")
    below = sum(value is not None and value < bound for value, bound in zip(sharp, bounds))
    return Row(f"Step size bounds curvature: largest eigenvalue of BPTT against 2 / step size, {words}", "below",
               f"{text(sharp)} against {bounds[0]:.1f}; {below} of {len(runs)} below",
               f"steps of e-prop's length, along BPTT's direction {text(scaled)}, along its own {text(local)}", verdict)  # fmt: skip


def _shorter_steps() -> list[Row]:
    """The same, by hand: steps of .01 and of .1 for as long a way, with those of .03 beside them."""
    names = ("curvature-digits-short-steps", "curvature-digits-long-steps", "curvature-digits")
    runs = [kept(PAGES / "learning-rules", name) for name in names]
    if not all(runs):
        return []
    rows = []
    for metric, label, published in (
        ("eigenvalue", "Shorter steps rest in sharper places: largest eigenvalue", "up"),
        ("gap", "and generalise worse: generalisation gap", "–"),
    ):
        short, long, middle = (_regime(name, "bptt", metric) for name in names)
        bounds = [
            f" against a bound of {2 / each[0]['config']['lr']:.3g}" * (metric == "eigenvalue")
            for each in runs
        ]
        found, verdict = judged(short, long, "up")
        rows.append(
            Row(
                f"{label} of BPTT, steps of .01 − of .1, digits",
                published,
                f"{found}; {text(short)}{bounds[0]}, and {text(long)}{bounds[1]}",
                f"steps of .03: {text(middle)}{bounds[2]}",
                verdict,
            )
        )
    return rows


def _curvature(name: str, words: str) -> list[Row]:
    rows = []
    for metric, label in (("eigenvalue", "largest eigenvalue"), ("gap", "generalisation gap")):
        local, full, scaled = (_regime(name, cell, metric) for cell in ("e-prop", "bptt", "bptt-scaled"))
        found, verdict = judged(local, full, "up")
        beyond, itself = judged(local, scaled, "up")
        if verdict.startswith("stands"):
            verdict += f"; of local credit in particular, beyond short steps: {itself}"
        rows.append(Row(f"Local credit ends in sharper places, worse: {label}, e-prop − BPTT, {words}", "up", found,
                        f"minus BPTT with steps of e-prop's length: {beyond}", verdict))  # fmt: skip
    return rows


def _inference() -> list[Row]:
    """arXiv 2509.04661."""
    file = PAGES / "learning-rules" / "recovery-benchmark.json"
    bench = json.loads(file.read_text()) if file.exists() else {}
    by: dict[str, dict[str, list[float]]] = {}
    for name, value in bench.items():
        rule, method = name.split("/")[0], name.rpartition("/")[2]
        if rule != "random-walk" and method != "static":  # what learns nothing
            by.setdefault(method, {}).setdefault(rule, []).append(value["change"])
    means = {method: [fmean(sets) for sets in rules.values()] for method, rules in by.items()}
    found = "; ".join(f"{m} {mean_text(mean_summary(v))}" for m, v in means.items()) or "not run"
    sets = max((len(each) for rules in by.values() for each in rules.values()), default=0)
    right = identified(bench)
    many = values("learning-rules", "infer-animals-1000", "models", "dnn", "recovery", "change")
    rows = [
        Row("A network finds the rule: correlation of changes, 1000 animals of REINFORCE", "recovered", text(many), "weights correlate .999, which proves nothing", "stands" if len(many) >= 10 else f"stands ({len(many)} seeds)"),
        Row(f"Which method finds the change: 30 animals of 300 trials, eleven learning rules, {sets} data sets each", "–", f"{found} (interval over rules)", "static 0", "rules of two or three numbers stand in for most rules; networks do worse on average"),
        Row("Held-out likelihood names the rule, of those that are among the parametric ones", "–", f"{sum(right)} of {len(right)} data sets of that size", f"chance {len(right) / 4:.0f}", "not above chance, at this size"),
    ]  # fmt: skip
    history = kept(PAGES / "learning-rules", "infer-reinforce-history")
    found, verdict = judged(
        *(values("learning-rules", "infer-reinforce-history", "held_out", m, "mean") for m in ("gru", "dnn")),
        "up",
    )
    rows.append(
        Row(
            f"Memory predicts better where the rule has a history (simulated, {len(history)} seeds)",
            "up",
            found,
            f"without history {judged(*(values('learning-rules', 'infer-reinforce', 'held_out', m, 'mean') for m in ('gru', 'dnn')), 'up')[0]}",
            verdict,
        )
    )
    for name, words in (("real-rat", "one rat"), ("real-mouse", "one mouse")):
        one = kept(PAGES / "learning-rules", f"infer-{name}")
        gains = [
            [c["gain"], *c["ci95"]]
            for run in one
            for c in run["comparisons"]
            if (c["model"], c["over"]) == ("gru", "reinforce-baseline")
        ]
        # Seeds vary only the fits: the interval is that over sessions, its ends averaged.
        ours = (
            "{:.4f} [{:.4f}, {:.4f}] over its sessions".format(*map(fmean, zip(*gains)))
            if gains
            else "not run"
        )
        rows.append(Row(f"Networks predict held-out animals better than fixed rules: {words}, GRU − REINFORCE with a baseline", "up", ours,
                        "one animal: sessions, not animals, are held out", "not decided: one animal"))  # fmt: skip
    rows += [
        Row(
            "Updates are asymmetric, and depend on history, in mice",
            "yes",
            "not run: the data of many mice are not at hand",
            "–",
            "not decided",
        ),
    ]
    return rows


def learning_rules() -> list[Row]:
    """arXiv 2310.08513, 2206.00823 and 2509.04661."""
    rows = _rank("rank-perceptual", "perceptual decision, 300 units") + _rank(
        "rank-delay-match", "delayed match, 100 units"
    )
    rows += _rank("rank-context", "context decision, 100 units")
    rows += _aligned("rank-aligned", "one norm") + _aligned("rank-aligned-radius", "one spectral radius")
    rows += _curvature("curvature-synthetic", "sequences") + _curvature("curvature-digits", "digits")
    rows += [
        _step_size("curvature-synthetic", "sequences"),
        _step_size("curvature-digits", "digits"),
        *_shorter_steps(),
    ]
    return rows + _inference()
