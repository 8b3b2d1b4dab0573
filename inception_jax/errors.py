"""What can end a command, and the exit code it ends with.

A message says what was expected, what came, and what to change. `cli.main` prints it without a
traceback; any other exception is a crash and keeps its traceback.
"""


class UserError(Exception):
    """Base of every error that a user can cause and mend."""

    code = 1


class ConfigError(UserError, ValueError):
    """A bad config or command line, or a workdir of another config (sysexits' EX_CONFIG)."""

    code = 78


class DataError(UserError):
    """Missing or unreadable images, or no usable checkpoint (EX_DATAERR)."""

    code = 65


class DivergedError(UserError):
    """The loss or the gradient is no longer finite (EX_DATAERR)."""

    code = 65


class DiskFullError(UserError):
    """No room left for a checkpoint (EX_IOERR)."""

    code = 74


class PreemptedError(UserError):
    """Stopped by SIGTERM or SIGINT after saving: the same command resumes (EX_TEMPFAIL)."""

    code = 75
