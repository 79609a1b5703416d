"""The most that can be earned in foraging whose reward comes late: what `env_anchors.py` prints, and agents are held against."""

from __future__ import annotations

import functools

__all__ = ["late_foraging_optimum"]


def late_foraging_optimum(
    p_switch: float = 0.0,
    swap: tuple[int, int] | None = None,
    delay: int = 3,
    paid_in_full: bool = False,
) -> float:
    """The most that can be earned on average in reward-only foraging with late rewards: dynamic programming.

    What an agent can know is where the food was at the last arrival that it was told of: every earlier one says nothing
    more. Waiting for a trial's time-out is not considered where the food moves at a trial's end.

    Args:
        p_switch: probability that the food moves at a trial's end.
        swap: instead, first and last step at which the food moves once, all equally likely.
        delay: steps by which rewards come late.
        paid_in_full: whether what was earned in a hundred steps is paid after them too; else it is lost.
    """
    last_paid = 100 + (delay if paid_in_full else 0)

    def stays(goal: int, moved: bool, told: int, arrival: int) -> float:
        """P(the food is at step `arrival` where it was at step `told`)."""
        if goal < 0:
            return 0.5
        if swap is None:
            return 1.0 - p_switch
        first, last = swap
        ahead = [max(0, last - max(step, first) + 1) for step in (told, arrival)]
        return 1.0 if moved or not ahead[0] else ahead[1] / ahead[0]

    @functools.cache
    def worth(
        step: int, cell: int, trial: int, goal: int, moved: bool, told: int, pending: tuple[int, ...]
    ) -> float:
        if step > last_paid:
            return 0.0
        best = 0.0
        for move in (1, -1, 0):
            to, age = cell + move, trial + 1
            end = {0: 0, 4: 1}.get(to, -1)
            if end >= 0:
                to, age = 2, 0
                end = end if step <= 100 else -1
            elif age == 10:
                if p_switch:
                    continue
                to, age = 2, 0
            after, paid = (*pending[1:], end), pending[0]
            if paid < 0:
                value = worth(step + 1, to, age, goal, moved, told, after)
            else:
                arrival = step - delay
                same = stays(goal, moved, told, arrival)
                known = max(goal, 0)
                value = 0.0
                for where, chance in ((known, same), (1 - known, 1.0 - same)):
                    if chance > 0.0:
                        changed = moved or (0 <= goal != where)
                        rest = worth(step + 1, to, age, where, changed, arrival if swap else 0, after)
                        value += chance * (10.0 * (where == paid) + rest)
            best = max(best, value)
        return best

    return worth(1, 2, 0, -1, False, 0, (-1,) * delay)
