"""Tests the reader and writer of files with one JSON object per line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_jax.checkpoint import retention
from inception_jax.report import curves
from inception_jax.workdir import jsonl

LINES = [
    {"step": step, "epoch": 0.5, "time": 1.5, "split": "prüfung", "loss": step / 3}
    for step in range(1, 5)
]


@given(cut=st.integers(0, 500), at=st.integers(0, 5))
def test_a_cut_file(tmp_path_factory, cut, at):
    """Wherever a kill cuts the file, complete lines up to the restored step stay, no others."""
    path = tmp_path_factory.mktemp("cut") / "metrics.jsonl"
    data = "".join(json.dumps(x, ensure_ascii=False) + "\n" for x in LINES).encode()[:cut]
    path.write_bytes(data)
    complete = [json.loads(x) for x in data.split(b"\n")[: data.count(b"\n")]]
    lines = jsonl.read(path)
    assert lines in (complete, LINES[: len(complete) + 1])  # a line may lack only its newline
    jsonl.drop_after(path, at)
    assert jsonl.read(path) == [x for x in lines if x["step"] <= at]
    assert path.read_bytes().endswith(b"\n") or not path.read_bytes()


def test_damaged_lines_are_numbered_and_left_out(tmp_path):
    """A damaged line, or one that is no object, loses only itself; blank lines do not count."""
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"step": 1}\n{"ste\n\n[1]\n\xff\n' + b"[" * 100_000 + b'\n{"step": 3}\n')
    assert [x["step"] for x in jsonl.read(path)] == [1, 3]
    with jsonl.opened(path) as file:
        found = list(jsonl.lines(file))
        assert [(line.number, line.value is not None) for line in found] == [
            (1, True), (2, False), (4, False), (5, False), (6, False), (7, True),
        ]  # fmt: skip
        assert [jsonl.line_at(file, line.start).get("step") for line in found][::5] == [1, 3]


ODD = [
    b"5", b"null", b'"x"', b'{"step": 1}', b'{"step": 1, "epoch": 1, "time": 1}',
    *(
        b'{"step": %b, "epoch": %b, "time": %b, "split": %b}' % values
        for values in (
            (b"true", b"1", b"1", b'"train"'), (b"1.5", b"1", b"1", b'"train"'),
            (b'"1"', b"1", b"1", b'"train"'), (b"null", b"1", b"1", b'"train"'),
            (b"9" * 400, b"1", b"1", b'"train"'), (b"-" + b"9" * 19, b"1", b"1", b'"train"'),
            (b"9" * 5000, b"1", b"1", b'"train"'), (b"1", b"NaN", b"1", b'"train"'),
            (b"1", b"9" * 400, b"1", b'"train"'), (b"1", b"1", b"1e400", b'"train"'),
            (b"1", b"1", b"-Infinity", b'"train"'), (b"1", b"1", b"1", b'["train"]'),
            (b"1", b"1", b"1", b"1"),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_every_reader_passes_over_an_odd_line(tmp_path, odd):
    """No reader of a run's metrics fails on a line, or reads one that another leaves out."""
    good = {"step": 7, "epoch": 2.0, "time": 5.0, "split": "test", "top1": 0.5, "loss": 1.0}
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(json.dumps(good).encode() + b"\n" + odd + b"\n")
    assert jsonl.read(path, jsonl.METRICS) == [good]
    assert jsonl.last(path, jsonl.METRICS) == good
    assert retention.scores(tmp_path, "test") == {7: 0.5}
    notes = []
    (curve,) = curves.read(path, notes).curves
    assert curve.newest == good and notes == ["metrics.jsonl: 1 damaged line was skipped (line 2)"]
    jsonl.drop_after(path, 7)
    assert path.read_text() == json.dumps(good) + "\n"


@pytest.mark.parametrize("sync", [False, True])
def test_append(tmp_path, sync):
    """Lines are added in order; one that a kill has cut does not take the next with it."""
    path = tmp_path / "a.jsonl"
    for line in LINES:
        jsonl.append(path, line, sync)
    assert jsonl.read(path) == LINES
    path.write_bytes(path.read_bytes()[:-5])
    jsonl.append(path, {"step": 9}, sync)
    assert jsonl.read(path) == [*LINES[:-1], {"step": 9}]


def test_last(tmp_path):
    """The last complete line with a time and a step, even above a damaged one."""
    path, fields = tmp_path / "m.jsonl", {"time": float, "step": int}
    assert jsonl.last(path, fields) is None
    path.write_text('{"time": 1, "step": 2}\n{"time": "x", "step": 3}\n{"ti')
    assert jsonl.last(path, fields) == {"time": 1, "step": 2}
    path.write_text("x" * jsonl.TAIL + path.read_text())
    assert jsonl.last(path, fields) is None  # the first is part of the long line
    path.write_text("x" * jsonl.TAIL + '\n{"time": 1, "step": 2}')
    assert jsonl.last(path, fields) == {"time": 1, "step": 2}


def test_no_file(tmp_path):
    """Nothing to read, and nothing to drop."""
    path = tmp_path / "metrics.jsonl"
    for _ in range(2):
        assert jsonl.read(path) == []
        jsonl.drop_after(path, 3)
        assert not path.is_file()
        path.mkdir(exist_ok=True)  # nor in a folder of that name


def test_a_full_disk_is_named(tmp_path):
    """By the file, which the system's error does not know."""
    (tmp_path / "m.jsonl").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device: '.*m\.jsonl'"):
        jsonl.append(tmp_path / "m.jsonl", {"step": 1})
