"""Tests that exits, deaths and goodbyes reach the other processes."""

import socket
import time

from tests.runtime.rendezvous.processes import listening, wait_for


def test_an_exit_reaches_all_others(port, to_close):
    """A worker's message is received by the coordinator and the other workers, once."""
    processes, received = listening(port, 3, to_close)
    processes[1].broadcast({"exit_code": 65, "reason": "bad image", "from": 1})
    wait_for(lambda: received[0] and received[2])
    assert [[m["exit_code"] for m in messages] for messages in received] == [[65], [], [65]]


def test_a_death_reaches_all_others(port, to_close):
    """A connection that closes without a message is a killed process: 70, with its name."""
    processes, received = listening(port, 3, to_close)
    processes[2]._connection.socket.shutdown(socket.SHUT_RDWR)
    wait_for(lambda: received[0] and received[1])
    assert received[1][0]["exit_code"] == 70 and "process 2 on" in received[1][0]["reason"]


def test_nonsense_of_a_member(port, to_close):
    """A worker that sends something else is lost; only its own index is named."""
    processes, received = listening(port, 3, to_close)
    processes[1].broadcast({"exit_code": 0, "reason": "done", "from": 2})
    wait_for(lambda: received[0] and received[2])
    assert received[0][0]["exit_code"] == 70 and received[2][0]["from"] == 1


def test_a_goodbye_is_no_death(port, to_close):
    """A process that ends well ends no other, whichever is first."""
    processes, received = listening(port, 3, to_close)
    processes[1].broadcast({"goodbye": True})
    processes[1]._connection.socket.close()
    time.sleep(0.3)
    processes[0].broadcast({"goodbye": True})
    time.sleep(0.3)
    assert received == [[], [], []]


def test_after_its_goodbye_a_worker_reports_no_death(port, to_close):
    """The coordinator may exit before a worker that is about to."""
    processes, received = listening(port, 2, to_close)
    processes[1].broadcast({"goodbye": True})
    wait_for(lambda: not processes[0]._connections)  # it has closed
    time.sleep(0.2)
    assert received == [[], []]
