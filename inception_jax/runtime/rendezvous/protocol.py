"""The line: JSON objects over a connection, and what processes say of themselves and of ends."""

import contextlib
import json
import os
import socket
import time
from typing import Any

from inception_jax.errors import LostProcessError

HELLO_WITHIN = 5.0  # seconds from the call; nobody else is let in meanwhile
WHO = {"index", "count", "notes", "host", "pid", "time"}  # what a process says of itself
SAY_EVERY = 10.0  # seconds between two lines about who is missing
Message = dict[str, Any]


class Connection:
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


def who(index: int, count: int, notes: Message) -> Message:
    """What a process says of itself.

    Args:
        index: of this process, from 0.
        count: of all.
        notes: what must be the same in all.
    """
    return {
        "index": index, "count": count, "notes": notes,
        "host": socket.gethostname(), "pid": os.getpid(), "time": time.time(),
    }  # fmt: skip


def name(member: Message) -> str:
    """`process 1 on n2`."""
    return f"process {member['index']} on {member['host']}"


def listed(indices: list[int]) -> str:
    """`processes 1, 3`; at most eight are named."""
    shown = ", ".join(map(str, indices[:8])) + (", ..." if len(indices) > 8 else "")
    return f"process{'es' if len(indices) > 1 else ''} {shown}"


def gone(member: Message) -> Message:
    """The end that nobody told: its line broke."""
    return {
        "end": LostProcessError.code,
        "why": f"{name(member)} has gone without a word: killed, or its host is down",
        "from": member["index"],
    }
