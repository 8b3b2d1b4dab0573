"""Tests `report/html.py`: hostile text, no external resources, and atomic writes."""

import errno
import html
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from inception_jax.errors import DiskFullError
from inception_jax.report import html as page_html

from .read_page import embedded, written

MakeRun = Callable[..., Path]

HOSTILE = '</script><img src=x onerror="alert(1)">&amp;'


def test_hostile_names_stay_text(make_run: MakeRun) -> None:
    """Class, split, run and config names that look like HTML or JSON ends stay text."""
    run = make_run('"><b>', classes=(HOSTILE, "<b>", "\u2028", *"0123456"), model=HOSTILE)
    with (run / "metrics.jsonl").open("a") as f:
        for split in (HOSTILE, "half a pair: \ud800"):
            line = {"step": 1, "epoch": 1, "time": 1, "split": split, HOSTILE: 1, "top1": 0.5}
            f.write(json.dumps(line) + "\n")
    page = written(run)
    assert page.count("</script") == 2  # the data's and the script's own
    assert "<img" not in page and '"><b>' not in page and "half a pair: \\ud800" in page
    evaluation = embedded(page)[0]["evaluations"]["test"]
    assert evaluation["classes"][:2] == [HOSTILE, "<b>"]
    assert html.escape(HOSTILE, quote=False).replace('"', "&#34;") in page


def test_names_stay_on_their_line(make_run: MakeRun) -> None:
    """Control characters, direction marks and undecodable bytes are shown, in text and in data."""
    name = "\x1b[2Ja\nb\u202e" + os.fsdecode(b"\xe9")
    run = make_run("a", classes=(name, *"123456789"), model=name)
    page = written(run)
    safe = "\\x1b[2Ja\\nb\\u202e\\xe9"
    assert embedded(page)[0]["evaluations"]["test"]["classes"][0] == safe
    assert "\x1b[2Ja\nb\\u202e\\xe9" not in page and "\u202e" not in page and "\x1b" not in page


def test_page_fetches_nothing(make_run: MakeRun) -> None:
    """All src and href are data: URIs or anchors in the page; the policy forbids the rest."""
    page = written(make_run("a"), make_run("b"))
    targets = re.findall(r"(?:src|href)\s*=\s*[\"']?([^\"'\s>]+)", page)
    assert targets and all(t.startswith(("#", "data:")) for t in targets)
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest", page)
    assert "default-src &#39;none&#39;; img-src data:" in page


def test_a_failed_write_keeps_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is replaced at the end, and nothing else is left behind."""

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "new" / "report.html"
    page_html.write("old", out)
    monkeypatch.setattr(page_html.atomic.os, "fsync", full)
    with pytest.raises(DiskFullError, match="No space"):
        page_html.write("new", out)
    assert out.read_text() == "old" and list(out.parent.iterdir()) == [out]
