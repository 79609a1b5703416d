"""``ontogym envs`` and ``ontogym rules``."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from ontogym.cli.options import print_table
from ontogym.errors import OntogymError

__all__ = ["Envs", "Rules"]


@dataclass(frozen=True)
class Envs:
    """List the environments, or show the page of one.

    Attributes:
        id: an environment whose page to show.
        json: print one JSON object as the last line.
    """

    id: Annotated[str | None, tyro.conf.Positional] = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Print the table or the page; returns it."""
        import gymnasium

        from ontogym.envs.registration import ENTRIES
        from ontogym.envs.vector import find_spec

        if self.id is not None:
            spec = find_spec(self.id)
            from gymnasium.envs.registration import load_env_creator

            creator = spec.entry_point
            page = inspect.getdoc(load_env_creator(creator) if isinstance(creator, str) else creator) or ""
            if not self.json:
                print(f"{spec.id}\n\n{page}")
            return {"id": spec.id, "page": page}
        found = []
        for entry in ENTRIES.values():
            env = gymnasium.make(entry.id)
            found.append(
                {
                    "id": entry.id,
                    "observation": _brief(env.observation_space),
                    "action": _brief(env.action_space),
                    "steps": entry.max_episode_steps,
                    "random": entry.random_return,
                    "optimal": entry.optimal_return,
                }
            )
            env.close()
        if not self.json:
            print_table("Environments", list(found[0]), [list(row.values()) for row in found])
            print("Any other Gymnasium id works too. A page: ontogym envs ID")
        return {"environments": found}


def _brief(space: Any) -> str:
    """A space in a few characters; the environment's page has the rest."""
    kind = type(space).__name__
    return f"{kind}{space.shape}" if space.shape else str(space)


@dataclass(frozen=True)
class Rules:
    """List the plasticity rules, those of other packages included, or check one.

    Attributes:
        action: list, or check.
        rule: what to check: a name from the list, or package.module:Rule.
        json: print one JSON object as the last line.
    """

    action: Annotated[Literal["list", "check"], tyro.conf.Positional] = "list"
    rule: Annotated[str | None, tyro.conf.Positional] = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Print the table or the findings; returns them."""
        return self._check() if self.action == "check" else self._list()

    def _list(self) -> dict[str, Any]:
        from ontogym.registry import RULES

        found = []
        for name, entry in RULES.entries().items():
            row = {"name": name, "origin": entry.origin, "scope": "-", "parameters": "-", "what": ""}
            try:
                kind = RULES.get(name)
                row |= {
                    "scope": kind.scope,
                    "parameters": kind().n_params,
                    "what": (inspect.getdoc(kind) or "").partition("\n")[0],
                }
            except Exception as error:
                # A faulty plug-in is reported in its row; it must not hide the others.
                row["what"] = f"cannot be loaded: {error}"
            found.append(row)
        if not self.json:
            print_table("Plasticity rules", list(found[0]), [list(row.values()) for row in found])
            print("Check one: ontogym rules check NAME or package.module:Rule")
        return {"rules": found}

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
