"""Ctrl-C while a command is being imported: one line and status 130, also where an import swallows everything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT of its own")
ROOT = Path(__file__).parents[1]
CTRL_C = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(20)\n"
SWALLOWED = (
    "try:\n" + "".join(f"    {line}\n" for line in CTRL_C.splitlines()) + "except BaseException:\n    pass\n"
)
IN_A_TEXT = f"exec({CTRL_C!r})\n"
CONSOLE = "import sys\nfrom ontogym.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"


def interrupted_at(
    module: str, content: str, folder: Path, words: list[str]
) -> subprocess.CompletedProcess[str]:
    """Run `words` where `module` has `content` in place of its own."""
    (folder / "found_first" / module).mkdir(parents=True)
    (folder / "found_first" / module / "__init__.py").write_text(content)
    path = os.pathsep.join([str(folder / "found_first"), str(ROOT)])
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=heeding_ctrl_c,
    )


def heeding_ctrl_c() -> None:
    """A shell that runs the tests in the background has told them, and all that they start, to ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("content", [CTRL_C, SWALLOWED, IN_A_TEXT], ids=["plain", "swallowed", "in a text"])
@pytest.mark.parametrize("module", ["gymnasium", "tyro", "torch"])
@pytest.mark.parametrize("form", ["module", "console"])
def test_an_import_that_is_interrupted_ends_in_one_line(
    form: str, module: str, content: str, tmp_path: Path
) -> None:
    """While the package is imported, while the line is parsed, and while the command runs."""
    if module == "torch" and content is SWALLOWED:
        pytest.skip("what runs may have something to keep, so that it is asked and not ended")
    (tmp_path / "ontogym").write_text(CONSOLE)
    begin = ["-m", "ontogym"] if form == "module" else [str(tmp_path / "ontogym")]
    done = interrupted_at(
        module, content, tmp_path, [*begin, "train", "--env", "ontogym/CartPole-v1", "--out", "run"]
    )
    assert (done.returncode, done.stdout) == (130, "")
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("ontogym: ")
    assert not (tmp_path / "run").exists()


def test_a_program_that_imports_the_package_is_asked_as_before(tmp_path: Path) -> None:
    mine = "try:\n    import ontogym\nexcept KeyboardInterrupt:\n    print('mine')\n"
    done = interrupted_at("gymnasium", CTRL_C, tmp_path, ["-c", mine])
    assert (done.returncode, done.stdout, done.stderr) == (0, "mine\n", "")
