"""SimCLR: contrastive learning without labels (Chen et al. 2020, arXiv 2002.05709).

On retinal waves, positives may also be successive frames of a film (Ligeralde et al. 2023, arXiv 2312.02791).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ontogym.developmental.feature_extractors.networks import head_width, replace_head

__all__ = ["SimCLR", "nt_xent"]


def nt_xent(first: Tensor, second: Tensor, temperature: float = 0.5) -> Tensor:
    """The normalised temperature-scaled cross entropy, eq. 1 of SimCLR, averaged over all 2B samples.

    Args:
        first, second: ``(B, D)``, row k of one being the positive of row k of the other; B at least 2.
        temperature: tau.

    Returns:
        A scalar.
    """
    count = len(first)
    both = F.normalize(torch.cat([first, second]), dim=1)
    similarity = both @ both.T / temperature
    similarity.fill_diagonal_(-torch.inf)  # no sample is its own negative
    partner = torch.arange(2 * count, device=both.device).roll(count)
    return F.cross_entropy(similarity, partner)


class SimCLR(nn.Module):
    """A network without its head, and the projection that the loss is measured behind; thrown away afterwards.

    Args:
        network: from `build_network`; its head is removed in place.
        width: of the projection.
        seed: decides the projection's weights.
    """

    def __init__(self, network: nn.Module, width: int = 128, seed: int = 0) -> None:
        super().__init__()
        features = head_width(network)
        self.network = replace_head(network, 0)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.projection = nn.Sequential(
                nn.Linear(features, features), nn.ReLU(inplace=True), nn.Linear(features, width)
            )

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.projection(self.network(x))
        return projected
