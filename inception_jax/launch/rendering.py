"""The text of job files: Jinja templates of this folder, and YAML."""

from importlib import resources
from typing import Any

import jinja2
import yaml


class _Dumper(yaml.SafeDumper):
    """Multi-line strings as literal blocks."""


def _represent_str(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_str)


def dump_yaml(*documents: dict[str, Any]) -> str:
    """Dump documents into one string that reads as if written by hand: keys keep their order."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=1000)


def template(name: str, **values: Any) -> str:
    """Render a template of this folder; each of its variables must have a value."""
    text = resources.files("inception_jax.launch").joinpath(name).read_text("utf-8")
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    return environment.from_string(text).render(values)
