"""inception-jax sweep launch --on=ENGINE --config=PAGE --sweep=lr,seed --dir=DIR [flags]

Builds and checks every trial, then submits the unfinished ones to an engine: local, slurm, k8s or
sky, with the engine's flags (`inception-jax launch slurm --help`). Each task is a `train` command
in DIR/trials/..., restarted as by `launch`. SLURM runs one array job, and a small job after it that
writes DIR/report.html; local writes the report at its end.

With --search instead of --sweep the tasks are --workers, which run the trials that Optuna suggests:

    def search(trial):
        return {"optim.lr": trial.suggest_float("lr", 1e-3, 1.0, log=True)}
"""  # noqa: D415

import os
import socket
from collections.abc import Callable
from types import ModuleType
from typing import Any

from inception_jax.cli import jobs, report, sweeps
from inception_jax.cli.flags import HELP, Flags, split_flag
from inception_jax.errors import ConfigError
from inception_jax.launch import retry
from inception_jax.launch.spec import JobSpec
from inception_jax.sweep.folder import Sweep
from inception_jax.sweep.trial import DONE

ON = ("local", "slurm", "k8s", "sky")


def main(argv: list[str]) -> int | None:
    """Runs the command."""
    on, rest = split_flag(argv, "on")
    helping = bool(HELP & set(argv))
    engine = engine_of(on or "local" if helping else on)
    flags = sweeps.declare(Flags("sweep launch", __doc__))
    declare(flags, engine)
    values = flags.parse(argv if helping else rest)
    sweep, _, files = sweeps.expanded(flags, rest)
    return submit(sweep, engine, values, lambda: sweeps.write(sweep, files))


def engine_of(on: str | None) -> ModuleType:
    """The module of the engine `on`, which must be able to run sweeps."""
    if on not in ON:
        raise ConfigError(f"--on={on or ''}: expected one of {', '.join(ON)}")
    return jobs.engine(on)


def declare(flags: Flags, engine: ModuleType | None) -> Flags:
    """Declares the flags of `launch` and `resume`: an engine's own, and those of all."""
    if engine:
        jobs.declare(flags, engine.FLAGS)
    flags.text("on", None, "the engine: " + ", ".join(ON))
    flags.whole("at_once", 0, "concurrent trials (0: as many as the engine can; local: 1)")
    return flags.switch("print", "print the job's files, and submit nothing")


def submit(sweep: Sweep, engine: ModuleType, values: Any, save: Callable[[], None]) -> int | None:
    """Submits the unfinished tasks of a sweep; the exit code.

    `save` writes the sweep's directory, just before the submission.

    Raises:
        ConfigError: the flags are inconsistent, a job is in the queue, or all trials are done.
    """
    spec = (_trials_of_grid if sweep.search is None else _workers_of_search)(sweep, engine, values)
    files = engine.render(spec)
    if values.print:
        jobs.show(files)
        return None
    jobs.refuse_second(sweep.folder)
    name = engine.__name__.rpartition(".")[2]
    names = [*(flag.name for flag in engine.FLAGS), "at_once"]
    sweep.launched = {"engine": name, "flags": {key: getattr(values, key) for key in names}}
    save()
    if sweep.search is not None:
        from inception_jax.sweep import search

        search.study(sweep, create=True)
    for trial in sweep.trials():
        trial.folder.parent.mkdir(parents=True, exist_ok=True)
    if name == "local":
        return _run_here(sweep, engine, spec)
    _submit(sweep, name, engine, spec, files)
    return None


def _workers_of_search(sweep: Sweep, engine: ModuleType, values: Any) -> JobSpec:
    """The JobSpec of a search's workers."""
    assert sweep.search is not None
    done = sum(bool(t.outcome) for t in sweep.trials())
    if done >= sweep.search["trials"]:
        raise ConfigError(f"{sweep.folder}: all {done} trials are done; give more --trials")
    tasks = tuple(range(sweep.search["workers"]))
    commands = tuple(("sweep", "work", str(sweep.folder), f"--worker={i}") for i in tasks)
    spec = jobs.spec(
        engine, values, commands, sweep.folder, tasks=tasks,
        at_once=values.at_once or len(tasks), worker=True,
    )  # fmt: skip
    sweep.search.update(preemptions=spec.preemptions, crashes=spec.crashes)
    return spec


def _trials_of_grid(sweep: Sweep, engine: ModuleType, values: Any) -> JobSpec:
    """The JobSpec of a grid's unfinished trials."""
    trials = sweeps.outcomes(sweep)
    left = tuple(p.trial.index for p in trials if p.state != DONE)
    if not left:
        raise ConfigError(f"{sweep.folder}: all {len(trials)} trials are done")
    commands = tuple(p.trial.command for p in trials)
    return jobs.spec(engine, values, commands, sweep.folder, tasks=left, at_once=values.at_once)


def _run_here(sweep: Sweep, engine: ModuleType, spec: JobSpec) -> int:
    """Runs the tasks on this machine, then writes the report; the exit code."""
    jobs.record(sweep.folder, "local", str(os.getpid()), host=socket.gethostname())
    code = engine.run(spec)
    if code != retry.STOPPED[0]:
        report.sweep(sweep.folder, sweep.folder / "report.html")
    return code


def _submit(
    sweep: Sweep, name: str, engine: ModuleType, spec: JobSpec, files: dict[str, str]
) -> None:
    paths = jobs.write(files, sweep.folder)
    job = engine.submit(spec, paths)
    jobs.record(sweep.folder, name, job, tasks=list(spec.task_indices))
    kind = "workers" if sweep.search is not None else "trials"
    print(f"submitted {len(spec.task_indices)} {kind}: {name} job {job}")
    if name == "slurm":
        try:
            engine.submit_report(job, paths)
            print(f"report, after all have ended: {sweep.folder / 'report.html'}")
        except ConfigError as e:
            print(f"write the report with: inception-jax report {sweep.folder} ({e})")
    print(f"status: inception-jax sweep status {sweep.folder}")
