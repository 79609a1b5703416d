"""Flags of the shortest evolution there is."""

TINY = [
    "--generations",
    "1",
    "--population",
    "4",
    "--eval-every",
    "1",
    "--eval-lives",
    "2",
    "--final-lives",
    "2",
]
