"""Tests `sweep/folder.py`: the directory of a sweep is written and read back."""

import json

import pytest

from inception_jax.errors import ConfigError
from inception_jax.sweep import folder


@pytest.fixture
def sweep(tmp_path):
    """A written grid of two trials."""
    page = tmp_path / "page.py"
    page.write_text("original")
    files = {"page.py": page.read_bytes()}
    sweep = folder.new(tmp_path / "sweep", page, files, "small", ["--config.seed=1"], "top1")
    sweep.add([{"overrides": {"optim.lr": lr}, "hash": f"{i:08d}"} for i, lr in enumerate((1, 2))])
    sweep.write(files)
    return sweep


def test_it_is_read_back(sweep):
    """All fields survive; the page is a copy."""
    assert folder.read(sweep.folder) == sweep
    assert (sweep.folder / sweep.page).read_text() == "original"
    assert sweep.config_arg() == f"{sweep.folder / sweep.page}:small"


def test_trials(sweep):
    """Directories are numbered and named by hash; commands use the copy of the page."""
    first, second = sweep.trials()
    assert [t.folder.name for t in (first, second)] == ["000-00000000", "001-00000001"]
    assert f"--config={sweep.config_arg()}" in first.command
    assert first.command[-2:] == ("--config.seed=1", "--config.optim.lr=1")
    original = sweep.config_flags(second)
    assert original[0].endswith("page.py:small") and original[-1] == "--config.optim.lr=2"


def test_only_new_trials_are_added(sweep):
    """Trials with a known hash keep their number, and the page they were created with."""
    rows = [{"overrides": {}, "hash": h} for h in ("00000001", "00000009")]
    page, sweep.page = sweep.page, "page-new.py"
    assert sweep.add(rows) == 1
    assert [r["page"] for r in sweep.rows] == [page, page, "page-new.py"]


def test_other_directories(sweep, tmp_path):
    """A directory without sweep.json, and a damaged one, are errors."""
    with pytest.raises(ConfigError, match="expected a directory created by"):
        folder.read(tmp_path)
    good = json.loads((sweep.folder / folder.FILE).read_text())
    changes = {"page": 1, "base": [1], "rows": [{"hash": 1}], "search": {}, "more": 1}
    bad = [json.dumps({**good, key: value}) for key, value in changes.items()]
    for text in (*bad, "", "5", "[" * 200_000, '{"rows": ' + "9" * 5000 + "}"):
        (sweep.folder / folder.FILE).write_text(text)
        with pytest.raises(ConfigError, match="expected the file that `sweep expand` writes"):
            folder.read(sweep.folder)


def test_a_damaged_trial_is_named_and_passed_over(sweep, capfd):
    """The other trials of a search are listed."""
    sweep.search = {}
    rows = {"a": '{"number": 1, "overrides": {}}', "b": '{"number": "1"}', "c": "", "d": "[[["}
    for name, text in rows.items():
        (sweep.folder / "trials" / name).mkdir()
        (sweep.folder / "trials" / name / "trial.json").write_text(text)
    for _ in range(2):
        assert [t.folder.name for t in sweep.trials()] == ["a"]
    assert capfd.readouterr().err.count("passed over") == 3
