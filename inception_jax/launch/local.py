"""This machine: several processes per task, for development and for a workstation.

The restart rules are the same as on a cluster (`retry`).
"""

import contextlib
import os
import queue
import secrets
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO

from inception_jax.launch import retry
from inception_jax.launch.spec import (
    CRASHES,
    GPUS,
    NAME_,
    NEW_TOKEN,
    PREEMPTIONS,
    PROCESSES,
    SETUP,
    JobSpec,
)
from inception_jax.runtime import signals, streams
from inception_jax.runtime.rendezvous.protocol import TOKEN

HELP = "this machine, with one or several processes, for development"
FLAGS = (NAME_, PROCESSES, GPUS, PREEMPTIONS, CRASHES, SETUP)
RESTART_DELAY = 1.0  # seconds
# XLA's CPU backend allocates and frees temporary arrays in every step. With 4 KiB pages that was
# 115,000 page faults and a third of a CIFAR-10 step, with huge pages 800. glibc reads the variable
# at process start; other systems ignore it. job.sbatch and the Dockerfile set it too.
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def render(spec: JobSpec) -> dict[str, str]:
    """Render the commands as a shell script."""
    rows = ["#!/bin/bash", *(f'export {k}="${{{k}-{v}}}"' for k, v in HUGE_PAGES.items())]
    rows += [spec.setup] if spec.setup else []
    rows += [NEW_TOKEN] if spec.world > 1 else []
    for index in spec.task_indices:
        for process in range(spec.world):
            flags = spec.address_flags("localhost:6666", process)
            words = ["inception-jax", *spec.commands[index], *flags]
            rows.append(shlex.join(words) + (" &" if process < spec.world - 1 else ""))
        rows += ["wait"] if spec.world > 1 else []
    return {"job.sh": "\n".join(rows) + "\n"}


def run(spec: JobSpec, log: Callable[[str], None] = print) -> int:
    """Run all tasks, restarting them by the rules of `retry`.

    SIGTERM and SIGINT are passed on to the processes, which save; waiting tasks are not started.

    Args:
        spec: the job.
        log: called with a line of text at each restart and end of a task.

    Returns:
        0 if all tasks are done, else the exit code of a failed task, else 75.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in spec.task_indices:
        waiting.put(index)
    runner, failures = _TaskRunner(spec, log), list[BaseException]()
    slots = min(spec.at_once or 1, len(spec.task_indices))

    def work(slot: int) -> None:
        try:
            while not runner.stopping.is_set():
                runner.run_task(waiting.get_nowait(), slot)
        except queue.Empty:
            pass
        except BaseException as e:  # such as a full disk: raised when the other tasks have ended
            failures.append(e)

    threads = [threading.Thread(target=work, args=(slot,), daemon=True) for slot in range(slots)]
    with signals.handling(lambda number, frame: runner.stop()):
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():  # join() without a timeout would block signal handlers
                thread.join(0.2)
    if failures:
        raise failures[0]
    return _overall([runner.codes.get(i, retry.STOPPED[0]) for i in spec.task_indices])


def _overall(codes: list[int]) -> int:
    """The exit code of several processes or tasks: the first failure, else 75 if any stopped."""
    return next((c for c in codes if c not in (0, 75)), max(codes))


class _TaskRunner:
    """The running processes, and the exit codes of tasks."""

    def __init__(self, spec: JobSpec, log: Callable[[str], None]):
        self.spec, self.log = spec, log
        self.codes: dict[int, int] = {}
        self.stopping = threading.Event()
        self.running: set[subprocess.Popen[str]] = set()
        self.lock = threading.Lock()

    def stop(self) -> None:
        """Ask every process to save and exit, and start no more."""
        self.stopping.set()
        for process in list(self.running):
            with contextlib.suppress(OSError):
                process.terminate()

    def run_task(self, index: int, slot: int) -> None:
        """Run one task until it is done or not to be restarted."""
        spec = self.spec
        budgets = retry.Budgets(spec.preemptions, spec.crashes)
        job = f"local-{socket.gethostname()}-{os.getpid()}-{int(time.time())}-{index}"
        name = f"task {index}: " if spec.array else ""
        while True:
            code = self.run_attempt(index, slot)
            self.codes[index] = code
            if code == 0 or self.stopping.is_set():
                break
            workdir = retry.directory(spec.commands[index]) or spec.folder
            verdict = retry.after(workdir, code, job, budgets)
            self.log(f"{name}{verdict.why}{'; restarting' if verdict.again else ''}")
            if not verdict.again or self.stopping.wait(RESTART_DELAY):
                break
        if spec.array:
            self.log(f"{name}{'done' if code == 0 else f'ended with code {code}'}")

    def run_attempt(self, index: int, slot: int) -> int:
        """Run all processes of a task once; returns the first exit code other than 0 and 75."""
        spec, address = self.spec, f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "inception_jax", *spec.commands[index]]
        environment = self.environment(slot) | {TOKEN: secrets.token_hex(16)}
        with _open_log(spec, index) as output:
            with self.lock:
                if self.stopping.is_set():
                    return retry.STOPPED[0]
                processes = [
                    subprocess.Popen(
                        [*command, *spec.address_flags(address, i)],
                        env=environment, stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT, text=True, errors="replace",
                        start_new_session=True,  # Ctrl-C reaches it once, through stop()
                    )
                    for i in range(spec.world)
                ]  # fmt: skip
                self.running.update(processes)
            readers = [
                threading.Thread(target=_copy, args=(p.stdout, output, i, spec.world), daemon=True)
                for i, p in enumerate(processes)
            ]
            for reader in readers:
                reader.start()
            codes = [retry.exit_code(p.wait()) for p in processes]
            for reader in readers:
                reader.join()
        self.running.difference_update(processes)
        return _overall(codes)

    def environment(self, slot: int) -> dict[str, str]:
        """The environment of a task: huge pages, and only its slot's GPUs are visible."""
        gpus, environment = self.spec.gpus, {**HUGE_PAGES, **os.environ}
        if gpus:
            devices = range(slot * gpus, (slot + 1) * gpus)
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, devices))
        return environment


def free_port() -> int:
    """An unused TCP port of this machine."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def _open_log(spec: JobSpec, index: int) -> Iterator[IO[str]]:
    """The file for a task's output: the terminal, or in an array a log per task."""
    if not spec.array:
        yield sys.stdout
        return
    with (spec.folder / f"local-{index}.log").open("a", encoding="utf-8") as log:
        # A full disk must not end the task by a closed pipe: it ends by itself, with its own code.
        yield streams.surviving(log.fileno(), log)


def _copy(source: IO[str] | None, target: IO[str], index: int, count: int) -> None:
    """Copy lines as they arrive, prefixed with the process index if there are several."""
    assert source is not None
    with source:
        for line in source:
            target.write(f"[{index}] {line}" if count > 1 else line)
            target.flush()
