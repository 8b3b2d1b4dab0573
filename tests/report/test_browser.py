"""Tests the scripts of the report in headless Chromium: they draw all charts without an error."""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inception_jax import report
from inception_jax.report import watch

from .chrome import Chrome
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


@pytest.fixture
def chrome(tmp_path: Path) -> Iterator[Chrome]:
    """A page to click in."""
    page = Chrome(str(CHROMIUM), FLAGS, tmp_path / "profile", "1200,900")
    yield page
    page.close()


CHART = "document.querySelector('.chart svg').getBoundingClientRect()"


def drag(page: Chrome, share: float, to: float) -> None:
    """Drag over the first chart, between two shares of its width."""
    left, top, width = (page.value(f"{CHART}.{key}") for key in ("left", "top", "width"))
    page.drag(left + share * width, top + 60, left + to * width)


def test_zoom_and_saved_figures(chrome: Chrome, make_run: MakeRun, tmp_path: Path) -> None:
    """All charts zoom together and back; a figure is an SVG file with title, legend, style."""
    from xml.etree import ElementTree

    chrome.open(report.write([make_run()], tmp_path / "page.html").as_uri())
    drag(chrome, 0.5, 0.75)
    low, high = chrome.value("drawn.curves.zoom")
    assert 12 < low < 16 and 21 < high < 24  # of 30.6 epochs
    assert not chrome.value("drawn.curves.reset.hidden")
    for script in ("Chart.all[1].svg", "document.querySelector('.matrix svg')"):
        text = chrome.value(f"standalone('Top-1', {script}, Chart.all[1].view.series)")
        root = ElementTree.fromstring(text.encode())
        texts = [e.text for e in root.iter() if e.tag.endswith("text")]
        assert texts[0] == "Top-1" and texts[-2:] == ["train", "test (ema)"]
        assert "var(" not in text and 'stroke="rgb(' in text
    chrome.value("document.querySelector('.chart .tool').click()")
    chrome.value("Chart.all[0].svg.dispatchEvent(new MouseEvent('dblclick'))")
    assert chrome.value("drawn.curves.zoom") is None
    assert chrome.value("document.body.dataset.error") is None


def test_a_page_for_a_phone(chrome: Chrome, make_run: MakeRun, tmp_path: Path) -> None:
    """At 400 pixels nothing is wider than the page; no word of the command is broken."""
    run = make_run()
    words = ["inception-jax", "train", *(f"--config.optim.{k}=1" for k in ("lr", "eps", "clip"))]
    origin = {"command": " ".join(words), "devices": {"kind": "TPU v4", "count": 8}}
    start = {"event": "start", "time": time.time(), "step": 0, "host": "a", **origin}
    write_lines(run / "attempts.jsonl", [start])
    chrome("Emulation.setDeviceMetricsOverride", width=400, height=900, deviceScaleFactor=1,
           mobile=True)  # fmt: skip
    chrome.open(report.write([run], tmp_path / "page.html").as_uri())
    assert chrome.value("document.documentElement.scrollWidth") == 400
    lines = "[...document.querySelectorAll('.command span')].map((s) => s.getClientRects().length)"
    assert chrome.value(lines) == [1] * len(words)
    assert chrome.value("document.querySelector('.command pre').textContent") == " ".join(words)


@pytest.mark.slow
def test_a_live_page(chrome: Chrome, make_run: MakeRun) -> None:
    """New lines appear, and a first evaluation; the zoom and the scroll position stay."""
    run = make_run(done=False)
    (run / "eval").rename(run / "later")
    with watch.server(watch.Pages([run]), 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        chrome.open(f"http://127.0.0.1:{server.server_port}/")
        drag(chrome, 0.5, 0.75)
        zoom = chrome.value("drawn.curves.zoom")
        assert zoom and not chrome.value("drawn.evaluation")
        chrome.value("scrollTo(0, 150)")
        with (run / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(metric_lines(3020, 0.8, 0, time.time(), 0.1)[-1]) + "\n")
        (run / "later").rename(run / "eval")
        chrome.wait("drawn.evaluation")
        assert chrome.value("[drawn.curves.zoom, scrollY]") == [zoom, 150]
        assert chrome.value("drawn.curves.runs[0].curves[0].columns.step.at(-1)") == 3020
        assert chrome.value("document.body.dataset.error") is None
        server.shutdown()
    chrome.wait("document.getElementById('live').textContent === 'the server has ended'")


def body_is_ready(dom: str) -> bool:
    """Whether the scripts finished; fails if they reported an error."""
    body = re.search(r"<body[^>]*>", dom)
    assert body and "data-error" not in body[0], body
    return 'data-ready="1"' in body[0]


def lines_drawn(dom: str) -> list[str]:
    """The path data of curves with at least two points."""
    return re.findall(r'<path class="line[^"]*"[^>]* d="(M[^"]+L[^"]+)"', dom)


def test_one_run(render: Render, make_run: MakeRun) -> None:
    """All ten panels, the confusion matrix, classes, calibration, mistakes and filters appear."""
    dom = render(make_run())
    assert body_is_ready(dom)
    assert dom.count('<figure class="chart') == 10
    # Train in 8 panels, unsmoothed too in 7 (not the learning rate), but not in that of the
    # cross-entropy, whose labels were smoothed; test in 4, ECE among them.
    assert len(lines_drawn(dom)) == 8 + 7 + 4
    assert not any("NaN" in d for d in lines_drawn(dom))
    assert dom.count('<rect class="hit"') == 10
    assert dom.count('<span class="strip"') == 10
    assert "Calibration: ECE 0.0612" in dom
    assert dom.count('alt="image test/') == 20
    assert 'alt="32 filters of 7×7×3' in dom
    assert dom.count('class="resume"') == 10
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
