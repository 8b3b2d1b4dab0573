"""The rendezvous of all processes but the first."""

import socket
import threading
import time
from collections.abc import Callable

from inception_jax.errors import ConfigError, LostProcessError, UserError, shown
from inception_jax.runtime.rendezvous import protocol
from inception_jax.runtime.rendezvous.protocol import MAX_START, REPORT_EVERY, Connection, Message

RETRY = 0.2  # seconds until the next connection


class Worker:
    """Connects to the coordinator, and receives messages through it.

    Attributes:
        index: of this process.
        members: every process by index, after `gather`.
    """

    def __init__(
        self, host: str, port: int, index: int, count: int, notes: Message, token: str = ""
    ):
        self.index, self._address, self._notes = index, (host, port), notes
        self._hello = protocol.hello(index, count, notes, token)
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
        refusal = ""
        while True:
            connection = self._connection = self._connection or self._connect()
            messages = connection.receive() if connection else None
            for message in messages or []:
                if self._is_start(message):
                    return
                if protocol.is_exit(message):
                    self.close()
                    raise exit_error(message, self._notes)
                refusal = f"; refused: {shown(message.get('refused', 'no known answer'))[:300]}"
                messages = None
            if messages is None:
                self.close()
                self._connection = None  # the coordinator may start again
                time.sleep(RETRY)
            now = time.monotonic()
            if now - began > patience:
                self.close()
                raise LostProcessError(
                    f"process {self.index} got no answer from process 0 within {patience:.0f} s: "
                    f"expected it at {address}{refusal}; look at its log, and whether "
                    f"{socket.gethostname()} can reach {address}"
                )
            if now - reported > REPORT_EVERY:
                reported = now
                state = "no answer from" if self._connection is None else "waiting for others at"
                waited = f"({now - began:.0f} s)"
                report(f"process {self.index}: {state} {address} {waited}{refusal}")

    def _is_start(self, message: Message) -> bool:
        """Whether the coordinator starts the job; then stores the members."""
        members = message.get("members")
        if not isinstance(members, list) or not all(map(protocol.is_member, members)):
            return False
        assert self._connection is not None
        self.members = {m["index"]: m for m in members}
        self._connection.socket.settimeout(None)
        return True

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.socket.close()

    def _connect(self) -> Connection | None:
        try:
            connection = Connection(socket.create_connection(self._address, timeout=2), MAX_START)
        except OSError:
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
                lost = [protocol.connection_lost(self.members[0])]
                for message in lost if messages is None else messages:
                    if protocol.is_exit(message):
                        on_exit(message)
                    if protocol.is_exit(message) or "goodbye" in message:
                        return

        threading.Thread(target=work, name="rendezvous", daemon=True).start()


def exit_error(message: Message, notes: Message) -> UserError:
    """The error that ends this process because of another one's exit."""
    code = message["exit_code"]
    kind = ConfigError if code == ConfigError.code else LostProcessError
    keys = protocol.values_here(message.get("keys") or [], notes)
    error = kind(message["reason"] + keys)
    error.code = code
    return error
