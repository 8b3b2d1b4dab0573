"""Several processes as one job: who this one is, whether all have come, how all end together."""

import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from inception_jax.errors import ConfigError, UserError
from inception_jax.runtime import rendezvous

PATIENCE = 1800.0  # seconds for all to come: a pod's hosts may start half an hour apart
MOMENT = 2.0  # seconds for the news of a death to arrive: a broken connection is known at once
HEARTBEAT = 60.0  # seconds without one after which JAX takes a process for dead


@dataclass(frozen=True)
class ProcessAddress:
    """A process's place among `count`; `address` is the first one's, host:port.

    Attributes:
        address: of the first process.
        count: processes.
        index: of this one, from 0.
        devices: the local devices that are this process's; None for all.
    """

    address: str
    count: int
    index: int
    devices: list[int] | None = None


class _Job:
    """What this process knows of the others, once it has joined."""

    def __init__(self) -> None:
        self.place: ProcessAddress | None = None
        self.line: Any = None
        self.before_exit: list[Callable[[int], None]] = []
        self.lock = threading.Lock()
        self.listened = False


_job = _Job()


def find(
    coordinator: str | None, processes: int | None, process: int | None, detect: bool
) -> ProcessAddress | None:
    """This process's address, from the flags or the scheduler; None for a single process.

    Args:
        coordinator: host:port of the first process; given with the next two, or none of them.
        processes: how many there are.
        process: which one this is.
        detect: to ask the scheduler (SLURM, TPU metadata, Open MPI) also where the environment does
            not show several processes.

    Raises:
        ConfigError: some of the three are missing, or make no sense; or nothing was detected.
    """
    given = {"coordinator": coordinator, "processes": processes, "process": process}
    if all(v is None for v in given.values()):
        return _detected() if detect or _several() else None
    missing = [f"--{k}" for k, v in given.items() if v is None]
    if missing or coordinator is None or processes is None or process is None:
        raise ConfigError(
            f"expected --coordinator=HOST:PORT, --processes=N and --process=I together, without "
            f"{', '.join(missing)}; or --distributed where a scheduler knows them"
        )
    host, colon, port = coordinator.rpartition(":")
    if not (host and colon and port.isdigit() and 0 < int(port) < 65536):
        raise ConfigError(f"--coordinator={coordinator}: expected HOST:PORT, such as n1:6666")
    if not process < processes:
        raise ConfigError(f"--process={process}: expected less than --processes={processes}")
    return ProcessAddress(coordinator, processes, process) if processes > 1 else None


def _several() -> bool:
    """Whether the environment is that of one process among several."""
    e = os.environ
    if {"SLURM_STEP_NODELIST", "SLURM_PROCID", "SLURM_LOCALID"} <= e.keys():
        return int(e.get("SLURM_NTASKS", "1")) > 1
    if int(e.get("OMPI_COMM_WORLD_SIZE", "1")) > 1:
        return True
    return "," in e.get("TPU_WORKER_HOSTNAMES", "")


def _detected() -> ProcessAddress:
    """What JAX's own detection finds."""
    # Not public, but initialize() itself gives no chance to say who is missing.
    from jax._src.clusters import ClusterEnv

    address, count, index, devices = ClusterEnv.auto_detect_unset_distributed_params(
        None, None, None, None, None, int(PATIENCE)
    )
    if address is None or count is None or index is None:
        raise ConfigError(
            "--distributed: expected SLURM (under srun), TPU metadata or Open MPI to say who the "
            "processes are, found none; give --coordinator=HOST:PORT --processes=N --process=I"
        )
    # One process for each device is JAX's assumption; alone on its node it has all of them.
    if os.environ.get("SLURM_STEP_TASKS_PER_NODE", "").split("(")[0] == "1":
        devices = None
    return ProcessAddress(address, count, index, None if devices is None else list(devices))


def join(
    place: ProcessAddress | None,
    notes: dict[str, Any],
    *,
    patience: float = PATIENCE,
    heartbeat: float = HEARTBEAT,
) -> None:
    """Waits for all processes, then has JAX join them; before JAX is used. Alone, does nothing.

    Args:
        place: this process's; None alone.
        notes: what must be the same in all of them.
        patience: seconds to wait for all.
        heartbeat: seconds without a sign after which JAX takes a process for dead.

    Raises:
        LostProcessError: one did not come; it is named.
        ConfigError: the notes differ.
    """
    if place is None:
        return
    host, _, port = place.address.rpartition(":")
    bind = os.environ.get("JAX_COORDINATOR_BIND_ADDRESS", "").rpartition(":")[0].strip("[]")
    if place.index == 0:
        line = rendezvous.Coordinator("" if bind == "::" else bind, int(port), place.count, notes)
    else:
        line = rendezvous.Worker(host, int(port), place.index, place.count, notes)
    line.gather(patience, lambda text: print(text, file=sys.stderr, flush=True))
    import jax

    # Ours are the signal handlers: who has to stop is said in the step itself (steps.py).
    jax.config.update("jax_enable_preemption_service", False)
    jax.distributed.initialize(
        place.address,
        place.count,
        place.index,
        local_device_ids=place.devices,
        cluster_detection_method="deactivate",
        initialization_timeout=int(patience),
        heartbeat_timeout_seconds=max(1, int(heartbeat)),
    )
    _job.place, _job.line = place, line
    line.listen(_heard)


def first() -> bool:
    """Whether this is the process that writes; known before JAX is imported."""
    return _job.place is None or _job.place.index == 0


def members() -> list[dict[str, Any]]:
    """Who joined: index, host, pid, time by its clock; empty alone."""
    return [] if _job.line is None else [m for _, m in sorted(_job.line.members.items())]


def before_exit(work: Callable[[int], None]) -> None:
    """Has `work(code)` called when this process is ended from outside its main thread."""
    _job.before_exit.append(work)


def say_goodbye(error: BaseException | None = None) -> None:
    """Says goodbye, or that this process ends with an error that the others do not know of.

    The others then end with the same code instead of waiting for it. Alone, does nothing.
    """
    if _job.line is None or _job.place is None:
        return
    if error is None or getattr(error, "shared", False):
        return _job.line.tell({"bye": True})
    _decide(MOMENT)  # another thread that ends this process already does so before that is over
    why = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    _tell(getattr(error, "code", 1), why)


def abort_all(code: int, why: str) -> None:
    """Ends this process from any thread, at once; the others are told, and end with the same code.

    At once, because the main thread may be waiting for a device that will never answer.
    """
    if _decide():
        _tell(code, why)
        _end(code, why)


def listen_for_cause() -> None:
    """After an error of no kind of ours: gives the others a moment to say that it is theirs.

    When a process dies, collectives with it fail in the very moment in which its line breaks. Who
    hears of it in time ends this process from its own thread, with the reason and its code. Alone,
    and a second time, does nothing.
    """
    if _job.line is not None and not _job.listened:
        _job.listened = True
        time.sleep(MOMENT)


def _heard(message: dict[str, Any]) -> None:
    who = f"process {message['from']}"
    why = message["why"]
    # The first one has passed it on, which takes a moment. Another must be quick: without the first
    # one JAX's own thread aborts the process, in half a second.
    if _decide():
        _end(message["end"], why if why.startswith(who) else f"{who}: {why}", linger=first())


def _decide(patience: float = 0.0) -> bool:
    """Whether this thread may say how the process ends; who asks later may not.

    The others go as soon as they hear of an end, and their lines break: that is no news any more.
    """
    return _job.lock.acquire(timeout=patience)


def _tell(code: int, why: str) -> None:
    if _job.line is not None and _job.place is not None:
        _job.line.tell({"end": code, "why": why, "from": _job.place.index})


def _end(code: int, why: str, linger: bool = True) -> None:
    print(f"inception-jax: {why}", file=sys.stderr, flush=True)
    for work in _job.before_exit:
        work(code)
    hard_exit(code, linger=linger)


def hard_exit(code: int, goodbye: bool = False, linger: bool = True) -> NoReturn:
    """Ends the process, whatever threads it has.

    Args:
        code: to end with.
        goodbye: after JAX's own, which waits for the others: they have to come to it too.
        linger: for a moment, so that what was said to the others goes out.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if goodbye:
        import jax

        jax.distributed.shutdown()
    elif linger and _job.line is not None:
        time.sleep(0.3)
    os._exit(code)


def joined() -> bool:
    """Whether this process is one of several."""
    return _job.line is not None


def code_digest() -> str:
    """Sixteen hexadecimal digits of this package's source files."""
    root, total = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        total.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:16]
