"""The config: twelve sections of plain values, their rules, and fragments that pages share.

A page in `configs/` returns `new(...)` with every section. `validate` applies every rule that
needs no data, model or device.
"""

from ml_collections import ConfigDict

from inception_jax.config.fragments import (
    adamw,
    augment,
    checkpoints,
    cosine,
    evaluation,
    imagenet,
    logs,
    loss,
    mesh,
    model,
    muon,
    optimizer,
    parse_arg,
    rate,
    rmsprop,
    sgd,
    source,
    staircase,
    train,
)
from inception_jax.config.freezing import WITHOUT_NORM
from inception_jax.config.rules import INT32, PATH, RENAMED, Rule
from inception_jax.config.sections import DEFAULTS, RULES, SECTIONS, Config
from inception_jax.config.tree import (
    as_python,
    check_keys,
    completed,
    flatten,
    nested,
    new,
    ordered,
    validate,
)

__all__ = (
    "DEFAULTS",
    "INT32",
    "PATH",
    "RENAMED",
    "RULES",
    "SECTIONS",
    "WITHOUT_NORM",
    "Config",
    "ConfigDict",
    "Rule",
    "adamw",
    "as_python",
    "augment",
    "check_keys",
    "checkpoints",
    "completed",
    "cosine",
    "evaluation",
    "flatten",
    "imagenet",
    "logs",
    "loss",
    "mesh",
    "model",
    "muon",
    "nested",
    "new",
    "optimizer",
    "ordered",
    "parse_arg",
    "rate",
    "rmsprop",
    "sgd",
    "source",
    "staircase",
    "train",
    "validate",
)  # fmt: skip
