"""inception-jax import PEER:NAME [FILE] --out=DIR [--normalization=N] [--classes=FILE] [--json]

Turns a peer's weights into a checkpoint of ours, with its preprocessing and class names: a DIR that
`predict --workdir=DIR`, `eval --workdir=DIR` and `--config.checkpoint.init=DIR` read. FILE is a
.safetensors, .pth (never unpickled), .h5, .keras, .npz, or a TensorFlow checkpoint; without it,
`timm/inception_v4.tf_in1k` downloads that from the hub. A file that does not fit is refused with
its first three mismatches, and nothing is written. Without arguments: the peers.
"""  # noqa: D415

import json
import math
from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("import", __doc__ or "")
    flags.text("out", "", "directory to make")
    flags.text("normalization", "", "normalisation, if not the peer's usual: inception or imagenet")
    flags.text("classes", "", "file with one class name a line; ImageNet's if not given")
    flags.switch("json", "print JSON: every array, its name in the file, its shape")
    values = flags.parse(argv, words=2)
    import jax

    jax.config.update("jax_platforms", "cpu")  # nothing is computed
    from inception_jax import weights
    from inception_jax.weights.import_weights import import_weights

    if not flags.words:
        print("\n".join(weights.PEERS))
        return
    if not values.out:
        raise ConfigError("expected --out=DIR, the directory to make")
    name, *file = flags.words
    path = Path(file[0]) if file else weights.download(name)
    classes = Path(values.classes) if values.classes else None
    network = import_weights(name, path, Path(values.out), values.normalization, classes)
    if values.json:
        arrays = {a.path: {"from": a.peer_name, "shape": a.shape} for a in network.arrays}
        print(json.dumps(arrays))
        return
    width = max(len(a.path) for a in network.arrays)
    for a in network.arrays:
        print(f"{a.path.ljust(width)}  {'x'.join(map(str, a.shape)):>14}  {a.peer_name}")
    count = sum(math.prod(a.shape) for a in network.arrays)
    print(
        f"{network.model.NAME} ({network.model.dialect}): {len(network.arrays)} arrays, "
        f"{count:,} numbers from {path}\nwritten: {values.out}. "
        f"Try: inception-jax predict photo.jpg --workdir={values.out}"
    )
