"""One index convention: in equations and arrays i is the postsynaptic node and j the presynaptic one."""

from __future__ import annotations

import re

import pytest
import torch

from ontogym.registry import RULES
from ontogym.testing.trial import draw_trial

WORDS = re.compile(r"\b(?:y_)?i (?:the |\()?postsynaptic")
# Where the state stands in an equation: symbol to the entry of `state.node` (0 or 1) and the end it belongs to.
STATE = {"bcm": {r"\theta_i": (0, "i")}, "stdp": {"z_i": (1, "i")}}
NUMBERS = {
    "hebb": [r"\eta"],
    "oja": [r"\eta"],
    "bcm": [r"\eta", r"\rho"],
    "hebbian-abcd": [r"\eta", "A", "B", "C", "D"],
    "stdp": ["A_+", "A_-", r"\lambda_+", r"\lambda_-"],
}


def equation(name: str) -> str:
    r"""The right side of ``\Delta w_{ij} = ...`` as a rule's page has it, in Python."""
    (text,) = re.findall(r"\\Delta w_\{ij\} = (.*?)(?:, \\qquad|\n)", RULES.get(name).__doc__)
    return re.sub(r"\|(.*?)\|", r"abs(\1)", text.replace(r"\,", "*").strip())


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_the_equation_of_a_rules_page_is_what_its_arrays_hold(name):
    """``dw[p, i, j]`` is the equation with activity of i taken from `post` and that of j from `pre`."""
    trial = draw_trial(RULES.get(name)(), 2, 4, torch.Generator().manual_seed(0))
    for _ in range(2):
        trial = trial.advance(trial.context._replace(pre=trial.context.pre.roll(1, 1)))
    c, node, dw = trial.context, trial.state.node, trial.run()["dw"]
    for p in range(2):
        numbers = dict(zip(NUMBERS[name], trial.params[p]))
        for i in range(4):
            for j in range(4):
                known = {**numbers, "y_i": c.post[p, i], "y_j": c.pre[p, j], "w_{ij}": c.weights[p, i, j]}
                for symbol, (row, _) in STATE.get(name, {}).items():
                    known[symbol] = node[p, row, i]
                if name == "stdp":  # x_j takes in y_j before the weight changes
                    known["x_j"] = torch.sigmoid(numbers[r"\lambda_+"]) * node[p, 0, j] + c.pre[p, j]
                text, values = equation(name), list(known.values())
                for k, symbol in enumerate(sorted(known, key=len, reverse=True)):
                    values[k] = known[symbol]
                    text = text.replace(symbol, f"@{k}@")
                found = eval(re.sub(r"@(\d+)@", r"values[\1]", text), {"values": values, "abs": abs})
                torch.testing.assert_close(dw[p, i, j], found)


@pytest.mark.parametrize("name", sorted(RULES.builtin))
def test_every_rules_page_says_which_index_is_postsynaptic(name):
    page = " ".join(RULES.get(name).__doc__.split())
    assert r"\Delta w_{ji}" not in page
    assert WORDS.search(page), f"{name}: say that i is the postsynaptic node"
    assert "presynaptic" in page
    assert "behind" not in page  # the field's word is postsynaptic
