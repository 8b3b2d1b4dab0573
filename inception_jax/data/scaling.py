"""Images/s by threads and processes, beside as many separate programs as there are cores."""

import contextlib
import pickle
import statistics
import subprocess
import sys
from collections.abc import Sequence
from itertools import accumulate, repeat, takewhile
from typing import Any

from inception_jax.config import sections
from inception_jax.data import pipeline, readers
from inception_jax.data.readers import Readers
from inception_jax.data.sources.source import Source
from inception_jax.data.workers import command_of
from inception_jax.runtime import cores

READY, PROGRAMS = b"ready", "separate program"


def settings(count: int, chosen: Readers) -> list[Readers]:
    """1, 2, 4, ... threads up to `count`; these in 2, 4, ... processes; and the chosen setting."""
    powers = list(takewhile(lambda n: n < count, accumulate(repeat(1), lambda n, _: 2 * n)))
    threads = [Readers(n, 0) for n in [*powers, count]]
    processes = [Readers(count, n) for n in [*powers[1:], count] if n > 1]
    return list(dict.fromkeys([*threads, *processes, chosen]))


def measure(
    source: Source, data: sections.Data, seconds: float, rounds: int,
    augment: sections.Augment | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Images/s by setting, as JSON; the last is that of separate programs of one thread each.

    Each rate is the median of `rounds` of `seconds`; in a round all of them are measured in turn.
    """
    count, chosen = cores.available(), readers.of(data)
    rates: dict[Readers, list[float]] = {s: [] for s in settings(count, chosen)}
    programs: list[float] = []
    for _ in range(rounds):
        for setting, found in rates.items():
            read, span = pipeline.TrainReader(source, data, 0, augment), range(sys.maxsize)
            batches = pipeline.batches(read, data.batch_size, span, **setting._asdict())
            found.append(pipeline.images_per_s(batches, seconds))
            batches.close()  # type: ignore[attr-defined]  # a generator
        programs.append(sum(_programs((source, data, seconds, augment), count)))
    rows = {str(setting): statistics.median(found) for setting, found in rates.items()}
    name = f"{count} {PROGRAMS}{'s' * (count > 1)}"
    return {
        "cores": count,
        "scaling": {**rows, name: statistics.median(programs)},
        "best": max(rows, key=lambda row: rows[row]),
        "chosen": str(chosen),
    }


def text(found: dict[str, Any]) -> str:
    """The table as lines."""
    rates = found["scaling"]
    programs = list(rates.values())[-1]
    lines = [
        f"{name:28} {rate:8,.0f} images/s {rate / programs:6.0%}" for name, rate in rates.items()
    ]
    return "\n".join([
        *lines,
        f"best: {found['best']}: {rates[found['best']] / programs:.0%} of separate programs",
        f"by data.threads and data.processes: {found['chosen']}: "
        f"{rates[found['chosen']] / programs:.0%}",
    ])  # fmt: skip


def _programs(arguments: tuple[Any, ...], count: int) -> Sequence[float]:
    """The images/s of `count` programs, which each read in one thread at the same time.

    `arguments`: source, `data` section, seconds, and `augment` section or None.
    """
    job = pickle.dumps(arguments)
    command, environment = command_of(__name__)
    with contextlib.ExitStack() as stack:
        running: list[Any] = []
        for _ in range(count):
            program = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
            running.append(stack.enter_context(program))
            stack.callback(program.kill)
        for program in running:
            program.stdin.write(job)
            program.stdin.flush()
        if any(program.stdout.readline().strip() != READY for program in running):
            raise RuntimeError("a program that measures the input ended; its error is above")
        for program in running:
            program.stdin.close()
        return [float(program.stdout.read()) for program in running]


def _program() -> None:
    """One of the programs: the job is read from its input, whose end starts the measurement."""
    source, data, seconds, augment = pickle.load(sys.stdin.buffer)
    read = pipeline.TrainReader(source, data, 0, augment)
    batches = pipeline.batches(read, data.batch_size, range(sys.maxsize), 1)
    next(batches)
    print(READY.decode(), flush=True)
    sys.stdin.buffer.read()
    print(pipeline.images_per_s(batches, seconds))


if __name__ == "__main__":
    _program()
