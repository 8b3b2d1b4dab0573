"""Tests `inception-jax predict`."""

import json
import os
import shutil

import cv2
import numpy as np
import pytest

from inception_jax import cli


@pytest.fixture
def images(tmp_path):
    """Three images, the second unreadable."""
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 256, (9, 9, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"{i}.png"), pixels)
    (tmp_path / "1.png").write_bytes(b"torn")
    return tmp_path


def test_classes(tiny_run, images, capsys):
    """As JSON lines and as text; an unreadable file is reported and skipped."""
    words = ["predict", str(images), f"--workdir={tiny_run[0]}", "--top=2"]
    assert cli.main([*words, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [len(row["top"]) for row in rows] == [2, 0, 2] and "error" in rows[1]
    assert cli.main(words) == 0
    out, err = capsys.readouterr()
    assert out.count("%") == 4 and "1.png\n  unreadable: " in err
    for i in (0, 2):
        (images / f"{i}.png").write_bytes(b"torn")
    assert cli.main(words) == 65
    assert "none of 3 files could be read" in capsys.readouterr().err


def test_keys_of_the_crop(tiny_run, images, capsys):
    """Of a run with another protocol, features have the config's own crop, classes have not."""
    run = shutil.copytree(tiny_run[0], images / "run")
    saved = json.loads((run / "config.json").read_text())
    saved["eval"]["protocol"] = "slim"
    (run / "config.json").write_text(json.dumps(saved))
    words = ["predict", str(images / "0.png"), f"--workdir={run}"]
    features = ["--features=conv2", f"--out={images / 'f.npz'}"]
    assert cli.main([*words, "--config.data.eval_crop=0.5"]) == 78
    assert "does not use this key" in capsys.readouterr().err
    assert cli.main([*words, *features, "--config.data.eval_crop=0.5"]) == 0


def test_names_from_outside(tiny_run, tmp_path, capsys):
    """A file's name stays on its line, moves no cursor, and may have undecodable bytes."""
    name = "a\n\x1b[2J" + os.fsdecode(b"\xe9.png")
    pixels = np.zeros((9, 9, 3), np.uint8)
    (tmp_path / name).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    (tmp_path / f"b{name}").write_bytes(b"torn")
    assert cli.main(["predict", str(tmp_path), f"--workdir={tiny_run[0]}", "--top=2"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == f"{tmp_path}/a\\n\\x1b[2J\\xe9.png" and len(out.splitlines()) == 3
    assert err.splitlines()[0] == f"{tmp_path}/ba\\n\\x1b[2J\\xe9.png"


def test_features(tiny_run, images, capsys):
    """One row for each readable file, in a file that appears complete."""
    out = images / "f.npz"
    words = ["predict", str(images), f"--workdir={tiny_run[0]}", "--features=conv2"]
    assert cli.main([*words, f"--out={out}", "--spatial"]) == 0
    with np.load(out) as file:
        assert [p[-5:] for p in file["path"]] == ["0.png", "2.png"]
        assert file["features"].shape == (2, 4, 4, 16)
    assert sorted(p.name for p in images.iterdir()) == ["0.png", "1.png", "2.png", "f.npz"]
    for more, says in (([], "go together"), (["--out=a.csv"], "named *.npz or *.parquet")):
        assert cli.main([*words, *more]) == 78
        assert says in capsys.readouterr().err


@pytest.fixture
def piped(monkeypatch):
    """Makes a file this process's standard input."""
    kept, opened = os.dup(0), []

    def pipe(path):
        opened.append(open(path))  # noqa: SIM115
        os.dup2(opened[-1].fileno(), 0)
        monkeypatch.setattr("sys.stdin", opened[-1])

    yield pipe
    os.dup2(kept, 0)
    os.close(kept)
    for file in opened:
        file.close()


def test_standard_input(tiny_run, images, piped, capsys):
    """The bytes of an image, or with --list the paths of some; nothing there is an error."""
    words = [f"--workdir={tiny_run[0]}", "--json", "--top=1"]
    piped(images / "0.png")
    assert cli.main(["predict", "-", *words]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["file"], len(row["top"])) == ("-", 1)
    (images / "list").write_text("".join(f"{images}/{i}.png\n" for i in (0, 2)))
    piped(images / "list")
    assert cli.main(["predict", "-", "--list", *words]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [r["file"] for r in rows] == [f"{images}/0.png", f"{images}/2.png"]
    (alone,), (listed,) = row["top"], rows[0]["top"]
    assert listed["class"] == alone["class"]
    # A batch of two is summed in another order than a batch of one on some processors.
    assert listed["probability"] == pytest.approx(alone["probability"], rel=1e-5)
    piped(os.devnull)
    assert cli.main(["predict", "-", "--list", *words]) == 78
    assert "standard input is empty; expected paths" in capsys.readouterr().err
    assert cli.main(["predict", "-", *words]) == 65


@pytest.mark.parametrize(
    ("words", "says"),
    [(["https://a.org/b.jpg"], "nothing is downloaded; pipe it: curl -L URL | inception-jax pre"),
     (["-", "a.jpg"], "no other file"), (["a.jpg", "--list"], "--list: expected `-`")],
)  # fmt: skip
def test_what_is_no_file(tiny_run, words, says, capsys):
    """A URL, standard input beside a file, and a list that is not there are refused."""
    assert cli.main(["predict", *words, f"--workdir={tiny_run[0]}"]) == 78
    assert says in capsys.readouterr().err
