"""Chromium driven over a pipe (DevTools protocol): pages that a test clicks in."""

import itertools
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any


class Chrome:
    """One headless page."""

    def __init__(self, program: str, flags: tuple[str, ...], profile: Path, size: str):
        ours, their_output = os.pipe()
        their_input, self._write = os.pipe()
        self._read = os.fdopen(ours, "rb")
        self._ids = itertools.count(1)
        self._buffer = b""

        command = [program, *flags, "--remote-debugging-pipe", f"--user-data-dir={profile}",
                   f"--window-size={size}", "about:blank"]  # fmt: skip
        # The browser reads commands from 3 and answers on 4.
        shell = f'exec "$@" 3<&{their_input} 4>&{their_output}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *command], stderr=subprocess.DEVNULL,
            pass_fds=(their_input, their_output),
        )  # fmt: skip
        os.close(their_input)
        os.close(their_output)
        targets = self("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in targets if t["type"] == "page")
        attached = self("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}

    _session: dict[str, str] = {}  # noqa: RUF012  of no page yet

    def __call__(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a method of the protocol."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params, **self._session}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._buffer:
                self._buffer += self._read.read1(65536)
            text, _, self._buffer = self._buffer.partition(b"\0")
            answer = json.loads(text)
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, url: str) -> None:
        """Load a page, and wait for its scripts."""
        self("Page.navigate", url=url)
        self.wait("document.body?.dataset.ready")

    def value(self, script: str) -> Any:
        """The value of an expression in the page."""
        asked = {"expression": script, "returnByValue": True, "awaitPromise": True}
        found = self("Runtime.evaluate", **asked)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, script: str, seconds: float = 30) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.value(script):
            assert time.monotonic() < end, script
            time.sleep(0.05)

    def drag(self, x: float, y: float, to: float) -> None:
        """Press, move sideways and release the mouse."""
        for kind, at in (("mousePressed", x), ("mouseMoved", (x + to) / 2), ("mouseMoved", to),
                         ("mouseReleased", to)):  # fmt: skip
            button = {"button": "left", "buttons": 1, "clickCount": 1}
            self("Input.dispatchMouseEvent", type=kind, x=at, y=y, **button)

    def screenshot(self, path: Path) -> None:
        """Write a PNG of what is seen."""
        import base64

        path.write_bytes(base64.b64decode(self("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait(30)
        self._read.close()
        os.close(self._write)
