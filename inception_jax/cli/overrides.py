"""Which config keys a command obeys; it refuses an override of any other instead of ignoring it.

A command that takes a page is asked about the run that `train` would make of it: `train`, `config`,
`plan`, `doctor` and `sweep` read the whole config, `data check`, `show` and `bench` its images. A
command that takes a run has its weights, whose network cannot be changed any more.
"""

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from inception_jax.config import RULES
from inception_jax.errors import ConfigError

EVERY = ("*",)
# `model.num_classes` goes with `data.classes`.
POLICY = (
    "augment.policy", "augment.operations", "augment.num_ops", "augment.magnitude",
    "augment.magnitude_std", "augment.repeats",
)  # fmt: skip
IMAGES = ("data.*", *POLICY, "seed", "model.num_classes")
CROP = (
    *("data.image_size", "data.eval_size"),
    *("data.eval_crop", "data.resize", "data.interpolation"),
)
INPUT = ("model.dtype", "model.normalization")
PREDICT = (*CROP, *INPUT)
SOURCE = ("data.source", "data.name", "data.dir", "data.labels", "data.train_split", "data.cache")
EXPLAIN = (*SOURCE, *PREDICT)
EVAL = (
    *SOURCE, "data.threads", "data.processes", *PREDICT,
    "eval.split", "eval.batch_size", "mesh.data", "mesh.model",
)  # fmt: skip
# What to do instead.
INSTEAD = {
    ("eval", "ema.decay"): "give --raw to evaluate the weights without their average",
    ("eval", "eval.protocol"): "give --protocol=NAME to evaluate by another",
    ("data", "eval.split"): "give --split=NAME to read another split",
    ("predict", "data.batch_size"): "it reads 32 images at a time",
}


def last_of_each_tuple(argv: list[str]) -> list[str]:
    """The words without earlier values of a tuple that is given again: the last one is taken.

    absl does so for every other kind of value, but would join the values of a tuple.
    """
    words: list[tuple[str, list[str]]] = []  # key, and the one or two words that set it
    rest = iter(argv)
    for word in rest:
        name, equals, _ = word.partition("=")
        key = name.removeprefix("--config.")
        one = equals or key == name or key not in RULES or RULES[key].kind is not tuple
        words.append((key if key != name else "", [word] if one else [word, *_next(rest)]))
    keys = [key for key, _ in words]
    return [
        part
        for i, (key, parts) in enumerate(words)
        if not (key in RULES and RULES[key].kind is tuple and key in keys[i + 1 :])
        for part in parts
    ]


def automatic(word: str) -> str:
    """`--config.data.threads=-1` for `--config.data.threads=auto`; any other word itself."""
    name, _, value = word.partition("=")
    rule = RULES.get(name.removeprefix("--config."))
    return f"{name}={rule.auto}" if rule and rule.auto is not None and value == "auto" else word


def _next(words: Any) -> list[str]:
    return [word for word in [next(words, None)] if word is not None]


def check(
    command: str, before: Mapping[str, Any], now: Mapping[str, Any], obeyed: Collection[str]
) -> None:
    """Refuse an override of a key that `obeyed` (patterns) has not.

    `before` and `now` are flat configs: of the page or the run, and with the overrides.

    Raises:
        ConfigError: names the key, the value that holds and the way out.
    """
    for key, value in now.items():
        if value == before[key] or any(fnmatchcase(key, pattern) for pattern in obeyed):
            continue
        instead = INSTEAD.get((command.split()[0], key), "leave it out")
        if "*" not in obeyed and not command.startswith("data") and key.startswith("model."):
            why = f"the run was trained with {before[key]!r}, and its weights fit no other network"
        else:
            why = f"`{command}` does not use this key (it has {before[key]!r})"
        obeys = f" (it obeys {', '.join(obeyed)})" if obeyed else ""
        raise ConfigError(f"--config.{key}={value}: {why}; {instead}{obeys}")
