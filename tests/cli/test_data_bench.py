"""Tests `inception-jax data bench`."""

import json

import pytest

from inception_jax import cli
from tests.data.pictures import encoded, gradient


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch, request):
    """Pages are found from the repository."""
    monkeypatch.chdir(request.config.rootpath)


def test_bench_of_a_folder(tmp_path, capsys):
    """`--json` has the rate that other programs read; for people the same figures in lines."""
    for i in range(9):
        (tmp_path / f"{i}.jpg").write_bytes(encoded(gradient(60, 80, shade=i)))
    words = ["data", "bench", f"--folder={tmp_path}", "--size=32", "--batch=4", "--threads=2",
             "--seconds=0.1", "--rounds=1"]  # fmt: skip
    assert cli.main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == 9 and found["readers"] == "2 threads" and found["images_per_s"] > 10
    assert found["stages_ms"].keys() == {"read", "decode", "resize", "transfer"}
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert "9 images, 32 pixels, batches of 4, bicubic; libjpeg-turbo 3, only the crop" in said
    assert "images/s on 2 threads" in said and "the input costs" in said
    assert "Python's lock: an image holds it for " in said and " images/s in one process" in said
    assert cli.main([*words, "--scaling"]) == 0
    said = capsys.readouterr().out
    assert "1 thread  " in said and "% of separate programs" in said and "step" not in said
    assert cli.main([*words, "--threads=0"]) == 78
    assert "at least 1 and at most 1,024, or auto (-1)" in capsys.readouterr().err


def test_bench_of_a_page(capsys):
    """A page's own data section, with changes on the command line."""
    words = ["--config=configs/digits.py", "--config.data.batch_size=16", "--seconds=0.1"]
    assert cli.main(["data", "bench", *words, "--rounds=1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["images"], found["batch_size"], found["image_size"]) == (1437, 16, 24)
    assert found["step"].startswith("simulated") and "policy" not in found["stages_ms"]
    policy = ["--config.augment.policy=trivialaugment", "--config.augment.repeats=2"]
    assert cli.main(["data", "bench", *words, "--rounds=1", *policy]) == 0
    said = capsys.readouterr().out
    assert "bilinear, trivialaugment; " in said and "policy " in said
