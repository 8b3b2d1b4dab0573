"""The rendezvous of the first process: admits the workers, then forwards their messages."""

import selectors
import socket
import threading
import time
from collections.abc import Callable

from inception_jax.errors import ConfigError, LostProcessError
from inception_jax.runtime.rendezvous.protocol import (
    REPORT_EVERY,
    Connection,
    Message,
    connection_lost,
    hello,
    listed,
    name,
)


class Coordinator:
    """Listens for workers, compares their notes, and forwards messages between them.

    Attributes:
        index: of this process, 0.
        members: the hello of every connected process by index, this one's included.
    """

    index = 0

    def __init__(self, host: str, port: int, count: int, notes: Message):
        self._count = count
        self._connections: dict[int, Connection] = {}
        self.members: dict[int, Message] = {0: hello(0, count, notes)}
        self._lock = threading.Lock()
        try:
            both = not host and socket.has_dualstack_ipv6()
            family = socket.AF_INET6 if both else socket.AF_INET
            self._server = socket.create_server((host, port), family=family, dualstack_ipv6=both)
        except OSError as e:
            raise ConfigError(
                f"expected port {port} of this host to be free for the connections of {count} "
                f"processes, but {e.strerror}; another job may run here: choose another "
                f"--coordinator port"
            ) from e

    def gather(self, patience: float, report: Callable[[str], None]) -> None:
        """Wait until all workers are connected, then start them.

        After ten seconds, and every ten more, `report` is called with a line about the wait.

        Raises:
            LostProcessError: some did not connect in time; the message lists them.
            ConfigError: one has another config or other code, or two have the same index.
        """
        began = reported = time.monotonic()
        try:
            while missing := [i for i in range(self._count) if i not in self.members]:
                now = time.monotonic()
                if now - began > patience:
                    connected = ", ".join(name(m) for _, m in sorted(self.members.items()))
                    raise LostProcessError(
                        f"{listed(missing)} of {self._count} did not connect within "
                        f"{patience:.0f} s; connected: {connected}. Look at the logs of the "
                        f"missing, and whether they can reach "
                        f"{socket.gethostname()}:{self._server.getsockname()[1]}"
                    )
                if now - reported > REPORT_EVERY:
                    reported = now
                    report(f"waiting for {listed(missing)} of {self._count} ({now - began:.0f} s)")
                self._server.settimeout(min(1.0, patience))
                try:
                    self._admit(Connection(self._server.accept()[0]))
                except TimeoutError:
                    continue
        except (ConfigError, LostProcessError) as e:
            self.broadcast({"exit_code": e.code, "reason": str(e), "from": 0})
            self.close()
            raise
        finally:
            self._server.close()  # JAX's own service will listen on this port
        self.broadcast({"start": True, "members": list(self.members.values())})

    def _admit(self, connection: Connection) -> None:
        new = connection.receive_hello()
        if new is None:
            return connection.socket.close()  # not a process of this package
        index = new["index"]
        if index in self.members and (index == 0 or self._is_alive(self._connections[index])):
            reason = f"another process has index {index}"
            connection.send({"exit_code": ConfigError.code, "reason": reason, "from": 0})
            connection.socket.close()
            other = self.members[index]
            raise ConfigError(
                f"expected one process {index}, got two: {other['pid']} on {other['host']} and "
                f"{new['pid']} on {new['host']}; number them from 0 to {self._count - 1}"
            )
        if index in self._connections:
            self._connections[index].socket.close()  # of a process that has restarted
        self._connections[index] = connection
        self.members[index] = new
        if new["count"] != self._count:
            raise ConfigError(
                f"{name(new)} expects {new['count']} processes, {name(self.members[0])} "
                f"{self._count}"
            )
        if differences := _differences(self.members[0], new):
            raise ConfigError(differences)

    def _is_alive(self, connection: Connection) -> bool:
        connection.socket.settimeout(0.01)
        alive = connection.receive() is not None
        connection.socket.settimeout(None)
        return alive

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
                    if messages is None:
                        messages = [connection_lost(self.members[index])]
                    for message in messages[:1]:  # a worker sends one message, then exits
                        if "goodbye" in message or "exit_code" in message:
                            selector.unregister(connection.socket)
                            connection.socket.close()
                            self._connections.pop(index, None)
                        if "exit_code" in message:
                            self.broadcast(message)
                            on_exit(message)

        threading.Thread(target=work, name="rendezvous", daemon=True).start()


def _differences(first: Message, other: Message) -> str:
    """The notes that differ between two processes, as a message; empty if none do."""
    ours, theirs = first["notes"], other["notes"]
    keys = [k for k in {**ours, **theirs} if ours.get(k) != theirs.get(k)]
    if not keys:
        return ""
    rows = "\n".join(
        f"  {k}: {ours.get(k)} on {first['host']} (0), {theirs.get(k)} on {other['host']} "
        f"({other['index']})"
        for k in keys
    )
    return (
        f"expected the same config and code in all processes, but {name(first)} and "
        f"{name(other)} differ:\n{rows}"
    )
