"""Run all checks in order: this host, the other processes, devices, data, the run directory."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from inception_jax.config import Config
from inception_jax.doctor import host, network
from inception_jax.doctor.finding import FAIL, Checks, Finding, failure
from inception_jax.doctor.hosts import Hosts, clocks, merged
from inception_jax.errors import LostProcessError
from inception_jax.runtime import startup, user_paths
from inception_jax.runtime.distributed import ProcessAddress

if TYPE_CHECKING:
    from inception_jax.train.program import Program

READING = 2.0  # seconds for which the training split is read
SLOW = 120.0  # seconds, limit of slow checks: a pod's devices, listing a large data set
SKEW = 600.0  # seconds by which one host's checks may take longer than another's
COMPILER = 1800.0  # seconds, limit of compiling the step


@dataclass
class Examination:
    """Runs the checks of this process and merges those of all.

    Attributes:
        show: called with each finding of a single process; those of several are merged first.
        config: of the run; None to check the host alone.
        workdir: of the run, or None.
        address: of this process among several; None for a single process.
        patience: seconds to wait for other processes to connect.
        heartbeat: seconds without a message after which a process counts as dead.
        allow_change: accept a run directory of another config.
        compile: compile the step too.
        hosts: the connected processes.
        findings: of all processes, after `run`.
        reports: findings of each process by its index.
        skipped: checks that were not run, each with its prerequisite.
    """

    show: Callable[[Finding], None]
    config: Config | None = None
    workdir: Path | None = None
    address: ProcessAddress | None = None
    patience: float = 60.0
    heartbeat: float = 60.0
    allow_change: bool = False
    compile: bool = False
    hosts: Hosts = field(init=False, default_factory=Hosts)
    findings: list[Finding] = field(init=False, default_factory=list)
    reports: dict[int, list[Finding]] = field(init=False, default_factory=dict)
    skipped: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.checks = Checks(self.show if self.address is None else lambda finding: None)

    def run(self) -> None:
        """Runs all checks."""
        startup.check_xla_flags()
        self._of_host()
        connected = self._of_network()
        devices = self._of_devices()
        if self.config is not None:
            self._of_config(self.config, devices and connected)
        self._gather()

    def _of_host(self) -> None:
        run, c = self.checks.run, self.config
        for check in (host.python, host.packages, host.code):
            run(check.__name__, check)
        if c is not None:
            run("config", partial(host.config, c, self.workdir))
        run("scheduler", host.scheduler)

    def _of_network(self) -> bool:
        """Joins the other processes; returns whether all are connected."""
        run, address, patience = self.checks.run, self.address, self.patience
        if address is None:
            return True
        found = run("coordinator", partial(network.coordinator, address, patience), patience + 10)
        if found.state == FAIL:
            self.skipped["processes"] = "the coordinator"
            return False
        # It waits twice: for the other processes, then for JAX.
        join = partial(network.join, address, patience, self.heartbeat)
        joined = run("processes", join, 2 * patience + 10)
        if joined.state == FAIL:
            return False
        self.hosts = Hosts(address.index, address.count, COMPILER if self.compile else SKEW)
        run("clocks", partial(clocks, self.hosts), SLOW)
        return True

    def _of_devices(self) -> bool:
        """Returns whether the devices compute."""
        run, c = self.checks.run, self.config

        def available() -> Finding:
            startup.start(c.model.dtype if c is not None else "float32")
            from inception_jax.doctor import devices

            return devices.available()

        platform, works = "", False
        if run("devices", available, SLOW).state != FAIL:
            import jax

            from inception_jax.doctor import devices

            platform = jax.default_backend()
            if platform == "gpu" and jax.device_count() > 1:
                run("nccl", host.nccl)
            works = run("arithmetic", devices.arithmetic, SLOW).state != FAIL
        run("variables", partial(host.variables, platform, self.address is not None))
        run("cache", partial(host.cache, startup.cache_folder()))
        if not works:
            self.skipped["arithmetic"] = "devices"
        return works

    def _of_config(self, c: Config, ready: bool) -> None:
        run = self.checks.run
        from inception_jax.doctor import devices, directory, images
        from inception_jax.runtime import mesh as meshes
        from inception_jax.train import trainer

        run("limits", host.limits)
        train = run("train", partial(images.split, c, c.data.train_split, READING), SLOW)
        test = run("eval", partial(images.split, c, c.eval.split), SLOW)
        others = {"checkpoint.init": c.checkpoint.init, "loss.teacher": c.loss.teacher}
        needed = [train, test]
        for key, path in others.items():
            if path:
                other = partial(directory.other_run, key, user_paths.expanded(path))
                needed.append(run(key.partition(".")[2], other))
        program: Program | None = None

        def fits() -> Finding:
            """Builds the mesh and, with data and the other runs, the trainer, which checks all."""
            nonlocal program
            device_mesh = meshes.make(c.mesh.data, c.mesh.model)
            if all(finding.state != FAIL for finding in needed):
                program = trainer.build(c).program
            return devices.mesh(device_mesh, c.data.batch_size)

        if ready:
            run("mesh", fits, SLOW)
        else:
            self.skipped["mesh"] = "all devices"
        if workdir := self.workdir:
            shared = partial(directory.shared, workdir, c, self.allow_change, self.hosts)
            run("workdir", shared, SLOW if self.hosts.count == 1 else 2 * SKEW + SLOW)
        if program is None:
            self.skipped["memory and room"] = "devices, a mesh and images"
        else:
            self._of_program(program)

    def _of_program(self, program: "Program") -> None:
        run, workdir = self.checks.run, self.workdir
        from inception_jax.doctor import devices, directory

        limit = COMPILER if self.compile else SLOW
        memory = run("memory", partial(devices.memory, program, self.compile), limit)
        if workdir is None:
            return
        if memory.state == FAIL:
            self.skipped["room"] = "a network"
        else:
            run("room", partial(directory.room, workdir, program.config, program.empty_state))

    def _gather(self) -> None:
        mine, hosts = self.checks.findings, self.hosts
        try:
            reports = hosts.exchange("findings", [asdict(f) for f in mine])
        except LostProcessError as e:
            lost = failure(str(e), "", e.code, name="findings")
            self.hosts, reports = Hosts(), {0: [asdict(f) for f in [*mine, lost]]}
        self.reports = {i: [Finding(**f) for f in found] for i, found in reports.items()}
        self.findings = merged(self.reports, hosts)
