"""One line between every process and the first: who is missing, who differs, who has gone.

JAX ends with an abort when a process does not come, without its name, and notices a dead one only
by its heartbeat. Here each process first calls the first one, on the port that JAX's own service
will have, and is let in when all are there and all agree; the connection stays, so that an error or
a death is known everywhere at once.
"""

import contextlib
import json
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from inception_jax.errors import ConfigError, LostProcessError

HELLO_WITHIN = 5.0  # seconds from the call; nobody else is let in meanwhile
WHO = {"index", "count", "notes", "host", "pid", "time"}  # what a process says of itself
SAY_EVERY = 10.0  # seconds between two lines about who is missing
Message = dict[str, Any]
Heard = Callable[[Message], None]


class Line:
    """A connection that carries JSON objects, one a line."""

    def __init__(self, connection: socket.socket):
        self.socket = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def send(self, message: Message) -> None:
        """Sends one; a connection that is gone is no error here, its reader will notice."""
        with contextlib.suppress(OSError):
            self.socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> list[Message] | None:
        """What has come, which may be a part of a line and so nothing yet.

        None once the other end is gone, or is no process of ours: it says something else.
        """
        try:
            data = self.socket.recv(2**16)
        except TimeoutError:
            return []
        except OSError:
            data = b""
        if not data:
            return None
        *lines, self._unread = (self._unread + data).split(b"\n")
        try:
            news = [json.loads(text) for text in lines]
        except ValueError:
            return None
        return news if all(isinstance(message, dict) for message in news) else None

    def hello(self) -> Message | None:
        """Who has called; None if it does not say so in some seconds, or not as we do."""
        self.socket.settimeout(1)
        until = time.monotonic() + HELLO_WITHIN
        while time.monotonic() < until:
            news = self.receive()
            if news is None:
                return None
            if news:
                self.socket.settimeout(None)
                return news[0] if news[0].keys() >= WHO else None
        return None


class Chair:
    """The first process: lets the others in, then passes on what one of them says."""

    def __init__(self, host: str, port: int, count: int, notes: Message):
        self._count, self._notes = count, notes
        self._lines: dict[int, Line] = {}
        self.members: dict[int, Message] = {0: _who(0, count, notes)}
        self._lock = threading.Lock()
        try:
            both = not host and socket.has_dualstack_ipv6()
            family = socket.AF_INET6 if both else socket.AF_INET
            self._door = socket.create_server((host, port), family=family, dualstack_ipv6=both)
        except OSError as e:
            raise ConfigError(
                f"expected port {port} of this host to be free for the {count} processes to meet "
                f"at, but {e.strerror}; another job may run here: choose another --coordinator port"
            ) from e

    def gather(self, patience: float, say: Callable[[str], None]) -> None:
        """Returns when all are there and agree.

        Raises:
            LostProcessError: some did not come in `patience` seconds; they are named.
            ConfigError: one has another config or other code, or two claim the same place.
        """
        began = said = time.monotonic()
        try:
            while missing := [i for i in range(self._count) if i not in self.members]:
                now = time.monotonic()
                if now - began > patience:
                    raise LostProcessError(
                        f"{_processes(missing)} of {self._count} did not come in {patience:.0f} s; "
                        f"here are {self._present()}. Look at their logs, and whether they reach "
                        f"{socket.gethostname()}:{self._door.getsockname()[1]}"
                    )
                if now - said > SAY_EVERY:
                    said = now
                    say(f"waiting for {_processes(missing)} of {self._count} ({now - began:.0f} s)")
                self._door.settimeout(min(1.0, patience))
                try:
                    self._admit(Line(self._door.accept()[0]))
                except TimeoutError:
                    continue
        except (ConfigError, LostProcessError) as e:
            self.tell({"end": e.code, "why": str(e), "from": 0})
            self.close()
            raise
        finally:
            self._door.close()  # JAX's service will listen here
        self.tell({"go": True, "members": list(self.members.values())})

    def _admit(self, line: Line) -> None:
        hello = line.hello()
        if hello is None:
            return line.socket.close()  # no process of ours
        index = hello["index"]
        if index in self.members and (index == 0 or self._alive(self._lines[index])):
            line.send({"end": ConfigError.code, "why": "its place is taken", "from": 0})
            line.socket.close()
            other = self.members[index]
            raise ConfigError(
                f"two processes say that they are process {index}: {other['pid']} on "
                f"{other['host']}, {hello['pid']} on {hello['host']}; number them from 0 to "
                f"{self._count - 1}"
            )
        if index in self._lines:
            self._lines[index].socket.close()  # it went, and has come again
        self._lines[index] = line
        self.members[index] = hello
        if hello["count"] != self._count:
            raise ConfigError(
                f"{_name(hello)} expects {hello['count']} processes, {_name(self.members[0])} "
                f"{self._count}"
            )
        if differs := _differences(self.members[0], hello):
            raise ConfigError(differs)

    def _alive(self, line: Line) -> bool:
        line.socket.settimeout(0.01)
        alive = line.receive() is not None
        line.socket.settimeout(None)
        return alive

    def _present(self) -> str:
        return ", ".join(_name(m) for _, m in sorted(self.members.items()))

    def close(self) -> None:
        """Hangs up."""
        for line in self._lines.values():
            line.socket.close()

    def tell(self, message: Message) -> None:
        """Says it to all others."""
        with self._lock:
            for line in list(self._lines.values()):
                line.send(message)

    def listen(self, heard: Heard) -> None:
        """Hears of ends from now on, in a thread; passes each on to the others first."""
        ears = selectors.DefaultSelector()
        for index, line in self._lines.items():
            ears.register(line.socket, selectors.EVENT_READ, (index, line))

        def work() -> None:
            while ears.get_map():
                for key, _ in ears.select():
                    index, line = key.data
                    news = line.receive()
                    if news is None:
                        news = [_gone(self.members[index])]
                    for message in news:
                        if "bye" in message or "end" in message:
                            ears.unregister(line.socket)
                            line.socket.close()
                            self._lines.pop(index, None)
                        if "end" in message:
                            self.tell(message)
                            heard(message)
                        break  # one word is all that a process says: it has gone

        threading.Thread(target=work, name="roll call", daemon=True).start()


class Member:
    """Any other process."""

    def __init__(self, host: str, port: int, index: int, count: int, notes: Message):
        self._address, self._who = (host, port), _who(index, count, notes)
        self.members: dict[int, Message] = {}
        self._line: Line | None = None
        self._left = False

    def gather(self, patience: float, say: Callable[[str], None]) -> None:
        """Returns when the first process lets all in.

        Raises:
            LostProcessError: it did not answer in `patience` seconds.
            ConfigError: it refused, for the reason it gives.
        """
        where = "{}:{}".format(*self._address)
        began = said = time.monotonic()
        while True:
            now = time.monotonic()
            line = self._line = self._line or self._call()
            answer = line.receive() if line else []
            if line is None or answer is None:
                self.close()
                self._line = None  # it has gone, and may come again
            else:
                for message in answer:
                    if "go" in message:
                        self.members = {m["index"]: m for m in message["members"]}
                        return line.socket.settimeout(None)
                    self.close()
                    raise ended(message)
            if now - began > patience:
                self.close()
                raise LostProcessError(
                    f"process 0 did not let process {self._who['index']} in for {patience:.0f} s: "
                    f"expected it at {where}; look at its log, and whether {where} is reached from "
                    f"{socket.gethostname()}"
                )
            if now - said > SAY_EVERY:
                said = now
                what = "no answer from" if self._line is None else "waiting for all others at"
                say(f"process {self._who['index']}: {what} {where} ({now - began:.0f} s)")

    def close(self) -> None:
        """Hangs up."""
        if self._line:
            self._line.socket.close()

    def _call(self) -> Line | None:
        try:
            line = Line(socket.create_connection(self._address, timeout=2))
        except OSError:
            time.sleep(0.2)
            return None
        line.send(self._who)
        line.socket.settimeout(1)
        return line

    def tell(self, message: Message) -> None:
        """Says it to the first process, which passes it on."""
        self._left = True  # whatever it says, we are about to go
        if self._line:
            self._line.send(message)

    def listen(self, heard: Heard) -> None:
        """Hears of ends from now on, in a thread."""
        line = self._line
        assert line is not None

        def work() -> None:
            while True:
                news = line.receive()
                if self._left:
                    return
                for message in [_gone(self.members[0])] if news is None else news:
                    if "end" in message:
                        heard(message)
                    if "end" in message or "bye" in message:
                        return

        threading.Thread(target=work, name="roll call", daemon=True).start()


def ended(message: Message) -> Exception:
    """The error that another process's end is here."""
    code, why = message["end"], message["why"]
    kind = ConfigError if code == ConfigError.code else LostProcessError
    error = kind(why)
    error.code = code
    return error


def _who(index: int, count: int, notes: Message) -> Message:
    return {
        "index": index, "count": count, "notes": notes,
        "host": socket.gethostname(), "pid": os.getpid(), "time": time.time(),
    }  # fmt: skip


def _name(member: Message) -> str:
    return f"process {member['index']} on {member['host']}"


def _processes(indices: list[int]) -> str:
    shown = ", ".join(map(str, indices[:8])) + (", ..." if len(indices) > 8 else "")
    return f"process{'es' if len(indices) > 1 else ''} {shown}"


def _gone(member: Message) -> Message:
    return {
        "end": LostProcessError.code,
        "why": f"{_name(member)} has gone without a word: killed, or its host is down",
        "from": member["index"],
    }


def _differences(first: Message, other: Message) -> str:
    """What two processes do not agree on, in words."""
    mine, theirs = first["notes"], other["notes"]
    keys = [k for k in {**mine, **theirs} if mine.get(k) != theirs.get(k)]
    if not keys:
        return ""
    rows = "\n".join(
        f"  {k}: {mine.get(k)} on {first['host']} (0), {theirs.get(k)} on {other['host']} "
        f"({other['index']})"
        for k in keys
    )
    return (
        f"expected the same config and code in all processes, but {_name(first)} and "
        f"{_name(other)} differ:\n{rows}"
    )
