"""inception-jax doctor [--config=PAGE] [--workdir=DIR] [--json]

What would stop a run, found in seconds: versions, devices, limits, other processes, data, the
directory, room for checkpoints. One line a check: ok, warn or FAIL, and what to do. Nothing is left
behind. The memory of a step is asked of a compiler: of this machine's with --compile, of any
other's by `inception-jax plan`.

Without --config: the run in DIR, or, without --workdir too, this host alone. On several hosts give
every process the command that `train` would get, doctor for train: they are compared, and the first
one prints. Ends with the code that a run would end with, 0 if it could start.
"""  # noqa: D415

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from inception_jax.cli.flags import Flags, taken

WIDEST = 100  # columns; longer lines are hard to read


def main(argv: list[str]) -> int:
    """Runs the command."""
    flags = _flags(argv)
    values = flags.parse(argv)
    config = flags.config() if flags.paged else None
    from inception_jax.doctor import text
    from inception_jax.doctor.examination import Examination, Subject
    from inception_jax.doctor.finding import Finding
    from inception_jax.runtime import distributed

    colour = sys.stdout.isatty()
    width = min(shutil.get_terminal_size().columns, WIDEST)

    def show(finding: Finding) -> None:
        if not values.json:
            print(text.line(finding, width, colour), flush=True)

    address = flags.place()
    subject = Subject(
        config=config,
        workdir=Path(values.workdir) if values.workdir else None,
        address=address,
        patience=values.patience,
        heartbeat=values.heartbeat,
        allow_change=values.allow_config_change,
        compile=values.compile,
    )
    exam = Examination(subject, show)
    # Then nothing is printed before the end.
    with _libraries_to_stderr() if address or values.json else contextlib.nullcontext():
        exam.run()
    if exam.hosts.index == 0:  # the first one, or one that did not find the others
        if values.json:
            print(json.dumps(text.as_json(exam), indent=2))
        else:
            for finding in exam.findings if address else []:
                show(finding)
            print(f"\n{text.verdict(exam)}")
    if exam.stuck:
        distributed.say_goodbye()
        distributed.hard_exit(text.code(exam))
    return text.code(exam)


@contextlib.contextmanager
def _libraries_to_stderr() -> Iterator[None]:
    """What C++ prints (gloo greets its peers) is no part of the answer."""
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(ours, 1)
        os.close(ours)


def _flags(argv: list[str]) -> Flags:
    """The flags, with the config of a page or of the run in --workdir."""
    flags = Flags("doctor", __doc__ or "")
    page, workdir = taken(argv, "config")[0], taken(argv, "workdir")[0]
    if page is None and workdir and (Path(workdir) / "config.json").exists():
        flags.run("directory of the run")
    else:
        flags.page(required=False).text("workdir", None, "directory of the run: there, or to come")
    flags.switch("allow_config_change", "a directory of another config is all right")
    flags.switch("compile", "compile the step too: its memory by the compiler's account, minutes")
    flags.switch("json", "print JSON")
    return flags.cluster(patience=60)
