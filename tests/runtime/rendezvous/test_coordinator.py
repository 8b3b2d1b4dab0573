"""Tests which processes the coordinator admits, and what it reports."""

import contextlib
import json
import socket
import threading
import time

import pytest

from inception_jax.errors import ConfigError, LostProcessError
from inception_jax.runtime import rendezvous
from inception_jax.runtime.rendezvous.coordinator import MAX_DROPPED_LINES
from tests.runtime.rendezvous.processes import gathered, quiet, wait_for


def test_every_process_knows_every_other(port):
    """By index, host and process id."""
    processes = gathered(port, [(i, 4, {"lr": 1}) for i in (2, 1, 3)])
    for process in processes:
        process.close()
        assert sorted(process.members) == [0, 1, 2, 3]
        assert all(m["host"] == socket.gethostname() and m["pid"] for m in process.members.values())


STRANGER = {"index": 1, "count": 2, "notes": {}, "host": "x", "pid": 1, "time": 0, "proof": ""}


def line(**changes):
    """A stranger's hello."""
    return json.dumps({**STRANGER, **changes}).encode() + b"\n"


@pytest.fixture
def waiting(port):
    """A coordinator that waits for process 1; the lines that it has reported."""
    started = []

    def start(notes, token=""):
        coordinator = rendezvous.Coordinator("127.0.0.1", port, 2, notes, token)
        reported = []
        thread = threading.Thread(target=coordinator.gather, args=(20, reported.append))
        thread.start()
        started.append((coordinator, thread))
        return reported

    yield start
    for coordinator, thread in started:
        thread.join(10)
        assert not thread.is_alive()
        coordinator.close()


def answer(port, words):
    """What a stranger hears who sends this."""
    with socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(words)
        stranger.settimeout(10)
        with contextlib.suppress(ConnectionResetError):
            return b"".join(iter(lambda: stranger.recv(2**16), b""))
    return b""


def join_late(port, notes, token=""):
    """The right worker still joins."""
    worker = rendezvous.Worker("127.0.0.1", port, 1, 2, notes, token)
    worker.gather(10, quiet)
    worker.close()
    assert sorted(worker.members) == [0, 1]


@pytest.mark.parametrize("token", ["", "secret"])
@pytest.mark.parametrize(
    "words",
    [
        b'{"hello": "world"}\n', b"GET / HTTP/1.0\r\n\r\n", b"[1]\n", b"\x16\xff\n",
        b"\n", b"null\n",
        b'{"index": 1}\n',
        b"[" * 60_000 + b"\n", b"x" * 200_000, b'{"index": ' + b"1" * 5000 + b"}\n",
        line(), line(index=0), line(index=-1), line(index=2), line(index=True), line(index=[1]),
        line(index="1"), line(index=10**400), line(index=None), line(count=3), line(count=10**400),
        line(count="2"), line(notes=None), line(notes={"learning_rate": 1}), line(notes=[]),
        line(notes={"learning_rate": "0"}), line(host="a\nb"), line(host="\x1b[2J"),
        line(host=None),
        line(host="x" * 300), line(host=""), line(host="\ud800"), line(pid="1"), line(pid=-1),
        line(time=float("nan")), line(time=10**400), line(time="now"), line(proof=None),
        line(proof="\ud800"), line(proof="\u00e9"), line(proof="0" * 64), line() + line(),
    ],
)  # fmt: skip
def test_a_stranger_is_dropped(port, waiting, words, token):
    """Whoever reaches the port ends nothing, learns no key or value, and is named in one line."""
    reported = waiting({"learning_rate": 0.125}, token)
    heard = answer(port, words)
    assert b"learning" not in heard and b"0.125" not in heard
    join_late(port, {"learning_rate": 0.125}, token)
    assert len(reported) == 1 and "from 127.0.0.1: " in reported[0] and reported[0].isprintable()


def test_connections_are_served_side_by_side(port, waiting):
    """A hundred that send nothing, or half a line, hold up nobody."""
    reported = waiting({})
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        for i in range(100):
            idle = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            idle.sendall(b'{"index"' if i % 2 else b"")
        join_late(port, {})
    assert time.monotonic() - began < 3 and not reported


def test_few_lines_about_many_strangers(port, waiting):
    """Their number is in the lines."""
    reported = waiting({})
    for _ in range(30):
        answer(port, b"x\n")
    join_late(port, {})
    assert len(reported) == MAX_DROPPED_LINES and "dropped connection 8," in reported[7]


def test_an_index_that_is_taken(port, to_close):
    """Without a token the second is refused, and the job starts with the first."""
    first = rendezvous.Coordinator("127.0.0.1", port, 3, {})
    one, two, three = (rendezvous.Worker("127.0.0.1", port, i, 3, {}) for i in (1, 1, 2))
    to_close += [first, one, two, three]
    threads = [threading.Thread(target=p.gather, args=(20, quiet)) for p in (first, one)]
    for thread in threads:
        thread.start()
    wait_for(lambda: 1 in first.members)
    with pytest.raises(ConfigError, match="expected one process 1, got two"):
        two.gather(20, quiet)
    three.gather(20, quiet)
    for thread in threads:
        thread.join(20)
    assert sorted(one.members) == sorted(three.members) == [0, 1, 2]


@pytest.mark.parametrize(
    ("hellos", "first", "says"),
    [
        ([(1, 2, {"lr": 2})], (2, {"lr": 1}), r"differ in lr \(%s here\)"),
        ([(1, 2, {"code": 2})], (2, {"code": 1}), r"the same config and code.* code \(%s here\)"),
        ([(1, 3, {})], (2, {}), "expects 3 processes"),
        ([(1, 3, {}), (1, 3, {})], (3, {}), "expected one process 1, got two"),
        ([(0, 2, {})], (2, {}), "expected one process 0, got two"),
    ],
)
def test_a_process_of_the_job_that_differs(port, hellos, first, says):
    """With the token both end, with code 78, and each has its own value in the message."""
    first, *workers = gathered(port, hellos, 5.0, first, "secret")
    for process, here in ((first, 1), *((worker, 2) for worker in workers)):
        assert isinstance(process, ConfigError)
        with pytest.raises(ConfigError, match=says.replace("%s", str(here))):
            raise process


def test_a_process_that_differs_without_a_token(port):
    """It ends with 78; process 0, to which anyone may have come, waits, and then says what came."""
    first, worker = gathered(port, [(1, 2, {"lr": 2})], 0.5, (2, {"lr": 1}))
    assert isinstance(worker, ConfigError) and "differ" in str(worker)
    assert isinstance(first, LostProcessError) and "differ in lr (1 here)" in str(first)


def test_another_token(port, waiting):
    """The worker tries again until its patience ends, and has the reason."""
    waiting({}, "secret")
    stranger = rendezvous.Worker("127.0.0.1", port, 1, 2, {}, "guess")
    with pytest.raises(LostProcessError, match=r"refused: process 1 on .* not have this job"):
        stranger.gather(0.3, quiet)
    join_late(port, {}, "secret")


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
