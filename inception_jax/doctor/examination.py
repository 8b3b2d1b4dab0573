"""The checks in their order: this host, the other processes, devices, data, the directory."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from inception_jax.doctor import host, network
from inception_jax.doctor.finding import FAIL, Checks, Finding, failure
from inception_jax.doctor.hosts import Hosts, clocks, merged
from inception_jax.errors import LostProcessError
from inception_jax.runtime import startup
from inception_jax.runtime.distributed import ProcessAddress

READING = 2.0  # seconds that the training split is read for
SLOW = 120.0  # seconds for what may take a while: a pod's devices, the listing of a large set
SKEW = 600.0  # seconds that one host's checks may take longer than another's, at their limits
COMPILER = 1800.0  # seconds


@dataclass
class Subject:
    """What is to be examined.

    Attributes:
        config: of the run; None for the host alone.
        workdir: of the run, or None.
        place: this process's among several; None alone.
        patience: seconds to wait for other processes to come.
        heartbeat: seconds of silence that make one of them count as dead.
        allow_change: a workdir of another config is all right.
        compile: the step is compiled as well.
    """

    config: Any = None
    workdir: Path | None = None
    place: ProcessAddress | None = None
    patience: float = 60.0
    heartbeat: float = 60.0
    allow_change: bool = False
    compile: bool = False


class Examination:
    """The checks of this process, then those of all.

    Attributes:
        hosts: the processes that take part.
        findings: of all processes, once `run` is done.
        reports: those of each process, by its index.
        skipped: checks that were not made, each with what they need.
    """

    def __init__(self, subject: Subject, show: Callable[[Finding], None] = lambda finding: None):
        self.subject, self.hosts = subject, Hosts()
        self.findings: list[Finding] = []
        self.reports: dict[int, list[Finding]] = {}
        self.skipped: dict[str, str] = {}
        # One of several waits for what the others have to say.
        self._checks = Checks(show if subject.place is None else lambda finding: None)

    @property
    def stuck(self) -> bool:
        """Whether a check never came back: the process cannot end as others do."""
        return self._checks.stuck

    def run(self) -> None:
        """Makes all checks."""
        self._of_host()
        together = self._of_network()
        devices = self._of_devices(together)
        if self.subject.config is not None:
            self._of_config(devices and together)
        self._gather()

    def _of_host(self) -> None:
        run, c = self._checks.run, self.subject.config
        run("python", host.python)
        run("packages", host.packages)
        run("code", host.code)
        if c is not None:
            run("config", partial(host.config, c, self.subject.workdir))
        run("scheduler", host.scheduler)

    def _of_network(self) -> bool:
        """Joins the other processes; whether all have come."""
        run, subject = self._checks.run, self.subject
        place, patience = subject.place, subject.patience
        if place is None:
            return True
        met = run("coordinator", partial(network.coordinator, place, patience), patience + 10)
        if met.state == FAIL:
            self.skipped["processes"] = "the coordinator"
            return False
        # It starts a service, and waits twice: for the others, then for JAX.
        join = partial(network.join, place, patience, subject.heartbeat)
        came = run("processes", join, 2 * patience + 10)
        if came.state == FAIL:
            return False
        self.hosts = Hosts(place.index, place.count, COMPILER if subject.compile else SKEW)
        run("clocks", partial(clocks, self.hosts), SLOW)
        return True

    def _of_devices(self, together: bool) -> bool:
        """Whether there are devices that compute."""
        run, c = self._checks.run, self.subject.config
        startup.start(c.model.dtype if c is not None else "float32")
        import jax

        from inception_jax.doctor import devices, directory

        there = run("devices", devices.there, SLOW)
        works = there.state != FAIL and run("arithmetic", devices.arithmetic, SLOW).state != FAIL
        platform = jax.default_backend() if there.state != FAIL else ""
        several = self.subject.place is not None
        run("variables", partial(host.variables, platform, several))
        run("cache", partial(directory.cache, jax.config.jax_compilation_cache_dir))  # type: ignore
        if not works:
            self.skipped["arithmetic"] = "devices"
        return works

    def _of_config(self, ready: bool) -> None:
        run, c = self._checks.run, self.subject.config
        from inception_jax.doctor import devices, directory, images
        from inception_jax.runtime import mesh as meshes
        from inception_jax.train.trainer import Trainer

        count = self.subject.place.count if self.subject.place else 1
        run("limits", partial(host.limits, images.shared_memory(c, count)))
        train = run("train", partial(images.split, c, c.data.train_split, READING), SLOW)
        test = run("eval", partial(images.split, c, c.eval.split), SLOW)
        if c.checkpoint.init:
            run("init", partial(directory.init, Path(c.checkpoint.init)))
        job: Trainer | None = None

        def fits() -> Finding:
            """Makes the mesh; the rest of a job, which has rules about it, where it can be made."""
            nonlocal job
            made = meshes.make(c.mesh.data, c.mesh.model)
            if FAIL not in (train.state, test.state):
                job = Trainer(c)
            return devices.mesh(made, c.data.batch_size)

        if ready:
            run("mesh", fits, SLOW)
        else:
            self.skipped["mesh"] = "all devices"
        if workdir := self.subject.workdir:
            own = partial(directory.shared, workdir, c, self.subject.allow_change, self.hosts)
            run("workdir", own, SLOW if self.hosts.count == 1 else 2 * SKEW + SLOW)
        if job is None:
            self.skipped["memory and room"] = "devices, a mesh and images"
        else:
            self._of_job(job)

    def _of_job(self, job: Any) -> None:
        run, c, workdir = self._checks.run, self.subject.config, self.subject.workdir
        from inception_jax.doctor import devices, directory

        limit = COMPILER if self.subject.compile else SLOW
        need = run("memory", partial(devices.memory, job, self.subject.compile), limit)
        if workdir is None:
            return
        if need.state == FAIL:
            self.skipped["room"] = "a network"
        else:
            run("room", partial(directory.room, workdir, c, job.empty_state))

    def _gather(self) -> None:
        mine, hosts = self._checks.findings, self.hosts
        try:
            told = hosts.told("findings", [f.json() for f in mine])
        except LostProcessError as e:
            lost = failure(str(e), "", e.code, name="findings")
            self.hosts, told = Hosts(), {0: [f.json() for f in [*mine, lost]]}
        self.reports = {i: [Finding(**f) for f in found] for i, found in told.items()}
        self.findings = merged(self.reports, hosts)
