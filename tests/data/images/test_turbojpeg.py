"""Tests of inception_jax.data.images.turbojpeg."""

import ctypes
import threading

import numpy as np
import pytest
import simplejpeg
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inception_jax.data.images import turbojpeg
from inception_jax.data.images.decode import decode
from inception_jax.data.images.picture import Box, Picture
from tests.data.images.jpegs import NOISE, SAMPLINGS, boxes, jpeg
from tests.data.pictures import gradient

pytestmark = pytest.mark.usefixtures("turbojpeg_library")
PYTHONAPI = 4  # ctypes' flag of a function that keeps the lock


@settings(max_examples=60, deadline=None)
@given(boxes(), st.sampled_from(SAMPLINGS), st.booleans())
@example(Box(16, 32, 20, 30), "420", False)  # where a block begins, its left neighbour matters
@example(Box(7, 48, 60, 1), "422", False)
def test_a_region_has_the_pixels_of_the_whole(box, subsampling, progressive):
    """Any box of noise, the hardest case for chroma at an edge, equals that of the whole image."""
    data = jpeg(NOISE, subsampling, progressive)
    whole = simplejpeg.decode_jpeg(data, "RGB")
    header = turbojpeg.header(data)
    assert header is not None and header[:2] == whole.shape[:2]
    found = turbojpeg.decode(data, header, *box)
    y, x, h, w = box
    np.testing.assert_array_equal(found, whole[y : y + h, x : x + w])


def test_without_the_library_the_pixels_are_the_same(monkeypatch):
    """Without libjpeg-turbo 3 whole images are decoded, to equal pixels."""
    data, box = jpeg(NOISE), Box(9, 20, 41, 60)
    with_it = Picture(data).inside(box)
    monkeypatch.setattr(turbojpeg, "library", lambda: None)
    monkeypatch.setattr(turbojpeg, "_local", threading.local())
    assert turbojpeg.header(data) is None
    np.testing.assert_array_equal(Picture(data).inside(box), with_it)


def test_threads_have_decoders_of_their_own():
    """Eight threads decode different pictures in parallel."""
    shades = [jpeg(gradient(64, 96, shade=10 * i), "444") for i in range(8)]
    wanted = [decode(data) for data in shades]
    wrong = []

    def work(i):
        for _ in range(200):
            found = Picture(shades[i]).inside(Box(8, 8, 40, 50))
            if not np.array_equal(found, wanted[i][8:48, 8:58]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not wrong


def test_scratch_is_used_again():
    """Regions are decoded into the same memory, which grows; their pixels are those without it."""
    scratch, header = turbojpeg.Scratch(), turbojpeg.header(data := jpeg(NOISE))
    small, large = Box(3, 4, 20, 30), Box(0, 0, 60, 70)
    first = turbojpeg.decode(data, header, *large, scratch=scratch)
    np.testing.assert_array_equal(first, turbojpeg.decode(data, header, *large))
    found = turbojpeg.decode(data, header, *small, scratch=scratch)
    np.testing.assert_array_equal(found, turbojpeg.decode(data, header, *small))
    assert np.shares_memory(first, found)
    last = scratch.array(*NOISE.shape[:2])
    assert not np.shares_memory(last, found) and scratch.address == last.ctypes.data


def test_only_decoding_releases_the_lock():
    """The quick functions keep it; the one that decodes does not."""
    library = turbojpeg.library()
    names = ("Init", "Get", "Set", "DecompressHeader", "SetCroppingRegion", "SetScalingFactor")
    assert all(isinstance(getattr(library, f"tj3{n}"), ctypes._CFuncPtr) for n in names)
    assert all(getattr(library, f"tj3{n}")._flags_ & PYTHONAPI for n in names)
    assert not library.tj3Decompress8._flags_ & PYTHONAPI
