"""inception-jax launch ENGINE [flags] [--print] -- train --config=PAGE --workdir=DIR [...]

Submits a training to a scheduler, which restarts the same command until the run is finished. The
command is validated first, as by `train`: an error in its config or flags exits with code 78, and
nothing is submitted. --print prints the job's files without submitting them. They are written to
the workdir, or to jobs/ if the workdir is on a volume that is not mounted here. Variables NCCL_* of
this shell are exported in the job; others by --setup='export NAME=VALUE'.
"""  # noqa: D415

from pathlib import Path

from inception_jax.cli import examples, jobs
from inception_jax.cli.flags import HELP, Flags
from inception_jax.errors import ConfigError
from inception_jax.launch import ENGINES, retry, slurm


def main(argv: list[str]) -> int | None:
    """Runs the command."""
    where = argv.index("--") if "--" in argv else len(argv)
    ours, command = argv[:where], argv[where + 1 :]
    if not ours or ours[0] in HELP:
        print(f"{(__doc__ or '').strip()}\n\nengines:\n{engines()}\n\n{examples.of('launch')}")
        return None if ours else 78
    if ours[0] == "retry":
        return restart_or_not(ours[1:], command)
    engine = jobs.engine(ours[0])
    flags = jobs.declare(Flags(f"launch {ours[0]}", usage(ours[0], engine)), engine.FLAGS)
    flags.switch("print", "print the job's files, and submit nothing")
    values = flags.parse(ours[1:])
    gpus = values.gpus * getattr(values, "nodes", 1) if "gpus" in values else 0
    workdir = jobs.command(command, gpus)
    spec = jobs.spec(engine, values, (tuple(command),), workdir)
    files = engine.render(spec)
    if values.print:
        jobs.show(files)
        return None
    if ours[0] == "local":
        return engine.run(spec)
    jobs.refuse_second(workdir)
    folder = workdir if jobs.on_this_machine(workdir) else Path("jobs") / spec.name
    paths = jobs.write(files, folder)
    job = engine.submit(spec, paths)
    jobs.record(folder, ours[0], job)
    print(f"submitted {' '.join(map(str, paths.values()))}: {ours[0]} job {job}")
    where = "" if folder == workdir else ", on a machine that mounts it"
    print(f"report: inception-jax report {workdir}{where}")
    return None


def engines() -> str:
    """A line for each engine, and for `retry`."""
    rows = [(name, jobs.engine(name).HELP) for name in ENGINES]
    rows.append(("retry", "for job scripts: whether to restart a command"))
    return "\n".join(f"  {name:8} {text}" for name, text in rows) + (
        "\n\n`inception-jax launch slurm --help` etc. list the flags of each;\n"
        "launch/README.md is a tutorial for each."
    )


def usage(name: str, engine: object) -> str:
    """The help text of an engine."""
    first = f"inception-jax launch {name} [flags] -- train --config=PAGE --workdir=DIR"
    return f"{first}\n\n{(engine.__doc__ or '').strip()}"


def restart_or_not(argv: list[str], command: list[str]) -> int:
    """`launch retry`: prints the verdict; 0 if the command should be restarted, else 1."""
    text = """inception-jax launch retry --code=N --job=ID [flags] -- COMMAND

Decides whether a command that exited with this code should be restarted: exits with 0 if so, 1 if
not. Records the verdict in attempts.jsonl of the command's workdir, to count restarts."""
    flags = Flags("launch retry", text).whole("code", None, "exit code of the command")
    flags.text("job", "", "the job: restarts are counted per job")
    flags.whole("preemptions", 1000, "maximum number of restarts after a stop")
    flags.whole("crashes", 10, "maximum number of restarts after a crash")
    values = flags.parse(argv)
    if values.code is None:
        raise ConfigError("expected --code=N, the exit code of the command")
    directory = retry.directory(command)
    if directory is None:
        raise ConfigError("expected the command after --, with its --workdir=DIR")
    budgets = retry.Budgets(values.preemptions, values.crashes)
    leaving = values.job == slurm.current_job() and slurm.is_ending(values.job)
    verdict = retry.after(directory, values.code, values.job, budgets, leaving)
    print(f"inception-jax: {verdict.why}{'; starting again' if verdict.again else ''}", flush=True)
    return 0 if verdict.again else 1
