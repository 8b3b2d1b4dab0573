"""Tests `experiments/gpu`: parts within a budget, kinds of kernels, photographs, the table."""

import argparse
import json
import sys
import tarfile
import time

import pytest

from experiments.gpu import kernels, measure, photos, results
from experiments.speed import bench


def test_a_late_process_is_ended():
    """With all that it started; an error has its name, not the lines behind it."""
    sleep = "import subprocess, sys; subprocess.run(['sleep', '60'])"
    began = time.monotonic()
    assert bench.process([sys.executable, "-c", sleep], limit=0.3)[0] == {
        "error": "ended after 0 s"
    }
    assert time.monotonic() - began < 10
    text = "import sys; sys.stderr.write('ValueError: bad\\nmore of it\\n'); sys.exit(2)"
    found, _ = bench.process([sys.executable, "-c", text])
    assert found == {"error": "ended with code 2: ValueError: bad"}


def test_the_first_network_comes_first_and_in_full():
    """Checks before figures; of the others only steps; only what is asked for."""
    rows = list(measure.turns(["inception_v3", "googlenet"], measure.PARTS))
    assert rows[0][:3] == ("inception_v3", "forms", "ours")
    assert {r.part for r in rows if r.network == "googlenet"} == {"train", "eval"}
    assert not [r for r in rows if r.network == "googlenet" and r.who == "plain"]
    assert rows[-1][:3] == (
        "inception_v3",
        "train",
        "torch.compile",
    )  # takes all that is left
    assert {r.part for r in measure.turns(["xception"], ["eval"])} == {"eval"}


def test_a_failed_or_late_part_has_its_reason(tmp_path, monkeypatch, capsys):
    """The rest goes on; nothing is begun without time; the file has all of it."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    well = 'print(\'{"images_per_s": 512.0, "versions": {"torch": "2"}}\')'
    code = {"train": well, "eval": "raise SystemExit('Error: broken')"}
    about = 'print(\'{"machine": {"device": "A card", "cores": 4}}\')'
    monkeypatch.setattr(measure.parts, "command", lambda *_: [sys.executable, "-c", about])
    command = lambda turn, s, python: ([python, "-c", code[turn.part]], {})  # noqa: E731
    monkeypatch.setattr(measure, "command", command)
    given = argparse.Namespace(
        photos=str(tmp_path / "photos"), tiny=False, networks=["xception"], parts=["train", "eval"],
        python=sys.executable, out=tmp_path / "out.json",
    )  # fmt: skip
    found = measure.measure(given, tmp_path, time.monotonic() + 60)
    assert json.loads(given.out.read_text()) == found and found["versions"] == {"torch": "2"}
    text = "\n".join(results.markdown(found))
    assert "A card, 4 cores" in text and "1 photographs of photos" in text
    assert "| `xception` | train step | **512** (500.0 ms) | 512: 1.00x | 512: 1.00x |" in text
    assert "| evaluation | ended with code 1: Error: broken |" in text
    late = measure.measure(given, tmp_path, time.monotonic() + measure.LEAST - 1)
    assert {r["figures"]["error"] for r in late["runs"]} == {"no time left (14 s)"}
    assert "eval ours" in capsys.readouterr().err


def test_kernels_are_counted_by_kind():
    """By XLA's name first, on the GPU's streams alone where there are any; a step's share."""
    names = {
        "convolution": ("cudnn-conv-bw-filter.3", ""), "reduction": ("input_reduce_fusion_7", ""),
        "scatter": ("input_scatter_fusion", ""), "sum": ("loop_add_fusion.2", ""),
        "max-pool": ("reduce-window.1", ""), "ReLU": ("loop_maximum_fusion", ""),
        "matrix product": ("custom-call.9", "sm90_gemm_bf16"), "other": ("loop_select_convert", ""),
    }  # fmt: skip
    assert {kernels.kind(*words) for words in names.values()} == names.keys()
    stream = {"ph": "M", "name": "thread_name", "pid": 1, "tid": 7, "args": {"name": "Stream #7"}}
    add = {"ph": "X", "name": "loop_add_fusion", "dur": 4000.0, "pid": 1, "tid": 7}  # of a graph
    conv = {**add, "dur": 9000.0, "name": "k", "args": {"hlo_op": "convolution.1"}}
    host = {**conv, "tid": 8}
    found = kernels.count({"traceEvents": [stream, add, add, conv, host]}, steps=2)
    assert list(found) == ["convolution", "sum"]  # the longest first
    assert found["sum"] == {"ms": 4.0, "kernels": 1.0} and found["convolution"]["ms"] == 4.5
    on_cpu = kernels.count({"traceEvents": [host, {"ph": "X", "name": "wait", "pid": 1}]}, 1)
    assert on_cpu == {"convolution": {"ms": 9.0, "kernels": 1.0}}


def test_photographs(tmp_path, monkeypatch):
    """Of a tar file, of a folder, or made; a folder without any is refused."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(photos, "COUNT", 2)
    made, about = photos.folder("", tmp_path / "a")
    assert about.startswith("2 made images, no photographs") and len(list(made.iterdir())) == 2
    with tarfile.open(tmp_path / "some.tar", "w") as archive:
        archive.add(made, "class")
    found, about = photos.folder("some.tar", tmp_path / "b")
    assert about.startswith("2 photographs of some.tar") and (found / "class" / "000.jpg").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="expected a folder or a tar file"):
        photos.folder("empty", tmp_path / "c")
