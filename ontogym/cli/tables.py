"""``ontogym envs`` and ``ontogym rules``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import tyro

from ontogym.cli.options import print_table
from ontogym.errors import OntogymError

__all__ = ["Envs", "Rules", "markdown_table", "rule_row"]


@dataclass(frozen=True)
class Envs:
    """List the environments, show the page of one, or look over one of your own.

    Of an environment that is not of this suite: its spaces and limit, whether it repeats itself, and which agents fit.

    Attributes:
        id: an environment whose page to show; one of your own as module:id or file.py:id.
        env_kwargs: its arguments.
        check: look it over, where it is one of this suite too.
        json: print one JSON object as the last line.
    """

    id: Annotated[str | None, tyro.conf.Positional] = None
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    check: bool = False
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Print the table or the page; returns it."""
        import gymnasium

        from ontogym.envs.registration import ENTRIES
        from ontogym.envs.vector import find_spec

        if self.id is not None:
            spec = find_spec(self.id)
            if self.check or spec.id not in ENTRIES:
                return self._look_over()
            from gymnasium.envs.registration import load_env_creator

            creator = spec.entry_point
            page = inspect.getdoc(load_env_creator(creator) if isinstance(creator, str) else creator) or ""
            if not self.json:
                print(f"{spec.id}\n\n{page}")
            return {"id": spec.id, "page": page}
        found = []
        for entry in ENTRIES.values():
            observation, action = entry.spaces or _spaces(gymnasium.make(entry.id))
            found.append(
                {
                    "id": entry.id,
                    "observation": observation,
                    "action": action,
                    "steps": entry.max_episode_steps,
                    "random": entry.random_return,
                    "optimal": entry.optimal_return,
                }
            )
        if not self.json:
            print_table("Environments", list(found[0]), [list(row.values()) for row in found])
            print(
                "Any other Gymnasium id works too. A page: ontogym envs ID. One of your own: ontogym envs module:id"
            )
        return {"environments": found}

    def _look_over(self) -> dict[str, Any]:
        """Print what the preflight finds; status 1 if something is wrong."""
        from dataclasses import asdict

        from ontogym.baselines.preflight import look_over

        found = look_over(str(self.id), self.env_kwargs)
        rows = [
            ("observation", " ".join(found.observation.split())),
            ("action", " ".join(found.action.split())),
            (
                "numbers seen, motor channels",
                "-" if found.channels is None else "{}, {}".format(*found.channels),
            ),
            ("steps of an episode", found.limit or "no limit"),
            ("stepped", "as a batch" if found.native else "one by one"),
            ("draws itself", "yes" if found.renders else "no"),
            ("same seed, same episode", {True: "yes", False: "no", None: "–"}[found.deterministic]),
            ("evolve --agent", ", ".join(found.evolved) or "none as it is"),
            ("train --algo", ", ".join(found.trained) or "none as it is"),
            ("nodes of an LNDP", found.nodes or "-"),
            ("--features", ", ".join(f"{k} ({v})" for k, v in found.features.items()) or "-"),
        ]
        if not self.json:
            print_table(found.id, ("", ""), rows)
            print("\n".join([*(f"Wrong: {fault}" for fault in found.faults), *found.advice]))
        useless = not (found.evolved or found.trained or found.features)
        return {**asdict(found), "exit_status": int(bool(found.faults) or useless)}


def _spaces(env: Any) -> tuple[str, str]:
    """Both spaces of an environment that was made for this."""
    found = brief(env.observation_space), brief(env.action_space)
    env.close()
    return found


def brief(space: Any) -> str:
    """A space in a few characters; the environment's page has the rest."""
    if hasattr(space, "spaces"):
        return ", ".join(f"{key} {part.shape}" for key, part in space.spaces.items())
    kind = type(space).__name__
    return f"{kind}{space.shape}" if space.shape else str(space)


@dataclass(frozen=True)
class Rules:
    """List the plasticity rules, those of other packages included, or check one.

    Attributes:
        action: list, or check.
        rule: what to check: a name from the list, or package.module:Rule.
        markdown: print the list as a table for a document.
        json: print one JSON object as the last line.
    """

    action: Annotated[Literal["list", "check"], tyro.conf.Positional] = "list"
    rule: Annotated[str | None, tyro.conf.Positional] = None
    markdown: bool = False
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Print the table or the findings; returns them."""
        return self._check() if self.action == "check" else self._list()

    def _list(self) -> dict[str, Any]:
        from ontogym.registry import RULES

        found = [rule_row(name) for name in RULES]
        if self.markdown:
            print(markdown_table(found))
        elif not self.json:
            print_table("Plasticity rules", list(found[0]), [list(row.values()) for row in found])
            for entry in RULES.hidden():
                print(
                    f"Hidden: {entry.target} of {entry.origin}, since {entry.name!r} is taken; its package must give it "
                    "another name."
                )
            print("Check one: ontogym rules check NAME or package.module:Rule")
        return {"rules": found, "hidden": [vars(entry) for entry in RULES.hidden()]}

    def _check(self) -> dict[str, Any]:
        from ontogym.testing import check_rule

        if self.rule is None:
            raise OntogymError("Say which rule to check, for example: ontogym rules check hebbian-abcd.")
        findings = [{"name": f.name, "message": f.message} for f in check_rule(self.rule)]
        if not self.json:
            for finding in findings:
                print(f"{finding['name']}: {finding['message']}")
            print(f"{self.rule}: {len(findings)} finding(s)" if findings else f"{self.rule}: no fault found")
        return {"rule": self.rule, "findings": findings, "exit_status": int(bool(findings))}


def rule_row(name: str) -> dict[str, Any]:
    """What the list says of one registered rule; a faulty plug-in is reported here and hides no other.

    ``parameters`` is a number, or how many each edge has where edges have their own.
    """
    from ontogym.registry import RULES

    row = {"name": name, "kind": "-", "scope": "-", "parameters": "-", "origin": RULES.entries()[name].origin}
    try:
        factory = RULES.get(name)
        rule = factory()
        shared, own = rule.n_params, rule.edge_params
        row |= {
            "kind": rule.kind,
            "scope": rule.scope,
            "parameters": f"{f'{shared} + ' if shared else ''}{own} an edge" if own else shared,
            "what": (inspect.getdoc(factory) or "").partition("\n")[0],
        }
    except Exception as error:
        row["what"] = f"cannot be loaded: {error}"
    return row


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of equal keys as a Markdown table; names are set as code."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|"]
    lines += [
        "| " + " | ".join([f"`{row['name']}`", *map(str, list(row.values())[1:])]) + " |" for row in rows
    ]
    return "\n".join(lines)
