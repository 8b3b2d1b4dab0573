"""Tests `report/curves.py`: grouping, repeated steps, values that are not finite, thinning."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from inception_jax.report.curves import read, thin

from .fake_runs import metric_lines, write_lines
from .read_page import columns, plain_text, written

MakeRun = Callable[..., Path]


def test_last_line_of_a_step_wins(make_run: MakeRun) -> None:
    """Steps repeated after a resume appear once, with the later line, in order."""
    run = make_run()
    with (run / "metrics.jsonl").open("a") as f:
        f.write('{"split": "train", "step": 40, "epoch": 0.4, "time": 1.0, "loss": 77.0}\n')
    train = columns(written(run), "train")
    assert train["step"] == list(range(20, 3001, 20))
    assert train["loss"][1] == 77.0


def test_nan_loss_is_a_hole_and_a_note(make_run: MakeRun) -> None:
    """NaN and infinity, which JSON does not have, become null; a note names the step."""
    run = make_run()
    with (run / "metrics.jsonl").open("a") as f:
        f.write('{"step": 3020, "epoch": 30.8, "time": 1, "split": "train", "loss": NaN}\n')
        f.write('{"step": 3040, "epoch": 31, "time": 1, "split": "train", "loss": -Infinity}\n')
    page = written(run)
    assert columns(page, "train")["loss"][-2:] == [None, None]
    assert "the train loss is not finite at step 3,020 and 1 later line" in plain_text(page)


def test_thin_keeps_ends_and_spikes() -> None:
    """100,000 lines become at most 3,000, including the ends, all spikes and a NaN."""
    loss, grad_norm = 1.0 + np.arange(100_000) % 7 / 100, np.ones(100_000)
    loss[50_003], loss[60_001] = 30.0, math.nan
    grad_norm[70_009], grad_norm[80_002] = 99.0, math.nan
    steps = thin(loss, grad_norm).tolist()
    assert len(steps) <= 3000 and steps == sorted(steps)
    assert {0, 50_003, 60_001, 70_009, 80_002, 99_999} <= set(steps)


def test_thin_leaves_short_curves_alone() -> None:
    """A short curve is not changed."""
    assert thin(np.ones(3000), np.ones(3000)).tolist() == list(range(3000))


def test_a_long_file_is_thinned(tmp_path: Path) -> None:
    """At most 3,000 lines are held; both ends, a spike and the median rate of all are exact."""
    (line, *_) = metric_lines(20, 0.5, seed=0, start=0.0, lr=0.1)
    lines = [{**line, "step": i, "time": i, "images_per_s": i} for i in range(4000)]
    lines[2001]["loss"] = 30.0
    write_lines(tmp_path / "metrics.jsonl", lines)
    (train,), _, _, times = read(tmp_path / "metrics.jsonl", [])
    for curve, limit in ((train, 3000), (train.thinned(100), 100)):
        steps = curve.columns["step"].tolist()
        assert len(steps) <= limit and {0, 2001, 3999} <= set(steps) and curve.count == 4000
    assert train.images_per_s == 1999.5 and train.newest == lines[-1]
    assert times.tolist() == list(range(4000))


def test_curves_are_grouped_by_split_and_weights(tmp_path: Path) -> None:
    """`train` is first; raw and averaged weights are separate curves."""
    place = {"epoch": 1.0, "time": 1.0}
    write_lines(tmp_path / "metrics.jsonl", [
        {**place, "step": 1, "split": "test", "weights": "ema", "top1": 0.5},
        {**place, "step": 1, "split": "test", "top1": 0.4},
        {**place, "step": 2, "split": "train", "loss": 1.0},
    ])  # fmt: skip
    curves = read(tmp_path / "metrics.jsonl", []).curves
    assert [c.label for c in curves] == ["train", "test (ema)", "test"]
    assert curves[1].newest["top1"] == 0.5 and "loss" not in curves[1].columns
