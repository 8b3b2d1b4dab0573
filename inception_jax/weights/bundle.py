"""A run as a folder to share: weights as safetensors, config, class names, and their hashes."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from flax import traverse_util

from inception_jax import __version__, checkpoint, models
from inception_jax import config as cfg
from inception_jax.config import Config
from inception_jax.data.images.crops import evaluated_size
from inception_jax.errors import ConfigError, DataError
from inception_jax.models import from_config
from inception_jax.weights.import_weights import SOURCE
from inception_jax.workdir import atomic, class_names, reading, run_dir, target_scale

WEIGHTS, MANIFEST, CARD = "model.safetensors", "inception_jax.json", "README.md"
FILES = (run_dir.CONFIG, class_names.FILE, WEIGHTS)  # of a run; the manifest has their sha256
TARGETS = target_scale.FILE  # as they, of a regression
FORMAT = 1
# Paths of the machine that trained; their last part stays.
PLACES = ("data.dir", "data.labels", "checkpoint.init", "loss.teacher")


def write(
    config: Config, workdir: Path, out: Path, card: Callable[[Config, int], str],
    step: int | None = None,
) -> None:  # fmt: skip
    """Writes the weights that a run evaluates, and what is needed to use them, to a new folder.

    Args:
        config: of the run; local paths in it are not written.
        workdir: of the run.
        out: the folder.
        card: returns README.md, from the written config and step.
        step: of the checkpoint; the newest by default.

    Raises:
        ConfigError: `out` exists.
        DataError: there is no such checkpoint.
    """
    from safetensors.numpy import save_file

    if out.exists():
        raise ConfigError(f"--out={out}: expected a new folder, this exists")
    step, variables = checkpoint.load(workdir, step)
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing(out) as staged:
        staged.mkdir()
        arrays: dict[str, Any] = traverse_util.flatten_dict(variables, sep="/")
        save_file(arrays, staged / WEIGHTS, {"format": "flax"})
        shared = _without_places(config)
        _write_json(staged / run_dir.CONFIG, run_dir.plain(shared))
        class_names.write(staged, class_names.read(workdir, config.model.num_classes))
        scale = target_scale.of_run(workdir, config.data.task)
        target_scale.write(staged, scale, allow_change=False)
        names = [name for name in (*FILES, TARGETS) if (staged / name).exists()]
        hashes = {name: sha256(staged / name) for name in names}
        about = {"format": FORMAT, "inception_jax": __version__, "step": step, "sha256": hashes}
        _write_json(staged / MANIFEST, about)
        (staged / CARD).write_text(card(shared, step), encoding="utf-8")


def read(folder: Path, origin: str, out: Path) -> Config:
    """Writes the run directory `out` from the files of a folder that `write` made.

    Args:
        folder: with `FILES` and the manifest.
        origin: where the files are from, for messages and source.json.
        out: new directory; it appears only when complete.

    Returns:
        The run's config.

    Raises:
        ConfigError: `out` exists, or the config is of another version.
        DataError: a file is damaged, or the weights do not fit the network.
    """
    if out.exists():
        raise ConfigError(f"--out={out}: expected a new directory, this one exists")
    hashes = check(folder, origin)
    variables = _variables(folder / WEIGHTS, origin)
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing(out) as staged:
        staged.mkdir()
        for name in hashes.keys() - {WEIGHTS}:
            (staged / name).write_bytes((folder / name).read_bytes())
        config = cfg.new(**run_dir.saved_config(staged))
        cfg.validate(config, of_run=True)
        class_names.read(staged)
        target_scale.of_run(staged, config.data.task)
        _check_fits(config, variables, origin)
        checkpoint.write(staged, jax.tree.map(jax.device_put, variables))
        _write_json(staged / SOURCE, {"peer": origin, "file": WEIGHTS, "sha256": hashes[WEIGHTS]})
    return config


def check(folder: Path, origin: str) -> dict[str, str]:
    """Compares the files with the manifest; returns the sha256 of each.

    Raises:
        DataError: a file is missing or differs, or the manifest is damaged or of a newer version.
    """
    hashes = listed(folder, origin)
    for name, expected in hashes.items():
        if not (folder / name).is_file() or sha256(folder / name) != expected:
            raise DataError(
                f"{origin}: {name} is not the file that was exported (its sha256 differs from "
                f"{MANIFEST}'s); download it again, or ask its author to export it again"
            )
    return hashes


def listed(folder: Path, origin: str) -> dict[str, str]:
    """The run's files and their sha256, of the manifest in a folder.

    Raises:
        DataError: the manifest is damaged or of a newer version.
    """
    try:
        about = reading.json_file(folder / MANIFEST, dict)
        hashes = {str(key): str(value) for key, value in dict(about["sha256"]).items()}
        if about["format"] != FORMAT:
            raise ValueError(f"expected format {FORMAT}, found {about['format']}")
        if hashes.keys() - {TARGETS} != set(FILES):
            raise ValueError(f"expected the sha256 of {', '.join(FILES)}")
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise DataError(f"{origin}: {MANIFEST} cannot be used ({e})") from e
    return hashes


def sha256(path: Path) -> str:
    """The hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _variables(path: Path, origin: str) -> dict[str, Any]:
    """{'params', 'batch_stats'} of a file that only safetensors' own reader sees."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
    except (SafetensorError, ValueError, TypeError) as e:
        raise DataError(f"{origin}: {WEIGHTS} is no safetensors file ({e})") from e
    return {"batch_stats": {}, **traverse_util.unflatten_dict(arrays, sep="/")}


def _check_fits(config: Config, variables: Any, origin: str) -> None:
    """Refuses weights of other names or shapes than the config's network has.

    Auxiliary heads may have any shape: theirs depends on the size of the training's images.
    """
    model = from_config.build_model(config.model, config.data.channels)
    size = evaluated_size(config.data)
    shapes = jax.eval_shape(lambda: models.init(model, image_size=size))
    want = traverse_util.flatten_dict({"batch_stats": {}, **shapes}, sep="/")
    have = traverse_util.flatten_dict(variables, sep="/")
    wrong = sorted(
        name
        for name in want.keys() | have.keys()
        if name not in want
        or name not in have
        or (want[name].shape != have[name].shape and "/aux_" not in name)
    )
    if wrong:
        raise DataError(
            f"{origin}: expected the weights of {model.NAME} ({model.dialect}), but "
            f"{', '.join(wrong[:3])} differ ({len(wrong)} of {len(want)} arrays)"
        )


def _without_places(config: Config) -> Config:
    shared = config.copy_and_resolve_references()
    values = dict(cfg.flatten(config))
    shared.update_from_flattened_dict({key: Path(values[key]).name for key in PLACES})
    return shared


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
