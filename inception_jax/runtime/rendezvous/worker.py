"""The rendezvous of all processes but the first."""

import socket
import threading
import time
from collections.abc import Callable

from inception_jax.errors import ConfigError, LostProcessError, UserError
from inception_jax.runtime.rendezvous.protocol import (
    REPORT_EVERY,
    Connection,
    Message,
    connection_lost,
    hello,
)


class Worker:
    """Connects to the coordinator, and receives messages through it.

    Attributes:
        index: of this process.
        members: the hello of every process by index, after `gather`.
    """

    def __init__(self, host: str, port: int, index: int, count: int, notes: Message):
        self.index, self._address = index, (host, port)
        self._hello = hello(index, count, notes)
        self.members: dict[int, Message] = {}
        self._connection: Connection | None = None
        self._is_leaving = False

    def gather(self, patience: float, report: Callable[[str], None]) -> None:
        """Wait until the coordinator starts the job.

        After ten seconds, and every ten more, `report` is called with a line about the wait.

        Raises:
            LostProcessError: it did not answer in time.
            ConfigError: it refused this process; the message has its reason.
        """
        address = "{}:{}".format(*self._address)
        began = reported = time.monotonic()
        while True:
            now = time.monotonic()
            connection = self._connection = self._connection or self._connect()
            messages = connection.receive() if connection else []
            if connection is None or messages is None:
                self.close()
                self._connection = None  # the coordinator may start again
            else:
                for message in messages:
                    if "start" in message:
                        self.members = {m["index"]: m for m in message["members"]}
                        return connection.socket.settimeout(None)
                    self.close()
                    raise exit_error(message)
            if now - began > patience:
                self.close()
                raise LostProcessError(
                    f"process {self.index} got no answer from process 0 within {patience:.0f} s: "
                    f"expected it at {address}; look at its log, and whether "
                    f"{socket.gethostname()} can reach {address}"
                )
            if now - reported > REPORT_EVERY:
                reported = now
                state = "no answer from" if self._connection is None else "waiting for others at"
                report(f"process {self.index}: {state} {address} ({now - began:.0f} s)")

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.socket.close()

    def _connect(self) -> Connection | None:
        try:
            connection = Connection(socket.create_connection(self._address, timeout=2))
        except OSError:
            time.sleep(0.2)
            return None
        connection.send(self._hello)
        connection.socket.settimeout(1)
        return connection

    def broadcast(self, message: Message) -> None:
        """Send this process's last message, a goodbye or its exit, to all through process 0."""
        self._is_leaving = True
        if self._connection:
            self._connection.send(message)

    def listen(self, on_exit: Callable[[Message], None]) -> None:
        """Start a thread that calls `on_exit` with the message when another process exits."""
        connection = self._connection
        assert connection is not None

        def work() -> None:
            while True:
                messages = connection.receive()
                if self._is_leaving:
                    return
                lost = [connection_lost(self.members[0])]
                for message in lost if messages is None else messages:
                    if "exit_code" in message:
                        on_exit(message)
                    if "exit_code" in message or "goodbye" in message:
                        return

        threading.Thread(target=work, name="rendezvous", daemon=True).start()


def exit_error(message: Message) -> UserError:
    """The error that ends this process because of another one's exit."""
    code = message["exit_code"]
    kind = ConfigError if code == ConfigError.code else LostProcessError
    error = kind(message["reason"])
    error.code = code
    return error
