"""Export a run as one graph: network, weights and normalisation, for any batch size."""

import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from inception_jax import checkpoint, models
from inception_jax.config import Config, tasks
from inception_jax.data.images.crops import evaluated_size
from inception_jax.errors import ConfigError
from inception_jax.models import Network, from_config, preprocess
from inception_jax.models.layers import unit
from inception_jax.models.lowering import forms
from inception_jax.models.names import known
from inception_jax.workdir import atomic, class_names, target_scale
from inception_jax.workdir.target_scale import TargetScale

GRAPHS = ("stablehlo", "onnx", "saved_model", "tflite")
EMBEDDING = "embedding"  # at length 1; also what an embedding's network without such a layer has
FLOAT32 = ("onnx", "tflite")  # their runtimes have no convolution of bfloat16
EXTRAS = {"saved_model": "prepare", "tflite": "tflite"}  # else `weights`
# So that each convolution has its bias and ReLU beside it, which these runtimes merge.
UNMERGED = ("platform", "siblings")
Forward = Callable[[jax.Array], jax.Array]


def export_graph(
    form: str,
    config: Config,
    workdir: Path,
    out: Path,
    endpoint: str = "",
    step: int | None = None,
    calibration: Iterable[np.ndarray] | None = None,
) -> None:
    """Writes a run's network as a graph from images [b, s, s, c] as stored to logits or features.

    `out`.json beside it has the class names and the crop; ONNX and SavedModel contain them too.

    Args:
        form: `stablehlo` (read by `jax.export.deserialize`, on CPU, CUDA and TPU), `onnx` or
            `tflite` (float32, whatever dtype the run used), or `saved_model` (needs TensorFlow).
        config: of the run.
        workdir: of the run.
        out: file to write, for `saved_model` a folder.
        endpoint: one of the network's `endpoint_names()`; the logits by default.
        step: of the checkpoint; the newest by default.
        calibration: images as stored [s, s, c]; with these `onnx` is quantised to int8.

    Raises:
        ConfigError: no such end-point, `out` is a folder, or the writer's library is missing.
    """
    from jax import export

    network = from_config.build_model(config.model, config.data.channels)
    model = from_config.evaluated(network, config.data)
    from_config.check_evaluated(model, config.data)
    endpoint = _endpoint(endpoint, model, config)
    if out.is_dir():
        raise ConfigError(f"--out={out}: expected a new name, this is an existing folder")
    scale = target_scale.of_run(workdir, config.data.task) if endpoint == "logits" else None
    forward = _forward(form, model, checkpoint.load(workdir, step)[1], endpoint, scale)
    size = evaluated_size(config.data)
    about = _about(form, endpoint, config, workdir)
    text = json.dumps(about, indent=2) + "\n"
    shape = f"b, {size}, {size}, {model.channels}"
    images = jax.ShapeDtypeStruct(export.symbolic_shape(shape), config.data.dtype)
    write = {
        "stablehlo": _stablehlo, "onnx": partial(_onnx, calibration=calibration),
        "saved_model": _saved_model, "tflite": _tflite,
    }[form]  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with atomic.replacing(out) as staged:
            write(forward, images, text, staged)
    except ImportError as e:
        extra = EXTRAS.get(form, "weights")
        raise ConfigError(
            f"--to={form} needs {e.name or e}: pip install 'inception-jax[{extra}]'"
        ) from e
    atomic.write_text(out.with_name(out.name + ".json"), text)


def _endpoint(given: str, model: Network, config: Config) -> str:
    """The end-point to export: the given one, else the embedding or the logits."""
    unit = (EMBEDDING,) if tasks.of(config.data).activation == "unit" else ()
    names = tuple(dict.fromkeys((*model.endpoint_names(), *unit)))
    try:
        known("end-point", given or names[-1], names)
    except ValueError as e:
        raise ConfigError(f"--endpoint: {e}") from e
    return given or (unit or names)[-1]


def _about(form: str, endpoint: str, config: Config, workdir: Path) -> dict[str, Any]:
    """What a user of the graph has to know."""
    size = evaluated_size(config.data)
    crop = {k: getattr(config.data, k) for k in ("eval_crop", "resize", "interpolation")}
    d, count = config.data, "1" if form == "tflite" else "b"
    shape, colours = f"[{count}, {size}, {size}, {d.channels}]", ", RGB" if d.channels == 3 else ""
    return {
        "input": f"{d.dtype} {shape}{colours}",
        "output": endpoint,
        "task": d.task,
        "activation": tasks.of(d).activation,
        "classes": class_names.read(workdir, config.model.num_classes),
        "crop": {"image_size": size, **crop},
    }


def _forward(
    form: str, model: Network, variables: Any, endpoint: str, scale: TargetScale | None = None
) -> Forward:
    """The network at evaluation, BatchNorm folded into the convolutions, from images as stored.

    With a `scale` its outputs have the units of a regression's targets.
    """
    model, variables = models.fold(model, variables)
    variables = jax.tree.map(jnp.asarray, variables)
    if form in FLOAT32:
        model = model.clone(dtype=jnp.dtype("float32"))
        variables = jax.tree.map(lambda x: x.astype("float32"), variables)

    def forward(images: jax.Array) -> jax.Array:
        out = model.apply(variables, preprocess.as_input(images, model), endpoints=True)
        if endpoint == EMBEDDING and endpoint not in out.endpoints:
            return unit(out.logits)
        if scale:
            std, mean = (jnp.asarray(x, out.logits.dtype) for x in (scale.std, scale.mean))
            return out.logits * std + mean
        return out.logits if endpoint == "logits" else out.endpoints[endpoint]

    return forward


def _stablehlo(forward: Forward, images: jax.ShapeDtypeStruct, about: str, out: Path) -> None:
    from jax import export

    del about  # StableHLO has no metadata
    platforms = ("cpu", "cuda", "tpu")
    out.write_bytes(export.export(jax.jit(forward), platforms=platforms)(images).serialize())


def _onnx(
    forward: Forward, images: jax.ShapeDtypeStruct, about: str, out: Path,
    calibration: Iterable[np.ndarray] | None,
) -> None:  # fmt: skip
    from inception_jax.weights import onnx_graph, quantize

    with forms.without(*UNMERGED):
        graph = onnx_graph.build(forward, images, about)
    if calibration is None:
        out.write_bytes(graph.SerializeToString())
    else:
        quantize.quantize(graph, calibration, out)


def _tflite(forward: Forward, images: jax.ShapeDtypeStruct, about: str, out: Path) -> None:
    from inception_jax.weights import tflite

    del about  # only beside it
    one = jax.ShapeDtypeStruct((1, *images.shape[1:]), images.dtype)
    with forms.without(*UNMERGED):
        out.write_bytes(tflite.build(forward, one))


def _saved_model(forward: Forward, images: jax.ShapeDtypeStruct, about: str, out: Path) -> None:
    import tensorflow as tf
    from jax.experimental import jax2tf

    function = jax2tf.convert(
        forward,
        polymorphic_shapes=[str(images.shape)],
        native_serialization_platforms=("cpu", "cuda", "tpu"),
    )
    module = tf.Module()
    spec = tf.TensorSpec((None, *images.shape[1:]), tf.as_dtype(images.dtype), "images")
    module.serve = tf.function(function, input_signature=[spec], autograph=False)
    module.about = tf.Variable(tf.constant(about))
    tf.saved_model.save(module, str(out), signatures={"serving_default": module.serve})
