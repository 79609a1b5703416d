"""Where tasks are done: here, or in one pool of worker processes for the whole package, and what ends it.

Workers are spawned, compute with one thread each (the pool is the parallelism) and end with their parent. One that
dies is replaced and its tasks are done again, so that tasks must be stateless. Results are told apart by the index of
their task, so neither the number of workers nor the death of one shows in them.
"""

from __future__ import annotations

import abc
import contextlib
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, current_process, get_context, parent_process
from typing import Any, ClassVar, TypeVar

from ontogym.errors import OntogymError

__all__ = [
    "ONE_THREAD",
    "Here",
    "Terminated",
    "WorkerPool",
    "Workers",
    "one_torch_thread",
    "run_tasks",
    "sigterm_interrupts",
    "single_threaded",
]

T = TypeVar("T")
W = TypeVar("W", bound="Workers")
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
"""The environment of a worker: one thread per library, since the workers are the parallelism."""
_MAX_DEATHS = 5
"""So many deaths of workers in a row, without one finished task, end the work."""


class Workers(abc.ABC):
    """Where tasks are done; a context manager. Kinds are registered by name in the group ``ontogym.evaluators``.

    A kind answers for this: a task is done again if what did it died, and no task's result depends on where or how
    often it was done, on the number of workers, or on the other tasks. For that tasks are stateless and carry their seeds.

    Args:
        workers: how many tasks at a time; 0 for as many as the place has cores.
        address: where the engine is found, for kinds that connect to one.

    Attributes:
        whole: whether work is best given to it uncut, since it does one task after the other.
    """

    whole: ClassVar[bool] = False

    @abc.abstractmethod
    def __init__(self, workers: int = 0, address: str | None = None) -> None: ...

    @abc.abstractmethod
    def results(self, work: Callable[..., T], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, T]]:
        """Index and ``work(*task)`` of every task, as they finish.

        Args:
            work: a module-level function; it may be called again for a task whose process died.
            tasks: tuples of picklable arguments.

        Raises:
            OntogymError: workers that cannot start or keep dying, or what `work` raises.
        """

    def map(self, work: Callable[..., T], tasks: Sequence[tuple[Any, ...]]) -> list[T]:
        """``work(*task)`` for every task, in the order of the tasks; see `results`."""
        own, found = type(self).__name__, {}
        results: Any = self.results(work, tasks) or ()
        for each in results.items() if isinstance(results, Mapping) else results:
            if not (isinstance(each, (tuple, list)) and len(each) == 2 and each[0] in range(len(tasks))):
                raise OntogymError(
                    f"The evaluator {own} gave {' '.join(str(each).split())[:60]}; its results must be pairs of a task's index, 0 to {len(tasks) - 1}, and "
                    "what work returned."
                )
            found[int(each[0])] = each[1]
        if lost := [index for index in range(len(tasks)) if index not in found]:
            raise OntogymError(
                f"The evaluator {own} gave no result for task {lost[0]} of {len(tasks)}; give one for each."
            )
        return [found[index] for index in range(len(tasks))]

    def close(self) -> None:  # noqa: B027 (some hold nothing)
        """Free what is held."""

    def __enter__(self: W) -> W:
        return self

    def stop(self) -> None:
        """End at once what is being done: Ctrl-C waits for no task."""
        self.close()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self.stop()
        else:
            self.close()


class Here(Workers):
    """This process, one task after the other."""

    whole = True

    def __init__(self, workers: int = 0, address: str | None = None) -> None:
        if workers > 1 or address is not None:
            raise OntogymError("This process has neither workers nor an address; choose another evaluator.")

    def results(self, work: Callable[..., T], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, T]]:
        for index, task in enumerate(tasks):
            yield index, work(*task)


class WorkerPool(Workers):
    """Spawned workers that outlive a call.

    Args:
        workers: how many processes; 0 for one a core.
        address: must be None.
    """

    def __init__(self, workers: int = 0, address: str | None = None) -> None:
        if workers < 0:
            raise OntogymError(f"{workers} worker processes can do nothing; choose at least 1.")
        if address is not None:
            raise OntogymError(
                f"A pool of processes has no address, and {address!r} was given; leave it out, or choose another "
                "evaluator."
            )
        self.workers = workers or _cores()
        self._start()

    def _start(self) -> None:
        if getattr(current_process(), "_inheriting", False):
            # This is a worker that runs its parent's script as it is being started: the parent says what to mend.
            sys.exit(1)
        context = get_context("spawn")
        self._began = context.Event()
        self._executor = ProcessPoolExecutor(self.workers, context, _start_worker, (self._began,))

    def results(self, work: Callable[..., T], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, T]]:
        left, deaths = dict(enumerate(tasks)), 0
        while left:
            before = len(left)
            try:
                for index, result in self._round(work, left):
                    del left[index]
                    yield index, result
            except BrokenProcessPool:
                deaths = deaths + 1 if len(left) == before else 0
                self._replace(deaths)

    def _round(self, work: Callable[..., T], left: dict[int, tuple[Any, ...]]) -> Iterator[tuple[int, T]]:
        """Results until all is done or the pool breaks."""
        waiting, running = list(left.items()), dict[Future[T], int]()
        try:
            while waiting or running:
                # Two tasks a worker are handed out at most: one failure then costs little.
                while waiting and len(running) < 2 * self.workers:
                    index, task = waiting.pop(0)
                    with single_threaded():
                        running[self._executor.submit(work, *task)] = index
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    index = running.pop(future)
                    yield index, future.result()
        finally:
            for future in running:
                future.cancel()

    def _replace(self, deaths: int) -> None:
        """New workers for those that died `deaths` times in a row."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        if not self._began.is_set():
            raise OntogymError(
                "The worker processes ended before they began: each imports the script that starts them, which must "
                'be a file that starts its work under `if __name__ == "__main__":` and not come from standard input; '
                "or use no workers."
            )
        if deaths >= _MAX_DEATHS:
            raise OntogymError(
                f"Worker processes died {deaths} times in a row; is memory short? Use fewer workers, smaller tasks "
                "(a smaller population), or no workers."
            )
        self._start()

    def stop(self) -> None:
        for process in list((self._executor._processes or {}).values()):
            process.kill()
        self.close()

    def close(self) -> None:
        """End the workers after the tasks at hand."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def run_tasks(work: Callable[..., T], tasks: Sequence[tuple[Any, ...]], workers: int) -> Iterator[T]:
    """``work(*task)`` for every task, yielded as they finish.

    Args:
        work, tasks: as in `WorkerPool.results`.
        workers: processes; with 1, or with a single task, everything happens in this process.

    Raises:
        OntogymError: as in `WorkerPool.results`.
    """
    if workers < 1:
        raise OntogymError(f"{workers} worker processes can do nothing; choose at least 1.")
    workers = min(workers, len(tasks))
    with WorkerPool(workers) if workers > 1 else Here() as pool:
        for _, result in pool.results(work, tasks):
            yield result


@contextlib.contextmanager
def single_threaded() -> Iterator[None]:
    """Processes started inside inherit one thread per library: the pool is the parallelism."""
    saved = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in saved.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def one_torch_thread(torch: Any) -> Iterator[None]:
    """Within, `torch` (the module, or None where it was not imported) computes with one thread.

    Small matrices are slower on two, and sums of several threads depend on their number: on one, the same machine gives the
    same numbers.
    """
    before = torch.get_num_threads() if torch is not None else 0
    try:
        if torch is not None:
            torch.set_num_threads(1)
        yield
    finally:
        if torch is not None:
            torch.set_num_threads(before)


class Terminated(KeyboardInterrupt):
    """SIGTERM, which stops a command as Ctrl-C does: what is done is kept."""


@contextlib.contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Within, SIGTERM raises `Terminated` (in the main thread; elsewhere nothing changes)."""

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, before)  # a second one ends the process
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker(began: Any) -> None:
    began.set()
    # What ours say of a configuration the parent has said; everybody else's warnings stay.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"ontogym\.")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle
    parent = parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def watch() -> None:
            connection.wait([sentinel])
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
