"""The policy of a choosing animal with a rule plugged in: one decision node, one stimulus, one bias."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.base import Agent, Feedback, NetworkSnapshot, check_genomes
from ontogym.errors import OntogymError
from ontogym.registry import RULES
from ontogym.seeding import LaneStreams

if TYPE_CHECKING:
    from torch import Tensor

    from ontogym.developmental.rules import RuleState
    from ontogym.developmental.rules.inferred.rule import SavedRule

__all__ = ["Logistic", "LogisticState"]

STIMULUS, BIAS, DECISION = 0, 1, 2
N = 3


class LogisticState(NamedTuple):
    """Living agents: ``genomes`` (P, D), ``edges`` (P, S, N, N), ``pre, post`` (P, N) of the last step,
    ``choosing`` (P,) whether that step was a choice, the rule's memory, and a stream of chance each."""

    genomes: Tensor
    edges: Tensor
    pre: Tensor
    post: Tensor
    choosing: NDArray[np.bool_]
    memory: RuleState
    streams: LaneStreams


class Logistic(Agent[LogisticState]):
    r"""Chooses right with probability :math:`\sigma(w x + b)` and learns w and b by any plasticity rule.

    For tasks whose first three observations are contrast on the left and on the right and a go cue, and whose two
    actions are left and right (`ontogym/DeNovoChoice-v0`). x is ``[tanh(5 c_R) - tanh(5 c_L)] / tanh 5``, as in the
    policy that rules are inferred with (arXiv 2509.04661). The network that the rule sees has three nodes:
    stimulus x, bias 1, and decision, whose activity is the choice (-1 left, 1 right), with two edges; node
    features 0 and 1 mark the first two. The rule runs when the reward of a choice has come. The genome is w and
    b at birth, then the rule's parameters.

    Args:
        observation_space, action_space: of one environment.
        rule: name of a synaptic rule.
        rule_path: the file of an inferred rule (``rule="inferred"``), or that rule in memory; without it the rule's network is
            untrained, and what evolution makes of it is a rule that was evolved and not inferred.

    Raises:
        OntogymError: other spaces, an unknown rule, or a file that is none.
    """

    name = "logistic"
    develops = False

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        rule: str = "inferred",
        rule_path: str | SavedRule | None = None,
    ) -> None:
        super().__init__(observation_space, action_space)
        if self.spaces.n_observations < 3 or getattr(action_space, "n", 0) != 2:
            raise OntogymError(
                "The logistic agent sees left, right and a go cue and chooses one of two actions; use it with "
                "ontogym/DeNovoChoice-v0."
            )
        if rule_path is not None and rule != "inferred":
            raise OntogymError(
                f"The rule {rule!r} takes no file; leave out rule_path or choose rule='inferred'."
            )
        self._config = {"rule": rule, **({"rule_path": rule_path} if isinstance(rule_path, str) else {})}
        self._features = 8
        options = {"path": rule_path} if rule_path is not None else {}
        self.rule = RULES.get(rule)(node_features=self._features, edge_features=4, history=4, **options)

    @property
    def genome_size(self) -> int:
        return 2 + int(self.rule.n_params)

    @property
    def config(self) -> dict[str, Any]:
        return dict(self._config)

    def initial_genome(self) -> NDArray[np.float64]:
        start = getattr(self.rule, "initial_weights", (0.0, 0.0))
        return np.concatenate([start, self.rule.initial_params().numpy()])

    def birth(self, genomes: NDArray[np.floating], seeds: NDArray[np.integer]) -> LogisticState:
        import torch

        genomes = check_genomes(genomes, self.genome_size)
        numbers = torch.tensor(np.asarray(genomes, dtype=np.float64))
        edges = torch.zeros(len(genomes), 4, N, N, dtype=torch.float64)
        edges[:, 0, DECISION, :2] = numbers[:, :2].clamp(-self.rule.max_weight, self.rule.max_weight)
        still = torch.zeros(len(genomes), N, dtype=torch.float64)
        memory = self.rule.init_state(len(genomes), N, torch.float64)
        streams = LaneStreams(np.asarray(seeds, dtype=np.uint64))
        return LogisticState(
            numbers, edges, still, still, np.zeros(len(genomes), dtype=np.bool_), memory, streams
        )

    def develop(self, state: LogisticState, activity: NDArray[np.floating]) -> LogisticState:
        return state

    def step(
        self,
        state: LogisticState,
        observation: NDArray[np.floating],
        feedback: Feedback,
        active: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[Any], LogisticState]:
        import torch

        reward = feedback.reward
        active = np.ones(len(reward), dtype=np.bool_) if active is None else active
        rows = np.flatnonzero(active)
        motor = np.zeros((len(reward), 2), dtype=np.float32)
        if not len(rows):
            return motor, state
        state = self._learn(state, reward, active & state.choosing)
        seen = np.asarray(observation, dtype=np.float64)[rows]
        x = (np.tanh(5 * seen[:, 1]) - np.tanh(5 * seen[:, 0])) / np.tanh(5.0)
        w, b = state.edges[:, 0, DECISION, :2].numpy()[rows].T
        p_right = 1 / (1 + np.exp(-(w * x + b)))
        right = state.streams.uniform((), rows) < p_right
        motor[rows, right.astype(np.int64)] = 1.0
        pre, post = state.pre.clone(), state.post.clone()
        index = torch.as_tensor(rows)
        choice = torch.as_tensor(2.0 * right - 1)
        pre[index] = torch.stack([torch.as_tensor(x), torch.ones(len(rows), dtype=pre.dtype), choice], 1)
        # Inputs have the same activity as presynaptic and as postsynaptic nodes; only the decision has changed.
        post[index] = pre[index]
        choosing = state.choosing.copy()
        choosing[rows] = seen[:, 2] > 0.5
        return motor, state._replace(pre=pre, post=post, choosing=choosing)

    def _learn(
        self, state: LogisticState, reward: NDArray[np.floating], rows: NDArray[np.bool_]
    ) -> LogisticState:
        """Let the rule change the edges of the agents `rows`, whose choice has just been rewarded or not."""
        import torch

        from ontogym.developmental.rules import RuleContext, RuleState, apply_rule

        index = torch.as_tensor(np.flatnonzero(rows))
        if not len(index):
            return state
        mask = torch.zeros(len(index), N, N, dtype=torch.float64)
        mask[:, DECISION, :2] = 1
        pre, post = state.pre[index], state.post[index]
        nodes = torch.zeros(len(index), N, self._features, dtype=torch.float64)
        nodes[:, STIMULUS, 0] = nodes[:, BIAS, 1] = 1
        edges, memory = state.edges[index], RuleState(*(part[index] for part in state.memory))
        context = RuleContext(
            weights=edges[:, 0], mask=mask, allowed=mask, edges=edges, pre=pre, post=post, dphi=1 - post**2,
            signal=torch.zeros_like(post), reward=torch.as_tensor(np.asarray(reward, dtype=np.float64))[index, None],
            nodes=nodes, history=torch.stack([torch.zeros_like(post)] * 2 + [pre, post], 2),
            u=torch.zeros(len(index), 2, N, N, dtype=torch.float64),
        )  # fmt: skip
        with torch.no_grad():
            params = state.genomes[index, 2:]
            fresh, _, _, changed = apply_rule(self.rule, params, memory, context)
        all_edges, parts = state.edges.clone(), [part.clone() for part in state.memory]
        all_edges[index] = fresh
        for part, new in zip(parts, changed):
            part[index] = new
        return state._replace(edges=all_edges, memory=RuleState(*parts))

    def copy(self, state: LogisticState) -> LogisticState:
        return state._replace(choosing=state.choosing.copy(), streams=state.streams.copy())

    def network(self, state: LogisticState, row: int = 0) -> NetworkSnapshot:
        weights = state.edges[row, 0].numpy().astype(np.float32)
        mask = np.zeros((N, N), dtype=np.bool_)
        mask[DECISION, :2] = True
        activation = np.clip(state.post[row].numpy(), -1, 1).astype(np.float32)
        nodes = np.eye(N, 2, dtype=np.float32)
        return NetworkSnapshot(weights, mask, activation, nodes, 2, 1)

    def diagnose(self, state: LogisticState) -> dict[str, NDArray[np.floating]]:
        """``stimulus_weight`` and ``bias`` at the end of life."""
        w, b = state.edges[:, 0, DECISION, :2].numpy().T
        return {"stimulus_weight": w, "bias": b}
