"""inception-jax ckpt ls WORKDIR [--verify] [--json]

Lists a run's checkpoints: step, epoch, time, size, top-1 if it was evaluated, and why it is
retained: among the newest, among the best, or at an interval of checkpoint.keep_every_epochs. The
state is `unverified` if only names and sizes of its files were compared, `good` after --verify has
read every byte, and `bad` if a file is damaged, or the step is of another run.
"""  # noqa: D415

from pathlib import Path

from inception_jax.cli.flags import Flags


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("ckpt ls", __doc__).arguments("a run", "runs/digits").json()
    values = flags.switch("verify", "read every byte").parse(argv)
    from inception_jax.checkpoint import listing

    rows = listing.rows(Path(flags.words[0]), sums=values.verify)
    flags.print(rows, lambda: listing.table(rows), indent=1)
