"""inception-jax ckpt verify WORKDIR [--step=N] [--json]

Reads every byte of a run's checkpoints and compares it with manifest.json, which was written with
them. Ends with 65 when something is damaged, and names each file. Nothing is changed: `train` goes
on from the newest good one, and keeps damaged ones as bad-<step>.
"""  # noqa: D415

import json
import sys
from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError, DataError
from inception_jax.progress import Progress


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("ckpt verify", __doc__ or "").whole("step", None, "only this one")
    values = flags.switch("json", "print a JSON object: problems by step").parse(argv, words=1)
    if not flags.words:
        raise ConfigError("expected a run, for example: inception-jax ckpt verify runs/digits")
    from inception_jax.checkpoint import folder, manifest

    directory, there = folder.of_run(Path(flags.words[0]), values.step)
    chosen = there if values.step is None else [values.step]
    wrong = {}
    for step in chosen:
        where = directory / str(step)
        total = sum(p.stat().st_size for p in where.rglob("*") if p.is_file())
        bar, done = Progress(total, label=f"step {step}, bytes"), [0]

        def each(name: str, where: Path = where, bar: Progress = bar, done: list = done) -> None:
            done[0] += (where / name).stat().st_size if (where / name).exists() else 0
            bar.update(done[0], {})

        wrong[step] = manifest.problems(where, each)
        bar.close()
    if values.json:
        print(json.dumps({str(step): problems for step, problems in wrong.items()}, indent=1))
    for step, problems in wrong.items() if not values.json else ():
        print(f"step {step}: {'damaged' if problems else 'every byte is as it was saved'}")
        for line in problems:
            print(f"  {line}", file=sys.stderr)
    if damaged := [step for step, problems in wrong.items() if problems]:
        raise DataError(f"damaged in {directory}: step {', '.join(map(str, damaged))}")
