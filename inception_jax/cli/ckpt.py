"""inception-jax ckpt ls WORKDIR      a run's checkpoints: when, how large, how good, why kept
inception-jax ckpt verify WORKDIR  compares every byte with what was saved
inception-jax ckpt diff A B        how far the arrays of two checkpoints are apart

`inception-jax ckpt ls --help`, and so on, explains one.
"""  # noqa: D205, D415

from inception_jax.cli import actions

ACTIONS = ("ls", "verify", "diff")  # each a module: ckpt_ls, ...


def main(argv: list[str]) -> int | None:
    """Runs the command."""
    return actions.run("ckpt", ACTIONS, __doc__, argv)
