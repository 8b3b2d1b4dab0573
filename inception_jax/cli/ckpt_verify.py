"""inception-jax ckpt verify WORKDIR [--step=N] [--json]

Reads every byte of a run's checkpoints and compares it with manifest.json, which was written with
them. Exits with 65 and says why if any is not good: a file is damaged, missing or too many, or the
step is of another run. Nothing is changed: `train` resumes from the newest good checkpoint and
renames later ones to bad-<step>.
"""  # noqa: D415

import sys
from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import DataError, shown
from inception_jax.progress import Progress


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("ckpt verify", __doc__).arguments("a run", "runs/digits")
    flags.json("print a JSON object: problems by step")
    values = flags.whole("step", None, "verify only this step").parse(argv)
    from inception_jax.checkpoint import folder

    directory, steps = folder.of_run(Path(flags.words[0]), values.step)
    chosen = steps if values.step is None else [values.step]
    problems = {step: _verify(directory / str(step)) for step in chosen}
    good = "every byte is as it was saved"
    lines = [f"step {step}: {'not good' if p else good}" for step, p in problems.items()]
    flags.print({str(step): p for step, p in problems.items()}, lambda: "\n".join(lines), indent=1)
    if bad := [step for step, p in problems.items() if p]:
        details = [f"  step {step}: {line}" for step in bad for line in problems[step]]
        print(*map(shown, details), sep="\n", file=sys.stderr)
        raise DataError(f"not good in {directory}: step {', '.join(map(str, bad))}")


def _verify(step: Path) -> list[str]:
    """The problems of a checkpoint, found with a progress line."""
    from inception_jax.checkpoint import manifest

    sizes = {k: x for k, x in manifest.contents(step).items() if isinstance(x, int)}
    bar, done = Progress(sum(sizes.values()), label=f"step {step.name}, bytes"), 0

    def each(name: str) -> None:
        nonlocal done
        done += sizes.get(name, 0)
        bar.update(done, {})

    problems = manifest.problems(step, each)
    bar.close()
    return problems
