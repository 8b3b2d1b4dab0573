"""Import a peer's weight file as a run directory."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import jax

from inception_jax import checkpoint, weights
from inception_jax import config as cfg
from inception_jax.config import Config
from inception_jax.data import imagenet
from inception_jax.errors import ConfigError
from inception_jax.models import Network
from inception_jax.runtime import user_paths
from inception_jax.workdir import atomic, class_names, reading, run_dir

# Hub tags of weights trained with torchvision's normalisation constants, not with TensorFlow's.
IMAGENET_NORMALIZED = ("tv_in1k", "gluon_in1k")
SOURCE = "source.json"


class ReadWeights(NamedTuple):
    """A network read from a peer's weight file.

    Attributes:
        model: the network.
        variables: its {'params', 'batch_stats'}.
        classes: a name for every output.
        arrays: what each array was called in the file.
        notes: on what of the file was used.
    """

    model: Network
    variables: dict[str, Any]
    classes: list[str]
    arrays: list[weights.ImportedArray]
    notes: list[str]


def read_weights(
    name: str, path: Path, normalization: str = "", classes: Path | None = None
) -> ReadWeights:
    """Reads a peer's weight file; arguments and errors are those of `import_weights`."""
    peer = weights.find(name)
    arrays, notes = weights.fit(weights.read(path), peer)
    tag = name.partition(".")[2]
    normalization = normalization or ("imagenet" if tag in IMAGENET_NORMALIZED else "")
    model = peer.create(arrays).clone(normalization=normalization)
    names = output_names(model, classes)
    variables, imported = weights.import_arrays(model, peer, arrays)
    del arrays
    return ReadWeights(model, jax.tree.map(jax.device_put, variables), names, imported, notes)


def import_weights(
    name: str, path: Path, out: Path, normalization: str = "", classes: Path | None = None
) -> tuple[Network, list[weights.ImportedArray], list[str]]:
    """Writes a peer's weights as the run directory `out`: checkpoint, config, classes, source.

    Args:
        name: peer and network, such as `timm:inception_v4`.
        path: weight file.
        out: new directory; it appears only when complete.
        normalization: key of `models.network.NORMALIZATIONS`, for weights trained with other
            constants than the peer's usual ones.
        classes: file with one class name a line; ImageNet's names by default.

    Raises:
        ConfigError: unknown peer, no such file, or `out` exists.
        DataError: the file does not fit the network; the first three mismatches are named.

    Returns:
        The network, its arrays, and notes on what of the file was used.
    """
    weights.find(name)
    if out.exists():
        raise ConfigError(f"--out={out}: expected a new directory, this one exists")
    found = read_weights(name, path, normalization, classes)
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing(out) as partial:
        # Orbax copies NumPy arrays before it writes them, but not JAX's, which these are.
        checkpoint.write(partial, found.variables)
        config = run_dir.plain(run_config(found.model))
        atomic.write_text(partial / "config.json", json.dumps(config, indent=2) + "\n")
        class_names.write(partial, found.classes)
        atomic.write_text(partial / SOURCE, json.dumps(_source(name, path), indent=2) + "\n")
    return found.model, found.arrays, found.notes


def read_source(workdir: Path) -> dict[str, str]:
    """Reads peer, file and sha256 of an imported run; empty for a trained one.

    Raises:
        ConfigError: the file is damaged.
    """
    try:
        return reading.json_file(workdir / SOURCE, dict)
    except FileNotFoundError:
        return {}
    except ValueError as e:
        raise ConfigError(f"{workdir / SOURCE} is damaged ({e}); import the weights again") from e


def _source(name: str, path: Path) -> dict[str, str]:
    """The contents of source.json; sha256 is empty for a TensorFlow checkpoint (several files)."""
    sha256 = ""
    if path.is_file():
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"peer": name, "file": path.name, "sha256": sha256}


def run_config(model: Network) -> Config:
    """Returns a complete config for an imported network: ImageNet with its preprocessing."""
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
        augment=cfg.augment(),
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
        loss=cfg.loss(label_smoothing=0.0, aux_weight=0.0, l2=0.0),
        optim=cfg.sgd(schedule=cfg.cosine(lr=0.01, warmup_epochs=0.0), momentum=0.9),
        ema=dict(decay=0.0),
        train=cfg.train(epochs=1.0),
        eval=cfg.evaluation(split="validation", batch_size=100, every_epochs=1.0),
        checkpoint=cfg.checkpoints(every_epochs=1.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=50),
    )


def output_names(model: Network, path: Path | None = None) -> list[str]:
    """Returns a class name for every output: from the file `path`, ImageNet's, or numbered.

    Raises:
        ConfigError: no such file, or its number of lines is not the number of outputs.
    """
    if path:
        if not path.is_file():
            raise ConfigError(f"--classes={path}: expected a file with one class name a line")
        names = user_paths.read_text(path, "--classes").splitlines()
        if len(names) != model.num_classes:
            raise ConfigError(
                f"--classes={path}: expected {model.num_classes} lines, got {len(names)}"
            )
        return names
    if model.num_classes == imagenet.CLASSES:
        return imagenet.class_names()
    if model.num_classes == imagenet.CLASSES + 1:
        return ["background", *imagenet.class_names()]
    return [f"class {i}" for i in range(model.num_classes)]
