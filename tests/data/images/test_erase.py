"""Tests of inception_jax.data.images.erase; beside timm's: tests/peers/test_augmentation.py."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.data.images import erase

pytestmark = pytest.mark.usefixtures("quick_compiler")

COUNT, HEIGHT, WIDTH = 400, 12, 16
erased = jax.jit(erase.erase, static_argnames=("probability", "fill"))


def images(count=COUNT, value=9.0):
    """Images of one value, which no filling has."""
    return jnp.full((count, HEIGHT, WIDTH, 3), value)


def boxes(found, value=9.0):
    """The pixels that were erased, [b, h, w]."""
    changed = np.asarray(found) != value
    assert (changed.all(-1) == changed.any(-1)).all()
    return changed[..., 0]


@pytest.mark.parametrize("fill", ["const", "rand", "pixel"])
def test_a_box_is_replaced(fill):
    """One box in about half of the images: 0, one colour, or noise; all else stays."""
    found = np.asarray(erased(images(), jax.random.key(0), 0.5, fill))
    changed = boxes(found)
    hit = changed.any((1, 2))
    assert abs(hit.mean() - 0.5) < 4 * (0.25 / COUNT) ** 0.5
    rows, columns = changed.any(2), changed.any(1)
    np.testing.assert_array_equal(changed, rows[:, :, None] & columns[:, None])
    for image, box in zip(found[hit], changed[hit], strict=True):
        inside = image[box]
        if fill == "const":
            assert (inside == 0).all()
        elif fill == "rand":
            assert (inside == inside[0]).all() and len(set(inside[0].tolist())) == 3
        else:
            assert len(set(inside.ravel().tolist())) > 0.99 * inside.size
    if fill != "const":
        values = (
            found[changed] if fill == "pixel" else np.stack([x[x != 9][:3] for x in found[hit]])
        )
        assert abs(values.mean()) < 0.2 and abs(values.std() - 1) < 0.2


def test_areas_and_aspects():
    """Areas are 2% to a third of the image, but for the rounding; boxes are high and wide."""
    changed = boxes(erased(images(2000), jax.random.key(1), 1.0, "const"))
    assert changed.any((1, 2)).mean() > 0.99  # a box that fits is found in ten attempts
    high, wide = changed.any(2).sum(1), changed.any(1).sum(1)
    assert high.max() < HEIGHT and wide.max() < WIDTH
    share = high * wide / (HEIGHT * WIDTH)
    assert 0.005 < share.min() < 0.04 and 0.3 < share.max() < 0.4
    assert (high > 2 * wide).mean() > 0.1 and (wide > 2 * high).mean() > 0.1
    assert changed.any(0).all()  # everywhere


def test_draws_are_of_the_key_and_the_position():
    """The first images of a batch are erased as in a smaller one; another key erases otherwise."""
    wide, narrow, other = (
        np.asarray(erased(images(count), jax.random.key(key), 0.5, "pixel"))
        for count, key in ((64, 0), (8, 0), (8, 1))
    )
    np.testing.assert_array_equal(wide[:8], narrow)
    assert (narrow != other).any()


def test_never():
    """With probability 0 nothing is erased."""
    assert not boxes(erased(images(), jax.random.key(0), 0.0, "const")).any()
