"""Options that a submitted agent may have, each with its bounds; no option can name a file, a module or a device.

A new option of an agent or of a source of spontaneous activity is refused in submissions until it has a line here (a
test compares the tables with the signatures). Agents and sources of other packages get `GENERAL`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ontogym.agents.feedback import SIGNALS
from ontogym.baselines.sb3.networks import ACTIVATIONS, ALGORITHMS, POLICIES
from ontogym.envs.reference import REFERENCES
from ontogym.errors import OntogymError
from ontogym.leaderboard.limits import Refused, check_text
from ontogym.leaderboard.schema import (
    Choice,
    Exactly,
    Field,
    Flag,
    ListOf,
    MapOf,
    Null,
    OneOf,
    Real,
    Record,
    Text,
    Whole,
)
from ontogym.registry import key_values

__all__ = ["AGENT_OPTIONS", "GENERAL", "MAX_DEVELOPMENT", "SOURCE_OPTIONS", "check_options"]

MAX_DEVELOPMENT = 1_000_000
"""Most nodes x developmental steps of one newborn."""
_HOST = ("engine", "device", "dtype", "threads", "compiled")
"""Options that say what computes an agent, not what it is: the verifier's business."""
_FILES = ("path", "file", "folder", "dir", "directory", "url", "filename")
_NAME = Text(80, r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_RULE = Text(80, r"[A-Za-z0-9][A-Za-z0-9_.-]*|")
_SMALL, _STEPS = Whole(1, 64), Whole(0, 2000)

_SCALAR = OneOf(
    "null, true, false, text or a number within a million", (Null(), Flag(), Real(-1e6, 1e6), Text(200))
)
GENERAL: Field = MapOf(
    OneOf("plain and small", (_SCALAR, ListOf(_SCALAR, 1000), MapOf(_SCALAR, 100))), 100, Text(80)
)
_NUMBERS: Field = Real(-1e6, 1e6)
_ACTION = OneOf(
    "a number, or lists of numbers",
    (
        Null(),
        Flag(),
        Whole(-(10**6), 10**6),
        _NUMBERS,
        ListOf(_NUMBERS, 1000),
        ListOf(ListOf(_NUMBERS, 1000), 1000),
    ),
)
_WIDTHS = ListOf(Whole(1, 2048), 6)

SOURCE_OPTIONS: Mapping[str, Record] = {
    "ornstein-uhlenbeck": Record({}),
    "silence": Record({}),
    "white-noise": Record({}, {"sd": Real(0, 100)}),
    "retinal-waves": Record(
        {},
        {
            "preset": _NAME,
            "parameters": OneOf("null or numbers by name", (Null(), MapOf(Real(-1e6, 1e6), 40))),
            "radius": Whole(4, 96),
            "frame_ms": Real(25, 10_000),
            "gain": Real(-100, 100),
            "arrangement": _NAME,
            "start": _NAME,
            "retinas": Whole(0, 64),
            "warm_up_min": Real(0, 60),
        },
    ),
}
"""Options of each source of spontaneous activity."""

_HEARS = ListOf(Choice(SIGNALS), len(SIGNALS))
_OBSERVE = OneOf("null or a list of names", (Null(), ListOf(_NAME, 40)))
# Those of the source, checked by its own table.
_NOTHING = OneOf("empty", (ListOf(_NAME, 0), MapOf(_SCALAR, 0)))
_LNDP = Record(
    {},
    {
        "nodes": Whole(3, 1024),
        "node_features": _SMALL,
        "edge_features": _SMALL,
        "heads": _SMALL,
        "query_features": _SMALL,
        "value_features": _SMALL,
        "rnn_iters": _SMALL,
        "rewire_every": Whole(1, 10**6),
        "weight_decay": Real(0, 1),
        "density": Real(0, 1),
        "density_sd": Real(0, 1),
        "birth_spread": Real(1e-9, 1),
        "births": _NAME,
        "start": _NAME,
        "decisions": _NAME,
        "threshold": Real(0, 1),
        "synaptic_plasticity": Flag(),
        "structural_plasticity": Flag(),
        "graph_transformer": Flag(),
        "recurrent": Flag(),
        "bias": Flag(),
        "io_identity": Flag(),
        "growth_bias": Real(-1000, 1000),
        "reward_scale": Real(-1e6, 1e6),
        "scale_observations": Flag(),
        "initialisation": _NAME,
        "compat": _NAME,
        "synaptic_rule": _RULE,
        "pruning_rule": _RULE,
        "synaptogenesis_rule": _RULE,
        "structural_rule": _RULE,
        "development": _RULE,
        "development_steps": _STEPS,
        "development_options": _NOTHING,
        "hears": _HEARS,
    },
)
_PLASTIC = Record(
    {},
    {
        "hidden": Whole(1, 1024),
        "topology": _NAME,
        "synaptic_rule": _RULE,
        "structural_rule": _RULE,
        "weights": _NAME,
        "bias": Flag(),
        "density": Real(0, 1),
        "edge_features": _SMALL,
        "rnn_iters": _SMALL,
        "decisions": _NAME,
        "threshold": Real(0, 1),
        "reward_scale": Real(-1e6, 1e6),
        "scale_observations": Flag(),
        "development": _RULE,
        "development_steps": _STEPS,
        "development_options": _NOTHING,
        "hears": _HEARS,
    },
)
_NETWORK: dict[str, Field] = {
    "hidden": Whole(1, 256),
    "hears": _HEARS,
    "scale_observations": Flag(),
    "reward_scale": Real(-1e6, 1e6),
    "observe": _OBSERVE,
}


def _policy(algorithm: str) -> Record:
    """Options of a policy of SB3; the algorithm, if it is named, is the agent's type."""
    return Record(
        {},
        {
            "algorithm": Exactly(algorithm),
            "policy": Choice(POLICIES),
            "net_arch": OneOf(
                "a list of widths, or lists by name",
                (_WIDTHS, Record({"pi": _WIDTHS}, {"vf": _WIDTHS, "qf": _WIDTHS})),
            ),
            "activation": Choice(tuple(ACTIVATIONS)),
            "lstm_size": Whole(1, 2048),
            "log_std_init": Real(-20, 2),
            "observe": _OBSERVE,
            "clip": Real(1e-6, 1e6),
            "action_share": Real(1e-6, 1),
            "hears": _HEARS,
        },
    )


AGENT_OPTIONS: Mapping[str, Record] = {
    "lndp": _LNDP,
    "ndp": _LNDP,
    "plastic": _PLASTIC,
    "logistic": Record({}, {"rule": _NAME, "network": Choice(("dnn", "gru")), "hidden": Whole(1, 256)}),
    **{
        name: Record({}, {**_NETWORK, "change_gain": Real(-1e6, 1e6)})
        for name in ("mlp", "rnn", "gru", "hyper")
    },
    "trace": Record({}, {**_NETWORK, "change_gain": Real(-1e6, 1e6), "sensor_gain": Real(-1e6, 1e6)}),
    "local-trace": Record(
        {},
        {
            **{name: bound for name, bound in _NETWORK.items() if name != "hidden"},
            "change_gain": Real(-1e6, 1e6),
            "innate": Real(-1e6, 1e6),
        },
    ),
    "random": Record({}, {"seed": Whole(0, 2**63 - 1)}),
    "constant": Record({}, {"action": _ACTION}),
    **{name: Record({}) for name in REFERENCES},
    **{name: _policy(name) for name in ALGORITHMS},
}
"""Options of each type of agent."""


def check_options(agent_type: str, options: Any) -> dict[str, Any]:
    """Options of an agent: known, within their bounds, and about the agent only.

    Raises:
        Refused: unknown ones, values out of bounds, text with a colon (a name that would import code), names of
            files, options of the host, more development than there is time for.
    """
    where = f"the options of {agent_type!r}"
    if not isinstance(options, Mapping):
        raise Refused(f"{where} must be an object.")
    source = _source_options(options.get("development_options", ()))
    _refuse_reach({**options, "development_options": source}, 0)
    rest = {key: value for key, value in options.items() if key != "development_options" or not source}
    checked: dict[str, Any] = AGENT_OPTIONS.get(agent_type, GENERAL).check(rest, where)
    name = str(checked.get("development", ""))
    SOURCE_OPTIONS.get(name, GENERAL).check(source, f"the options of the source {name!r}")
    if source:
        checked["development_options"] = options["development_options"]
    steps, nodes = checked.get("development_steps", 0), checked.get("nodes", checked.get("hidden", 32))
    if isinstance(steps, int) and isinstance(nodes, int) and steps * nodes > MAX_DEVELOPMENT:
        raise Refused(
            f"development_steps x nodes is {steps} x {nodes}; the most on the leaderboard is {MAX_DEVELOPMENT}."
        )
    return checked


def _source_options(words: Any) -> dict[str, Any]:
    """Options of a source, from an object or from words KEY=VALUE whose values may be JSON."""
    if isinstance(words, Mapping):
        return dict(words)
    checked = ListOf(Text(2000), 40).check(words, "'development_options'")
    try:
        return key_values(checked, "development_options")
    except (OntogymError, RecursionError, ValueError) as error:
        raise Refused(f"'development_options' are no words KEY=VALUE ({error}).") from error


def _refuse_reach(value: Any, depth: int, name: str = "") -> None:
    """Refuse what reaches out of a submission, wherever it stands: modules, files, devices."""
    if depth > 8:
        raise Refused(f"The option {name[:80]!r} is nested too deeply.")
    if isinstance(value, Mapping):
        for key, part in value.items():
            check_text(key, "the name of an option", 80)
            if key in _HOST:
                raise Refused(
                    f"The option {key!r} says how to compute, not what the agent is; leave it to the verifier."
                )
            if key.split("_")[-1].lower() in _FILES and part is not None:
                raise Refused(
                    f"The option {key!r} names a file, which the verifier does not have; a submission carries all "
                    "that decides."
                )
            _refuse_reach(part, depth + 1, key)
    elif isinstance(value, (list, tuple)):
        for part in value:
            _refuse_reach(part, depth + 1, name)
    elif isinstance(value, str):
        check_text(value, f"the option {name!r}", 2000)
        if ":" in value:
            raise Refused(f"The option {name!r} is {value[:80]!r}; a name with a colon would import code.")
        if "/" in value or "\\" in value or value.startswith(("~", ".")):
            raise Refused(f"The option {name!r} is {value[:80]!r}; a submission names no file.")
