"""Tests `quantize`: an int8 graph is small and near to the network."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from inception_jax.weights.export_graph import export_graph

pytestmark = pytest.mark.usefixtures("quick_compiler")


def test_an_int8_graph_is_near_the_network(tiny_run, tmp_path):
    """Logits within 5% of their range; per-channel int8 weights; the same metadata and input."""
    workdir, config = tiny_run
    images = np.random.default_rng(0).integers(0, 255, (40, 8, 8, 3), np.uint8)
    export_graph("onnx", config, workdir, tmp_path / "float32.onnx")
    export_graph("onnx", config, workdir, tmp_path / "int8.onnx", calibration=iter(images))
    outs = []
    for name in ("float32", "int8"):
        session = onnxruntime.InferenceSession(tmp_path / f"{name}.onnx")
        (outs_of,) = session.run(None, {"images": images[:7]})
        outs.append(outs_of)
    spread = np.ptp(outs[0])
    assert 0 < np.abs(outs[0] - outs[1]).max() <= 0.05 * spread
    graph = onnx.load(tmp_path / "int8.onnx")
    (metadata,) = graph.metadata_props
    assert len(json.loads(metadata.value)["classes"]) == 5
    constants = {c.name: c for c in graph.graph.initializer}
    convolutions = [n for n in graph.graph.node if n.op_type == "Conv"]
    scales = {n.output[0]: n.input[1] for n in graph.graph.node if n.op_type == "DequantizeLinear"}
    assert len(convolutions) == 3
    for node in convolutions:  # a scale for each output channel, weights of 7 bits
        kernel = constants[node.input[1].replace("_DequantizeLinear_Output", "_quantized")]
        assert list(constants[scales[node.input[1]]].dims) == [kernel.dims[0]]
        values = onnx.numpy_helper.to_array(kernel)
        assert values.dtype == np.int8 and np.abs(values).max() <= 64
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        f"{name}.onnx{end}" for name in ("float32", "int8") for end in ("", ".json")
    )
