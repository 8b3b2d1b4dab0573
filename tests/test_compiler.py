"""Tests `inception_jax/compiler.py`: what is said to which compiler."""

from types import SimpleNamespace

import numpy as np
import pytest

from inception_jax import compiler


def mesh_of(platform):
    """What is asked of a mesh: its devices' platform."""
    return SimpleNamespace(devices=np.array([[SimpleNamespace(platform=platform)]]))


@pytest.mark.parametrize(
    ("platform", "vmem", "said"),
    [
        ("tpu", 48, {"xla_tpu_scoped_vmem_limit_kib": "49152"}),
        ("tpu", 0, None),
        ("cpu", 48, None),
        ("gpu", 48, None),
    ],
)
def test_only_a_tpu_is_told_of_its_memory(platform, vmem, said):
    """In KiB; nothing by default, and nothing that another compiler would refuse."""
    assert compiler.options(mesh_of(platform), vmem) == said
