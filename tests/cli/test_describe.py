"""Tests `inception-jax describe`."""

import json
import re

import pytest

from inception_jax import cli


def printed(*words, capsys):
    """The output of `describe`."""
    assert cli.main(["describe", *words]) == 0
    return capsys.readouterr().out


def test_describe(capsys):
    """A table for people, the same as JSON, and a list of the networks without a name."""
    table = printed("googlenet", capsys=capsys)
    rows = json.loads(printed("googlenet", "--json", capsys=capsys))
    assert rows["name"] == "googlenet" and f"{rows['params']:,} parameters" in table
    assert all(row["name"] in table for row in rows["rows"])
    listed = printed(capsys=capsys).splitlines()
    assert any(line.split()[0] == "inception_v3" and "slim" in line for line in listed)


@pytest.mark.slow
def test_describe_differences_of_dialects(capsys):
    """`--diff` takes two dialects of a network; equal changes of rows are joined."""
    out = printed("inception_v4", "--diff", "paper", "slim", capsys=capsys)
    assert "mixed_6b .. mixed_6h" in out and re.search("drawn +true +->  false", out)


def test_describe_differences(capsys):
    """`--diff` takes two networks."""
    assert cli.main(["describe", "--diff", "googlenet:slim", "bn_inception:slim", "--json"]) == 0
    difference = json.loads(capsys.readouterr().out)
    assert difference["totals"][0] == ["params", 6_617_624, 11_178_336]


def test_describe_draws(tmp_path, capsys):
    """`--svg` writes a well-formed drawing that names every row's kind."""
    from xml.etree import ElementTree

    path = tmp_path / "v4.svg"
    assert cli.main(["describe", "inception_v4", f"--svg={path}"]) == 0
    texts = [e.text for e in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    assert "mixed_6b … 6h (× 7)" in texts and "17×17 × 1,024" in texts and "7x1 256" in texts
    assert "aux_mixed_6h" in texts


def test_describe_draws_a_pdf(tmp_path):
    """`--pdf` writes one page of A4, also of some rows from the bottom up."""
    for more in ([], ["--rows=inception_3a", "--direction=up"]):
        path = tmp_path / "a.pdf"
        assert cli.main(["describe", "googlenet", f"--pdf={path}", *more]) == 0
        assert path.read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("words", "says"),
    [(["gogglenet"], "did you mean 'googlenet'"), (["googlenet", "--width=0"], "--width=0: exp"),
     (["googlenet", "--width=wide"], "--width=wide"), (["googlenet", "--dialect=x"], "one of"),
     (["googlenet", "--image_size=5"], "layer"), (["googlenet", "b"], "got googlenet b"),
     (["googlenet", "--num_classes=-1"], "--num_classes=-1: expected a whole number of at least 0"),
     (["googlenet", "--diff", "paper", "slm"], "did you mean 'slim'"),
     (["googlenet", "--diff"], "NAME --diff DIALECT DIALECT"),
     (["googlenet", "paper", "slim", "torchvision", "--diff"], "torchvision"),
     (["googlenet", "--rows=a"], "without --svg or --pdf"),
     (["googlenet", "--svg=/dev/null", "--rows=inception_9"], "no row 'inception_9'"),
     (["googlenet", "--svg=/dev/null", "--direction=left"], "expected down or up"),
     (["--config.optim.lr=1"], "takes no config")],
)  # fmt: skip
def test_describe_refuses(words, says, capsys):
    """Names, numbers and sizes that no network can have."""
    assert cli.main(["describe", *words]) == 78
    assert says in capsys.readouterr().err
