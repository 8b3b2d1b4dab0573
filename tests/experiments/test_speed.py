"""Tests `experiments/speed`: what is divided by what, a file that is continued, its table."""

import json
import os
import sys

import pytest

from experiments.speed import bench, peers
from experiments.speed.ratios import markdown, results

NAMES = {"train": ["ours", "plain", "torch"], "eval": ["ours", "plain"]}


def run(part, who, number, **figures):
    return {"part": part, "who": who, "round": number, "figures": figures, "peak_bytes": number}


def head(**changes):
    fields = {"settings": {"batch": 8}, "machine": {"cpu": "x"}, "code": "1", "began": "2026-01-01"}
    return {**fields, "load": 0.1, "peers": {}, "left_out": {}, **changes}


def measured(path, rounds=1, **instead):
    """Plays `rounds` with figures in place of processes; `instead` gives others, or interrupts."""

    def call(part, who):
        found = instead.get(who, {"images_per_s": 2.0})
        if found is KeyboardInterrupt:
            raise found
        return dict(found), 1000

    found = bench.opened(head(), path)
    bench.play(bench.order(NAMES, rounds), found, path, call)
    return found


def test_ratios_are_above_one_where_ours_is_faster_and_within_rounds():
    """Rates are divided by theirs, seconds the other way round; rounds that one lacks are left."""
    rates = [(1, 8.0, 4.0), (2, 4.0, 2.0), (3, 99.0, None)]
    runs = [run("eval", "ours", i, images_per_s=x) for i, x, _ in rates]
    runs += [run("eval", "plain", i, images_per_s=x) for i, _, x in rates if x]
    runs += [run("compile", "ours", 1, cold_s=4.0, first_step_s=9.0)]
    runs += [run("compile", "plain", 1, cold_s=2.0), run("train", "plain", 1, images_per_s=1.0)]
    rate, cold, alone = results(runs)
    assert rate["ratio"] == {"median": 2.0, "low": 2.0, "high": 2.0} and rate["rounds"] == 2
    assert rate["ours"] == {"median": 8.0, "peak_bytes": 3} and rate["theirs"]["median"] == 3.0
    assert cold["ratio"]["median"] == 0.5 and "peer" not in alone


def test_the_same_command_continues(tmp_path):
    """Nothing is measured twice; rounds are added, every other one backwards."""
    path = tmp_path / "bench.json"
    with pytest.raises(KeyboardInterrupt):
        measured(path, torch=KeyboardInterrupt)
    assert [r["who"] for r in json.loads(path.read_text())["runs"]] == ["ours", "plain"]
    found = measured(path, 2)
    assert "".join(r["who"][0] for r in found["runs"]) == "op" + "ttpo" + "oppo"
    assert json.loads(path.read_text()) == found == measured(path, 2, ours={"error": "not asked"})
    for change in ({"settings": {"batch": 16}}, {"code": "2"}):
        with pytest.raises(SystemExit, match="holds other figures"):
            bench.opened(head(**change), path)
    path.write_text("[1]")
    with pytest.raises(SystemExit, match="expected what this script wrote"):
        bench.opened(head(), path)


def test_a_peer_that_fails_is_left_out():
    """Its reason is in the document; without ours there is nothing to compare."""
    found = measured(None, 2, torch={"error": "No module named 'torch'"})
    assert found["left_out"] == {"torch": "No module named 'torch'"} and len(found["runs"]) == 8
    with pytest.raises(SystemExit, match="ours failed: broken"):
        measured(None, ours={"error": "broken"})


def test_a_process():
    """The last line it prints and its memory; an error where it ends badly."""
    figures, peak = bench.process([sys.executable, "-c", "print('x'); print('{\"a\": 2.5}')"])
    assert figures == {"a": 2.5} and peak > 1e6
    failed, _ = bench.process([sys.executable, "-c", "raise SystemExit(3)"])
    assert failed == {"error": "ended with code 3"}
    settings = {**bench.SETTINGS, "model": "bn_inception"}
    words = [sys.executable, peers.__file__, "keras", "train", json.dumps(settings)]
    assert "has no bn_inception" in bench.process(words, os.environ)[0]["error"]


def test_the_table():
    """A figure of ours stands once; notes have versions, devices, and other work beside it."""
    settings = {**bench.SETTINGS, "width": 0.5}
    machine = {"cpu": "A CPU", "cores": 2, "jax": "0.10", "backend": "gpu", "device": "A GPU"}
    runs = [run("train", "ours", 1, images_per_s=8.0, device="gpu")]
    runs += [run("train", who, 1, images_per_s=4.0, device="cpu", note="x") for who in ("a", "b")]
    more = {"results": results(runs), "peers": {"a": {"torch": "2.14"}}, "load": 1.5}
    lines = markdown(head(settings=settings, machine=machine, **more))
    assert lines[0].startswith("inception_v3 (width 0.5), 299 pixels, batches of 8, float32")
    row = "| train | 8 images/s (0.0 GB) | a | 4 images/s (0.0 GB) | **2.00** (2.00 to 2.00) |"
    assert lines[4] == row and lines[5].startswith("| | | b | 4 images/s")
    for note in ("other work (load 1.5 on 2 cores)", "a: torch 2.14", "a ran on cpu"):
        assert note in lines[-1]
