"""What can end a command, and the exit code it ends with.

A message says what was expected, what came, and what to change. `cli.main` prints it without a
traceback; any other exception is a crash and keeps its traceback.
"""


class UserError(Exception):
    """Base of every error that a user can cause and mend.

    Attributes:
        code: the exit code.
        shared: whether all processes of a job raise it at the same point.
        abrupt: whether threads may be left that never end, so that the process has to.
    """

    code = 1
    shared = False
    abrupt = False


class ConfigError(UserError, ValueError):
    """A bad config or command line, or a workdir of another config (sysexits' EX_CONFIG)."""

    code = 78


class DataError(UserError):
    """Missing or unreadable images, or no usable checkpoint (EX_DATAERR)."""

    code = 65


class DivergedError(UserError):
    """The loss or the gradient is no longer finite (EX_DATAERR).

    Attributes:
        step: the first that was not finite.
    """

    code = 65
    shared = True
    step = 0


class DiskFullError(UserError):
    """No room left for a checkpoint (EX_IOERR)."""

    code = 74


class PreemptedError(UserError):
    """Stopped by SIGTERM or SIGINT after saving: the same command resumes (EX_TEMPFAIL)."""

    code = 75
    shared = True
    abrupt = True  # the compiler, or a reader on a dead file system


class StoppedEarlyError(PreemptedError):
    """Stopped by a signal before the first step, while the compiler works: nothing was lost."""

    shared = False


class LostProcessError(UserError):
    """A process of the job did not come, died or hangs (EX_SOFTWARE)."""

    code = 70
