"""Reads batches in worker processes of a few threads each.

Threads decode in parallel, but share the GIL for the Python code of each image, and wait for each
other the longer, the more they are. The processes write into shared memory; only positions are sent
to them, and stats back. A worker ends when its connections do: with this process, however it ends.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Protocol

from inception_jax.data.readers import Readers
from inception_jax.data.slots import Slots
from inception_jax.data.threads import AHEAD, Batch, Reader, pieces

MOST = 2 * (AHEAD + 1)  # slots: those ahead, and some with the consumer
STOPPED = 2.0  # seconds to wait for a process that was killed


class Reporting(Reader, Protocol):
    """A reader with stats, which a worker process drains and the main process merges."""

    def drain_stats(self) -> Any:
        """Remove and return the stats gathered since the last call."""
        ...

    def merge_stats(self, stats: Any) -> None:
        """Add the stats of another reader; called by several threads."""
        ...


KILLED = (
    "a process that reads images was killed, by a signal or for lack of memory; the same command "
    "resumes from the last checkpoint; if memory was short, lower --config.data.processes"
)


class Processes:
    """The threads of worker processes, which fill slots of shared memory with `images` of a batch.

    The reader is pickled and sent to each process; it receives their stats. Each thread of a worker
    has a thread here, which sends it a piece, waits, and merges the stats.
    """

    def __init__(self, reader: Reporting, images: int, readers: Readers):
        self._reader, self._pieces = reader, pieces(images, readers.threads)
        self._slots = Slots(reader.empty(1), images)
        job = pickle.dumps((reader, images))
        self._workers: list[subprocess.Popen[bytes]] = []
        connections: list[tuple[int, Connection]] = []
        for i in range(readers.processes):
            count = len(range(i, readers.threads, readers.processes))
            ours, theirs = zip(*[Pipe() for _ in range(count)], strict=True)
            self._workers.append(_started(job, self._slots.file, theirs))
            connections += enumerate(ours)
        connections.sort(key=lambda pair: pair[0])  # first a thread of each process
        self._connections = [connection for _, connection in connections]
        self._idle = iter(self._connections)
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(readers.threads, "input", self._connect)

    def begin(self, start: int) -> tuple[Batch, list[Future]]:
        """Start reading the batch at position `start` into a free slot."""
        slot, batch = self._slots.take()
        return batch, [
            self._pool.submit(self._fill, slot, range(start + p.start, start + p.stop), p)
            for p in self._pieces
        ]

    def finish(self, batch: Batch, tasks: list[Future]) -> Batch:
        """Wait for the batch. Its slot is used again when nothing refers to its arrays.

        A consumer that keeps batches gets copies: each slot costs a file descriptor.

        Raises:
            RuntimeError: a process was killed.
        """
        for task in tasks:
            task.result()
        if self._slots.in_use > MOST:
            return {key: array.copy() for key, array in batch.items()}
        return batch

    def close(self) -> None:
        """Stop the processes, which have nothing to finish."""
        for worker in self._workers:
            worker.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for connection in self._connections:
            connection.close()
        for worker in self._workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(STOPPED)
        self._slots.close()

    def _cause(self) -> str:
        """Why a connection was closed."""
        for worker in self._workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                if worker.wait(0.1) > 0:
                    return f"a process that reads images ended with code {worker.returncode}"
        return KILLED

    def _connect(self) -> None:
        self._local.connection = next(self._idle)

    def _fill(self, slot: int, positions: range, piece: slice) -> None:
        connection: Connection = self._local.connection
        try:
            connection.send((slot, positions, piece))
            stats, error = connection.recv()
        except (EOFError, OSError) as e:
            raise RuntimeError(self._cause()) from e
        if error is not None:
            raise error
        self._reader.merge_stats(stats)


def command_of(module: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of another Python that runs a module of this one's path."""
    path = os.pathsep.join(p or os.getcwd() for p in sys.path)
    return [sys.executable, "-P", "-m", module, *arguments], {**os.environ, "PYTHONPATH": path}


def _started(job: bytes, slots: int, connections: tuple[Connection, ...]) -> subprocess.Popen:
    """Start `reader_process`, without the main module of this one.

    In a session of its own: Ctrl-C is for this process, which then stops it.
    """
    passed = [slots, *(c.fileno() for c in connections)]
    command, environment = command_of("inception_jax.data.reader_process", *map(str, passed))
    worker = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, pass_fds=passed, start_new_session=True
    )
    for connection in connections:
        connection.close()
    # In the background: the pipe takes 64 KB, and the worker reads it after half a second.
    threading.Thread(target=_send, args=(worker, job), daemon=True).start()
    return worker


def _send(worker: subprocess.Popen, job: bytes) -> None:
    assert worker.stdin is not None
    with contextlib.suppress(OSError), worker.stdin as stdin:  # it was killed meanwhile
        stdin.write(job)
