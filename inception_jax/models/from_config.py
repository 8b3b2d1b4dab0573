"""The network that a config's `model` section describes."""

import re
from collections.abc import Mapping
from typing import Any, cast

from inception_jax import models
from inception_jax.config import RULES
from inception_jax.config.sections import Model
from inception_jax.errors import ConfigError
from inception_jax.models.network import Network


def build_model(c: Model | Mapping[str, Any]) -> Network:
    """The network of a config's `model` section.

    Raises:
        ConfigError: an unknown name, dialect or stem; the message lists the choices.
    """
    fields = dict(cast(Mapping[str, Any], c))
    try:
        return models.create(fields.pop("name"), **fields)
    except ValueError as e:
        what = re.match(r"(?:unknown )?(\w*)", str(e))
        word = what[1] if what else ""
        key = {"model": "name", "row": "drop_rows"}.get(word, word)
        key = f".{key}" if f"model.{key}" in RULES else ""
        hint = "; to drop none: --config.model.drop_rows='()'" if key == ".drop_rows" else ""
        raise ConfigError(f"--config.model{key}: {e}{hint}") from e
