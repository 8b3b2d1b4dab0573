"""Serve the report of runs on this machine, newer whenever their files have changed."""

import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from inception_jax.errors import ConfigError
from inception_jax.report import html, render, runs
from inception_jax.report.attempts import QUIET_SECONDS

HOST = "127.0.0.1"  # other machines reach it by ssh -L alone
LOCAL = ("127.0.0.1", "localhost", "[::1]")
READ = (
    "config.json", "metrics.jsonl", "attempts.jsonl", "rollbacks.jsonl", "DONE", "source.json",
    "eval/*.json", "eval/*.npz",
)  # fmt: skip


class Pages:
    """The page of some runs, rendered again after their files have changed.

    Raises:
        ConfigError: a directory is not a run.
    """

    def __init__(self, run_dirs: Sequence[Path]):
        self._dirs = run_dirs
        self._lock = threading.Lock()
        self.tag, self._page = "", b""
        self.page()

    def page(self) -> tuple[str, bytes]:
        """The newest page, and the tag of its version."""
        with self._lock:
            tag = f'"{hash(self._files()):x}"'
            if tag != self.tag:
                text = render.render(runs.read_all(self._dirs), live=True)
                self._page, self.tag = html.encoded(text), tag
            return self.tag, self._page

    def _files(self) -> tuple[tuple[str, int, int], ...]:
        """Names, sizes and times of the files; and their silence, after which a run has stopped."""
        found, newest = [], 0.0
        for path in (p for d in self._dirs for name in READ for p in sorted(d.glob(name))):
            try:
                stat = path.stat()
            except FileNotFoundError:  # a temporary name, renamed meanwhile
                continue
            newest = max(newest, stat.st_mtime)
            found.append((str(path), stat.st_size, stat.st_mtime_ns))
        silence = int((time.time() - newest) / QUIET_SECONDS)
        return (*found, ("", silence, 0))


def server(pages: Pages, port: int) -> ThreadingHTTPServer:
    """A server of the page on this machine alone; port 0 is a free one.

    Raises:
        ConfigError: the port is in use, or needs privileges.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # A page of another site, whose name leads here, must not read the runs.
            if self.headers.get("Host", "").rpartition(":")[0] not in LOCAL:
                self.send_error(403)
            elif self.path != "/":
                self.send_error(404)
            else:
                self._send(*pages.page())

        def _send(self, tag: str, page: bytes) -> None:
            known = self.headers.get("If-None-Match") == tag
            self.send_response(304 if known else 200)
            self.send_header("ETag", tag)
            self.send_header("Cache-Control", "no-store")
            if not known:
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            if not known:
                self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Nothing: the terminal has the address."""

    try:
        return ThreadingHTTPServer((HOST, port), Handler)
    except OSError as e:
        raise ConfigError(
            f"--port={port}: expected a free port of {HOST}, {e.strerror}; choose another, or "
            f"leave it out"
        ) from e


def serve(run_dirs: Sequence[Path], port: int) -> None:
    """Print the address and serve the page until Ctrl-C."""
    with server(Pages(run_dirs), port) as running:
        try:
            print(f"http://{HOST}:{running.server_port}/  (Ctrl-C ends)", flush=True)
            running.serve_forever()
        except KeyboardInterrupt:
            print()
