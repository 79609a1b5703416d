"""A stranger's agent lives in a process of its own, which a clock and a limit of memory end.

Where processes can be forked, one server imports everything once and forks a child for every job (``fork``);
elsewhere every job starts a fresh interpreter (``spawn``). What goes to a worker and what comes back are JSON and
bytes; nothing is pickled. A job is named in `JOBS`; no name that a submission holds is imported.

Memory: on Linux the child's address space may grow by the limit from where it stood when it began (``RLIMIT_AS``), so
that asking for more fails at once. Everywhere its resident memory is measured as well, and beyond the limit it is
killed.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import IO, Any, NamedTuple

from ontogym.errors import OntogymError
from ontogym.leaderboard.limits import MAX_SECONDS, MAX_WORKER_BYTES, Refused
from ontogym.processes import single_threaded
from ontogym.registry import load_object

__all__ = ["JOBS", "Done", "Limits", "Spent", "Stopped", "run_job"]

JOBS: Mapping[str, str] = {
    "evaluate": "ontogym.leaderboard.evaluation:evaluate_job",
    "controls": "ontogym.leaderboard.evaluation:controls_job",
    "film": "ontogym.leaderboard.site.filming:film_job",
}
"""What a worker can do: a function of JSON-able facts and files that returns something JSON-able."""
_PRELOADED = (
    "ontogym.leaderboard.evaluation",
    "ontogym.leaderboard.site.filming",
    "ontogym.agents.lndp.numba_engine",
    "ontogym.agents.networks",
    "ontogym.developmental.rules.lndp",
    "ontogym.baselines.sb3.networks",
    "stable_baselines3",
)
_TICK = 0.05
_MAX_ANSWER = 64 * 2**20
_FORKS = sys.platform == "linux"


@dataclass(frozen=True)
class Limits:
    """What a job may take: seconds by the clock, and bytes of memory beyond those of a worker at rest."""

    seconds: float = MAX_SECONDS
    memory_bytes: int = MAX_WORKER_BYTES


@dataclass(frozen=True)
class Spent:
    """What a worker took, as the system reports it when it has ended, killed or not.

    `peak_bytes` is resident memory at its highest, `rest_bytes` what the worker had when the job began.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    rest_bytes: int


class Done(NamedTuple):
    """What a job returned, and what it took."""

    value: Any
    spent: Spent


class Stopped(Refused):
    """A job that its limits ended, or that ended its process; `spent` says what it took."""

    def __init__(self, message: str, spent: Spent) -> None:
        super().__init__(message)
        self.spent = spent


def run_job(
    name: str,
    facts: Mapping[str, Any],
    files: Mapping[str, bytes],
    limits: Limits | None = None,
    fork: bool = _FORKS,
) -> Done:
    """Do a job of `JOBS` in a worker.

    Args:
        name: of the job. facts: JSON-able, what it is told. files: bytes by name.
        limits: what it may take.
        fork: from the server, or else in a fresh interpreter.

    Raises:
        Stopped: it took too long or too much, or its process died.
        Refused: the job refused, or failed.
        KeyboardInterrupt: Ctrl-C; the worker is gone then.
    """
    limits = limits or Limits()
    request = _frame({"job": name, "facts": dict(facts), "limits": asdict(limits)}, files)
    if fork:
        try:
            reply = _server().ask(request, limits.seconds)
        except _GoneError:  # killed from outside, as it seems; a second time is said
            reply = _server().ask(request, limits.seconds)
    else:
        reply = _spawned(request, limits)
    spent = Spent(**reply["spent"])
    if reply["stopped"]:
        raise Stopped(_sentence(reply["stopped"], limits, spent), spent)
    if reply["refused"]:
        raise Refused(reply["refused"])
    return Done(reply["value"], spent)


def _sentence(stopped: str, limits: Limits, spent: Spent) -> str:
    if stopped == "time":
        return f"Its lives take longer than {limits.seconds:g} s; the leaderboard cannot wait."
    if stopped == "memory":
        return (
            f"It takes more than {limits.memory_bytes / 2**30:.3g} GiB of memory (it was ended at "
            f"{(spent.peak_bytes - spent.rest_bytes) / 2**30:.3g})."
        )
    return f"It ended the process in which it lived ({stopped}); an agent may not."


# --- the server: this process asks, the server forks ---------------------------------------------------------------


class _GoneError(OntogymError):
    """The server has ended; its job has no result."""


class _Server:
    """A process that imports everything once and forks a child for every job."""

    def __init__(self) -> None:
        self.owner, self.lock = os.getpid(), threading.Lock()
        # Of its own session: Ctrl-C in a terminal comes to us, and we end it.
        self.process = _start("serve", start_new_session=True)

    def ask(self, request: bytes, seconds: float) -> dict[str, Any]:
        """Send a request and wait for the reply; whatever interrupts the waiting ends the server and its child."""
        with self.lock:
            try:
                assert self.process.stdin is not None
                assert self.process.stdout is not None
                self.process.stdin.write(request)
                self.process.stdin.flush()
                # The server ends the job; this only guards against a server that cannot.
                if not select.select([self.process.stdout], [], [], seconds + 120.0)[0]:
                    raise OSError("no reply")
                found = _read_frame(self.process.stdout)
                if found is None:
                    raise OSError("it has ended")
                return found[0]
            except OSError as error:
                self.end()
                raise _GoneError(f"The worker that lets agents live is gone ({error}); try again.") from error
            except BaseException:
                self.end()
                raise

    @property
    def alive(self) -> bool:
        return self.owner == os.getpid() and self.process.poll() is None

    def end(self) -> None:
        """End it and its child."""
        if self.owner == os.getpid():
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


_one: _Server | None = None


def _server() -> _Server:
    global _one
    if _one is None or not _one.alive:
        _one = _Server()
        atexit.register(_one.end)
    return _one


def serve() -> None:
    """Fork a child for every request on standard input, until that closes. For processes that `run_job` starts."""
    inbox, outbox = _take_pipes()
    _preload()
    while (found := _read_frame(inbox)) is not None:
        outbox.write(_frame(_forked(*found, inbox), {}))
        outbox.flush()


def _forked(request: dict[str, Any], files: dict[str, bytes], inbox: IO[bytes]) -> dict[str, Any]:
    """Do a job in a child: its answer, and what it took."""
    limits = Limits(**request["limits"])
    readable, writable = os.pipe()
    began, pid = time.monotonic(), os.fork()
    if pid == 0:
        try:
            os.close(readable)
            _confine(limits)
            data = json.dumps(_answer(request, files), allow_nan=False).encode()
            with os.fdopen(writable, "wb") as pipe:
                pipe.write(data)
        finally:
            os._exit(0)
    os.close(writable)
    rest = _resident(pid)  # less than this process has: pages of libraries come to a child as it uses them
    data, stopped = _collect(pid, readable, inbox, began + limits.seconds, rest + limits.memory_bytes)
    os.close(readable)
    _, status, usage = os.wait4(pid, 0)
    # ru_maxrss is in KiB on Linux.
    cpu = usage.ru_utime + usage.ru_stime
    spent = Spent(time.monotonic() - began, cpu, usage.ru_maxrss * 1024, rest)
    return _reply(data, stopped or _death(os.waitstatus_to_exitcode(status)), spent)


def _collect(pid: int, readable: int, inbox: IO[bytes], deadline: float, most: int) -> tuple[bytes, str]:
    """What a child writes until it ends, and why it was killed if it was."""
    data, stopped, measured = bytearray(), "", 0.0
    while not stopped:
        ready = select.select([readable, inbox.fileno()], [], [], _TICK)[0]
        if readable in ready:
            part = os.read(readable, 2**20)
            if not part:
                return bytes(data), ""
            data += part
        now = time.monotonic()
        if inbox.fileno() in ready:  # nobody asks while a job runs: who asked is gone
            stopped = "nobody waits"
        elif now > deadline:
            stopped = "time"
        elif len(data) > _MAX_ANSWER:
            stopped = "too long an answer"
        elif now - measured > 4 * _TICK:
            measured, stopped = now, "memory" if _resident(pid) > most else ""
    os.kill(pid, signal.SIGKILL)
    return b"", stopped


# --- a fresh interpreter for every job --------------------------------------------------------------------------------


def _spawned(request: bytes, limits: Limits) -> dict[str, Any]:
    """Do a job in an interpreter of its own, where there is no forking."""
    process = _start("serve_once", start_new_session=True)
    heard = bytearray()

    def talk() -> None:
        with contextlib.suppress(OSError):
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(request)
            process.stdin.close()
            while len(heard) <= _MAX_ANSWER and (part := process.stdout.read1(2**20)):  # type: ignore[attr-defined]
                heard.extend(part)

    talker = threading.Thread(target=talk, daemon=True)
    began, rest, peak, stopped = time.monotonic(), 0, 0, ""
    talker.start()
    try:
        while talker.is_alive() and not stopped:
            talker.join(_TICK)
            now, resident = time.monotonic(), _resident(process.pid)
            if heard[:1] == b"+" and not rest:
                rest, began = resident, now  # it says when it is ready
            peak = max(peak, resident)
            if rest and resident > rest + limits.memory_bytes:
                stopped = "memory"
            elif now - began > limits.seconds + (0 if rest else 120):
                stopped = "time"
    finally:
        process.kill()
        code = process.wait()
    spent = Spent(time.monotonic() - began, 0.0, peak, rest)
    return _reply(bytes(heard[1:]), stopped or ("" if len(heard) > 1 else _death(code)), spent)


def serve_once() -> None:
    """Do the one job that comes on standard input. For processes that `run_job` starts."""
    inbox, outbox = _take_pipes()
    _preload()
    found = _read_frame(inbox)
    if found is None:
        return
    outbox.write(b"+")
    outbox.flush()
    _confine(Limits(**found[0]["limits"]))
    outbox.write(json.dumps(_answer(*found), allow_nan=False).encode())
    outbox.flush()


# --- in the worker ------------------------------------------------------------------------------------------------------


def _answer(request: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    """What the job returns, or in one sentence why it does not."""
    try:
        return {"value": load_object(JOBS[request["job"]])(request["facts"], files)}
    except MemoryError:
        return {"stopped": "memory"}
    except OntogymError as error:
        return {"refused": str(error)}
    except BaseException as error:
        # An agent that options of a stranger put together may fail in any of its parts.
        if "alloc" in str(error):  # torch has no class of its own for a lack of memory
            return {"stopped": "memory"}
        return {"refused": f"The agent cannot live there ({type(error).__name__}: {str(error)[:300]})."}


def _reply(data: bytes, stopped: str, spent: Spent) -> dict[str, Any]:
    reply: dict[str, Any] = {"value": None, "refused": "", "stopped": stopped, "spent": asdict(spent)}
    if not stopped:
        try:
            reply |= json.loads(data)
        except ValueError:
            reply["stopped"] = "without an answer"
    return reply


def _death(code: int) -> str:
    """Why a process ended by itself; empty for none but the usual reason."""
    if code == 0:
        return ""
    # Libraries in C++ abort where memory is short.
    return "memory" if code == -signal.SIGABRT else f"exit status {code}"


def _confine(limits: Limits) -> None:
    """Let the system keep this process within its limits, as far as it can."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 2)
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The clock is kept outside; this is for a worker that nobody watches any more.
    most = int(limits.seconds) + 60
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: end with the server
        with open("/proc/self/statm") as file:
            size = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + limits.memory_bytes,) * 2)


def _resident(pid: int) -> int:
    """Resident memory of a process in bytes; 0 where it cannot be known."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        pass
    try:
        import psutil  # type: ignore[import-untyped,unused-ignore]

        return int(psutil.Process(pid).memory_info().rss)
    except Exception:
        pass
    try:
        found = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=False, timeout=5
        )
        return int(found.stdout or b"0") * 1024
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0


def _preload() -> None:
    """Import what jobs need; what is missing is missed by the job that needs it."""
    import importlib

    for name in _PRELOADED:  # ontogym itself registers the environments
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


# --- pipes ------------------------------------------------------------------------------------------------------------


def _start(function: str, **how: Any) -> subprocess.Popen[bytes]:
    """An interpreter with our path and nobody else's (`-I`: neither the working directory nor PYTHON* variables)."""
    path = [os.path.abspath(place) for place in sys.path if place]
    code = (
        f"import sys; sys.path[:] = {path!r}\nfrom ontogym.leaderboard.worker import {function}; {function}()"
    )
    with single_threaded():
        return subprocess.Popen(
            [sys.executable, "-I", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **how
        )


def _take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Standard input and output as our own; what a library prints goes nowhere."""
    inbox, outbox = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
    devnull = os.open(os.devnull, os.O_RDWR)
    os.dup2(devnull, 0)
    os.dup2(devnull, 1)
    return inbox, outbox


def _frame(head: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """Length of the head, the head as JSON, and the files one after the other."""
    sizes = {name: len(data) for name, data in files.items()}
    text = json.dumps({"head": dict(head), "files": sizes}).encode()
    return b"".join([len(text).to_bytes(8, "little"), text, *files.values()])


def _read_frame(pipe: IO[bytes]) -> tuple[dict[str, Any], dict[str, bytes]] | None:
    """The next frame, or None at the end."""
    length = _read(pipe, 8)
    if length is None or (text := _read(pipe, int.from_bytes(length, "little"))) is None:
        return None
    found, files = json.loads(text), {}
    for name, size in found["files"].items():
        data = _read(pipe, size)
        if data is None:
            return None
        files[name] = data
    return found["head"], files


def _read(pipe: IO[bytes], count: int) -> bytes | None:
    parts, left = [], count
    while left:
        part = pipe.read(min(left, 2**20))
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
