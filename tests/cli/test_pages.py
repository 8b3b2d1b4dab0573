"""Tests `inception_jax/cli/pages.py`: config pages and saved configs."""

import json
import os

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


def test_an_error_names_the_line(tmp_path):
    """Of the page, also if it is raised in get_config."""
    page = tmp_path / "page.py"
    page.write_text("def get_config():\n    return 1 / 0\n")
    with pytest.raises(ConfigError, match=r"line 2: ZeroDivisionError.*\n  return 1 / 0"):
        pages.load(str(page))


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
