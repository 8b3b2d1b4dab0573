"""The rendezvous of the first process: admits the workers, then forwards their messages."""

import selectors
import socket
import threading
import time
from collections.abc import Callable

from inception_jax.errors import ConfigError, LostProcessError
from inception_jax.runtime.rendezvous import protocol
from inception_jax.runtime.rendezvous.listener import Listener
from inception_jax.runtime.rendezvous.protocol import (
    REPORT_EVERY,
    TOKEN,
    Connection,
    Message,
    listed,
    name,
)

MAX_DROPPED_LINES = 8  # lines about dropped connections; after that one in `REPORT_EVERY` seconds


class Coordinator:
    """Listens for workers, compares their notes, and forwards messages between them.

    Attributes:
        index: of this process, 0.
        members: every connected process by index, this one included.
    """

    index = 0

    def __init__(self, host: str, port: int, count: int, notes: Message, token: str = ""):
        self._count, self._notes, self._token = count, notes, token
        self._digests = protocol.digests(notes)
        self._report: Callable[[str], None] = print
        self._connections: dict[int, Connection] = {}
        self.members: dict[int, Message] = {0: protocol.this_process(0)}
        self._refused: dict[int, str] = {}
        self._dropped, self._reported = 0, 0.0
        self._lock = threading.Lock()
        try:
            self._listener = Listener(host, port)
        except OSError as e:
            raise ConfigError(
                f"expected port {port} of this host to be free for the connections of {count} "
                f"processes, but {e.strerror}; another job may run here: choose another "
                f"--coordinator port"
            ) from e

    def gather(self, patience: float, report: Callable[[str], None]) -> None:
        """Wait until all workers are connected, then start them.

        After ten seconds, and every ten more, `report` is called with a line about the wait; it is
        called for dropped connections too. Without a token anyone may claim to be a worker: then
        one that does not fit is dropped, and the wait goes on.

        Raises:
            LostProcessError: some did not connect in time; the message lists them.
            ConfigError: a process with the job's token has another config or other code, another
                number of processes, or the index of another.
        """
        self._report = report
        began = reported = time.monotonic()
        try:
            while missing := [i for i in range(self._count) if i not in self.members]:
                now = time.monotonic()
                if now - began > patience:
                    self._give_up(missing, patience)
                if now - reported > REPORT_EVERY:
                    reported = now
                    report(f"waiting for {listed(missing)} of {self._count} ({now - began:.0f} s)")
                for received in self._listener.wait(min(1.0, patience)):
                    self._receive(*received)
        except (ConfigError, LostProcessError):
            self.close()
            raise
        finally:
            self._listener.close()  # JAX's own service will listen on this port
        for connection in self._connections.values():
            connection.socket.setblocking(True)
        self.broadcast({"start": True, "members": list(self.members.values())})

    def _give_up(self, missing: list[int], patience: float) -> None:
        connected = ", ".join(name(m) for _, m in sorted(self.members.items()))
        refused = "".join(f"; refused: {self._refused[i]}" for i in missing if i in self._refused)
        error = LostProcessError(
            f"{listed(missing)} of {self._count} did not connect within {patience:.0f} s; "
            f"connected: {connected}{refused}. Look at the logs of the missing, and whether they "
            f"can reach {socket.gethostname()}:{self._listener.port}"
        )
        self.broadcast(protocol.exit_message(error.code, str(error), 0))
        raise error

    def _receive(self, connection: Connection, address: str, new: Message | None) -> None:
        """Admit the worker of a new connection, or close it."""
        if new is None or not protocol.is_hello(new):
            why = "" if connection.is_silent else "it is no process of this version"
            return self._drop(connection, address, why)
        proven = protocol.is_proven(new, self._token)
        if self._token and not proven:
            reason = f"{name(new)} does not have this job's {TOKEN}"
            connection.send({"refused": reason})
            return self._refuse(connection, address, new, reason)
        reason, keys = self._objection(new)
        if not reason:
            self._connections[new["index"]] = connection
            self.members[new["index"]] = {key: new[key] for key in self.members[0]}
            return
        answer = protocol.exit_message(ConfigError.code, reason, 0)
        full = reason + protocol.values_here(keys, self._notes)
        if proven:
            for peer in (connection, *self._connections.values()):
                peer.send({**answer, "keys": keys[: protocol.MAX_KEYS]})
            connection.socket.close()
            raise ConfigError(full)
        connection.send(answer)  # without the keys: it may be anyone
        self._refuse(connection, address, new, full)

    def _objection(self, new: Message) -> tuple[str, list[str]]:
        """Why a process cannot be a worker of this job, and the notes that differ; or empty."""
        index, first, ours, theirs = new["index"], self.members[0], self._digests, new["notes"]
        if new["count"] != self._count:
            return f"{name(new)} expects {new['count']} processes, {name(first)} {self._count}", []
        if keys := [k for k in {**ours, **theirs} if ours.get(k) != theirs.get(k)]:
            return (
                f"expected the same config and code in all processes, but {name(first)} and "
                f"{name(new)} differ"
            ), keys
        if other := self._occupant(index):
            return (
                f"expected one process {index}, got two: {other['pid']} on {other['host']} and "
                f"{new['pid']} on {new['host']}; number them from 0 to {self._count - 1}"
            ), []
        return "", []

    def _occupant(self, index: int) -> Message | None:
        """The member with this index; None if its connection is closed: it may have restarted."""
        connection = self._connections.get(index)
        if connection and connection.receive() is None:
            connection.socket.close()
            del self._connections[index], self.members[index]
        return self.members.get(index)

    def _refuse(self, connection: Connection, address: str, new: Message, why: str) -> None:
        """Drop a connection, and keep the reason for the list of missing processes."""
        if new["index"] < self._count:
            self._refused[new["index"]] = why
        self._drop(connection, address, why)

    def _drop(self, connection: Connection, address: str, why: str) -> None:
        """Close a connection, with a line unless there is no reason, or too many lines."""
        connection.socket.close()
        now = time.monotonic()
        self._dropped += bool(why)
        if why and (self._dropped <= MAX_DROPPED_LINES or now - self._reported > REPORT_EVERY):
            self._reported = now
            self._report(f"dropped connection {self._dropped}, from {address}: {why}")

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.socket.close()

    def broadcast(self, message: Message) -> None:
        """Send a message to all workers."""
        with self._lock:
            for connection in list(self._connections.values()):
                connection.send(message)

    def listen(self, on_exit: Callable[[Message], None]) -> None:
        """Start a thread that calls `on_exit` when a worker exits, after forwarding its message."""
        selector = selectors.DefaultSelector()
        for index, connection in self._connections.items():
            selector.register(connection.socket, selectors.EVENT_READ, (index, connection))

        def work() -> None:
            while selector.get_map():
                for key, _ in selector.select():
                    index, connection = key.data
                    messages = connection.receive()
                    if messages == []:
                        continue
                    # A worker sends one message, then exits.
                    message = messages[0] if messages else {}
                    selector.unregister(connection.socket)
                    connection.socket.close()
                    self._connections.pop(index, None)
                    if "goodbye" in message:
                        continue
                    if not protocol.is_exit(message):
                        message = protocol.connection_lost(self.members[index])
                    message = {**message, "from": index}
                    self.broadcast(message)
                    on_exit(message)

        threading.Thread(target=work, name="rendezvous", daemon=True).start()
