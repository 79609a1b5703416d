"""``ontogym leaderboard submit``, ``verify``, ``add`` and ``list``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ontogym.cli.options import key_values, print_table

__all__ = ["LeaderboardAdd", "LeaderboardList", "LeaderboardSubmit", "LeaderboardVerify"]


@dataclass(frozen=True)
class LeaderboardSubmit:
    """Evaluate a trained agent on its task's public seeds and write a submission.

    Attributes:
        run_dir: folder of a run (evolve or train), or an agent without weights: random, constant,
            win-stay-lose-shift, block-observer.
        task: name of the task; the one of the run's environment if not given.
        label: name in the ranking, shared by all seeds of one method; the agent's type if not given.
        author: who submits.
        notes: anything a reader should know.
        seed: training seed, for agents without weights (a run has its own).
        options: of an agent without weights, as KEY=VALUE ...; such as the action of constant.
        env_steps: what it took to find those.
        out: folder of the submission; RUN_DIR/submission, or submissions/NAME, if not given.
        json: print one JSON object as the last line.
    """

    run_dir: Annotated[str, tyro.conf.Positional]
    task: str | None = None
    label: str | None = None
    author: str = ""
    notes: str = ""
    seed: int = 0
    options: tuple[str, ...] = ()
    env_steps: int = 0
    out: str | None = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Evaluate, write, say where."""
        from ontogym.leaderboard.limits import MANIFEST
        from ontogym.leaderboard.runs import make_submission, read_run
        from ontogym.leaderboard.store import submission_id
        from ontogym.leaderboard.submission import write_submission

        options = key_values(self.options, "--options")
        candidate = read_run(self.run_dir, self.seed, options, self.env_steps)
        made = make_submission(candidate, self.task, self.label, self.author, self.notes)
        name = submission_id(made.manifest, made.files[MANIFEST])
        folder = Path(self.run_dir, "submission") if candidate.env else Path("submissions", name)
        out = Path(self.out) if self.out else folder
        write_submission(out, made)
        returns = made.manifest["claimed"]["returns"]
        score = sum(map(sum, returns)) / sum(map(len, returns))
        if not self.json:
            print(f"{out}: {made.manifest['agent']['label']} on {made.manifest['task']} claims {score:.1f}")
            print(f"Next:  ontogym leaderboard add {out} --store board")
        return {"out": str(out), "id": name, "task": made.manifest["task"], "score": score}


@dataclass(frozen=True)
class LeaderboardVerify:
    """Re-run a submission on public and held-out seeds and write what was found beside it.

    Attributes:
        submission: folder of a submission, or the name of an entry of the store.
        store: folder of the leaderboard, for names.
        held_out: a secret of the organiser that decides the held-out seeds; the package's own if not given.
        json: print one JSON object as the last line.
    """

    submission: Annotated[str, tyro.conf.Positional]
    store: str = "results"
    held_out: str | None = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Re-run, write ``verification.json``; exit status 1 if refused."""
        from ontogym import checkpoint
        from ontogym.leaderboard.limits import VERIFICATION
        from ontogym.leaderboard.store import Store
        from ontogym.leaderboard.submission import read_submission
        from ontogym.leaderboard.suites import held_out
        from ontogym.leaderboard.verification import verify

        folder, store = Path(self.submission), None
        if not folder.exists():
            store = Store.open(self.store)
            folder = store.folder(self.submission)
        found = verify(read_submission(folder), held_out(self.held_out))
        if store is not None:
            store.set_verification(folder.name, found)
        else:
            checkpoint.write_json(folder / VERIFICATION, found)
        return _report(self.submission, found, self.json)


@dataclass(frozen=True)
class LeaderboardAdd:
    """Verify a submission and put it into a store; one that is refused stays out.

    Attributes:
        submission: folder of a submission.
        store: folder of the leaderboard; begun if missing.
        verify: re-run it; without, it is listed as claimed.
        held_out: a secret of the organiser that decides the held-out seeds; the package's own if not given.
        json: print one JSON object as the last line.
    """

    submission: Annotated[str, tyro.conf.Positional]
    store: str = "results"
    verify: bool = True
    held_out: str | None = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Verify, add; exit status 1 if refused."""
        from ontogym.leaderboard.store import Store
        from ontogym.leaderboard.submission import read_submission
        from ontogym.leaderboard.suites import held_out
        from ontogym.leaderboard.verification import verify

        submission = read_submission(self.submission)
        store = Store.open(self.store, create=True)
        found = verify(submission, held_out(self.held_out)) if self.verify else None
        if found is not None and found["status"] != "verified":
            return _report(self.submission, found, self.json)
        name, new = store.add(submission.manifest, submission.files, found)
        if not self.json:
            print(f"{name}: {'added' if new else 'was there already'}")
        return {**_report(name, found, self.json), "id": name, "new": new}


@dataclass(frozen=True)
class LeaderboardList:
    """List the rows of a leaderboard: every label on every task, and on suites that it has run whole.

    Attributes:
        store: folder of the leaderboard.
        suite: only this suite.
        json: print one JSON object as the last line.
    """

    store: str = "results"
    suite: str | None = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Read and print."""
        import dataclasses

        from ontogym.leaderboard.board import read_board
        from ontogym.leaderboard.suites import get_suite

        if self.suite is not None:
            get_suite(self.suite)
        board = read_board(self.store)
        rows = [row for row in board.rows if self.suite in (None, row.suite)]
        rows.sort(key=lambda row: (row.suite, row.task is None, row.task or "", -row.iqm))
        if not self.json:
            columns = (
                "suite",
                "task",
                "agent",
                "seeds",
                "IQM [95 %]",
                "first",
                "last",
                "regained",
                "env steps",
                "status",
            )
            print_table(f"{len(board.entries)} submissions in {self.store}", columns, map(_cells, rows))
        return {"store": self.store, "rows": [dataclasses.asdict(row) for row in rows]}


def _cells(row: Any) -> tuple[str, ...]:
    places = 1 if row.task else 3
    return (
        row.suite,
        row.task or "all (0 random, 1 optimal)",
        row.label,
        str(row.seeds),
        f"{row.iqm:.{places}f} [{row.low:.{places}f}, {row.high:.{places}f}]",
        f"{row.first_episode:.{places}f}",
        f"{row.last_episode:.{places}f}",
        "" if row.adaptation is None else f"{row.adaptation:.{places}f}",
        f"{row.env_steps:,.0f}" + " (over budget)" * bool(row.over_budget),
        row.status,
    )


def _report(name: str, found: dict[str, Any] | None, quiet: bool) -> dict[str, Any]:
    """Say what a verification found; a refusal is exit status 1."""
    status = "claimed" if found is None else found["status"]
    reasons = [] if found is None else list(found["reasons"])
    if not quiet:
        print(" ".join([f"{name}: {status}.", *reasons]))
    return {"status": status, "reasons": reasons, "exit_status": int(status == "refused")}
