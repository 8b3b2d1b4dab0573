"""Tests `export_graph`: a graph read by another runtime equals the network."""

import json

import jax
import numpy as np
import pytest

from inception_jax import checkpoint
from inception_jax.errors import ConfigError
from inception_jax.models import from_config, preprocess
from inception_jax.weights.export_graph import export_graph

pytestmark = pytest.mark.usefixtures("quick_compiler")


def stablehlo(path):
    """The function of a StableHLO file."""
    from jax import export

    return export.deserialize(bytearray(path.read_bytes())).call


def onnx(path):
    """The function of an ONNX file in onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    return lambda images: session.run(None, {"images": images})[0]


@pytest.mark.parametrize("load", [stablehlo, onnx])
def test_a_graph_equals_the_network(load, tiny_run, tmp_path):
    """Logits and features to 1e-4 at any batch size; class names and crop are beside the file."""
    form = load.__name__
    workdir, config = tiny_run
    model, (_, variables) = (
        from_config.build_model(config.model, config.data.channels),
        checkpoint.load(workdir),
    )
    rng = np.random.default_rng(1)
    for endpoint in ("", "conv2"):
        out = tmp_path / f"net{endpoint}.{form}"
        export_graph(form, config, workdir, out, endpoint)
        call = load(out)
        for count in (1, 3):
            images = rng.integers(0, 255, (count, 8, 8, 3), np.uint8)
            result = model.apply(
                jax.tree.map(jax.numpy.asarray, variables),
                preprocess.as_input(images, model),
                endpoints=True,
            )
            want = result.endpoints[endpoint] if endpoint else result.logits
            got = call(images)
            assert got.shape == want.shape
            assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()
    about = json.loads((tmp_path / f"net.{form}.json").read_text())
    assert about["output"] == "logits" and len(about["classes"]) == 5
    if form == "onnx":
        import onnx as library

        whole, part = (library.load(tmp_path / f"net{e}.onnx") for e in ("", "conv2"))
        (metadata,) = whole.metadata_props
        assert json.loads(metadata.value) == about
        assert len(part.graph.initializer) < len(whole.graph.initializer)  # no layers above it


def test_onnx_of_a_run_in_bfloat16(tiny_run, tmp_path):
    """Its graph computes in float32: onnxruntime has no convolution of bfloat16."""
    workdir, config = tiny_run
    images = np.random.default_rng(1).integers(0, 255, (1, 8, 8, 3), np.uint8)
    outs = []
    for dtype in ("float32", "bfloat16"):
        other = config.copy_and_resolve_references()
        other.model.dtype = dtype
        export_graph("onnx", other, workdir, tmp_path / f"{dtype}.onnx")
        outs.append(onnx(tmp_path / f"{dtype}.onnx")(images))
    assert np.array_equal(*outs)


def test_wrong_names_are_refused(tiny_run, tmp_path):
    """An unknown end-point, with the nearest one, and an existing folder."""
    workdir, config = tiny_run
    with pytest.raises(ConfigError, match="did you mean 'conv2'"):
        export_graph("onnx", config, workdir, tmp_path / "x", "conv2a")
    with pytest.raises(ConfigError, match="existing folder"):
        export_graph("onnx", config, workdir, tmp_path)
    assert list(tmp_path.iterdir()) == []
