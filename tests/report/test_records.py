"""Tests `report/records.py`: damaged files, and numbers that are not numbers."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from inception_jax.report import records

from .read_page import columns, plain_text, written

MakeRun = Callable[..., Path]


def test_damaged_lines_are_skipped_with_a_note(make_run: MakeRun) -> None:
    """An incomplete line, bytes that are not text, and a line that is not an object.

    The rest of the file is drawn, and a note counts the damaged lines.
    """
    run = make_run()
    before = columns(written(run), "train")
    with (run / "metrics.jsonl").open("ab") as f:
        f.write(b'{"epoch": 1}\n[1, 2]\n\xff\xfe\n{"step": 3020, "epoch": 30.8, "spl')
    page = written(run)
    assert columns(page, "train") == before
    assert "metrics.jsonl: 4 damaged lines were skipped" in plain_text(page)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("[1]", "found list"),
        ("{", "is damaged"),
        ("", "is empty"),
        (None, "is missing"),
        ("{}", ""),
    ],
)
def test_objects(tmp_path: Path, text: str | None, note: str) -> None:
    """A file that is not an object is empty, with a note."""
    notes: list[str] = []
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    assert records.read_object(tmp_path / "config.json", notes) == {}
    assert notes == [] if not note else note in notes[0]


def test_numbers() -> None:
    """Booleans and strings are not numbers; NaN is a number, but not finite."""
    record = {"a": 1, "b": True, "c": "1", "d": math.nan, "e": 2.6}
    assert records.number(record, "a") == 1 and math.isnan(records.number(record, "d") or 0)
    assert records.number(record, "b") is None and records.number(record, "c") is None
    assert records.finite(record, "d") is None and records.whole(record, "e") == 3
    assert records.number(record, "missing") is None
