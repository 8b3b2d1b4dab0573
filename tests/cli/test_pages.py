"""Tests `inception_jax/cli/pages.py`: config pages and saved configs."""

import json

import pytest

from inception_jax.cli import pages
from inception_jax.errors import ConfigError
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
