"""A coordinator and its workers, in threads of the test."""

import threading
import time

from inception_jax.runtime import rendezvous


def quiet(text):
    """Reports nothing."""


def gathered(port, hellos, patience=10.0, first=None, token=""):
    """Each process after `gather`, or what it raised; `hellos`: (index, count, notes)."""
    results = {}

    def call(key, process):
        try:
            process.gather(patience, quiet)
            results[key] = process
        except Exception as e:
            results[key] = e

    count, notes = first or (len(hellos) + 1, {"lr": 1})
    coordinator = rendezvous.Coordinator("127.0.0.1", port, count, notes, token)
    workers = [rendezvous.Worker("127.0.0.1", port, i, n, x, token) for i, n, x in hellos]
    threads = [
        threading.Thread(target=call, args=item) for item in enumerate([coordinator, *workers])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return [results[i] for i in range(len(threads))]


def listening(port, count, to_close):
    """A coordinator and its workers, and the messages that each receives from now on."""
    processes = gathered(port, [(i, count, {"lr": 1}) for i in range(1, count)])
    to_close += processes
    received = [[] for _ in processes]
    for process, messages in zip(processes, received, strict=True):
        process.listen(messages.append)
    return processes, received


def wait_for(true):
    """Return when it is, within 5 seconds."""
    end = time.monotonic() + 5
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    assert true()
