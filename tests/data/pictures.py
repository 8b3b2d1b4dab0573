"""Small pictures, their files, and a source of them."""

import base64
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from inception_jax.config import keys, sections
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Picture
from inception_jax.eval.protocols import from_data_section
from inception_jax.eval.views import ViewReader

# 16x16 pixels in four squares, as CMYK with Adobe's inverted inks (written by Pillow).
CMYK = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
    "AQEBAQEBAQEBAQEBAQEBAQEB/8AAFAgAEAAQBEMRAE0RAFkRAEsRAP/EABgAAAMBAQAAAAAAAAAAAAAAAAAKCwgH/8QA"
    "FBABAAAAAAAAAAAAAAAAAAAAAP/aAA4EQwBNAFkASwAAPwBkAneU/P8ACS+pYNQB1BOfVAAtwLSDeAf/2Q=="
)


def gradient(height: int = 24, width: int = 32, shade: int = 0) -> np.ndarray:
    """A smooth picture, which JPEG changes by two grey levels at most: uint8 [h, w, 3]."""
    y, x = np.mgrid[0:height, 0:width]
    channels = (x * 250 // width, y * 250 // height, 250 - x * 250 // width)
    return np.clip(np.stack(channels, -1) + shade, 0, 255).astype(np.uint8)


def encoded(image: np.ndarray, suffix: str = ".jpg", *options: int) -> bytes:
    """The bytes of a file of `image`, RGB, grey or RGBA."""
    swap = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}.get(image.shape[-1] * (image.ndim == 3))
    ok, data = cv2.imencode(suffix, cv2.cvtColor(image, swap) if swap else image, options)
    assert ok
    return data.tobytes()


def tree(root: Path, sizes: dict[str, dict[str, int]], suffix: str = ".png") -> Path:
    """A folder `root/split/class/NNN.png` with `sizes` images; each has its own shade."""
    for split, classes in sizes.items():
        for label, (name, count) in enumerate(classes.items()):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                shade = 20 * label + i
                (folder / f"{i:03d}{suffix}").write_bytes(encoded(gradient(shade=shade), suffix))
    return root


class Pictures:
    """`count` pictures whose red channel is the index; those in `bad` are unreadable."""

    def __init__(self, count: int, size: int = 8, bad: frozenset[int] = frozenset()):
        self.count, self.size, self.bad = count, size, bad
        self.classes = ("even", "odd")
        self.read: list[int] = []

    def __len__(self) -> int:
        return self.count

    def label(self, index: int) -> int:
        return index % 2

    def stored(self, index: int) -> np.ndarray:
        self.read.append(index)
        if index in self.bad:
            raise BadImageError("broken")
        image = gradient(self.size, self.size + 3)
        image[..., 0] = index % 256
        return image

    def name(self, index: int) -> str:
        return f"picture {index}"


def pixels(source, index: int) -> np.ndarray:
    """The decoded image `index` of `source`: uint8 [h, w, 3]."""
    return Picture(source.stored(index)).whole()


def viewer(source, data) -> ViewReader:
    """Evaluation's reader of `source`, with the config's own protocol."""
    todo = np.arange(len(source))
    return ViewReader(source, from_data_section(data, "config"), todo)


def read(reader, positions: range) -> dict[str, np.ndarray]:
    """The batch that `reader` reads at `positions`."""
    batch = reader.empty(len(positions))
    reader(positions, batch)
    return batch


def settings(**changes) -> SimpleNamespace:
    """A config's `data` section for 6-pixel crops."""
    section = {
        "image_size": 6, "eval_size": 0, "batch_size": 4, "crop": "inception", "area": (0.08, 1.0),
        "aspect": (0.75, 4 / 3), "pad": 0, "eval_crop": 0.875, "resize": "stretch",
        "interpolation": "bilinear", "flip": True, "colour": "slim", "cache": False,
        "files": "images", "channels": 3, "dtype": "uint8",
    }  # fmt: skip
    return SimpleNamespace(**{**keys.defaults(sections.Data), **section, **changes})
