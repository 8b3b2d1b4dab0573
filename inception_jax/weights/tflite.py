"""Convert a function of images to LiteRT's file format, .tflite, through StableHLO."""

import os
from collections.abc import Callable
from typing import Any

import jax

SIGNATURE = "serving_default"


def build(function: Callable[[Any], Any], image: jax.ShapeDtypeStruct) -> bytes:
    """Returns the .tflite of `function`, from `images` [1, h, w, 3] to `output`, one array.

    Args:
        function: traceable by JAX.
        image: shape and dtype of one image [1, h, w, 3]. LiteRT computes other batches after
            `resize_tensor_input`; a batch of unknown size in the graph would keep it from merging
            biases and ReLUs into convolutions.

    Raises:
        ImportError: litert-converter is not installed.
    """
    from jax import export

    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # else it prints that it has oneDNN
    from litert_converter import converter_api_ext as api  # pyright: ignore[reportMissingImports]
    from litert_converter.mlir import ir, passmanager  # pyright: ignore[reportMissingImports]
    from litert_converter.mlir.dialects import stablehlo  # pyright: ignore[reportMissingImports]

    portable = export.export(jax.jit(function))(image).mlir_module_serialized
    context = ir.Context()
    api.prepare_mlir_context(context)
    with context:
        module = stablehlo.deserialize_portable_artifact(context, portable)
        api.set_signature(module.operation, SIGNATURE, ["images"], ["output"])
        config = api.ConvertToTFLConfig()
        config.model_origin_framework = "JAX"
        api.run_convert_to_tfl_passes(module, passmanager.PassManager(), config)
        return api.export_flatbuffer_to_bytes(module.operation)
