"""inception-jax export --workdir=DIR --to=FORMAT --out=FILE [--endpoint=ROW] [--step=N]

Exports a run's network. FORMAT is a peer, in whose names the weights are written as safetensors
(`timm:inception_v4`, `torchvision:googlenet`, ...; the run must be of its dialect), or a graph with
weights and normalization, for any batch size, from images as stored to logits or, with --endpoint,
to the features of a row (`mixed_7c`) or `pool`: `stablehlo` (for jax.export), `onnx` (for
onnxruntime and others) or `saved_model` (for TensorFlow, which must be installed).
"""  # noqa: D415

from pathlib import Path

from inception_jax.cli import overrides
from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("export", __doc__).run(overrides.PREDICT)
    flags.text("to", "", "stablehlo, onnx, saved_model, or a peer such as timm:inception_v4")
    flags.path("out", "", "file to write")
    flags.text("endpoint", "", "row whose features the graph returns; the logits if not given")
    flags.whole("step", None, "step to export; the newest if not given")
    values = flags.parse(argv)
    config, workdir = flags.config(), Path(values.workdir)
    if not (values.to and values.out):
        raise ConfigError("expected --to=FORMAT and --out=FILE")
    from inception_jax.runtime import startup

    startup.start(config.model.dtype)
    from inception_jax import weights
    from inception_jax.models.names import known
    from inception_jax.weights.export_graph import GRAPHS, export_graph
    from inception_jax.weights.export_weights import export_weights

    out = Path(values.out)
    try:
        known("format", values.to, (*GRAPHS, *weights.PEERS))
    except ValueError as e:
        raise ConfigError(f"--to: {e}") from e
    if values.to not in GRAPHS:  # the weights alone, in float32
        flags.obeys((), f" --to={values.to}")
    elif values.to == "onnx":  # always in float32
        flags.obeys((*overrides.CROP, "model.normalization"), " --to=onnx")
    if values.to in GRAPHS:
        export_graph(values.to, config, workdir, out, values.endpoint, values.step)
        size = sum(f.stat().st_size for f in (out, *out.rglob("*")) if f.is_file())
        print(f"written: {out} ({size / 1e6:.1f} MB) and {out}.json")
        return
    if values.endpoint:
        raise ConfigError(f"--endpoint goes with {', '.join(GRAPHS)}, got --to={values.to}")
    count = export_weights(values.to, config, workdir, out, values.step)
    print(f"written: {out}, {count} arrays in the names of {values.to}")
