"""Independent tasks in spawned processes: one that dies is replaced and its task done again."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from typing import Any, TypeVar

from ontogym.errors import OntogymError

__all__ = ["run_tasks"]

T = TypeVar("T")
_MAX_DEATHS = 5
"""So many deaths of workers in a row, without one finished task, end the work."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def run_tasks(work: Callable[..., T], tasks: Sequence[tuple[Any, ...]], workers: int) -> Iterator[T]:
    """``work(*task)`` for every task, yielded as they finish.

    Args:
        work: a module-level function; it may be called again for a task whose process died.
        tasks: tuples of picklable arguments.
        workers: processes; with 1, or with a single task, everything happens in this process.

    Raises:
        OntogymError: no workers, workers that keep dying, or what `work` raises.
    """
    if workers < 1:
        raise OntogymError(f"{workers} worker processes can do nothing; choose at least 1.")
    workers = min(workers, len(tasks))
    if workers <= 1:
        for task in tasks:
            yield work(*task)
        return
    left, deaths = list(tasks), 0
    while left:
        executor = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker)
        try:
            before = len(left)
            yield from _drain(executor, work, left, workers)
            if left:
                deaths = deaths + 1 if len(left) == before else 0
        finally:
            executor.shutdown(wait=True, cancel_futures=True)
        if deaths >= _MAX_DEATHS:
            raise OntogymError(
                f"Worker processes died {deaths} times in a row; is memory short? Use fewer workers."
            )


def _drain(
    executor: ProcessPoolExecutor, work: Callable[..., T], left: list[tuple[Any, ...]], workers: int
) -> Iterator[T]:
    """Results as they come; takes what is done off `left`, returns early if the pool breaks."""
    waiting: list[tuple[Any, ...]] = list(left)
    running: dict[Future[T], tuple[Any, ...]] = {}
    try:
        while waiting or running:
            # Two tasks a worker are handed out at most: one failure then costs little.
            while waiting and len(running) < 2 * workers:
                with _single_threaded():
                    future = executor.submit(_call, work, waiting[0])
                running[future] = waiting.pop(0)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                result = future.result()
                left.remove(running.pop(future))
                yield result
    except BrokenProcessPool:
        return


def _call(work: Callable[..., T], task: tuple[Any, ...]) -> T:
    try:
        return work(*task)
    except OntogymError as error:
        raise OntogymError(str(error)) from None  # its subclasses do not travel between processes


@contextlib.contextmanager
def _single_threaded() -> Iterator[None]:
    """Processes started inside inherit one thread per library: the pool is the parallelism."""
    saved = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in saved.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker() -> None:
    """End this worker when its parent dies, however it dies: a killed command leaves no orphans."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle
    parent = parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def watch() -> None:
            connection.wait([sentinel])
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
