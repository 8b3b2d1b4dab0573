"""Tests the messages: in pieces, damaged, and from other programs."""

import json
import socket
import threading
import time

from inception_jax.runtime import rendezvous
from inception_jax.runtime.rendezvous import protocol
from tests.runtime.rendezvous.processes import quiet


def test_a_long_hello_arrives_in_pieces(port):
    """A network carries some 1,400 bytes at a time; a config is longer."""
    coordinator = rendezvous.Coordinator("127.0.0.1", port, 2, {"lr": 1})
    thread = threading.Thread(target=coordinator.gather, args=(10, quiet), daemon=True)
    with socket.create_connection(("127.0.0.1", port)) as worker:
        thread.start()
        words = json.dumps(protocol.hello(1, 2, {"lr": 1})).encode() + b"\n"
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
    connection = protocol.Connection.__new__(
        protocol.Connection
    )  # a socket pair has no TCP options
    connection.socket, connection._unread = ours, b""
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


def test_names():
    """At most eight processes are listed."""
    assert protocol.listed([3]) == "process 3"
    assert protocol.listed([1, 3]) == "processes 1, 3"
    assert protocol.listed(list(range(20))) == "processes 0, 1, 2, 3, 4, 5, 6, 7, ..."
    assert protocol.name({"index": 1, "host": "n2"}) == "process 1 on n2"
