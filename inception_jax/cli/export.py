"""inception-jax export --workdir=DIR --to=FORMAT --out=FILE [--endpoint=ROW] [--step=N]

Exports a run's network. FORMAT is a peer, in whose names the weights are written as safetensors
(`timm:inception_v4`, `torchvision:googlenet`, ...; the run must be of its dialect), or a graph with
weights and normalization, for any batch size, from uint8 images to logits or, with --endpoint, to
the features of a row (`mixed_7c`) or `pool`: `stablehlo` (for jax.export), `onnx` (for onnxruntime
and others), `tflite` (for LiteRT on phones) or `saved_model` (for TensorFlow). --quantize=int8
makes a graph for onnxruntime on CPUs whose convolutions compute in 8 bits; their ranges are
measured on --calibration images of the run's training split.
"""  # noqa: D415

from pathlib import Path
from typing import TYPE_CHECKING, Any

from inception_jax.cli import overrides
from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from inception_jax.config import Config


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = _flags()
    values = flags.parse(argv)
    config, workdir, out = flags.config(), Path(values.workdir), Path(values.out)
    if not (values.to and values.out):
        raise ConfigError("expected --to=FORMAT and --out=FILE")
    if values.quantize and (values.quantize, values.to) != ("int8", "onnx"):
        raise ConfigError(f"--quantize={values.quantize}: expected int8, which goes with --to=onnx")
    if not values.quantize:
        flags.unused("without --quantize", "calibration")
    from inception_jax.runtime import startup

    startup.start(config.model.dtype)
    from inception_jax import weights
    from inception_jax.models.names import known
    from inception_jax.weights.export_graph import FLOAT32, GRAPHS, export_graph
    from inception_jax.weights.export_weights import export_weights

    try:
        known("format", values.to, (*GRAPHS, *weights.PEERS))
    except ValueError as e:
        raise ConfigError(f"--to: {e}") from e
    _check_overrides(flags, values, FLOAT32, GRAPHS)
    if values.to in GRAPHS:
        images = calibration_images(config, values.calibration) if values.quantize else None
        export_graph(values.to, config, workdir, out, values.endpoint, values.step, images)
        size = sum(f.stat().st_size for f in (out, *out.rglob("*")) if f.is_file())
        print(f"written: {out} ({size / 1e6:.1f} MB) and {out}.json")
        return
    if values.endpoint:
        raise ConfigError(f"--endpoint goes with {', '.join(GRAPHS)}, got --to={values.to}")
    count = export_weights(values.to, config, workdir, out, values.step)
    print(f"written: {out}, {count} arrays in the names of {values.to}")


def _flags() -> Flags:
    flags = Flags("export", __doc__).run((*overrides.PREDICT, *overrides.SOURCE))
    flags.text("to", "", "stablehlo, onnx, tflite, saved_model, or a peer: timm:inception_v4")
    flags.path("out", "", "file to write")
    flags.text("endpoint", "", "row whose features the graph returns; the logits if not given")
    flags.text("quantize", "", "int8, with --to=onnx: compute in 8 bits")
    flags.whole("calibration", 512, "training images that --quantize looks at", low=1)
    return flags.whole("step", None, "step to export; the newest if not given")


def _check_overrides(flags: Flags, values: Any, float32: tuple[str, ...], graphs: Any) -> None:
    """Refuses overrides of config keys that the format does not use."""
    if values.to not in graphs:  # the weights alone, in float32
        obeyed = ()
    elif values.to in float32:
        obeyed = (*overrides.CROP, "model.normalization")
    else:
        obeyed = overrides.PREDICT
    if values.quantize:
        obeyed = (*obeyed, *overrides.SOURCE)
    flags.obeys(obeyed, f" --to={values.to}")


def calibration_images(config: "Config", count: int) -> "Iterator[np.ndarray]":
    """`count` random images of the training split in the evaluation's crop: uint8 [s, s, 3].

    Unreadable ones are left out.

    Raises:
        ConfigError: the data set is missing.
        DataError: none could be read.
    """
    import numpy as np

    from inception_jax.data.images.decode import BadImageError
    from inception_jax.data.images.picture import Picture
    from inception_jax.data.sources.open import open_source
    from inception_jax.errors import DataError
    from inception_jax.eval.views import centre

    source, good = open_source(config.data, config.data.train_split), 0
    for index in np.random.default_rng(0).permutation(len(source))[:count]:
        try:
            image = centre(Picture(source.stored(int(index))), config.data)
        except (BadImageError, OSError):
            continue
        good += 1
        yield image
    if not good:
        raise DataError(f"--quantize: no image of {config.data.train_split} could be read")
