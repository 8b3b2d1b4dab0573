"""Tests the scripts of the report in headless Chromium: they draw all charts without an error."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from inception_jax import report

from .fake_runs import config_of, metric_lines, monitor_lines, write_lines

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("INCEPTION_JAX_REQUIRE_ALL"),
        reason="chromium is not on PATH",
    ),
]

MakeRun = Callable[..., Path]
Render = Callable[..., str]


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """The DOM of the page for these runs, after its scripts."""

    def run(*run_dirs: Path, size: str = "1280,900") -> str:
        page = report.write(run_dirs, tmp_path / "page.html")
        command = [
            str(CHROMIUM),
            *FLAGS,
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={size}",
            "--dump-dom",
            page.as_uri(),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def body_is_ready(dom: str) -> bool:
    """Whether the scripts finished; fails if they reported an error."""
    body = re.search(r"<body[^>]*>", dom)
    assert body and "data-error" not in body[0], body
    return 'data-ready="1"' in body[0]


def lines_drawn(dom: str) -> list[str]:
    """The path data of curves with at least two points."""
    return re.findall(r'<path class="line[^"]*"[^>]* d="(M[^"]+L[^"]+)"', dom)


def test_one_run(render: Render, make_run: MakeRun) -> None:
    """All nine panels, the confusion matrix, classes, calibration, mistakes and filters appear."""
    dom = render(make_run())
    assert body_is_ready(dom)
    assert dom.count('<figure class="chart') == 9
    # Train in 8 panels, unsmoothed too in 7 (not the learning rate); test in 4, ECE among them.
    assert len(lines_drawn(dom)) == 8 + 7 + 4
    assert not any("NaN" in d for d in lines_drawn(dom))
    assert dom.count('<rect class="hit"') == 10
    assert dom.count('<span class="strip"') == 10
    assert "Calibration: ECE 0.0612" in dom
    assert dom.count('alt="image test/') == 20
    assert 'alt="32 filters of 7×7×3' in dom
    assert dom.count('class="resume"') == 9
    assert 'class="strip-chart' not in dom


def test_monitors(render: Render, make_run: MakeRun) -> None:
    """Three heat maps with legends; adjacent cells of a colour are merged, blanks not drawn."""
    run, bare = make_run(), make_run("bare")
    with (run / "metrics.jsonl").open("a") as f:
        f.writelines(json.dumps(line) + "\n" for line in monitor_lines(3000, time.time()))
    dom = render(run)
    assert body_is_ready(dom)
    assert dom.count('<figure class="strip-chart') == 3
    assert dom.count('<rect class="cell"') == (2 + 1) + (1 + 1 + 2) + 4
    assert dom.count(">block8_5</text>") == 3
    legends = re.findall(r'<div class="ramp">(.*?)</div>', dom, re.S)
    marks = [re.findall(r">([^<]+)</text>", legend) for legend in legends]
    assert marks == [["0.01", "0.1", "1", "10"], ["0%", "50%", "100%"], ["10", "1", "0.1"]]
    assert render(run, bare).count('<figure class="strip-chart') == 3


def test_several_runs_of_many_classes(render: Render, make_run: MakeRun) -> None:
    """Runs are overlaid with a legend; a thousand classes are a canvas and a table of pairs."""
    names = tuple(f"n{i:08d}" for i in range(1000))
    dom = render(
        make_run("a", classes=names, each=50), make_run("b", classes=names, each=50), size="500,900"
    )
    assert body_is_ready(dom)
    assert "<canvas" in dom
    assert dom.count('data-value="') > 2000  # 1000 classes, two numbers each
    assert len(lines_drawn(dom)) == 2 * (8 + 4)
    assert ">a</label>" in dom and ">b</label>" in dom


def test_short_runs(render: Render, tmp_path: Path) -> None:
    """Runs with three points, with one point, and with a config alone."""
    for name, steps in (("three", 60), ("one", 20), ("none", 0)):
        run = tmp_path / name
        run.mkdir()
        (run / "config.json").write_text(json.dumps(config_of()))
        write_lines(run / "metrics.jsonl", metric_lines(steps, 0.5, 0, time.time(), 0.1))
        dom = render(run)
        assert body_is_ready(dom)
        assert bool(lines_drawn(dom)) == (name == "three")
        assert ('<circle class="dot' in dom) == (name == "one")  # one point has no line


def test_hostile_names(render: Render, make_run: MakeRun) -> None:
    """Markup in a class name, a metric and a split is shown as text."""
    evil = "</script><img src=x onerror=\"document.body.dataset.error='owned'\">"
    run = make_run(classes=(evil, *"123456789"))
    with (run / "metrics.jsonl").open("a") as f:
        f.write(json.dumps({"step": 1, "epoch": 0, "time": 0, "split": evil, evil: 1.0}) + "\n")
    dom = render(run)
    assert body_is_ready(dom)
    assert "<img src=x" not in dom and '<img src="x"' not in dom
    assert "&lt;/script&gt;&lt;img" in dom
