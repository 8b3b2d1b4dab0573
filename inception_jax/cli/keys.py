"""What is known of a config key: its meaning, rule, default, source, values in pages, conflicts."""

import ast
import contextlib
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import inception_jax
from inception_jax import config as configs
from inception_jax.cli import hints, pages
from inception_jax.config import switches
from inception_jax.config.meanings import meanings
from inception_jax.errors import ConfigError, UserError

WIDTH = 100
TYPES = {int: "whole number", float: "number", bool: "true or false", str: "text", tuple: "tuple"}
# Where combinations of keys are refused.
RULES_BETWEEN = ("config/between.py", "config/freezing.py", "config/optim.py", "train/program.py")


def found(word: str) -> list[str]:
    """The keys that a word names: one, those of a section, or those of this last name or the like.

    Raises:
        ConfigError: none is near.
    """
    word = word.removeprefix("--").removeprefix("config.")
    word = configs.RENAMED.get(word, word)
    if word in configs.RULES:
        return [word]
    below = [key for key in configs.RULES if key.startswith(f"{word}.")]
    same = [key for key in configs.RULES if key.rpartition(".")[2] == word]
    near = hints.near_key(word)
    if not (below or same or near):
        raise ConfigError(hints.unknown_key(word))
    return below or same or [str(near)]


def rows(keys: list[str]) -> str:
    """For each key its meaning, what is expected, the default and the source."""
    width, lines = max(map(len, keys)) + 2, list[str]()
    for key in keys:
        known = described(key)
        rest = "; ".join([known["expected"], _default(key), *known["source"]])
        first = f"  {key:{width}}{known['meaning']}"
        lines += [first if len(first) <= WIDTH else _wrapped(known["meaning"], key, width)]
        lines.append(_wrapped(rest, "", width))
    return "\n".join(lines)


def described(key: str) -> dict[str, Any]:
    """What is known of a key by itself."""
    rule, meaning = configs.RULES[key], meanings()[key]
    return {
        "key": key,
        "meaning": meaning.text,
        "type": TYPES[rule.kind],
        "expected": rule.expected,
        "default": configs.DEFAULTS.get(key),
        "source": list(meaning.sources),
    }


def explained(key: str, page: str = "", value: Any = None) -> dict[str, Any]:
    """`described`, with other keys, the values of the pages in configs/, and that of `page`."""
    needs, enables = _switches(key)
    others = {"needs": needs, "enables": enables, "refused": list(refusals(key))}
    own = {"page": page, "value": value} if page else {}
    return described(key) | others | {"pages": values_in_pages(key)} | own


def text(known: dict[str, Any], word: str) -> str:
    """What `explained` found, a line for each fact."""
    key = known["key"]
    lines = [] if word.endswith(key) else [f"{word}: no key of this name; the nearest is {key}", ""]
    lines.append(_wrapped(known["meaning"], key, 0))
    facts = [(name, [known[name]]) for name in ("type", "expected")]
    facts.append(("default", [_default(key).removeprefix("default ")]))
    facts.append(("source", [", ".join(known["source"])] if known["source"] else []))
    facts.append(("flag", [f"--config.{key}=VALUE"]))
    facts.append(("needs", known["needs"]))
    facts.append(("enables", known["enables"]))
    if "page" in known:
        facts.append(("here", [f"{known['value']!r}  {known['page']}"]))
    shown = [f"{value}  {', '.join(names)}" for value, names in known["pages"].items()]
    facts.append(("pages", shown or ["none in configs/ sets it"]))
    facts.append(("refused", known["refused"]))
    for name, values in facts:
        for i, value in enumerate(values):
            lines.append(_wrapped(value, "" if i else name, 12))
    return "\n".join(lines)


def _default(key: str) -> str:
    """`default 0.9`, or that there is none."""
    defaults = configs.DEFAULTS
    return f"default {defaults[key]!r}" if key in defaults else "no default, a page sets it"


def _wrapped(words: str, name: str, width: int) -> str:
    """`words` in lines of at most `WIDTH`, indented by `width`, the first one beside `name`."""
    start, later = (f"  {name:{width}}", " " * (width + 2)) if width else (f"{name}: ", "  ")
    return textwrap.fill(
        words, WIDTH, initial_indent=start, subsequent_indent=later, break_on_hyphens=False
    )


def values_in_pages(key: str) -> dict[str, list[str]]:
    """The pages in configs/ by the value that they set; those with the default are left out."""
    found: dict[str, list[str]] = {}
    for path in sorted(Path("configs").glob("*.py")):
        with contextlib.suppress(UserError):  # a page that is being written
            value = dict(configs.flatten(pages.load(str(path))))[key]
            if key not in configs.DEFAULTS or value != configs.DEFAULTS[key]:
                found.setdefault(repr(value), []).append(path.name)
    return found


def _switches(key: str) -> tuple[list[str], list[str]]:
    """What switches a key on, such as `augment.mixup=0.2`; and the keys that it switches on."""
    values = {k: configs.DEFAULTS.get(k, rule.kind()) for k, rule in configs.RULES.items()}
    pairs = list(switches.pairs(configs.ConfigDict(configs.nested(values))))  # pyright: ignore
    needs = [f"{switch}={value}" for k, switch, _, value in pairs if k == key]
    return list(dict.fromkeys(needs)), [k for k, switch, _, _ in pairs if switch == key]


def refusals(key: str) -> Iterator[str]:
    """The messages about refused combinations that name a key; `…` stands for a value."""
    named = re.compile(rf"(?:--config\.|(?<![\w.])){re.escape(key)}(?!\w)")
    for name in RULES_BETWEEN:
        source = (Path(inception_jax.__file__).parent / name).read_text(encoding="utf-8")
        for message in _texts(ast.parse(source)):
            if message.startswith("--config.") and named.search(message):
                yield message


def _texts(node: ast.AST) -> Iterator[str]:
    """The texts in a module's code, formatted ones with `…` for each value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(v.value) if isinstance(v, ast.Constant) else "…"
                      for v in node.values)  # fmt: skip
    else:
        for child in ast.iter_child_nodes(node):
            yield from _texts(child)
