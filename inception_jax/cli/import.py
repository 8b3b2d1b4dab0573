"""inception-jax import PEER:NAME [FILE] --out=DIR [--normalization=N] [--classes=FILE] [--verbose]

or: inception-jax import hub:USER/NAME[@REVISION] --out=DIR

Converts a peer's weights to a workdir DIR with its preprocessing and class names, for `predict
--workdir=DIR`, `eval --workdir=DIR` and `--config.checkpoint.init=DIR`. FILE is a .safetensors,
.npz, torch file (.pth, .ckpt; its pickle is never executed), Keras file (.keras, .h5) or TensorFlow
checkpoint; without FILE, `timm/inception_v4.tf_in1k` is downloaded from the Hugging Face hub. The
network may be nested in the file (`state_dict`, `module.`) and have a classifier of its own. A file
that does not match it is refused with its first three mismatches. Without arguments: lists the
peers.

`hub:USER/NAME` is a run that `export --to=hub:USER/NAME` uploaded: the same weights, config and
class names, verified by their sha256.
"""  # noqa: D415

import math
import sys
from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("import", __doc__).arguments("a peer", "torchvision:googlenet FILE", 0, 2)
    flags.path("out", "", "workdir to create")
    flags.text("normalization", "", "normalization: inception or imagenet; the peer's if not given")
    flags.path("classes", "", "file with one class name a line; ImageNet's if not given")
    flags.switch("verbose", "print every array, its shape and its name in the file")
    flags.json("print JSON: every array, its name in the file, its shape")
    values = flags.parse(argv)
    from inception_jax.runtime import startup

    startup.start(platforms="cpu")  # nothing is computed
    from inception_jax import weights
    from inception_jax.weights.import_weights import import_weights

    if not flags.words:
        print("\n".join(weights.PEERS))
        return
    if not values.out:
        raise ConfigError("expected --out=DIR, the workdir to create")
    name, *file = flags.words
    if name.startswith("hub:"):
        if file:
            raise ConfigError(f"{file[0]}: {name} is downloaded; leave the file out")
        flags.unused("with hub:USER/NAME", "normalization", "classes", "verbose", "json")
        _pull(name, Path(values.out))
        return
    path = Path(file[0]) if file else weights.download(name)
    classes = Path(values.classes) if values.classes else None
    model, arrays, notes = import_weights(
        name, path, Path(values.out), values.normalization, classes
    )
    rows = {a.path: {"from": a.peer_name, "shape": a.shape} for a in arrays}

    def text() -> str:
        width = max(len(a.path) for a in arrays)
        every = [
            f"{a.path.ljust(width)}  {'x'.join(map(str, a.shape)):>14}  {a.peer_name}"
            for a in arrays
        ]
        count = sum(math.prod(a.shape) for a in arrays)
        return "\n".join([
            *(every if values.verbose else ()),
            f"{model.NAME} ({model.dialect}), {model.num_classes} outputs: {len(arrays)} arrays, "
            f"{count:,} numbers from {path}",
            *(f"note: {note}" for note in notes),
            f"written: {values.out}. Try: inception-jax predict photo.jpg --workdir={values.out}",
        ])  # fmt: skip

    if values.json:
        for note in notes:
            print(f"note: {note}", file=sys.stderr)

    flags.print(rows, text)


def _pull(given: str, out: Path) -> None:
    """Restores a run from the hub."""
    from inception_jax.weights import bundle, hub

    if out.exists():  # before anything is downloaded
        raise ConfigError(f"--out={out}: expected a new directory, this one exists")
    name = hub.repository(given)
    folder, commit = hub.pull(name, bundle.MANIFEST, lambda folder: bundle.listed(folder, given))
    config = bundle.read(folder, f"hub:{name.partition('@')[0]}@{commit}", out)
    print(
        f"{config.model.name} ({config.model.dialect}), {config.model.num_classes} outputs, of "
        f"commit {commit}\nwritten: {out}. Try: inception-jax predict photo.jpg --workdir={out}"
    )
