"""Tests `inception_jax/cli/pages.py`: config pages and saved configs."""

import codecs
import json
import os
import sys
from pathlib import Path

import pytest

from inception_jax.cli import pages
from inception_jax.errors import ConfigError
from inception_jax.sweep import grid, search
from inception_jax.workdir import run_dir


def test_a_saved_config_is_the_page(tmp_path, digits_config):
    """Read back from a run, it is equal to the page's."""
    (tmp_path / "config.json").write_text(json.dumps(digits_config))
    assert run_dir.plain(pages.of_run(str(tmp_path))) == digits_config
    (tmp_path / "config.json").write_text(json.dumps({**digits_config, "optim": {}}))
    with pytest.raises(ConfigError, match=r"config\.json has other keys \(optim"):
        pages.of_run(str(tmp_path))


def test_functions_of_a_page(tmp_path):
    """Only `sweep_...` and `search` are returned, and no .pyc file is written."""
    page = tmp_path / "page.py"
    page.write_text("def sweep_a(): pass\ndef search(t): pass\ndef other(): pass\nsweep_b = 1\n")
    assert set(pages.functions(f"{page}:x=1")) == {"sweep_a", "search"}
    assert [p.name for p in tmp_path.iterdir()] == ["page.py"]


def test_a_sweep_is_given_the_pages_argument(tmp_path):
    """If it takes one."""
    page = tmp_path / "page.py"
    page.write_text("def sweep_a(arg): yield arg\ndef sweep_b(): yield 2\n")
    functions = pages.functions(f"{page}:x=1")
    assert functions["sweep_a"]() == ["x=1"] and functions["sweep_b"]() == [2]


def test_an_error_names_the_line(tmp_path):
    """Of the page, also if it is raised in get_config."""
    page = tmp_path / "page.py"
    page.write_text("def get_config():\n    return 1 / 0\n")
    with pytest.raises(ConfigError, match=r"line 2: ZeroDivisionError.*\n  return 1 / 0"):
        pages.load(str(page))


@pytest.mark.parametrize(
    "name",
    ["co:lon/a.py", "b.py:x/a.py", "sp ace/a b.py", "a=b,c.py", "ü/ñ.py", "a:epochs=1.py"],
)
@pytest.mark.parametrize("argument", ["", "epochs=2.0", "a:b//c"])
def test_names_of_pages(tmp_path, name, argument):
    """The longest path that exists is the page; the rest, as it is, its argument."""
    page = tmp_path / name
    page.parent.mkdir(parents=True, exist_ok=True)
    page.touch()
    assert pages.split(f"{page}:{argument}" if argument else str(page)) == (page, argument)


def test_the_name_of_a_page_that_does_not_exist(tmp_path, monkeypatch):
    """Split behind .py; `~` is the home folder; a long argument is no file's name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert pages.split("~/x:y/no.py:" + "z" * 300) == (tmp_path / "x:y/no.py", "z" * 300)
    assert pages.split("no:z") == (Path("no"), "z")


CODE = "def get_config(arg=''):\n    return base.get_config('epochs=2.0')\n"


@pytest.fixture
def folders(tmp_path, request):
    """Two folders with a page each, whose neighbours have the same names, and Python's."""
    digits = request.config.rootpath / "configs" / "digits.py"
    for name in "ab":
        folder = tmp_path / name
        (folder / "parts").mkdir(parents=True)
        (folder / "parts" / "deep.py").write_text(f"NAME = {name!r}\n")
        (folder / "base.py").write_text(digits.read_text() + f"NAME = {name!r}\n")
        for module in ("random", "json", "inception_jax"):
            (folder / f"{module}.py").write_text("raise AssertionError\n")
        (folder / "numpy").mkdir()  # data, by the name of a package
        (folder / "page.py").write_text(
            "import base, json, random, numpy\nfrom parts import deep\n"
            f"assert numpy.pi and base.NAME == deep.NAME == {name!r}\n{CODE}"
            "def sweep_lr():\n    import base\n    yield {'data.train_split': base.NAME}\n"
        )
    return tmp_path


def test_neighbours(folders):
    """Found by a page and its functions, not by another page; no .pyc, module or path stays."""
    before = set(sys.modules), list(sys.path), list(sys.meta_path), sys.dont_write_bytecode
    for name in "aba":
        page = str(folders / name / "page.py")
        assert pages.load(page).train.epochs == 2.0
        assert pages.functions(page)["sweep_lr"]() == [{"data.train_split": name}]
    assert not [*folders.rglob("*.pyc")]
    after = set(sys.modules), list(sys.path), list(sys.meta_path), sys.dont_write_bytecode
    assert after[1:] == before[1:] and not {"base", "parts"} & after[0]


@pytest.mark.parametrize("how", ["mark", "crlf", "latin-1"])
def test_encodings(tmp_path, request, how):
    """A page is read as Python reads it."""
    data = (request.config.rootpath / "configs" / "digits.py").read_bytes()
    change = {
        "mark": lambda: codecs.BOM_UTF8 + data,
        "crlf": lambda: data.replace(b"\n", b"\r\n"),
        "latin-1": lambda: b"# coding: latin-1\n" + data + b"X = 'caf\xe9'\n",
    }
    (tmp_path / "page.py").write_bytes(change[how]())
    assert pages.load(f"{tmp_path}/page.py:epochs=2.0").train.epochs == 2.0


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_page_in_utf_16(tmp_path, encoding):
    """One line with the file's name."""
    (tmp_path / "page.py").write_bytes("x = 1\n".encode(encoding))
    with pytest.raises(ConfigError, match=r"^--config=.*page\.py: expected Python in UTF-8[^\n]*$"):
        pages.load(str(tmp_path / "page.py"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("sys.exit(0)", "SystemExit: 0"),
        ("quit()", "SystemExit"),
        ("os._exit(75)", "must return a config, and not end the process"),
        ("os.execvp('true', ['true'])", "must return a config"),
        ("os.abort()", "must return a config"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise errors.PreemptedError('saved')", "PreemptedError: saved"),
        ("get_config()", "RecursionError"),
    ],
)
@pytest.mark.parametrize("inside", ["get_config", "sweep_a", "search", ""])
def test_a_page_does_not_choose_the_exit_code(tmp_path, line, says, inside):
    """Whatever it calls, and where, is an error of the page, and the process goes on."""
    page = tmp_path / "page.py"
    head = "import os, sys\nfrom inception_jax import errors\n"
    body = f"def {inside}(*x):\n    {line.replace('get_config', inside)}\n"
    page.write_text(
        head + (body if inside else line.replace("get_config()", "f = lambda: f(); f()"))
    )
    before = os._exit, os.abort, os.execv
    call = {
        "sweep_a": lambda: grid.product(pages.functions(str(page)), "a"),
        "search": lambda: search.suggestion(pages.functions(str(page))["search"], None),
    }
    with pytest.raises(ConfigError, match=says) as e:
        call.get(inside, lambda: pages.load(str(page)))()
    assert e.value.code == 78 and (os._exit, os.abort, os.execv) == before
