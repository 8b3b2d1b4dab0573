"""The coordinator's port: reads the first message of many connections side by side."""

import selectors
import socket
import time

from inception_jax.runtime.rendezvous.protocol import Connection, Message

HELLO_TIMEOUT = 5.0  # seconds from a connection to its whole hello
MAX_PENDING = 128  # connections without a hello; the oldest is closed for one more


class Listener:
    """Accepts connections on a port.

    Attributes:
        port: its number.
    """

    def __init__(self, host: str, port: int):
        both = not host and socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        self._server = socket.create_server((host, port), family=family, dualstack_ipv6=both)
        self._server.setblocking(False)
        self.port = self._server.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ)
        self._pending: dict[Connection, tuple[str, float]] = {}  # address and deadline, by age

    def wait(self, seconds: float) -> list[tuple[Connection, str, Message | None]]:
        """Serve all connections for at most this time.

        Returns:
            the connections that have sent a message, or None: something else, or nothing in time;
            each with its address. They do not block.
        """
        done = []
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._server:
                self._accept()
            elif (messages := key.data.receive()) != []:
                done.append((key.data, messages[0] if messages else None))
        now = time.monotonic()
        late = [c for c, (_, deadline) in self._pending.items() if deadline < now]
        done += [(c, None) for c in (*self._pending,)[:-MAX_PENDING]]
        done += [(c, None) for c in late]
        return [(c, self._remove(c), message) for c, message in done if c in self._pending]

    def _accept(self) -> None:
        try:
            accepted, address = self._server.accept()
        except OSError:  # the connection is closed already, or this process has no descriptor left
            time.sleep(0.01)
            return
        accepted.setblocking(False)
        connection = Connection(accepted)
        self._selector.register(accepted, selectors.EVENT_READ, connection)
        host = str(address[0]).removeprefix("::ffff:")
        self._pending[connection] = host, time.monotonic() + HELLO_TIMEOUT

    def _remove(self, connection: Connection) -> str:
        self._selector.unregister(connection.socket)
        return self._pending.pop(connection)[0]

    def close(self) -> None:
        """Close the port, and the connections that have not sent a message."""
        for connection in self._pending:
            connection.socket.close()
        self._selector.close()
        self._server.close()
