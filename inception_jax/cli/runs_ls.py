"""inception-jax runs ls [FOLDER] [--sort=date|best|name] [--json]

Lists every run below a folder (this one if none is given): its state (running, done, stopped,
failed, imported), step of all steps, the metric of its task (top-1, mAP, R2, recall@1) at the
newest evaluation and at the best, time of work without pauses, and when it last wrote. Only the
ends of long files are read.
"""  # noqa: D415

from dataclasses import asdict
from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("runs ls", __doc__).arguments("a folder", "runs", 0).json()
    values = flags.text("sort", "date", "date, the newest first; best; name").parse(argv)
    from inception_jax.report import run_list

    folder = Path(flags.words[0] if flags.words else ".")
    if values.sort not in run_list.SORTS:
        raise ConfigError(f"--sort={values.sort}: expected one of {', '.join(run_list.SORTS)}")
    if not folder.is_dir():
        raise ConfigError(f"expected a folder of runs, found {folder}, which is none")
    lines = run_list.read_all(folder, values.sort)
    if not lines and not values.json:
        raise ConfigError(f"{folder}: expected directories of `inception-jax train` below it")
    flags.print([asdict(line) for line in lines], lambda: run_list.text(lines), indent=1)
