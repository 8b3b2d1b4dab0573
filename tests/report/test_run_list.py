"""Tests `report/run_list.py`: which directories are runs, and what their files say."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from inception_jax.report import run_list

from .fake_runs import config_of, write_lines

MakeRun = Callable[..., Path]


def line(step: int, split: str, top1: float, age: float = 0.0) -> dict:
    """A line of metrics."""
    now = time.time() - age
    return {"step": step, "epoch": step / 100, "time": now, "split": split, "top1": top1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Runs in each state, one inside of another, a link, and what is no run."""
    started = {"event": "start", "time": time.time() - 500, "step": 0}
    endings = {"crashed": 1, "preempted": 75, "done": 0, "sweep/trials/killed": 137}
    for name in (*endings, "running", "imported"):
        run = tmp_path / name
        run.mkdir(parents=True)
        config = {**config_of(), "eval": {"split": "test"}, "train": {"epochs": 30.0}}
        (run / "config.json").write_text(json.dumps(config))
        if name == "imported":
            (run / "source.json").write_text('{"peer": "timm:inception_v4"}')
            continue
        age = {"done": 50.0}.get(name, 5.0)
        lines = [line(100, "test", 0.6, 90), line(200, "test", 0.5, 80), line(250, "train", 1, age)]
        write_lines(run / "metrics.jsonl", lines if name != "crashed" else [])
        end = {"event": "end", "time": time.time() - age, "step": 250, "code": endings.get(name)}
        write_lines(run / "attempts.jsonl", [started, *([end] if name in endings else [])])
    (tmp_path / "done" / "DONE").touch()
    (tmp_path / "done" / "eval" / "inner").mkdir(parents=True)
    (tmp_path / "done" / "eval" / "inner" / "config.json").write_text("{}")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "config.json").write_text("{}")
    return tmp_path


def test_states(folder: Path) -> None:
    """Every run once, also a trial of a sweep; neither links nor runs inside of runs."""
    states = {run.name: run.state for run in run_list.read_all(folder, "name")}
    assert states == {
        "crashed": "failed", "done": "done", "imported": "imported", "preempted": "stopped",
        "running": "running", "sweep/trials/killed": "stopped",
    }  # fmt: skip
    assert [run.name for run in run_list.read_all(folder / "done")] == ["."]


def test_numbers(folder: Path) -> None:
    """Step of all steps, the newest and the best evaluation; a run without lines has none."""
    found = {run.name: run for run in run_list.read_all(folder)}
    run = found["done"]
    assert (run.step, run.total, run.newest, run.best) == (250, 3000, 0.5, 0.6)
    assert run.seconds == pytest.approx(450, abs=5)
    empty = found["crashed"]
    assert (empty.step, empty.total, empty.newest, empty.best) == (None, None, None, None)
    table = run_list.text(list(found.values())).splitlines()
    assert len({len(row.rstrip()) for row in table[1:]}) == 1  # the date is the last column
    assert any("250  3,000  top-1   50.00%  60.00%" in row for row in table)


def test_the_metric_is_the_tasks(folder: Path) -> None:
    """Of a regression R2, as a number; a config of an older version is of classification."""
    path = folder / "done"
    config = json.loads((path / "config.json").read_text())
    config["data"] = {**config.get("data", {}), "task": "regression"}
    (path / "config.json").write_text(json.dumps(config))
    write_lines(path / "metrics.jsonl", [line(250, "test", 0.5) | {"r2": 0.875}])
    run = run_list.read(path, "done")
    assert (run.metric, run.newest, run.best) == ("r2", 0.875, 0.875)
    assert "R2       0.875  0.875" in run_list.text([run])


def test_order(folder: Path) -> None:
    """The newest first, or the best; runs without a result last."""
    dates = [run.date for run in run_list.read_all(folder)]
    assert dates == sorted(dates, reverse=True)
    best = [run.best for run in run_list.read_all(folder, "best")]
    assert best == [0.6] * 4 + [None] * 2


def test_only_evaluations_are_parsed(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long file: the last lines and the evaluations, not the lines of training."""
    run, count = make_run(), []
    config = {**config_of(), "eval": {"split": "test"}}
    (run / "config.json").write_text(json.dumps(config))
    lines = (run / "metrics.jsonl").read_text().splitlines()
    write_lines(run / "metrics.jsonl", [json.loads(x) for x in lines * 30])
    decoded = run_list.jsonl.reading.decoded
    monkeypatch.setattr(run_list.jsonl.reading, "decoded", lambda t: count.append(1) or decoded(t))
    assert run_list.read(run, "run").best
    assert len(count) < len(lines) * 30 / 4
