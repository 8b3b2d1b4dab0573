"""inception-jax config --config=PAGE [--config.section.key=value ...] [--json]

Prints the config as a run would use it, after every check that needs no data and no device.
"""  # noqa: D415

import json

from inception_jax import config as configs
from inception_jax.cli.flags import HELP, Flags


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("config", __doc__ or "").page().switch("json", "print JSON")
    if HELP & set(argv):
        print(f"{flags.help()}\n\nkeys:\n{keys()}")
        return
    values = flags.parse(argv)
    tree = configs.ordered(flags.config())
    if values.json:
        print(json.dumps(tree, indent=2))
        return
    for section, content in tree.items():
        if not isinstance(content, dict):
            print(f"{section:17} {content!r}")
            continue
        print(f"{section}:")
        for key, value in content.items():
            print(f"  {key:15} {value!r}")


def keys() -> str:
    """Every key and what it must be, one a line."""
    width = max(map(len, configs.RULES))
    return "\n".join(f"  {key.ljust(width)}  {r.expected}" for key, r in configs.RULES.items())
