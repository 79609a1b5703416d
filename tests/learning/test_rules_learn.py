"""Each rule does what its paper is known for, on the smallest task where that shows."""

from __future__ import annotations

import pytest
import torch

from ontogym.developmental.rules import PlasticityRule, RuleContext, RuleState, apply_rule
from ontogym.registry import RULES

DTYPE = torch.float64


class Synapses:
    """One rule at work on nodes whose activity the test dictates; members of the population learn alone."""

    def __init__(
        self, name: str, population: int, mask: torch.Tensor, allowed: torch.Tensor | None = None
    ) -> None:
        self.rule: PlasticityRule = RULES.get(name)(node_features=3, edge_features=1, history=2)
        nodes = len(mask)
        self.params = self.rule.start(nodes).expand(population, -1).clone()
        self.state: RuleState = self.rule.init_state(population, nodes, DTYPE)
        self.mask = mask.to(DTYPE).expand(population, -1, -1).clone()
        self.allowed = (mask if allowed is None else allowed).to(DTYPE).expand(population, -1, -1)
        self.weights = torch.zeros(population, nodes, nodes, dtype=DTYPE)

    def learn(
        self,
        pre: torch.Tensor,
        post: torch.Tensor,
        reward: torch.Tensor | float = 0.0,
        u: torch.Tensor | None = None,
    ) -> None:
        population, nodes = pre.shape
        zeros = torch.zeros(population, nodes, dtype=DTYPE)
        context = RuleContext(
            weights=self.weights,
            mask=self.mask,
            allowed=self.allowed,
            edges=self.weights[:, None],
            pre=pre,
            post=post,
            dphi=1 - post**2,
            signal=zeros,
            reward=torch.as_tensor(reward, dtype=DTYPE).reshape(-1, 1).expand(population, 1),
            nodes=torch.zeros(population, nodes, 3, dtype=DTYPE),
            history=torch.stack([pre, post], 2),
            u=torch.zeros(population, 2, nodes, nodes, dtype=DTYPE) if u is None else u,
        )
        _, weights, self.mask, self.state = apply_rule(self.rule, self.params, self.state, context)
        self.weights = weights * self.mask


def fan_in(inputs: int) -> torch.Tensor:
    """Wiring of `inputs` nodes to one more, (post, pre)."""
    mask = torch.zeros(inputs + 1, inputs + 1)
    mask[-1, :-1] = 1
    return mask


def joined(inputs: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    return torch.cat([inputs, output[:, None]], 1)


def test_oja_finds_the_first_principal_component():
    generator = torch.Generator().manual_seed(0)
    basis, _ = torch.linalg.qr(torch.randn(4, 4, generator=generator, dtype=DTYPE))
    scale = torch.tensor([1.0, 0.4, 0.3, 0.2], dtype=DTYPE)
    synapses = Synapses("oja", 8, fan_in(4))
    synapses.params[:] = 0.02
    synapses.weights[:, -1, :-1] = 0.3 * torch.randn(8, 4, generator=generator, dtype=DTYPE)
    for _ in range(1500):
        x = (torch.randn(8, 4, generator=generator, dtype=DTYPE) * scale) @ basis.T
        y = (synapses.weights[:, -1, :-1] * x).sum(1)
        synapses.learn(joined(x, 0 * y), joined(x, y))
    w = synapses.weights[:, -1, :-1]
    torch.testing.assert_close(w.norm(dim=1), torch.ones(8, dtype=DTYPE), rtol=0, atol=0.1)
    assert ((w @ basis[:, 0]).abs() / w.norm(dim=1) > 0.97).all()


def test_hebb_alone_grows_without_that_bound():
    synapses = Synapses("hebb", 1, fan_in(2))
    synapses.weights[:, -1, :-1] = 0.1
    x = torch.tensor([[1.0, 0.5]], dtype=DTYPE)
    for _ in range(200):
        y = (synapses.weights[:, -1, :-1] * x).sum(1)
        synapses.learn(joined(x, 0 * y), joined(x, y))
    assert (synapses.weights[:, -1, :-1] == synapses.rule.max_weight).all()


def test_bcm_becomes_selective():
    """Two patterns, one node: it ends up answering one of them and not the other."""
    generator = torch.Generator().manual_seed(1)
    patterns = torch.tensor([[1.0, 0.2], [0.2, 1.0]], dtype=DTYPE)
    synapses = Synapses("bcm", 16, fan_in(2))
    synapses.params[:] = torch.tensor([0.02, -1.5], dtype=DTYPE)
    synapses.weights[:, -1, :-1] = 0.4 + 0.1 * torch.rand(16, 2, generator=generator, dtype=DTYPE)
    for _ in range(4000):
        x = patterns[torch.randint(2, (16,), generator=generator)]
        y = (synapses.weights[:, -1, :-1] * x).sum(1).clamp_min(0)
        synapses.learn(joined(x, 0 * y), joined(x, y))
    answers = (synapses.weights[:, -1, :-1] @ patterns.T).clamp_min(0)
    best, worst = answers.max(1).values, answers.min(1).values
    assert (best > 1).all()
    assert (worst < 0.2 * best).all()
    assert len(set(answers.argmax(1).tolist())) == 2  # which one is for chance to say


def test_reward_hebb_learns_which_arm_goes_with_which_cue():
    """Two cues, two arms, reward for the matching one; the reward comes with the next step."""
    generator = torch.Generator().manual_seed(2)
    mask = torch.zeros(4, 4)
    mask[2:, :2] = 1
    synapses = Synapses("reward-hebb", 32, mask)
    synapses.params[:] = torch.tensor([0.3, -6.0, -2.0], dtype=DTYPE)
    rows, correct = torch.arange(32), []
    for _ in range(300):
        cue = torch.randint(2, (32,), generator=generator)
        x = torch.nn.functional.one_hot(cue, 2).to(DTYPE)
        drive = (synapses.weights[:, 2:, :2] * x[:, None]).sum(2)
        arm = (drive + 0.3 * torch.randn(32, 2, generator=generator, dtype=DTYPE)).argmax(1)
        y = torch.full((32, 2), -1.0, dtype=DTYPE)
        y[rows, arm] = 1.0
        reward = (arm == cue).to(DTYPE)
        correct.append(reward.mean())
        synapses.learn(torch.cat([x, 0 * y], 1), torch.cat([x, y], 1), reward)
    assert torch.stack(correct[:5]).mean() < 0.8
    assert torch.stack(correct[-50:]).mean() > 0.95


@pytest.mark.parametrize("name", ["change-trace", "change-trace-edge"])
def test_change_trace_tells_which_way_ones_own_action_moves_a_sensor(name):
    """A sensor that moves with or against a random action; at step 100 the world turns, and so does the weight."""
    generator = torch.Generator().manual_seed(5)
    synapses = Synapses(name, 32, fan_in(1))
    innate = 0.3
    synapses.weights[:, 1, 0] = innate
    gain = 0.5 if name == "change-trace" else 0.1  # where a search starts
    world = torch.where(torch.rand(32, generator=generator) < 0.5, -1.0, 1.0).to(DTYPE)
    sensor, weights = torch.zeros(32, dtype=DTYPE), []
    for t in range(200):
        action = torch.where(torch.rand(32, generator=generator) < 0.5, -1.0, 1.0).to(DTYPE)
        sensor = 0.9 * sensor + 0.1 * (world if t < 100 else -world) * action
        seen = torch.stack([action, sensor], 1)
        synapses.learn(seen, seen)
        weights.append(synapses.weights[:, 1, 0].clone())
    for found, sign in ((weights[99], 1), (weights[199], -1)):
        agree = sign * world * (found - innate)
        assert (agree > 0.2 * gain).all()
        assert (agree < gain).all()  # the fast part is bounded by the gain, the innate one is kept
    assert (-world * (weights[125] - innate) > 0).all()  # turned within three times 1 / rho


@pytest.mark.parametrize(("first", "sign"), [("pre", 1), ("post", -1)])
def test_stdp_strengthens_pre_before_post_and_weakens_the_reverse(first, sign):
    synapses = Synapses("stdp", 1, fan_in(1))
    on, off = torch.tensor([[1.0, 0.0]], dtype=DTYPE), torch.zeros(1, 2, dtype=DTYPE)
    fires = torch.tensor([[0.0, 1.0]], dtype=DTYPE)
    one, other = ((on, off), (off, fires)) if first == "pre" else ((off, fires), (on, off))
    gaps = []
    for gap in (1, 3):
        synapses.weights, synapses.state = 0 * synapses.weights, synapses.rule.init_state(1, 2, DTYPE)
        for pre, post in (one, *[(off, off)] * (gap - 1), other):
            synapses.learn(pre, post)
        gaps.append(synapses.weights[0, 1, 0].item() * sign)
    assert gaps[0] > gaps[1] > 0  # less, the longer between them


def sparse(nodes: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A random wiring and where it may go: anywhere but to oneself."""
    allowed = 1 - torch.eye(nodes)
    return (torch.rand(nodes, nodes, generator=generator) < 0.3) * allowed, allowed


@pytest.mark.parametrize("name", ["deep-rewiring", "magnitude-regrow"])
def test_rewiring_keeps_the_number_of_edges_exactly(name):
    generator = torch.Generator().manual_seed(3)
    mask, allowed = sparse(9, generator)
    synapses = Synapses(name, 6, mask, allowed)
    synapses.params[:, 0] += torch.tensor([3.0, 0.0, 1.0, 4.0, -2.0, 30.0], dtype=DTYPE)
    moved, before = 0.0, synapses.mask.sum((1, 2))
    for _ in range(60):
        old = synapses.mask
        synapses.weights = synapses.mask * torch.randn(6, 9, 9, generator=generator, dtype=DTYPE)
        quiet = torch.zeros(6, 9, dtype=DTYPE)
        synapses.learn(quiet, quiet, u=torch.rand(6, 2, 9, 9, generator=generator, dtype=DTYPE))
        assert torch.equal(synapses.mask.sum((1, 2)), before)
        assert not (synapses.mask * (1 - synapses.allowed)).any()
        moved += (synapses.mask - old).abs().sum().item()
    assert moved > 100


@pytest.mark.parametrize("name", ["deep-rewiring", "magnitude-regrow"])
@pytest.mark.parametrize("density", [0.0, 1.0])
def test_an_empty_and_a_full_network_stay_so(name, density):
    allowed = 1 - torch.eye(4)
    synapses = Synapses(name, 2, density * allowed, allowed)
    synapses.params[:, 0] = 8.0
    for seed in range(3):
        synapses.weights = synapses.mask * 0.01 * (-1) ** seed
        u = torch.rand(2, 2, 4, 4, generator=torch.Generator().manual_seed(seed), dtype=DTYPE)
        synapses.learn(torch.zeros(2, 4, dtype=DTYPE), torch.zeros(2, 4, dtype=DTYPE), u=u)
        assert torch.equal(synapses.mask, density * synapses.allowed)


def test_deep_rewiring_spares_what_keeps_its_sign():
    generator = torch.Generator().manual_seed(4)
    mask, allowed = sparse(8, generator)
    synapses = Synapses("deep-rewiring", 1, mask, allowed)
    quiet = torch.zeros(1, 8, dtype=DTYPE)

    def step() -> None:
        synapses.learn(quiet, quiet, u=torch.rand(1, 2, 8, 8, generator=generator, dtype=DTYPE))

    synapses.weights = synapses.mask.clone()
    for _ in range(20):
        step()
    assert torch.equal(synapses.mask[0], mask.to(DTYPE))
    flipped = synapses.mask * 0
    flipped[0][tuple(mask.nonzero()[0])] = 1
    synapses.weights = synapses.mask - 2 * flipped
    step()
    assert not (synapses.mask * flipped).any()  # it crossed zero, so it went
    kept = mask.to(DTYPE) - flipped[0]
    assert torch.equal(synapses.mask[0] * kept, kept)  # and no other


def test_magnitude_pruning_takes_the_weakest_and_gives_the_newborn_time():
    mask, allowed = torch.zeros(6, 6), 1 - torch.eye(6)
    mask[0, 1:] = 1
    synapses = Synapses("magnitude-regrow", 1, mask, allowed)
    synapses.params[:] = torch.tensor([-1.38629, -3.0], dtype=DTYPE)  # a fifth of five edges: one a step
    size = torch.tensor([0.5, 0.1, 0.4, 0.3, 0.2], dtype=DTYPE)
    synapses.weights[0, 0, 1:] = size
    quiet, generator = torch.zeros(1, 6, dtype=DTYPE), torch.Generator().manual_seed(5)
    # A little less than one is carried over from birth, so that every step moves exactly one.
    synapses.state = synapses.state._replace(node=synapses.state.node + 0.01)
    u = torch.rand(1, 2, 6, 6, generator=generator, dtype=DTYPE)
    u[:, :, 0] = 0.99  # regrow elsewhere
    gone = []
    for _ in range(3):
        before = synapses.mask.clone()
        synapses.learn(quiet, quiet, u=u)
        lost = (before > synapses.mask).nonzero()
        assert len(lost) == 1
        gone.append(tuple(lost[0, 1:].tolist()))
    assert gone == [(0, 2), (0, 5), (0, 4)]  # by size, though newborn edges weigh nothing


def test_activity_turnover_feeds_quiet_nodes_and_starves_busy_ones():
    allowed = 1 - torch.eye(20)
    mask = torch.zeros(20, 20)
    mask[torch.rand(20, 20, generator=torch.Generator().manual_seed(0)) < 0.5] = 1
    synapses = Synapses("activity-turnover", 1, mask * allowed, allowed)
    synapses.params[:, 0] = synapses.params[:, 1] = -4.0
    activity = torch.cat([torch.zeros(1, 10), torch.ones(1, 10)], 1).to(DTYPE)
    generator = torch.Generator().manual_seed(6)
    for _ in range(300):
        u = torch.rand(1, 2, 20, 20, generator=generator, dtype=DTYPE)
        synapses.learn(activity, activity, u=u)
    among_quiet, among_busy = synapses.mask[0, :10, :10].mean(), synapses.mask[0, 10:, 10:].mean()
    assert among_quiet > 0.7
    assert among_busy < 0.1


def test_coefficients_of_each_edge_are_its_own():
    shared, own = Synapses("hebbian-abcd", 1, fan_in(3)), Synapses("hebbian-abcd-edge", 1, fan_in(3))
    pre, post = torch.rand(1, 4, dtype=DTYPE), torch.rand(1, 4, dtype=DTYPE)
    for synapses in (shared, own):
        synapses.learn(pre, post)
    torch.testing.assert_close(shared.weights, own.weights)
    # A of the edge from node 1 to node 3: the second of five sets, post 3, pre 1.
    own.params[0, 16 + 3 * 4 + 1] = 0.0
    own.learn(pre, post)
    shared.learn(pre, post)
    same = torch.isclose(shared.weights, own.weights)
    assert (~same).nonzero().tolist() == [[0, 3, 1]]
