"""inception-jax config --config=PAGE [--config.section.key=value ...] [--diff=OTHER] [--json]
inception-jax config --diff PAGE PAGE [--json]
inception-jax config --explain=KEY [--config=PAGE] [--json]

Prints the config that a run would use, after every check that needs no data and no device.

With --diff it prints only the keys whose values differ: on the left those of OTHER (or of the first
page), on the right those of the config (or of the second). OTHER is a page, the directory of a run,
or `published`: the page of the config's network, beside its own page or in configs/.

With --explain it prints what is known of a key (`optim.lr`, or `lr`), or of a section's keys: its
meaning, type, default and source, its values in the pages of configs/, and refused combinations.
"""  # noqa: D415, D205

import os
from pathlib import Path
from typing import Any

from inception_jax import config as configs
from inception_jax.cli import hints, keys, pages
from inception_jax.cli.flags import HELP, Flags, split_flag
from inception_jax.errors import ConfigError
from inception_jax.runtime import user_paths

PUBLISHED = "published"
# Networks that are an argument of another one's page.
ARGUMENTS = {"googlenet_naive": "googlenet.py:naive"}


def main(argv: list[str]) -> None:
    """Runs the command."""
    given = {word.partition("=")[0] for word in argv}
    compares, explains = "--diff" in given, "--explain" in given
    flags = Flags("config", __doc__).page(required=not (compares or explains)).json()
    flags.text("explain", "", "explain a key, or the keys of a section")
    flags.text("diff", "", f"show what differs from a page, a run's directory, or {PUBLISHED}")
    if compares:
        flags.arguments("the page to compare", "--diff PAGE PAGE", 0, 1)
    if HELP & set(argv):
        print(f"{flags.help()}\n\nkeys:\n{keys.rows(list(configs.RULES))}")
        return
    values = flags.parse(argv)
    if explains:
        flags.unused("with --explain", "diff")
        _explain(flags, values, argv)
        return
    if compares:
        _compare(flags, values, argv)
        return
    tree = configs.ordered(flags.config())
    flags.print(tree, lambda: text(tree), indent=2)


def _explain(flags: Flags, values: Any, argv: list[str]) -> None:
    """Prints what is known of the key, or a row for each of several."""
    found, page = keys.found(values.explain), split_flag(argv, "config")[0] or ""
    if len(found) > 1:
        data: Any = [keys.described(key) for key in found]
        flags.print(data, lambda: keys.rows(found), indent=2)
        return
    value = dict(configs.flatten(flags.config()))[found[0]] if page else None
    known = keys.explained(found[0], page, value)
    flags.print(known, lambda: keys.text(known, values.explain), indent=2)


def _compare(flags: Flags, values: Any, argv: list[str]) -> None:
    """Prints where the config, or else the page after --diff's, differs from --diff's."""
    given = "config" in values
    if bool(flags.words) == given:
        raise ConfigError(
            f"--diff={values.diff}: expected one more config to compare, --config=PAGE or a second "
            f"page, got {'both' if given else 'none'}"
        )
    page, rest = split_flag(argv, "config")
    changes = [word for word in rest if hints.OVERRIDE.match(word)]
    right = " ".join([page, *changes]) if page else flags.words[0]
    new = flags.config() if given else _load(right)
    left = _published(page or right, new.model.name) if values.diff == PUBLISHED else values.diff
    found = differences(_load(left), new)
    data = {"left": left, "right": right, "keys": found}
    flags.print(data, lambda: difference_text(left, right, found), indent=2)


def _load(word: str) -> configs.Config:
    """The config of a page, or of the run in a directory."""
    path = user_paths.expanded(word)
    return pages.of_run(str(path)) if path.is_dir() else pages.load(word)


def _published(page: str, network: str) -> str:
    """The page of a network: beside another page or in configs/."""
    name = ARGUMENTS.get(network, f"{network}.py")
    folders = [pages.split(page)[0].parent, Path("configs")]
    there = [f for f in folders if (f / name.partition(":")[0]).is_file()]
    return os.fspath((there or folders[-1:])[0] / name)


def differences(old: configs.Config, new: configs.Config) -> dict[str, tuple[Any, Any]]:
    """The keys whose values differ, in the order of a page, with both values."""
    before, after = (dict(configs.flatten(configs.ordered(c))) for c in (old, new))
    return {key: (before[key], after[key]) for key in before if before[key] != after[key]}


def difference_text(left: str, right: str, found: dict[str, tuple[Any, Any]]) -> str:
    """A line for each key below its section: both values, in columns."""
    lines = [f"- {left}", f"+ {right}", ""]
    if not found:
        return "\n".join([*lines, "the configs are equal"])
    shown = {key: (repr(a), repr(b)) for key, (a, b) in found.items()}
    width = max(len(a) for a, _ in shown.values())
    indent = max([15, *(len(key.rpartition(".")[2]) for key in shown)])
    section = ""
    for key, (a, b) in shown.items():
        where, _, name = key.rpartition(".")
        if where != section:
            lines.append(f"{where}:")
            section = where
        shift = "  " if where else ""
        lines.append(f"{shift}{name:{indent + 2 - len(shift)}} {a:{width}}  ->  {b}")
    return "\n".join(lines)


def text(tree: dict[str, Any]) -> str:
    """One key per line, below its section."""
    lines, indent = [], max(len(key.rpartition(".")[2]) for key in configs.RULES)
    for section, content in tree.items():
        if isinstance(content, dict):
            lines += [f"{section}:", *(f"  {key:{indent}} {v!r}" for key, v in content.items())]
        else:
            lines.append(f"{section:{indent + 2}} {content!r}")
    return "\n".join(lines)
