"""Tests of inception_jax.data.sources.bad_images, and of odd and broken files in both readers."""

import os
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from inception_jax.data import pipeline
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.sources.bad_images import BadImages, reason_lines
from inception_jax.data.sources.folder import Folder
from inception_jax.errors import DataError
from tests.data.pictures import CMYK, Pictures, encoded, gradient, settings, viewer

COUNT = 300  # so that one or two broken files are below 1%
IMAGE = gradient(60, 80)


def exif_rotated(data: bytes) -> bytes:
    """A JPEG with an EXIF block that says `rotate by 90 degrees`."""
    tiff = b"MM\0*\0\0\0\x08" + b"\0\x01" + b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0" + b"\0\0\0\0"
    return (
        data[:2] + b"\xff\xe1" + (len(tiff) + 8).to_bytes(2, "big") + b"Exif\0\0" + tiff + data[2:]
    )


def twelve_bits(data: bytes) -> bytes:
    """A JPEG whose header claims 12 bits a sample, as medical images have."""
    at = data.index(b"\xff\xc0") + 4
    return data[:at] + b"\x0c" + data[at + 1 :]


PNG = encoded(IMAGE, ".png")
READABLE = {
    "png_named_jpeg": encoded(IMAGE, ".png"),
    "webp_named_jpeg": encoded(IMAGE, ".webp"),
    "cmyk": CMYK,
    "sixteen_bits": encoded(IMAGE.astype(np.uint16) * 257, ".png"),
    "grey": encoded(IMAGE[..., 1]),
    "grey_png": encoded(IMAGE[..., 1], ".png"),
    "exif_rotated": exif_rotated(encoded(IMAGE)),
    "one_pixel": encoded(IMAGE[:1, :1]),
    "one_row": encoded(IMAGE[:1].repeat(20, 1)),
    "progressive": encoded(IMAGE, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "bytes_after_the_end": encoded(IMAGE) + b"\0" * 10_000,
    "200_megapixels": encoded(np.full((10_000, 20_000), 120, np.uint8)),
}
BROKEN = {
    "truncated": (encoded(IMAGE)[:-200], "JPEG"),
    "truncated_png": (PNG[:-20], "PNG"),
    "empty": (b"", "empty"),
    "text": (b"<html>404 not found</html>", "not an image"),
    "twelve_bits": (twelve_bits(encoded(IMAGE)), "JPEG"),
    "200_megapixels_png": (
        PNG[:16] + (20_000).to_bytes(4, "big") + (10_000).to_bytes(4, "big") + PNG[24:],
        "20000x10000 pixels",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A split of 300 good JPEGs, of which the tests replace the first one or some."""
    folder = tmp_path_factory.mktemp("bad") / "train" / "a"
    folder.mkdir(parents=True)
    for i in range(COUNT):
        (folder / f"{i:03}.JPEG").write_bytes(encoded(gradient(40, 50, shade=i % 50)))
    return folder.parents[1]


def epoch(root, threads=2):
    """One epoch of training and one of evaluation: their batches joined, and the bad files."""
    source, found = Folder(root, "train"), []
    for reader in (
        pipeline.TrainReader(source, settings(), seed=3),
        viewer(source, settings()),
    ):
        steps = list(pipeline.batches(reader, 20, range(COUNT // 20), threads))
        found.append(({k: np.concatenate([b[k] for b in steps]) for k in steps[0]}, reader.bad))
    return found


@pytest.mark.parametrize("kind", READABLE)
def test_an_odd_file_is_read(tree, kind):
    """Any format, depth, colours or size is read by training and evaluation."""
    first = tree / "train" / "a" / "000.JPEG"
    good = first.read_bytes()
    first.write_bytes(READABLE[kind])
    try:
        (train, bad), (test, also_bad) = epoch(tree)
    finally:
        first.write_bytes(good)
    assert not bad.reasons and not also_bad.reasons
    assert sorted(train["index"]) == list(range(COUNT)) == test["index"].tolist()


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_named_and_replaced(tree, kind):
    """Training reads the next image, on any number of threads; evaluation leaves it out."""
    first = tree / "train" / "a" / "000.JPEG"
    good, (data, says) = first.read_bytes(), BROKEN[kind]
    first.write_bytes(data)
    try:
        (train, bad), (test, also_bad) = epoch(tree)
        (again, _), _ = epoch(tree, threads=1)
    finally:
        first.write_bytes(good)
    assert list(bad.reasons) == list(also_bad.reasons) == ["train/a/000.JPEG"]
    assert says in bad.reasons["train/a/000.JPEG"]
    assert sorted(train["index"]) == [1, *range(1, COUNT)]
    for key in train:
        np.testing.assert_array_equal(train[key], again[key])
    assert test["index"].tolist() == [-1, *range(1, COUNT)]


@pytest.mark.parametrize("reader", ["train", "eval"])
def test_more_than_one_percent_end_the_run(tree, reader):
    """Four broken files of 300: exit code 65, each named with its reason."""
    files = sorted((tree / "train" / "a").iterdir())[:4]
    good = [f.read_bytes() for f in files]
    for file, (data, _) in zip(files, BROKEN.values(), strict=False):
        file.write_bytes(data)
    try:
        with pytest.raises(DataError) as caught:
            source = Folder(tree, "train")
            train = reader == "train"
            read = (pipeline.TrainReader(source, settings(), seed=5) if train
                    else viewer(source, settings()))  # fmt: skip
            list(pipeline.batches(read, 20, range(COUNT // 20), threads=2))
    finally:
        for file, data in zip(files, good, strict=True):
            file.write_bytes(data)
    assert caught.value.code == 65
    assert all(f"train/a/{f.name}: " in str(caught.value) for f in files)


def test_one_percent_is_tolerated_and_no_more():
    """Of 300 images three may be unreadable; the fourth ends the run, and all four are named."""
    bad = BadImages(Pictures(300))
    for i in (7, 8, 9):
        bad.add(i, BadImageError("torn"))
    with pytest.raises(DataError, match="4 of 300") as caught:
        bad.add(10, BadImageError("torn"))
    assert all(f"picture {i}: torn" in str(caught.value) for i in (7, 8, 9, 10))


def test_an_image_counts_once():
    """The same image in every epoch and thread is one bad image."""
    bad = BadImages(Pictures(100))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: bad.add(5, BadImageError("torn")), range(100)))
    assert bad.reasons == {"picture 5": "torn"}


def test_a_small_set_tolerates_none():
    """One bad image of 99 is above 1%."""
    with pytest.raises(DataError, match="1 of 99"):
        BadImages(Pictures(99)).add(0, BadImageError("torn"))


def test_a_long_list_is_cut():
    """The message names ten images and counts the rest."""
    bad = BadImages(Pictures(1100))
    for i in range(11):
        bad.add(i, BadImageError("torn"))
    with pytest.raises(DataError, match="and 2 more"):
        bad.add(11, BadImageError("torn"))


def test_a_name_stays_on_its_line():
    """Line breaks, control characters and undecodable bytes of a name or a reason are shown."""
    bad = {"a\n\x1b[2J" + os.fsdecode(b"\xe9"): "b\rc"}
    assert list(reason_lines(bad)) == ["  a\\n\\x1b[2J\\xe9: b\\rc"]
