"""inception-jax export --workdir=DIR --to=FORMAT --out=FILE [--endpoint=ROW] [--step=N]

or: inception-jax export --workdir=DIR --to=hub:USER/NAME [--license=ID] [--private] [--update]

Exports a run's network. FORMAT is a peer, in whose names the weights are written as safetensors
(`timm:inception_v4`, `torchvision:googlenet`, ...; the run must be of its dialect), or a graph with
weights and normalization, for any batch size, from images as stored to logits or, with --endpoint,
to the features of a row (`mixed_7c`) or `pool`: `stablehlo` (for jax.export), `onnx` (for
onnxruntime and others), `tflite` (for LiteRT on phones) or `saved_model` (for TensorFlow).
--quantize=int8 makes a graph for onnxruntime on CPUs whose convolutions compute in 8 bits; their
ranges are measured on --calibration images of the run's training split.

`hub:USER/NAME` uploads weights, config, class names and a model card to a new repository of the
Hugging Face hub, for `import hub:USER/NAME`; with --out=DIR they are written there instead.
"""  # noqa: D415

import tempfile
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
    shared = values.to.startswith("hub:")
    if not (values.to and (values.out or shared)):
        raise ConfigError("expected --to=FORMAT and --out=FILE, or --to=hub:USER/NAME")
    if values.quantize and (values.quantize, values.to) != ("int8", "onnx"):
        raise ConfigError(f"--quantize={values.quantize}: expected int8, which goes with --to=onnx")
    if not values.quantize:
        flags.unused("without --quantize", "calibration")
    if shared:
        flags.obeys((), " --to=hub:USER/NAME")
        flags.unused("with --to=hub:USER/NAME", "endpoint")
        _share(flags, values, config, workdir)
        return
    flags.unused("without --to=hub:USER/NAME", "license", "private", "update")
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
    flags.text("to", "", "stablehlo, onnx, tflite, saved_model, timm:inception_v4, hub:USER/NAME")
    flags.path("out", "", "file to write")
    flags.text("endpoint", "", "row whose features the graph returns; the logits if not given")
    flags.text("quantize", "", "int8, with --to=onnx: compute in 8 bits")
    flags.text("license", "", "with hub: identifier of the license, such as apache-2.0")
    flags.switch("private", "with hub: a new repository is private")
    flags.switch("update", "with hub: add a commit to a repository that has files")
    flags.whole("calibration", 512, "training images that --quantize looks at", low=1)
    return flags.whole("step", None, "step to export; the newest if not given")


def _share(flags: Flags, values: Any, config: "Config", workdir: Path) -> None:
    """Uploads the run to the hub, or writes what would be uploaded."""
    from inception_jax.runtime import startup

    startup.start(platforms="cpu")  # nothing is computed
    from inception_jax.report import model_card
    from inception_jax.weights import bundle, hub

    name = hub.repository(values.to)

    def card(config: "Config", step: int) -> str:
        return model_card.write(workdir, config, step, name, values.license)

    if values.out:
        flags.unused("with --out, which uploads nothing", "private", "update")
        bundle.write(config, workdir, Path(values.out), card, values.step)
        print(f"written: {values.out}; without --out it is uploaded to {values.to}")
        return
    with tempfile.TemporaryDirectory() as folder:
        bundle.write(config, workdir, Path(folder) / "run", card, values.step)
        url = hub.push(Path(folder) / "run", name, values.private, values.update)
    print(f"uploaded: {url}. Try: inception-jax import {values.to} --out=DIR")


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
