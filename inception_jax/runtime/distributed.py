"""The processes of a job: find this one's address, join the others, end with them."""

import contextlib
import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from inception_jax.errors import ConfigError, UserError, shown_lines
from inception_jax.runtime import rendezvous, startup
from inception_jax.runtime.rendezvous import protocol

PATIENCE = 1800.0  # seconds until all must be connected: a pod's hosts may start 30 minutes apart
GRACE = 2.0  # seconds for another process's exit to be reported: a closed connection is immediate


@dataclass(frozen=True)
class ProcessAddress:
    """The address of one process of several.

    Attributes:
        address: host:port of the first process.
        count: number of processes.
        index: of this one, from 0.
        devices: indices of the local devices that this process uses; None for all.
    """

    address: str
    count: int
    index: int
    devices: list[int] | None = None


class _Job:
    """The state of this process in a job of several."""

    def __init__(self) -> None:
        self.peers: rendezvous.Coordinator | rendezvous.Worker | None = None
        self.before_exit: list[Callable[[int], None]] = []
        self.exit_lock = threading.Lock()
        self.has_listened = False


_job = _Job()


def find(
    coordinator: str | None, processes: int | None, process: int | None, detect: bool
) -> ProcessAddress | None:
    """Find this process's address from the flags or the scheduler; None for a single process.

    With `detect` the scheduler (SLURM, TPU metadata, Open MPI) is asked also where the environment
    does not show several processes.

    Raises:
        ConfigError: some of the three are missing or invalid, or nothing was detected.
    """
    given = {"coordinator": coordinator, "processes": processes, "process": process}
    if all(v is None for v in given.values()):
        return _detected() if detect or _has_several() else None
    if coordinator is None or processes is None or process is None:
        missing = [f"--{k}" for k, v in given.items() if v is None]
        raise ConfigError(
            f"expected --coordinator=HOST:PORT, --processes=N and --process=I together, got none "
            f"of {', '.join(missing)}; or use --distributed under a scheduler"
        )
    host, colon, port = coordinator.rpartition(":")
    if not (host and colon and port.isdigit() and 0 < int(port) < 65536):
        raise ConfigError(f"--coordinator={coordinator}: expected HOST:PORT, such as n1:6666")
    if not process < processes:
        raise ConfigError(f"--process={process}: expected less than --processes={processes}")
    return ProcessAddress(coordinator, processes, process) if processes > 1 else None


def _has_several() -> bool:
    """Whether the environment is that of one process among several."""
    e = os.environ
    if {"SLURM_STEP_NODELIST", "SLURM_PROCID", "SLURM_LOCALID"} <= e.keys():
        return int(e.get("SLURM_NTASKS", "1")) > 1
    if int(e.get("OMPI_COMM_WORLD_SIZE", "1")) > 1:
        return True
    return "," in e.get("TPU_WORKER_HOSTNAMES", "")


def _detected() -> ProcessAddress:
    """The result of JAX's own detection."""
    # Not public, but `jax.distributed.initialize` does not report which processes are missing.
    from jax._src.clusters import ClusterEnv

    address, count, index, devices = ClusterEnv.auto_detect_unset_distributed_params(
        None, None, None, None, None, int(PATIENCE)
    )
    if address is None or count is None or index is None:
        raise ConfigError(
            "--distributed: expected SLURM (under srun), TPU metadata or Open MPI, found none; "
            "give --coordinator=HOST:PORT --processes=N --process=I"
        )
    # JAX assumes one process per device; a process that is alone on its node has all of them.
    if os.environ.get("SLURM_STEP_TASKS_PER_NODE", "").split("(")[0] == "1":
        devices = None
    return ProcessAddress(address, count, index, None if devices is None else list(devices))


def join(
    address: ProcessAddress | None, notes: dict[str, Any], *, patience: float, heartbeat: float
) -> None:
    """Wait for all processes, then initialise JAX with them; before JAX is used.

    Args:
        address: of this process; None for a single process, which does nothing.
        notes: values that must be equal in all processes.
        patience: seconds to wait for all.
        heartbeat: seconds without one until JAX takes a process for dead.

    Raises:
        LostProcessError: some did not connect; the message lists them.
        ConfigError: the notes differ.
    """
    if address is None:
        return
    startup.check_xla_flags()
    host, _, port = address.address.rpartition(":")
    bind = os.environ.get("JAX_COORDINATOR_BIND_ADDRESS", "").rpartition(":")[0].strip("[]")
    token = os.environ.get(protocol.TOKEN, "")
    if address.index == 0:
        host = "" if bind == "::" else bind
        peers = rendezvous.Coordinator(host, int(port), address.count, notes, token)
    else:
        peers = rendezvous.Worker(host, int(port), address.index, address.count, notes, token)
    peers.gather(patience, lambda line: print(line, file=sys.stderr, flush=True))
    import jax

    # The signal handlers are this package's: the train step itself carries a stop to all processes.
    jax.config.update("jax_enable_preemption_service", False)
    jax.distributed.initialize(
        address.address,
        address.count,
        address.index,
        local_device_ids=address.devices,
        cluster_detection_method="deactivate",
        initialization_timeout=int(patience),
        heartbeat_timeout_seconds=max(1, int(heartbeat)),
    )
    _job.peers = peers
    peers.listen(_on_peer_exit)


def first() -> bool:
    """Whether this is process 0, which writes the files; known before JAX is imported."""
    return _job.peers is None or _job.peers.index == 0


def joined() -> bool:
    """Whether this process is one of several."""
    return _job.peers is not None


def members() -> list[dict[str, Any]]:
    """Index, host, pid and clock time at the start of each process; empty for a single process."""
    return [] if _job.peers is None else [m for _, m in sorted(_job.peers.members.items())]


def local_pids() -> list[int]:
    """The ids of the job's processes on this host; empty for a single process."""
    all_, peers = members(), _job.peers
    host = next((m["host"] for m in all_ if peers and m["index"] == peers.index), None)
    return [m["pid"] for m in all_ if m["host"] == host]


def before_exit(work: Callable[[int], None]) -> None:
    """Have `work(exit code)` called when this process is ended from outside its main thread."""
    _job.before_exit.append(work)


def say_goodbye(error: BaseException | None = None) -> None:
    """Report this process's end to the others, which then end with the same code.

    An end without an error, or with one that all processes share, is only a goodbye. A single
    process does nothing.
    """
    if _job.peers is None:
        return
    if error is None or getattr(error, "shared", False):
        return _job.peers.broadcast({"goodbye": True})
    _claim_exit(GRACE)  # a thread that has claimed it ends the process before that is over
    reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    _broadcast_exit(getattr(error, "code", 1), reason)


def abort_all(code: int, reason: str) -> None:
    """End this process from any thread, and the others with the same exit code.

    Without waiting for the main thread, which may wait for a device that never answers.
    """
    if _claim_exit():
        _broadcast_exit(code, reason)
        _exit(code, reason)


def listen_for_cause() -> None:
    """After an unknown error, wait a moment for another process to report its exit.

    When a process dies, collectives with it fail in the moment in which its connection closes. A
    report that arrives in time ends this process from the rendezvous thread, with the reason and
    the exit code. Does nothing in a single process, and the second time.
    """
    if _job.peers is not None and not _job.has_listened:
        _job.has_listened = True
        time.sleep(GRACE)


def _on_peer_exit(message: protocol.Message) -> None:
    peer, reason = f"process {message['from']}", shown_lines(message["reason"])
    # Process 0 lingers until the message is forwarded. The others must be quick: without process 0
    # JAX's own thread aborts them after half a second.
    if _claim_exit():
        text = reason if reason.startswith(peer) else f"{peer}: {reason}"
        _exit(message["exit_code"], text, linger=first())


def _claim_exit(timeout: float = 0.0) -> bool:
    """Whether this thread is the first to decide the exit code; it decides for the process.

    After one exit is reported the connections of the other processes close, which is no new cause.
    """
    return _job.exit_lock.acquire(timeout=timeout)


def _broadcast_exit(code: int, reason: str) -> None:
    if _job.peers is not None:
        _job.peers.broadcast(protocol.exit_message(code, reason, _job.peers.index))


def _exit(code: int, reason: str, linger: bool = True) -> None:
    print(f"inception-jax: {reason}", file=sys.stderr, flush=True)
    for work in _job.before_exit:
        with contextlib.suppress(Exception):  # a full disk must not keep this process alive
            work(code)
    hard_exit(code, linger=linger)


def hard_exit(code: int, goodbye: bool = False, linger: bool = True) -> NoReturn:
    """End the process whatever threads it has.

    Args:
        code: the exit code.
        goodbye: after JAX's shutdown, a barrier that all processes must reach.
        linger: for a moment, so that messages to the others are sent.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if goodbye:
        import jax

        jax.distributed.shutdown()
    elif linger and _job.peers is not None:
        time.sleep(0.3)
    os._exit(code)


def code_digest() -> str:
    """Hash this package's source files: sixteen hexadecimal digits."""
    root, total = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        total.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:16]
