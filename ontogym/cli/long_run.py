"""What every command that may take long shares: its configuration before it runs, and the literature after."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

__all__ = ["LongRun", "settings_of"]

_OF_THE_CALL = ("cite", "dry_run", "json", "resume")
"""Flags that say how a command is called, and nothing about what it does."""


@dataclass(frozen=True, kw_only=True)
class LongRun:
    """A command with ``--dry-run`` and ``--cite``; a subclass does its `work`.

    Attributes:
        cite: print the BibTeX of what is used.
        dry_run: print the whole configuration as TOML for --config, and run nothing.
        json: print one JSON object as the last line.
    """

    sources: ClassVar[tuple[str, ...]] = ()
    """arXiv numbers and DOIs of what the command repeats, and texts in which they stand."""
    cite: bool = False
    dry_run: bool = False
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Do it, or say what would be done."""
        found = self.shown() if self.dry_run else self.work()
        # Asked for only: looking them up takes as long as a short command itself.
        if self.cite or (self.json and not self.dry_run):
            found.setdefault("bibtex", self.cited())
        elif self.json:
            found.setdefault("bibtex", [])
        if self.json:
            return found
        if not self.cite:
            if not self.dry_run and (self.sources or type(self).cited is not LongRun.cited):
                print("Cite what was used:  add --cite")
            return found
        entries = found["bibtex"]
        if not entries:
            return found
        # A dry run's output is a file for --config: what is no setting is a comment there.
        text = "\n".join(entries)
        print("\n" + (re.sub(r"^", "# ", text, flags=re.MULTILINE) if self.dry_run else text))
        return found

    def work(self) -> dict[str, Any]:
        """What the command is for; returns what ``--json`` prints."""
        raise NotImplementedError

    def configuration(self) -> dict[str, Any]:
        """All settings, as ``--config`` reads them."""
        return settings_of(self)

    def cited(self) -> list[str]:
        """BibTeX of what is used."""
        from ontogym.cli.citations import bibtex

        return bibtex(self.sources)

    def shown(self) -> dict[str, Any]:
        """Print the configuration; returns what ``--json`` prints."""
        from ontogym.configurations import toml

        config = self.configuration()
        if not self.json:
            print(toml(config), end="")
        return {"config": config}


def settings_of(command: Any) -> dict[str, Any]:
    """The values of a command's flags, those of its embedded configurations among them, under their names."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(command):
        value = getattr(command, field.name)
        if dataclasses.is_dataclass(value):
            found |= settings_of(value)
        elif field.name not in _OF_THE_CALL:
            found[field.name] = str(value) if isinstance(value, Path) else value
    return found
