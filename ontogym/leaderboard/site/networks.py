"""How an agent's network grows, as a few kilobytes that a page plays: one layout, and what changes when.

Nodes stay put through the whole life. An edge that ever exists is drawn once; a frame says only which edges
change their strength, in a few levels, so that a life of thousands of steps stays small.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Agent, NetworkSnapshot
from ontogym.agents.individuals import Development, Individuals, life_stream
from ontogym.baselines.lives.recording import LifeRecording, record_life
from ontogym.errors import OntogymError
from ontogym.figures.layout import edge_curves, life_layout, node_radius, weight_scale, wires
from ontogym.figures.network import network_at

__all__ = ["Film", "FilmedLife", "film_life"]

SIZE = 400
"""Width and height of the drawing, in its own units."""
_MARGIN = 20
_INNER = SIZE - 2 * _MARGIN
LEVELS = 4
"""Steps of strength to either sign, and of a node's activity."""
DEVELOPMENT_FRAMES, LIFE_FRAMES = 16, 56
MOST_NODES, MOST_EDGES = 300, 1500
MOST_STEPS = 500
"""Steps of an episode that are filmed."""


@dataclass(frozen=True)
class FilmedLife:
    """Which life to film.

    Attributes:
        env, env_kwargs: the environment. episodes, seed: how many episodes of which life.
        development: source of spontaneous activity in place of the agent's own; empty for the agent's own.
        development_steps: for how many steps.
        reset_options: given to every reset.
        heard: what it is told and what is silenced, where that is not the usual; fields of `LifeSpec`.
    """

    env: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    episodes: int = 3
    seed: int = 0
    development: str = ""
    development_steps: int = 0
    reset_options: Mapping[str, Any] | None = None
    heard: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Film:
    """A growing network, JSON-able.

    Attributes:
        nodes: ``[x, y]`` of each. radius: of a node. inputs, outputs: how many of the first and last nodes.
        edges: SVG path of each edge that ever is a wire.
        frames: each ``{"caption", "wires", "edges", "changes": [[edge, level], ...], "activity": "0..8" per
            node}``; level 0 is an edge that is absent or silent, else its sign is that of the weight.
        milestones: ``[caption, wires, edges]`` of birth, the end of development, and the end of every episode.
        left_out: wires of some time that are not drawn, the weakest of very many.
    """

    nodes: list[list[float]]
    radius: float
    inputs: int
    outputs: int
    edges: list[str]
    frames: list[dict[str, Any]]
    milestones: list[list[Any]]
    left_out: int = 0

    @property
    def last_levels(self) -> list[int]:
        """Level of every edge in the last frame, which is what a page shows before it plays."""
        levels = [0] * len(self.edges)
        for frame in self.frames:
            for edge, level in frame["changes"]:
                levels[edge] = level
        return levels

    @property
    def last_activity(self) -> str:
        """Activity digits of the last frame."""
        return str(self.frames[-1]["activity"])


class _Moment(NamedTuple):
    """One network to show."""

    caption: str
    weights: NDArray[np.float32]
    mask: NDArray[np.bool_]
    activation: NDArray[np.float32]


def film_life(agent: Agent[Any], genome: NDArray[np.floating], life: FilmedLife) -> Film:
    """Let one agent live a life and film its network.

    Raises:
        OntogymError: a genome or an environment that does not fit, or a network too large to be drawn.
        NotImplementedError: the agent has no network to show.
    """
    newborn = Individuals(agent, np.atleast_2d(genome)).birth(np.array([life.seed], dtype=np.uint64))
    n_nodes = len(agent.network(newborn.agent).mask)
    if n_nodes > MOST_NODES:  # before it has lived, since a life of so many nodes takes long
        raise OntogymError(
            f"A network of {n_nodes} nodes is too large to be drawn; {MOST_NODES} are the most."
        )
    recording = record_life(
        agent,
        genome,
        life.env,
        life.env_kwargs,
        life.episodes,
        life.seed,
        max_frames=2,  # the world is not shown
        reset_options=life.reset_options,
        max_steps=MOST_STEPS,
        development=life.development or None,
        development_steps=life.development_steps,
        **life.heard,
    )
    moments = [*_development(agent, genome, life, recording), *_life(recording)]
    return _film(recording, moments)


def _development(
    agent: Agent[Any], genome: NDArray[np.floating], life: FilmedLife, recording: LifeRecording
) -> Iterator[_Moment]:
    """Birth, and the network after every part of its development.

    The agent develops again and again from birth, a little longer each time: one call of `develop` is all that
    the contract promises, and two calls of half the length may not be the same.
    """
    yield _moment("birth", recording.birth)
    if not recording.has_development:
        return
    genomes, seeds = np.atleast_2d(genome), np.array([life.seed], dtype=np.uint64)
    imposed = Development(life.development, life.development_steps) if life.development else None
    activity = Individuals(agent, genomes, imposed).spontaneous_activity(seeds)
    assert activity is not None
    total = len(activity)
    for step in np.unique(np.geomspace(1, total, min(DEVELOPMENT_FRAMES, total)).round().astype(int)):
        state = agent.develop(agent.birth(genomes, life_stream(seeds, 0)), activity[:step])
        yield _moment(f"development, step {step} of {total}", agent.network(state))


def _moment(caption: str, network: NetworkSnapshot) -> _Moment:
    # A copy: later steps may reuse the state's memory.
    return _Moment(
        caption,
        np.array(network.weights, dtype=np.float32),
        np.array(network.mask, dtype=bool),
        np.array(network.activation, dtype=np.float32),
    )


def _life(recording: LifeRecording) -> Iterator[_Moment]:
    """Networks through the life: closer together early, when most changes, then at even intervals."""
    snapshots, starts = recording.snapshots, recording.episode_starts
    count = len(snapshots.steps)
    half = LIFE_FRAMES // 2
    picks = np.concatenate([np.geomspace(1, count, half) - 1, np.linspace(0, count - 1, LIFE_FRAMES - half)])
    for pick in np.unique(picks.round().astype(int)):
        step = int(snapshots.steps[pick])
        episode = int(recording.episode[step])
        caption = f"episode {episode + 1}, step {step - int(starts[episode]) + 1}"
        yield _Moment(caption, snapshots.weights[pick], snapshots.mask[pick], snapshots.activation[pick])
    yield _moment("end of life", recording.last)


def _film(recording: LifeRecording, moments: list[_Moment]) -> Film:
    scale, place, radius = (
        weight_scale(recording),
        life_layout(recording),
        node_radius(len(recording.birth.mask)),
    )
    levels = np.stack([_levels(moment, scale) for moment in moments])  # (F, N, N)
    strength = np.abs(levels).sum(0)
    post, pre = np.nonzero(strength)
    order = np.argsort(-strength[post, pre], kind="stable")
    drawn, left_out = order[:MOST_EDGES], max(0, len(order) - MOST_EDGES)
    post, pre = post[drawn], pre[drawn]
    frames, before = [], np.zeros(len(post), dtype=np.int64)
    for moment, level in zip(moments, levels):
        now = level[post, pre]
        changed = np.flatnonzero(now != before)
        frames.append(
            {
                "caption": moment.caption,
                "wires": int(wires(moment.mask, moment.weights).sum()),
                "edges": int(moment.mask.sum()),
                "changes": [[int(k), int(now[k])] for k in changed],
                "activity": _digits(moment.activation),
            }
        )
        before = now
    return Film(
        nodes=((place * [1, -1] + [0, 1]) * _INNER + _MARGIN).round(1).tolist(),
        radius=round(radius * _INNER, 1),
        inputs=recording.birth.n_inputs,
        outputs=recording.birth.n_outputs,
        edges=_paths(place, pre, post, radius),
        frames=frames,
        milestones=_milestones(recording),
        left_out=left_out,
    )


def _levels(moment: _Moment, scale: float) -> NDArray[np.int64]:
    """Signed strength of every edge, -LEVELS .. LEVELS; 0 for those that carry nothing."""
    size = np.clip(np.nan_to_num(np.abs(moment.weights)) / scale, 0.0, 1.0)
    level = np.maximum(1, np.ceil(size * LEVELS)).astype(np.int64)
    return np.where(wires(moment.mask, moment.weights), np.where(moment.weights < 0, -level, level), 0)


def _digits(activation: NDArray[np.floating]) -> str:
    """Activity of every node as a digit: 0 is -1, 4 is silence, 8 is 1."""
    level = np.clip(np.nan_to_num(activation), -1.0, 1.0) * LEVELS + LEVELS
    return "".join(str(int(v)) for v in level.round())


def _paths(
    place: NDArray[np.float64], pre: NDArray[np.int64], post: NDArray[np.int64], radius: float
) -> list[str]:
    """SVG paths of edges from `pre` to `post`, bent as in every other drawing; a loop where they are the same node."""
    curves = edge_curves(place[pre], place[post], radius)
    curves = (curves * [1, -1] + [0, 1]) * _INNER + _MARGIN
    wide, high = radius * _INNER * 3, radius * _INNER * 4
    paths = []
    for loop, ((x, y), (bend_x, bend_y), (end_x, end_y)) in zip(pre == post, curves.tolist()):
        way = f"c{wide:.0f} {-high:.0f} {-wide:.0f} {-high:.0f} 0 0"
        paths.append(
            f"M{x:.0f} {y:.0f}" + (way if loop else f"Q{bend_x:.0f} {bend_y:.0f} {end_x:.0f} {end_y:.0f}")
        )
    return paths


def _milestones(recording: LifeRecording) -> list[list[Any]]:
    """Numbers of wires and of edges at the moments that have a name."""
    snapshots = recording.snapshots
    ends = np.append(recording.episode_starts[1:], recording.n_steps) - 1
    stages = [("at birth", recording.birth)]
    if recording.has_development:
        stages.append(("after development", recording.developed))
    for episode, step in enumerate(ends[:-1]):
        stages.append((f"after episode {episode + 1}", network_at(recording, snapshots.at(int(step)))))
    stages.append((f"after episode {len(ends)}", recording.last))
    return [[name, int(wires(n.mask, n.weights).sum()), int(n.mask.sum())] for name, n in stages]
