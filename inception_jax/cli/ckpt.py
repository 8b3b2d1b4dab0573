"""inception-jax ckpt ls WORKDIR      a run's checkpoints: when, how large, how good, why kept
inception-jax ckpt verify WORKDIR  compares every byte with what was saved
inception-jax ckpt diff A B        how far the arrays of two checkpoints are apart

`inception-jax ckpt ls --help`, and so on, explains one.
"""  # noqa: D205, D415

import importlib

from inception_jax.cli.flags import HELP
from inception_jax.errors import ConfigError

ACTIONS = ("ls", "verify", "diff")  # each a module: ckpt_ls, ...


def main(argv: list[str]) -> int | None:
    """Runs the command."""
    action = argv[0] if argv else None
    if action in HELP:
        print((__doc__ or "").strip())
        return None
    if action not in ACTIONS:
        raise ConfigError(
            f"expected `ckpt {'` or `ckpt '.join(ACTIONS)}`, got {action or 'none of them'}"
        )
    return importlib.import_module(f"inception_jax.cli.ckpt_{action}").main(argv[1:])
