"""Tests that the annotated sections and the rules list the same keys with the same types."""

import typing

from inception_jax import config as cfg
from inception_jax.config import sections


def test_the_sections_have_the_keys_and_types_of_the_rules():
    """One attribute a key, in the order of the rules; a tuple's elements are annotated too."""
    declared = {}
    for name, section in typing.get_type_hints(sections.Sections).items():
        keys = typing.get_type_hints(section) if section is not int else {"": section}
        declared |= {f"{name}.{key}".rstrip("."): kind for key, kind in keys.items()}
    kinds = {key: typing.get_origin(kind) or kind for key, kind in declared.items()}
    assert list(kinds.items()) == [(key, rule.kind) for key, rule in cfg.RULES.items()]


def test_a_config_has_the_attributes_of_the_sections(page):
    """What the annotations promise is there at run time."""
    for name, section in typing.get_type_hints(sections.Sections).items():
        if section is not int:
            assert set(getattr(page, name)) == set(typing.get_type_hints(section))
