"""inception-jax data check    what is in a data set, and what is missing or cannot be read
inception-jax data show     a picture of one training batch, as the network sees it
inception-jax data prepare  ImageNet from its tar files, or a folder of images, as ArrayRecord
inception-jax data bench    what an image costs, and whether the input or the step is slower

`inception-jax data check --help`, and so on, explains one.
"""  # noqa: D205, D415

import importlib

from inception_jax.cli.flags import HELP
from inception_jax.errors import ConfigError

ACTIONS = ("check", "show", "prepare", "bench")  # each a module: data_check, ...


def main(argv: list[str]) -> None:
    """Runs the command."""
    action = next((word for word in argv if word in ACTIONS), None)
    if action is None and HELP & set(argv):
        print((__doc__ or "").strip())
        return
    if action is None:
        words = " ".join(word for word in argv if not word.startswith("--"))
        raise ConfigError(
            f"expected `data {'` or `data '.join(ACTIONS)}`, got {words or 'none of them'}"
        )
    argv = list(argv)
    argv.remove(action)
    importlib.import_module(f"inception_jax.cli.data_{action}").main(argv)
