"""Tests `report/watch.py`: a page that follows the files of its runs, for this machine alone."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from inception_jax.errors import ConfigError
from inception_jax.report import watch

MakeRun = Callable[..., Path]


@pytest.fixture
def ask(make_run: MakeRun) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """The status, tag and text of an answer; the run is make_run's, of `v3-base`."""
    with watch.server(watch.Pages([make_run()]), 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

        def ask(path: str = "/", **headers: str) -> tuple[int, str, str]:
            link = HTTPConnection(*server.server_address[:2], timeout=30)
            link.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            answer = link.getresponse()
            return answer.status, answer.getheader("ETag", ""), answer.read().decode()

        yield ask
        server.shutdown()


def test_a_page_is_rendered_again_when_a_file_changed(ask, tmp_path, monkeypatch) -> None:
    """Until then the browser's copy is confirmed without rendering; then there is another tag."""
    status, tag, page = ask()
    assert status == 200 and "connect-src" in page and "new Live()" in page
    render, calls = watch.render.render, []
    monkeypatch.setattr(watch.render, "render", lambda *a, **k: calls.append(1) or render(*a, **k))
    assert ask(If_None_Match=tag) == (304, tag, "") and not calls
    assert ask()[:2] == (200, tag) and not calls
    (tmp_path / "v3-base" / "DONE").write_text("stopped early\n")
    status, new, page = ask(If_None_Match=tag)
    assert status == 200 and new != tag and calls == [1]


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/", "localhost:1", 200),
        ("/", "evil.example:80", 403),
        ("/config.json", "localhost:1", 404),
    ],
)
def test_nothing_else_is_served(ask, path, host, status) -> None:
    """Neither files, nor the page to other names of this machine."""
    assert ask(path, Host=host)[0] == status


def test_a_port_in_use(make_run: MakeRun) -> None:
    """It is named; a directory that is no run is refused before anything is served."""
    pages = watch.Pages([make_run()])
    with watch.server(pages, 0) as server, pytest.raises(ConfigError, match="free port"):
        watch.server(pages, server.server_port)
    with pytest.raises(ConfigError, match="expected a run directory"):
        watch.Pages([Path("nowhere")])


def test_the_command_ends_cleanly(make_run: MakeRun) -> None:
    """It prints the address, and Ctrl-C ends it with code 0 and no traceback."""
    # A job in the background of a shell ignores Ctrl-C, and so would its children.
    obeys = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{obeys}; import sys; from inception_jax.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "report", str(make_run()), "--watch"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
