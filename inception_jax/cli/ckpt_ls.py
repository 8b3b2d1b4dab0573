"""inception-jax ckpt ls WORKDIR [--verify] [--json]

A line for each checkpoint of a run: step, epoch, when it was saved, its size, its top-1 where it
was evaluated, and why it is kept: it is one of the newest, one of the best, or at an interval of
checkpoint.keep_every_epochs. Its state is `unverified` where only names and sizes of its files are
compared, `good` where --verify has read every byte, and `bad` where something is wrong with it.
"""  # noqa: D415

import json
from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("ckpt ls", __doc__ or "").switch("verify", "read every byte")
    values = flags.switch("json", "print a JSON list").parse(argv, words=1)
    if not flags.words:
        raise ConfigError("expected a run, for example: inception-jax ckpt ls runs/digits")
    from inception_jax.checkpoint import listing

    rows = listing.rows(Path(flags.words[0]), sums=values.verify)
    print(json.dumps(rows, indent=1) if values.json else listing.table(rows))
