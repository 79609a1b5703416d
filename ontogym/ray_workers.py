"""Tasks on Ray: the cores of one machine or of many, by the name ``ray``.

What travels is a task: which function of this package, and its arguments. Code does not travel; every node has its
own copy, and refuses a task of another version, since results must not depend on where a task was done.
"""

from __future__ import annotations

import hashlib
import os
import platform
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from ontogym.errors import OntogymError, needs
from ontogym.processes import ONE_THREAD, Workers

__all__ = ["RayWorkers"]

T = TypeVar("T")
_MAX_DEATHS = 5
"""A task whose worker or node has died more often than this ends the work."""
_AT_ONCE = 1024
"""Tasks that are handed to Ray at a time: its scheduler sees enough of them to ask for more nodes."""


class RayWorkers(Workers):
    """Ray's workers, one core each; tasks of a worker or node that dies are done again elsewhere.

    Args:
        workers: tasks at a time. Without an address it is also how many cores the new Ray has; 0 for all there are.
        address: of a running Ray: ``auto`` for the one that ``ray start`` began on this machine, or ``HOST:PORT``. None
            uses the environment variable RAY_ADDRESS, else starts a Ray of its own, which ends with it.

    Raises:
        OntogymError: Ray is not installed, or none answers at the address.
    """

    def __init__(self, workers: int = 0, address: str | None = None) -> None:
        if workers < 0:
            raise OntogymError(f"{workers} workers can do nothing; choose at least 1, or 0 for all cores.")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anyone unasked
        with needs("The evaluator 'ray'", "Ray", "'ontogym[ray]'"):
            import ray
        self._ray, self._at_once = ray, min(workers or _AT_ONCE, _AT_ONCE)
        self._ours = not ray.is_initialized()
        if self._ours:
            self._connect(workers, address or os.environ.get("RAY_ADDRESS") or "local")
        # A worker that dies is no fault of the task; an error that the task raises would be raised again.
        self._remote = ray.remote(_do).options(
            num_cpus=1,
            max_retries=_MAX_DEATHS,
            retry_exceptions=False,
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": ONE_THREAD},
        )

    def _connect(self, workers: int, address: str) -> None:
        own = {"num_cpus": workers or None, "include_dashboard": False} if address == "local" else {}
        try:
            _knock(address)
            self._ray.init(address=address, log_to_driver=False, logging_level="warning", **own)
        except (OSError, ValueError, RuntimeError) as error:
            raise OntogymError(
                f"No Ray answers at {address!r} ({' '.join(str(error).split())[:200]}); start one with: ray start --head, "
                "and give --address auto on the same machine."
            ) from error

    def results(self, work: Callable[..., T], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, T]]:
        stamp, waiting = _stamp(), list(enumerate(tasks))[::-1]
        running: dict[Any, int] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self._at_once:
                    index, task = waiting.pop()
                    running[self._remote.remote(work, task, stamp)] = index
                for done in self._ray.wait(list(running), num_returns=1)[0]:
                    yield running.pop(done), self._result(done)
        finally:
            for ref in running:
                self._ray.cancel(ref)

    def _result(self, ref: Any) -> Any:
        try:
            return self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, OntogymError):
                raise error.cause from None
            raise
        except self._ray.exceptions.RayError as error:
            raise OntogymError(
                f"Ray gave a task up ({type(error).__name__}: {' '.join(str(error).split())[:300]}); is memory short, or "
                "is ontogym missing on a node? Use smaller tasks (a smaller population), or mend the node."
            ) from error

    def close(self) -> None:
        """Leave the Ray; one of our own ends."""
        if self._ours:
            self._ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError or ValueError where nobody listens at HOST:PORT: Ray itself would end the whole process."""
    host, colon, port = address.rpartition(":")
    if colon and "/" not in address:
        socket.create_connection((host, int(port)), timeout=10).close()


def _do(work: Callable[..., T], task: tuple[Any, ...], stamp: dict[str, str]) -> T:
    """One task, on a node."""
    here = _stamp()
    other = [name for name in stamp if stamp[name] != here[name]]
    if other:
        raise OntogymError(
            f"The node {platform.node()} has another {other[0]} ({here[other[0]]}) than the machine that asks "
            f"({stamp[other[0]]}), so that its results may differ; install the same on both."
        )
    return work(*task)


@lru_cache(maxsize=1)
def _stamp() -> dict[str, str]:
    """What must be the same wherever a task is done: Python, what computes, and every line of this package."""
    code = hashlib.blake2b(digest_size=8)
    root = Path(__file__).parent
    for file in sorted(root.rglob("*.py")):
        code.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    python = ".".join(platform.python_version_tuple()[:2])
    return {
        "Python": python,
        **{name: _version(name) for name in ("numpy", "numba")},
        "ontogym": code.hexdigest(),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
