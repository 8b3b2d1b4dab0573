"""Tests `import_weights`: an imported file is a run directory for every command."""

import hashlib
import json

import cv2
import jax
import numpy as np
import pytest

from inception_jax import checkpoint, cli
from inception_jax.errors import ConfigError, DataError
from inception_jax.weights.import_weights import import_weights, read_source
from tests.data.pictures import tree

NAMES = ["ant", "bee", "cow", "dog", "elk", "fox", "gnu"]


def test_a_file_becomes_a_run_directory(file, tmp_path, capsys):
    """Checkpoint, config and class names are written; arrays are bit-identical to the file's."""
    path, variables = file
    out, names = tmp_path / "imported", tmp_path / "names.txt"
    names.write_text("\n".join(NAMES))
    words = ["import", "torchvision:googlenet", str(path), f"--out={out}", f"--classes={names}"]
    assert cli.main(words) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("googlenet (torchvision), 7 outputs: 287 arrays, 5,621,639 numbers")
    assert last.startswith(f"written: {out}.")
    step, restored = checkpoint.load(out)
    assert step == 0
    assert all(jax.tree.leaves(jax.tree.map(np.array_equal, variables, restored)))
    config = json.loads((out / "config.json").read_text())
    assert config["model"]["dialect"] == "torchvision" and not config["model"]["aux"]
    assert (config["data"]["image_size"], config["data"]["resize"]) == (224, "short_side")
    assert json.loads((out / "classes.json").read_text()) == NAMES
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_source(out)["sha256"] == digest and read_source(tmp_path) == {}


def test_classes_are_numbered_by_default(imported):
    """7 outputs are not ImageNet's."""
    assert json.loads((imported / "classes.json").read_text())[6] == "class 6"


@pytest.mark.slow
def test_it_predicts(imported, tmp_path, capsys):
    """`predict` on an imported network lists the classes of a picture."""
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    assert cli.main(["predict", str(photo), f"--workdir={imported}", "--json", "--top=7"]) == 0
    top = json.loads(capsys.readouterr().out)["top"]
    assert {t["class"] for t in top} == {f"class {i}" for i in range(7)}


def test_predict_writes_features(tiny_run, tmp_path, capsys):
    """`predict --features` writes the mean over the grid, or every position, for each picture."""
    from pyarrow import parquet

    workdir, pictures = tiny_run[0], tmp_path / "pictures"
    pictures.mkdir()
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 255, (60, 80, 3), np.uint8)
        cv2.imwrite(str(pictures / f"{i}.png"), pixels)
    (pictures / "torn.png").write_bytes(b"torn")
    arrays = []
    for more in ((), ("--spatial",)):
        path = tmp_path / f"features{len(more)}.npz"
        words = ["predict", str(pictures), f"--workdir={workdir}", "--features=conv2"]
        assert cli.main([*words, f"--out={path}", *more]) == 0
        arrays.append(dict(np.load(path)))
    assert "torn.png" in capsys.readouterr().err
    pooled, spatial = arrays
    assert pooled["features"].shape == (3, 16) and spatial["features"].shape == (3, 4, 4, 16)
    np.testing.assert_allclose(
        spatial["features"].mean((1, 2)), pooled["features"], rtol=1e-5, atol=1e-6
    )
    assert cli.main([*words, f"--out={tmp_path / 'f.parquet'}", "--spatial"]) == 0
    table = parquet.read_table(tmp_path / "f.parquet")
    assert np.array_equal(table["path"].to_pylist(), spatial["path"])
    (chunk,) = table["features"].chunks
    np.testing.assert_array_equal(chunk.to_numpy_ndarray(), spatial["features"])
    assert cli.main([*words[:3], "--features=mixed_9", f"--out={tmp_path / 'x.npz'}"]) == 78


def test_a_file_of_another_network_is_refused(file, tmp_path):
    """No directory is created."""
    with pytest.raises(DataError, match="does not fit"):
        import_weights("timm:inception_v4", file[0], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"), [(None, "one class name"), ("a\nb", "7 lines, got 2")]
)
def test_a_wrong_file_of_class_names_is_refused(file, tmp_path, content, message):
    """--classes must be a file with a line for every output; no directory is created."""
    names = tmp_path / "names.txt"
    if content:
        names.write_text(content)
    with pytest.raises(ConfigError, match=message):
        import_weights("torchvision:googlenet", file[0], tmp_path / "out", classes=names)
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.partial").exists()


def test_an_existing_directory_is_refused(file, tmp_path):
    """--out must be new."""
    with pytest.raises(ConfigError, match="expected a new directory"):
        import_weights("torchvision:googlenet", file[0], tmp_path)


@pytest.mark.slow
def test_fine_tuning_the_classifier_of_imported_weights(imported, tmp_path):
    """configs/finetune.py until the logits: the backbone stays, the classifier learns."""
    tree(tmp_path / "mine", {s: dict.fromkeys("abc", n) for s, n in (("train", 8), ("test", 2))})
    assert cli.main([
        "train", f"--workdir={tmp_path / 'run'}",
        "--config=configs/finetune.py:model=googlenet,dialect=torchvision,freeze_until=logits,epochs=2.0,"
        "image=64", f"--config.data.dir={tmp_path / 'mine'}", "--config.data.classes=3",
        "--config.model.num_classes=3", "--config.data.batch_size=8", "--config.eval.batch_size=6",
        f"--config.checkpoint.init={imported}",
    ]) == 0  # fmt: skip
    (_, began), (_, ended) = checkpoint.load(imported), checkpoint.load(tmp_path / "run")
    for part in ("params", "batch_stats"):
        for name in set(began[part]) - {"logits"}:
            jax.tree.map(
                lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5),
                began[part][name], ended[part][name],
            )  # fmt: skip
    assert ended["params"]["logits"]["kernel"].shape == (1024, 3)
    assert np.abs(ended["params"]["logits"]["bias"]).max() > 0
