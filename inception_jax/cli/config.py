"""inception-jax config --config=PAGE [--config.section.key=value ...] [--json]

Prints the config that a run would use, after every check that needs no data and no device.
"""  # noqa: D415

import textwrap
from typing import Any

from inception_jax import config as configs
from inception_jax.cli.flags import HELP, Flags


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("config", __doc__).page().json()
    if HELP & set(argv):
        print(f"{flags.help()}\n\nkeys:\n{keys()}")
        return
    flags.parse(argv)
    tree = configs.ordered(flags.config())
    flags.print(tree, lambda: text(tree), indent=2)


def text(tree: dict[str, Any]) -> str:
    """One key per line, below its section."""
    lines = []
    for section, content in tree.items():
        if isinstance(content, dict):
            lines += [f"{section}:", *(f"  {key:15} {v!r}" for key, v in content.items())]
        else:
            lines.append(f"{section:17} {content!r}")
    return "\n".join(lines)


def keys() -> str:
    """Every key and its expected value, one per line."""
    width = max(map(len, configs.RULES)) + 4
    indent = " " * width
    return "\n".join(
        textwrap.fill(f"  {key.ljust(width - 2)}{rule.expected}", 100, subsequent_indent=indent)
        for key, rule in configs.RULES.items()
    )
