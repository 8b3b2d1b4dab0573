"""The messages between the processes of a job: JSON objects, one per line, over TCP.

{"index", "count", "notes", "host", "pid", "time"}  a worker's hello
{"start": true, "members": [hello, ...]}            the coordinator's answer
{"exit_code", "reason", "from"}                     a process ends, and with it the job
{"goodbye": true}                                   a process ends well
"""

import contextlib
import json
import os
import socket
import time
from typing import Any

from inception_jax.errors import LostProcessError

HELLO_TIMEOUT = 5.0  # seconds for a new connection's hello; other connections wait meanwhile
HELLO_KEYS = {"index", "count", "notes", "host", "pid", "time"}
REPORT_EVERY = 10.0  # seconds between two lines about missing processes
Message = dict[str, Any]


class Connection:
    """A socket that carries JSON objects, one per line."""

    def __init__(self, connection: socket.socket):
        self.socket = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def send(self, message: Message) -> None:
        """Send a message; a closed connection is no error here: the reader notices it."""
        with contextlib.suppress(OSError):
            self.socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> list[Message] | None:
        """Read the next messages; none while a line is incomplete or on a timeout.

        Returns:
            None once the connection is closed or carries something else than messages.
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
            messages = [json.loads(line) for line in lines]
        except ValueError:
            return None
        return messages if all(isinstance(message, dict) for message in messages) else None

    def receive_hello(self) -> Message | None:
        """Read the hello of a new connection; None if there is none in time, or another message."""
        self.socket.settimeout(1)
        deadline = time.monotonic() + HELLO_TIMEOUT
        while time.monotonic() < deadline:
            messages = self.receive()
            if messages is None:
                return None
            if messages:
                self.socket.settimeout(None)
                return messages[0] if messages[0].keys() >= HELLO_KEYS else None
        return None


def hello(index: int, count: int, notes: Message) -> Message:
    """The hello of this process."""
    return {
        "index": index, "count": count, "notes": notes,
        "host": socket.gethostname(), "pid": os.getpid(), "time": time.time(),
    }  # fmt: skip


def name(member: Message) -> str:
    """`process 1 on n2`."""
    return f"process {member['index']} on {member['host']}"


def listed(indices: list[int]) -> str:
    """`processes 1, 3`, with at most eight indices."""
    shown = ", ".join(map(str, indices[:8])) + (", ..." if len(indices) > 8 else "")
    return f"process{'es' if len(indices) > 1 else ''} {shown}"


def connection_lost(member: Message) -> Message:
    """The message for a process whose connection closed without one."""
    return {
        "exit_code": LostProcessError.code,
        "reason": f"{name(member)} closed its connection without a goodbye: killed, or its host "
        f"is down",
        "from": member["index"],
    }
