"""Tests `inception-jax fid` from folders to numbers, with the tiny network."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from inception_jax import checkpoint, cli, models
from inception_jax.cli.fid import FidNetwork as network_of
from inception_jax.data.images.picture import Picture
from inception_jax.eval import predict
from inception_jax.fid import compare, image_set
from inception_jax.weights.import_weights import run_config
from inception_jax.workdir import run_dir
from tests.data.pictures import encoded
from tests.tiny import Tiny

SIZES = [(40, 30), (8, 8), (17, 64), (9, 120), (33, 33), (64, 64), (5, 7)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The tiny network's workdir: 8 pixels, 16 features, 5 classes whose biases are large."""
    workdir = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(models.MODELS, "tiny", Tiny)
        model = models.create("tiny", num_classes=5)
        variables = models.init(model)
        variables["params"]["logits"]["bias"] = np.arange(5, dtype=np.float32)
        checkpoint.write(workdir, variables)
        config = run_config(model)
        config.update_from_flattened_dict({"model.stem": "small"})
        (workdir / "config.json").write_text(json.dumps(run_dir.plain(config)))
        yield workdir, config


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two trees of noise, 7 and 9 pictures of different sizes, some two folders down."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for name, count in (("a", 7), ("b", 9)):
        for i in range(count):
            folder = root / name / ("deep/er" if i % 2 else "")
            folder.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256 if name == "a" else 100, (*SIZES[i % 7], 3), np.uint8)
            (folder / f"{i}.png").write_bytes(encoded(pixels, ".png"))
        (root / name / "._0.png").write_bytes(b"what macOS leaves in an archive, no image")
    return root / "a", root / "b"


def features(run, folder, batch_size):
    viewer = image_set.FeatureExtractor(predict.Predictor(run[1], run[0]))
    return viewer.look(folder, predict.image_files([folder]), batch_size)


def test_every_image_counts_once(run, folders):
    """Batches of 1, 3, 7 and 32 give the same features in the same order: those of each alone."""
    sets = [features(run, folders[0], b) for b in (1, 3, 7, 32)]
    assert [s.count for s in sets] == [7] * 4 and sets[0].logits.shape == (7, 5)
    for s in sets[1:]:
        np.testing.assert_allclose(s.features, sets[0].features, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(s.logits, sets[0].logits, rtol=1e-4, atol=1e-4)
    assert len(np.unique(sets[0].features.sum(axis=1))) == 7


def test_the_whole_image_is_seen_without_rounding(run):
    """Stretched as numpy's half-pixel bilinear interpolation: float, up and down, no crop."""
    predictor = predict.Predictor(run[1], run[0])
    image = np.random.default_rng(0).integers(0, 256, (20, 70, 3), np.uint8)

    def along(x, axis):
        n = x.shape[axis]
        at = np.clip((np.arange(8) + 0.5) * n / 8 - 0.5, 0, n - 1)
        low = np.minimum(at.astype(int), n - 2)
        part = (at - low).reshape([-1 if i == axis else 1 for i in range(3)])
        return x.take(low, axis) * (1 - part) + x.take(low + 1, axis) * part

    want = along(along(image.astype(np.float64), 0), 1)
    found = predictor.whole(Picture(image))
    assert found.dtype == np.float32 and np.abs(found - want).max() < 1e-3


def test_the_logits_are_without_bias(run, folders):
    """As torch-fidelity's `logits_unbiased`: features times the classifier's weights alone."""
    found = features(run, folders[0], 4)
    kernel = checkpoint.load(run[0])[1]["params"]["logits"]["kernel"]
    np.testing.assert_allclose(found.logits, found.features @ kernel, rtol=1e-4, atol=1e-4)


def test_a_network_without_classes(run, folders, tmp_path):
    """It has features and no Inception Score, and says so."""
    config = run[1].copy_and_resolve_references()
    config.model.num_classes = 0
    checkpoint.write(tmp_path, models.init(models.create("tiny", num_classes=0)))
    found = features((tmp_path, config), folders[0], 8)
    assert found.logits is None and found.features.shape == (7, 16)
    assert compare.inception_score_of(found, 10, 0)[0] is None


def test_two_folders(run, folders, capsys):
    """Text and JSON say the same; limits and foreign weights are said plainly; progress apart."""
    words = ["fid", *map(str, folders), f"--workdir={run[0]}", "--kid_subsets=4"]
    assert cli.main([*words, "--json", "--batch_size=4"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert "images/s" in err and "7/7" in err and "9/9" in err
    assert found["fid"] > 0 and found["kid"]["subsets"] == 4 and found["kid"]["subset_size"] == 7
    assert [(s["images"], s["unreadable"]) for s in found["sets"]] == [(7, {}), (9, {})]
    assert all(1 <= s["inception_score"]["mean"] <= 5 for s in found["sets"])
    notes = " ".join(found["notes"])
    for says in ("not with the published FID weights", "covariance is singular", "7 images, not of",
                 "over 7 parts"):  # fmt: skip
        assert says in notes
    assert cli.main(words) == 0
    text = capsys.readouterr().out
    assert f"{found['fid']:.4f}" in text and f"{found['kid']['mean']:.6f}" in text
    assert all(f"note: {note}" in text for note in found["notes"])


def test_whole_sets_have_no_spread(run, folders):
    """Subsets that are both whole sets are computed once, and it is said."""
    a = features(run, folders[0], 8)
    numbers, notes = compare.kid_of(a, a, 100, 7, seed=0)
    assert numbers["subsets"] == 1 and numbers["std"] == 0 and "without a spread" in notes[0]
    assert compare.kid_of(a, a, 100, 6, seed=0)[0]["std"] > 0


@pytest.mark.parametrize(
    ("dialect", "sha256", "step", "note"),
    [("fid", "6726825d00", 0, False), ("fid", "6726825d00", 7, True), ("fid", "", 0, True),
     ("fid", "9e34082d00", 0, True), ("tiny", "6726825d00", 0, True)],
)  # fmt: skip
def test_published_weights_are_known(
    run, tmp_path, capsys, monkeypatch, dialect, sha256, step, note
):
    """By the imported file's digest, in the FID graph, before any training; else it is said."""
    monkeypatch.setattr(Tiny, "DIALECTS", dict.fromkeys(("tiny", "fid"), Tiny.DIALECTS["tiny"]))
    config = run[1].copy_and_resolve_references()
    config.model.dialect = dialect
    (tmp_path / "config.json").write_text(json.dumps(run_dir.plain(config)))
    (tmp_path / "source.json").write_text(json.dumps({"sha256": sha256}))
    monkeypatch.setattr(checkpoint, "load", lambda *_: (step, {"params": {}}))
    values = SimpleNamespace(workdir=str(tmp_path), step=None, batch_size=1)
    assert bool(network_of(values).notes) == note


def test_statistics_and_features_are_read_back(run, folders, tmp_path, capsys):
    """Saved statistics give the folder's FID, as pytorch-fid could read them; features KID too."""
    a, b, stats = *folders, tmp_path / "a.npz"
    where = f"--workdir={run[0]}"
    assert cli.main(["fid", str(a), f"--save={stats}", where]) == 0
    with np.load(stats) as file:
        assert file["mu"].shape == (len(file["sigma"]),) == (16,)
    want, found = features(run, a, 32), []
    sets = [want, features(run, b, 32)]
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


def test_statistics_of_another_network_are_refused(run, folders, tmp_path, capsys):
    """Saved statistics know their weights: the same shape is not enough."""
    stats = tmp_path / "a.npz"
    features(run, folders[0], 8).save(stats)
    arrays = dict(np.load(stats)) | {"network": "0123456789abcdef"}
    np.savez(stats, **arrays)
    assert cli.main(["fid", str(stats), str(folders[1]), f"--workdir={run[0]}"]) == 78
    assert "seen by one network" in capsys.readouterr().err


@pytest.mark.parametrize(("bad", "code"), [(1, 0), (3, 65)])
def test_unreadable_images(run, tmp_path, capsys, bad, code):
    """One of 100 is named and left out; three end it, named too."""
    for i in range(100):
        pixels = np.random.default_rng(i).integers(0, 256, (6, 6, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"{i:03d}.png"), pixels)
    for i in range(bad):
        (tmp_path / f"{i + 50:03d}.png").write_bytes(b"torn")
    words = ["fid", str(tmp_path), str(tmp_path), f"--workdir={run[0]}", "--kid_subsets=1"]
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
        (["{tmp}/three.npz", "{tmp}/four.npz"], 78, "seen by one network"),
        (["{tmp}/single.npz", "{tmp}/single.npz"], 65, "at least 2 images"),
        (["{a}", "{a}", "--save=x.csv"], 78, "--save=x.csv: expected a file named *.npz"),
        (["{a}", "{a}", "--seed=4294967296"], 78, "--seed=4294967296: expected a whole number"),
        (["{a}", "{a}", "{a}"], 78, "left-over word"),
        (["{a}", "{a}", "--kid_subset_size=1"], 78, "whole number of at least 2"),
    ],
)
def test_mistakes(run, folders, tmp_path, capsys, words, code, says):
    """One message, and the code of its kind."""
    files = {"one": {"mu": np.zeros(3)}, "nan": {"features": np.full((3, 2), np.nan)},
             "single": {"features": np.ones((1, 3))}, "three": {"features": np.eye(3)},
             "four": {"features": np.eye(4)}}  # fmt: skip
    images = tmp_path / "empty"
    images.mkdir()
    for name, arrays in files.items():
        np.savez(images / f"{name}.npz", **arrays)
    (images / "text.npz").write_text("no")
    words = [w.format(a=folders[0], tmp=images, run=run[0]) for w in words]
    assert cli.main(["fid", *words]) == code
    out, err = capsys.readouterr()
    errors = err[err.index("inception-jax fid:") :]
    assert out == "" and says in errors and "Traceback" not in err
    assert "images/s" not in err  # found before any work
