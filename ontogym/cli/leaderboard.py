"""``ontogym leaderboard submit``, ``verify``, ``controls``, ``add``, ``list`` and ``migrate``.

A submission that is refused is one sentence and exit status 1, whatever is wrong with it; 2 means that the command itself
cannot be followed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from ontogym.cli.options import key_values, listed, print_table, quoted
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.runs import runs_folder

if TYPE_CHECKING:
    from ontogym.leaderboard.suites import HeldOut

__all__ = [
    "LeaderboardAdd",
    "LeaderboardControls",
    "LeaderboardList",
    "LeaderboardMigrate",
    "LeaderboardSubmit",
    "LeaderboardVerify",
]


@dataclass(frozen=True)
class LeaderboardSubmit:
    """Evaluate a trained agent on its task's public seeds and write a submission.

    Attributes:
        run_dir: folder of a run (evolve or train), or an agent without weights by its name: random, constant, or a
            hand-written one such as win-stay-lose-shift.
        task: name of the task; the one of the run's environment if not given.
        label: name in the ranking, shared by all seeds of one method; the agent's type if not given.
        author: who submits.
        notes: anything a reader should know.
        seed: training seed, for agents without weights (a run has its own).
        options: of an agent without weights, as KEY=VALUE ...; such as the action of constant.
        env_steps: what it took to find those.
        out: folder of the submission; RUN_DIR/submission, or runs/submission-NAME, if not given.
        suite: the suite whose task it is; or a TOML file of one of your own, for a local board.
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
    suite: str | None = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Evaluate, write, say where."""
        suite = _open_suite(self.suite)
        from ontogym.leaderboard.limits import Refused
        from ontogym.leaderboard.runs import make_submission, read_run
        from ontogym.leaderboard.store import entry_name
        from ontogym.leaderboard.submission import write_submission

        options = key_values(self.options, "--options")
        candidate = read_run(self.run_dir, self.seed, options, self.env_steps)
        try:
            made = make_submission(candidate, self.task, self.label, self.author, self.notes, suite)
        except Refused as error:
            return _refused(self.run_dir, error, self.json)
        name = entry_name(made)
        folder = (
            Path(self.run_dir, "submission") if candidate.env else Path(runs_folder(f"submission-{name}"))
        )
        out = Path(self.out) if self.out else folder
        write_submission(out, made)
        returns = made.manifest["claimed"]["returns"]
        score = sum(map(sum, returns)) / sum(map(len, returns))
        if not self.json:
            print(
                f"{out}: {made.manifest['agent']['label']} on {made.manifest['task']} claims {listed([score])}"
            )
            own = f" --suite {self.suite}" if self.suite is not None else ""
            print(f"Next:  ontogym leaderboard add {quoted(out)} --store board{own}")
        return {
            "out": str(out),
            "id": name,
            "sha256": made.id,
            "task": made.manifest["task"],
            "score": score,
        }


@dataclass(frozen=True)
class LeaderboardVerify:
    """Re-run submissions on public and held-out seeds and write what was found beside each.

    Attributes:
        submissions: folders of submissions, or names of entries of the store.
        store: folder of the leaderboard, for names.
        all: every entry of the store.
        held_out: a secret of the organiser that decides the held-out seeds; the package's own if not given.
        suite: a TOML file of a suite of your own, for a local board.
        evaluator: where they are re-run: "process" (this one), "pool" (of worker processes), "ray" (see docs/cluster.md), or
            what a package adds.
        workers: how many at a time; 0 for as many as the evaluator's place has cores.
        address: where the evaluator's engine is found.
        json: print one JSON object as the last line.
    """

    submissions: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    store: str = "results"
    all: bool = False
    held_out: str | None = None
    suite: str | None = None
    evaluator: str | None = None
    workers: int = 0
    address: str | None = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Re-run, write ``verification.json``; exit status 1 if any is refused, damaged or could not be re-run."""
        _open_suite(self.suite)
        from ontogym.baselines.evolution.evaluators import make_workers
        from ontogym.leaderboard.local_suites import every_local
        from ontogym.leaderboard.suites import held_out
        from ontogym.leaderboard.verification import verify_files

        seeds, reports = held_out(self.held_out), {}
        tasks, read = [], []
        for name, folder in (names := self._names()).items():
            try:
                files = self._files(name, folder, seeds)
            except UnknownNameError:  # a word of whoever calls, not an entry
                raise
            except OntogymError as error:  # one that cannot be read does not hide the others
                reports[name] = _refused(name, error, self.json)
                continue
            read.append(name)
            tasks.append((files, seeds, every_local()))
        with make_workers(self.evaluator, self.workers, self.address) as workers:
            for index, found in workers.results(verify_files, tasks):
                name = read[index]
                try:
                    self._keep(name, names[name], found)
                except OntogymError as error:  # nor does one whose file cannot be written
                    found = {"status": "failed", "reasons": [str(error)]}
                reports[name] = _report(name, found, self.json)
        status = max(report["exit_status"] for report in reports.values())
        return {**(reports[name] if len(names) == 1 else {"found": reports}), "exit_status": status}

    def _names(self) -> dict[str, bool]:
        """What to verify, and whether it is a folder; what --all adds are entries, whatever lies here by their names."""
        from ontogym.leaderboard.store import Store

        names = {name: Path(name).exists() for name in self.submissions}
        if self.all:
            names |= dict.fromkeys(Store.open(self.store).names(), False)
        if not names:
            raise OntogymError("Name a folder of a submission or an entry of the store, or give --all.")
        return names

    def _files(self, name: str, folder: bool, seeds: HeldOut) -> dict[str, bytes]:
        """The two files of a submission, which have passed the limits."""
        from ontogym.leaderboard.manifest import check_task
        from ontogym.leaderboard.store import Store
        from ontogym.leaderboard.submission import read_submission

        if folder:
            return read_submission(name).files
        store = Store.open(self.store)
        record = store.record(name)
        check_task(record.manifest)
        store.check_held_out(seeds.commitment)
        return record.submission.files

    def _keep(self, name: str, folder: bool, found: dict[str, Any]) -> None:
        from ontogym import checkpoint
        from ontogym.leaderboard.limits import VERIFICATION
        from ontogym.leaderboard.store import Store

        if found["status"] == "failed":  # no verdict: what was found before stands
            return
        if folder:
            checkpoint.write_json(Path(name) / VERIFICATION, found)
        else:
            Store.open(self.store).set_verification(name, found)


@dataclass(frozen=True)
class LeaderboardControls:
    """Let verified entries live their held-out lives under the controls of their tasks, where a store lacks that.

    What is verified now has them; this is for entries that were verified before their task had controls. It may be stopped
    and called again: every entry is written as soon as it is known.

    Attributes:
        store: folder of the leaderboard.
        only: only entries whose name holds this text.
        held_out: a secret of the organiser that decides the held-out seeds; the package's own if not given.
        json: print one JSON object as the last line.
    """

    store: str = "results"
    only: str = ""
    held_out: str | None = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Live, write, say how many."""
        from tqdm import tqdm

        from ontogym.leaderboard.evaluation import live_controls
        from ontogym.leaderboard.limits import WEIGHTS
        from ontogym.leaderboard.store import Store
        from ontogym.leaderboard.suites import held_out
        from ontogym.leaderboard.verification import uncontrolled

        store, seeds = Store.open(self.store), held_out(self.held_out)
        store.check_held_out(seeds.commitment)
        records = [
            each
            for each in store.read().records
            if self.only in each.name and uncontrolled(each.manifest, each.verification)
        ]
        stopped = []
        for record in tqdm(records, unit="entry", disable=None):
            assert record.verification is not None  # those that have none were left out
            controls = live_controls(record.manifest, record.submission.files[WEIGHTS], seeds.root)
            if controls is None:
                stopped.append(record.name)
            else:
                store.set_verification(record.name, {**record.verification, "controls": controls})
        done = len(records) - len(stopped)
        if not self.json:
            print(f"{self.store}: {done} entries have lived under the controls of their tasks")
            for name in stopped:
                print(f"{name}: took more than the limits; the same command tries it again")
        return {"store": self.store, "entries": done, "stopped": stopped}


@dataclass(frozen=True)
class LeaderboardAdd:
    """Verify a submission and put it into a store; one that is refused stays out.

    Attributes:
        submission: folder of a submission.
        store: folder of the leaderboard; begun if missing.
        author: under which name it is taken; the submission's own word if not given.
        accept: what may pass although it would be refused: "label", one that belongs to another author or looks like
            another's; "copy", an agent that stands there under another label or seed; "replacement", another agent
            for a seed.
        verify: re-run it; without, it is listed as claimed, below all that is verified.
        held_out: a secret of the organiser that decides the held-out seeds; the package's own if not given.
        suite: a TOML file of a suite of your own, for a local board.
        json: print one JSON object as the last line.
    """

    submission: Annotated[str, tyro.conf.Positional]
    store: str = "results"
    author: str | None = None
    accept: tuple[Literal["label", "copy", "replacement"], ...] = ()
    verify: bool = True
    held_out: str | None = None
    suite: str | None = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Verify, add; exit status 1 if refused."""
        _open_suite(self.suite)
        from ontogym.leaderboard.limits import Refused
        from ontogym.leaderboard.store import Store
        from ontogym.leaderboard.submission import read_submission
        from ontogym.leaderboard.suites import held_out
        from ontogym.leaderboard.verification import verify

        seeds = held_out(self.held_out)
        try:
            submission = read_submission(self.submission)
            store = Store.open(self.store, create=True)
            store.check(submission, self.author, self.accept)
            found = None
            if self.verify:
                store.check_held_out(seeds.commitment)
                found = verify(submission, seeds)
                if found["status"] != "verified":
                    return _report(self.submission, found, self.json)
            name, new = store.add(submission, found, self.author, self.accept)
        except Refused as error:
            return _refused(self.submission, error, self.json)
        if not self.json:
            print(f"{name}: {'added' if new else 'was there already'}")
        return {**_report(name, found, self.json), "id": name, "sha256": submission.id, "new": new}


@dataclass(frozen=True)
class LeaderboardMigrate:
    """Rewrite a leaderboard of an older format in today's; its submissions stay what they are, byte for byte.

    Attributes:
        store: folder of the leaderboard.
        held_out: the secret that decided the held-out seeds of all its verifications, which the older format does not
            say; the package's own if not given.
        json: print one JSON object as the last line.
    """

    store: str = "results"
    held_out: str | None = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Rewrite and say how many entries there are."""
        from ontogym.leaderboard.store import migrate
        from ontogym.leaderboard.suites import held_out

        count = migrate(self.store, held_out(self.held_out).commitment)
        if not self.json:
            print(f"{self.store}: {count} entries in today's format")
        return {"store": self.store, "entries": count}


@dataclass(frozen=True)
class LeaderboardList:
    """List the rows of a leaderboard: every label on every task, and on suites that it has run whole.

    Attributes:
        store: folder of the leaderboard.
        suite: only this suite; or the TOML file of one of your own.
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

        wanted = _open_suite(self.suite)
        if wanted is not None:
            get_suite(wanted)
        board = read_board(self.store)
        rows = [row for row in board.rows if wanted in (None, row.suite)]
        rows.sort(key=lambda row: (row.suite, row.task is None, row.task or "", row.rank))
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
            seeds = f", held-out seeds: {board.held_out}" if board.held_out else ""
            print_table(
                f"{len(board.entries)} submissions in {self.store}{seeds}", columns, map(_cells, rows)
            )
            if board.rows and not rows:
                others = ", ".join(sorted({row.suite for row in board.rows}))
                print(f"None of them is of the suite {wanted}; they are of {others}.")
            if board.not_shown:
                print(board.not_shown)
            for name, reason in board.faults.items():
                print(f"left out: {name}: {reason}", file=sys.stderr)
            for entry in board.entries:
                if entry.left_out:
                    print(f"left out: {entry.id}: {entry.left_out}", file=sys.stderr)
        return {
            "store": self.store,
            "held_out": board.held_out,
            "faults": board.faults,
            "rows": [dataclasses.asdict(row) for row in rows],
        }


def _cells(row: Any) -> tuple[str, ...]:
    places = 1 if row.task else 3
    return (
        row.suite,
        row.task or "all (0 random, 1 optimal)",
        row.label,
        str(row.seeds),
        row.in_words(places),
        f"{row.first_episode:.{places}f}",
        f"{row.last_episode:.{places}f}",
        "" if row.adaptation is None else f"{row.adaptation:.{places}f}",
        f"{row.env_steps:,.0f}" + " (over budget)" * bool(row.over_budget),
        row.status + f" (+{row.unverified} claimed)" * bool(row.unverified) + " (copy)" * bool(row.copies),
    )


def _open_suite(suite: str | None) -> str | None:
    """The name of a suite; one that is a file is opened first."""
    if suite is None or not suite.endswith(".toml"):
        return suite
    from ontogym.leaderboard.local_suites import use_suite

    return use_suite(suite).name


def _refused(name: str, error: Exception, quiet: bool) -> dict[str, Any]:
    """Say why a submission was not even re-run."""
    return _report(name, {"status": "refused", "reasons": [str(error)]}, quiet)


def _report(name: str, found: dict[str, Any] | None, quiet: bool) -> dict[str, Any]:
    """Say what a verification found; a refusal is exit status 1."""
    status = "claimed" if found is None else found["status"]
    reasons = [] if found is None else list(found["reasons"])
    if not quiet:
        print(" ".join([f"{name}: {status}.", *reasons]))
    return {"status": status, "reasons": reasons, "exit_status": int(status in ("refused", "failed"))}
