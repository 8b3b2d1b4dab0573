"""This machine: the processes of a task side by side, for development and for a workstation.

The rules for starting again are those of the clusters (`retry`), so they can be tried here.
"""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

from inception_jax.launch import retry
from inception_jax.launch.retry import Budgets
from inception_jax.launch.spec import CRASHES, GPUS, NAME_, PREEMPTIONS, PROCESSES, SETUP, JobSpec

HELP = "this machine: so many processes, for development"
FLAGS = (NAME_, PROCESSES, GPUS, PREEMPTIONS, CRASHES, SETUP)
# XLA's CPU backend allocates and frees its temporary arrays in every step: in pages of 4 KiB that
# was 115,000 page faults and a third of a CIFAR-10 step, in huge pages 800. glibc reads it when a
# process starts; other systems ignore it. The same is in job.sbatch and the Dockerfile.
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
PAUSE = 1.0  # seconds before a task is started again


def render(spec: JobSpec) -> dict[str, str]:
    """The commands as one would type them: name -> text."""
    import shlex

    program = ["inception-jax"]
    rows = ["#!/bin/bash", *(f'export {k}="${{{k}-{v}}}"' for k, v in HUGE_PAGES.items())]
    rows += [spec.setup] if spec.setup else []
    for index in spec.chosen:
        for process in range(spec.world):
            words = [*program, *spec.commands[index], *place("localhost:6666", spec.world, process)]
            rows.append(shlex.join(words) + (" &" if process < spec.world - 1 else ""))
        rows += ["wait"] if spec.world > 1 else []
    return {"job.sh": "\n".join(rows) + "\n"}


def place(address: str, count: int, index: int) -> list[str]:
    """The flags that tell a process which of several it is."""
    if count == 1:
        return []
    return [f"--coordinator={address}", f"--processes={count}", f"--process={index}"]


def run(spec: JobSpec, say: Callable[[str], None] = print) -> int:
    """Runs all tasks to their end, starting again what is worth it; the exit code of the worst.

    SIGTERM and SIGINT reach the processes, which save; what was not started stays so.

    Args:
        spec: of the job.
        say: gets a line for each start and end.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in spec.chosen:
        waiting.put(index)
    crew = _Crew(spec, say)
    slots = min(spec.at_once or 1, len(spec.chosen))

    def work(slot: int) -> None:
        with contextlib.suppress(queue.Empty):
            while not crew.stopping.is_set():
                crew.task(waiting.get_nowait(), slot)

    threads = [threading.Thread(target=work, args=(slot,), daemon=True) for slot in range(slots)]
    with _signals(crew.stop):
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():  # a join without a time would keep the signals waiting
                thread.join(0.2)
    codes = [crew.codes.get(i, retry.STOPPED[0]) for i in spec.chosen]
    return next((c for c in codes if c not in (0, 75)), max(codes, default=0))


class _Crew:
    """The processes that are running, and how tasks ended."""

    def __init__(self, spec: JobSpec, say: Callable[[str], None]):
        self.spec, self.say = spec, say
        self.codes: dict[int, int] = {}
        self.stopping = threading.Event()
        self.running: set[subprocess.Popen[str]] = set()
        self.lock = threading.Lock()

    def stop(self, number: int) -> None:
        """Passes a signal on to every process."""
        self.stopping.set()
        for process in list(self.running):
            with contextlib.suppress(OSError):
                process.send_signal(number)

    def task(self, index: int, slot: int) -> None:
        """One task, from its first start to its last end."""
        spec = self.spec
        budgets = Budgets(spec.preemptions, spec.crashes)
        job = f"local-{socket.gethostname()}-{os.getpid()}-{int(time.time())}-{index}"
        name = f"task {index}: " if spec.array else ""
        while True:
            code = self.attempt(index, slot)
            self.codes[index] = code
            if code == 0 or self.stopping.is_set():
                break
            where = retry.directory(spec.commands[index]) or spec.folder
            verdict = retry.after(where, code, job, budgets)
            self.say(f"{name}{verdict.why}{'; starting again' if verdict.again else ''}")
            if not verdict.again or self.stopping.wait(PAUSE):
                break
        if spec.array:
            self.say(f"{name}{'done' if code == 0 else f'ended with code {code}'}")

    def attempt(self, index: int, slot: int) -> int:
        """All processes of a task, once; the code of the first that did not end well."""
        spec, address = self.spec, f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "inception_jax", *spec.commands[index]]
        with self.lock:
            if self.stopping.is_set():
                return retry.STOPPED[0]
            processes = [
                subprocess.Popen(
                    [*command, *place(address, spec.world, i)], env=self.environment(slot),
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                    start_new_session=True,  # a terminal's Ctrl-C comes once, through us
                )
                for i in range(spec.world)
            ]  # fmt: skip
            self.running.update(processes)
        with _opened(spec, index) as log:
            readers = [
                threading.Thread(target=_copy, args=(p.stdout, log, i, spec.world), daemon=True)
                for i, p in enumerate(processes)
            ]
            for reader in readers:
                reader.start()
            codes = [p.wait() for p in processes]
            for reader in readers:
                reader.join()
        self.running.difference_update(processes)
        codes = [c if c >= 0 else 128 - c for c in codes]  # as a shell has a death by a signal
        return next((c for c in codes if c not in (0, 75)), max(codes))

    def environment(self, slot: int) -> dict[str, str]:
        """This process's, with huge pages and the accelerators that are the slot's own."""
        gpus, found = self.spec.gpus, {**HUGE_PAGES, **os.environ}
        if not gpus:
            return found
        mine = range(slot * gpus, (slot + 1) * gpus)
        return {**found, "CUDA_VISIBLE_DEVICES": ",".join(map(str, mine))}


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def _opened(spec: JobSpec, index: int) -> Iterator[IO[str]]:
    """Where a task's output goes: the terminal, or a log of its own."""
    if not spec.array:
        yield sys.stdout
        return
    with (spec.folder / f"local-{index}.log").open("a", encoding="utf-8") as log:
        yield log


def _copy(source: IO[str] | None, target: IO[str], index: int, count: int) -> None:
    """Copies lines as they come, with the process in front where there are several."""
    assert source is not None
    with source:
        for line in source:
            target.write(f"[{index}] {line}" if count > 1 else line)
            target.flush()


@contextlib.contextmanager
def _signals(stop: Callable[[int], None]) -> Iterator[None]:
    """Has SIGTERM and SIGINT call `stop`; before and after, they do what they did."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(number: int, frame: Any) -> None:
        stop(signal.SIGTERM)

    before = {n: signal.signal(n, handler) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
