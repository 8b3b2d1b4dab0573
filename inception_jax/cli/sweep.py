"""inception-jax sweep expand   build and check every trial of a page's sweep; start none
inception-jax sweep launch   the same, and hand the trials to an engine
inception-jax sweep status   how far each trial is, and how good
inception-jax sweep best     the best trial, as a --config line
inception-jax sweep resume   start again what is not done
inception-jax sweep stop     end what is running: it saves, and can be resumed
inception-jax sweep work     one worker of a search: what `launch` starts

`inception-jax sweep launch --help`, and so on, explains one. `inception-jax report DIR` draws it.
"""  # noqa: D205, D415

import importlib

from inception_jax.cli.flags import HELP
from inception_jax.errors import ConfigError

# Each a module: sweep_expand, ...
ACTIONS = ("expand", "launch", "status", "best", "resume", "stop", "work")


def main(argv: list[str]) -> int | None:
    """Runs the command."""
    action = argv[0] if argv else None
    if action in HELP:
        print((__doc__ or "").strip())
        return None
    if action not in ACTIONS:
        raise ConfigError(
            f"expected `sweep {'` or `sweep '.join(ACTIONS)}`, got {action or 'none of them'}"
        )
    return importlib.import_module(f"inception_jax.cli.sweep_{action}").main(argv[1:])
