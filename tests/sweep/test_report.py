"""Tests the report of a sweep: the best, seeds, what mattered, as a page and as pictures."""

import json
import re
import shlex
import subprocess
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from inception_jax import cli
from inception_jax.sweep import comparison, folder
from tests.conftest import ROOT
from tests.report.test_browser import CHROMIUM, FLAGS, body_is_ready
from tests.report.test_browser import pytestmark as browser
from tests.sweep import fake


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """32 trials, the last three half done, with their report."""
    at = fake.write(tmp_path_factory.mktemp("fake"), unfinished=3)
    assert cli.main(["report", str(at)]) == 0
    return at


def test_the_best_is_the_best(sweep):
    """Of those that are done, with a line that makes its config again."""
    c = comparison.Comparison(folder.read(sweep))
    assert len(c.done) == 29 and len(c.rows) == 32
    assert c.best.value == max(p.value for p in c.rows[:29])
    assert c.best.trial.overrides["optim.lr"] == 0.1
    line = re.search(r'<pre class="line">(.*?)</pre>', (sweep / "report.html").read_text())[1]
    assert cli.main(["config", *shlex.split(line)]) == 0


def test_a_loss_is_better_when_lower(sweep):
    """The metric says which way is up."""
    s = folder.read(sweep)
    s.metric = "loss"
    c = comparison.Comparison(s)
    assert c.best.value == min(p.value for p in c.done)


def test_seeds(sweep):
    """Mean and deviation over the seeds of each other combination."""
    c = comparison.Comparison(folder.read(sweep))
    assert len(c.groups) == 8 and c.groups[0].count == 4
    chosen = {"optim.lr": 0.1, "loss.label_smoothing": 0.1}
    assert c.groups[0].overrides == chosen
    values = [p.value for p in c.done if chosen.items() <= p.trial.overrides.items()]
    assert np.isclose(c.groups[0].mean, np.mean(values))
    assert np.isclose(c.groups[0].deviation, np.std(values, ddof=1))
    (alone,) = [g for g in c.groups if g.count == 1]
    assert alone.deviation is None


def test_importances(sweep):
    """The share of a key is near that of the variance that its means explain: a balanced grid's."""
    c = comparison.Comparison(folder.read(sweep))
    c.__dict__["done"] = [p for p in c.done if p.trial.overrides["optim.lr"] < 0.3]  # balanced
    values = np.array([p.value for p in c.done])
    shares = {}
    for axis in c.axes:
        column = np.array([p.trial.overrides[axis.key] for p in c.done])
        means = np.array([values[column == v].mean() for v in column])
        shares[axis.key] = means.var() / values.var()
    assert list(c.importances) == sorted(shares, key=shares.get, reverse=True)
    for key, share in c.importances.items():
        assert abs(share - shares[key]) < 0.05, (key, share, shares)


def test_the_foremost_key(sweep, tmp_path, monkeypatch):
    """The one that explains most; never the seed, unless there is nothing else."""
    c = comparison.Comparison(folder.read(sweep))
    assert c.foremost.key == "optim.lr"
    monkeypatch.setattr(c, "importances", {"seed": 0.6, "loss.label_smoothing": 0.3})
    assert c.foremost.key == "loss.label_smoothing"
    alone = comparison.Comparison(folder.read(fake.write(tmp_path, names="seed")))
    assert alone.foremost.key == "seed"


def test_axes():
    """Numbers that span much are logarithmic; seeds and words are told apart."""
    assert comparison.axis("optim.lr", [0.01, 0.3]).log
    assert not comparison.axis("optim.lr", [0.1, 0.3]).log
    assert comparison.axis("loss.label_smoothing", [0.0, 0.1]).values is None
    assert comparison.axis("seed", [1, 0]).values == (0, 1)
    assert comparison.axis("model.name", ["b", "a"]).values == ("a", "b")
    assert comparison.axis("data.size", [[1, 2], None]).values == (None, "[1, 2]")


def test_pictures(sweep):
    """Each panel and all together, as SVG that parses and PNG that is not empty; again the same."""
    pictures = sweep / "figures"
    names = {p.name for p in pictures.iterdir()}
    assert names == {f"{n}.{k}" for n in ("sweep", "curves", "parallel", "importances", "keys")
                     for k in ("svg", "png")}  # fmt: skip
    for path in pictures.glob("*.svg"):
        assert ET.parse(path).getroot().tag.endswith("svg")
    for path in pictures.glob("*.png"):
        image = np.asarray(Image.open(path).convert("L"))
        assert min(image.shape) > 400 and image.min() < 100 and (image < 250).mean() > 0.005
    before = {p.name: p.read_bytes() for p in pictures.iterdir()}
    assert cli.main(["report", str(sweep)]) == 0
    assert {p.name: p.read_bytes() for p in pictures.iterdir()} == before


def test_the_sweep_of_the_experiments(tmp_path, capsys):
    """Its run files still make its page and its table: 16 trials, the rate first of all."""
    run = ROOT / "experiments/sweep_cifar10/run"
    assert cli.main(["report", str(run), f"--out={tmp_path}/report.html"]) == 0
    c = comparison.Comparison(folder.read(run))
    assert len(c.done) == 16 and next(iter(c.importances)) == "optim.lr"
    text = (ROOT / "experiments/sweep_cifar10/README.md").read_text()
    for p in c.done:
        assert f"{100 * p.value:.2f}" in text
    assert f"{c.importances['optim.lr']:.0%} of the variance" in text


def test_before_anything_is_done(tmp_path, capsys):
    """A page that says so, and no picture."""
    at = fake.write(tmp_path, names="seed")
    for run in (at / "trials").iterdir():
        for file in run.iterdir():
            file.unlink()
        run.rmdir()
    assert cli.main(["report", str(at)]) == 0
    assert "no trial has a result yet" in capsys.readouterr().out
    text = (at / "report.html").read_text()
    assert "No trial is done yet" in text and text.count("waiting") >= 4
    assert not (at / "figures").exists()


def test_mistakes(sweep, capsys):
    """Two sweeps, a sweep and a run, a directory as a file."""
    assert cli.main(["report", str(sweep), str(sweep)]) == 78
    assert "expected one of them" in capsys.readouterr().err
    assert cli.main(["report", str(sweep), f"--out={sweep}"]) == 78
    assert "found a directory" in capsys.readouterr().err


@pytest.mark.browser
@browser[1]
def test_in_a_browser(sweep, tmp_path):
    """Everything is drawn; eight curves at first; the table sorts; a brush dims lines and rows."""
    page = (sweep / "report.html").read_text()
    script = """
    const say = (id, value) => { document.body.dataset[id] = value; };
    const first = () => document.querySelector("#table tbody tr").dataset.trial;
    document.querySelectorAll("#table th button")[0].click();
    say("sorted", first());
    const hands = document.querySelectorAll(".parallel .hand");
    const box = hands[0].getBoundingClientRect();
    const at = (type, y) => hands[0].dispatchEvent(new PointerEvent(type,
      { pointerId: 1, clientX: box.left + 5, clientY: y, bubbles: true }));
    hands[0].setPointerCapture = () => {};
    at("pointerdown", box.top); at("pointermove", box.top + 25); at("pointerup", box.top + 25);
    say("kept", document.querySelector(".parallel output").textContent);
    say("dimmed", document.querySelectorAll("#table tr.out").length);
    """
    # The page's own policy lets no other script run: that is tested with the report of a run.
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
    assert body["sorted"] == "31" and body["kept"] == "5 of 29 trials" and body["dimmed"] == "24"
    assert len(re.findall(r'type="checkbox" checked=""', dom)) == 8 + 1  # and the split's


def test_nothing_from_outside(sweep):
    """No address, no script but its own, whatever a page is called."""
    text = (sweep / "report.html").read_text()
    assert (
        "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text
    )
    assert "default-src &#39;none&#39;" in text
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert len(data["trials"]) == 29 and len(data["runs"]) == 32
