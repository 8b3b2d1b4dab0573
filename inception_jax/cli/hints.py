"""Suggestions for misspelt words of a command line, by the nearest name."""

import difflib
import re

from inception_jax.config import RENAMED, RULES, SECTIONS
from inception_jax.errors import ConfigError

OVERRIDE = re.compile(r"--(?:no)?config\.([^=]*)")

# Names of the same keys in other codebases, with another spelling.
ELSEWHERE = {
    "learning_rate": "optim.lr",
    "base_lr": "optim.lr",
    "optimizer": "optim.name",
    "num_epochs": "train.epochs",
    "steps": "train.epochs",
    "num_steps": "train.epochs",
    "random_seed": "seed",
    "arch": "model.name",
    "network": "model.name",
    "dataset": "data.name",
    "data_dir": "data.dir",
    "split": "eval.split",
    "num_workers": "data.threads",
    "drop_rate": "model.dropout",
    "l2_regularizer": "loss.l2",
    "grad_clip": "optim.clip",
    "pretrained": "checkpoint.init",
    "resume": "checkpoint.init",
    "wandb": "log.track",
}


def check(argv: list[str], known: list[str], takes_config: bool) -> None:
    """Refuses unknown keys and flags, and words that look like a flag without its dashes."""
    for word in argv:
        name, equals, _ = word.partition("=")
        if word == "--":
            return
        if equals and (name.startswith("config.") or name in known):
            raise ConfigError(f"{word!r} is not a flag and would be ignored; write --{word}")
        if re.match(r"-[a-zA-Z]", word):
            raise ConfigError(f"{word!r}: a flag has two dashes; write -{word}")
        match = OVERRIDE.match(word)
        if match and not takes_config:
            raise ConfigError(f"{name}: this command takes no config")
        if match and match[1] not in RULES:
            raise ConfigError(unknown_key(match[1]))
        if not match and word.startswith("--") and not _is_flag(name[2:], known):
            raise ConfigError(unknown_flag(name[2:], known))


def _is_flag(name: str, known: list[str]) -> bool:
    return name in known or (name.startswith("no") and name[2:] in known)


def unknown_flag(name: str, known: list[str]) -> str:
    """The message for an unknown flag."""
    keys = [key for key in RULES if key.split(".")[-1] == name]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean --{near[0]}?" if near else ""
    if keys and "config" in known:
        hint = "; did you mean " + " or ".join(f"--config.{key}" for key in keys) + "?"
    return f"unknown flag --{name}{hint} (flags: {', '.join(f'--{n}' for n in sorted(known))})"


def unknown_key(key: str) -> str:
    """The message for an unknown config key."""
    if key in SECTIONS:
        return f"--config.{key} is a section; name one of its keys: {', '.join(_keys(key))}"
    if key in RENAMED:
        return f"--config.{key} is now --config.{RENAMED[key]}"
    near = near_key(key)
    hint = f"; did you mean --config.{near}?" if near else ""
    section = (near or key).split(".")[0]
    rows = f"section {section} has {', '.join(_keys(section))}"
    if section not in SECTIONS or section in RULES:
        rows = f"sections are {', '.join(SECTIONS)}"
    return f"unknown key --config.{key}{hint} ({rows})"


def near_key(key: str) -> str | None:
    """The config key nearest to `key`: by other codebases' names, then by spelling."""
    section, _, name = key.rpartition(".")
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    same = [k for k in RULES if k.split(".")[-1] == name]
    if same:
        return max(same, key=lambda k: difflib.SequenceMatcher(None, k, key).ratio())
    for choices, word in ((_keys(section), name), (list(RULES), key)):
        if near := difflib.get_close_matches(word, choices, 1):
            return f"{section}.{near[0]}" if near[0] not in RULES else near[0]
    return None


def left_over(word: str) -> str:
    """The message for an extra positional argument."""
    hint = "expected only flags, which start with two dashes"
    if "=" in word:
        hint = f"write --{word}"
    elif word.partition(":")[0].endswith(".py"):
        hint = f"write --config={word}"
    return f"left-over word {word!r}, which would be ignored; {hint}"


def _keys(section: str) -> list[str]:
    return [key.split(".")[1] for key in RULES if key.startswith(section + ".")]
