"""Tests the messages: in pieces, damaged, and from other programs."""

import json
import socket
import threading
import time

import pytest

from inception_jax.runtime import rendezvous
from inception_jax.runtime.rendezvous import protocol
from tests.runtime.rendezvous.processes import quiet


def test_a_long_hello_arrives_in_pieces(port):
    """A network carries some 1,400 bytes at a time; a config is longer."""
    coordinator = rendezvous.Coordinator("127.0.0.1", port, 2, {"lr": 1})
    thread = threading.Thread(target=coordinator.gather, args=(10, quiet), daemon=True)
    with socket.create_connection(("127.0.0.1", port)) as worker:
        thread.start()
        words = json.dumps(protocol.hello(1, 2, {"lr": 1}, "")).encode() + b"\n"
        for i in range(0, len(words), 40):
            worker.sendall(words[i : i + 40])
            time.sleep(0.02)
        worker.settimeout(3)
        assert b'"start": true' in worker.recv(2**16)
        thread.join(10)
    coordinator.close()


def test_messages_of_a_connection():
    """An incomplete line is no message yet; a closed connection, or another program, is None."""
    ours, theirs = socket.socketpair()
    connection = protocol.Connection(ours)
    theirs.sendall(b'{"a": 1}\n{"b"')
    assert connection.receive() == [{"a": 1}]
    theirs.sendall(b": 2}\n")
    assert connection.receive() == [{"b": 2}]
    connection.send({"c": "ü"})
    assert json.loads(theirs.recv(100)) == {"c": "ü"}
    theirs.sendall(b"[1]\n")
    assert connection.receive() is None
    theirs.close()
    assert connection.receive() is None
    connection.send({})  # its reader notices
    ours.close()


EXIT = {"exit_code": 65, "reason": "bad image", "from": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"exit_code": 0}, {"exit_code": 256}, {"exit_code": True}, {"exit_code": "65"},
        {"exit_code": [65]}, {"exit_code": 10**400}, {"reason": None}, {"reason": 1},
        {"reason": "x" * 5000}, {"from": "1"}, {"keys": 1}, {"keys": [1]},
    ],
)  # fmt: skip
def test_exits_that_are_refused(changes):
    """Only a whole exit message ends a job: its code is never that of success."""
    assert protocol.is_exit(EXIT) and protocol.is_exit({**EXIT, "keys": ["lr"]})
    assert not protocol.is_exit({**EXIT, **changes})
    assert not any(protocol.is_exit({k: v for k, v in EXIT.items() if k != key}) for key in EXIT)


def test_a_long_reason():
    """A long reason is cut to what is accepted."""
    long = protocol.exit_message(1, "\U0001f415" * 10**5, 0)
    assert protocol.is_exit(long) and len(json.dumps(long)) < protocol.MAX_LINE


def test_config_values_are_not_sent():
    """A hello has digests, and the token is in it nowhere."""
    sent = json.dumps(protocol.hello(1, 2, {"learning_rate": 0.125}, "secret"))
    assert "0.125" not in sent and "secret" not in sent
    assert protocol.is_proven(json.loads(sent), "secret")
    assert not protocol.is_proven({**json.loads(sent), "index": 0}, "secret")
    assert not protocol.is_proven(protocol.hello(1, 2, {}, ""), "")


def test_values_of_keys():
    """Eight at most, each on its line."""
    assert protocol.values_here([], {}) == ""
    assert protocol.values_here(["lr", "\n"], {"lr": 1}) == " in lr (1 here), \\n (None here)"
    many = protocol.values_here([f"k{i}" for i in range(20)], {"k0": "x" * 1000})
    assert many.endswith("k7 (None here) and 12 more") and len(many) < 300


def test_names():
    """At most eight processes are listed."""
    assert protocol.listed([3]) == "process 3"
    assert protocol.listed([1, 3]) == "processes 1, 3"
    assert protocol.listed(list(range(20))) == "processes 0, 1, 2, 3, 4, 5, 6, 7, ..."
    assert protocol.name({"index": 1, "host": "n2"}) == "process 1 on n2"
