"""An inferred rule in a file, and as the plasticity rule of an agent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym import checkpoint
from ontogym.developmental.rules.base import PlasticityRule, RuleContext, RuleOutput, RuleState
from ontogym.developmental.rules.inferred.network import UpdateNetwork
from ontogym.errors import OntogymError

__all__ = ["InferredRule", "SavedRule", "load_rule", "save_rule"]

KIND = "inferred-rule"


class SavedRule(NamedTuple):
    """A network with its parameters ``(D,)`` and JSON-able facts about where it comes from."""

    network: UpdateNetwork
    params: NDArray[np.float64]
    facts: dict[str, Any]


def save_rule(
    path: Path | str, network: UpdateNetwork, params: NDArray[np.float64], facts: Mapping[str, Any]
) -> None:
    """Write an inferred rule as one safetensors file with a JSON header, atomically."""
    meta = {"network": network.kind, "hidden": network.hidden, "facts": dict(facts)}
    checkpoint.save(path, KIND, {"params": params}, meta)


def load_rule(path: Path | str) -> SavedRule:
    """Read what `save_rule` wrote; a run folder stands for its ``rule.safetensors``.

    Raises:
        OntogymError: missing, damaged, or no inferred rule.
    """
    path = Path(path)
    path = path / "rule.safetensors" if path.is_dir() else path
    arrays, meta = checkpoint.load(path, KIND)
    try:
        network = UpdateNetwork(str(meta["network"]), int(meta["hidden"]))
        params = arrays["params"].astype(np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise OntogymError(f"{path} is damaged ({error}); infer the rule again.") from error
    if params.shape != (network.n_params,) or not np.isfinite(params).all():
        raise OntogymError(
            f"{path} is damaged (its parameters do not fit its network); infer the rule again."
        )
    return SavedRule(network, params, dict(meta.get("facts", {})))


class InferredRule(PlasticityRule):
    r"""A learning rule inferred from an animal's choices, for networks that decide by one node (arXiv 2509.04661).

    .. math:: \Delta w_{ij} = \rho_j \, s_1 g_1(w_i, b_i, x, 1, d_i, y_i, r, c_i)
              + \beta_j \, s_2 g_2(w_i, b_i, x, 1, d_i, y_i, r, c_i)

    with i the postsynaptic and j the presynaptic node. Node features 0 and 1 say what a node is: :math:`\rho_j` 1
    where node j carries the stimulus, :math:`\beta_j` 1 where it is the constant of the bias. Then :math:`w_i =
    \sum_j \rho_j w_{ij}` and :math:`b_i = \sum_j \beta_j w_{ij}` are the weight and bias of the policy at node i,
    :math:`x = \sum_j \rho_j y_j` the stimulus, :math:`y_i` the choice that node i made (its activity, -1 left to 1
    right), r the reward, and the correct side :math:`c_i` is the choice if that was rewarded and the other if not.
    :math:`d_i` is 1 at the first step of a life. A GRU's memory is kept at each node i.

    Parameters: none that evolve; the network's come from the file. Shapes: ``pre, post`` (P, N), ``nodes`` (P, N,
    F >= 2) give ``dw`` (P, N, N). Scope: nonlocal, since both edges of a node enter the change of each.

    Args:
        path: a file that `save_rule` wrote, the folder of an ``ontogym infer-rule`` run, or a rule in memory. None
            takes a random, untrained network.
        node_features, edge_features, history: as in `PlasticityRule`.

    Raises:
        OntogymError: no such file, a damaged one, or fewer than two node features.
    """

    name = "inferred"
    scope = "nonlocal"
    n_params = 0
    # Animals' weights go well beyond the usual bound of 4.
    max_weight = 20.0

    def __init__(
        self,
        node_features: int = 8,
        edge_features: int = 4,
        history: int = 4,
        *,
        path: str | Path | SavedRule | None = None,
    ) -> None:
        super().__init__(node_features, edge_features, history)
        if node_features < 2:
            raise OntogymError(
                f"The rule 'inferred' reads from node features 0 and 1 which nodes carry stimulus and bias, but there "
                f"are {node_features}; give nodes at least 2."
            )
        if path is None:
            untrained = UpdateNetwork()
            saved = SavedRule(untrained, untrained.initialise(0), {})
        else:
            saved = path if isinstance(path, SavedRule) else load_rule(path)
        self.network, self.facts = saved.network, saved.facts
        self._values = self._placed = torch.tensor(saved.params)
        # The GRU's memory, and whether the node has lived through a step.
        self.node_state = 1 + (self.network.hidden if self.network.recurrent else 0)

    @property
    def initial_weights(self) -> tuple[float, float]:
        """Weight and bias that the fit gives a newcomer (0 where those of the data were known)."""
        at = self.network.offsets["initial"]
        w, b = self._values[at : at + 2].tolist()
        return w, b

    def init_state(
        self,
        population: int,
        nodes: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> RuleState:
        # Brought to the device at birth: at every step it would make the host wait.
        self._placed = self._values.to(device, dtype)
        return super().init_state(population, nodes, dtype, device)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        weights = context.weights
        values = self._placed if self._placed.device == weights.device else self._values
        p = self.network.unpack(values.to(weights))
        stimulus, bias = context.nodes[:, :, 0], context.nodes[:, :, 1]
        reward = context.reward.clamp(0, 1).expand_as(context.post)
        columns = [
            (weights * stimulus[:, None]).sum(2),  # w_i = sum_j rho_j w_ij
            (weights * bias[:, None]).sum(2),  # b_i = sum_j beta_j w_ij
            (context.pre * stimulus).sum(1, keepdim=True).expand_as(reward),  # x = sum_j rho_j y_j
            torch.ones_like(reward),
            1 - state.node[:, 0],  # d_i
            context.post,  # y_i
            reward,
            context.post * (2 * reward - 1),  # c_i
        ]
        change, memory = self.network.update(p, torch.stack(columns, -1), state.node[:, 1:].transpose(1, 2))
        # dw_ij = rho_j s_1 g_1 + beta_j s_2 g_2
        dw = change[..., :1] * stimulus[:, None] + change[..., 1:] * bias[:, None]
        lived = torch.ones_like(state.node[:, :1])
        return RuleOutput(dw=dw), RuleState(state.edge, torch.cat([lived, memory.transpose(1, 2)], 1))
