"""YAML that reads as if written by hand: keys keep their order, multi-line strings are blocks."""

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Multi-line strings as literal blocks."""


def _represent_str(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_str)


def dump(*documents: dict[str, Any]) -> str:
    """Dump one or several documents into one string."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=1000)
