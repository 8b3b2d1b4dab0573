"""Tests `inception-jax sweep expand`."""

import json
import shutil

from inception_jax import cli
from inception_jax.cli import pages
from inception_jax.sweep import folder
from tests.cli.sweep_page import GRID, expanded, run


def test_expand(page, capsys):
    """Eight trials with distinct directories, each an ordinary train command."""
    assert expanded(page, "--json --config.train.epochs=1.0") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["new"] == len(found["trials"]) == 8
    assert len({t["folder"] for t in found["trials"]}) == 8
    first = found["trials"][0]
    assert first["overrides"] == {"optim.lr": 0.02, "seed": 0}
    assert first["command"][0] == "train" and "--config.train.epochs=1.0" in first["command"]
    # Editing the page does not change the sweep, which has a copy.
    page.write_text("broken(")
    assert cli.main(["config", *[w for w in first["command"] if w.startswith("--config")]]) == 0
    assert "lr                 0.02" in capsys.readouterr().out


def test_a_page_that_cannot_be_moved(page, capsys):
    """Trials read the sweep's copy of the page, which is loaded before launch."""
    text = page.read_text().replace(
        "    return c\n", "    c.seed = len(HERE.read_bytes())\n    return c\n"
    )
    page.write_text(text + "\nfrom pathlib import Path\nHERE = Path(__file__).parent / 'page.py'\n")
    assert run(GRID, page) == 78
    assert "cannot be moved" in capsys.readouterr().err
    assert not list((page.parent / "sweep" / "trials").iterdir())


def test_expanding_again_adds_what_is_new(page, capsys):
    """The same sweep adds nothing; more values add trials, and the others keep their numbers."""
    expanded(page, "--json")
    before = json.loads(capsys.readouterr().out)["trials"]
    expanded(page, "--json")
    again = json.loads(capsys.readouterr().out)
    assert again["new"] == 0 and again["trials"] == before
    page.write_text(page.read_text().replace("range(4)", "range(5)"))
    expanded(page, "--json")
    more = json.loads(capsys.readouterr().out)
    assert more["new"] == 2 and more["trials"][:8] == before
    assert [t["overrides"]["seed"] for t in more["trials"][8:]] == [4, 4]


def test_another_sweep_in_the_directory(page, capsys):
    """Other shared overrides, another metric, or a search instead of a grid are errors."""
    expanded(page)
    for more in ("--config.train.epochs=3.0", "--metric=loss"):
        assert expanded(page, more) == 78
        assert "holds another sweep" in capsys.readouterr().err
    assert run("sweep expand --config={page} --search --dir={dir}", page) == 78


def test_a_page_that_imports_its_neighbours(page, capsys):
    """They are copied with it: the trials do not depend on the originals."""
    (page.parent / "rates").mkdir()
    (page.parent / "rates" / "__init__.py").write_text("from rates import high\n")
    (page.parent / "rates" / "high.py").write_text("LR = 0.5\n")
    page.write_text("import rates\n" + page.read_text() + "\nassert rates.high.LR == 0.5\n")
    assert expanded(page) == 0
    shutil.rmtree(page.parent / "rates")
    page.unlink()
    (at,) = (page.parent / "sweep").glob("page-*/page.py")
    assert (at.parent / "rates" / "high.py").is_file()
    pages.load(str(at))


def test_folds_of_any_page(page, capsys):
    """`--sweep=fold` needs no function: a trial for each fold, on what it holds out."""
    run("sweep expand --config={page} --sweep=fold --config.data.folds=3 --dir={dir}", page)
    rows = folder.read(page.parent / "sweep").rows
    assert [r["overrides"] for r in rows] == [
        {"data.fold": i, "eval.split": "fold"} for i in range(3)
    ]
    capsys.readouterr()
    assert run("sweep expand --config={page} --sweep=fold --dir={dir}2", page) == 78
    assert "expected --config.data.folds=5" in capsys.readouterr().err
