"""inception-jax config --config=PAGE [--config.section.key=value ...] [--json]

Prints the config as a run would use it, after every check that needs no data and no device.
"""  # noqa: D400, D415

import json

from inception_jax.cli.flags import Flags


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("config", __doc__ or "").page().switch("json", "print JSON")
    values = flags.parse(argv)
    config = flags.config()
    if values.json:
        print(json.dumps(config.to_dict(), indent=2))
        return
    for section, content in config.items():
        if hasattr(content, "items"):
            print(f"{section}:")
            for key, value in content.items():
                print(f"  {key:15} {value!r}")
        else:
            print(f"{section:17} {content!r}")
