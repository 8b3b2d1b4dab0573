"""Tests `cli.main`: what becomes of errors that no command expects."""

import errno

import pytest

from inception_jax import cli
from inception_jax.cli import describe


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (OSError(errno.EDQUOT, "Disk quota exceeded", "/a"), 74, "no room left for /a (Disk quota"),
        (PermissionError(errno.EACCES, "Denied", "/a"), 78, "cannot read or write /a (Denied)"),
        (OSError(errno.EIO, "I/O error", "/a"), OSError, ""),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), BrokenPipeError, ""),  # of a socket
        (SystemExit(0), RuntimeError, ""),  # of a library
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_an_error_of_the_system(monkeypatch, capsys, error, code, says):
    """It is one line with the path and a code that is never 0; a bug keeps its traceback."""

    def fail(argv):
        raise error

    monkeypatch.setattr(describe, "main", fail)
    if isinstance(code, type):
        with pytest.raises(code):
            cli.main(["describe"])
        return
    assert cli.main(["describe"]) == code
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("train --config=a", True),
        ("launch local -- train", True),
        ("train --help", False),
        ("sweep work help", True),  # a directory
        ("launch retry --code=1", True),
        ("sweep work a", True),
        ("launch slurm -- train", False),
        ("sweep launch --print", False),
        ("sweep status", False),
        ("describe", False),
        ("", False),
    ],
)
def test_commands_whose_lost_text_is_no_error(words, expected):
    """Those by whose code a launcher restarts; not the files that --print prints."""
    assert cli.is_run(words.split()) is expected
