"""Tests `launch/retry.py`: which exit codes start a job again, how often, and when it is no use."""

import json
from pathlib import Path

import pytest

from inception_jax import cli
from inception_jax.launch import retry, slurm
from inception_jax.launch.retry import Budgets


def history(*codes_and_steps):
    """Verdicts as `after` notes them."""
    return [{"code": c, "step": s, "job": "1"} for c, s in codes_and_steps]


@pytest.mark.parametrize("code", [0, 65, 74, 78])
def test_never_again(code):
    """Done is done; bad data, a full disk and a bad config need a person."""
    assert not retry.judge(code, 5, [], Budgets()).again


@pytest.mark.parametrize("code", [75, 143])
def test_preemptions(code):
    """As often as the budget says, whatever the progress: a preemption is nobody's fault."""
    assert retry.judge(code, -1, history(*[(code, -1)] * 2), Budgets(preemptions=3)).again
    assert not retry.judge(code, -1, history(*[(code, -1)] * 3), Budgets(preemptions=3)).again


@pytest.mark.parametrize("code", [1, 70, 134, 137, 139])
def test_crashes(code):
    """Again with every new checkpoint, up to the budget; not twice at the same one."""
    assert retry.judge(code, -1, [], Budgets()).again
    assert retry.judge(code, 20, history((code, 10)), Budgets()).again
    assert not retry.judge(code, 20, history((code, 20)), Budgets()).again
    assert not retry.judge(code, -1, history((code, -1)), Budgets()).again
    past = history(*[(code, s) for s in (10, 20, 30)])
    assert retry.judge(code, 40, past, Budgets(crashes=4)).again
    assert not retry.judge(code, 40, past, Budgets(crashes=3)).again


def test_the_budgets_are_apart():
    """Preemptions in between are neither crashes nor progress."""
    past = history((1, 10), (75, 10), (143, 10))
    assert not retry.judge(1, 10, past, Budgets()).again
    assert retry.judge(1, 11, past, Budgets()).again
    assert retry.judge(75, 10, past, Budgets(preemptions=3, crashes=0)).again
    assert not retry.judge(1, 11, past, Budgets(crashes=1)).again


def checkpoint(workdir, step):
    (workdir / "checkpoints" / str(step)).mkdir(parents=True)


def test_verdicts_are_noted(tmp_path):
    """In attempts.jsonl, with the step of the newest checkpoint; a new job has full budgets."""
    run = tmp_path / "run"
    checkpoint(run, 10)
    (run / "checkpoints" / "20.saving").mkdir()
    (run / "checkpoints" / "bad-30").mkdir()
    assert retry.after(run, 137, "7", Budgets()).again
    assert not retry.after(run, 137, "7", Budgets()).again
    assert retry.after(run, 137, "8", Budgets()).again
    checkpoint(run, 15)
    assert retry.after(run, 1, "8", Budgets()).again
    notes = [json.loads(x) for x in (run / "attempts.jsonl").read_text().splitlines()]
    assert [(n["event"], n["job"], n["step"], n["again"]) for n in notes] == [
        ("retry", "7", 10, True), ("retry", "7", 10, False), ("retry", "8", 10, True),
        ("retry", "8", 15, True),
    ]  # fmt: skip


def test_a_cut_line_is_no_verdict(tmp_path):
    """What a kill left of a line is passed over."""
    (tmp_path / "attempts.jsonl").write_text('{"event": "retry", "job": "1", "co')
    assert retry.verdicts(tmp_path) == []


def test_a_crash_before_there_is_a_directory(tmp_path):
    """Two of them are a crash loop too, and 78 makes no directory."""
    run = tmp_path / "run"
    retry.after(run, 78, "1", Budgets())
    assert not run.exists()
    assert retry.after(run, 1, "1", Budgets()).again
    assert not retry.after(run, 1, "1", Budgets()).again


def test_what_job_scripts_ask(tmp_path, capsys):
    """0 for again, 1 for not, a line that says why."""
    ask = ["launch", "retry", "--job=1", "--", "train", f"--workdir={tmp_path}"]
    assert cli.main([*ask[:2], "--code=75", *ask[2:]]) == 0
    assert "preempted" in capsys.readouterr().out
    assert cli.main([*ask[:2], "--code=78", *ask[2:]]) == 1
    assert "bad config" in capsys.readouterr().out
    assert cli.main(["launch", "retry", "--job=1", "--", "train", "--workdir=x"]) == 78


def test_what_the_scheduler_ends_is_its_own():
    """Cancelled by a person, or requeued by SLURM itself: the job's script must not interfere."""
    assert not retry.judge(75, 5, [], Budgets(), leaving=True).again
    assert not retry.judge(137, 5, [], Budgets(), leaving=True).again


@pytest.mark.parametrize(
    ("says", "leaving"),
    [
        ("JobState=RUNNING RunTime=00:01:00 TimeLimit=UNLIMITED", False),
        ("JobState=COMPLETING RunTime=00:01:00 TimeLimit=UNLIMITED", True),
        ("JobState=COMPLETING RunTime=00:01:00 TimeLimit=1-00:00:00", True),
        ("JobState=COMPLETING RunTime=1-00:00:12 TimeLimit=1-00:00:00", False),
        ("", False),
    ],
)
def test_leaving(says, leaving, tmp_path, monkeypatch):
    """What scontrol says of a job; its time limit is no cancellation."""
    tool = tmp_path / "scontrol"
    tool.write_text(f"#!/bin/sh\necho 'JobId=7 {says}'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert slurm.leaving("7") == leaving


@pytest.mark.parametrize(
    ("command", "directory"),
    [
        ("train --config=p.py --workdir=runs/a=b", "runs/a=b"),
        ("train --workdir runs/a --config p.py", "runs/a"),
        ("train -workdir=runs/a", "runs/a"),
        ("train --config=p.py", None),
        ("sweep work runs/s --worker=2", "runs/s/workers/2"),
    ],
)
def test_directory(command, directory):
    """Where a command notes its attempts, however its flags are written."""
    found = retry.directory(command.split())
    assert found == (directory and Path(directory))
