"""The folder of a run's steps: list them, find the newest good one, rename damaged ones."""

import os
import shutil
import sys
from pathlib import Path

from inception_jax.checkpoint import manifest
from inception_jax.errors import DataError, shown
from inception_jax.runtime import multihost

SAVING, DELETING, ORBAX = ".saving", ".deleting", ".orbax-checkpoint-tmp"


def steps(directory: Path) -> list[int]:
    """The saved steps, good or damaged, rising."""
    if not directory.is_dir():
        return []
    return sorted(int(p.name) for p in directory.iterdir() if p.name.isdigit() and p.is_dir())


def of_run(workdir: Path, step: int | None = None) -> tuple[Path, list[int]]:
    """The folder of a run's steps, and the steps.

    Raises:
        DataError: `step` is not among them, or there are none.
    """
    directory = (workdir / "checkpoints").resolve()  # Orbax takes no relative path
    if not directory.is_dir():
        raise DataError(f"expected checkpoints in {directory}, found no such folder")
    saved = steps(directory)
    if not saved or (step is not None and step not in saved):
        wanted, found = "any" if step is None else step, saved or "none"
        raise DataError(f"expected step {wanted} in {directory}, found {found}")
    return directory, saved


def good_step(workdir: Path, step: int | None = None) -> Path:
    """The folder of a run's newest good step, or of the given one if it is; nothing is written.

    Raises:
        DataError: there is no such step, or it is damaged.
    """
    directory, saved = of_run(workdir, step)
    if step is None:
        step = newest_good(directory)
    elif problems := manifest.problems(directory / str(step)):
        rows = "\n".join(f"  {line}" for line in problems)
        raise DataError(f"step {step} in {directory} is damaged, choose one of {saved}:\n{rows}")
    return directory / str(step)


def newest_good(directory: Path, repair: bool = False) -> int | None:
    """Find the newest step with a manifest that all its files match; None if there are no steps.

    Prints a line about each damaged step to standard error. All processes must call it; the first
    one reads the files and shares the answer.

    Args:
        directory: of the steps.
        repair: whether this run owns the folder: what killed saves have left is removed, and
            damaged steps are renamed to bad-<step>, so that they can be saved again.

    Raises:
        DataError: all steps are damaged; they are listed and left as they are.
    """
    return multihost.decided(lambda: _newest_good(directory, repair))


def _newest_good(directory: Path, repair: bool) -> int | None:
    if repair:
        clean(directory)
    bad: dict[int, str] = {}
    good = None
    for step in reversed(steps(directory)):
        problems = manifest.problems(directory / str(step))
        if not problems:
            good = step
            break
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        bad[step] = problems[0] + more
    if bad and good is None:
        rows = "\n".join(f"  step {step}: {reason}" for step, reason in bad.items())
        raise DataError(
            f"expected a good checkpoint in {directory}, but all are damaged:\n{rows}\n"
            f"Copy a good one there, or choose another --workdir: a damaged checkpoint is never "
            f"overwritten"
        )
    for step, reason in bad.items():
        renamed = f" (renamed to {mark_bad(directory, step).name})" if repair else ""
        log(f"checkpoint {step} is damaged{renamed}: {reason}; step {good} is used instead")
    return good


def mark_bad(directory: Path, step: int) -> Path:
    """Rename a step to bad-<step>, which is no step for this package and for Orbax."""
    names = (f"bad-{step}" + (f".{i}" if i else "") for i in range(10_000))
    target = next(directory / name for name in names if not (directory / name).exists())
    os.rename(directory / str(step), target)
    return target


def remove(directory: Path, step: int) -> None:
    """Delete a step; when killed half-way, nothing is left that looks like one."""
    doomed = directory / f"{step}{DELETING}"
    os.rename(directory / str(step), doomed)
    shutil.rmtree(doomed)


def clean(directory: Path) -> None:
    """Remove what killed saves and deletions have left."""
    for path in directory.iterdir() if directory.is_dir() else ():
        if path.name.endswith((SAVING, DELETING)) or ORBAX in path.name:
            shutil.rmtree(path)


def log(line: str) -> None:
    """Print a line to standard error; standard output may be read by a program."""
    print(shown(line), file=sys.stderr, flush=True)
