"""Independent tasks in spawned processes: one that dies is replaced and its task done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from ontogym.errors import OntogymError
from ontogym.processes import single_threaded, worker_pool

__all__ = ["run_tasks"]

T = TypeVar("T")
_MAX_DEATHS = 5
"""So many deaths of workers in a row, without one finished task, end the work."""


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
        executor = worker_pool(workers)
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
                with single_threaded():
                    future = executor.submit(work, *waiting[0])
                running[future] = waiting.pop(0)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                result = future.result()
                left.remove(running.pop(future))
                yield result
    except BrokenProcessPool:
        return
