"""YAML as a person would write it: keys in the order given, scripts as blocks of lines."""

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as literal blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def text(*documents: Any) -> str:
    """Some documents as one text."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=1000)
