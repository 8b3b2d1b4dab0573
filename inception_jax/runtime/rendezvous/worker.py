"""Any other process's end of its line."""

import socket
import threading
import time
from collections.abc import Callable

from inception_jax.errors import ConfigError, LostProcessError
from inception_jax.runtime.rendezvous.protocol import SAY_EVERY, Connection, Message, gone, who


class Worker:
    """Any other process."""

    def __init__(self, host: str, port: int, index: int, count: int, notes: Message):
        self._address, self._who = (host, port), who(index, count, notes)
        self.members: dict[int, Message] = {}
        self._line: Connection | None = None
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

    def _call(self) -> Connection | None:
        try:
            line = Connection(socket.create_connection(self._address, timeout=2))
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

    def listen(self, heard: Callable[[Message], None]) -> None:
        """Hears of ends from now on, in a thread."""
        line = self._line
        assert line is not None

        def work() -> None:
            while True:
                news = line.receive()
                if self._left:
                    return
                for message in [gone(self.members[0])] if news is None else news:
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
