"""What is published is whole: the sdist, the wheel away from the repository, the README on a package index."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("ontogym", "tests", "docs", "examples", "benchmarks", "results", ".ci", ".github")
FILES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "CITATION.cff",
    "mkdocs.yml",
)
MADE = {"__pycache__", ".lock", ".pytest_cache", "runs"}


NOT_COPIED = (".git", ".venv*", "runs", "build", "dist", "*.egg-info", ".*_cache", "__pycache__")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel of a copy of the repository."""
    copy, out = tmp_path_factory.mktemp("copy") / "ontogym", tmp_path_factory.mktemp("dist")
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
    for kind in ("sdist", "wheel"):
        code = f"from setuptools import build_meta; build_meta.build_{kind}({str(out)!r})"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=copy, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return out


def present() -> set[str]:
    """The files that a reader of the sdist is promised."""
    found = {name for name in FILES if (ROOT / name).exists()}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and not MADE & set(path.parts) and path.suffix not in (".pyc", ".nbi", ".nbc"):
                found.add(path.relative_to(ROOT).as_posix())
    return found


def test_the_sdist_holds_tests_documents_examples_and_results(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        there = {name.partition("/")[2] for name in archive.getnames()}
    assert not sorted(present() - there)


def test_the_wheel_works_away_from_the_repository(built: Path, tmp_path: Path) -> None:
    """In an environment of its own, which sees the libraries of this one but not the repository."""
    (wheel,) = built.glob("*.whl")
    venv.create(tmp_path / "env", with_pip=False)
    folder = "Scripts" if os.name == "nt" else "bin"
    python = tmp_path / "env" / folder / Path(sys.executable).name
    there = {**os.environ, "PYTHONPATH": sysconfig.get_paths()["purelib"], "PYTHONSAFEPATH": "1"}
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", str(wheel)]
    subprocess.run(install, cwd=tmp_path, env=clean, check=True, timeout=300)
    done = subprocess.run(
        [str(python), "-c", TRIED], cwd=tmp_path, env=there, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    home, version, *rest = done.stdout.splitlines()
    assert Path(home).is_relative_to(tmp_path / "env")
    declared = re.search(r'^version = "(.*?)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert declared is not None
    assert version == f"ontogym {declared[1]}"
    assert rest[-1].startswith("<lndp of ")


TRIED = """
import os

import ontogym
print(ontogym.__file__)
from ontogym.cli import main
assert main(["--version"]) == 0
assert main(["rules"]) == 0
if "ONTOGYM_FULL" in os.environ:  # compiles the kernel anew
    assert main(["evaluate", "zoo:lndp-cartpole", "--lives", "2"]) == 0
from ontogym.leaderboard.site.build import TEMPLATES
assert (TEMPLATES / "index.html").exists()
from ontogym.retina_env.actor import shipped_actor
from ontogym.retina_env.encoding.networks import shipped_network
shipped_actor(), shipped_network()
print(ontogym.load("zoo:lndp-cartpole"))
"""


def test_links_and_pictures_of_the_readme_lead_somewhere_from_a_package_index(built: Path) -> None:
    """The index shows what is in the wheel: every link is a whole address, and those of ours are of files that are there."""
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        text = archive.read(name).decode()
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(targets) > 20
    assert not [target for target in targets if not target.startswith(("https://", "#"))]
    for target in targets:
        found = re.match(
            r"https://(?:raw\.githubusercontent|github)\.com/ontogym/ontogym/(?:blob/)?main/([^#]*)", target
        )
        assert found is None or (ROOT / found[1]).exists(), target
    pictures = re.findall(r"!\[[^]]*\]\(([^)\s]+)\)", text)
    assert pictures
    assert all(picture.startswith("https://raw.") for picture in pictures)
