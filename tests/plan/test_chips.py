"""Tests `chips`: TPUs and GPUs by kind and by topology."""

from inception_jax.plan import chips


def test_each_is_found():
    """By JAX's kind and by the first word of a topology, which are unique."""
    kinds, names = {c.kind for c in chips.CHIPS}, {c.name for c in chips.CHIPS}
    assert len(kinds) == len(names) == len(chips.CHIPS) == 8
    assert all(chips.of_kind(c.kind) is c is chips.named(f"{c.name}-8") for c in chips.CHIPS)
    assert chips.named("v5e:2x2") is chips.named("v5litepod-4")
    assert chips.of_kind("cpu") is None is chips.named("h99-8")
