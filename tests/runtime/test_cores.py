"""Tests the cores that a process may use."""

import os

import pytest

from inception_jax.runtime import cores, distributed


@pytest.mark.parametrize(
    ("line", "files", "quota"),
    [
        ("0::/", {"cpu.max": "1600000 100000"}, 16),
        ("0::/", {"cpu.max": "max 100000"}, None),
        ("0::/", {}, None),
        ("0::/pod/job", {"pod/cpu.max": "250000 100000", "pod/job/cpu.max": "max 100000"}, 2.5),
        ("0::/pod/job", {"pod/cpu.max": "800000 100000", "pod/job/cpu.max": "300000 100000"}, 3),
        ("4:cpu,cpuacct:/a", {"cpu/a/cpu.cfs_quota_us": "400000",
                              "cpu/a/cpu.cfs_period_us": "100000"}, 4),
        ("4:cpu:/a", {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 0.5),
        ("4:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("3:cpuset:/", {"cpu/cpu.cfs_quota_us": "50000"}, None),
    ],
)  # fmt: skip
def test_the_quota_of_a_cgroup(tmp_path, line, files, quota):
    """Of both versions, of this group and those above it; none where a file is missing."""
    for name, text in files.items():
        (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / name).write_text(text + "\n")
    (tmp_path / "cgroup").write_text(f"9:pids:/x\n{line}\n")
    found = cores._quota(tmp_path / "cgroup", tmp_path / "fs")
    assert found == (float("inf") if quota is None else quota)
    assert cores._quota(tmp_path / "no file", tmp_path) == float("inf")


@pytest.mark.parametrize(("quota", "expected"), [(float("inf"), 8), (5.9, 5), (0.5, 1), (64, 8)])
def test_the_least_of_affinity_and_quota(monkeypatch, quota, expected):
    """Not the machine's cores; at least one."""
    monkeypatch.setattr(os, "cpu_count", lambda: 128)
    monkeypatch.setattr(cores, "_affinity", lambda pid: set(range(8, 16)))
    monkeypatch.setattr(cores, "_quota", lambda: quota)
    assert cores.available() == expected


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({}, 16),
        ({i: set(range(16)) for i in range(1, 8)}, 2),  # a process for each GPU, not bound
        ({i: set(range(16 * i, 16 * i + 16)) for i in range(1, 8)}, 16),  # bound to 16 cores each
        ({1: None}, 8),  # of another container
        ({i: set(range(16)) for i in range(1, 40)}, 1),
    ],
)
def test_processes_of_a_host_share_its_cores(monkeypatch, others, expected):
    """Those of the job whose affinity overlaps with this one's."""
    sets = {0: set(range(16)), **others}

    def affinity(pid):
        if sets[pid] is None:
            raise ProcessLookupError
        return sets[pid]

    monkeypatch.setattr(cores, "_affinity", affinity)
    monkeypatch.setattr(cores, "_quota", lambda: float("inf"))
    monkeypatch.setattr(distributed, "local_pids", lambda: [os.getpid(), *others])
    assert cores.share() == expected


def test_this_machine():
    """Really read: between one and the affinity's."""
    assert 1 <= cores.share() == cores.available() <= len(os.sched_getaffinity(0))
