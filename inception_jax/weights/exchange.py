"""Weights in and out: a peer's file as a workdir, a run as a peer's file or as a graph."""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from inception_jax import checkpoint, models, weights
from inception_jax import config as cfg
from inception_jax.data import imagenet
from inception_jax.errors import ConfigError
from inception_jax.models import Network, from_config, preprocess
from inception_jax.models.lowering import forms
from inception_jax.models.names import known
from inception_jax.workdir import atomic, run_dir

# Hub tags of weights that were trained with torchvision's constants, not with TensorFlow's.
IMAGENET_NORMALIZED = ("tv_in1k", "gluon_in1k")


@dataclass(frozen=True)
class Imported:
    """What an import took: the network and every array."""

    model: Network
    moved: list[weights.Moved]


def import_weights(
    name: str, path: Path, out: Path, normalization: str = "", classes: Path | None = None
) -> Imported:
    """Writes a peer's weights as the workdir `out`: checkpoint, config, class names, source.

    Args:
        name: of the peer, such as `timm:inception_v4`.
        path: the weight file.
        out: a directory that is not there yet; it is there whole or not at all.
        normalization: a key of `models.network.NORMALIZATIONS`, where the weights want other
        constants of
            normalisation than the peer's usual ones.
        classes: a file with one class name a line; ImageNet's if not given.

    Raises:
        ConfigError: an unknown peer, no such file, or `out` is there already.
        DataError: the file does not fit; the first three mismatches are named.
    """
    peer = weights.find(name)
    if out.exists():
        raise ConfigError(f"--out={out}: expected a new directory, this one is there already")
    arrays = weights.read(path)
    tag = name.partition(".")[2]
    normalization = normalization or ("imagenet" if tag in IMAGENET_NORMALIZED else "")
    model = peer.create(arrays).clone(normalization=normalization)
    variables, moved = weights.take(model, peer.names(), peer.layout, arrays, peer.ignored)
    del arrays
    # Orbax copies NumPy's arrays before it writes them, and JAX's not.
    variables = jax.tree.map(jax.device_put, variables)
    names = class_names(model, classes)
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        checkpoint.write(partial, variables)
        config = run_dir.plain(run_config(model))
        atomic.write_text(partial / "config.json", json.dumps(config, indent=2) + "\n")
        class_names.write(partial, names)
        atomic.write_text(partial / "source.json", json.dumps(_source(name, path), indent=2) + "\n")
        os.rename(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Imported(model, moved)


def source(workdir: Path) -> dict[str, str]:
    """Peer, file and sha256 (empty for a TensorFlow checkpoint) of an import; else nothing."""
    path = workdir / "source.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _source(name: str, path: Path) -> dict[str, str]:
    sha256 = ""
    if path.is_file():
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"peer": name, "file": path.name, "sha256": sha256}


def run_config(model: Network) -> Any:
    """A whole config around an imported network: ImageNet, its preprocessing, no training."""
    p = model.preprocessing
    offset = {1001: 1, 1008: 8}.get(model.num_classes, 0)
    return cfg.new(
        seed=0,
        data=cfg.imagenet(
            image_size=p.image_size,
            batch_size=32,
            colour="none",
            interpolation=p.interpolation,
            eval_crop=p.crop,
            resize=p.resize,
        )
        | {"classes": max(model.num_classes - offset, 2)},
        model=cfg.model(
            model.NAME,
            dialect=model.dialect,
            num_classes=model.num_classes,
            aux=model.aux,
            dropout=model.switches.dropout,
            bn_group=0,
            bn_decay=model.switches.norm.decay if model.switches.norm else 0.0,
            normalization=model.normalization,
        ),
        loss=dict(label_smoothing=0.0, aux_weight=0.0, l2=0.0),
        optim=cfg.sgd(schedule=cfg.cosine(lr=0.01, warmup_epochs=0.0), momentum=0.9),
        ema=dict(decay=0.0),
        train=cfg.train(epochs=1.0),
        eval=dict(split="validation", batch_size=100, every_epochs=1.0),
        checkpoint=cfg.checkpoints(every_epochs=1.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=50),
    )


def class_names(model: Network, given: Path | None = None) -> list[str]:
    """A name for every output: the given ones, ImageNet's, or numbers."""
    if given:
        if not given.is_file():
            raise ConfigError(f"--classes={given}: expected a file with one class name a line")
        names = given.read_text(encoding="utf-8").splitlines()
        if len(names) != model.num_classes:
            raise ConfigError(
                f"--classes={given}: expected {model.num_classes} lines, found {len(names)}"
            )
        return names
    if model.num_classes == imagenet.CLASSES:
        return imagenet.class_names()
    if model.num_classes == 1001:
        return ["background", *imagenet.class_names()]
    return [f"class {i}" for i in range(model.num_classes)]


def export_weights(
    name: str, config: Any, workdir: Path, out: Path, step: int | None = None
) -> int:
    """Writes a run's weights as safetensors in a peer's names; returns the number of arrays.

    Raises:
        ConfigError: an unknown peer, or the run's network is not the peer's.
    """
    from safetensors.numpy import save_file

    peer, model = weights.find(name), from_config.build_model(config.model)
    forms = (model.NAME, model.dialect), (peer.model, peer.dialect)
    if forms[0] != forms[1]:
        mine, theirs = (" ".join(f) for f in forms)
        raise ConfigError(f"--to={name}: expected a run of {theirs}, {workdir} is one of {mine}")
    _, variables = checkpoint.load(workdir, step)
    try:
        arrays = weights.give(model, peer.names(), peer.layout, variables)
    except ValueError as e:
        raise ConfigError(f"--to={name}: {e}") from e
    _write(out, lambda path: save_file(arrays, path, {"format": "pt"}))
    return len(arrays)


GRAPHS = ("stablehlo", "onnx", "saved_model")


def export_graph(
    form: str, config: Any, workdir: Path, out: Path, endpoint: str = "", step: int | None = None
) -> None:
    """Writes a run's whole network, weights and normalisation inside, for any batch size.

    It maps uint8 images [b, s, s, 3] to logits [b, classes], or to the features of the row
    `endpoint`. `out`.json beside it names the classes and says how to crop (inside the file too
    where the form has room for it).

    Args:
        form: `stablehlo` (`jax.export.deserialize` reads it, on CPU, CUDA and TPU), `onnx` (in
            float32, whatever the run computed in), or `saved_model` (needs TensorFlow).
        config: the run's.
        workdir: the run.
        out: file (a folder for `saved_model`) to write.
        endpoint: one of the network's `ends()`; empty for the last.
        step: of the checkpoint; the newest if not given.

    Raises:
        ConfigError: no such end-point, `out` is a folder that is there already, or what writes the
            form is not installed.
    """
    from jax import export

    model = from_config.build_model(config.model)
    endpoint = endpoint or model.endpoint_names()[-1]
    try:
        known("end-point", endpoint, model.endpoint_names())
    except ValueError as e:
        raise ConfigError(f"--endpoint: {e}") from e
    if out.is_dir():
        raise ConfigError(f"--out={out}: expected a new name, this is a folder already")
    _, variables = checkpoint.load(workdir, step)
    model, variables = models.fold(model, variables)
    if form == "onnx":  # its runtimes have no convolution of bfloat16
        model = model.clone(dtype=jnp.dtype("float32"))
        variables = jax.tree.map(lambda x: x.astype("float32"), variables)
    size = config.data.image_size

    def forward(images: jax.Array) -> jax.Array:
        out = model.apply(variables, preprocess.as_input(images, model), endpoints=True)
        return out.logits if endpoint == "logits" else out.endpoints[endpoint]

    about = {
        "input": f"uint8 [b, {size}, {size}, 3], RGB",
        "output": endpoint,
        "classes": class_names.read(workdir, config.model.num_classes),
        "crop": {k: config.data[k] for k in ("image_size", "eval_crop", "resize", "interpolation")},
    }
    text = json.dumps(about, indent=2) + "\n"
    images = jax.ShapeDtypeStruct(export.symbolic_shape(f"b, {size}, {size}, 3"), "uint8")
    write = {"stablehlo": _stablehlo, "onnx": _onnx, "saved_model": _saved_model}[form]
    try:
        _write(out, lambda path: write(forward, images, text, path))
    except ImportError as e:
        extra = "prepare" if form == "saved_model" else "weights"
        raise ConfigError(
            f"--to={form} needs {e.name}: pip install 'inception-jax[{extra}]'"
        ) from e
    atomic.write_text(out.with_name(out.name + ".json"), text)


def _stablehlo(forward: Any, images: Any, about: str, path: Path) -> None:
    from jax import export

    del about  # StableHLO has no place for it
    platforms = ("cpu", "cuda", "tpu")
    path.write_bytes(export.export(jax.jit(forward), platforms=platforms)(images).serialize())


def _onnx(forward: Any, images: Any, about: str, path: Path) -> None:
    from inception_jax.weights import onnx_graph

    with forms.without("platform"):
        path.write_bytes(onnx_graph.build(forward, images, about).SerializeToString())


def _saved_model(forward: Any, images: Any, about: str, path: Path) -> None:
    import tensorflow as tf
    from jax.experimental import jax2tf

    function = jax2tf.convert(
        forward,
        polymorphic_shapes=[str(images.shape)],
        native_serialization_platforms=("cpu", "cuda", "tpu"),
    )
    module = tf.Module()
    signature = [tf.TensorSpec((None, *images.shape[1:]), tf.uint8, "images")]
    module.serve = tf.function(function, input_signature=signature, autograph=False)
    module.about = tf.Variable(tf.constant(about))
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})


def _write(out: Path, write: Any) -> None:
    """Writes a file, or a folder that is not there yet, whole or not at all."""
    partial = out.with_name(out.name + ".partial")
    out.parent.mkdir(parents=True, exist_ok=True)
    if partial.is_dir():
        shutil.rmtree(partial)  # of a process that was killed
    write(partial)
    os.replace(partial, out)
