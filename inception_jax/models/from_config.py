"""The network that a config's `model` section describes."""

import re
from collections.abc import Mapping
from typing import Any, cast

import jax

from inception_jax import models
from inception_jax.config import RULES, tasks
from inception_jax.config.sections import Data, Model
from inception_jax.data.images.crops import evaluated_size
from inception_jax.errors import ConfigError
from inception_jax.models.network import Network


def build_model(c: Model | Mapping[str, Any], channels: int) -> Network:
    """The network of a config's `model` section, for images of its `data.channels`.

    Raises:
        ConfigError: an unknown name, dialect or stem; the message lists the choices.
    """
    fields = dict(cast(Mapping[str, Any], c))
    if fields.get("num_classes", 0) < 0:
        raise ConfigError(
            "--config.model.num_classes=auto: expected a number here, where the data are not "
            "counted: set --config.model.num_classes and --config.data.classes"
        )
    try:
        return models.create(fields.pop("name"), channels=channels, **fields)
    except ValueError as e:
        what = re.match(r"(?:unknown )?(\w*)", str(e))
        word = what[1] if what else ""
        key = {"model": "name", "row": "drop_rows"}.get(word, word)
        key = f".{key}" if f"model.{key}" in RULES else ""
        hint = "; to drop none: --config.model.drop_rows='()'" if key == ".drop_rows" else ""
        raise ConfigError(f"--config.model{key}: {e}{hint}") from e


def evaluated(model: Network, data: Data) -> Network:
    """The network that is evaluated: of embeddings, without the classifier that trained them."""
    return model.clone(num_classes=0) if tasks.of(data).activation == "unit" else model


def check_evaluated(model: Network, data: Data) -> None:
    """Refuse images of evaluation that are below the network's minimum; nothing is allocated.

    Raises:
        ConfigError: names the key and the layer.
    """
    key = "data.eval_size" if data.eval_size else "data.image_size"
    check_size(model, evaluated_size(data), f"--config.{key}={evaluated_size(data)}")


def check_size(model: Network, size: int, what: str) -> None:
    """Refuse `what`, a size in pixels, if evaluated images of it are below the network's minimum.

    Raises:
        ConfigError: names the layer.
    """
    if size >= (32 if model.small else model.preprocessing.image_size):
        return  # that of the figures: tracing a network takes a second
    images = jax.ShapeDtypeStruct((1, size, size, model.channels), model.dtype)
    try:
        jax.eval_shape(model.clone(aux=False).init, jax.random.key(0), images)
    except models.ImageTooSmallError as e:
        raise ConfigError(f"{what} is too small for {model.NAME}: {e}; use larger images") from e
