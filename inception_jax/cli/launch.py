"""inception-jax launch ENGINE [flags] [--print] -- train --config=PAGE --workdir=DIR [...]

Hands a command to a scheduler, which starts the same command again until the run is done. The
command is checked first, as `train` would: a mistake in its page or flags ends with code 78 and
nothing is submitted. --print shows what would be submitted, and stops. What was submitted lies in
the workdir, or in jobs/ where the workdir is on a volume that this machine does not see.
"""  # noqa: D415

from pathlib import Path

from inception_jax.cli import jobs
from inception_jax.cli.flags import HELP, Flags
from inception_jax.errors import ConfigError
from inception_jax.launch import ENGINES, retry, slurm


def main(argv: list[str]) -> int | None:
    """Runs the command."""
    where = argv.index("--") if "--" in argv else len(argv)
    ours, command = argv[:where], argv[where + 1 :]
    if not ours or ours[0] in HELP:
        print(f"{(__doc__ or '').strip()}\n\nengines:\n{engines()}")
        return None if ours else 78
    if ours[0] == "retry":
        return again(ours[1:], command)
    engine = jobs.engine(ours[0])
    flags = jobs.declare(Flags(f"launch {ours[0]}", usage(ours[0], engine)), engine.FLAGS)
    flags.switch("print", "show what would be submitted, and stop")
    values = flags.parse(ours[1:])
    gpus = values.gpus * getattr(values, "nodes", 1) if "gpus" in flags.values else 0
    workdir = jobs.command(command, gpus)
    spec = jobs.spec(engine, values, (tuple(command),), workdir)
    files = engine.render(spec)
    if values.print:
        jobs.show(files)
        return None
    if ours[0] == "local":
        return engine.run(spec)
    jobs.refuse_second(workdir)
    folder = workdir if jobs.seen(workdir) else Path("jobs") / spec.name
    paths = jobs.write(files, folder)
    job = engine.submit(spec, paths)
    jobs.note(folder, ours[0], job)
    print(f"submitted {' '.join(map(str, paths.values()))}: {ours[0]} job {job}")
    where = "" if folder == workdir else ", where it can be seen"
    print(f"look at it with: inception-jax report {workdir}{where}")
    return None


def engines() -> str:
    """A line for each engine, and for what job scripts ask."""
    rows = [(name, jobs.engine(name).HELP) for name in ENGINES]
    rows.append(("retry", "what job scripts ask: whether to start a command again"))
    return "\n".join(f"  {name:8} {text}" for name, text in rows) + (
        "\n\n`inception-jax launch slurm --help`, and so on, lists the flags of one;\n"
        "launch/README.md goes from nothing to a running job on each."
    )


def usage(name: str, engine: object) -> str:
    """The text of an engine's help."""
    first = f"inception-jax launch {name} [flags] -- train --config=PAGE --workdir=DIR"
    return f"{first}\n\n{(engine.__doc__ or '').strip()}"


def again(argv: list[str], command: list[str]) -> int:
    """`launch retry`: prints the verdict; 0 if the command is worth starting again, else 1."""
    text = """inception-jax launch retry --code=N --job=ID [flags] -- COMMAND

Whether a command that ended with this code is worth starting again: ends with 0 if so, else with 1.
The verdict is noted in attempts.jsonl of the command's workdir, for the budgets of the next one."""
    flags = Flags("launch retry", text).whole("code", None, "exit code of the command")
    flags.text("job", "", "whose budgets: a new job starts with full ones")
    flags.whole("preemptions", 1000, "how often it may be stopped and started again")
    flags.whole("crashes", 10, "how often it may crash and be started again")
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
