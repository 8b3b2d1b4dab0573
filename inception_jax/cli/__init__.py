"""The command line: `inception-jax <command> [flags]`; each command is a module of this package."""

import importlib
import signal
import sys
import traceback

from inception_jax import __version__
from inception_jax.errors import (
    ConfigError,
    HelpPrinted,
    UserError,
    did_you_mean,
    from_os_error,
)
from inception_jax.runtime import streams

# Name -> description. Modules are imported on demand: `--help` must not wait for JAX.
COMMANDS = {
    "train": "train a config page in a workdir, or resume the run in it",
    "lr": "find a learning rate for a config page by a short test",
    "eval": "evaluate a run on a split: top-1, top-5, loss, calibration, per class",
    "predict": "classify images, or write their features",
    "probe": "measure features: linear probe, nearest neighbours, few examples",
    "explain": "explain predictions: heat maps, branches, nearest training images, features",
    "fid": "compare two folders of images: FID, KID, Inception Score",
    "describe": "print a network's table: figure, grid, channels, parameters, MACs",
    "import": "convert another framework's weights to a checkpoint",
    "export": "write a run's weights in another framework's names, or its network as a graph",
    "config": "check a config page and print the resulting config",
    "ckpt": "list a run's checkpoints, verify every byte, or compare two",
    "plan": "estimate memory, time and collectives of a config's step, for any devices",
    "data": "check, show, prepare or benchmark a data set",
    "doctor": "check devices, hosts, data, disk and memory before a run",
    "launch": "submit a training to SLURM, Kubernetes, SkyPilot, xpk, or run it here",
    "sweep": "run many trials of one config page: expand, launch, monitor, compare",
    "runs": "list the runs below a folder",
    "report": "write runs or a sweep as one HTML page",
    "completion": "print a script by which bash, zsh or fish completes command lines",
}

# What --help lists together; a command that is in no group comes last.
GROUPS = {
    "train and evaluate": ("train", "lr", "eval", "predict", "report", "runs"),
    "look into a network": ("explain", "probe", "fid"),
    "data": ("data",),
    "networks and weights": ("describe", "import", "export", "ckpt"),
    "before a run": ("config", "plan", "doctor"),
    "clusters and sweeps": ("launch", "sweep"),
    "shell": ("completion",),
    "more": (),
}

HELP = {"-h", "--help", "-help"}
# What a command line begins with whose result is a run.
RUNS = (("train",), ("launch", "local"), ("launch", "retry"), ("sweep", "work"),
        *(("sweep", action) for action in ("launch", "resume")))  # fmt: skip

USAGE = """usage: inception-jax <command> [flags]

{commands}

`inception-jax <command> --help` explains one; `inception-jax config --explain=KEY` a config key.

exit codes:
  0   done
  65  bad data, non-finite loss, or no checkpoint
  70  no step for too long, or another process has died
  74  disk full
  75  stopped after saving: the same command resumes
  78  bad config or command line"""
FIRST = """
to begin with (a minute, no data needed):
  inception-jax train --config=configs/digits.py --workdir=runs/digits
`inception-jax --help` has an example of each command."""


def usage(with_examples: bool) -> str:
    """The commands in groups, each with its description and, if wanted, an example."""
    from inception_jax.cli.examples import EXAMPLES

    width, lines = max(map(len, COMMANDS)), list[str]()
    grouped = {name for names in GROUPS.values() for name in names}
    for title, names in GROUPS.items():
        names = names or tuple(name for name in COMMANDS if name not in grouped)
        lines += ["", f"{title}:"] if names else []
        for name in names:
            lines.append(f"  {name:{width}}  {COMMANDS[name]}")
            if with_examples and name in EXAMPLES:
                lines.append(f"      inception-jax {EXAMPLES[name]}")
    return USAGE.format(commands="\n".join(lines[1:]))


def main(argv: list[str] | None = None) -> int:
    """Runs a command line and returns its exit code.

    Without `argv` it is this process's own, which then ends with the command.
    """
    if argv is not None:
        return _main(argv)
    streams.install()
    argv = sys.argv[1:]
    if runs := is_run(argv):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal is closed: the run goes on
    code = _main(argv, own_process=True)
    if code == 0 and not runs and (error := streams.output_error()):
        print(f"inception-jax {argv[0]}: {error}", file=sys.stderr)
        return error.code
    return code


def is_run(argv: list[str]) -> bool:
    """Whether a command's result is a run and not its text; by its code a launcher restarts it."""
    if not HELP.isdisjoint(argv):
        return False
    return tuple(argv[:1]) in RUNS or (tuple(argv[:2]) in RUNS and "--print" not in argv)


def _main(argv: list[str], own_process: bool = False) -> int:
    if len(argv) > 1 and argv[0] == "help":
        argv = [*argv[1:], "--help"]
    if not argv:
        print(usage(with_examples=False) + "\n" + FIRST)
        return 78
    if argv[0] in HELP | {"help"}:
        print(usage(with_examples=True))
        return 0
    if argv[0] == "--version":
        print(__version__)
        return 0
    try:
        if argv[0] not in COMMANDS:
            raise unknown_command(argv[0])
        code = _run(argv[0], argv[1:]) or 0
        report_end(code)
        return code
    except HelpPrinted:
        return 0
    except KeyboardInterrupt as e:  # outside of training, which saves first
        report_end(130, e, f"inception-jax {argv[0]}: interrupted")
        return 130  # 128 + SIGINT, as in a shell
    except BaseException as e:
        error = e if isinstance(e, UserError) else from_os_error(e)
        if error is None:
            report_end(1, e)
            if isinstance(e, SystemExit):  # of a library: only a finished command ends with 0
                raise RuntimeError(f"a library has called sys.exit({e.code!r})") from e
            raise
        name = f" {argv[0]}" if argv[0] in COMMANDS else ""
        report_end(error.code, error, f"inception-jax{name}: {error}", own_process)
        return error.code


def _run(name: str, argv: list[str]) -> int | None:
    """Runs a command's module, or one of its actions."""
    from inception_jax.cli import actions

    if name in actions.ACTIONS:
        return actions.run(name, argv)
    return importlib.import_module(f"inception_jax.cli.{name}").main(argv)


def report_end(
    code: int, error: BaseException | None = None, text: str = "", own_process: bool = False
) -> None:
    """Prints a command's error, once per job, and notifies the job's other processes.

    A process that ends alone exits immediately: JAX's shutdown would wait for the others. Without
    `text` the traceback is printed; without `own_process`, a process without others goes on.
    """
    # Not imported here: most commands have no other processes.
    distributed = sys.modules.get("inception_jax.runtime.distributed")
    if distributed is None or not distributed.joined():
        if text:
            print(text, file=sys.stderr)
        if own_process and distributed is not None and getattr(error, "abrupt", False):
            distributed.hard_exit(code)
        return
    shared, abrupt = getattr(error, "shared", False), getattr(error, "abrupt", False)
    if text and (distributed.first() or not shared):
        print(text, file=sys.stderr)
    if error is not None and not text:
        distributed.listen_for_cause()
    distributed.say_goodbye(error)
    if error is not None and (abrupt or not shared):
        if not text:
            traceback.print_exception(error)
        distributed.hard_exit(code, goodbye=shared)


def unknown_command(word: str) -> ConfigError:
    """The error for a first word that is not a command."""
    if word.startswith("-"):
        example = f"inception-jax train {word}"
        return ConfigError(f"expected a command before {word!r}, for example: {example}")
    hint = did_you_mean(word, COMMANDS)
    return ConfigError(f"unknown command {word!r}, expected one of {', '.join(COMMANDS)}{hint}")
