"""Tests `network`: the coordinator's name and port."""

import socket
import subprocess
import time

import pytest

from inception_jax.doctor import network
from inception_jax.doctor.finding import FAIL, OK, WARN
from inception_jax.runtime import distributed


def address_of(address: str, index: int = 1) -> distributed.ProcessAddress:
    return distributed.ProcessAddress(address, 2, index)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("", 0))
        return s.getsockname()[1]


def test_a_coordinator_that_answers():
    """The first process's port is free, then open for the others, even if it opens late."""
    port = free_port()
    assert "port is free" in network.coordinator(address_of(f"127.0.0.1:{port}", 0), 1).found
    late = f"time.sleep(0.5); server = socket.create_server(('', {port})); time.sleep(30)"
    with subprocess.Popen(["python3", "-c", f"import socket, time; {late}"]) as program:
        try:
            found = network.coordinator(address_of(f"127.0.0.1:{port}"), 20)
            assert (found.state, "this machine only" in found.found) == (OK, True)
            used = network.coordinator(address_of(f"127.0.0.1:{port}", 0), 1)
            assert used.state == FAIL and "another program" in used.found
        finally:
            program.kill()


def test_a_coordinator_that_does_not_answer():
    """An unknown name; no process listening."""
    unknown = network.coordinator(address_of("no.such.host.invalid:6666"), 1)
    assert unknown.state == FAIL and "does not resolve" in unknown.found
    began = time.monotonic()
    silent = network.coordinator(address_of(f"127.0.0.1:{free_port()}"), 0.5)
    assert silent.state == FAIL and "start process 0" in silent.advice
    assert 0.5 <= time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("index", "own", "answers", "state"),
    [(0, "n1", False, WARN), (1, "n2", False, FAIL), (1, "n2", True, WARN)],
)
def test_a_coordinator_that_is_local_everywhere(index, own, answers, state, monkeypatch, request):
    """If a host resolves its name to 127.x, no other process can connect to it.

    Unless the first process is on this machine: SLURM may have several nodes on one.
    """
    port = free_port()
    if answers:
        server = socket.create_server(("127.0.0.1", port))
        request.addfinalizer(server.close)
        monkeypatch.setattr(socket, "create_connection", lambda *a, **k: server)
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.1.1", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answer)
    monkeypatch.setattr(socket, "gethostname", lambda: own)
    found = network.coordinator(address_of(f"n1:{port}", index), 0.2)
    assert found.state == state and "/etc/hosts" in found.advice
