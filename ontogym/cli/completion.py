"""``ontogym completion``: what a shell may offer next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

__all__ = ["Completion"]

_SCRIPT = """# ontogym {version}: completion for {shell}. Put into ~/.{shell}rc:  eval "$(ontogym completion {shell})"
{start}_ontogym() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" one="${{COMP_WORDS[1]}}" two="${{COMP_WORDS[1]}} ${{COMP_WORDS[2]}}" words
  if [ "$COMP_CWORD" -eq 1 ]; then words="{commands}"; else
  case "$two" in
{pairs}
  *) case "$one" in
{singles}
  esac;; esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _ontogym ontogym
"""


@dataclass(frozen=True)
class Completion:
    """Print a script that completes commands and flags in a shell.

    Attributes:
        shell: which one.
        json: print one JSON object as the last line.
    """

    shell: Annotated[Literal["bash", "zsh"], tyro.conf.Positional] = "bash"
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Print the script; returns what it offers."""
        from importlib.metadata import version

        from ontogym.cli.commands import COMMANDS, flag_defaults
        from ontogym.cli.grouped_help import flags_of

        words = {
            name: [word for flag in flags_of(flag_defaults(name)) for word in flag.names.split(", ")]
            for name in COMMANDS
        }
        groups: dict[str, list[str]] = {}
        for name in words:
            first, _, second = name.partition(" ")
            if second:
                groups.setdefault(first, []).append(second)
        singles = {**groups, **{name: found for name, found in words.items() if " " not in name}}
        if not self.json:
            print(
                _SCRIPT.format(
                    version=version("ontogym"),
                    shell=self.shell,
                    start="autoload -Uz bashcompinit && bashcompinit\n" if self.shell == "zsh" else "",
                    commands=" ".join(dict.fromkeys(name.split()[0] for name in words)),
                    pairs="\n".join(
                        f'  "{n}") words="{" ".join(w)}";;' for n, w in words.items() if " " in n
                    ),
                    singles="\n".join(f'  "{n}") words="{" ".join(w)}";;' for n, w in singles.items()),
                ),
                end="",
            )
        return {"words": words}
