"""Tests `inception_jax/weights/exchange.py`: imported files are workdirs for every command."""

import hashlib
import json

import jax
import numpy as np
import pytest

from inception_jax import checkpoint, cli, models, weights
from inception_jax.errors import ConfigError, DataError
from inception_jax.models import from_config, preprocess
from inception_jax.models.lowering import forms
from inception_jax.weights import exchange
from tests.data.pictures import tree


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A GoogLeNet of 7 classes as torchvision would save it, without heads, and our variables."""
    from safetensors.numpy import save_file

    peer = weights.find("torchvision:googlenet")
    model = models.create("googlenet", dialect="torchvision", num_classes=7, aux=False)
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(lambda: models.init(model))
    variables = jax.tree.map(
        lambda s: np.abs(rng.normal(0, 0.05, s.shape)).astype(np.float32), shapes
    )
    path = tmp_path_factory.mktemp("weights") / "googlenet.safetensors"
    save_file(weights.give(model, peer.names(), peer.layout, variables), path)
    return path, variables


def test_a_file_becomes_a_workdir(file, tmp_path, capsys):
    """Checkpoint, config and class names are there; every array is bit for bit the file's."""
    path, variables = file
    out = tmp_path / "imported"
    assert cli.main(["import", "torchvision:googlenet", str(path), f"--out={out}"]) == 0
    said = capsys.readouterr().out
    assert "conv1.conv.weight" in said and "written:" in said
    step, found = checkpoint.load(out)
    assert step == 0
    assert all(jax.tree.leaves(jax.tree.map(np.array_equal, variables, found)))
    config = json.loads((out / "config.json").read_text())
    assert config["model"]["dialect"] == "torchvision" and not config["model"]["aux"]
    assert (config["data"]["image_size"], config["data"]["resize"]) == (224, "short_side")
    assert json.loads((out / "classes.json").read_text())[6] == "class 6"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert exchange.source(out)["sha256"] == digest and exchange.source(tmp_path) == {}


def test_it_predicts(file, tmp_path, capsys):
    """`predict` on an imported network names the classes of a picture."""
    import cv2

    path, _ = file
    out = tmp_path / "imported"
    names = tmp_path / "names.txt"
    names.write_text("\n".join(["ant", "bee", "cow", "dog", "elk", "fox", "gnu"]))
    words = ["import", "torchvision:googlenet", str(path), f"--out={out}", f"--classes={names}"]
    assert cli.main(words) == 0
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    capsys.readouterr()
    assert cli.main(["predict", str(photo), f"--workdir={out}", "--json", "--top=7"]) == 0
    top = json.loads(capsys.readouterr().out)["top"]
    assert {t["class"] for t in top} == {"ant", "bee", "cow", "dog", "elk", "fox", "gnu"}


def test_it_gives_features(file, tmp_path, capsys):
    """`predict --features` writes the mean over the grid, or every position, for each picture."""
    import cv2
    from pyarrow import parquet

    out, pictures = tmp_path / "imported", tmp_path / "pictures"
    exchange.import_weights("torchvision:googlenet", file[0], out)
    pictures.mkdir()
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 255, (60, 80, 3), np.uint8)
        cv2.imwrite(str(pictures / f"{i}.png"), pixels)
    (pictures / "torn.png").write_bytes(b"torn")
    arrays = []
    for more in ((), ("--spatial",)):
        path = tmp_path / f"features{len(more)}.npz"
        words = ["predict", str(pictures), f"--workdir={out}", "--features=inception_3a"]
        assert cli.main([*words, f"--out={path}", *more]) == 0
        arrays.append(dict(np.load(path)))
    assert "torn.png" in capsys.readouterr().err
    pooled, spatial = arrays
    assert pooled["features"].shape == (3, 256) and spatial["features"].shape == (3, 28, 28, 256)
    np.testing.assert_allclose(
        spatial["features"].mean((1, 2)), pooled["features"], rtol=1e-5, atol=1e-6
    )
    assert cli.main([*words, f"--out={tmp_path / 'f.parquet'}", "--spatial"]) == 0
    table = parquet.read_table(tmp_path / "f.parquet")
    assert np.array_equal(table["path"].to_pylist(), spatial["path"])
    (chunk,) = table["features"].chunks
    np.testing.assert_array_equal(chunk.to_numpy_ndarray(), spatial["features"])
    assert cli.main([*words[:3], "--features=mixed_9", f"--out={tmp_path / 'x.npz'}"]) == 78


def test_nothing_is_written_of_what_does_not_fit(file, tmp_path):
    """A file of another network is refused, and the directory is not made."""
    path, _ = file
    with pytest.raises(DataError, match="does not fit"):
        exchange.import_weights("timm:inception_v4", path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_of_names_is_refused_first(file, tmp_path):
    """--classes must be a file with a line for every output; nothing is written before."""
    for names, says in (
        (tmp_path / "none", "one class name"),
        (file[0].with_name("two"), "7 lines"),
    ):
        file[0].with_name("two").write_text("a\nb")
        with pytest.raises(ConfigError, match=says):
            exchange.import_weights(
                "torchvision:googlenet", file[0], tmp_path / "out", classes=names
            )
    assert list(tmp_path.iterdir()) == []


def test_an_existing_directory_is_kept(file, tmp_path):
    """--out must be new."""
    with pytest.raises(ConfigError, match="expected a new directory"):
        exchange.import_weights("torchvision:googlenet", file[0], tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.safetensors", b"not a safetensors file", "cannot be read as a safetensors file"),
        ("a.h5", b"not an hdf5 file", "cannot be read as a keras file"),
        ("a.doc", b"", "expected a file named"),
    ],
)
def test_unreadable_files(tmp_path, name, content, says):
    """A damaged or foreign file is named with what was expected."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises((ConfigError, DataError), match=says):
        weights.read(tmp_path / name)


def test_a_pickle_is_never_executed(tmp_path):
    """An array file that is a pickle is refused; its code does not run. For .pth: tests/peers."""
    import pickle

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    (tmp_path / "a.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError):
        weights.read(tmp_path / "a.npz")
    assert not (tmp_path / "executed").exists()


@pytest.fixture(scope="module")
def imported(file, tmp_path_factory):
    """The file of `file` as a workdir, and its config."""
    from inception_jax.cli import pages

    out = tmp_path_factory.mktemp("run") / "imported"
    exchange.import_weights("torchvision:googlenet", file[0], out)
    return out, pages.of_run(str(out))


def test_weights_go_back_as_they_came(file, imported, tmp_path):
    """Import, then export to the same peer: every name and every bit of the first file."""
    from safetensors.numpy import load_file

    workdir, config = imported
    exchange.export_weights("torchvision:googlenet", config, workdir, tmp_path / "back.safetensors")
    there, back = load_file(file[0]), load_file(tmp_path / "back.safetensors")
    assert there.keys() == back.keys()
    assert all(np.array_equal(there[k], back[k]) for k in there)


def test_a_run_of_another_network_is_not_written(imported, tmp_path):
    """The peer must have the run's network and dialect."""
    workdir, config = imported
    with pytest.raises(ConfigError, match="expected a run of inception_v4 timm"):
        exchange.export_weights("timm:inception_v4", config, workdir, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def stablehlo(path):
    """The function of a StableHLO file."""
    from jax import export

    return export.deserialize(bytearray(path.read_bytes())).call


def onnx(path):
    """The function of an ONNX file, as onnxruntime runs it."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    return lambda images: session.run(None, {"images": images})[0]


def check_graph(form, function, imported, folder):
    """A graph in `form` gives the run's logits and features to 1e-4, at any batch size."""
    workdir, config = imported
    model, (_, variables) = from_config.build_model(config.model), checkpoint.load(workdir)
    rng = np.random.default_rng(1)
    for endpoint in ("", "inception_4a"):
        out = folder / f"net{endpoint}.{form}"
        exchange.export_graph(form, config, workdir, out, endpoint)
        call = function(out)
        for count in (1, 3):
            images = rng.integers(0, 255, (count, 224, 224, 3), np.uint8)
            want = model.apply(variables, preprocess.as_input(images, model), endpoints=True)
            want = want.endpoints[endpoint] if endpoint else want.logits
            got = call(images)
            assert got.shape == want.shape
            assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()
    about = json.loads((folder / f"net.{form}.json").read_text())
    assert about["output"] == "logits" and len(about["classes"]) == 7
    with pytest.raises(ConfigError, match="did you mean 'inception_4a'"):
        exchange.export_graph(form, config, workdir, folder / "x", "inception_4aa")
    return about


@pytest.mark.slow
def test_stablehlo_equals_the_network(imported, tmp_path):
    """Reloaded StableHLO is the network."""
    check_graph("stablehlo", stablehlo, imported, tmp_path)


@pytest.mark.slow
def test_onnx_equals_the_network(imported, tmp_path):
    """What onnxruntime reads is the network; class names and crop are in the file too."""
    import onnx as library

    about = check_graph("onnx", onnx, imported, tmp_path)
    whole, part = (library.load(tmp_path / f"net{e}.onnx") for e in ("", "inception_4a"))
    (inside,) = whole.metadata_props
    assert json.loads(inside.value) == about
    assert len(part.graph.initializer) < 0.7 * len(whole.graph.initializer)  # nothing above it


@pytest.mark.slow
def test_onnx_of_a_run_in_bfloat16(imported, tmp_path):
    """Its graph computes in float32: onnxruntime has no convolution of bfloat16."""
    workdir, config = imported
    images = np.random.default_rng(1).integers(0, 255, (1, 224, 224, 3), np.uint8)
    outs = []
    for dtype in ("float32", "bfloat16"):
        other = config.copy_and_resolve_references()
        other.model.dtype = dtype
        exchange.export_graph("onnx", other, workdir, tmp_path / f"{dtype}.onnx")
        outs.append(onnx(tmp_path / f"{dtype}.onnx")(images))
    assert np.array_equal(*outs)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="this is a folder already"):
        exchange.export_graph("onnx", config, workdir, tmp_path / "folder")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        ("googlenet", "paper"),  # local response normalisation
        ("bn_inception", "cadene"),  # BGR, pools with ceil
        ("inception_v3", "keras"),  # average pools that leave padding out
        ("inception_resnet_v1", "facenet"),  # an embedding
        ("xception", "keras"),  # depthwise convolutions
    ],
)
def test_onnx_has_every_operation(name, dialect):
    """One network for each operation that the others lack."""
    import onnxruntime
    from jax import export

    from inception_jax.weights import onnx_graph

    model = models.create(name, dialect=dialect, num_classes=None, width=0.125)
    size = 128
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(lambda: models.init(model, image_size=size))

    def draw(leaf):
        if len(leaf.shape) == 1:
            return rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32)
        return rng.normal(0, np.prod(leaf.shape[:-1]) ** -0.5, leaf.shape).astype(np.float32)

    variables = jax.tree.map(draw, shapes)

    def forward(images):
        return model.apply(variables, preprocess.as_input(images, model)).logits

    images = jax.ShapeDtypeStruct(export.symbolic_shape(f"b, {size}, {size}, 3"), "uint8")
    with forms.without("platform"):
        graph = onnx_graph.build(forward, images, "{}")
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    photo = rng.integers(0, 255, (2, size, size, 3), np.uint8)
    want, (got,) = jax.jit(forward)(photo), session.run(None, {"images": photo})
    assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()


@pytest.mark.slow
def test_fine_tuning_the_head_of_imported_weights(imported, tmp_path):
    """configs/finetune.py on a folder of three classes: the trunk stays, the classifier learns."""
    tree(tmp_path / "mine", {s: dict.fromkeys("abc", n) for s, n in (("train", 8), ("test", 2))})
    assert cli.main([
        "train", f"--workdir={tmp_path / 'run'}",
        "--config=configs/finetune.py:model=googlenet,dialect=torchvision,backbone_lr=0.0,epochs=2.0,"
        "image=64", f"--config.data.dir={tmp_path / 'mine'}", "--config.data.classes=3",
        "--config.model.num_classes=3", "--config.data.batch_size=8", "--config.eval.batch_size=6",
        f"--config.checkpoint.init={imported[0]}",
    ]) == 0  # fmt: skip
    (_, began), (_, ended) = checkpoint.load(imported[0]), checkpoint.load(tmp_path / "run")
    for part in ("params", "batch_stats"):
        for name in set(began[part]) - {"logits"}:
            jax.tree.map(
                lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5),
                began[part][name], ended[part][name],
            )  # fmt: skip
    assert ended["params"]["logits"]["kernel"].shape == (1024, 3)
    assert np.abs(ended["params"]["logits"]["bias"]).max() > 0
