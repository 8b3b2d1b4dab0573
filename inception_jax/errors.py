"""The errors that end a command, with their exit codes, and the mapping from errno to them.

A message states the expected and the actual value, and what to change. `cli.main` prints it without
a traceback; any other exception is a crash and keeps its traceback.
"""

import contextlib
import difflib
import errno
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # EFBIG: above the file system's or ulimit's size
UNWRITABLE = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.ETXTBSY,
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY,
)  # fmt: skip
# TensorStore gives the errno in words only, Rust's libraries as `os error 13`.
FULL_WORDS = (*(os.strerror(number) for number in FULL), "ENOSPC", "EDQUOT")
IN_WORDS = re.compile(r"\bos error (\d+)\b")


class HelpPrinted(SystemExit):
    """Ends a command that has printed its `--help`; the exit code is 0."""


def shown(text: object) -> str:
    r"""Text of the outside world (a file's name, a host's, a class's) as it may be printed.

    It stays on its line and moves no cursor: control characters, line breaks and marks that change
    the direction of writing are escaped, and bytes of a file's name that are no text are `\xNN`.
    """

    def escaped(c: str) -> str:
        if c.isprintable() or unicodedata.category(c) == "Zs":  # a wide space, in Japanese names
            return c
        code = ord(c)
        if 0xDC80 <= code <= 0xDCFF:  # a byte, by Python's `surrogateescape`
            return f"\\x{code - 0xDC00:02x}"
        return repr(c)[1:-1] if code < 0x80 else f"\\u{code:04x}"

    text = str(text)
    return text if text.isprintable() else "".join(map(escaped, text))


def shown_lines(text: object) -> str:
    """Text of several lines, each as by `shown`."""
    return "\n".join(map(shown, str(text).split("\n")))


class UserError(Exception):
    """Base of every error that a user can cause and fix.

    Names in its message are of the outside world, and so it is as by `shown_lines`.

    Attributes:
        code: the exit code.
        shared: whether all processes of a job raise it at the same point.
        abrupt: whether threads may be left that never end, so that the process must exit hard.
    """

    code = 1
    shared = False
    abrupt = False

    def __init__(self, message: object):
        super().__init__(shown_lines(message))


class ConfigError(UserError, ValueError):
    """A bad config or command line, or a workdir of another config (sysexits' EX_CONFIG)."""

    code = 78


class DataError(UserError):
    """Missing or unreadable images, or no usable checkpoint (EX_DATAERR)."""

    code = 65


class DivergedError(UserError):
    """The loss or the gradient is no longer finite (EX_DATAERR).

    Attributes:
        step: the first non-finite one.
    """

    code = 65
    shared = True
    step = 0


class DiskFullError(UserError):
    """No space left for an output (EX_IOERR)."""

    code = 74


class PreemptedError(UserError):
    """Stopped by SIGTERM or SIGINT after saving: the same command resumes (EX_TEMPFAIL)."""

    code = 75
    shared = True
    abrupt = True  # the compiler, or a reader on a dead file system


class StoppedEarlyError(PreemptedError):
    """Stopped by a signal before the first step, during compilation: nothing was lost."""

    shared = False


class LostProcessError(UserError):
    """A process of the job did not connect, died or hangs (EX_SOFTWARE)."""

    code = 70


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """The end of a message about a misspelt word: the nearest choice; empty if none is near."""
    near = difflib.get_close_matches(word, list(choices), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def causes(error: BaseException, implicit: bool = True) -> Iterator[BaseException]:
    """Yield an error and the errors it was raised from; with `implicit`, or while handling."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (cause.__context__ if implicit else None)


def from_os_error(
    error: BaseException, what: str = "", resumes: str = "", elsewhere: str = ""
) -> UserError | None:
    """Convert a failed write to a `DiskFullError` or a `ConfigError`, whatever library wraps it.

    Args:
        error: as raised; its causes are searched for the errno.
        what: the output, such as `a checkpoint in /runs/a`. If not given, the error's path is
            named, which may also be an input that cannot be read.
        resumes: what the same command does once there is space, for the message.
        elsewhere: how another place is chosen, such as `give --out=DIR`.

    Returns:
        The error to raise from `error`; None if it has another cause.
    """
    for cause in causes(error):
        number, name, reason = _os_error(cause, what)
        if number in FULL or any(word in str(cause) for word in FULL_WORDS):
            then = f": it {resumes}" if resumes else ""
            return DiskFullError(
                f"no room left for {name or 'an output'} ({reason}); free some space and run the "
                f"same command again{then}"
            )
    for cause in causes(error, implicit=bool(what)):
        number, name, reason = _os_error(cause, what)
        if number in UNWRITABLE and name:
            verb, fix = "write", f"make it writable, or {elsewhere or 'choose another place'}"
            if not what:
                verb, fix = "read or write", "expected one that exists, or a writable place"
            return ConfigError(f"cannot {verb} {name} ({reason}); {fix}")
    return None


def _os_error(error: BaseException, what: str) -> tuple[int | None, str, str]:
    """The errno of an error, what it is about (`what`, or a path if it has one), and its reason."""
    text = (str(error).splitlines() or [type(error).__name__])[0][:300]
    if not isinstance(error, OSError):
        match = IN_WORDS.search(text)
        return int(match[1]) if match else None, what, text
    path = error.filename if error.filename2 is None else error.filename2
    if what or path is None:
        return error.errno, what, text
    path = shown(os.fsdecode(path) if isinstance(path, bytes) else path)
    return error.errno, path, error.strerror or text


@contextlib.contextmanager
def writing(what: str = "", resumes: str = "", elsewhere: str = "") -> Iterator[None]:
    """Raise the error of `from_os_error` for a write that fails in the body."""
    try:
        yield
    except UserError:
        raise
    except Exception as e:
        if (error := from_os_error(e, what, resumes, elsewhere)) is None:
            raise
        raise error from e
