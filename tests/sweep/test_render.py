"""Tests `sweep/render.py`: the HTML report of a sweep, also in a browser."""

import json
import re
import subprocess

import pytest

from inception_jax import cli
from tests.report.test_browser import CHROMIUM, FLAGS, body_is_ready
from tests.report.test_browser import pytestmark as browser
from tests.sweep import fake_trials


def test_a_sweep_without_results(tmp_path, capsys):
    """A report with waiting trials, and no plots."""
    path = fake_trials.write(tmp_path, names="seed")
    for run in (path / "trials").iterdir():
        for file in run.iterdir():
            file.unlink()
        run.rmdir()
    assert cli.main(["report", str(path)]) == 0
    assert "no trial has a result yet" in capsys.readouterr().out
    text = (path / "report.html").read_text()
    assert "No trial has finished yet" in text and text.count("waiting") >= 4
    assert not (path / "figures").exists()


def test_mistakes(grid_dir, capsys):
    """Two sweeps, and a directory as the output file."""
    assert cli.main(["report", str(grid_dir), str(grid_dir)]) == 78
    assert "expected one sweep" in capsys.readouterr().err
    assert cli.main(["report", str(grid_dir), f"--out={grid_dir}"]) == 78
    assert "found a directory" in capsys.readouterr().err


@pytest.mark.browser
@browser[1]
def test_in_a_browser(grid_dir, tmp_path):
    """All charts are drawn; the table sorts; a brush dims lines and rows."""
    page = (grid_dir / "report.html").read_text()
    script = """
    const set = (id, value) => { document.body.dataset[id] = value; };
    const first = () => document.querySelector("#table tbody tr").dataset.trial;
    document.querySelectorAll("#table th button")[0].click();
    set("sorted", first());
    const hands = document.querySelectorAll(".parallel .hand");
    const box = hands[0].getBoundingClientRect();
    const at = (type, y) => hands[0].dispatchEvent(new PointerEvent(type,
      { pointerId: 1, clientX: box.left + 5, clientY: y, bubbles: true }));
    hands[0].setPointerCapture = () => {};
    at("pointerdown", box.top); at("pointermove", box.top + 25); at("pointerup", box.top + 25);
    set("selected", document.querySelector(".parallel output").textContent);
    set("dimmed", document.querySelectorAll("#table tr.out").length);
    """
    # The page's policy blocks other scripts, which is tested with the report of a run.
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    page = page.replace("</body>", f"<script>{script}</script></body>")
    (tmp_path / "page.html").write_text(page)
    done = subprocess.run(
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1280,900",
         "--dump-dom", (tmp_path / "page.html").as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    dom = done.stdout
    assert body_is_ready(dom)
    assert dom.count('class="trial ') == 29 and dom.count("data-sorted=") == 1
    body = dict(re.findall(r'data-(\w+)="([^"]*)"', re.search(r"<body[^>]*>", dom)[0]))
    assert (
        body["sorted"] == "31" and body["selected"] == "5 of 29 trials" and body["dimmed"] == "24"
    )
    assert len(re.findall(r'type="checkbox" checked=""', dom)) == 8 + 1  # eight runs, one split


def test_no_external_resources(grid_dir):
    """The page contains no URL, and its policy blocks other scripts."""
    text = (grid_dir / "report.html").read_text()
    assert (
        "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text
    )
    assert "default-src &#39;none&#39;" in text
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert len(data["trials"]) == 29 and len(data["runs"]) == 32
