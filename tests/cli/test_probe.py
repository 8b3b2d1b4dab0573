"""Tests `inception-jax probe` on a run of the digits."""

import json

import pytest

from inception_jax import cli
from inception_jax.train import run
from tests.tiny import digits


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A run of one step: random features."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    config = digits(
        train__epochs=0.05, optim__warmup_epochs=0.0, log__tensorboard=False, mesh__data=1
    )
    run.run(config, folder)
    return folder


def test_rows_are_probed_and_written(workdir, capsys):
    """Each row has its lines; the second call computes no features and prints the same as JSON."""
    words = ["probe", f"--workdir={workdir}", "--row=conv2,pool", "--shots=1,5"]
    assert cli.main(words) == 0
    out, err = capsys.readouterr()
    assert "trained on 1,437 images of 10 classes, top-1 on 360 of test" in out
    assert out.count("linear probe") == out.count("5 images a class") == 2
    assert "features train" in err
    assert cli.main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found == json.loads((workdir / "probe" / "test.json").read_text())
    assert "features" not in err
    linear = {row: each[0]["top1"] for row, each in found["rows"].items()}
    assert linear["conv2"] > 0.6  # a random layer tells most digits


@pytest.mark.parametrize(
    ("word", "says"),
    [("--row=mixed", "unknown row 'mixed' of googlenet, expected one of conv1"),
     ("--shots=few", "--shots=few: expected whole numbers, such as 1,5,10")],
)  # fmt: skip
def test_mistakes(workdir, capsys, word, says):
    """What is wrong, and what is right."""
    assert cli.main(["probe", f"--workdir={workdir}", word]) == 78
    assert says in capsys.readouterr().err
