"""Sentences of the report: which ones are said is decided by the numbers."""

from __future__ import annotations

from typing import Any

from ontogym.studies.retina_report.config import ANTIALIASED, PUBLISHED_FOLDS, SUBJECTS

__all__ = ["conclusions", "gain_text", "p_text"]

Comparison = dict[str, Any]


def p_text(p: float | None) -> str:
    """A p value in few characters."""
    if p is None:
        return ""
    if p < 1e-16:  # less than what the distributions are computed to
        return "<1e-16"
    return f"{p:.0e}" if p < 1e-4 else f"{p:.4f}" if p < 0.01 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def gain_text(found: Comparison) -> str:
    """Median gain over seeds with its interval."""
    value, low, high = found["gain"]
    return f"{value:+.1f} % [{low:+.1f}, {high:+.1f}]"


def conclusions(summary: dict[str, Any]) -> list[str]:
    """What holds, in plain words: averaging, antialiased Lanczos-3, folds, contrast; one paragraph each."""
    subjects = summary["subjects"]
    lines = []
    if len(summary["seeds"]) < 3:
        few = "One source retina is" if len(summary["seeds"]) == 1 else "Two source retinas are"
        lines.append(f"{few} a look, not a result: pass three seeds or more before anything is concluded.")
    for name, method in (("pixel averaging", "average"), ("antialiased Lanczos-3", ANTIALIASED)):
        found = {subject: subjects[subject][f"actor_vs_{method}"] for subject in SUBJECTS}
        words = [_sentence(SUBJECTS[subject], name, one) for subject, one in found.items()]
        lines.append(" ".join([*words, _transfer(name, found)]))
    lines.append(_folds(summary))
    lines.append(_contrast(summary))
    return lines


def _sentence(where: str, other: str, found: Comparison) -> str:
    verdicts = {
        "better": f"the actor's images are answered more like the originals than those of {other}",
        "worse": f"the actor's images are answered less like the originals than those of {other}",
        "undecided": f"no difference between the actor and {other} is established",
    }
    tests = found["seeds"]
    clear = sum(test["p"] < 0.05 for test in tests)
    numbers = (
        f"median gain {gain_text(found)}, p = {p_text(found['p'])}, p < .05 in {clear} of {len(tests)} seeds"
    )
    return f"On {where} {verdicts[found['verdict']]} ({numbers})."


def _transfer(other: str, found: dict[str, Comparison]) -> str:
    """What the three verdicts mean together."""
    twin, source, new = (found[subject]["verdict"] for subject in SUBJECTS)
    if twin == "better" and source == new == "better":
        return f"So the gain over {other} carries over to retinas, also to those that nothing was fitted to."
    if twin == "better" and "worse" in (source, new):
        return f"So the gain over {other} is the twin's only: a retina that it was not fitted to, or even its own, loses."
    if twin == "better" and "better" in (source, new):
        where = "its source" if source == "better" else "new retinas"
        return f"So the gain over {other} carries over to {where}, but not demonstrably to all."
    if twin == "better":
        return f"So the gain over {other} is shown for the twin alone."
    return f"So there is no gain over {other} to carry over."


def _folds(summary: dict[str, Any]) -> str:
    """The fold pattern, subject by subject, beside the paper's."""

    def listed(subject: str, wanted: str) -> str:
        hits = [
            fold
            for fold, one in summary["folds"].items()
            if one[subject]["actor_vs_average"]["verdict"] == wanted
        ]
        return ", ".join(hits) if hits else "none"

    published = ", ".join(str(fold) for fold, p in PUBLISHED_FOLDS.items() if p < 0.05)
    words = [f"The paper finds the actor better than averaging at folds {published}, in silico."]
    for subject, name in SUBJECTS.items():
        words.append(
            f"Here, on {name}: better at {listed(subject, 'better')}; worse at {listed(subject, 'worse')}."
        )
    return " ".join(words)


def _contrast(summary: dict[str, Any]) -> str:
    """Whether contrast is all that the actor adds."""
    words = ["The paper's best contrast factor is 1.5, and the actor still wins against it."]
    for subject in ("twin", "ex-vivo"):
        found = summary["alpha"][subject]
        outcome = {"better": "the actor still wins", "worse": "the actor loses", "undecided": "neither wins"}
        one = found["actor_vs_corrected"]
        words.append(
            f"On {SUBJECTS[subject]} the best factor is {found['best']:g}; against it {outcome[one['verdict']]} "
            f"({gain_text(one)}, p = {p_text(one['p'])})."
        )
    return " ".join(words)
