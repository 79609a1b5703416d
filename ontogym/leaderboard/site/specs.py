"""What the site needs to know of a task; the one place that reads the suites of a board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ontogym.leaderboard.board import Board

__all__ = ["TaskSpec", "suite_tasks"]


@dataclass(frozen=True)
class TaskSpec:
    """A task: what a life of it is, and the returns of a random and of an optimal agent where they are known."""

    env: str = ""
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    episodes: int = 3
    lives: int | None = None
    development: str = ""
    development_steps: int = 0
    budget: int | None = None
    random: float | None = None
    optimal: float | None = None

    @property
    def marks(self) -> list[tuple[str, float]]:
        """The known anchors by name."""
        named = (("random", self.random), ("optimal", self.optimal))
        return [(name, float(value)) for name, value in named if value is not None]

    @property
    def anchors(self) -> tuple[float, ...]:
        """The known anchors, random first."""
        return tuple(value for _, value in self.marks)


def suite_tasks(board: Board, suite: str) -> dict[str, TaskSpec]:
    """The tasks of a suite in its order; none for a suite that the board does not describe.

    A task is a mapping, as the suites' ``as_json`` gives it; what it lacks is unknown.
    """
    tasks: Mapping[str, Mapping[str, Any]] = board.suites.get(suite, {}).get("tasks", {})
    return {name: _spec(task) for name, task in tasks.items()}


def _spec(task: Mapping[str, Any]) -> TaskSpec:
    known = {f.name for f in fields(TaskSpec)}
    return TaskSpec(**{name: value for name, value in task.items() if name in known and value is not None})
