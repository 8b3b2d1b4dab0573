"""inception-jax sweep expand   build and check every trial of a page's sweep; start none
inception-jax sweep launch   the same, and hand the trials to an engine
inception-jax sweep status   how far each trial is, and how good
inception-jax sweep best     the best trial, as a --config line
inception-jax sweep resume   start again what is not done
inception-jax sweep stop     end what is running: it saves, and can be resumed
inception-jax sweep work     one worker of a search: what `launch` starts

`inception-jax sweep launch --help`, and so on, explains one. `inception-jax report DIR` draws it.
"""  # noqa: D205, D415

from inception_jax.cli import actions

# Each a module: sweep_expand, ...
ACTIONS = ("expand", "launch", "status", "best", "resume", "stop", "work")


def main(argv: list[str]) -> int | None:
    """Runs the command."""
    return actions.run("sweep", ACTIONS, __doc__, argv)
