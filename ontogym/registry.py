"""Names to objects: what ships with the suite, and what other packages add by entry points.

A registry maps a key such as ``"oja"`` to a string ``"module:attribute"`` and imports the module
only when the key is asked for. Other packages add keys with an entry point in the registry's group
(``ontogym.rules``, ``ontogym.agents``, ``ontogym.spontaneous``, ...) and touch none of our files. A plug-in
that fails to import never breaks ``import ontogym``: it is reported, by name, when it is asked for.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from ontogym.errors import OntogymError, UnknownNameError

__all__ = [
    "AGENTS",
    "EVALUATORS",
    "FEATURE_EXTRACTORS",
    "RULES",
    "SPONTANEOUS",
    "STRATEGIES",
    "Entry",
    "Registry",
    "code_files",
    "code_in",
    "import_here",
    "key_value_words",
    "key_values",
    "load_object",
    "plugins",
]


@dataclass(frozen=True)
class Entry:
    """One registered name: where it lives and who brought it."""

    name: str
    target: str
    origin: str


def load_object(target: str) -> Any:
    """Import ``"module:attribute"`` and return the attribute.

    Raises:
        OntogymError: the target has no colon, the module does not import, or it lacks the attribute.
    """
    module_name, colon, attribute = target.partition(":")
    if not (module_name and colon and attribute):
        raise OntogymError(f"{target!r} is no import target; write it as 'package.module:Name'.")
    try:
        module = import_here(module_name)
    except Exception as error:
        raise OntogymError(f"Cannot import {module_name!r} ({type(error).__name__}: {error}).") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise UnknownNameError(f"name in module {module_name!r}:", attribute, vars(module)) from None


def import_here(name: str) -> ModuleType:
    """Import a module, one of the working directory, or a file by its path (``my_env.py``, ``tasks/my_env.py``).

    Installed modules come first; a program that a package installs does not look where it is called, so that one's own
    files would not be found else.

    Raises:
        ImportError: no such module or file, or another module has the file's name already.
    """
    path = Path(name)
    if path.suffix == ".py":
        if not os.path.isfile(name):
            raise ImportError(f"there is no file {name} here, in the folder in which this was called")
        name, folder = path.stem, str(path.resolve().parent)
        known = getattr(sys.modules.get(name), "__file__", None)
        if name in sys.modules and (known is None or Path(known).resolve() != path.resolve()):
            raise ImportError(f"a module called {name!r} is there already; give the file another name")
    else:
        folder = os.getcwd()
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or error.name not in (name, name.partition(".")[0]) or folder in sys.path:
                raise
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def look_above(place: Path, name: str) -> str:
    """``"file.py:Name"`` with the path of the file where it is not here, but in a folder above `place`; else `name` as it is.

    What is loaded from there runs: only for a place whose maker is trusted.
    """
    file, _, what = name.rpartition(":")
    if not file.endswith(".py") or os.path.isfile(file):
        return name
    found = next((above / file for above in place.resolve().parents if os.path.isfile(above / file)), None)
    return name if found is None else f"{found}:{what}"


_WORDS = re.compile(r"[\s\"'\[\]{},=]+")
"""What parts words in a text, which may be JSON or ``KEY=VALUE``."""
_NO_CODE = re.compile(r"zoo:[^:]*|ray://[\w.-]+(:\d+)?")
"""Words with a colon that name none."""


def code_in(value: Any) -> str:
    """The first word in a configuration, at any depth, that would import code (``module:Class``, ``file.py:Class``); or "".

    Whatever has a colon behind something is taken for such a name: what stands behind the colon may be any id.
    """
    for text in _texts(value):
        for word in _WORDS.split(text):
            named = word.removeprefix("ontogym:").lstrip(":")
            if ":" in named and not _NO_CODE.fullmatch(named):
                return word
    return ""


def code_files(value: Any) -> dict[str, str]:
    """The files that a configuration names as code (``file.py:Class``), where they are here, with the SHA-256 of each."""
    # A path may hold what parts words elsewhere.
    named = {name.rpartition(":")[0] for text in _texts(value) for name in (text, *_WORDS.split(text))}
    there = sorted(name for name in named if name.endswith(".py") and os.path.isfile(name))
    return {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in there}


def _texts(value: Any) -> Iterator[str]:
    """The texts in a configuration, keys among them, at any depth.

    What is called data is none of them: ``mnist:PATH`` and ``movies:PRESET`` name images, and no code is looked for there.
    """
    if isinstance(value, Mapping):
        value = [*value.keys(), *(each for key, each in value.items() if key != "data")]
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def key_values(pairs: Iterable[str], flag: str) -> dict[str, Any]:
    """``KEY=VALUE`` words as a dict; a value that is JSON is read as such, anything else is text.

    Raises:
        OntogymError: a word without an equals sign.
    """
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise OntogymError(f"{flag} takes KEY=VALUE, not {pair!r}; write for example size=7.")
        try:
            found[key.replace("-", "_")] = json.loads(value)
        except json.JSONDecodeError:
            found[key.replace("-", "_")] = {"True": True, "False": False, "None": None}.get(value, value)
    return found


def key_value_words(values: Mapping[str, Any]) -> list[str]:
    """``KEY=VALUE`` words of a dict: text as it is, anything else as JSON."""
    return [f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in values.items()]


@dataclass
class Registry:
    """A table of names, extendable by entry points.

    Args:
        kind: what one entry is called in messages, for example ``"plasticity rule"``.
        group: the entry-point group that other packages use.
        builtin: name to ``"module:attribute"``, relative to nothing (full module path).
    """

    kind: str
    group: str
    builtin: Mapping[str, str]
    added: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, target: str) -> None:
        """Register `target`, ``"module:attribute"``, under `name` for this process; a taken name is an error."""
        if not isinstance(target, str) or ":" not in target:
            raise OntogymError(
                f"{target!r} is no import target for the {self.kind} {name!r}; write it as 'package.module:Name', so that "
                "worker processes find it, too."
            )
        if name in self.entries():
            raise OntogymError(f"The {self.kind} {name!r} is already registered; choose another name.")
        self.added[name] = target

    def entries(self) -> dict[str, Entry]:
        """All names, without importing any of them. A built-in name cannot be taken over."""
        table = {n: Entry(n, t, "ontogym") for n, t in self.builtin.items()}
        for n, t in self.added.items():
            table.setdefault(n, Entry(n, t, "this process"))
        for entry in _installed(self.group, tuple((path, _changed(path)) for path in sys.path)):
            table.setdefault(entry.name, entry)
        return dict(sorted(table.items()))

    def hidden(self) -> list[Entry]:
        """Entry points that nobody reaches by their name, since a built-in or an earlier package has it."""
        table = self.entries()
        installed = _installed(self.group, tuple((path, _changed(path)) for path in sys.path))
        return [entry for entry in installed if table[entry.name] != entry]

    def get(self, name: str) -> Any:
        """The object registered as `name`; imports its module now.

        Raises:
            UnknownNameError: no such name (the nearest one is suggested).
            OntogymError: the name is registered but its module fails to import.
        """
        table = self.entries()
        if name not in table:
            own = (
                f"One of your own is found by an entry point of the group {self.group!r} in a package that you install, or, in "
                f"one process, after `add(NAME, {name!r})` to its table in ontogym.registry."
            )
            raise UnknownNameError(self.kind, name, table, own if ":" in name else "")
        entry = table[name]
        try:
            return load_object(entry.target)
        except OntogymError as error:
            raise OntogymError(
                f"The {self.kind} {name!r}, registered by {entry.origin}, cannot be loaded: {error}"
            ) from error

    def resolve(self, name: str) -> Any:
        """`get`, but a name of the form ``module:Class`` is imported as it stands (never do that with a stranger's)."""
        return load_object(name) if ":" in name else self.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries())

    def __contains__(self, name: object) -> bool:
        return name in self.entries()


def plugins(*chosen: Any) -> dict[str, str]:
    """Which of the chosen names (texts, or dicts of options) other packages brought: name to package and version."""
    names = {
        str(value)
        for part in chosen
        for value in (part.values() if isinstance(part, Mapping) else [part])
        if isinstance(value, str)
    }
    tables = [table.entries() for table in (RULES, AGENTS, SPONTANEOUS, STRATEGIES, FEATURE_EXTRACTORS)]
    found = [table[name] for name in sorted(names) for table in tables if name in table]
    return {entry.name: entry.origin for entry in found if entry.origin != "ontogym"}


@lru_cache(maxsize=32)
def _installed(group: str, places: tuple[tuple[str, int], ...]) -> tuple[Entry, ...]:
    """What packages in these `places` (folders of the path, and when they changed) bring; reading all takes 20 ms."""
    return tuple(Entry(point.name, point.value, _distribution(point)) for point in entry_points(group=group))


def _changed(path: str) -> int:
    try:
        return os.stat(path or ".").st_mtime_ns
    except OSError:
        return 0


def _distribution(point: EntryPoint) -> str:
    dist = point.dist
    return f"{dist.name} {dist.version}" if dist is not None else "an unnamed distribution"


RULES = Registry(
    "plasticity rule",
    "ontogym.rules",
    {
        "lndp-edge-gru": "ontogym.developmental.rules.lndp:EdgeGRURule",
        "lndp-edge-gru-pairwise": "ontogym.developmental.rules.lndp:EdgeGRUPairwiseRule",
        "lndp-pruning": "ontogym.developmental.rules.lndp:PruningRule",
        "lndp-synaptogenesis": "ontogym.developmental.rules.lndp:SynaptogenesisRule",
        "hebb": "ontogym.developmental.rules.hebb:HebbRule",
        "oja": "ontogym.developmental.rules.oja:OjaRule",
        "bcm": "ontogym.developmental.rules.bcm:BCMRule",
        "hebbian-abcd": "ontogym.developmental.rules.hebbian:HebbianABCDRule",
        "hebbian-abcd-edge": "ontogym.developmental.rules.hebbian:HebbianABCDEdgeRule",
        "change-trace": "ontogym.developmental.rules.change_trace:ChangeTraceRule",
        "change-trace-edge": "ontogym.developmental.rules.change_trace:ChangeTraceEdgeRule",
        "reward-hebb": "ontogym.developmental.rules.reward_hebb:RewardHebbRule",
        "stdp": "ontogym.developmental.rules.stdp:STDPRule",
        "activity-turnover": "ontogym.developmental.rules.turnover:ActivityTurnoverRule",
        "deep-rewiring": "ontogym.developmental.rules.deep_rewiring:DeepRewiringRule",
        "magnitude-regrow": "ontogym.developmental.rules.magnitude:MagnitudeRegrowRule",
        "e-prop": "ontogym.developmental.rules.credit_assignment:EPropRule",
        "mdgl": "ontogym.developmental.rules.credit_assignment:MDGLRule",
        "mdgl-types": "ontogym.developmental.rules.credit_assignment:MDGLTypesRule",
        "modprop": "ontogym.developmental.rules.credit_assignment:ModPropRule",
        "modprop-types": "ontogym.developmental.rules.credit_assignment:ModPropTypesRule",
        "inferred": "ontogym.developmental.rules.inferred.rule:InferredRule",
    },
)
AGENTS = Registry(
    "agent",
    "ontogym.agents",
    {
        "lndp": "ontogym.agents.lndp:LNDP",
        "ndp": "ontogym.agents.lndp.ndp:NDP",
        "plastic": "ontogym.agents.plastic:Plastic",
        "logistic": "ontogym.agents.logistic:Logistic",
        "mlp": "ontogym.agents.networks:MLP",
        "rnn": "ontogym.agents.networks:RNN",
        "gru": "ontogym.agents.networks:GRU",
        "hyper": "ontogym.agents.networks:Hyper",
        "trace": "ontogym.agents.networks:Trace",
        "local-trace": "ontogym.agents.networks:LocalTrace",
    },
)
SPONTANEOUS = Registry(
    "source of spontaneous activity",
    "ontogym.spontaneous",
    {
        "ornstein-uhlenbeck": "ontogym.developmental.spontaneous:OrnsteinUhlenbeck",
        "retinal-waves": "ontogym.developmental.spontaneous.retinal_waves:RetinalWaves",
        "white-noise": "ontogym.developmental.spontaneous:WhiteNoise",
        "silence": "ontogym.developmental.spontaneous:Silence",
    },
)
STRATEGIES = Registry(
    "evolution strategy",
    "ontogym.strategies",
    {
        "csa": "ontogym.baselines.evolution.strategies:IsotropicCSA",
        "cma-diagonal": "ontogym.baselines.evolution.cma:DiagonalCMA",
        "cma-full": "ontogym.baselines.evolution.cma:FullCMA",
        "openai-es": "ontogym.baselines.evolution.strategies:OpenAIES",
        "map-elites": "ontogym.baselines.evolution.map_elites:MAPElites",
    },
)
EVALUATORS = Registry(
    "evaluator",
    "ontogym.evaluators",
    {
        "process": "ontogym.processes:Here",
        "pool": "ontogym.processes:WorkerPool",
        "ray": "ontogym.ray_workers:RayWorkers",
    },
)
FEATURE_EXTRACTORS = Registry(
    "feature extractor",
    "ontogym.feature_extractors",
    {
        "flatten": "ontogym.developmental.feature_extractors.plain:Flatten",
        "select": "ontogym.developmental.feature_extractors.plain:Select",
        "random-projection": "ontogym.developmental.feature_extractors.plain:RandomProjection",
        "network": "ontogym.developmental.feature_extractors.pretrained:NetworkFeatures",
        "waves": "ontogym.developmental.feature_extractors.pretrained:WaveFeatures",
        "fractals": "ontogym.developmental.feature_extractors.pretrained:FractalFeatures",
        "untrained": "ontogym.developmental.feature_extractors.pretrained:UntrainedFeatures",
    },
)
TRACKERS = Registry(
    "tracker",
    "ontogym.trackers",
    {
        "tensorboard": "ontogym.tracking:TensorBoard",
        "wandb": "ontogym.tracking:WandB",
        "mlflow": "ontogym.tracking:MLflow",
    },
)
