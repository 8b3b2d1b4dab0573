"""Tests `inception_jax/bench/page.py`, and the README's table that is made of the same file."""

import importlib.util
import json

import pytest

from inception_jax.bench import machine, page
from tests.conftest import ROOT


def side(median, **more):
    return {"median": median, "peak_bytes": 2_100_000_000, **more}


@pytest.fixture
def found():
    """A record of three rows."""
    ratio = {"median": 2.0, "low": 1.904, "high": 2.1}
    row = {"part": "train", "figure": "images_per_s", "unit": "images/s"}
    saved = {"part": "checkpoint", "figure": "save_s", "unit": "s"}
    ours = side(8.0, device="gpu")
    keras = side(4.0, device="cpu", note="on jax")
    return {
        "settings": {
            "model": "inception_v3", "dialect": "", "width": 0.5, "stem": "paper", "batch": 8,
            "size": 299, "dtype": "float32",
        },
        "machine": {"cpu": "A CPU", "cores": 2, "jax": "0.10", "backend": "gpu", "device": "A GPU"},
        "began": "2026-01-02",
        "load": 0.1,
        "peers": {"torch": {"torch": "2.14", "torchvision": "0.29"}},
        "left_out": {"tfdata": "not installed (pip install tensorflow-cpu)"},
        "results": [
            {**row, "ours": ours, "peer": "torch", "theirs": side(4.0, device="gpu"),
             "ratio": ratio, "rounds": 3},
            {**row, "ours": ours, "peer": "keras", "theirs": keras, "ratio": ratio, "rounds": 3},
            {**saved, "ours": side(0.5, bytes=int(2e8)), "peer": "disk", "theirs": side(0.25),
             "ratio": ratio, "rounds": 3},
        ],
    }  # fmt: skip


def test_the_page(found):
    """A figure of ours stands once, each peer has its ratio, and notes say what is not alike."""
    lines = page.text(found).splitlines()
    assert lines[0] == "inception_v3 (width 0.5), 299 pixels, batches of 8, float32, one device"
    assert lines[1] == "A CPU, 2 cores; jax 0.10 on A GPU; 2026-01-02"
    row = " ".join(lines[4].split())
    assert row == "train 8 images/s (2.1 GB) torch 4 images/s (2.1 GB) 2.00 (1.90 to 2.10)"
    assert lines[5].split()[0] == "keras"
    for line in (
        "tfdata: not installed (pip install tensorflow-cpu)", "torch: torch 2.14, torchvision 0.29",
        "train: keras on jax", "train: keras ran on cpu, ours on gpu",
        "save: 200 MB, 400 MB/s beside the disk with 800 MB/s",
    ):  # fmt: skip
        assert line in lines
    assert max(map(len, lines)) <= 100


def test_a_busy_machine(found):
    """Figures made beside other work say so, on the page and so in the README."""
    assert not any("beside other work" in line for line in page.notes(found))
    assert page.notes({**found, "load": 1.5})[0].startswith("made beside other work (load 1.5 on 2")


def test_the_load_is_of_now(monkeypatch):
    """Half idle between two looks is half of the cores; what was before does not count."""
    looks = iter([(900, 1000), (950, 1100), (0, 0), (0, 0)])
    monkeypatch.setattr(machine, "_ticks", lambda: next(looks))
    monkeypatch.setattr(machine, "LOOK", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert machine.load() == 2 and machine.load() == 0


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (99.96, "100"), (3.456, "3.46"), (0.0123, "0.0123")]
)
def test_numbers(value, text):
    """Three digits."""
    assert page.number(value) == text


def test_the_readmes_table(found, tmp_path):
    """Each row with its ratio, the machine above, from the file that is there."""
    spec = importlib.util.spec_from_file_location("table", ROOT / "experiments" / "table.py")
    assert spec and spec.loader
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(found))
    lines = table.speed(path)
    assert "A CPU, 2 cores" in lines[0]
    assert lines[4] == (
        "| train | 8 images/s (2.1 GB) | torch | 4 images/s (2.1 GB) | **2.00** (1.90 to 2.10) |"
    )
    assert lines[5].startswith("| | | keras")
