"""A worker process of `workers.Processes`: reads pieces of batches into shared memory.

    python -m inception_jax.data.reader_process SLOTS CONNECTION ... < JOB

SLOTS and each CONNECTION, one for each thread, are file descriptors; JOB is a pickled reader and
the number of images of a batch.
"""

import contextlib
import os
import pickle
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import NoReturn

import cv2

from inception_jax.data.slots import Slots
from inception_jax.data.workers import Reporting


def main(slots: int, connections: list[int]) -> NoReturn:
    """Serves the connections until one of them is closed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the main process handles them, and stops this one
    cv2.setNumThreads(0)
    try:
        reader, images = pickle.load(sys.stdin.buffer)
    except (EOFError, pickle.UnpicklingError):  # the main process has ended already
        os._exit(0)
    shared = Slots(reader.empty(1), images, slots)
    for connection in connections:
        threading.Thread(target=_serve, args=(Connection(connection), reader, shared)).start()
    threading.Event().wait()
    raise AssertionError("unreachable")


def _serve(connection: Connection, reader: Reporting, slots: Slots) -> None:
    """Fills one piece after another; ends the process with the connection."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            slot, positions, piece = connection.recv()
            try:
                reader(positions, {k: v[piece] for k, v in slots.arrays(slot).items()})
                answer = reader.drain_stats(), None
            except Exception as e:
                answer = None, _picklable(e)
            connection.send(answer)
    os._exit(0)


def _picklable(error: Exception) -> Exception:
    """The error with its traceback as a note; another type if it cannot be sent."""
    text = traceback.format_exc()
    error.add_note(text)
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(text)
    return error


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(n) for n in sys.argv[2:]])
