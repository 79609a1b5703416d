"""Files from strangers: names that import code are refused before anything is imported."""

from __future__ import annotations

import numpy as np
import pytest

from ontogym.agents.lndp import LNDPConfig
from ontogym.baselines.evolution.agent_files import SavedAgent
from ontogym.errors import OntogymError


@pytest.mark.parametrize(
    "names", [{"agent": "subprocess:Popen"}, {"env": "antigravity:CartPole-v1"}], ids=["agent", "env"]
)
def test_a_name_that_imports_code_is_refused(names: dict[str, str]) -> None:
    saved = SavedAgent(np.zeros(3), **({"agent": "lndp", "env": "CartPole-v1", "options": {}} | names))
    with pytest.raises(OntogymError, match="would import code"):
        saved.build()


@pytest.mark.parametrize("option", [{"nodes": 10**9}, {"rnn_iters": 10**6}, {"edge_features": 10**5}])
def test_absurd_sizes_are_refused_before_anything_is_allocated(option: dict[str, int]) -> None:
    with pytest.raises(OntogymError, match="the most is"):
        LNDPConfig(**option)
