"""The messages between the processes of a job: JSON objects, one per line, over TCP.

{"index", "host", "pid", "time", "count", "notes", "proof"}  a worker's hello
{"start": true, "members": [{"index", "host", "pid", "time"}, ...]}  the coordinator's answer,
{"refused": reason}                                          or this; the worker tries again
{"exit_code", "reason", "from"[, "keys"]}                    a process ends, and with it the job
{"goodbye": true}                                            a process ends well

Anyone who reaches the port can send anything, so every field is checked. Config values are not
sent: `notes` has a digest of each. `proof` is made with the job's token, the environment variable
`TOKEN`, which launchers set to a new random value for each start and which is not sent either.
"""

import contextlib
import hashlib
import hmac
import json
import math
import os
import socket
import time
from typing import Any

from inception_jax.errors import LostProcessError, shown

TOKEN = "INCEPTION_JAX_JOB_TOKEN"
REPORT_EVERY = 10.0  # seconds between two lines about missing processes
MAX_LINE = 2**16  # bytes of a message to the coordinator
MAX_START = 2**24  # bytes of the coordinator's answer: it lists all processes
MAX_REASON = 4000  # characters, at most 12 bytes each
MAX_HOST = 255  # characters
MAX_KEYS = 8  # keys in a message
Message = dict[str, Any]


class Connection:
    """A socket that carries JSON objects, one per line of at most `max_line` bytes.

    Attributes:
        is_silent: whether nothing has arrived yet.
    """

    def __init__(self, connection: socket.socket, max_line: int = MAX_LINE):
        self.socket, self.max_line, self.is_silent = connection, max_line, True
        with contextlib.suppress(OSError):  # it may be closed already
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
        except (TimeoutError, BlockingIOError):
            return []
        except OSError:
            data = b""
        if not data:
            return None
        self.is_silent = False
        *lines, self._unread = (self._unread + data).split(b"\n")
        if any(len(line) > self.max_line for line in (*lines, self._unread)):
            return None
        try:
            messages = [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            return None
        return messages if all(isinstance(message, dict) for message in messages) else None


def this_process(index: int) -> Message:
    """This process as a member of the job."""
    host = shown(socket.gethostname())[:MAX_HOST]
    return {"index": index, "host": host, "pid": os.getpid(), "time": time.time()}


def is_member(message: Any) -> bool:
    """Whether the fields of `this_process` are valid."""
    if not isinstance(message, dict):
        return False
    index, host, pid, when = (message.get(k) for k in ("index", "host", "pid", "time"))
    return (
        type(index) is int and 0 <= index < 2**31
        and isinstance(host, str) and 0 < len(host) <= MAX_HOST and host.isprintable()
        and type(pid) is int and 0 <= pid < 2**63
        and isinstance(when, (int, float)) and abs(when) < 1e12 and math.isfinite(when)
    )  # fmt: skip


def hello(index: int, count: int, notes: Message, token: str) -> Message:
    """The hello of this process."""
    message = {**this_process(index), "count": count, "notes": digests(notes)}
    return {**message, "proof": proof(message, token)}


def is_hello(message: Message) -> bool:
    """Whether all fields of a hello are valid."""
    notes, count = message.get("notes"), message.get("count")
    return (
        is_member(message)
        and type(count) is int and message["index"] < count < 2**31
        and isinstance(notes, dict) and all(isinstance(digest, str) for digest in notes.values())
        and isinstance(message.get("proof"), str)
    )  # fmt: skip


def digests(notes: Message) -> dict[str, str]:
    """A digest of each value."""
    return {key: hashlib.sha256(_canonical(value)).hexdigest()[:32] for key, value in notes.items()}


def proof(message: Message, token: str) -> str:
    """What only a process that has the token can send with a hello; empty without a token."""
    text = _canonical({k: v for k, v in message.items() if k != "proof"})
    return hmac.new(os.fsencode(token), text, "sha256").hexdigest() if token else ""


def is_proven(message: Message, token: str) -> bool:
    """Whether a hello comes from a process that has the token."""
    given, expected = message["proof"].encode(errors="replace"), proof(message, token).encode()
    return bool(token) and hmac.compare_digest(given, expected)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def exit_message(code: int, reason: str, index: int) -> Message:
    """The message of process `index`, which ends the job."""
    return {"exit_code": code, "reason": reason[:MAX_REASON], "from": index}


def connection_lost(member: Message) -> Message:
    """The message for a process whose connection closed without one."""
    reason = f"{name(member)} closed its connection without a goodbye: killed, or its host is down"
    return exit_message(LostProcessError.code, reason, member["index"])


def is_exit(message: Message) -> bool:
    """Whether a message is a valid `exit_message`."""
    code, reason, keys = (message.get(k) for k in ("exit_code", "reason", "keys"))
    return (
        type(code) is int and 0 < code < 256
        and isinstance(reason, str) and len(reason) <= MAX_REASON
        and type(message.get("from")) is int
        and (keys is None or (isinstance(keys, list) and all(isinstance(k, str) for k in keys)))
    )  # fmt: skip


def name(member: Message) -> str:
    """`process 1 on n2`."""
    return f"process {member['index']} on {member['host']}"


def listed(indices: list[int]) -> str:
    """`processes 1, 3`, with at most eight indices."""
    first = ", ".join(map(str, indices[:8])) + (", ..." if len(indices) > 8 else "")
    return f"process{'es' if len(indices) > 1 else ''} {first}"


def values_here(keys: list[str], notes: Message) -> str:
    """` in lr (0.1 here), code (1f2e here)`: the keys that differ, with this process's values."""
    rows = [f"{shown(k)[:80]} ({shown(notes.get(k))[:80]} here)" for k in keys[:MAX_KEYS]]
    more = f" and {len(keys) - MAX_KEYS} more" if len(keys) > MAX_KEYS else ""
    return f" in {', '.join(rows)}{more}" if keys else ""
