"""Tests the progress display: one redrawn line on a terminal, few plain lines elsewhere."""

import io
import os
import pty
import re
import struct
import termios
from fcntl import ioctl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_jax import progress
from inception_jax.progress import BLOCKS, Progress, duration

END = "<end>"


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the test moves: clock(seconds)."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def forward(seconds: float) -> None:
        now[0] += seconds

    return forward


@pytest.fixture
def terminal(monkeypatch):
    """A real terminal of a given width: terminal(columns) -> (stream, read)."""
    monkeypatch.setenv("TERM", "xterm")
    opened = []

    def make(columns: int):
        ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        stream = os.fdopen(theirs, "w", encoding="utf-8")
        opened.append((ours, stream))

        def read() -> str:
            stream.write(END)  # a terminal hands out its data in pieces
            stream.flush()
            data = b""
            while not data.endswith(END.encode()):
                data += os.read(ours, 65536)
            return data.decode().removesuffix(END)

        return stream, read

    yield make
    for ours, stream in opened:
        stream.close()
        os.close(ours)


def lines(text: str) -> list[str]:
    """The line after each redraw."""
    return [part.split("\r")[0] for part in text.split("\r\x1b[2K") if part]


def test_plain_lines_elsewhere(clock):
    """Off a terminal: a line every `quiet` seconds and at the end, no control characters."""
    stream = io.StringIO()
    bar = Progress(100, label="reading", quiet=10, stream=stream)
    for step in range(1, 101):
        bar.update(step, {"loss": f"{step}"})
        clock(1.0)
    bar.close()
    shown = [int(re.findall(r"(\d+)/100", x)[0]) for x in stream.getvalue().splitlines()]
    assert shown == [*range(1, 100, 10), 100]
    assert not re.search(r"[\r\x1b█]", stream.getvalue())
    assert stream.getvalue().splitlines()[1] == "reading  11/100  loss 11  ETA 1m29s"


def test_a_terminal_line_is_redrawn_at_most_ten_times_a_second(clock, terminal):
    """On a terminal: one line, redrawn in place."""
    stream, read = terminal(80)
    bar = Progress(100, stream=stream)
    for step in range(1, 65):
        bar.update(step, {})
        clock(1 / 64)
    drawn = read()
    assert "\n" not in drawn
    assert len(lines(drawn)) == 10


@pytest.mark.parametrize("columns", [12, 40, 80, 200])
def test_width_of_the_terminal_it_writes_to(clock, terminal, columns, monkeypatch):
    """No drawn line reaches the last column, whatever the width of standard output."""
    monkeypatch.setenv("COLUMNS", "500")
    stream, read = terminal(columns)
    bar = Progress(10_000, stream=stream, label="eval test")
    for step in (1, 5000, 10_000):
        bar.update(step, {"loss": "2.303", "top1": "12.0%", "images/s": "1234"})
        clock(1.0)
    widths = [len(line) for line in lines(read())]
    assert len(widths) == 3
    assert max(widths) < columns
    assert max(widths) >= min(columns - 10, 60)  # the available width is used


@pytest.mark.parametrize(
    ("columns", "total", "expected"),
    [
        (34, 500_000, "20%  images/s 1234  ETA 4s"),
        (34, 50, "10/50  images/s 1234  ETA 40m00s"),
        (64, 50, "10/50  input 3%  loss 2.303  images/s 1234  ETA 40m00s"),
    ],
)
def test_a_narrow_terminal_keeps_rate_and_time_left(clock, terminal, columns, total, expected):
    """Whole columns are left out, the first ones first; of large counts the share remains."""
    stream, read = terminal(columns)
    bar = Progress(total, stream=stream, label="")
    values = {"epoch": "1.2/30", "input": "3%", "loss": "2.303", "images/s": "1234"}
    bar.update(total // 5 - 1 if total < 100 else 0, values)
    clock(60.0 if total < 100 else 1.0)
    bar.update(total // 5, values)
    assert lines(read())[-1].strip(" ▏▎▍▌▋▊▉█") == expected


def test_the_bar_is_as_full_as_the_job_is_done(clock, terminal):
    """Half of the steps fill half of the bar, all of them all of it."""
    stream, read = terminal(100)
    bar = Progress(100, stream=stream)
    for step in (0, 50, 100):
        bar.update(step, {})
        clock(1.0)
    assert [line.count("█") for line in lines(read())] == [0, 15, 30]


def test_a_message_clears_the_drawn_line(clock, terminal):
    """`say` erases the bar, writes its line, and the bar comes back below it."""
    stream, read = terminal(80)
    bar = Progress(10, stream=stream)
    bar.update(1, {})
    bar.say("epoch 1 done")
    bar.say("second line")
    clock(1.0)
    bar.update(2, {})
    bar.close()
    bar.close()
    text = read().replace("\r\n", "\n")
    assert re.fullmatch(
        r"\r\x1b\[2K[^\r\n]* 1/10\r\x1b\[2Kepoch 1 done\nsecond line\n"
        r"\r\x1b\[2K[^\r\n]* 2/10  ETA 8s\n",
        text,
    ), repr(text)


def test_a_dumb_terminal_gets_plain_lines(terminal, monkeypatch):
    """TERM=dumb cannot redraw a line."""
    monkeypatch.setenv("TERM", "dumb")
    stream, read = terminal(80)
    Progress(2, stream=stream).update(2, {})
    assert read() == "2/2\r\n"


def test_time_left_ignores_the_first_step(clock):
    """The rate is that of the steps after the first shown one; a resumed run starts from there."""
    bar = Progress(100, stream=io.StringIO())
    clock(300.0)  # compilation
    bar.update(41, {})
    assert bar.seconds_left(1300.0) is None
    clock(4.0)
    bar.update(43, {})
    assert bar.seconds_left(1304.0) == pytest.approx(57 * 2.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.4, "59s"), (59.6, "1m00s"), (185, "3m05s"), (3599.6, "1h00m"),
     (7800, "2h10m"), (86399.9, "1d00h"), (270_000, "3d03h")],
)  # fmt: skip
def test_duration(seconds, text):
    """Two units at most, never 60 of one."""
    assert duration(seconds) == text


@given(st.integers(1, 10**7), st.floats(0, 1), st.integers(8, 30))
def test_bar_is_always_as_wide_as_asked(total, share, width):
    """The bar's width is exact at every position."""
    bar = Progress(total, stream=io.StringIO())
    bar.step = int(share * total)
    drawn = bar._bar(width)
    assert len(drawn) == width
    assert set(drawn) <= set(BLOCKS)


def test_watched_items(clock):
    """Every item comes through; number, rate and time left are shown; an early end closes it."""
    out = io.StringIO()
    progress.sys.stderr, stderr = out, progress.sys.stderr
    try:
        seen = []
        for item in progress.watched(iter(range(40)), 40, "packing"):
            seen.append(item)
            clock(1.0)
    finally:
        progress.sys.stderr = stderr
    assert seen == list(range(40))
    lines = out.getvalue().splitlines()
    assert lines[1] == "packing  11/40  per second 1  ETA 29s" and lines[-1].startswith(
        "packing  40/40"
    )


def test_what_is_named_moves_no_cursor():
    """Names of files and classes in a line that stays, and in the redrawn one."""
    stream = io.StringIO()
    bar = Progress(1, label="a\x1b[2J", stream=stream)
    bar.say("b\x1b[2J\nc\r")
    bar.update(1, {"d\n": "e\x07"})
    assert stream.getvalue() == "b\\x1b[2J\nc\\r\na\\x1b[2J  1/1  d\\n e\\x07\n"
