"""inception-jax sweep launch --on=ENGINE --config=PAGE --sweep=lr,seed --dir=DIR [flags]

Builds and checks every trial, then hands those that are not done to an engine: local, slurm, k8s or
sky, with the engine's flags (`inception-jax launch slurm --help`). Each task is an ordinary `train`
in DIR/trials/..., started again as `launch` does. Under SLURM it is one array job, and a small one
after it that draws DIR/report.html; so does local at its end.

With --search instead of --sweep the tasks are --workers, which try what Optuna suggests:

    def search(trial):
        return {"optim.lr": trial.suggest_float("lr", 1e-3, 1.0, log=True)}
"""  # noqa: D415

from pathlib import Path
from typing import Any

from inception_jax.cli import jobs, report, sweeps
from inception_jax.cli.flags import HELP, Flags, taken
from inception_jax.errors import ConfigError
from inception_jax.launch import retry
from inception_jax.sweep.folder import Sweep
from inception_jax.sweep.trial import DONE

ON = ("local", "slurm", "k8s", "sky")


def main(argv: list[str]) -> int | None:
    """Runs the command."""
    on, rest = chosen(argv)
    engine = jobs.engine(on)
    flags = jobs.declare(sweeps.declare(Flags("sweep launch", __doc__ or "")), engine.FLAGS)
    common(flags)
    values = flags.parse(argv if HELP & set(argv) else rest)
    sweep, _, page = sweeps.expanded(flags, rest)
    spec = jobs_of(sweep, engine, values)
    files = engine.render(spec)
    if values.print:
        jobs.show(files)
        return None
    jobs.refuse_second(sweep.folder)
    sweep.launched = {"engine": on, "flags": flags_of(engine, values)}
    sweeps.write(sweep, page)
    return start(sweep, on, engine, spec, files)


def chosen(argv: list[str]) -> tuple[str, list[str]]:
    """The engine of `--on`, and the other words.

    Raises:
        ConfigError: there is none, or it cannot run sweeps.
    """
    on, rest = taken(argv, "on")
    if HELP & set(argv):
        return on or "local", rest
    if on not in ON:
        raise ConfigError(f"--on={on or ''}: expected one of {', '.join(ON)}")
    return on, rest


def common(flags: Flags) -> Flags:
    """The flags of `launch` and `resume` that are no engine's."""
    flags.text("on", None, "the engine: " + ", ".join(ON))
    flags.whole("at_once", 0, "trials at the same time (0: as many as the engine can; local: 1)")
    return flags.switch("print", "show what would be submitted, and stop")


def flags_of(engine: Any, values: Any) -> dict[str, Any]:
    """The engine's flags, to be given again by `resume`."""
    names = [*(flag.name for flag in engine.FLAGS), "at_once"]
    return {name: getattr(values, name) for name in names}


def jobs_of(sweep: Sweep, engine: Any, values: Any) -> Any:
    """The JobSpec: the trials of a grid that are not done, or the workers of a search.

    Raises:
        ConfigError: the flags do not fit, or nothing is left to do.
    """
    if sweep.search is not None:
        from inception_jax.launch.spec import JobSpec

        finished = sum(bool(t.outcome) for t in sweep.trials())
        if finished >= sweep.search["trials"]:
            raise ConfigError(f"{sweep.folder}: all {finished} trials are done; give more --trials")
        count = sweep.search["workers"]
        commands = tuple(
            ("sweep", "work", str(sweep.folder), f"--worker={i}") for i in range(count)
        )
        spec: JobSpec = jobs.spec(
            engine, values, commands, sweep.folder, tasks=tuple(range(count)),
            at_once=values.at_once or count, worker=True,
        )  # fmt: skip
        sweep.search.update(preemptions=spec.preemptions, crashes=spec.crashes)
        return spec
    from inception_jax.sweep import progress

    all_trials = sweep.trials()
    left = tuple(t.index for t in all_trials if progress.read(t, sweep.metric).state != DONE)
    if not left:
        raise ConfigError(f"{sweep.folder}: all {len(all_trials)} trials are done")
    commands = tuple(t.command for t in all_trials)
    return jobs.spec(engine, values, commands, sweep.folder, tasks=left, at_once=values.at_once)


def start(sweep: Sweep, on: str, engine: Any, spec: Any, files: dict[str, str]) -> int | None:
    """Submits, or runs here; the exit code."""
    if sweep.search is not None:
        from inception_jax.sweep import search

        search.study(sweep, create=True)
    for trial in sweep.trials():
        trial.folder.parent.mkdir(parents=True, exist_ok=True)
    if on == "local":
        import os
        import socket

        jobs.note(sweep.folder, on, str(os.getpid()), host=socket.gethostname())
        code = engine.run(spec)
        if code != retry.STOPPED[0]:
            report.sweep(sweep.folder, sweep.folder / "report.html")
        return code
    paths: dict[str, Path] = jobs.write(files, sweep.folder)
    job = engine.submit(spec, paths)
    jobs.note(sweep.folder, on, job, tasks=list(spec.task_indices))
    what = "workers" if sweep.search is not None else "trials"
    print(f"submitted {len(spec.task_indices)} {what}: {on} job {job}")
    if on == "slurm":
        try:
            engine.submit_report(job, paths)
            print(f"drawn when all have ended: {sweep.folder / 'report.html'}")
        except ConfigError as e:
            print(f"draw it yourself, inception-jax report {sweep.folder}: {e}")
    print(f"watch them with: inception-jax sweep status {sweep.folder}")
    return None
