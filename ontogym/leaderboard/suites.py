"""What the leaderboard measures: suites of tasks, how many lives each is lived, and from which seeds.

A task of a suite is an environment with its arguments, lives of a few episodes through which an agent is carried
over, and, in `prenatal`, the spontaneous activity on which it develops before. Changing any of this is a new version
of the suite, which is added to `EVERY_SUITE` after the old one: scores of an old version stay readable and can be
verified again, and are never mixed with those of another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ontogym.baselines.lives.life import LifeResult, LifeSpec, life_seeds
from ontogym.baselines.lives.switches import regained_in_lives
from ontogym.envs import anchors, conditions
from ontogym.envs.registration import change_cost
from ontogym.envs.world_anchors import in_worlds, world_conditions
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.retina_env.encoding.board import ENCODING_TASKS
from ontogym.seeding import derive

__all__ = [
    "EVERY_SUITE",
    "HELD_OUT",
    "PACKAGE_SEEDS",
    "PUBLIC",
    "SUITES",
    "HeldOut",
    "Suite",
    "SuiteTask",
    "add_suite",
    "every_suite",
    "get_suite",
    "get_task",
    "held_out",
    "task_of",
]

PUBLIC = 2024_06_13
"""Root of the public evaluation seeds: an agent may be tuned on them."""
HELD_OUT = 7_741_003_815
"""Root of the held-out seeds, from which no command of this package trains. It stands in an open file, so it keeps
honest people honest; who runs a contest verifies with a root of their own (`ontogym leaderboard add --held-out`)."""
PACKAGE_SEEDS = "package"
"""What stands for the commitment where the held-out seeds are those of `HELD_OUT`, which everybody knows."""
SHORTEST_SECRET = 12


Ranked = Literal["score", "regained", "held-out"]


@dataclass(frozen=True)
class SuiteTask:
    """One task: what is lived, how often, and on which scale it is read.

    Args:
        name: unique over all suites; part of the names of files.
        env: id of the environment. env_kwargs: its arguments.
        episodes: episodes of a life, through which the agent is carried over.
        lives: evaluation lives per set of seeds (a multiple of the number of hidden goals).
        switch: number of the first episode under new rules, where the rules change between episodes.
        window: where they jump within an episode, how many steps before and after are compared. Gradual drifts have
            no before and after: their returns tell.
        development: source of spontaneous activity on which every agent develops first; empty for none.
        development_steps: for how many steps.
        budget: environment steps that training may take to be compared at a matched budget.
        asks: what the task asks of an agent, in one line.
        ranked: what rows are ranked by: the score; what is *regained* after changes of the rules; or the score in worlds
            that training did not have, *held-out normalised* (`ontogym.adaptation`).
        fold: of a rule shift, the worlds that are held out.
        subjects: how many hidden subjects (animals, patients) its lives are for in turn, all of the same pictures; scores are
            means with intervals over training seeds and subjects together. 0 where nobody is hidden.
        scale: returns that count 0 and 1, where they are not the environment's random and optimal ones.
    """

    name: str
    env: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    episodes: int = 3
    lives: int = 32
    switch: int | None = None
    window: int | None = None
    development: str = ""
    development_steps: int = 0
    budget: int = 5_000_000
    asks: str = ""
    ranked: Ranked = "score"
    fold: int | None = None
    scale: tuple[float, float] | None = None
    subjects: int = 0

    @property
    def traced(self) -> bool:
        """Whether every step of its lives is kept, to see how changes of the rules are got over."""
        return self.window is not None or self.ranked == "regained"

    @property
    def anchors(self) -> tuple[float, float]:
        """Returns of an episode that count 0 and 1: random and optimal, which the environment brings, or `scale`."""
        return anchors(self.env) if self.scale is None else self.scale

    @property
    def life(self) -> LifeSpec:
        """What a life of this task is."""
        return LifeSpec(
            self.env,
            dict(self.env_kwargs),
            self.episodes,
            conditions=self._conditions(),
            development=self.development or None,
            development_steps=self.development_steps,
        )

    def _conditions(self) -> tuple[dict[str, Any], ...]:
        """One a held-out world, one a subject, or those of the environment."""
        if self.fold is not None:
            return world_conditions(self.env, self.fold)
        return tuple({"patient": k} for k in range(self.subjects)) or conditions(self.env)

    def by_subject(self, returns: ArrayLike) -> NDArray[np.float64]:
        """Mean return ``(S,)`` for each subject, of an agent's lives ``(L, E)``; empty where nobody is hidden."""
        lives = np.asarray(returns, dtype=np.float64).mean(1)
        return lives.reshape(-1, self.subjects).mean(0) if self.subjects else lives[:0]

    def life_of(self, agent: Mapping[str, Any]) -> LifeSpec:
        """A life of this task as an agent lives it, told what it was made to be told.

        Args:
            agent: of a manifest: ``told`` in place of a reward (of `LifeSpec.told`: nothing that an agent could not know; the
                reward if not named) and the signals that are ``silenced``. What is counted is the task's own return.
        """
        return replace(self.life, told=agent.get("told", "reward"), silenced=tuple(agent.get("silenced", ())))

    def measure(self, result: LifeResult) -> float | None:
        """What `ranked` names, of one agent's lives; None where that is the score itself, or nothing is to be scored.

        Args:
            result: of the task's `life`, with a trace where the task is `traced`.
        """
        random, optimal = self.anchors
        if self.ranked == "regained":
            cost = change_cost(self.env)
            window = self.window or 1
            changes = regained_in_lives(
                result.trace, result.returns, result.lengths, cost, optimal - random, window
            )
            scored = [change["regained"] for change in changes if change["regained"] is not None]
            return float(np.mean(scored)) if scored else None
        if self.ranked == "held-out" and self.fold is not None:
            return in_worlds(self.env, self.fold, "test", result.returns[0], optimal - random)[1].value
        return None

    def seeds(self, suite: Suite, root: int = PUBLIC) -> NDArray[np.uint64]:
        """Seeds of the lives ``(lives,)`` under a root (`PUBLIC` or `HELD_OUT`)."""
        return life_seeds(self.life, self.lives, root, "suite", suite.name, suite.version, self.name)

    def as_json(self) -> dict[str, Any]:
        """Everything about the task that a reader of scores needs."""
        random, optimal = self.anchors
        return {
            "env": self.env,
            "env_kwargs": dict(self.env_kwargs),
            "episodes": self.episodes,
            "lives": self.lives,
            "switch": self.switch,
            "window": self.window,
            "development": self.development,
            "development_steps": self.development_steps,
            "budget": self.budget,
            "random": random,
            "optimal": optimal,
            "asks": self.asks,
            "ranked": self.ranked,
        }


@dataclass(frozen=True)
class Suite:
    """Tasks that are compared together, and the version of their settings."""

    name: str
    version: int
    about: str
    tasks: tuple[SuiteTask, ...]

    def task(self, name: str) -> SuiteTask:
        """The task of this name.

        Raises:
            UnknownNameError: there is none.
        """
        table = {task.name: task for task in self.tasks}
        if name not in table:
            raise UnknownNameError(f"task of the suite {self.name!r}", name, table)
        return table[name]


_ONE_HOT = MappingProxyType({"observation": "one-hot"})
_PRENATAL_STEPS = 100


def _prenatal(name: str, env: str, **settings: Any) -> tuple[SuiteTask, ...]:
    """The same lives after retinal waves, after noise of the same length, and after silence."""
    before = {"Waves": "retinal-waves", "Noise": "white-noise", "Silence": "silence"}
    return tuple(
        SuiteTask(
            name.replace("-v", f"{word}-v"),
            env,
            development=source,
            development_steps=_PRENATAL_STEPS,
            **settings,
        )
        for word, source in before.items()
    )


def _eyes(name: str, env: str, **settings: Any) -> tuple[SuiteTask, ...]:
    """The same lives through eyes that are one network, and differ in what it was trained to see before (docs/features.md)."""
    before = {"WaveEyes": "waves", "FractalEyes": "fractals", "UntrainedEyes": "untrained"}
    return tuple(
        SuiteTask(
            name.replace("-v", f"{word}-v"),
            env,
            MappingProxyType({"features": features}),
            asks=f"To tell places apart by the bars on their walls, through eyes that were shown {shown} before birth.",
            **settings,
        )
        for (word, features), shown in zip(before.items(), ("retinal waves", "fractals", "nothing"))
    )


_FORAGING: dict[str, Any] = {"env_kwargs": _ONE_HOT, "episodes": 1, "lives": 32}
_HEAR_ACTION = "To find out what the own actions now do: to one that cannot hear them both rules look alike."
_SCORE: Ranked = "score"
_REGAINED: Ranked = "regained"
_SWING_BOTH_WAYS = "Little: one fixed policy that hears nothing swings up under both rules (-137, regained 1); the score tells more."
EVERY_SUITE: tuple[Suite, ...] = (
    Suite(
        "classic",
        1,
        "Balance, swing up, forage: tasks that stay the same for a life.",
        (
            SuiteTask("CartPole-v1", "ontogym/CartPole-v1"),
            SuiteTask("Acrobot-v1", "ontogym/Acrobot-v1"),
            SuiteTask("Pendulum-v1", "ontogym/Pendulum-v1"),
            SuiteTask("Foraging-v0", "ontogym/Foraging-v0", **_FORAGING),
            SuiteTask("ForagingRewardOnly-v0", "ontogym/ForagingRewardOnly-v0", **_FORAGING),
        ),
    ),
    Suite(
        "nonstationary",
        1,
        "The rules change within a life, untold.",
        (
            SuiteTask("ForagingSwitch-v0", "ontogym/ForagingSwitch-v0", window=10, **_FORAGING),
            *(
                SuiteTask(name, f"ontogym/{name}", episodes=6, switch=3)
                for name in (
                    "CartPoleSensorFlip-v0",
                    "CartPoleSensorPermute-v0",
                    "CartPoleActionFlip-v0",
                    "AcrobotActionSwap-v0",
                )
            ),
            # Here the rules change within the one episode of a life.
            *(
                SuiteTask(name, f"ontogym/{name}", episodes=1, window=window)
                for name, window in (
                    ("CartPoleDrift-v0", None),
                    ("PendulumDrift-v0", None),
                    ("PendulumActionFlip-v0", 20),
                    ("ForagingGoalSwap-v0", 10),
                )
            ),
        ),
    ),
    Suite(
        "prenatal",
        1,
        "The same life after retinal waves, after noise, and after silence.",
        (
            *_prenatal("Foraging-v0", "ontogym/Foraging-v0", **_FORAGING),
            *_prenatal("CartPole-v1", "ontogym/CartPole-v1"),
        ),
    ),
    Suite(
        "encoding",
        1,
        "What a retina should be shown instead of a picture.",
        (
            SuiteTask("RetinaEncoding-v0", "ontogym/RetinaEncoding-v0", episodes=1, lives=64),
            SuiteTask("RetinaRefinement-v0", "ontogym/RetinaRefinement-v0", episodes=1, lives=32),
            SuiteTask("RetinaCalibration-v0", "ontogym/RetinaCalibration-v0", episodes=1, lives=16),
        ),
    ),
    Suite(
        "choice",
        1,
        "Two-alternative choices whose rule is inferred from behaviour.",
        (
            SuiteTask("DeNovoChoice-v0", "ontogym/DeNovoChoice-v0", episodes=1, lives=20),
            SuiteTask("DeNovoChoiceBlocks-v0", "ontogym/DeNovoChoiceBlocks-v0", episodes=1, lives=20),
        ),
    ),
    Suite(
        "multi-agent",
        1,
        "Several agents, one food: the agent among scripted rivals.",
        (SuiteTask("SharedForaging-v0", "ontogym/SharedForaging-v0", episodes=1),),
    ),
    Suite(
        "multi-agent",
        2,
        "Several agents, one food: the agent among scripted rivals. 1 is a planner that is told where food will grow.",
        (
            SuiteTask(
                "SharedForaging-v0",
                "ontogym/SharedForaging-v0",
                episodes=1,
                scale=(3.7, 68.0),  # benchmarks/env_anchors.py --only Shared
                asks="To go where food is and the rivals are not: walking to the nearest food earns 51, as they do.",
            ),
        ),
    ),
    Suite(
        "nonstationary",
        2,
        "The rules change within a life, untold, at times that no clock can know.",
        (
            *(
                SuiteTask(name, f"ontogym/{name}", episodes=6, lives=24, ranked=ranked, asks=asks)
                for name, ranked, asks in (
                    ("CartPoleActionFlip-v1", _REGAINED, _HEAR_ACTION),
                    ("CartPoleActionFlipBack-v0", _REGAINED, f"{_HEAR_ACTION} And to turn back."),
                    # An agent that never falls meets a flip in nearly every episode, so that none is left that is
                    # wholly before or after one: the return says it, of which turning once leaves little.
                    ("CartPoleActionFlipOften-v0", _SCORE, f"{_HEAR_ACTION} Four times a life."),
                    ("AcrobotActionSwap-v1", _REGAINED, _SWING_BOTH_WAYS),
                    ("AcrobotActionSwapBack-v0", _REGAINED, _SWING_BOTH_WAYS),
                )
            ),
            SuiteTask(
                "ForagingRewardOnlyLate-v0",
                "ontogym/ForagingRewardOnlyLate-v0",
                episodes=1,
                lives=32,
                env_kwargs=_ONE_HOT,
                asks="Memory of the own way: reward comes three steps late, and nothing else tells.",
            ),
            SuiteTask(
                "ForagingSwitchLate-v0",
                "ontogym/ForagingSwitchLate-v0",
                episodes=1,
                lives=32,
                env_kwargs=_ONE_HOT,
                asks="The same, for food that moves; where the agent is tells nothing of where food is.",
            ),
        ),
    ),
    Suite(
        "choice",
        2,
        "Two-alternative choices whose rule is inferred from behaviour.",
        (
            SuiteTask(
                "DeNovoChoice-v0",
                "ontogym/DeNovoChoice-v0",
                episodes=1,
                lives=20,
                asks="To choose by the stimulus; a rule that is the same in every life need not be learned.",
            ),
            SuiteTask(
                "DeNovoChoiceBlocks-v1",
                "ontogym/DeNovoChoiceBlocks-v1",
                episodes=1,
                lives=20,
                asks="To find out from reward and the own choice which way the rule points now.",
            ),
        ),
    ),
    Suite(
        "encoding",
        2,
        "What helps animals and patients whom nobody has met: 0 is averaging, 1 the best known picture; intervals are over "
        "training seeds and over animals or patients. The twin's rows (RetinaEncoding, RetinaRefinement) show what was optimised. A clinic "
        "should show a retina what an actor trained through many animals shows, and find out first who the patient of a small implant is: "
        "sure on these judges, untested on any real one. Every method on all judges, and photographs, which need the extra `data`: "
        "docs/experiments/encoding.md.",
        tuple(
            SuiteTask(
                row.name,
                row.env,
                row.env_kwargs,
                episodes=1,
                lives=row.lives,
                asks=row.about,
                scale=(row.zero, row.one),
                subjects=row.subjects,
            )
            for row in ENCODING_TASKS
            if "Photographs" not in row.name  # a suite runs wherever ontogym does
        ),
    ),
    Suite(
        "prenatal",
        2,
        "The same life after retinal waves, after noise, and after silence; and through eyes that opened on waves, on "
        "fractals, or on nothing.",
        (
            *_prenatal("Foraging-v0", "ontogym/Foraging-v0", **_FORAGING),
            *_prenatal("CartPole-v1", "ontogym/CartPole-v1"),
            *_eyes("ForagingGratings-v0", "ontogym/ForagingGratings-v0", episodes=1, lives=32),
        ),
    ),
    Suite(
        "rule-shift",
        1,
        "Worlds drawn at birth over one body, in four folds: what is scored are worlds that training did not have.",
        tuple(
            SuiteTask(
                f"RuleShift{body}-fold{fold}-v0",
                f"ontogym/RuleShift{body}-v0",
                {"fold": fold, "split": "test"},
                episodes=3,
                lives=lives,
                ranked="held-out",
                fold=fold,
                asks="To find out by acting which way sensors and actions point, in a world never met.",
            )
            for body, lives in (("CartPole", 32),)
            for fold in range(4)
        ),
    ),
)
"""Every version of every suite; versions of one name in rising order."""
_NEWEST: dict[str, Suite] = {suite.name: suite for suite in EVERY_SUITE}
SUITES: Mapping[str, Suite] = MappingProxyType(_NEWEST)
"""The newest version of each suite: what is submitted to, unless a version is named. One's own are among them, once they
were opened (`ontogym.leaderboard.local_suites`)."""


def add_suite(suite: Suite) -> None:
    """Let a suite of one's own be known in this process; one of the same name and another version takes its place."""
    _NEWEST[suite.name] = suite


def every_suite() -> tuple[Suite, ...]:
    """Every version of every suite of the package, and one's own."""
    own = (suite for suite in SUITES.values() if suite not in EVERY_SUITE)
    return (*EVERY_SUITE, *own)


def get_suite(name: str, version: int | None = None) -> Suite:
    """The suite of this name: a version of it, or the newest.

    Raises:
        UnknownNameError: there is none.
        OntogymError: it has no such version here.
    """
    if name not in SUITES:
        raise UnknownNameError("suite", name, SUITES)
    if version is None:
        return SUITES[name]
    versions = {suite.version: suite for suite in every_suite() if suite.name == name}
    if version not in versions:
        known = ", ".join(map(str, versions))
        raise OntogymError(
            f"The suite {name!r} has version {known} here, not {version}; evaluate again with this version of ontogym "
            "or read the scores with the other."
        )
    return versions[version]


def get_task(suite: str, version: int, name: str) -> SuiteTask:
    """The task of a suite in a given version.

    Raises:
        UnknownNameError: no such suite or task.
        OntogymError: the suite has no such version here.
    """
    return get_suite(suite, version).task(name)


def task_of(
    env: str, env_kwargs: Mapping[str, Any], name: str | None = None, suite: str | None = None
) -> tuple[Suite, SuiteTask]:
    """The suite and task that an agent trained in `env` enters: the first that fits, or the one called `name`.

    A task fits if its environment and its arguments are those of the training; ``CartPole-v1`` means
    ``ontogym/CartPole-v1``. Where a `suite` is named, its tasks are the only ones.

    Raises:
        UnknownNameError: no task is called `name`, or no suite `suite`.
        OntogymError: no task fits.
    """
    among = SUITES.values() if suite is None else (get_suite(suite),)
    every = [(one, task) for one in among for task in one.tasks]
    if name is not None:
        # The newest suite that has it: what was dropped from a suite can still be entered by its name.
        dropped = [
            (one, task) for one in reversed(EVERY_SUITE) for task in one.tasks if suite in (None, one.name)
        ]
        for one, task in [*every, *dropped]:
            if task.name == name:
                return one, task
        raise UnknownNameError("task", name, [task.name for _, task in every])
    ids = {env, f"ontogym/{env}", env.rpartition(":")[2]}
    alike = [(one, task) for one, task in every if task.env in ids]
    for one, task in alike:
        if dict(task.env_kwargs) == dict(env_kwargs):
            return one, task
    raise OntogymError(_no_task(env, env_kwargs, suite, alike))


def _no_task(
    env: str, env_kwargs: Mapping[str, Any], suite: str | None, alike: list[tuple[Suite, SuiteTask]]
) -> str:
    where = f"The suite {suite} has no" if suite else "No suite has a"
    told = f"{where} task for {env} with the arguments {dict(env_kwargs)}"
    if alike:
        known = "; ".join(f"{task.name} has {dict(task.env_kwargs)}" for _, task in alike)
        return f"{told} ({known}); name one with --task, or train with its arguments."
    return f"{told}; --suite FILE.toml makes a board of your own of it, --task NAME enters another's task."


class HeldOut(NamedTuple):
    """The root of held-out seeds, and a commitment to it: it tells roots apart and does not tell the root."""

    root: int
    commitment: str


def held_out(text: str | None) -> HeldOut:
    """The held-out seeds that an organiser chose by a secret; the package's own (`PACKAGE_SEEDS`) if None.

    Raises:
        OntogymError: a secret that could be guessed by trying.
    """
    if text is None:
        return HeldOut(HELD_OUT, PACKAGE_SEEDS)
    if len(text) < SHORTEST_SECRET:
        raise OntogymError(
            f"A secret of {len(text)} characters can be guessed by trying; pass one of at least {SHORTEST_SECRET} to "
            "--held-out."
        )
    # Slow on purpose: whoever tries secrets pays for each.
    digest = hashlib.pbkdf2_hmac("sha256", text.encode(), b"ontogym held-out seeds", 300_000)
    return HeldOut(derive(HELD_OUT, text), digest.hex()[:32])
