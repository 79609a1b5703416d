"""What an inference found, in sentences and rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "asymmetry_lines",
    "comparison_lines",
    "held_out_rows",
    "profile_rows",
    "recovery_rows",
    "round_trip_lines",
]

_FIRST = {
    "known": "are known.",
    "random effect": "differ between animals, each with its own (SD {0:.2f} of the weight, {1:.2f} of the bias, fitted), "
    "and on one rate and baseline for all animals.",
    "free": "are fitted to the one animal that there is; nothing is said of others.",
}
NAMES = {"dnn": "DNN", "gru": "GRU", "truth": "the true rule"}


def held_out_rows(result: Mapping[str, Any]) -> list[list[str]]:
    """Model, held-out log-likelihood a trial, gain over the static policy; best last."""
    rows = []
    for name, s in sorted(result["held_out"].items(), key=lambda item: item[1]["mean"]):
        low, high = s["ci95"]
        gain = "{:+.4f} [{:+.4f}, {:+.4f}]".format(s["gain"], *s["gain_ci95"])
        rows.append([NAMES.get(name, name), f"{s['mean']:.4f} [{low:.4f}, {high:.4f}]", gain])
    return rows


def comparison_lines(result: Mapping[str, Any]) -> list[str]:
    """Gains between models, paired by animal."""
    lines = []
    for c in result["comparisons"]:
        model, other, (low, high) = NAMES.get(c["model"]), NAMES.get(c["over"], c["over"]), c["ci95"]
        lines.append(f"{model} over {other}: {c['gain']:+.4f} nats a trial, 95 % [{low:+.4f}, {high:+.4f}].")
    return lines


def recovery_rows(result: Mapping[str, Any]) -> list[list[str]]:
    """Model, correlations of inferred and true changes and weights, likelihood beside the true one."""
    rows = []
    for kind, model in result["models"].items():
        r = model["recovery"]
        cells = [f"{r[key]:.3f}" for key in ("change", "change_stimulus", "change_bias", "weights")]
        rows.append([NAMES[kind], *cells, f"{r['log_likelihood']:.4f} ({r['true_log_likelihood']:.4f})"])
    return rows


def profile_rows(result: Mapping[str, Any]) -> list[list[str]]:
    """Baseline and log-likelihood relative to the best one, nats."""
    profile = result["profile"]
    return [[f"{b:g}", f"{ll:.1f}"] for b, ll in zip(profile["beta"], profile["log_likelihood"])]


_SEEN = {
    "dnn": ", and since a DNN sees no history, that is what its rule and the measure make without one",
    "gru": "; only what goes beyond a DNN's number on the same animals speaks for history",
}


def asymmetry_lines(result: Mapping[str, Any]) -> list[str]:
    """What each model says of updates after correct and error trials, then whether the data can tell.

    REINFORCE has the same expected update for every baseline, so a model with the right likelihood may split correct
    from error trials wrongly. No line of this is to be quoted without the last ones.
    """
    lines = []
    sources = result["models"] | ({"truth": result["truth"]} if "truth" in result else {})
    for kind, model in sources.items():
        a, h = model["asymmetry"], model["history"]
        history = f"rewarded updates after many rewards are {h['ratio']:.2f} times those after few"
        if "excess" in h:
            history += " (95 % [{:.2f}, {:.2f}]; {:.2f} along REINFORCE with a baseline fitted to these animals, ".format(
                *h["ci95"], h["null"]
            )
            history += "so {:.2f} [{:.2f}, {:.2f}] of it)".format(h["excess"], *h["excess_ci95"])
        history += _SEEN.get(kind, "")
        lines.append(
            f"{NAMES[kind]}: drive towards the choice changes by {a['correct']:+.4f} after correct trials and "
            f"{a['error']:+.4f} after errors; {history}."
        )
        if "portrait" in model:
            lost = model["portrait"]["forgetting"]
            lines.append(
                "{}: it forgets {:+.4f} of the stimulus weight a trial, 95 % [{:+.4f}, {:+.4f}] over folds.".format(
                    NAMES[kind], lost["share"], *lost["ci95"]
                )
            )
    profile = result["profile"]
    low, high = profile["interval"]
    pieces = profile.get("pieces", [[low, high]])  # of a result of before, the interval alone
    told = f"Likelihood profile over the baseline of REINFORCE: {profile['best']:.2f}, 95 % [{low:.2f}, {high:.2f}]"
    if len(pieces) > 1:
        each = " and ".join("[{:.2f}, {:.2f}]".format(*piece) for piece in pieces)
        told += f", in which the profile has more than one peak within 1.92 nats of the best: {each}"
    lines.append(f"{told}.")
    if any(start <= 0 <= end for start, end in pieces):
        verdict = "0 is inside: whether errors move the animal at all is not told by these data"
    elif low > 0:
        verdict = "all above 0: errors push away from the choice"
    elif high < 0:
        verdict = "all below 0: errors push towards the choice (it perseveres)"
    else:
        verdict = "peaks lie on both sides of 0: which way errors push the animal is not told by these data"
    lines.append(f"If the rule is REINFORCE with one baseline, {verdict}.")
    lines.append(
        "This rests on first weights that " + _FIRST[profile["first_weights"]].format(*profile["spread"])
    )
    rules = {k: s["mean"] for k, s in result["held_out"].items() if k not in NAMES}
    best = max(rules, key=lambda rule: rules[rule])
    if not best.startswith("reinforce"):
        lines.append(
            f"But held out, {best} predicts better than REINFORCE: the profile may not mean what it says."
        )
    better = [NAMES[c["model"]] for c in result["comparisons"] if c["over"] in rules and c["ci95"][0] > 0]
    if better:
        lines.append(
            f"But held out, the {' and the '.join(better)} predicts better than any of the fixed rules: the rule is "
            "not REINFORCE with one baseline, and the profile may not mean what it says."
        )
    return lines


def round_trip_lines(result: Mapping[str, Any]) -> list[str]:
    """How alike a rule and what is inferred from agents that live by it are."""
    return [
        f"{NAMES[kind]}: lived by {r['agents']} agents for {r['trials']} trials and inferred again; the changes of the "
        f"two rules correlate {r['change']:.2f}, updates after correct and error trials come back {r['correct']:.2f} and "
        f"{r['error']:.2f} times as large."
        for kind, r in result.get("round_trip", {}).items()
    ]
