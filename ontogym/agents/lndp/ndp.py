"""A network that is grown, and then stays as it is."""

from __future__ import annotations

from typing import Any

from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.lndp.agent import LNDP, LNDPState
from ontogym.errors import OntogymError

__all__ = ["NDP"]


class NDP(LNDP):
    """Neural developmental program: grown by the LNDP's program on spontaneous activity, then static.

    After Najarro, Sudhakaran & Risi 2023, "Towards self-assembling artificial neural networks through neural
    developmental programs" (arXiv 2307.08197), with the growth of arXiv 2406.09787: from the end of development on no
    edge comes, goes or changes its weight. What remains is activity, so that nothing is learned within a life but by
    the recurrence of the grown network (`recurrent`). Departs from the paper, whose networks grow nodes, too.

    Args:
        observation_space, action_space: of one environment.
        development: the source of spontaneous activity. development_steps: for how many steps.
        options: others of `LNDP`.

    Raises:
        OntogymError: as `LNDP`; no step of development.
    """

    name = "ndp"

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        development: str = "ornstein-uhlenbeck",
        development_steps: int = 100,
        **options: Any,
    ) -> None:
        if development_steps < 1:
            raise OntogymError(f"A network does not grow in {development_steps} steps; give at least 1.")
        super().__init__(
            observation_space,
            action_space,
            development=development,
            development_steps=development_steps,
            **options,
        )

    def develop(self, state: LNDPState, activity: NDArray[Any]) -> LNDPState:
        return self.freeze(super().develop(state, activity), "all")
