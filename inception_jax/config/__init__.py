"""The config: eleven sections of plain values, their rules, and fragments that pages share.

A page in `configs/` returns `new(...)` with every section. `validate` applies every rule that
needs no data, model or device.
"""

from ml_collections import ConfigDict

from inception_jax.config.fragments import (
    adamw,
    checkpoints,
    cosine,
    imagenet,
    logs,
    mesh,
    model,
    muon,
    parse_arg,
    rmsprop,
    sgd,
    source,
    staircase,
    train,
)
from inception_jax.config.rules import INT32, PATH, Rule
from inception_jax.config.sections import RENAMED, RULES, SECTIONS, Config
from inception_jax.config.tree import as_python, check_keys, flatten, new, ordered, validate

__all__ = (
    "INT32", "PATH", "RENAMED", "RULES", "SECTIONS", "Config", "ConfigDict", "Rule",
    "adamw", "as_python", "check_keys", "checkpoints", "cosine", "flatten", "imagenet", "logs",
    "mesh", "model", "muon", "new", "ordered", "parse_arg", "rmsprop", "sgd", "source", "staircase",
    "train", "validate",
)  # fmt: skip
