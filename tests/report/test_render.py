"""Tests `report/render.py`: the header, results, differences and confusion matrix of a report."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .fake_runs import config_of, metric_lines, write_lines
from .read_page import columns, embedded, plain_text, written

MakeRun = Callable[..., Path]


def test_header_states_the_result(make_run: MakeRun) -> None:
    """The header gives accuracy with its interval, parameters, duration, rate and status."""
    run = make_run()
    top1 = json.loads((run / "eval/test.json").read_text())["top1"]
    text = plain_text(written(run))
    assert "v3-base done inception_v3 · 21.8 M parameters · 1h14m" in text
    assert f"test top-1 {100 * top1:.2f}% 77.3" in text  # 78.14% of 10,000: 77.32 to 78.94
    assert "test top-5 99.10% 98.90–99.27" in text
    assert "10,000 images at step 3,000 (epoch 30.6)" in text
    assert re.search(r"· 1,8\d\d images/s · 2 attempts", text)


def test_run_that_has_just_started(tmp_path: Path) -> None:
    """A config and three lines are enough for a report of a running run."""
    run = tmp_path / "fresh"
    run.mkdir()
    (run / "config.json").write_text(json.dumps(config_of()))
    write_lines(run / "metrics.jsonl", metric_lines(60, 0.5, 0, time.time() - 90, 0.1))
    page = written(run)
    assert "fresh running inception_v3" in plain_text(page)
    assert "No evaluation yet; training loss 2." in plain_text(page)
    assert columns(page, "train")["step"] == [20, 40, 60]
    assert embedded(page)[0]["evaluations"] == {}


def test_run_with_a_config_alone(tmp_path: Path) -> None:
    """A run without metrics has a report with its config."""
    (tmp_path / "config.json").write_text(json.dumps(config_of()))
    assert "No metrics yet." in plain_text(written(tmp_path))


def test_several_runs(make_run: MakeRun) -> None:
    """Results are sorted by top-1, and only the keys on which configs differ are listed."""
    runs = [make_run("a", top1=0.70), make_run("b", top1=0.80, lr=0.09), make_run("c", top1=0.75)]
    page = written(*runs)
    table = page[page.index('class="sortable results"') : page.index("</table>")]
    assert re.findall(r"</i>(\w)</th>", table) == ["b", "c", "a"]
    text = plain_text(page)
    assert "key a b c optim.lr 0.045 0.09 0.045 Highlighted values differ from those of a." in text
    assert page.count("<mark>") == 1


def test_many_classes_are_binned(make_run: MakeRun) -> None:
    """With 1000 classes every image is in one of 100 x 100 cells; the worst pairs come first."""
    run = make_run(classes=tuple(f"class {i}" for i in range(1000)), each=50)
    path = run / "eval/test.json"
    full = json.loads(path.read_text())
    table = np.array(full["confusion"])
    table[7, 9] += 40
    table[11, 11] += 10_000  # confused more often than 7, but rarely for a class of its size
    table[11, 12] += 90
    path.write_text(json.dumps(full | {"confusion": table.tolist()}))
    page = written(run)
    confusion = embedded(page)[0]["evaluations"]["test"]["confusion"]
    assert confusion["bins"] == 100
    assert sum(n for _, _, n in confusion["cells"]) == table.sum()
    assert [pair[:2] for pair in confusion["pairs"][:2]] == [[11, 12], [7, 9]]
    assert confusion["pairs"][1][2:] == [table[7, 9], round(table[7, 9] / table[7].sum(), 5)]
    assert len(page) < 1_000_000


def test_imported_weights(tmp_path: Path) -> None:
    """They are no run that stopped: nothing was trained."""
    (tmp_path / "config.json").write_text(json.dumps(config_of()))
    (tmp_path / "source.json").write_text(json.dumps({"peer": "timm:inception_v3"}))
    text = plain_text(written(tmp_path))
    assert "imported" in text and "weights of timm:inception_v3" in text and "stopped" not in text


def test_the_same_loss_in_training_and_evaluation(tmp_path: Path) -> None:
    """`nll` is the loss of an evaluation, and training's own; of old runs without smoothing too."""
    config = config_of()
    lines = metric_lines(100, 0.5, 0, time.time(), 0.1)
    for line in lines[:-1]:
        line["cross_entropy"] = line["loss"] - 0.1
    write_lines(tmp_path / "metrics.jsonl", lines)
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = columns(written(tmp_path), "train")
    assert "nll" not in found and {"loss", "cross_entropy"} < set(found)  # smoothed
    config["loss"]["label_smoothing"] = 0.0
    (tmp_path / "config.json").write_text(json.dumps(config))
    page = written(tmp_path)
    found, test = columns(page, "train"), columns(page, "test (ema)")
    assert "cross_entropy" not in found and found["nll"][0] < found["loss"][0]
    assert "nll" in test and "loss" not in test
    for line in lines[:-1]:
        line["nll"] = line["loss"] - 0.2
    write_lines(tmp_path / "metrics.jsonl", lines)
    assert {"nll", "loss", "cross_entropy"} < set(columns(written(tmp_path), "train"))
