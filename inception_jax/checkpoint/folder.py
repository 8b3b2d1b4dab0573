"""The folder of a run's steps: list them, find the newest good one, rename the others.

A step is good if its manifest is of this run and step, and if all its bytes match.
"""

import contextlib
import os
import sys
from pathlib import Path

from inception_jax.checkpoint import manifest
from inception_jax.errors import DataError, shown
from inception_jax.runtime import multihost
from inception_jax.workdir import atomic
from inception_jax.workdir.step_names import DELETING, is_leftover, steps


def complete(directory: Path) -> list[int]:
    """The steps, rising, that are good as far as names and sizes show; no array is read."""
    return [
        step
        for step in steps(directory)
        if not manifest.problems(directory / str(step), sums=False)
    ]


def of_run(workdir: Path, step: int | None = None) -> tuple[Path, list[int]]:
    """The folder of a run's steps, and the steps.

    Raises:
        DataError: `step` is not among them, or there are none.
    """
    directory = (workdir / "checkpoints").absolute()  # Orbax takes no relative path
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
        DataError: there is no such step, or it is not good.
    """
    directory, saved = of_run(workdir, step)
    if step is None:
        step = newest_good(directory)
    elif problems := manifest.problems(directory / str(step)):
        rows = "\n".join(f"  {line}" for line in problems)
        raise DataError(f"step {step} in {directory} is not good, choose one of {saved}:\n{rows}")
    return directory / str(step)


def newest_good(directory: Path, repair: bool = False, before: int | None = None) -> int | None:
    """Find the newest good step; None if there are no steps.

    Prints a line about each step that is not to standard error. All processes must call it; the
    first one reads the files and shares the answer.

    Args:
        directory: of the steps.
        repair: whether this run owns the folder: what killed saves have left is removed, and steps
            that are not good are renamed to bad-<step>, so that they can be saved again.
        before: only earlier steps than this one.

    Raises:
        DataError: no step is good; they are listed and left as they are.
    """
    return multihost.decided(lambda: _newest_good(directory, repair, before))


def _newest_good(directory: Path, repair: bool, before: int | None) -> int | None:
    if repair:
        clean(directory)
    bad: dict[int, str] = {}
    good = None
    for step in reversed([s for s in steps(directory) if before is None or s < before]):
        problems = manifest.problems(directory / str(step))
        if not problems:
            good = step
            break
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        bad[step] = problems[0] + more
    if bad and good is None:
        rows = "\n".join(f"  step {step}: {reason}" for step, reason in bad.items())
        raise DataError(
            f"expected a good checkpoint in {directory}, but none of these is:\n{rows}\n"
            f"Copy a good one of this run there, or choose another --workdir: nothing is trained "
            f"over them"
        )
    for step, reason in bad.items():
        renamed = f" (renamed to {mark_bad(directory, step).name})" if repair else ""
        log(f"checkpoint {step} is not good{renamed}: {reason}; step {good} is used instead")
    return good


def mark_bad(directory: Path, step: int) -> Path:
    """Rename a step to bad-<step>, which is no step for this package and for Orbax."""
    names = (f"bad-{step}" + (f".{i}" if i else "") for i in range(10_000))
    target = next(directory / name for name in names if not os.path.lexists(directory / name))
    os.rename(directory / str(step), target)
    return target


def set_aside(directory: Path, step: int, reason: str) -> None:
    """Rename a step as `mark_bad` does, and print the reason."""
    log(f"checkpoint {step} is renamed to {mark_bad(directory, step).name}: {reason}")


def remove(directory: Path, step: int) -> None:
    """Delete a step; when killed half-way, nothing is left that looks like one."""
    doomed = directory / f"{step}{DELETING}"
    atomic.remove(doomed)
    os.rename(directory / str(step), doomed)
    atomic.remove(doomed)


def clean(directory: Path) -> None:
    """Remove what killed saves and deletions have left."""
    for path in directory.iterdir() if directory.is_dir() else ():
        if is_leftover(path.name):
            if path.is_symlink() or not path.is_dir():
                log(f"{path} is removed: expected a folder that a save has left")
            atomic.remove(path)


def remove_recreated(directory: Path) -> None:
    """Remove what a save has made again at a place that was removed or renamed, and only that.

    TensorStore creates all missing folders of a file that it writes.
    """
    with contextlib.suppress(OSError):
        left = [is_leftover(path.name) for path in directory.iterdir()]
        if all(left) and os.listdir(directory.parent) == [directory.name]:
            atomic.remove(directory)
            directory.parent.rmdir()


def log(line: str) -> None:
    """Print a line to standard error; standard output may be read by a program."""
    print(shown(line), file=sys.stderr, flush=True)
