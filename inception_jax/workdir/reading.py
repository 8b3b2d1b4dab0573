"""Read files of a run that may be damaged, or no files at all: the only JSON reader of them."""

import codecs
import functools
import json
import os
import stat
import sys
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from inception_jax.errors import shown

DIGITS = 18  # of the longest whole number: 64 bits hold it
KINDS = {dict: "an object", list: "an array"}

T = TypeVar("T", dict[str, Any], list[Any])


def opened(path: Path, flags: int = 0) -> BufferedReader:
    """Open a regular file for reading; unlike `open`, it never waits for the writer of a FIFO.

    Args:
        path: of the file.
        flags: further ones of `os.open`, such as O_NOFOLLOW.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: it is something else than a file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ValueError("it is not a regular file")
    return os.fdopen(handle, "rb")


def decoded(text: bytes) -> Any:
    """Parse JSON. A number of too many digits becomes a float, an infinite one if need be.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        return _FLAT.decode(text)
    except msgspec.DecodeError:
        return _decoded_by_json(text.decode())


def _decoded_by_json(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= DIGITS else float(digits)


_DECODER = json.JSONDecoder(parse_int=_whole)  # `json.loads` would make one for each text
# A flat object, as the lines of metrics.jsonl are, is parsed seven times as fast. Other texts, and
# what only `json` reads (NaN, longer numbers), are left to the decoder above.
_WHOLE = Annotated[int, msgspec.Meta(gt=-(10 ** (DIGITS - 1)), lt=10**DIGITS)]
_FLAT = msgspec.json.Decoder(dict[str, _WHOLE | float | str | bool | None])


def content(path: Path, flags: int = 0) -> bytes:
    """Read a regular file that is not empty; the arguments are those of `opened`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read; the message says why.
    """
    try:
        with opened(path, flags) as file:
            text = file.read()
    except FileNotFoundError:
        raise
    except OSError as e:
        raise ValueError(f"it cannot be read: {e.strerror}") from e
    if not text.strip():
        raise ValueError("it is empty")
    return text


def json_file(path: Path, kind: type[T]) -> T:
    """Read the JSON object (dict) or array (list) in a file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, or holds something else; the message says what.
    """
    value = decoded(content(path).removeprefix(codecs.BOM_UTF8))
    if not isinstance(value, kind):
        raise ValueError(f"expected {KINDS[kind]}, found {type(value).__name__}")
    return value


@functools.cache
def note(line: str) -> None:
    """Print a line about something odd to standard error, once in this process."""
    print(shown(line), file=sys.stderr, flush=True)
