"""The first process's end of the lines: who is let in, and what is passed on."""

import selectors
import socket
import threading
import time
from collections.abc import Callable

from inception_jax.errors import ConfigError, LostProcessError
from inception_jax.runtime.rendezvous.protocol import (
    SAY_EVERY,
    Connection,
    Message,
    gone,
    listed,
    name,
    who,
)


class Coordinator:
    """The first process: lets the others in, then passes on what one of them says."""

    def __init__(self, host: str, port: int, count: int, notes: Message):
        self._count, self._notes = count, notes
        self._lines: dict[int, Connection] = {}
        self.members: dict[int, Message] = {0: who(0, count, notes)}
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
                        f"{listed(missing)} of {self._count} did not come in {patience:.0f} s; "
                        f"here are {self._present()}. Look at their logs, and whether they reach "
                        f"{socket.gethostname()}:{self._door.getsockname()[1]}"
                    )
                if now - said > SAY_EVERY:
                    said = now
                    say(f"waiting for {listed(missing)} of {self._count} ({now - began:.0f} s)")
                self._door.settimeout(min(1.0, patience))
                try:
                    self._admit(Connection(self._door.accept()[0]))
                except TimeoutError:
                    continue
        except (ConfigError, LostProcessError) as e:
            self.tell({"end": e.code, "why": str(e), "from": 0})
            self.close()
            raise
        finally:
            self._door.close()  # JAX's service will listen here
        self.tell({"go": True, "members": list(self.members.values())})

    def _admit(self, line: Connection) -> None:
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
                f"{name(hello)} expects {hello['count']} processes, {name(self.members[0])} "
                f"{self._count}"
            )
        if differs := _differences(self.members[0], hello):
            raise ConfigError(differs)

    def _alive(self, line: Connection) -> bool:
        line.socket.settimeout(0.01)
        alive = line.receive() is not None
        line.socket.settimeout(None)
        return alive

    def _present(self) -> str:
        return ", ".join(name(m) for _, m in sorted(self.members.items()))

    def close(self) -> None:
        """Hangs up."""
        for line in self._lines.values():
            line.socket.close()

    def tell(self, message: Message) -> None:
        """Says it to all others."""
        with self._lock:
            for line in list(self._lines.values()):
                line.send(message)

    def listen(self, heard: Callable[[Message], None]) -> None:
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
                        news = [gone(self.members[index])]
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
        f"expected the same config and code in all processes, but {name(first)} and "
        f"{name(other)} differ:\n{rows}"
    )
