"""Procedural worlds over a body: which sensor shows what, which action does what; and which worlds are the same one.

A `Rule` stands between a body and an agent: it reorders sensors, turns their signs, reorders actions and sets the body's
physics. A body that looks the same in a mirror makes two rules one world: what an agent meets under a rule, its mirror
image meets under the other. So rules are sorted into classes, the orbits under the body's mirror, and it is classes that
are drawn, and split into train and held-out: no held-out rule is the mirror image of one trained in.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, UnknownNameError, whole_number
from ontogym.seeding import LaneStreams

__all__ = ["BODIES", "FAMILIES", "FOLDS", "SPLITS", "Body", "Rule", "Worlds", "all_worlds"]

FAMILIES = ("signs", "order", "actions", "physics")
"""What rules can differ in."""
SPLITS = ("train", "test", "all")
FOLDS = 4
_MOST_RULES = 100_000


class Turn(NamedTuple):
    """A change of sensors: place i shows `signs[i]` times what was at `order[i]`."""

    order: tuple[int, ...]
    signs: tuple[int, ...]


class Rule(NamedTuple):
    """An agent sees ``signs[i] * sensor[order[i]]`` at place i; its action k does the body's ``actions[k]``.

    `physics` is the number of one of the body's settings; 0 is the usual one.
    """

    order: tuple[int, ...]
    signs: tuple[int, ...]
    actions: tuple[int, ...]
    physics: int = 0


class Body(NamedTuple):
    """What a world is built on.

    Args:
        name: also part of what is hashed.
        actions: how many it has.
        turns: changes of sensors that the family 'signs' applies, each or not.
        mirror: what a mirror does to its sensors.
        mirror_actions: what it does to its actions.
        physics: settings of the family 'physics': factor of each parameter that it changes.
        families: in which its worlds differ by default.
    """

    name: str
    actions: int
    turns: tuple[Turn, ...]
    mirror: Turn
    mirror_actions: tuple[int, ...]
    physics: tuple[dict[str, float], ...]
    families: tuple[str, ...]

    @property
    def sensors(self) -> int:
        """How many sensors it has."""
        return len(self.mirror.order)


def _sign_turns(sensors: int, which: Sequence[int]) -> tuple[Turn, ...]:
    straight = tuple(range(sensors))
    return tuple(Turn(straight, tuple(-1 if i == k else 1 for i in straight)) for k in which)


def _straight(signs: Sequence[int]) -> Turn:
    return Turn(tuple(range(len(signs))), tuple(signs))


_LEGS = Turn((0, 1, 2, 3, 4, 5, 7, 6), (1,) * 8)
BODIES = {
    body.name: body
    for body in (
        Body(
            "CartPole",
            2,
            _sign_turns(4, range(4)),
            _straight((-1, -1, -1, -1)),
            (1, 0),
            ({}, {"half_length": 2.0}, {"force": 0.5}, {"half_length": 2.0, "force": 0.5}),
            ("signs", "actions"),
        ),
        # Sensors: cosine and sine of both angles, both speeds.
        Body(
            "Acrobot",
            3,
            _sign_turns(6, range(6)),
            _straight((1, -1, 1, -1, -1, -1)),
            (2, 1, 0),
            ({}, {"gravity": 0.75}, {"mass_2": 1.25}, {"gravity": 0.75, "mass_2": 1.25}),
            ("signs", "actions"),
        ),
        # Sensors: five cells; its mirror also takes the food to the other end, which is where it is as often.
        Body("Foraging", 3, (), Turn((4, 3, 2, 1, 0), (1,) * 5), (1, 0, 2), ({},), ("order", "actions")),
        # Sensors: x, y, both speeds, angle, spin, both legs, which a mirror swaps; legs are 0 or 1 and have no sign.
        Body(
            "LunarLander",
            4,
            (*_sign_turns(8, range(6)), _LEGS),
            Turn(_LEGS.order, (-1, 1, -1, 1, -1, -1, 1, 1)),
            (0, 3, 2, 1),
            ({},),
            ("signs", "actions"),
        ),
    )
}


class Worlds:
    """All worlds of a body that differ in some families, numbered by the rank of their hash.

    Attributes:
        rules: every rule, those of a world next to each other, the one that names it first.
        orders, signs: ``(R, sensors)``; actions ``(R, actions)``; physics ``(R,)``: the rules as arrays.
        world_of: ``(R,)`` the world of each rule.
        first, size: ``(C,)`` of each world its first rule and how many it has.
    """

    def __init__(self, body: Body, families: Sequence[str]) -> None:
        self.body, self.families = body, tuple(families)
        classes: dict[Rule, list[Rule]] = {}
        for rule in sorted(set(_every_rule(body, self.families))):
            classes.setdefault(min(rule, _mirrored(rule, body)), []).append(rule)
        named = sorted(classes.items(), key=lambda item: _digest(body, item[0]))
        self.rules = tuple(rule for _, members in named for rule in members)
        self.orders = np.array([rule.order for rule in self.rules])
        self.signs = np.array([rule.signs for rule in self.rules])
        self.actions = np.array([rule.actions for rule in self.rules])
        self.physics = np.array([rule.physics for rule in self.rules])
        self.size = np.array([len(members) for _, members in named])
        self.first = np.concatenate([[0], self.size.cumsum()[:-1]])
        self.world_of = np.repeat(np.arange(len(self.size)), self.size)

    def __len__(self) -> int:
        return len(self.size)

    def split(self, split: str, fold: int) -> NDArray[np.int64]:
        """Numbers of the worlds of one side of a fold. World k is held out in fold ``k % FOLDS``.

        Args:
            split: "train", "test" (held out) or "all".
            fold: 0 .. FOLDS - 1.

        Raises:
            UnknownNameError, OntogymError: no such split or fold.
        """
        if split not in SPLITS:
            raise UnknownNameError("split", str(split), SPLITS)
        fold = whole_number("fold", fold, 0, FOLDS - 1)
        number = np.arange(len(self))
        return {"all": number, "test": number[fold::FOLDS], "train": number[number % FOLDS != fold]}[split]

    def draw(
        self, life: NDArray[np.int64], among: NDArray[np.int64], world: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The rule ``(P,)`` of each life: a world `among` those, or the named one, then one of its rules.

        Args:
            life: ``(P,)`` seeds of lives.
            among: numbers of worlds, all equally likely.
            world: ``(P,)`` the world of each life, -1 where it is drawn.

        Raises:
            OntogymError: no world has such a number.
        """
        if (world >= len(self)).any():
            raise OntogymError(
                f"There is no world {int(world.max())}; pass a whole number from 0 to {len(self) - 1}."
            )
        chance = LaneStreams(life).uniform((2,))
        drawn = among[(chance[:, 0] * len(among)).astype(np.int64)]
        chosen = np.where(world < 0, drawn, world)
        return np.asarray(self.first[chosen] + (chance[:, 1] * self.size[chosen]).astype(np.int64))


def all_worlds(body: str, families: Sequence[str] | None = None) -> Worlds:
    """The worlds of a body of `BODIES`, by default those of its own families; counted once and kept.

    Raises:
        UnknownNameError: no such body or family.
        OntogymError: families that this body does not have, none, or so many rules that they cannot be listed.
    """
    if body not in BODIES:
        raise UnknownNameError("body", str(body), BODIES)
    chosen = BODIES[body].families if families is None else tuple(families)
    for family in chosen:
        if family not in FAMILIES:
            raise UnknownNameError("family of rules", str(family), FAMILIES)
    if not chosen:
        raise OntogymError(f"Rules that differ in nothing are one world; name families among {FAMILIES}.")
    return _counted(body, tuple(family for family in FAMILIES if family in chosen))


@functools.cache
def _counted(name: str, families: tuple[str, ...]) -> Worlds:
    body = BODIES[name]
    counts = {
        "signs": 2 ** len(body.turns),
        "order": math.factorial(body.sensors),
        "actions": math.factorial(body.actions),
        "physics": len(body.physics),
    }
    for family in families:
        if counts[family] == 1:
            raise OntogymError(f"The body {name} has no {family} to vary; choose among {body.families}.")
    if math.prod(counts[family] for family in families) > _MOST_RULES:
        raise OntogymError(f"{name} has more than {_MOST_RULES} rules of {families}; choose fewer families.")
    return Worlds(body, families)


def _every_rule(body: Body, families: tuple[str, ...]) -> Iterator[Rule]:
    straight, done = tuple(range(body.sensors)), tuple(range(body.actions))
    orders = itertools.permutations(straight) if "order" in families else iter([straight])
    actions = list(itertools.permutations(done)) if "actions" in families else [done]
    settings = range(len(body.physics)) if "physics" in families else range(1)
    chosen = list(itertools.product((False, True), repeat=len(body.turns))) if "signs" in families else [()]
    for order in orders:
        for which in chosen:
            seen = Turn(order, (1,) * body.sensors)
            for turn in itertools.compress(body.turns, which):
                seen = _after(seen, turn)
            yield from (Rule(*seen, acts, setting) for acts in actions for setting in settings)


def _after(seen: Turn, turn: Turn) -> Turn:
    """What is seen where `seen` is laid over sensors that are turned."""
    return Turn(
        tuple(turn.order[k] for k in seen.order),
        tuple(sign * turn.signs[k] for sign, k in zip(seen.signs, seen.order)),
    )


def _mirrored(rule: Rule, body: Body) -> Rule:
    """The rule under which the mirrored body meets what the body meets under `rule`."""
    seen = _after(Turn(rule.order, rule.signs), body.mirror)
    return Rule(*seen, tuple(body.mirror_actions[k] for k in rule.actions), rule.physics)


def _digest(body: Body, rule: Rule) -> bytes:
    """The hash that decides a class's number: nobody can move it, and no list need be shipped."""
    parts: list[Any] = [body.name, rule.order, rule.signs, rule.actions, rule.physics]
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()
