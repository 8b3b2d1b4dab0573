"""Tests `report/monitors.py`: heat map data, thinning, and warnings."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from inception_jax import report
from inception_jax.report import monitors
from inception_jax.report.monitors import MAX_COLUMNS

from .fake_runs import monitor_lines, write_lines
from .read_page import columns, embedded, plain_text, written

BLOCKS = ["conv_1a", "block8_4", "block8_5", "logits"]


@pytest.fixture
def monitored(make_run: Callable[..., Path]) -> Path:
    """A fake run of 3,000 steps with monitors, one of whose steps is written twice."""
    run = make_run()
    lines = [json.loads(x) for x in (run / "metrics.jsonl").read_text().splitlines()]
    first = {**monitor_lines(20, lines[0]["time"])[0], "dead_relu": {"conv_1a": 1.0}}
    write_lines(run / "metrics.jsonl", [*lines, first, *monitor_lines(3000, lines[0]["time"])])
    return run


def test_the_tables_are_aligned(monitored: Path) -> None:
    """Each kind has the same blocks in network order, and the last line of each step."""
    tables = embedded(written(monitored))[0]["monitors"]
    assert [p["key"] for p in tables] == ["residual_ratio", "dead_relu", "grad_norm"]
    for table in tables:
        assert table["blocks"] == BLOCKS
        assert table["steps"] == list(range(20, 3001, 20))
    ratio, dead, norm = (p["values"] for p in tables)
    assert dead[0] == [0.0] * 150 and dead[3] == [None] * 150 and ratio[0] == [None] * 150
    assert dead[2] == [0.0] * 75 + [0.97] * 75
    assert norm[3] == [4.0] * 150


def test_monitors_are_not_curves(monitored: Path, make_run: Callable[..., Path]) -> None:
    """Monitor lines are not a curve, and do not change the other curves."""
    page, bare = written(monitored), written(make_run("bare"))
    labels = [c["label"] for c in embedded(page)[0]["curves"]]
    assert labels == [c["label"] for c in embedded(bare)[0]["curves"]]
    assert columns(page, "train")["loss"] == columns(bare, "train")["loss"]
    assert embedded(bare)[0]["monitors"] == []
    assert "channels of these" not in plain_text(bare)


def test_warnings(monitored: Path) -> None:
    """The page names the dead block, since when, and the block whose branch dominates."""
    text = plain_text(written(monitored))
    assert (
        "At step 3,000 most channels of these blocks are dead: block8_5 (97%, since step 1,520)."
        in text
    )
    assert (
        "At step 3,000 the residual branch of these modules dominates the shortcut: "
        "block8_4 (2.5 times, initially 0.25)." in text
    )
    assert "not finite" not in text


def test_a_ratio_that_was_always_above_one_is_not_reported() -> None:
    """In Xception's first modules the branch dominates from the start."""
    lines = [
        {"step": s, "split": "monitors", "residual_ratio": {"block_1": v}}
        for s, v in ((1, 1.3), (2, 1.5))
    ]
    assert monitors.warnings(lines) == []
    lines[1]["residual_ratio"]["block_1"] = 2.7
    assert len(monitors.warnings(lines)) == 1


def test_a_long_run_keeps_its_peaks() -> None:
    """Thousands of lines become a few hundred cells, and a single bad line is visible in one."""
    lines = monitor_lines(20 * 5000, 0.0)
    lines[123]["dead_relu"]["conv_1a"] = 0.75
    lines[321]["grad_norm"]["logits"] = math.nan
    dead, norm = monitors.heat_maps(lines)[1:]
    assert len(dead["steps"]) == MAX_COLUMNS and dead["steps"][-1] == 100_000
    assert sorted(dead["values"][0])[-2:] == [0.0, 0.75]
    assert norm["values"][3].count("nan") == 1


def test_damaged_values_are_left_out(monitored: Path) -> None:
    """A kind that is not an object, and a value that is not a number, are blank."""
    bad = {"step": 3020, "epoch": 31, "time": 0, "split": "monitors", "dead_relu": 3}
    bad["grad_norm"] = {"conv_1a": "large", "logits": math.inf}
    with (monitored / "metrics.jsonl").open("a") as f:
        f.write(json.dumps(bad) + "\n")
    page = written(monitored)
    dead, norm = embedded(page)[0]["monitors"][1:]
    assert [row[-1] for row in dead["values"]] == [None] * 4
    assert [row[-1] for row in norm["values"]] == [None, None, None, "inf"]
    assert "the gradient is not finite: logits (inf)." in plain_text(page)
    assert not re.search(r"\b(NaN|Infinity)\b", page[page.index('id="data"') :].split("<")[0])
    assert report.write([monitored], monitored.parent / "again.html").stat().st_size > 0
