"""Tests `report/curves.py`: grouping, repeated steps, values that are not finite, thinning."""

import math
from collections.abc import Callable
from pathlib import Path

from inception_jax.report.curves import gather, thin

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
    lines = [{"step": i, "loss": 1.0 + (i % 7) / 100, "grad_norm": 1.0} for i in range(100_000)]
    lines[50_003]["loss"] = 30.0
    lines[60_001]["loss"] = math.nan
    lines[70_009]["grad_norm"] = 99.0
    lines[80_002]["grad_norm"] = math.nan
    steps = [line["step"] for line in thin(tuple(lines))]
    assert len(steps) <= 3000 and steps == sorted(steps)
    assert {0, 50_003, 60_001, 70_009, 80_002, 99_999} <= set(steps)


def test_thin_leaves_short_curves_alone() -> None:
    """A short curve is not changed."""
    lines = tuple({"step": i, "loss": 1.0} for i in range(3000))
    assert thin(lines) == lines


def test_curves_are_grouped_by_split_and_weights() -> None:
    """`train` is first; raw and averaged weights are separate curves."""
    lines = [
        {"step": 1, "split": "test", "weights": "ema", "top1": 0.5},
        {"step": 1, "split": "test", "top1": 0.4},
        {"step": 2, "split": "train", "loss": 1.0},
    ]
    curves = gather(lines, [])
    assert [c.label for c in curves] == ["train", "test (ema)", "test"]
    assert curves[1].last("top1") == 0.5 and curves[1].last("loss") is None
