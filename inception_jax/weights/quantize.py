"""Quantise an ONNX graph to int8, with the ranges that its activations have on images."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx

# Keeps activations in int8 from one convolution to the next; normalisation, divisions and the mean
# over the grid stay in float32.
QUANTISED = ["Conv", "MatMul", "Relu", "MaxPool", "AveragePool", "Concat"]
PREPARED = ("onnx.quant.pre_process", "onnxruntime.quant")  # else it advises to merge nodes
BATCH = 32  # images of a pass


class CalibrationBatches:
    """Batches of images in the interface of onnxruntime's `CalibrationDataReader`."""

    def __init__(self, images: Iterable[np.ndarray]):
        images = iter(images)
        self._batches = iter(lambda: list(islice(images, BATCH)), [])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch, None after the last."""
        rows = next(self._batches, None)
        return None if rows is None else {"images": np.stack(rows)}


def quantize(graph: onnx.ModelProto, images: Iterable[np.ndarray], out: Path) -> None:
    """Writes `graph` to `out` with nodes that quantise and dequantise (QDQ), for CPUs.

    Activations are uint8 between their extremes on `images`, weights int8 with a scale for each
    output channel. Weights have 7 bits: without VNNI, x86 adds pairs of products in 16 bits, which
    8 bits would saturate (onnxruntime's `reduce_range`).

    Args:
        graph: of `onnx_graph.build`.
        images: [s, s, c] each, cropped as in the evaluation; at least one.
        out: file to write.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    from onnxruntime.quantization import QuantType, quantize_static

    prepared = onnx.ModelProto()
    prepared.CopyFrom(graph)
    prepared.metadata_props.add(key=PREPARED[0], value=PREPARED[1])
    reader: Any = CalibrationBatches(images)  # onnxruntime asks only for `get_next`
    quantize_static(
        prepared, out, reader, op_types_to_quantize=QUANTISED,
        per_channel=True, reduce_range=True, activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )  # fmt: skip
    written = onnx.load(out)
    written.producer_name = graph.producer_name
    del written.metadata_props[:]
    written.metadata_props.extend(graph.metadata_props)
    out.write_bytes(written.SerializeToString())
