"""The command line: `inception-jax <command> [flags]`; each command is a module of this package."""

import importlib
import sys

# Name -> what it does. Modules are imported when they are called: `--help` must not wait for JAX.
COMMANDS = {
    "train": "train a config page in a workdir, or continue the run that is there",
    "eval": "evaluate a run on a split: top-1, top-5, loss, calibration, per class",
    "predict": "name what is in image files or folders",
    "fid": "compare two folders of images: FID, KID, Inception Score",
    "describe": "print a network's table: figure, grid, channels, parameters, MACs",
    "import": "turn another framework's weights into a checkpoint of ours",
    "export": "write a run's weights in torch's names, or its network as StableHLO",
    "config": "print a config page as it would be used, after checking it",
    "ckpt": "list a run's checkpoints, verify every byte, or compare two",
    "plan": "compile a page's step: bytes of a device and collectives, for any devices",
    "data": "check, show, prepare or measure a data set",
    "doctor": "look for what would stop a run: devices, hosts, data, disk, memory",
    "launch": "hand a command to SLURM, Kubernetes, SkyPilot, xpk or this machine",
    "sweep": "many trials of one page: expand, launch, watch, compare",
    "report": "draw one or several runs as one HTML page",
}

USAGE = """usage: inception-jax <command> [flags]

commands:
{commands}

`inception-jax <command> --help` explains one.

exit codes:
  0   done
  65  bad data, non-finite loss, or no checkpoint
  70  no step for too long, or another process is gone
  74  disk full
  75  stopped after saving: the same command resumes
  78  bad config or command line"""


def main(argv: list[str] | None = None) -> int:
    """Runs a command line and returns its exit code."""
    ours = argv is None  # the process is this command, and may be ended with it
    argv = sys.argv[1:] if argv is None else argv
    if len(argv) > 1 and argv[0] == "help":
        argv = [argv[1], "--help"]
    if not argv or argv[0] in ("-h", "--help", "-help", "help"):
        width = max(map(len, COMMANDS))
        rows = "\n".join(f"  {name.ljust(width)}  {text}" for name, text in COMMANDS.items())
        print(USAGE.format(commands=rows))
        return 0 if argv else 78
    if argv[0] == "--version":
        from inception_jax import __version__

        print(__version__)
        return 0
    from inception_jax.errors import UserError

    try:
        if argv[0] not in COMMANDS:
            raise unknown_command(argv[0])
        command = importlib.import_module(f"inception_jax.cli.{argv[0]}")
        code = command.main(argv[1:]) or 0
        report_end(code)
        return code
    except UserError as e:
        name = f" {argv[0]}" if argv[0] in COMMANDS else ""
        report_end(e.code, e, f"inception-jax{name}: {e}", ours)
        return e.code
    except KeyboardInterrupt as e:  # outside of training, which saves first
        report_end(130, e, f"inception-jax {argv[0]}: interrupted")
        return 130  # 128 + SIGINT, as a shell has it
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        return 0
    except Exception as e:
        report_end(1, e)
        raise


def report_end(
    code: int, error: BaseException | None = None, text: str = "", ours: bool = False
) -> None:
    """Prints how a command ends, where a person should read it; tells the job's other processes.

    A process whose end they do not share leaves at once: JAX's own goodbye would wait for them.
    """
    # Not imported here: most commands have no other processes.
    distributed = sys.modules.get("inception_jax.runtime.distributed")
    if distributed is None or not distributed.joined():
        if text:
            print(text, file=sys.stderr)
        if ours and distributed is not None and getattr(error, "abrupt", False):
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
            import traceback

            traceback.print_exception(error)
        distributed.hard_exit(code, goodbye=shared)


def unknown_command(word: str) -> Exception:
    """The error for a first word that is no command."""
    from inception_jax.errors import ConfigError

    if word.startswith("-"):
        word_first = f"inception-jax train {word}"
        return ConfigError(f"expected a command before {word!r}, for example: {word_first}")
    import difflib

    near = difflib.get_close_matches(word, COMMANDS, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return ConfigError(f"unknown command {word!r}, expected one of {', '.join(COMMANDS)}{hint}")
