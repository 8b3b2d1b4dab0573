"""Tests sweeps under a real SLURM: killed and preempted trials, and a lost search worker."""

import collections
import json
import os
import signal
import time

import pytest

from inception_jax.sweep import folder
from inception_jax.workdir import jsonl
from tests.faults import runs
from tests.sweep import pages

pytestmark = pytest.mark.engines
# Long enough to be interrupted: 60 steps, a checkpoint every 3.
FINE = ("--config.log.every_steps=1", "--config.checkpoint.every_epochs=0.2")
LONG = ("--config.train.epochs=4.0", *FINE)
LONGER = ("--config.train.epochs=12.0", *FINE)


def launched(cluster, tmp_path, *words, size=LONG):
    """Submit a sweep; returns its directory and the job id."""
    at = tmp_path / "sweep"
    page = pages.write(tmp_path)
    cluster.command("sweep", "launch", "--on=slurm", "--cpus=1", f"--config={page}",
                    f"--dir={at}", *size, *words)  # fmt: skip
    return at, json.loads((at / "jobs.jsonl").read_text().splitlines()[-1])["job"]


def status(cluster, at):
    """The rows of `sweep status`, by trial number."""
    rows = json.loads(cluster.command("sweep", "status", at, "--json"))["trials"]
    return {row["index"]: row for row in rows}


def states(cluster, job):
    """The fields of each task of an array job, by number; old tasks have none."""
    lines = cluster.ask("scontrol", "show", "job", "-o", job).splitlines()
    tasks = {}
    for line in lines:
        fields = dict(w.partition("=")[::2] for w in line.split())
        if fields["ArrayTaskId"].isdigit():
            tasks[int(fields["ArrayTaskId"])] = fields
    return tasks


def wait(cluster, job, seconds=420):
    """Wait until all tasks have ended; returns their fields."""
    end = time.monotonic() + seconds
    while cluster.ask("squeue", "--noheader", "--array"):  # the report job is last
        assert time.monotonic() < end, states(cluster, job)
        time.sleep(1)
    return states(cluster, job)


def assert_idle(cluster):
    """Assert that no process of any job is alive, and the queue is empty."""
    assert cluster.ask("squeue", "--noheader") == ""
    assert not cluster.alive()


def test_eight_trials_three_killed_two_preempted(cluster, tmp_path):
    """All eight complete once; a killed one is bit-identical to an undisturbed run."""
    at, job = launched(cluster, tmp_path, "--sweep=lr,seed")
    trials = folder.read(at).trials()
    # The last task's id is that of the whole array: a signal to it must not reach all tasks.
    faults = {0: "kill", 2: "term", 3: "kill", 5: "kill", 7: "term"}
    while faults:
        for index in list(faults):
            if runs.newest(trials[index].folder) < 7:
                continue
            task = states(cluster, job)[index]
            pids = cluster.ranks(task["JobId"])
            if faults[index] == "kill" and pids:
                os.kill(pids[0], signal.SIGKILL)
            elif faults[index] == "term":
                cluster.ask("scancel", "--signal=TERM", f"{job}_{index}")
            else:
                continue
            del faults[index]
        time.sleep(0.2)
    tasks = wait(cluster, job)
    assert {a["JobState"] for a in tasks.values()} == {"COMPLETED"}
    rows = status(cluster, at)
    assert [r["state"] for r in rows.values()] == ["done"] * 8
    assert [r["attempts"] for r in rows.values()] == [2, 1, 2, 2, 1, 2, 1, 2]
    assert len(list((at / "trials").iterdir())) == 8
    page = (at / "report.html").read_text()
    assert "8 trials: 8 done" in " ".join(page.split()), "written after the last trial ended"
    assert {"sweep.png", "sweep.svg"} <= {p.name for p in (at / "figures").iterdir()}
    for trial in trials:
        assert (trial.folder / "DONE").exists()
        metrics = jsonl.read(trial.folder / "metrics.jsonl")
        lines = collections.Counter((x["step"], x["split"], x.get("weights")) for x in metrics)
        assert set(lines.values()) == {1}, "a step was recorded twice"
    assert_idle(cluster)
    cluster.command("sweep", "launch", "--on=slurm", "--cpus=1", f"--config={tmp_path}/page.py",
                    f"--dir={at}", *LONG, "--sweep=lr,seed", code=78)  # fmt: skip
    # The first trial, killed with -9, against the same command without a fault.
    undisturbed = tmp_path / "undisturbed"
    words = [w for w in trials[0].command if not w.startswith("--workdir")]
    cluster.command(*words, f"--workdir={undisturbed}")
    assert runs.losses(undisturbed) == runs.losses(trials[0].folder)
    assert runs.weights(undisturbed) == runs.weights(trials[0].folder)


def test_stop_and_resume(cluster, tmp_path):
    """`sweep stop` saves running trials; `sweep resume` finishes them and starts the others."""
    at, job = launched(cluster, tmp_path, "--sweep=lr", "--at_once=1")
    first = folder.read(at).trials()[0].folder
    runs.wait_for_step(first, 7)
    cluster.command("sweep", "stop", at)
    tasks = wait(cluster, job)
    assert all(a["JobState"] == "CANCELLED" and a["Restarts"] == "0" for a in tasks.values())
    rows = status(cluster, at)
    assert [r["state"] for r in rows.values()] == ["stopped", "waiting"]
    assert runs.attempts(first)[0][2] == 75, "it saved"
    cluster.command("sweep", "resume", at)
    job = json.loads((at / "jobs.jsonl").read_text().splitlines()[-1])["job"]
    wait(cluster, job)
    rows = status(cluster, at)
    assert [r["state"] for r in rows.values()] == ["done", "done"]
    (_, stopped, _), (start, *_) = runs.attempts(first)
    assert start == stopped > 0
    assert_idle(cluster)


def test_a_search_loses_a_worker(cluster, tmp_path):
    """Three workers, one lost, one preempted: all trials are done, each once."""
    at, job = launched(
        cluster, tmp_path, "--search", "--trials=5", "--startup=2", "--workers=3", "--grace=20",
        size=LONGER,
    )  # fmt: skip
    trials = at / "trials"

    def folder_of(number):
        return next(iter(trials.glob(f"{number:03d}-*")), None)

    def owner(number):
        return json.loads((folder_of(number) / "trial.json").read_text())["worker"]

    def trained(number):
        return folder_of(number) and runs.newest(folder_of(number)) >= 4

    runs.wait_until(lambda: all(trained(number) for number in range(3)))
    lost, preempted, other = owner(0), owner(1), owner(2)
    assert {lost, preempted, other} == {0, 1, 2}
    cluster.kill_job(states(cluster, job)[lost]["JobId"])
    cluster.ask("scancel", "--signal=TERM", f"{job}_{preempted}")
    ends = wait(cluster, job)
    assert ends[lost]["JobState"] != "COMPLETED" and ends[lost]["Restarts"] == "0"
    assert (ends[preempted]["JobState"], ends[preempted]["Restarts"]) == ("COMPLETED", "1")
    assert (ends[other]["JobState"], ends[other]["Restarts"]) == ("COMPLETED", "0")
    rows = status(cluster, at)
    assert [r["state"] for r in rows.values()] == ["done"] * 5
    assert rows[0]["attempts"] == 2 and owner(0) != lost, "claimed by another worker, and resumed"
    assert rows[1]["attempts"] == 2 and owner(1) == preempted, "resumed by its own worker"
    (_, _, killed), (start, *_) = runs.attempts(folder_of(0))
    assert killed is None and start > 0
    assert not [p for p in trials.iterdir() if not (p / "DONE").exists()]
    assert_idle(cluster)


def test_a_search_over_two_nodes(cluster, tmp_path):
    """The worker starts each training on both nodes; after a preemption it is resumed."""
    at, job = launched(cluster, tmp_path, "--search", "--trials=1", "--nodes=2", size=LONGER)
    trials = at / "trials"
    runs.wait_until(lambda: any(runs.newest(p) >= 7 for p in trials.glob("000-*")))
    assert len(cluster.ranks(states(cluster, job)[0]["JobId"])) == 2
    cluster.ask("scancel", "--signal=TERM", f"{job}_0")
    (end,) = wait(cluster, job).values()
    assert (end["JobState"], end["Restarts"]) == ("COMPLETED", "1")
    rows = status(cluster, at)
    assert [(r["state"], r["attempts"]) for r in rows.values()] == [("done", 2)]
    assert_idle(cluster)
