"""Reads the HTML report of fake runs back, for tests."""

import html
import json
import re
from pathlib import Path
from typing import Any

from inception_jax import report


def written(*run_dirs: Path) -> str:
    """The HTML report of these runs."""
    out = report.write(run_dirs, run_dirs[0].parent / "pages" / "report.html")
    return out.read_text(encoding="utf-8")


def embedded(page: str) -> list[dict[str, Any]]:
    """The runs in the embedded data."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])["runs"]


def plain_text(page: str) -> str:
    """The text of the page without scripts, in one line."""
    body = re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def columns(page: str, label: str, run: int = 0) -> dict[str, list]:
    """The columns of one curve."""
    return next(c["columns"] for c in embedded(page)[run]["curves"] if c["label"] == label)
