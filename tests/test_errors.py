"""Tests how errors of the operating system become exit codes."""

import errno
import os
from pathlib import Path

import pytest

from inception_jax import errors


def wrapped(error: Exception, raised_from: bool) -> Exception:
    """The error inside two others, as Orbax wraps them."""
    try:
        try:
            raise error
        except Exception as e:
            if raised_from:
                raise RuntimeError("could not write") from e
            raise RuntimeError("could not write")  # noqa: B904
    except Exception as e:
        return e


@pytest.mark.parametrize("raised_from", [True, False])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), errors.DiskFullError),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), errors.DiskFullError),
        (ValueError("RESOURCE_EXHAUSTED: No space left on device [a]"), errors.DiskFullError),
        (PermissionError(errno.EACCES, "Permission denied"), errors.ConfigError),
        (OSError(errno.EROFS, "Read-only file system"), errors.ConfigError),
        (FileNotFoundError(errno.ENOENT, "No such file", "/a"), errors.ConfigError),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory"), errors.ConfigError),
    ],
)
def test_from_os_error(error, kind, raised_from):
    """The cause decides, however deep it is; the message has the output and the cause."""
    for e in (error, wrapped(error, raised_from)):
        result = errors.from_os_error(e, "a checkpoint in /runs/a", "resumes")
        assert type(result) is kind and "a checkpoint in /runs/a (" in str(result)
        assert str(error) in str(result)
        assert str(result).endswith("again: it resumes") is (kind is errors.DiskFullError)


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (OSError(errno.ENOSPC, "No space"), 74, "no room left for an output ("),
        (OSError(errno.ENOSPC, "No space", "/runs/a"), 74, "no room left for /runs/a (No space);"),
        (OSError(errno.EFBIG, "File too large"), 74, "File too large"),
        (OSError(errno.EXDEV, "a", "/b", None, "/c"), 0, ""),
        (PermissionError(errno.EACCES, "Denied", b"/a\n\xff"), 78, r"write /a\n\xff (Denied);"),
        (OSError(errno.EACCES, "Denied", "/a", None, "/b"), 78, "read or write /b (Denied);"),
        (OSError(errno.ENAMETOOLONG, "Too long", "/a"), 78, "/a (Too long)"),
        (OSError(errno.ELOOP, "Loop", "/a"), 78, "/a (Loop)"),
        (PermissionError(errno.EPERM, "Not permitted"), 0, ""),  # such as of a signal: no path
        (ValueError("I/O error: Permission denied (os error 13)"), 0, ""),
        (ValueError("I/O error: No space left on device (os error 28)"), 74, "os error 28"),
    ],
)
def test_an_error_without_context(error, code, says):
    """It is named by its path, and converted if it or an error that it was raised from has one."""
    result = errors.from_os_error(error)
    assert (result.code if result else 0) == code and says in str(result or "")


def test_a_bug_beside_an_error_of_the_system_stays_a_bug():
    """Without context the cause must be explicit."""
    missing = FileNotFoundError(errno.ENOENT, "No such file", "/a")
    try:
        try:
            raise missing
        except OSError:
            raise KeyError("typo")  # noqa: B904
    except KeyError as e:
        assert errors.from_os_error(e) is None and errors.from_os_error(e, "a file")
    rust = ValueError("Permission denied (os error 13)")
    assert type(errors.from_os_error(rust, "a file")) is errors.ConfigError


@pytest.mark.parametrize("error", [KeyError("x"), OSError(errno.EIO, "I/O error"), ValueError()])
def test_other_errors_are_not_converted(error):
    """A bug stays a crash, with its traceback."""
    assert errors.from_os_error(wrapped(error, True), "a file") is None
    with pytest.raises(type(error)) as e, errors.writing("a file"):
        raise error
    assert e.value is error


def test_writing():
    """A failed write in the body is converted; an error of this package stays as it is."""
    with (
        pytest.raises(errors.ConfigError, match="cannot write a file") as e,
        errors.writing("a file"),
    ):
        Path("/proc/nowhere/a").write_text("")
    assert isinstance(e.value.__cause__, OSError)
    inner = errors.DataError("no images")
    inner.__cause__ = FileNotFoundError(errno.ENOENT, "No such file")
    with pytest.raises(errors.DataError), errors.writing("a file"):
        raise inner


def test_every_error_has_an_exit_code():
    """The codes that `inception-jax --help` lists."""
    codes = {
        kind.__name__: kind.code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.UserError)
    }
    assert codes == {
        "UserError": 1, "ConfigError": 78, "DataError": 65, "DivergedError": 65,
        "DiskFullError": 74, "PreemptedError": 75, "StoppedEarlyError": 75, "LostProcessError": 70,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a dog, ein Hündchen, 犬, 🐕.jpg", "a dog, ein Hündchen, 犬, 🐕.jpg"),
        ("a\nb\r\tc\x0b\x00", "a\\nb\\r\\tc\\x0b\\x00"),
        ("\x1b[2J\x1b]0;title\x07\x7f", "\\x1b[2J\\x1b]0;title\\x07\\x7f"),
        ("\x85\x9b2J\u2028\u2029", "\\u0085\\u009b2J\\u2028\\u2029"),  # NEL, CSI, line, paragraph
        ("x\u202egnp.exe\u2066\ufeff", "x\\u202egnp.exe\\u2066\\ufeff"),  # right to left
        ("新しい　犬\u00a0a", "新しい　犬\u00a0a"),  # wide spaces are usual in names
        (os.fsdecode(b"caf\xe9.png"), "caf\\xe9.png"),
        ("\ud800", "\\ud800"),
        (Path("a\nb"), "a\\nb"),
    ],
)
def test_shown(text, expected):
    """What is printed stays on its line, moves no cursor, and can be encoded."""
    assert errors.shown(text) == expected
    errors.shown(text).encode()


def test_messages_of_errors():
    """A message has its own lines; what it names moves no cursor and can be printed."""
    name = "a\x1b[2J" + os.fsdecode(b"\xe9")
    error = errors.ConfigError(f"{name}:\n  expected a file")
    assert str(error) == "a\\x1b[2J\\xe9:\n  expected a file"
    assert str(errors.DataError(error)) == str(error)
