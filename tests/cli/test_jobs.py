"""Tests `inception_jax/cli/jobs.py`: the files of submitted jobs."""

from pathlib import Path

import pytest

from inception_jax.cli import jobs
from inception_jax.errors import ConfigError


def test_submissions_are_recorded(tmp_path):
    """One line each, oldest first."""
    assert jobs.submissions(tmp_path) == []
    jobs.record(tmp_path, "k8s", "a")
    jobs.record(tmp_path, "local", "7", host="h")
    first, second = jobs.submissions(tmp_path)
    assert (first["engine"], first["job"], second["host"]) == ("k8s", "a", "h")


def test_only_jobs_in_the_queue_are_refused(tmp_path, monkeypatch):
    """Without SLURM none are; a pending array is named with its states."""
    jobs.record(tmp_path, "slurm", "7")
    monkeypatch.setattr(jobs.shutil, "which", lambda name: None)
    jobs.refuse_second(tmp_path)
    monkeypatch.setattr(jobs.shutil, "which", lambda name: name)
    monkeypatch.setattr(jobs.slurm, "states", lambda job: {})
    jobs.refuse_second(tmp_path)
    monkeypatch.setattr(jobs.slurm, "states", lambda job: {"0": "RUNNING", "1": "PENDING"})
    with pytest.raises(ConfigError, match=r"job 7 is still in the queue \(pending running\)"):
        jobs.refuse_second(tmp_path)


def test_workdirs_of_other_machines(tmp_path):
    """A workdir is on this machine if one of its parents is."""
    assert jobs.on_this_machine(tmp_path / "a" / "b")
    assert not jobs.on_this_machine(Path("/nowhere_here/v3"))
