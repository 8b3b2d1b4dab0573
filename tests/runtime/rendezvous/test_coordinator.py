"""Tests which processes the coordinator admits, and what it reports."""

import socket
import threading

import pytest

from inception_jax.errors import ConfigError, LostProcessError
from inception_jax.runtime import rendezvous
from tests.runtime.rendezvous.processes import gathered, quiet


def test_every_process_knows_every_other(port):
    """By index, host and process id."""
    processes = gathered(port, [(i, 4, {"lr": 1}) for i in (2, 1, 3)])
    for process in processes:
        process.close()
        assert sorted(process.members) == [0, 1, 2, 3]
        assert all(m["host"] == socket.gethostname() and m["pid"] for m in process.members.values())


@pytest.mark.parametrize(
    "words",
    [
        b'{"hello": "world"}\n',
        b"GET / HTTP/1.0\r\n\r\n",
        b"[1]\n",
        b"\x16\xff\n",
        b'{"index": 1}\n',
    ],
)
def test_other_programs_are_disconnected(port, words):
    """A port scanner that connects, and sends nothing or something else, does no harm."""
    coordinator = rendezvous.Coordinator("127.0.0.1", port, 2, {})
    with (
        socket.create_connection(("127.0.0.1", port)) as silent,
        socket.create_connection(("127.0.0.1", port)) as loud,
    ):
        silent.shutdown(socket.SHUT_WR)
        loud.sendall(words)
        worker = rendezvous.Worker("127.0.0.1", port, 1, 2, {})
        thread = threading.Thread(target=worker.gather, args=(10, quiet))
        thread.start()
        coordinator.gather(10, quiet)
        thread.join(10)
    coordinator.close()
    worker.close()
    assert sorted(worker.members) == [0, 1]


@pytest.mark.parametrize(
    ("hellos", "first", "says"),
    [
        ([(1, 2, {"lr": 2})], (2, {"lr": 1}), r"differ:\n  lr: 1 on .* \(0\), 2 on .* \(1\)"),
        ([(1, 2, {"code": "x"})], (2, {"code": "y"}), "the same config and code"),
        ([(1, 3, {})], (2, {}), "expects 3 processes"),
        ([(1, 3, {}), (1, 3, {})], (3, {}), "expected one process 1, got two"),
        ([(0, 2, {})], (2, {}), "expected one process 0, got two"),
    ],
)
def test_processes_that_differ_are_refused(port, hellos, first, says):
    """By name, with code 78, in the first process and in the other."""
    coordinator, *workers = gathered(port, hellos, 5.0, first)
    assert isinstance(coordinator, ConfigError)
    with pytest.raises(ConfigError, match=says):
        raise coordinator
    assert any(isinstance(w, ConfigError) for w in workers)


def test_missing_processes_are_listed(port):
    """The coordinator lists the missing and the connected; the worker what it waited for."""
    coordinator, worker = gathered(port, [(2, 4, {"lr": 1})], 1.0, (4, {"lr": 1}))
    assert isinstance(coordinator, LostProcessError) and coordinator.code == 70
    assert "processes 1, 3 of 4 did not connect within 1 s; connected: process 0 on" in str(
        coordinator
    )
    assert isinstance(worker, LostProcessError)


def test_a_port_in_use(port):
    """Another program on the port: 78, and what to change."""
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(ConfigError, match=f"port {port}.*--coordinator"),
    ):
        rendezvous.Coordinator("127.0.0.1", port, 2, {})
