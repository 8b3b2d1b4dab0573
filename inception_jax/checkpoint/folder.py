"""The folder of a run's steps: which there are, which is the newest whole one."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from inception_jax.checkpoint import arrays, manifest
from inception_jax.errors import DataError
from inception_jax.runtime import multihost

SAVING, DELETING, ORBAX = ".saving", ".deleting", ".orbax-checkpoint-tmp"


def steps(directory: Path) -> list[int]:
    """The steps that are there, whole or not, rising."""
    if not directory.is_dir():
        return []
    return sorted(int(p.name) for p in directory.iterdir() if p.name.isdigit() and p.is_dir())


def of_run(workdir: Path, step: int | None = None) -> tuple[Path, list[int]]:
    """The folder of a run's steps, and the steps.

    Args:
        workdir: of the run.
        step: one that has to be there; None for any.

    Raises:
        DataError: it is not.
    """
    directory = (workdir / "checkpoints").resolve()  # Orbax takes no relative path
    if not directory.is_dir():
        raise DataError(f"expected checkpoints in {directory}, found no such folder")
    there = steps(directory)
    if not there or (step is not None and step not in there):
        wanted = "any" if step is None else step
        raise DataError(f"expected step {wanted} in {directory}, found {there or 'none'}")
    return directory, there


def whole(workdir: Path, step: int | None = None) -> int:
    """A run's newest good step, or the one that is asked for; nothing is written.

    Raises:
        DataError: there is no such step, or it is damaged.
    """
    directory, there = of_run(workdir, step)
    if step is None:
        step = newest_good(directory)
        assert step is not None  # there are steps
    elif wrong := troubles(directory / str(step), older_kind(directory, there)):
        rows = "\n".join(f"  {line}" for line in wrong)
        raise DataError(f"step {step} in {directory} is damaged, choose one of {there}:\n{rows}")
    return step


def newest_good(directory: Path, mend: bool = False) -> int | None:
    """The newest step whose files are all as they were written; None if there are no steps.

    A line on the standard error says of each damaged step what is wrong and what is used instead.
    All processes must ask; the first one reads, and all get its answer.

    Args:
        directory: of the steps.
        mend: whether the folder is ours to write: leftovers of killed saves are removed, and
            damaged steps put aside as bad-<step>, so that they can be saved again.

    Raises:
        DataError: there are steps, and all are damaged; they are named, and left where they are.
    """
    return multihost.decided(lambda: _newest_good(directory, mend))


def _newest_good(directory: Path, mend: bool) -> int | None:
    if mend:
        clean(directory)
    there, bad, good = steps(directory), {}, None
    legacy = older_kind(directory, there)
    for step in reversed(there):
        wrong = troubles(directory / str(step), legacy)
        if not wrong:
            good = step
            break
        bad[step] = wrong[0] + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else "")
    if bad and good is None:
        rows = "\n".join(f"  step {step}: {reason}" for step, reason in bad.items())
        raise DataError(
            f"expected a whole checkpoint in {directory}, but all are damaged:\n{rows}\n"
            f"Copy one from where it is whole, or choose another --workdir: nothing is trained "
            f"over them"
        )
    for step, reason in bad.items():
        kept = f" (kept as {put_aside(directory, step).name})" if mend else ""
        say(f"checkpoint {step} is damaged{kept}: {reason}; step {good} is used instead")
    if legacy and good is not None:
        say(f"checkpoint {good} is from before {manifest.NAME} was written: it can be read, but "
            f"not compared with what was saved")  # fmt: skip
        if mend:
            for step in there[: there.index(good) + 1]:
                if not troubles(directory / str(step), legacy):
                    manifest.write(directory / str(step), step=step, adopted=True)
    return good


def older_kind(directory: Path, there: Iterable[int]) -> bool:
    """Whether the steps are from before there were manifests: then none has one."""
    return not any((directory / str(step) / manifest.NAME).exists() for step in there)


def troubles(
    folder: Path, legacy: bool, each: Callable[[str], None] = lambda name: None
) -> list[str]:
    """What is wrong with a step; one of an older kind is only read."""
    if not legacy:
        return manifest.problems(folder, each)
    try:
        arrays.flat(folder)
    except Exception as e:  # Orbax and TensorStore raise what they like
        return [f"cannot be read ({' '.join(str(e).split())[:200]})"]
    return []


def put_aside(directory: Path, step: int) -> Path:
    """Renames a damaged step, so that Orbax and we take it for none."""
    names = (f"bad-{step}" + (f".{i}" if i else "") for i in range(10_000))
    target = next(directory / name for name in names if not (directory / name).exists())
    os.rename(directory / str(step), target)
    return target


def remove(directory: Path, step: int) -> None:
    """Deletes a step; killed half-way, it leaves nothing that looks like one."""
    doomed = directory / f"{step}{DELETING}"
    os.rename(directory / str(step), doomed)
    shutil.rmtree(doomed)


def clean(directory: Path) -> None:
    """Removes what killed saves and deletions have left."""
    for path in directory.iterdir() if directory.is_dir() else ():
        if path.name.endswith((SAVING, DELETING)) or ORBAX in path.name:
            shutil.rmtree(path)


def say(line: str) -> None:
    """One line for the reader, whatever the command prints for programs."""
    print(line, file=sys.stderr, flush=True)
