"""Tests finding a process's address, and ending all processes of a job together."""

import json
import re
import threading
import time
from types import SimpleNamespace

import pytest

from inception_jax.errors import ConfigError, StoppedEarlyError
from inception_jax.runtime import distributed
from inception_jax.runtime.rendezvous import protocol
from inception_jax.workdir import run_dir


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("n1:66", 2, None), "got none of --process"),
        ((None, 2, 0), "got none of --coordinator"),
        (("n1", 2, 0), "expected HOST:PORT"),
        (("n1:x", 2, 0), "expected HOST:PORT"),
        (("n1:99999", 2, 0), "expected HOST:PORT"),
        (("n1:66", 2, 2), "expected less than --processes=2"),
    ],
)
def test_invalid_addresses(words, says):
    """Each is refused with the expected form."""
    with pytest.raises(ConfigError, match=says):
        distributed.find(*words, detect=False)


SLURM = {
    "SLURM_JOB_ID": "4097", "SLURM_STEP_NODELIST": "n[1-2]", "SLURM_NTASKS": "2",
    "SLURM_PROCID": "1", "SLURM_LOCALID": "0", "SLURM_STEP_NUM_NODES": "2",
}  # fmt: skip


def test_an_address_from_slurm(monkeypatch):
    """Under srun the first node is the coordinator; one task a node has all of its devices."""
    for key, value in SLURM.items():
        monkeypatch.setenv(key, value)
    address = distributed.find(None, None, None, False)
    assert (address.count, address.index, address.devices) == (2, 1, [0])
    assert address.address.startswith("n1:")
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", "1(x2)")
    assert distributed.find(None, None, None, False).devices is None


@pytest.mark.parametrize("changes", [{"SLURM_NTASKS": "1"}, {"SLURM_STEP_NODELIST": None}])
def test_a_single_process(monkeypatch, changes):
    """One task, or an allocation without srun, is one process."""
    for key, value in (SLURM | changes).items():
        if value is not None:
            monkeypatch.setenv(key, value)
    assert distributed.find(None, None, None, False) is None
    assert distributed.find("n1:66", 1, 0, False) is None


def test_the_code_has_a_digest():
    """Sixteen digits, equal for equal files."""
    assert re.fullmatch("[0-9a-f]{16}", distributed.code_digest())
    assert distributed.code_digest() == distributed.code_digest()


@pytest.mark.parametrize("reported", [True, False])
def test_an_error_caused_by_another_process(reported, tmp_path, monkeypatch):
    """A collective fails because a process died: recorded with 70, not as a crash."""
    monkeypatch.setattr(distributed, "GRACE", 0.5)
    monkeypatch.setattr(distributed, "hard_exit", lambda code, **_: None)  # and the process goes on
    monkeypatch.setattr(distributed, "_job", distributed._Job())
    distributed._job.peers = SimpleNamespace(index=0)
    message = protocol.connection_lost({"index": 1, "host": "n2"})
    began = time.monotonic()
    with pytest.raises(RuntimeError), run_dir.attempt(run_dir.RunDir(tmp_path), 3):
        if reported:
            threading.Timer(0.1, distributed._on_peer_exit, [message]).start()
        raise RuntimeError("Gloo: connection closed by peer")
    assert 0.5 <= time.monotonic() - began < 3
    lines = (tmp_path / "attempts.jsonl").read_text().splitlines()
    codes = [x["code"] for x in map(json.loads, lines) if x["event"] == "end"]
    assert codes == ([70, 1] if reported else [1])


@pytest.mark.parametrize("leaves", ["say_goodbye", "abort_all"])
def test_the_first_cause_decides_the_exit_code(leaves, tmp_path, monkeypatch):
    """The others exit when it is reported: connections that close then do not change it."""
    codes = []
    monkeypatch.setattr(distributed, "hard_exit", lambda code, **_: codes.append(code))
    monkeypatch.setattr(distributed, "_job", distributed._Job())
    lost = protocol.connection_lost({"index": 1, "host": "n2"})
    peers = SimpleNamespace(index=0, broadcast=lambda _: distributed._on_peer_exit(lost))
    distributed._job.peers = peers
    distributed.before_exit(codes.append)
    if leaves == "say_goodbye":
        distributed.say_goodbye(StoppedEarlyError("stopped by SIGTERM"))
        assert codes == []  # the caller ends it
    else:
        distributed.abort_all(73, "stuck")
        assert codes == [73, 73]


def test_processes_of_this_host(monkeypatch):
    """Their ids, by the names of the hosts; none for a process without a job."""
    assert distributed.local_pids() == []
    hosts = {0: "a", 1: "b", 2: "a", 3: "b"}
    members = {i: {"index": i, "host": host, "pid": 100 + i} for i, host in hosts.items()}
    for index, expected in ((2, [100, 102]), (3, [101, 103])):
        peers = SimpleNamespace(members=members, index=index)
        monkeypatch.setattr(distributed._job, "peers", peers)
        assert distributed.local_pids() == expected
