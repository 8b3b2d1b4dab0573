"""Tests `inception_jax.report`: the page of fake runs, whole and damaged."""

import html
import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inception_jax import report
from inception_jax.report import runs

from .fake_runs import config_of, metric_lines, write_lines

MakeRun = Callable[..., Path]
HOSTILE = '</script><img src=x onerror="alert(1)">&amp;'


def written(*run_dirs: Path) -> str:
    """The page for these runs."""
    out = report.write(run_dirs, run_dirs[0].parent / "pages" / "report.html")
    return out.read_text(encoding="utf-8")


def embedded(page: str) -> list[dict[str, Any]]:
    """The runs in the data that the scripts draw."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])["runs"]


def plain_text(page: str) -> str:
    """What a reader sees without scripts, in one line."""
    body = re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def columns(page: str, label: str, run: int = 0) -> dict[str, list]:
    """The columns of one curve."""
    return next(c["columns"] for c in embedded(page)[run]["curves"] if c["label"] == label)


def test_header_states_the_result(make_run: MakeRun) -> None:
    """The header gives accuracy with its interval, parameters, duration, rate and status."""
    run = make_run()
    top1 = json.loads((run / "eval/test.json").read_text())["top1"]
    text = plain_text(written(run))
    assert "v3-base done inception_v3 · 21.8 M parameters · 1 h 15 min" in text
    assert f"test top-1 {100 * top1:.2f}% 77.3" in text  # 78.14% of 10,000: 77.32 to 78.94
    assert "test top-5 99.10% 98.90–99.27" in text
    assert "10,000 images at step 3,000 (epoch 30.6)" in text
    assert re.search(r"· 1,8\d\d images/s · 2 attempts", text)


def test_last_line_of_a_step_wins(make_run: MakeRun) -> None:
    """Steps repeated after a resume appear once, with the later line, in order."""
    run = make_run()
    with (run / "metrics.jsonl").open("a") as f:
        f.write('{"split": "train", "step": 40, "epoch": 0.4, "time": 1.0, "loss": 77.0}\n')
    train = columns(written(run), "train")
    assert train["step"] == list(range(20, 3001, 20))
    assert train["loss"][1] == 77.0


def test_hours_leave_out_the_pause(make_run: MakeRun) -> None:
    """A killed attempt counts up to its last line; the two hours until the resume do not."""
    hours = columns(written(make_run()), "train")["hours"]
    # 1400 steps, then steps 1200 to 3000 again: 3200 steps of 1.4 s (and 1 s to an eval line).
    assert hours[-1] == pytest.approx((1.4 * 3200 + 1) / 3600, abs=1e-3)
    assert hours == sorted(hours)


def test_resumes_are_marked(make_run: MakeRun) -> None:
    """Every attempt after the first is a marker at the step it started from."""
    assert embedded(written(make_run()))[0]["resumes"] == [{"step": 1200, "host": "node-12"}]


def test_damaged_lines_are_skipped_with_a_note(make_run: MakeRun) -> None:
    """Half a line at the end, bytes that are no text, and a line that is no object cost themselves.

    The rest of the file is drawn, and the page says which lines are missing.
    """
    run = make_run()
    before = columns(written(run), "train")
    with (run / "metrics.jsonl").open("ab") as f:
        f.write(b'{"epoch": 1}\n[1, 2]\n\xff\xfe\n{"step": 3020, "epoch": 30.8, "spl')
    page = written(run)
    assert columns(page, "train") == before
    assert "metrics.jsonl: 4 damaged lines were skipped" in plain_text(page)


def test_run_that_has_just_started(tmp_path: Path) -> None:
    """A config and three lines make a page that says the run is under way."""
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
    """A run that has logged nothing is a page with its config."""
    (tmp_path / "config.json").write_text(json.dumps(config_of()))
    assert "No metrics yet." in plain_text(written(tmp_path))


@pytest.mark.parametrize(
    ("events", "word", "why"),
    [
        ([{"event": "start", "time": -60, "step": 0}], "running", "recent"),
        ([{"event": "start", "time": -9e4, "step": 0}], "stopped", "silent for 25.0 h"),
        (
            [{"event": "start", "time": -60, "step": 0}, {"event": "end", "time": -9, "code": 75}],
            "stopped",
            "exit code 75: saved after preemption",
        ),
    ],
)
def test_status(tmp_path: Path, events: list[dict], word: str, why: str) -> None:
    """An attempt without an end runs while there are signs of life; an end has a code."""
    (tmp_path / "config.json").write_text("{}")
    now = time.time()
    write_lines(tmp_path / "attempts.jsonl", [e | {"time": now + e["time"]} for e in events])
    page = written(tmp_path)
    assert f'<span class="status {word}"' in page
    assert why in plain_text(page)


def test_nan_loss_is_a_hole_and_a_note(make_run: MakeRun) -> None:
    """NaN and Infinity, which JSON.parse refuses, become holes; the page names the step."""
    run = make_run()
    with (run / "metrics.jsonl").open("a") as f:
        f.write('{"step": 3020, "epoch": 30.8, "time": 1, "split": "train", "loss": NaN}\n')
        f.write('{"step": 3040, "epoch": 31, "time": 1, "split": "train", "loss": -Infinity}\n')
    page = written(run)
    assert columns(page, "train")["loss"][-2:] == [None, None]
    assert "the train loss is not finite at step 3,020 and 1 later line" in plain_text(page)


def test_evaluation_without_the_optional_parts(make_run: MakeRun) -> None:
    """Accuracy of classes and ECE follow from the confusion matrix and the bins if absent."""
    run = make_run()
    path = run / "eval/test.json"
    full = json.loads(path.read_text())
    (run / "eval/test.npz").write_bytes(b"PK not a zip")
    path.write_text(json.dumps({k: v for k, v in full.items() if k not in ("per_class", "ece")}))
    page = written(run)
    evaluation = embedded(page)[0]["evaluations"]["test"]
    assert [row[:3] for row in evaluation["per_class"]] == [
        [r["class"], r["count"], r["top1"]] for r in full["per_class"]
    ]
    gap = np.array([[b["count"], b["confidence"] - b["accuracy"]] for b in full["calibration"]])
    assert evaluation["ece"] == pytest.approx(gap.prod(axis=1).sum() / gap[:, 0].sum())
    assert evaluation["mistakes"] == []
    assert "eval/test.npz was left out" in plain_text(page)


def test_damaged_evaluation_costs_only_itself(make_run: MakeRun) -> None:
    """A file with impossible numbers is named; the result comes from metrics.jsonl."""
    run = make_run()
    bad = {"split": "test", "per_class": [{"class": 0, "count": 9, "top1": 1.5}]}
    (run / "eval/test.json").write_text(json.dumps(bad))
    text = plain_text(written(run))
    assert "test.json was left out: ValueError: expected class, images and a top-1 within" in text
    assert "test (ema) top-1 78." in text


def test_evaluation_as_the_evaluator_writes_it(make_run: MakeRun) -> None:
    """Empty bins and classes, no mistakes, no filters, outputs without a class, unreadable images.

    None of it costs another part; accuracy is over the images there are.
    """
    run = make_run()
    path = run / "eval/test.json"
    full = json.loads(path.read_text())
    full["per_class"][3] |= {"count": 0, "top1": None}
    full["calibration"][0] |= {"count": 0, "confidence": None, "accuracy": None}
    full["confusion"] = [[*row, 1] for row in full["confusion"]]
    path.write_text(json.dumps(full | {"unreadable": {"test/7": "not a JPEG"}, "loss": math.nan}))
    np.savez(
        path.with_suffix(".npz"),
        mistake_images=np.zeros(0, np.uint8),
        mistake_labels=np.zeros(0, int),
        mistake_predictions=np.zeros(0, int),
        mistake_probabilities=np.zeros(0),
        mistake_ids=np.zeros(0, str),
        filters=np.zeros((0, 0, 0, 0), np.float32),
    )
    page = written(run)
    evaluation = embedded(page)[0]["evaluations"]["test"]
    assert [row[0] for row in evaluation["per_class"]] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert len(evaluation["calibration"]) == 14
    assert evaluation["confusion"]["bins"] == 11 and evaluation["classes"][10] == "class 10"
    assert evaluation["mistakes"] == [] and evaluation["filters"] is None
    assert page.count('<p class="note">') == 2  # the noscript one too
    assert "images of test that could not be read: 1" in plain_text(page)


def test_many_classes_are_binned(make_run: MakeRun) -> None:
    """A thousand classes: every image lies in one of 100 x 100 cells, the worst pairs lead."""
    run = make_run(classes=tuple(f"class {i}" for i in range(1000)), each=50)
    path = run / "eval/test.json"
    full = json.loads(path.read_text())
    table = np.array(full["confusion"])
    table[7, 9] += 40
    table[11, 11] += 10_000  # confused more often than 7, but rarely for a class of its size
    table[11, 12] += 90
    triples = [[int(t), int(p), int(table[t, p])] for t, p in np.argwhere(table)]
    del full["confusion"]
    path.write_text(json.dumps(full | {"confusion_pairs": triples}))
    page = written(run)
    confusion = embedded(page)[0]["evaluations"]["test"]["confusion"]
    assert confusion["bins"] == 100
    assert sum(n for _, _, n in confusion["cells"]) == table.sum()
    assert [pair[:2] for pair in confusion["pairs"][:2]] == [[11, 12], [7, 9]]
    assert confusion["pairs"][1][2:] == [table[7, 9], round(table[7, 9] / table[7].sum(), 5)]
    assert len(page) < 1_000_000


def test_mistakes_and_filters_are_pictures(make_run: MakeRun) -> None:
    """Mistakes lead with the surest; large photographs are shrunk to JPEG, small ones are exact."""
    small, large = make_run("small"), make_run("large", side=299)
    for run, kind in ((small, "png"), (large, "jpeg")):
        evaluation = embedded(written(run))[0]["evaluations"]["test"]
        probabilities = [m["probability"] for m in evaluation["mistakes"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert evaluation["mistakes"][0]["uri"].startswith(f"data:image/{kind};base64,")
        assert len(evaluation["mistakes"][0]["uri"]) < 20_000
        assert evaluation["filters"]["caption"].startswith("32 filters of 7×7×3")


def test_several_runs(make_run: MakeRun) -> None:
    """Results are sorted by top-1, and only the keys on which configs differ are tabled."""
    runs = [make_run("a", top1=0.70), make_run("b", top1=0.80, lr=0.09), make_run("c", top1=0.75)]
    page = written(*runs)
    table = page[page.index('class="sortable results"') : page.index("</table>")]
    assert re.findall(r"</i>(\w)</th>", table) == ["b", "c", "a"]
    text = plain_text(page)
    assert "key a b c optim.lr 0.045 0.09 0.045 Marked: not the value of a." in text
    assert page.count("<mark>") == 1


def test_runs_of_one_name_are_told_apart(make_run: MakeRun) -> None:
    """Two runs with the same last directory get the parent's name too."""
    page = written(make_run("x/run"), make_run("y/run"))
    assert [r["name"] for r in embedded(page)] == ["x/run", "y/run"]


def test_hostile_names_stay_text(make_run: MakeRun) -> None:
    """Class, split, run and config names that look like HTML or JSON ends are only text."""
    run = make_run('"><b>', classes=(HOSTILE, "<b>", "\u2028", *"0123456"), model=HOSTILE)
    with (run / "metrics.jsonl").open("a") as f:
        f.write(json.dumps({"step": 1, "split": HOSTILE, HOSTILE: 1, "top1": 0.5}) + "\n")
    page = written(run)
    assert page.count("</script") == 2  # the data's and the script's own
    assert "<img" not in page and '"><b>' not in page
    evaluation = embedded(page)[0]["evaluations"]["test"]
    assert evaluation["classes"][:2] == [HOSTILE, "<b>"]
    assert html.escape(HOSTILE, quote=False).replace('"', "&#34;") in page


def test_page_fetches_nothing(make_run: MakeRun) -> None:
    """Every src and href is a data: URI or a place in the page, and the policy forbids the rest."""
    page = written(make_run("a"), make_run("b"))
    targets = re.findall(r"(?:src|href)\s*=\s*[\"']?([^\"'\s>]+)", page)
    assert targets and all(t.startswith(("#", "data:")) for t in targets)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", page)
    assert "default-src &#39;none&#39;; img-src data:" in page


@pytest.mark.parametrize("content", [(), ("notes.txt", "checkpoints")])
def test_directory_that_is_no_run(tmp_path: Path, content: tuple[str, ...]) -> None:
    """The error says what was expected, what was found, and what to do."""
    empty = tmp_path / "empty"
    empty.mkdir()
    for name in content:
        (empty / name).touch()
    found = "only checkpoints, notes.txt" if content else "nothing"
    message = f"expected a run directory with .*, found {found} in .*empty; name the --workdir"
    with pytest.raises(report.ReportError, match=message) as error:
        report.write([empty], tmp_path / "report.html")
    assert isinstance(error.value, ValueError)
    assert not (tmp_path / "report.html").exists()


def test_parent_of_runs_is_recognised(make_run: MakeRun) -> None:
    """Naming the folder of several runs is refused with their names."""
    parent = make_run("sweep/lr-1").parent
    with pytest.raises(report.ReportError, match="its subdirectories lr-1 look like runs"):
        written(parent)


@pytest.mark.parametrize("run_dirs", [[], ["missing"]])
def test_nothing_to_read(tmp_path: Path, run_dirs: list[str]) -> None:
    """No directory, or one that does not exist, is refused."""
    with pytest.raises(report.ReportError, match=r"expected .* (got none|found nothing)"):
        report.write([tmp_path / d for d in run_dirs], tmp_path / "report.html")


def test_imports_no_framework() -> None:
    """A report is made without JAX, Flax or TensorFlow."""
    code = (
        "import sys, inception_jax.report; "
        "print([m for m in ('jax', 'flax', 'tensorflow', 'torch') if m in sys.modules])"
    )
    root = Path(report.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_attempts_and_goodput(make_run: MakeRun) -> None:
    """Each attempt's steps, what the next did again, how it ended, and the share that counted."""
    run = make_run()
    events = [
        {"event": "start", "time": 1000.0, "step": 0, "host": "a"},
        {"event": "start", "time": 2000.0, "step": 80, "host": "b", "previous_end": 1500.0,
         "previous_step": 100},
        {"event": "end", "time": 2300.0, "step": 180, "code": 75, "spent": {"steps": 200.0}},
        {"event": "start", "time": 3000.0, "step": 180, "host": "a"},
        {"event": "end", "time": 3300.0, "step": 280, "code": 0, "spent": {"steps": 200.0}},
    ]  # fmt: skip
    # What a job's script thought of it; the first attempt was killed and could say nothing itself.
    events[1:1] = [{"event": "retry", "time": 1501.0, "code": 137, "again": True,
                    "why": "code 137: crash 1 of at most 10"}]  # fmt: skip
    write_lines(run / "attempts.jsonl", events)
    line = {"step": 150, "to": 120, "shift": 30, "factor": 0.5}
    write_lines(run / "rollbacks.jsonl", [line, {"step": 7}])
    text = plain_text(written(run))
    assert re.search(r"1 1970-01-01 00:16 a 0 100 20 137: killed crash 1 of at most 10 8 min", text)
    assert re.search(r"2 1970-01-01 00:33 b 80 180 75: stopped, saved 5 min – 3 min", text)
    # 280 steps kept at 2 s each, of the 2300 s from the first start to the last end.
    assert "Goodput: 24.3% of the time" in text
    assert (
        "Step 150 was not finite: back to step 120, the 30 batches after it were skipped, the"
        in text
    )
    assert "rollbacks.jsonl: 1 damaged line was skipped" in text


def test_a_job_that_is_not_started_again(make_run: MakeRun) -> None:
    """Stopped at once, not after ten minutes of silence: its script has said so."""
    run = make_run()
    (run / "DONE").unlink(missing_ok=True)
    now = time.time()
    write_lines(run / "attempts.jsonl", [
        {"event": "start", "time": now - 60, "step": 0, "host": "a"},
        {"event": "retry", "time": now - 1, "code": 139, "again": False, "why": "code 139: no"},
    ])  # fmt: skip
    status = runs.read(run).status
    assert (status.word, status.detail) == ("stopped", "exit code 139: no; not started again")
