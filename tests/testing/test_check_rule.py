"""check_rule finds every planted fault, and finds nothing in what ships."""

from __future__ import annotations

import random

import pytest
import torch

from ontogym.developmental.rules import PlasticityRule, RuleContext, RuleOutput, RuleState
from ontogym.developmental.rules.hebbian import HebbianABCDRule
from ontogym.errors import UnknownNameError
from ontogym.registry import RULES
from ontogym.testing import assert_rule, check_rule
from ontogym.testing.trial import draw_trial

pytestmark = pytest.mark.filterwarnings("error")


def outer(c: RuleContext) -> torch.Tensor:
    return c.post[:, :, None] * c.pre[:, None, :]


class Sound(PlasticityRule):
    """Hebb with one parameter; the faults are planted in it."""

    name = "sound"
    n_params = 1

    def initial_params(self):
        return torch.tensor([0.1], dtype=torch.float64)

    def change(self, params, state, c):
        return params[:, :, None] * outer(c)

    def step(self, params, state, context):
        return RuleOutput(dw=self.change(params, state, context)), state


class WrongShape(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c).sum(2)


class WrongDtype(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c).double()


class NotATensor(Sound):
    def change(self, params, state, c):
        return 0.0


class WrongReturn(Sound):
    def step(self, params, state, context):
        return RuleOutput(dw=self.change(params, state, context))


class TwoAnswers(Sound):
    def step(self, params, state, context):
        return RuleOutput(dw=self.change(params, state, context), weights=context.weights), state


class UnknownScope(Sound):
    scope = "galactic"


class WrongInitialParams(Sound):
    def initial_params(self):
        return torch.zeros(3, dtype=torch.float64)


class StateOfFixedDtype(Sound):
    node_state = 1

    def init_state(self, population, nodes, dtype=torch.float32, device="cpu"):
        return super().init_state(population, nodes, torch.float32, device)


class Raises(Sound):
    def change(self, params, state, c):
        raise RuntimeError("no such synapse")


class NeedsArguments(Sound):
    def __init__(self, brain):
        super().__init__()


class MutatesContext(Sound):
    def change(self, params, state, c):
        c.weights.mul_(1.0001)
        return super().change(params, state, c)


class MutatesState(Sound):
    edge_state = 1

    def change(self, params, state, c):
        state.edge[:, 0] = 0.5 * state.edge[:, 0] + outer(c)
        return params[:, :, None] * state.edge[:, 0]


class MutatesParams(Sound):
    def change(self, params, state, c):
        return params.mul_(1.01)[:, :, None] * outer(c)


class DrawsRandomNumbers(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c) + 0.1 * torch.randn_like(c.weights)


class DrawsFromPython(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c) * random.random()


class HiddenMemory(Sound):
    last = None

    def change(self, params, state, c):
        last, self.last = self.last, c.post.clone()
        if last is None or last.shape != c.post.shape:
            last = c.post
        return params[:, :, None] * last.to(c.post)[:, :, None] * c.pre[:, None, :]


class UndeclaredChance(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c) * c.u[:, 0]


class UndeclaredProbability(Sound):
    kind = "structural"

    def step(self, params, state, context):
        return RuleOutput(p_prune=torch.sigmoid(self.change(params, state, context))), state


class NormalisesOverPopulation(Sound):
    def change(self, params, state, c):
        dw = super().change(params, state, c)
        return dw / (1 + dw.abs().amax())


class KnowsItsRow(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c) * torch.arange(len(c.pre)).to(c.pre)[:, None, None]


class KnowsItsIndex(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c) * torch.linspace(0.5, 1.0, c.pre.shape[1]).to(c.pre)[:, None]


class UsesNodeZero(Sound):
    scope = "nonlocal"

    def change(self, params, state, c):
        return super().change(params, state, c) + c.pre[:, 0, None, None]


class MeanActivity(Sound):
    def change(self, params, state, c):
        return params[:, :, None] * (outer(c) - c.post.mean(1)[:, None, None])


class InDegree(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c) / (1 + c.mask.sum(2, keepdim=True))


class LeaksThroughNodeState(Sound):
    node_state = 1

    def step(self, params, state, context):
        drive = (context.weights @ context.pre[:, :, None]).transpose(1, 2)
        return RuleOutput(dw=self.change(params, state, context)), RuleState(state.edge, torch.tanh(drive))


class UsesReward(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c) * c.reward[:, :, None]


class RewardThroughState(Sound):
    node_state = 1

    def step(self, params, state, context):
        memory = RuleState(state.edge, context.reward[:, :, None].expand_as(state.node).clone())
        return RuleOutput(dw=self.change(params, state, context)), memory


class UsesSignal(Sound):
    def change(self, params, state, c):
        return params[:, :, None] * c.signal[:, :, None] * c.pre[:, None, :]


class UsesSignalBesideReward(UsesSignal):
    scope = "global-reward"


class UsesNodes(Sound):
    scope = "global-reward"

    def change(self, params, state, c):
        return super().change(params, state, c) * c.nodes[:, :, None, 0]


class UsesHistory(Sound):
    def change(self, params, state, c):
        return params[:, :, None] * c.post[:, :, None] * c.history[:, None, :, 0]


class DividesByWeight(Sound):
    def change(self, params, state, c):
        return params[:, :, None] / c.weights


class NaNWithoutEdge(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c) * c.weights / c.weights.abs()  # 0 / 0 where no edge is


class WritesMask(Sound):
    def change(self, params, state, c):
        c.mask.fill_(1.0)
        return super().change(params, state, c) + 0.1


class LosesDigits(Sound):
    def change(self, params, state, c):
        return (1e6 + super().change(params, state, c)) - 1e6


class GrowingTrace(Sound):
    edge_state = 1

    def step(self, params, state, context):
        trace = 1.1 * state.edge + outer(context)[:, None]
        return RuleOutput(dw=params[:, :, None] * trace[:, 0]), RuleState(trace, state.node)


class OverflowingExponential(Sound):
    def change(self, params, state, c):
        e = torch.exp(outer(c))  # exp(100) is infinite in float32, and inf / inf is NaN
        return params[:, :, None] * e / (1 + e)


class FixedNodes(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c) * torch.ones(7, 7).to(c.pre)


class FixedFeatures(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c) * c.edges[:, 3]


class SqrtAtZero(Sound):
    def initial_params(self):
        return torch.zeros(1, dtype=torch.float64)

    def change(self, params, state, c):
        return params.abs().sqrt()[:, :, None] * outer(c)


class LogBehindWhere(Sound):
    def change(self, params, state, c):
        log = torch.log((params[:, :, None] * c.weights) ** 2)
        return torch.where(c.mask > 0, log, torch.zeros_like(log))


class ProbabilityAboveOne(Sound):
    kind = "structural"
    stochastic = True

    def step(self, params, state, context):
        return RuleOutput(p_add=1.5 + self.change(params, state, context).abs()), state


class WiringOfASynapticRule(Sound):
    stochastic = True

    def step(self, params, state, context):
        return RuleOutput(p_prune=torch.sigmoid(self.change(params, state, context))), state


class WeightsOfAStructuralRule(Sound):
    kind = "structural"


class UnknownKind(Sound):
    kind = "dendritic"


class WrongEdgeParams(Sound):
    edge_params = 2

    def initial_edge_params(self):
        return torch.zeros(3, dtype=torch.float64)


class HiddenGlobal(Sound):
    def change(self, params, state, c):
        CALLS.append(None)
        return super().change(params, state, c) / len(CALLS)


CALLS: list[None] = []


class UsesNextNode(Sound):
    scope = "nonlocal"

    def change(self, params, state, c):
        return super().change(params, state, c) * c.pre.roll(1, 1)[:, None, :]


class UsesReciprocalWeight(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c) * c.weights.mT


class UsesReciprocalState(Sound):
    edge_state = 1

    def step(self, params, state, context):
        trace = 0.5 * state.edge + 0.1 * state.edge.mT + outer(context)[:, None]
        return RuleOutput(dw=self.change(params, state, context)), RuleState(trace, state.node)


class SpreadsOverSteps(Sound):
    """A node's state takes in its neighbours', so that news travels an edge a step."""

    node_state = 1

    def step(self, params, state, context):
        spread = torch.tanh(0.5 * (state.node + context.post[:, None]) @ context.mask.mT)
        return RuleOutput(dw=self.change(params, state, context)), RuleState(state.edge, spread)


class AddsForbiddenEdges(Sound):
    kind = "structural"
    n_params = 0

    def initial_params(self):
        return torch.zeros(0, dtype=torch.float64)

    def step(self, params, state, context):
        return RuleOutput(mask=torch.ones_like(context.mask)), state


class HalfAnEdge(AddsForbiddenEdges):
    def step(self, params, state, context):
        return RuleOutput(mask=0.5 * context.mask), state


class NaNParameterSlope(Sound):
    def change(self, params, state, c):
        norm = (params[:, :, None] * 0 * c.weights).square().sum((1, 2), keepdim=True).sqrt()
        return super().change(params, state, c) + norm


class SlowLeakTrace(Sound):
    """Sound under usual inputs; only the tenfold ones, 500 steps long, push it over."""

    node_state = 1

    def step(self, params, state, context):
        growth = state.node * (1 + 0.0008 * context.post.abs()[:, None] ** 2) + 1
        return RuleOutput(dw=self.change(params, state, context)), RuleState(state.edge, growth)


class TensorOnCPU(Sound):
    def change(self, params, state, c):
        return super().change(params, state, c) * torch.ones(c.pre.shape[1], dtype=c.pre.dtype)


class BranchesOnNumbers(Sound):
    def change(self, params, state, c):
        dw = super().change(params, state, c)
        return dw if torch.isfinite(dw).all() else 0 * dw


class IgnoresItsSecondParameter(Sound):
    n_params = 2

    def initial_params(self):
        return torch.tensor([0.1, 0.5], dtype=torch.float64)

    def change(self, params, state, c):
        return params[:, :1, None] * outer(c)


class IgnoresWhatEdgesHave(Sound):
    edge_params = 1

    def change(self, params, state, c):
        return params[:, :1, None] * outer(c)


class CancelsItsParameter(Sound):
    def change(self, params, state, c):
        return 0.1 * outer(c) + 0 * params[:, :, None]


FAULTS = [
    (IgnoresItsSecondParameter, "unused"),
    (IgnoresWhatEdgesHave, "unused"),
    (CancelsItsParameter, "unused"),
    (WiringOfASynapticRule, "shape"),
    (WeightsOfAStructuralRule, "shape"),
    (UnknownKind, "declaration"),
    (WrongEdgeParams, "declaration"),
    (HiddenGlobal, "determinism"),
    (UsesNextNode, "relabelling"),
    (UsesReciprocalWeight, "own-edge"),
    (UsesReciprocalState, "own-edge"),
    (SpreadsOverSteps, "locality"),
    (AddsForbiddenEdges, "mask"),
    (HalfAnEdge, "mask"),
    (NaNParameterSlope, "gradient"),
    (SlowLeakTrace, "blow-up"),
    (TensorOnCPU, "device"),
    (BranchesOnNumbers, "device"),
    (WrongShape, "shape"),
    (WrongDtype, "shape"),
    (NotATensor, "shape"),
    (WrongReturn, "shape"),
    (TwoAnswers, "shape"),
    (Raises, "shape"),
    (NeedsArguments, "construct"),
    (dict, "construct"),
    (UnknownScope, "declaration"),
    (WrongInitialParams, "declaration"),
    (StateOfFixedDtype, "declaration"),
    (MutatesContext, "mutation"),
    (MutatesState, "mutation"),
    (MutatesParams, "mutation"),
    (DrawsRandomNumbers, "determinism"),
    (DrawsFromPython, "determinism"),
    (HiddenMemory, "determinism"),
    (UndeclaredChance, "stochastic"),
    (UndeclaredProbability, "stochastic"),
    (NormalisesOverPopulation, "population"),
    (KnowsItsRow, "population"),
    (KnowsItsIndex, "relabelling"),
    (UsesNodeZero, "relabelling"),
    (MeanActivity, "locality"),
    (InDegree, "locality"),
    (LeaksThroughNodeState, "locality"),
    (UsesReward, "third-factor"),
    (RewardThroughState, "third-factor"),
    (UsesSignal, "third-factor"),
    (UsesSignalBesideReward, "node-state"),
    (UsesNodes, "node-state"),
    (UsesHistory, "node-state"),
    (NaNWithoutEdge, "mask"),
    (WritesMask, "mask"),
    (LosesDigits, "float32"),
    (GrowingTrace, "blow-up"),
    (OverflowingExponential, "blow-up"),
    (FixedNodes, "sizes"),
    (FixedFeatures, "sizes"),
    (DividesByWeight, "gradient"),
    (SqrtAtZero, "gradient"),
    (LogBehindWhere, "gradient"),
    (ProbabilityAboveOne, "probability"),
]
# A fault that necessarily is another one too: a rule that draws differs alone and among others, and so on.
ALSO = {
    "determinism": {
        "stochastic",
        "population",
        "relabelling",
        "locality",
        "own-edge",
        "third-factor",
        "node-state",
        "float32",
    },
    "mutation": {"mask", "gradient"},
    "mask": {"mutation", "blow-up", "gradient"},
    "relabelling": {"locality"},
    "population": {"locality"},
    "locality": {"own-edge"},
}


@pytest.mark.parametrize("name", list(RULES))
def test_shipped_rules_pass(name):
    assert check_rule(name) == []


@pytest.mark.parametrize("name", list(RULES))
def test_shipped_rules_pass_at_other_sizes(name):
    rule = RULES.get(name)(node_features=3, edge_features=2, history=5)
    assert check_rule(rule, population=2, nodes=5, steps=20, seed=1) == []


@pytest.mark.parametrize("name", ["magnitude-regrow", "deep-rewiring", "activity-turnover"])
def test_structural_rules_pass_when_they_rewire_much(name):
    """As they start, hardly an edge moves in the few steps of a trial, and little would be tested."""

    class Busy(RULES.get(name)):
        def initial_params(self):
            more = {"magnitude-regrow": (0, 5.0), "deep-rewiring": (0, 4.0), "activity-turnover": (1, 6.0)}
            start, (which, add) = super().initial_params(), more[name]
            start[which] += add
            return start

    trial = draw_trial(Busy(), 3, 7, torch.Generator().manual_seed(0))
    assert (trial.apply()[2] != trial.context.mask).any()
    assert check_rule(Busy, steps=50) == []


def test_sound_rule_passes():
    assert check_rule(Sound) == []


@pytest.mark.parametrize(("rule", "name"), FAULTS, ids=[rule.__name__ for rule, _ in FAULTS])
def test_planted_fault_is_found(rule, name):
    findings = check_rule(rule, steps=500 if name == "blow-up" else 20)
    names = {finding.name for finding in findings}
    assert name in names
    assert names <= {name} | ALSO.get(name, set())
    for finding in findings:
        assert finding.message.endswith((".", ".)"))
        assert ";" in finding.message or "must be" in finding.message  # says what to change, not only what is


def test_faults_of_other_scopes_are_sound_under_the_right_scope():
    for rule, scope in [
        (UsesReward, "global-reward"),
        (UsesSignal, "node-state"),
        (UsesHistory, "node-state"),
        (MeanActivity, "nonlocal"),
    ]:
        assert check_rule(type(rule.__name__, (rule,), {"scope": scope}), steps=20) == []


def test_assert_rule_raises_with_every_sentence():
    class Twice(UsesReward):
        def change(self, params, state, c):
            return super().change(params, state, c) - c.post.mean(1)[:, None, None]

    with pytest.raises(AssertionError) as caught:
        assert_rule(Twice, steps=20)
    for finding in check_rule(Twice, steps=20):
        assert finding.message in str(caught.value)
    assert {"locality", "third-factor"} <= {f.name for f in check_rule(Twice, steps=20)}
    assert_rule(HebbianABCDRule, steps=20)


def test_an_exception_is_told_with_its_line_and_what_fits_beside_a_matrix():
    class Narrow(UsesReward):
        def step(self, params, state, context):
            return RuleOutput(dw=context.reward * context.weights), state  # (P, 1) beside (P, N, N)

    (finding,) = check_rule(Narrow, steps=20)
    assert finding.name == "shape"
    assert "test_check_rule.py:" in finding.message
    assert "`return RuleOutput(dw=context.reward * context.weights), state" in finding.message
    assert "context.reward[..., None]" in finding.message


def test_targets_and_names():
    assert check_rule("ontogym.developmental.rules.hebbian:HebbianABCDRule", steps=20) == []
    with pytest.raises(UnknownNameError, match="hebbian-abcd"):
        check_rule("hebian-abcd")


def test_check_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    check_rule(DrawsRandomNumbers, steps=2)
    assert torch.equal(torch.rand(2), expected)


def test_parameters_that_evolution_may_try_are_tried():
    """Started at 0.5 a square root is fine for a while; half of the numbers that evolution draws are negative."""

    class Root(Sound):
        name = "root"
        n_params = 1

        def initial_params(self):
            return torch.full((1,), 4.0, dtype=torch.float64)

        def step(self, params, state, context):
            post, pre = context.post[:, :, None], context.pre[:, None, :]
            return RuleOutput(dw=0.01 * params[:, :, None].sqrt() * post * pre), state

    (finding,) = [finding for finding in check_rule(Root, steps=20) if finding.name == "far"]
    assert "dw of" in finding.message
