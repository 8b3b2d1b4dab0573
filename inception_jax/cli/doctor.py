"""inception-jax doctor [--config=PAGE] [--workdir=DIR] [--json]

Checks the setup of a run in seconds: versions, devices, limits, other processes, data, the workdir,
and disk space for checkpoints. Each check prints one line: ok, warn or FAIL, and what to do. It
leaves no files. --compile adds the memory of a step on this machine, from the compiler;
`inception-jax plan` estimates it for others.

Without --config it checks the run in DIR; without --workdir too, only this host. On several hosts
start every process with the flags of `train`: the processes are compared, and the first one prints.
Exits with the code that the run would exit with, 0 if it can start.
"""  # noqa: D415

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from inception_jax.cli.flags import Flags, split_flag
from inception_jax.runtime import user_paths

WIDEST = 100  # columns; longer lines are hard to read


def main(argv: list[str]) -> int:
    """Runs the command."""
    flags = _flags(argv)
    values = flags.parse(argv)
    config = flags.config() if "config" in values else None
    from inception_jax.doctor import text
    from inception_jax.doctor.examination import Examination
    from inception_jax.doctor.finding import Finding
    from inception_jax.runtime import distributed

    colour = sys.stdout.isatty()
    width = min(shutil.get_terminal_size().columns, WIDEST)

    def show(finding: Finding) -> None:
        if not values.json:
            print(text.line(finding, width, colour), flush=True)

    address = flags.address()
    exam = Examination(
        show,
        config=config,
        workdir=Path(values.workdir) if values.workdir else None,
        address=address,
        patience=values.patience,
        heartbeat=values.heartbeat,
        allow_change=values.allow_config_change,
        compile=values.compile,
    )
    # With several processes or JSON nothing else is printed before the end.
    with _libraries_to_stderr() if address or values.json else contextlib.nullcontext():
        exam.run()
    if exam.hosts.index == 0:  # the first process, or one that did not reach the others
        if values.json:
            print(json.dumps(text.as_json(exam), indent=2))
        else:
            for finding in exam.findings if address else []:
                show(finding)
            print(f"\n{text.verdict(exam)}")
    if exam.checks.stuck:
        distributed.say_goodbye()
        distributed.hard_exit(text.code(exam))
    return text.code(exam)


@contextlib.contextmanager
def _libraries_to_stderr() -> Iterator[None]:
    """Redirects what C++ libraries such as gloo print to stderr."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)


def _flags(argv: list[str]) -> Flags:
    """The flags, with the config of a page or of the run in --workdir."""
    flags = Flags("doctor", __doc__).json()
    page, workdir = split_flag(argv, "config")[0], split_flag(argv, "workdir")[0]
    if page is None and workdir and (user_paths.expanded(workdir) / "config.json").exists():
        flags.run()
    else:
        flags.page(required=False).path("workdir", None, "directory of the run, existing or new")
    flags.switch("allow_config_change", "allow a directory with another config")
    flags.switch("compile", "compile the step for the compiler's memory analysis; takes minutes")
    return flags.cluster(patience=60)
