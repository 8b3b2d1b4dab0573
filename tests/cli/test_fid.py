"""Tests `inception-jax fid` from folders to numbers, with the tiny network."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from inception_jax import checkpoint, cli
from inception_jax.cli.fid import FidNetwork
from inception_jax.fid import compare
from inception_jax.workdir import run_dir
from tests.fid.image_folders import extract
from tests.tiny import Tiny


def test_two_folders(tiny_run, folders, capsys):
    """Text and JSON have the same numbers and notes; progress goes to stderr."""
    words = ["fid", *map(str, folders), f"--workdir={tiny_run[0]}", "--kid_subsets=4"]
    assert cli.main([*words, "--json", "--batch_size=4"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert "images/s" in err and "7/7" in err and "9/9" in err
    assert found["fid"] > 0 and found["kid"]["subsets"] == 4 and found["kid"]["subset_size"] == 7
    assert [(s["images"], s["unreadable"]) for s in found["sets"]] == [(7, {}), (9, {})]
    assert all(1 <= s["inception_score"]["mean"] <= 5 for s in found["sets"])
    notes = " ".join(found["notes"])
    for says in ("not with the published FID weights", "covariance is singular", "7 images, not ",
                 "over 7 parts"):  # fmt: skip
        assert says in notes
    assert cli.main(words) == 0
    text = capsys.readouterr().out
    assert f"{found['fid']:.4f}" in text and f"{found['kid']['mean']:.6f}" in text
    assert all(f"note: {note}" in text for note in found["notes"])


@pytest.mark.parametrize(
    ("dialect", "sha256", "step", "note"),
    [("fid", "6726825d00", 0, False), ("fid", "6726825d00", 7, True), ("fid", "", 0, True),
     ("fid", "9e34082d00", 0, True), ("tiny", "6726825d00", 0, True)],
)  # fmt: skip
def test_published_weights_are_known(
    tiny_run, tmp_path, capsys, monkeypatch, dialect, sha256, step, note
):
    """By the imported file's digest, in the FID graph, before any training; otherwise a note."""
    monkeypatch.setattr(Tiny, "DIALECTS", dict.fromkeys(("tiny", "fid"), Tiny.DIALECTS["tiny"]))
    config = tiny_run[1].copy_and_resolve_references()
    config.model.dialect = dialect
    (tmp_path / "config.json").write_text(json.dumps(run_dir.plain(config)))
    (tmp_path / "source.json").write_text(json.dumps({"sha256": sha256}))
    monkeypatch.setattr(checkpoint, "load", lambda *_: (step, {"params": {}}))
    values = SimpleNamespace(workdir=str(tmp_path), step=None, batch_size=1)
    assert bool(FidNetwork(values).notes) == note


def test_statistics_and_features_are_read_back(tiny_run, folders, tmp_path, capsys):
    """Saved statistics, in pytorch-fid's format, give the folder's FID; features KID too."""
    a, b, stats = *folders, tmp_path / "a.npz"
    where = f"--workdir={tiny_run[0]}"
    assert cli.main(["fid", str(a), f"--save={stats}", where]) == 0
    with np.load(stats) as file:
        assert file["mu"].shape == (len(file["sigma"]),) == (16,)
    want, found = extract(tiny_run, a, 32), []
    sets = [want, extract(tiny_run, b, 32)]
    for words in ([str(a), str(b)], [str(stats), str(b)]):
        capsys.readouterr()
        assert cli.main(["fid", *words, where, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[1]["fid"] == pytest.approx(found[0]["fid"], rel=1e-6)
    assert found[0]["fid"] == pytest.approx(compare.fid_of(*sets)[0], rel=1e-4)
    assert found[1]["kid"] is None and "no KID" in " ".join(found[1]["notes"])
    for s, name in zip(sets, "ab", strict=True):
        np.savez(tmp_path / f"f{name}.npz", features=s.features, path=["x"])
    words = ["fid", str(tmp_path / "fa.npz"), str(tmp_path / "fb.npz"), "--json"]
    assert cli.main(words) == 0  # no network needed
    alone = json.loads(capsys.readouterr().out)
    assert alone["fid"] == pytest.approx(found[0]["fid"], rel=1e-4) and alone["network"] is None
    assert alone["kid"]["mean"] == pytest.approx(found[0]["kid"]["mean"], rel=1e-3, abs=1e-6)


def test_statistics_of_another_network_are_refused(tiny_run, folders, tmp_path, capsys):
    """Saved statistics contain the digest of the weights: an equal shape is not enough."""
    stats = tmp_path / "a.npz"
    extract(tiny_run, folders[0]).save(stats)
    arrays = dict(np.load(stats)) | {"network": "0123456789abcdef"}
    np.savez(stats, **arrays)
    assert cli.main(["fid", str(stats), str(folders[1]), f"--workdir={tiny_run[0]}"]) == 78
    assert "features of one network" in capsys.readouterr().err


@pytest.mark.parametrize(("bad", "code"), [(1, 0), (3, 65)])
def test_unreadable_images(tiny_run, tmp_path, capsys, bad, code):
    """One of 100 is named and skipped; more than 1% end with 65 and are named."""
    for i in range(100):
        pixels = np.random.default_rng(i).integers(0, 256, (6, 6, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"{i:03d}.png"), pixels)
    for i in range(bad):
        (tmp_path / f"{i + 50:03d}.png").write_bytes(b"torn")
    words = ["fid", str(tmp_path), str(tmp_path), f"--workdir={tiny_run[0]}", "--kid_subsets=1"]
    assert cli.main([*words, "--batch_size=32", "--json"]) == code
    out, err = capsys.readouterr()
    if code:
        assert "2 of 100 images are unreadable" in err and "051.png: not an image" in err
        return
    (name, reason), *more = json.loads(out)["sets"][0]["unreadable"].items()
    assert name.endswith("050.png") and "not an image" in reason and not more
    assert json.loads(out)["sets"][0]["images"] == 99 and json.loads(out)["fid"] < 1e-6


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["{a}"], 78, "expected two folders"),
        (["{a}", "{a}"], 78, "inception-jax import pytorch-fid:inception_v3"),
        (["{a}", "{a}", "--workdir={tmp}"], 78, "inception-jax import pytorch-fid:inception_v3"),
        (["{a}", "{tmp}/none", "--workdir={run}"], 78, "found nothing at"),
        (["{a}", "{tmp}", "--workdir={run}"], 78, "expected images"),
        (["{a}", "{tmp}/text.npz", "--workdir={run}"], 65, "cannot be read as a .npz"),
        (["{tmp}/one.npz", "{tmp}/one.npz"], 65, "expected mu [c] and sigma [c, c]"),
        (["{tmp}/nan.npz", "{tmp}/nan.npz"], 65, "finite"),
        (["{tmp}/three.npz", "{tmp}/four.npz"], 78, "features of one network"),
        (["{tmp}/single.npz", "{tmp}/single.npz"], 65, "at least 2 images"),
        (["{a}", "{a}", "--save=x.csv"], 78, "--save=x.csv: expected a file named *.npz"),
        (["{a}", "{a}", "--seed=4294967296"], 78, "--seed=4294967296: expected a whole number"),
        (["{a}", "{a}", "{a}"], 78, "left-over word"),
        (["{a}", "{a}", "--kid_subset_size=1"], 78, "whole number of at least 2"),
    ],
)
def test_mistakes(tiny_run, folders, tmp_path, capsys, words, code, says):
    """One message and the exit code, before any work."""
    files = {"one": {"mu": np.zeros(3)}, "nan": {"features": np.full((3, 2), np.nan)},
             "single": {"features": np.ones((1, 3))}, "three": {"features": np.eye(3)},
             "four": {"features": np.eye(4)}}  # fmt: skip
    images = tmp_path / "empty"
    images.mkdir()
    for name, arrays in files.items():
        np.savez(images / f"{name}.npz", **arrays)
    (images / "text.npz").write_text("no")
    words = [w.format(a=folders[0], tmp=images, run=tiny_run[0]) for w in words]
    assert cli.main(["fid", *words]) == code
    out, err = capsys.readouterr()
    errors = err[err.index("inception-jax fid:") :]
    assert out == "" and says in errors and "Traceback" not in err
    assert "images/s" not in err  # found before any work
