"""A page with sweeps, and command lines of `sweep` on it."""

import shlex

import pytest

from inception_jax import cli
from tests.conftest import ROOT
from tests.sweep import pages


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page with sweeps; the working directory is the repository."""
    monkeypatch.chdir(ROOT)
    return pages.write(tmp_path)


def run(text, page):
    """Run a command line; {page} and {dir} are replaced."""
    text = text.replace("{page}", str(page)).replace("{dir}", str(page.parent / "sweep"))
    return cli.main(shlex.split(text))


def expanded(page, more=""):
    """Run `sweep expand` for eight trials."""
    return run(f"sweep expand --config={{page}} --sweep=lr,seed --dir={{dir}} {more}", page)


SEARCH = "sweep launch --on=local --config={page} --search --dir={dir} "
GRID = "sweep launch --on=local --config={page} --sweep=lr --dir={dir} "
