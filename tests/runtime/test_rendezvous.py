"""Tests `inception_jax/rollcall` and `cluster.py`: who is there, who differs, who goes."""

import json
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from inception_jax.errors import ConfigError, LostProcessError, StoppedEarlyError
from inception_jax.runtime import distributed, rendezvous
from inception_jax.runtime.rendezvous import protocol
from inception_jax.workdir import run_dir


def quiet(text):
    """Says nothing."""


@pytest.fixture
def port():
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        return door.getsockname()[1]


def gathered(port, hellos, patience=10.0, first=None):
    """What each process's `gather` returns or raises; `hellos`: (index, count, notes)."""
    found = {}

    def call(key, who):
        try:
            who.gather(patience, quiet)
            found[key] = who
        except Exception as e:
            found[key] = e

    chair = rendezvous.Coordinator("127.0.0.1", port, *(first or (len(hellos) + 1, {"lr": 1})))
    members = [rendezvous.Worker("127.0.0.1", port, *hello) for hello in hellos]
    threads = [threading.Thread(target=call, args=item) for item in enumerate([chair, *members])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return [found[i] for i in range(len(threads))]


def test_all_come(port):
    """Every process knows every other, by index, host and process id."""
    who = gathered(port, [(i, 4, {"lr": 1}) for i in (2, 1, 3)])
    for one in who:
        one.close()
        assert sorted(one.members) == [0, 1, 2, 3]
        assert all(m["host"] == socket.gethostname() and m["pid"] for m in one.members.values())


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
def test_a_stranger_does_no_harm(port, words):
    """Another program that connects (a scanner), and says nothing or nonsense, is sent away."""
    chair = rendezvous.Coordinator("127.0.0.1", port, 2, {})
    with (
        socket.create_connection(("127.0.0.1", port)) as silent,
        socket.create_connection(("127.0.0.1", port)) as loud,
    ):
        silent.shutdown(socket.SHUT_WR)
        loud.sendall(words)
        member = rendezvous.Worker("127.0.0.1", port, 1, 2, {})
        thread = threading.Thread(target=member.gather, args=(10, quiet))
        thread.start()
        chair.gather(10, quiet)
        thread.join(10)
    chair.close()
    member.close()
    assert sorted(member.members) == [0, 1]


def test_a_long_hello_comes_in_pieces(port):
    """A network carries some 1,400 bytes at a time; a config is longer."""
    chair = rendezvous.Coordinator("127.0.0.1", port, 2, {"lr": 1})
    thread = threading.Thread(target=chair.gather, args=(10, quiet), daemon=True)
    with socket.create_connection(("127.0.0.1", port)) as member:
        thread.start()
        words = json.dumps(protocol.who(1, 2, {"lr": 1})).encode() + b"\n"
        for i in range(0, len(words), 40):
            member.sendall(words[i : i + 40])
            time.sleep(0.02)
        member.settimeout(3)
        assert b'"go": true' in member.recv(2**16)
        thread.join(10)
    chair.close()


@pytest.mark.parametrize(
    ("hellos", "first", "says"),
    [
        ([(1, 2, {"lr": 2})], (2, {"lr": 1}), r"differ:\n  lr: 1 on .* \(0\), 2 on .* \(1\)"),
        ([(1, 2, {"code": "x"})], (2, {"code": "y"}), "the same config and code"),
        ([(1, 3, {})], (2, {}), "expects 3 processes"),
        ([(1, 3, {}), (1, 3, {})], (3, {}), "two processes say that they are process 1"),
        ([(0, 2, {})], (2, {}), "two processes say that they are process 0"),
    ],
)
def test_who_differs_is_refused(port, hellos, first, says):
    """By name, with code 78, in the first process and in the other."""
    chair, *members = gathered(port, hellos, 5.0, first)
    assert isinstance(chair, ConfigError)
    with pytest.raises(ConfigError, match=says):
        raise chair
    assert any(isinstance(m, ConfigError) for m in members)


def test_who_does_not_come_is_named(port):
    """The first names the missing and the present; the others say what they wait for."""
    chair, member = gathered(port, [(2, 4, {"lr": 1})], 1.0, (4, {"lr": 1}))
    assert isinstance(chair, LostProcessError) and chair.code == 70
    assert "processes 1, 3 of 4 did not come in 1 s; here are process 0 on" in str(chair)
    assert isinstance(member, LostProcessError)


def test_a_taken_port_is_named(port):
    """Another program on the port: 78, and what to change."""
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(ConfigError, match=f"port {port}.*--coordinator"),
    ):
        rendezvous.Coordinator("127.0.0.1", port, 2, {})


@pytest.fixture
def hung_up():
    """Whom to hang up for at the end."""
    who = []
    yield who
    for one in who:
        one.close()
    time.sleep(0.1)  # their threads hear of it


def listening(port, count, hung_up):
    """A chair and its members, and what each hears from now on."""
    who = gathered(port, [(i, count, {"lr": 1}) for i in range(1, count)])
    hung_up += who
    heard = [[] for _ in who]
    for one, news in zip(who, heard, strict=True):
        one.listen(news.append)
    return who, heard


def wait_for(true):
    """Returns when it is, within 5 seconds."""
    end = time.monotonic() + 5
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    assert true()


def test_an_end_is_heard_by_all_others(port, hung_up):
    """What one says goes to the first and to all others, once."""
    who, heard = listening(port, 3, hung_up)
    who[1].tell({"end": 65, "why": "bad image", "from": 1})
    wait_for(lambda: heard[0] and heard[2])
    assert [[m["end"] for m in news] for news in heard] == [[65], [], [65]]


def test_a_death_is_heard_by_all_others(port, hung_up):
    """A connection that closes without a word is a process that was killed: 70, with its name."""
    who, heard = listening(port, 3, hung_up)
    who[2]._line.socket.shutdown(socket.SHUT_RDWR)
    wait_for(lambda: heard[0] and heard[1])
    assert heard[1][0]["end"] == 70 and "process 2 on" in heard[1][0]["why"]


def test_a_goodbye_is_no_death(port, hung_up):
    """Who says goodbye and goes is not missed, nor does it miss who goes after."""
    who, heard = listening(port, 3, hung_up)
    who[1].tell({"bye": True})
    who[1]._line.socket.close()
    time.sleep(0.3)
    who[0].tell({"bye": True})
    time.sleep(0.3)
    assert heard == [[], [], []]


def test_who_has_said_goodbye_hears_no_death(port, hung_up):
    """The first process may end before it: no news to one that is about to go."""
    who, heard = listening(port, 2, hung_up)
    who[1].tell({"bye": True})
    wait_for(lambda: not who[0]._lines)  # the first has hung up
    time.sleep(0.2)
    assert heard == [[], []]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("n1:66", 2, None), "without --process"),
        ((None, 2, 0), "without --coordinator"),
        (("n1", 2, 0), "expected HOST:PORT"),
        (("n1:x", 2, 0), "expected HOST:PORT"),
        (("n1:99999", 2, 0), "expected HOST:PORT"),
        (("n1:66", 2, 2), "expected less than --processes=2"),
    ],
)
def test_places_that_make_no_sense(words, says):
    """Each is refused with 78 and what was expected."""
    with pytest.raises(ConfigError, match=says):
        distributed.find(*words, detect=False)


SLURM = {
    "SLURM_JOB_ID": "4097", "SLURM_STEP_NODELIST": "n[1-2]", "SLURM_NTASKS": "2",
    "SLURM_PROCID": "1", "SLURM_LOCALID": "0", "SLURM_STEP_NUM_NODES": "2",
}  # fmt: skip


def test_a_place_from_slurm(monkeypatch):
    """Under srun the first node is the coordinator; one task a node has all of its devices."""
    for key, value in SLURM.items():
        monkeypatch.setenv(key, value)
    place = distributed.find(None, None, None, False)
    assert (place.count, place.index, place.devices) == (2, 1, [0])
    assert place.address.startswith("n1:")
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", "1(x2)")
    assert distributed.find(None, None, None, False).devices is None


@pytest.mark.parametrize("changes", [{"SLURM_NTASKS": "1"}, {"SLURM_STEP_NODELIST": None}])
def test_alone(monkeypatch, changes):
    """One task, or an allocation without srun, is one process."""
    for key, value in (SLURM | changes).items():
        if value is not None:
            monkeypatch.setenv(key, value)
    assert distributed.find(None, None, None, False) is None
    assert distributed.find("n1:66", 1, 0, False) is None


def test_the_code_has_a_digest():
    """The same for the same files."""
    assert (
        distributed.code_digest() == distributed.code_digest()
        and len(distributed.code_digest()) == 16
    )


@pytest.mark.parametrize("heard", [True, False])
def test_an_error_that_another_caused(heard, tmp_path, monkeypatch):
    """A collective fails because a process died: noted as that, with 70, not as a crash of ours."""
    monkeypatch.setattr(distributed, "MOMENT", 0.5)
    monkeypatch.setattr(distributed, "hard_exit", lambda code, **_: None)  # and the process goes on
    monkeypatch.setattr(distributed, "_job", distributed._Job())
    distributed._job.line = object()
    message = protocol.gone({"index": 1, "host": "n2"})
    began = time.monotonic()
    with pytest.raises(RuntimeError), run_dir.attempt(tmp_path, 3):
        if heard:
            threading.Timer(0.1, distributed._heard, [message]).start()
        raise RuntimeError("Gloo: connection closed by peer")
    assert 0.5 <= time.monotonic() - began < 3
    lines = (tmp_path / "attempts.jsonl").read_text().splitlines()
    codes = [x["code"] for x in map(json.loads, lines) if x["event"] == "end"]
    assert codes == ([70, 1] if heard else [1])


@pytest.mark.parametrize("leaves", ["say_goodbye", "abort_all"])
def test_the_first_to_decide_how_it_ends(leaves, tmp_path, monkeypatch):
    """Who is told of it goes at once: a line that breaks then does not change the exit code."""
    codes = []
    monkeypatch.setattr(distributed, "hard_exit", lambda code, **_: codes.append(code))
    monkeypatch.setattr(distributed, "_job", distributed._Job())
    distributed._job.place = distributed.ProcessAddress("n1:66", 2, 0)
    hung_up = protocol.gone({"index": 1, "host": "n2"})
    distributed._job.line = SimpleNamespace(tell=lambda message: distributed._heard(hung_up))
    distributed.before_exit(codes.append)
    if leaves == "say_goodbye":
        distributed.say_goodbye(StoppedEarlyError("stopped by SIGTERM"))
        assert codes == []  # the caller ends it
    else:
        distributed.abort_all(73, "stuck")
        assert codes == [73, 73]
