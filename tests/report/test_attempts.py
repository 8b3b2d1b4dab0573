"""Tests `report/attempts.py`: status, repeated steps, goodput and hours of work."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from inception_jax.report import attempts, runs
from inception_jax.report.attempts import Attempt

from .fake_runs import write_lines
from .read_page import columns, embedded, plain_text, written

MakeRun = Callable[..., Path]


def test_hours_exclude_the_pause(make_run: MakeRun) -> None:
    """A killed attempt counts up to its last line; the two hours until the resume do not."""
    hours = columns(written(make_run()), "train")["hours"]
    # 1400 steps, then steps 1200 to 3000 again: 3200 steps of 1.4 s (and 1 s to an eval line).
    assert hours[-1] == pytest.approx((1.4 * 3200 + 1) / 3600, abs=1e-3)
    assert hours == sorted(hours)


def test_resumes_are_marked(make_run: MakeRun) -> None:
    """Every attempt after the first is a marker at the step it started from."""
    assert embedded(written(make_run()))[0]["resumes"] == [{"step": 1200, "host": "node-12"}]


@pytest.mark.parametrize(
    ("events", "word", "why"),
    [
        ([{"event": "start", "time": -60, "step": 0}], "running", "recent"),
        ([{"event": "start", "time": -9e4, "step": 0}], "stopped", "no log line for 25.0 h"),
        (
            [{"event": "start", "time": -60, "step": 0}, {"event": "end", "time": -9, "code": 75}],
            "stopped",
            "exit code 75: saved after preemption",
        ),
    ],
)
def test_status(tmp_path: Path, events: list[dict], word: str, why: str) -> None:
    """An attempt without an end is running while log lines are recent; an end has a code."""
    (tmp_path / "config.json").write_text("{}")
    now = time.time()
    write_lines(tmp_path / "attempts.jsonl", [e | {"time": now + e["time"]} for e in events])
    page = written(tmp_path)
    assert f'<span class="status {word}"' in page
    assert why in plain_text(page)


def test_attempts_and_goodput(make_run: MakeRun) -> None:
    """Each attempt's steps, repeated steps and end, and the goodput of the run."""
    run = make_run()
    events = [
        {"event": "start", "time": 1000.0, "step": 0, "host": "a"},
        {"event": "start", "time": 2000.0, "step": 80, "host": "b", "previous_end": 1500.0,
         "previous_step": 100},
        {"event": "end", "time": 2300.0, "step": 180, "code": 75, "spent": {"steps": 200.0}},
        {"event": "start", "time": 3000.0, "step": 180, "host": "a"},
        {"event": "end", "time": 3300.0, "step": 280, "code": 0, "spent": {"steps": 200.0}},
    ]  # fmt: skip
    # The job script's verdict; the first attempt was killed and recorded no end.
    events[1:1] = [{"event": "retry", "time": 1501.0, "code": 137, "again": True,
                    "why": "code 137: crash 1 of at most 10"}]  # fmt: skip
    write_lines(run / "attempts.jsonl", events)
    line = {"step": 150, "to": 120, "shift": 30, "factor": 0.5}
    write_lines(run / "rollbacks.jsonl", [line, {"step": 7}])
    text = plain_text(written(run))
    assert re.search(r"1 1970-01-01 00:16 a 0 100 20 137: killed crash 1 of at most 10 8m20s", text)
    assert re.search(r"2 1970-01-01 00:33 b 80 180 75: stopped, saved 5m00s – 3m20s", text)
    # 280 steps at 2 s each, of the 2300 s from the first start to the last end.
    assert "Goodput: 24.3% of the time" in text
    assert (
        "Step 150 was not finite: the run was rolled back to step 120, and the 30 batches" in text
    )
    assert "rollbacks.jsonl: 1 damaged line was skipped" in text


def test_a_job_that_is_not_restarted(make_run: MakeRun) -> None:
    """The verdict marks it as failed immediately, not after ten minutes of silence."""
    run = make_run()
    (run / "DONE").unlink(missing_ok=True)
    now = time.time()
    write_lines(run / "attempts.jsonl", [
        {"event": "start", "time": now - 60, "step": 0, "host": "a"},
        {"event": "retry", "time": now - 1, "code": 139, "again": False, "why": "code 139: no"},
    ])  # fmt: skip
    status = runs.read(run).status
    assert (status.word, status.detail) == ("failed", "exit code 139: no; not restarted")


def test_a_training_that_stopped_early(make_run: MakeRun) -> None:
    """It is done, for the reason in DONE; an empty or damaged file is of one that finished."""
    run = make_run()
    for text, detail in ((b"stopped early at step 7\n", "stopped early at step 7"),
                         (b"", "the run finished"), (b"\xff", "the run finished")):  # fmt: skip
        (run / "DONE").write_bytes(text)
        status = runs.read(run).status
        assert (status.word, status.detail) == ("done", detail)


def test_repeated_steps() -> None:
    """Steps after the checkpoint from which the next attempt started; the last repeats none."""
    tries = [Attempt(0.0, 0, "a", last=100), Attempt(1.0, 80, "a", last=80), Attempt(2.0, 80, "a")]
    assert attempts.repeated(tries) == [20, 0, 0]
    assert attempts.repeated([]) == []
