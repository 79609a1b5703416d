"""The newcomer's path: the README's own commands for comparing agents, word for word, with less training."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ontogym.cli import main
from ontogym.leaderboard.board import read_board

README = Path(__file__).parents[2] / "README.md"
LESS = {
    "train": [
        "--segment",
        "200",
        "--eval-episodes",
        "4",
        "--hyper",
        "n_steps=25",
        "batch_size=50",
        "n_epochs=1",
    ],
    # 11 nodes: the size that the other tests of the numba kernel have compiled already.
    "evolve": shlex.split(
        "--population 4 --lives 2 --generations 2 --eval-every 1 --eval-lives 2 --final-lives 2 --nodes 11"
    ),
}

BRIEF = ["--population", "4", "--generations", "1", "--lives", "1", "--eval-lives", "2", "--final-lives", "2"]


def commands() -> list[list[str]]:
    """The words of every command in the README's section, without comments."""
    section = README.read_text().split("## Compare agents")[1].split("\n## ")[0]
    block = re.search(r"```bash\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return [shlex.split(line, comments=True) for line in block[1].splitlines() if line.strip()]


def test_the_path_of_a_newcomer_ends_with_both_agents_ranked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = []
    for program, *words in commands():
        assert program == "ontogym"
        less = [*words, *LESS.get(words[0], [])]
        if words[0] == "train":
            less[less.index("--steps") + 1] = "400"
        assert main(less) == 0, " ".join(words)
        done.append(" ".join(words[:2]) if words[0] == "leaderboard" else words[0])
    assert sorted(set(done)) == sorted(
        ["train", "evolve", *(f"leaderboard {verb}" for verb in ("submit", "add", "list", "site"))]
    )
    said = capsys.readouterr().out
    assert said.count(": verified.") == 2
    board = read_board(tmp_path / "board")
    assert {entry.status for entry in board.entries} == {"verified"}
    ranked = [row.label for row in board.rows if row.task == "Foraging-v0"]
    assert sorted(ranked) == ["LNDP", "PPO"]
    page = (tmp_path / "site" / "index.html").read_text()
    assert all(f">{label}</bdi>" in page for label in ranked)
    assert all(entry.command.startswith("ontogym ") for entry in board.entries)


def test_the_list_of_agents_says_what_each_takes(capsys):
    assert main(["agents"]) == 0
    out = capsys.readouterr().out
    assert 'hidden=16  hears=["action", "reward", "start"]' in out
    assert "ontogym evolve --agent plastic --help" in out


def test_a_table_of_lives_says_what_is_told_and_what_is_not_heard(capsys):
    assert main(["evaluate", "zoo:lndp-foraging", "--lives", "2", "--silenced", "action"]) == 0
    assert "1 episode; silenced: action (action: which it does not hear anyway)" in capsys.readouterr().out
    assert (
        main(["evaluate", "zoo:lndp-cartpole", "--lives", "2", "--freeze", "wiring", "--from-episode", "9"])
        == 2
    )
    assert "a life here has 3, counted from 0" in capsys.readouterr().err


def test_lives_that_hold_something_still_say_so_and_can_be_lived_without(tmp_path, capsys):
    """A search that holds weights still leaves an agent whose usual lives do so too."""
    run = str(tmp_path / "run")
    lives = ["--episodes", "2", "--max-steps", "20", "--freeze", "weights", "--freeze-from", "1"]
    assert (
        main(
            [
                "evolve",
                "--env",
                "ontogym/CartPole-v1",
                "--no-preset",
                "--out",
                run,
                "--nodes",
                "11",
                *BRIEF,
                *lives,
            ]
        )
        == 0
    )
    held = "weights held still from episode 1 (counted from 0) on"
    said = {}
    for freeze in ((), ("--freeze", "nothing"), ("--freeze", "wiring")):
        capsys.readouterr()
        assert main(["evaluate", run, "--lives", "2", *freeze]) == 0
        said[freeze[1:]] = " ".join(capsys.readouterr().out.split())
    assert held in said[()]
    assert held not in said["nothing",]
    assert "frozen" not in said["nothing",]
    assert f"of which not frozen as it was evolved: {held}" in said["wiring",]


@pytest.mark.parametrize("seed", ["-1", "99999999999999999999999"])
def test_a_seed_that_no_life_can_have_is_refused(tmp_path, capsys, seed):
    assert main(["replay", "zoo:lndp-cartpole", "--seed", seed, "--out", str(tmp_path / "life.png")]) == 2
    assert "give a whole number from 0 to 2**64 - 1" in capsys.readouterr().err


def test_flags_of_another_agent_are_named_as_such(capsys):
    assert main(["evolve", "--agent", "gru", "--development", "retinal-waves"]) == 2
    assert (
        "--development is a flag of --agent lndp, ndp, plastic; gru has none of that name"
        in capsys.readouterr().err
    )


def test_a_flag_of_another_agents_engine_is_left_out(capsys):
    assert main(["evolve", "--agent", "gru", "--dtype", "float64"]) == 2
    assert "It is computed in one way; leave the flag out." in capsys.readouterr().err


def test_a_warning_is_one_sentence_without_our_source(tmp_path, capsys):
    assert (
        main(["evolve", "--agent", "plastic", "--rule", "e-prop", *BRIEF, "--out", str(tmp_path / "run")])
        == 0
    )
    said = capsys.readouterr().err.splitlines()[0]
    assert said == (
        "ontogym: Plastic network: the synaptic rule 'e-prop' changes nothing here: it needs a learning signal, "
        "which the rate network of `ontogym regimes` computes."
    )
