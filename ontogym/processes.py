"""What every pool of worker processes needs: one thread each, and an end with their parent."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process

__all__ = ["single_threaded", "worker_pool"]

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """Spawned workers that end when this process does, however it ends: a killed command leaves no orphans.

    They are spawned as tasks are submitted; submit within `single_threaded`.
    """
    return ProcessPoolExecutor(workers, get_context("spawn"), _start_worker)


@contextlib.contextmanager
def single_threaded() -> Iterator[None]:
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle
    parent = parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def watch() -> None:
            connection.wait([sentinel])
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
