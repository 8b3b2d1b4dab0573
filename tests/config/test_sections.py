"""Tests that the sections' annotations, rules and defaults agree."""

import typing

import pytest

from inception_jax import config as cfg
from inception_jax.config import keys, sections

SECTIONS = {k: v for k, v in typing.get_type_hints(sections.Sections).items() if v is not int}


@pytest.mark.parametrize("name", SECTIONS)
def test_rules_have_the_annotated_types_and_admit_the_defaults(name):
    """One rule a key, in the order of the annotations; a default needs no exception."""
    kinds = typing.get_type_hints(SECTIONS[name])
    assert [k for k in cfg.RULES if k.startswith(f"{name}.")] == [f"{name}.{k}" for k in kinds]
    for key, kind in kinds.items():
        kind = typing.get_origin(kind) or kind
        assert cfg.RULES[f"{name}.{key}"].kind is (str if kind is typing.Literal else kind)
    for key, value in keys.defaults(SECTIONS[name]).items():
        assert cfg.RULES[f"{name}.{key}"].admits(value)


def test_a_config_has_the_attributes_of_the_sections(page):
    """What the annotations promise is there at run time."""
    for name, section in SECTIONS.items():
        assert set(getattr(page, name)) == set(typing.get_type_hints(section))
