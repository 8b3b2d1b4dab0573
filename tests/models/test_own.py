"""Tests of inception_jax.models.own: networks of a user's own file."""

import jax
import jax.numpy as jnp
import pytest

from inception_jax import models
from inception_jax.errors import ConfigError
from inception_jax.models.describe import describe

FILE = '''
"""A convolution, and a module of a neighbour."""

from typing import Any, ClassVar

from beside import HALF
from inception_jax.models.dialect import Dialect, Norm, Preprocessing
from inception_jax.models.network import Network
from inception_jax.models.rows import Row, convolution


class Tiny(Network):
    dialect: str = "three"

    PAPER: ClassVar[str] = "none"
    DIALECTS: ClassVar[dict[str, Any]] = {
        name: Dialect("ours", Norm(0.9, 1e-3, scale=True), Preprocessing(32))
        for name in ("three", "five")
    }

    def table(self):
        size = {"three": 3, "five": 5}[self.dialect]
        return (Row("conv1", convolution(2 * HALF, size, 2), "ours", 16, 2 * HALF),)


class Nothing(Network):
    pass


number = 3
'''


@pytest.fixture
def file(tmp_path):
    """The user's file, in a folder with a neighbour."""
    (tmp_path / "beside.py").write_text("HALF = 8\n")
    path = tmp_path / "net.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(("dialect", "size"), [("three", 3), ("five", 5)])
def test_a_network_of_a_file(file, dialect, size):
    """It is created, described and run as one of the package's."""
    name = f"{file}:Tiny"
    assert models.dialects(name) == ("three", "five")
    model = models.create(name, num_classes=10, dialect=dialect, dropout=0.0)
    about = describe(model)
    assert (about.name, about.dialect) == (name, dialect)
    assert about.rows[0].macs == 16 * 16 * size**2 * 3 * 16
    images = jnp.ones((2, 32, 32, 3))
    logits, _ = model.init_with_output(jax.random.key(0), images)
    assert logits.logits.shape == (2, 10)


def test_relative_to_the_working_directory(file, monkeypatch):
    """As a page is."""
    monkeypatch.chdir(file.parent)
    assert models.create("net.py:Tiny").NAME == "net.py:Tiny"


def test_files_may_have_neighbours_of_one_name(file, tmp_path):
    """Each finds its own."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "beside.py").write_text("HALF = 4\n")
    (tmp_path / "other" / "net.py").write_text(FILE)
    names = [f"{folder / 'net.py'}:Tiny" for folder in (file.parent, tmp_path / "other")]
    assert [models.create(n).rows()[0].channels for n in names] == [16, 8]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("Tine", r"expected a subclass of .*Network, the file has Tiny, Nothing; did you mean"),
        ("number", "the file has Tiny, Nothing"),
        ("Network", "Network has no DIALECTS"),
        ("Nothing", "Nothing has no DIALECTS"),
    ],
)
def test_what_is_no_network(file, kind, message):
    """The message says what the file has."""
    with pytest.raises(ValueError, match=message):
        models.create(f"{file}:{kind}")


def test_a_file_that_is_not_there_or_raises(tmp_path):
    """Both are named."""
    with pytest.raises(ValueError, match=r"expected a file at .*none\.py; a relative path"):
        models.create("none.py:Net")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    with pytest.raises(ConfigError, match=r"broken\.py: ZeroDivisionError"):
        models.create(f"{tmp_path / 'broken.py'}:Net")
