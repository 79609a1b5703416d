"""The README as a package index shows it: away from the repository, so its links and pictures need whole addresses."""

import re
from pathlib import Path

from setuptools import setup

HOME = "https://github.com/ontogym/ontogym/blob/main/"
PICTURES = "https://raw.githubusercontent.com/ontogym/ontogym/main/"


def absolute(text: str) -> str:
    """Markdown whose relative pictures and links lead to the repository."""
    text = re.sub(r"(!\[[^]]*\]\()(?!https?:|#)", rf"\g<1>{PICTURES}", text)
    return re.sub(r"(\]\()(?!https?:|#)", rf"\g<1>{HOME}", text)


setup(
    long_description=absolute((Path(__file__).parent / "README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
)
