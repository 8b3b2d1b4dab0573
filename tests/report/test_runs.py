"""Tests `report/runs.py`: which directories are runs, and the names of several runs."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from inception_jax import report
from inception_jax.errors import ConfigError
from inception_jax.report import runs
from inception_jax.sweep import progress
from inception_jax.sweep.trial import Trial

from . import fake_runs
from .read_page import embedded, written

MakeRun = Callable[..., Path]


def test_runs_have_distinct_names(make_run: MakeRun) -> None:
    """Two runs with the same last directory get the parent's name too."""
    page = written(make_run("x/run"), make_run("y/run"))
    assert [r["name"] for r in embedded(page)] == ["x/run", "y/run"]


@pytest.mark.parametrize("content", [(), ("notes.txt", "checkpoints")])
def test_a_directory_that_is_not_a_run(tmp_path: Path, content: tuple[str, ...]) -> None:
    """The error says what was expected, what was found, and what to do."""
    empty = tmp_path / "empty"
    empty.mkdir()
    for name in content:
        (empty / name).touch()
    found = "only checkpoints, notes.txt" if content else "nothing"
    message = f"expected a run directory with .*, found {found} in .*empty; name the --workdir"
    with pytest.raises(ConfigError, match=message):
        report.write([empty], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_parent_of_runs_is_recognised(make_run: MakeRun) -> None:
    """The error for a folder that contains runs names them."""
    parent = make_run("sweep/lr-1").parent
    with pytest.raises(ConfigError, match="its subdirectories lr-1 look like runs"):
        written(parent)


def test_a_brief_run(make_run: MakeRun) -> None:
    """Of thousands of trials: curves of training and the evaluated split, else the newest line."""
    run = make_run()
    config = {**fake_runs.config_of(), "eval": {"split": "test"}}
    (run / "config.json").write_text(json.dumps(config))
    with (run / "metrics.jsonl").open("a") as f:
        f.writelines(json.dumps(x) + "\n" for x in fake_runs.monitor_lines(100, 1e9))
    whole, brief = runs.read(run), runs.read(run, brief=True)
    assert (whole.status, whole.seconds) == (brief.status, brief.seconds)
    assert [c.newest for c in whole.curves] == [c.newest for c in brief.curves]
    assert [len(c.columns["step"]) for c in whole.curves] == [150, 30]
    assert [len(c.columns["step"]) for c in brief.curves] == [150, 30]
    assert (brief.heat_maps, brief.warnings, brief.evaluations) == ([], [], {})
    assert whole.heat_maps and whole.evaluations


@pytest.mark.parametrize("config", ["[]", "5", '{"eval": 5, "train": [], "model": 3}', "{"])
def test_an_odd_config(make_run: MakeRun, config: str) -> None:
    """A config that is none is noted or passed over, by the report of a run and of a sweep."""
    run = make_run()
    (run / "config.json").write_text(config)
    assert embedded(written(run))[0]["curves"]
    trial = progress.read(Trial(0, {}, run, ()), "top1")
    assert trial.state == "done" and trial.epochs == 0.0


def test_nothing_to_read(tmp_path: Path) -> None:
    """A directory that does not exist is an error."""
    with pytest.raises(ConfigError, match=r"expected .* found nothing"):
        report.write([tmp_path / "missing"], tmp_path / "report.html")


def test_imports_no_framework() -> None:
    """A report needs no JAX, Flax or TensorFlow."""
    code = (
        "import sys, inception_jax.report; "
        "print([m for m in ('jax', 'flax', 'tensorflow', 'torch') if m in sys.modules])"
    )
    root = Path(report.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
