"""How many threads read images, and in how many processes."""

from typing import NamedTuple

from inception_jax.config import sections
from inception_jax.runtime import cores

AUTO = -1  # of `data.threads` and `data.processes`
PER_PROCESS = 4  # threads that share one interpreter's lock without waiting much for each other


class Readers(NamedTuple):
    """`threads` in all, in `processes` worker processes; 0: in this one."""

    threads: int
    processes: int

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        plural = "es" * (self.processes > 1)
        return f"{threads} in {self.processes} process{plural}" if self.processes else threads


def of(data: sections.Data) -> Readers:
    """The readers of a `data` section, whose automatic values are chosen by `cores.share`.

    One thread for each core; in processes of four threads if there are more than four. Images in
    memory are read by at most four threads of this process: each process would have its own copy.
    """
    in_memory = data.cache or data.source == "digits"
    threads, processes = data.threads, data.processes
    if threads == AUTO:
        count = cores.share()
        threads = min(count, PER_PROCESS) if in_memory and processes == AUTO else count
        threads = max(threads, processes)
    if processes == AUTO:
        processes = 0 if in_memory or threads <= PER_PROCESS else -(-threads // PER_PROCESS)
    return Readers(max(threads, processes), processes)
