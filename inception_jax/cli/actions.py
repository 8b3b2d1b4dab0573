"""Commands with actions, such as `ckpt ls`: each action is a module, such as ckpt_ls."""

import importlib

from inception_jax.cli.flags import HELP
from inception_jax.errors import ConfigError

# Command -> action -> its arguments and what it does.
ACTIONS = {
    "ckpt": {
        "ls WORKDIR": "list a run's checkpoints: time, size, top-1, why each is retained",
        "verify WORKDIR": "compare every byte with the checksums written on saving",
        "diff A B": "compare the arrays of two checkpoints",
    },
    "data": {
        "check": "count a data set's images and find missing or unreadable ones",
        "show": "draw one training batch as the network receives it",
        "prepare": "convert ImageNet's tar files, or a folder of images, to ArrayRecord",
        "bench": "measure whether the input or the step is the bottleneck",
    },
    "runs": {
        "ls": "list the runs below a folder: state, step, newest and best top-1, time, date",
    },
    "sweep": {
        "expand": "build and check every trial of a config page's sweep; start none",
        "launch": "the same, then submit the trials to an engine",
        "status": "show the progress and the metric of each trial",
        "best": "print the best trial, and the flags that reproduce its config",
        "resume": "submit the unfinished trials again",
        "stop": "stop the running trials: each saves, and can be resumed",
        "work": "run one worker of a search; started by `launch`",
    },
}


def names(command: str) -> list[str]:
    """The actions of a command."""
    return [usage.split()[0] for usage in ACTIONS[command]]


def run(command: str, argv: list[str]) -> int | None:
    """Runs the action that the first word after the command names, or prints the usage."""
    action = argv[0] if argv else None
    if action in HELP:
        rows = [(f"inception-jax {command} {usage}", t) for usage, t in ACTIONS[command].items()]
        width = max(len(usage) for usage, _ in rows)
        print("\n".join(f"{usage.ljust(width)}  {text}" for usage, text in rows))
        print(f"\n`inception-jax {command} {names(command)[0]} --help` etc. explain each action.")
        return None
    if action not in names(command):
        expected = " or ".join(f"`{command} {name}`" for name in names(command))
        raise ConfigError(f"expected {expected}, got {action or 'none of them'}")
    return importlib.import_module(f"inception_jax.cli.{command}_{action}").main(argv[1:])
