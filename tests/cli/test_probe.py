"""Tests `inception-jax probe` on a run of the digits."""

import json

import pytest

from inception_jax import cli
from inception_jax.cli import pages
from inception_jax.eval import probe
from tests import evaluated

pytestmark = pytest.mark.usefixtures("quick_compiler", "promotion")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A run with random weights."""
    return evaluated.workdir(tmp_path_factory.mktemp("run"))


def test_rows_are_probed_and_written(workdir, capsys, monkeypatch):
    """Each row has its lines; the second call computes no features, and prints what it writes."""
    monkeypatch.setattr(probe, "STRENGTHS", (10.0,))  # each takes the solver a second
    words = ["probe", f"--workdir={workdir}"]
    assert cli.main([*words, "--row=conv1,pool", "--shots=5"]) == 0
    out, err = capsys.readouterr()
    assert "trained on 1,437 images of 10 classes, top-1 on 360 of test" in out
    assert out.count("linear probe") == out.count("5 images a class") == 2
    assert "features train" in err
    assert cli.main([*words, "--row=conv1", "--shots=1", "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found == json.loads((workdir / "probe" / "test.json").read_text())
    assert "features" not in err
    assert found["rows"]["conv1"][0]["top1"] > 0.5  # a random layer tells most digits


def test_a_run_without_classes_is_refused(workdir, capsys, monkeypatch):
    """Several labels of an image are no class; the way out is named."""
    config = pages.of_run(str(workdir))
    config.data.task, config.loss.name = "multilabel", "binary_cross_entropy"
    config.loss.label_smoothing = 0.0
    monkeypatch.setattr(pages, "of_run", lambda _: config)
    assert cli.main(["probe", f"--workdir={workdir}"]) == 78
    assert "images of one class each" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "says"),
    [("--row=mixed", "unknown row 'mixed' of googlenet, expected one of conv1"),
     ("--shots=few", "--shots=few: expected whole numbers, such as 1,5,10")],
)  # fmt: skip
def test_mistakes(workdir, capsys, word, says):
    """What is wrong, and what is right."""
    assert cli.main(["probe", f"--workdir={workdir}", word]) == 78
    assert says in capsys.readouterr().err
