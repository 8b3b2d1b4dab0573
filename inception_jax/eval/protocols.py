"""Evaluation protocols: the views of an image whose predictions are averaged; pure geometry.

`ABOUT` describes each. For 224 pixels the short sides are 256 (10 and 12 crops) and 256, 288, 320
and 352 (144 crops); they scale with the input size, since the papers with 299 pixels do not give
theirs. timm rounds torchvision's 341.7 for 299 pixels down, torchvision up. No paper defines 12
crops, which v4's and Inception-ResNet's uses: "10 and the square, as in the 144" is our reading.

A published number is of pixels resized in one way, so `slim`, `torchvision` and `timm` have the
resize of the code that measured it (`data/images/resize.py`), which is equal to a grey level:
TensorFlow 1's `resize_bilinear` (slim's `preprocess_for_eval`) of JPEGs decoded by libjpeg's fast
transform, as TensorFlow's decoder does, and Pillow's, which torchvision's
presets (bilinear) and timm's (bicubic) use. The papers of the many crops do not name theirs: they,
and the config's own crop, take `data.interpolation`.

GoogLeNet counts 144 views for any image. Views that coincide (the three squares of a square image,
corners of neighbouring squares at 5:4) are listed once with the number of times they count, so the
mean is over 144 and nothing is computed twice.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from inception_jax.config import sections
from inception_jax.data.images.crops import central_box, evaluated_size, evaluated_with
from inception_jax.data.images.picture import Box

ABOUT = {
    "config": "the config's own centre crop: `data.eval_crop`, `data.resize`, `data.interpolation`",
    "mirror": "the config's own crop and its mirror",
    "shift": "those two, counted twice, and both a pixel up-left and down-right (airbench)",
    "slim": "the central 0.875 of both sides, resized to the input by TensorFlow 1's bilinear",
    "torchvision": "short side to size / 0.875 by Pillow's bilinear, then the centre crop",
    "timm": "short side to size / 0.875 (or 0.8975) by Pillow's bicubic, then the centre crop",
    "10crop": "four corners and the centre of the central square at 256, each mirrored (AlexNet)",
    "12crop": "the 10 crops and the square itself, mirrored (Inception-v4; our reading)",
    "144crop": "at 256, 288, 320 and 352: three squares, 12 crops each (GoogLeNet, section 7)",
}
COUNTS = dict.fromkeys(ABOUT, 1) | {"10crop": 10, "12crop": 12, "144crop": 144}
COUNTS |= {"mirror": 2, "shift": 8}
# Shifts of the config's own crop, pixels down and right, and how often each counts, mirrored too.
# `shift` is airbench's test-time augmentation of level 2, which averages logits, not the softmax.
SHIFTS = {"mirror": {0: 1}, "shift": {0: 2, -1: 1, 1: 1}}
OWN = ("config", *SHIFTS)  # protocols with the config's own crop
RESIZES = {"slim": "tf1_bilinear", "torchvision": "pil_bilinear", "timm": "pil_bicubic"}
# Keys of `data` that a protocol does not read, as it has its own crop and resize.
FIXED = ("data.eval_crop", "data.resize", "data.interpolation")
IGNORED = {"slim": FIXED, "torchvision": FIXED, "timm": FIXED[2:]} | dict.fromkeys(
    ("10crop", "12crop", "144crop"), FIXED[:2]
)
SHORT_SIDES = (256, 288, 320, 352)  # for 224 pixels
CENTRAL = 0.875
# An image longer than this many short sides is cropped to its centre first: resizing 60,000 x 1
# pixels as the protocols do would need 80 GB.
LONGEST = 64


class View(NamedTuple):
    """One input of the network: `box` of the image's `part` resized to height x width."""

    part: Box  # of the image
    height: int
    width: int
    # Of the resized part, reflected where it leaves that; resized again if larger than the input.
    box: Box
    mirror: bool = False  # flipped horizontally; follows the view it mirrors
    times: int = 1  # how often it counts in the mean


@dataclass(frozen=True)
class Protocol:
    """An evaluation protocol for one input size."""

    name: str  # a key of `COUNTS`
    size: int  # side of the network's input in pixels
    share: float = CENTRAL  # fraction of both sides, or of the short one (`timm`)
    square: bool = False  # whether `OWN` resize the short side, as `torchvision`
    interpolation: str = "bilinear"  # a key of `resize.RESIZES`
    channels: int = 3  # of the images
    dtype: str = "uint8"  # of their pixels

    @property
    def count(self) -> int:
        """Views per image, with repetitions."""
        return COUNTS[self.name]

    @property
    def uniform(self) -> bool:
        """Whether each image has the same distinct views."""
        return self.name not in ("10crop", "12crop", "144crop")

    def weights(self) -> np.ndarray:
        """Of the views in an image's mean, float32 [count], of a `uniform` protocol.

        The distinct ones come first, as `views` has them; the rest is 0.
        """
        found = np.zeros(self.count, np.float32)
        times = [view.times for view in self.views(self.size, self.size)]
        found[: len(times)] = np.asarray(times) / self.count
        return found

    def views(self, height: int, width: int) -> list[View]:
        """The distinct views of an image of `height` x `width`; their `times` sum to `count`."""
        times = Counter(self._all(height, width))
        return [view._replace(times=n) for view, n in times.items()]

    def _all(self, height: int, width: int) -> Iterator[View]:
        """All views with repetitions, those of one resized image together."""
        if self.name in ("10crop", "12crop", "144crop"):
            yield from self._crops(height, width)
            return
        view = self._central(height, width)
        if self.name not in SHIFTS:
            yield view
        for by, times in SHIFTS.get(self.name, {}).items():
            box = view.box._replace(y=view.box.y + by, x=view.box.x + by)
            for mirror in [False, True] * times:
                yield view._replace(box=box, mirror=mirror)

    def _central(self, height: int, width: int) -> View:
        """The centre crop."""
        size, own = self.size, self.name in OWN
        # Of a small share the short side would become many times the input's.
        square = self.square and self.share >= 0.5
        if self.name == "slim" or (own and not square):
            part = central_box(height, width, self.share, self.square and own)
            return View(part, size, size, Box(0, 0, size, size))
        part = _limited(height, width)
        side = size / self.share
        side = math.floor(side + 1e-6) if self.name == "timm" else round(side)
        h, w = short_side(part.height, part.width, side)
        # Rounded as torchvision and timm do, half to even.
        y, x = round((h - size) / 2), round((w - size) / 2)
        return View(part, h, w, Box(y, x, size, size))

    def _crops(self, height: int, width: int) -> Iterator[View]:
        """The views of 10, 12 and 144 crops."""
        size, part = self.size, _limited(height, width)
        multiscale = self.name == "144crop"
        for side in SHORT_SIDES if multiscale else SHORT_SIDES[:1]:
            h, w = short_side(part.height, part.width, round(side * size / 224))
            for square in squares(h, w) if multiscale else [central_box(h, w, 1.0, True)]:
                for box in _in_square(square, size, with_square=self.name != "10crop"):
                    yield View(part, h, w, box)
                    yield View(part, h, w, box, mirror=True)


def from_data_section(data: sections.Data, name: str) -> Protocol:
    """The protocol `name` for the `evaluated_size` of a config's `data` section.

    The share of `timm` is `data.eval_crop` if the config itself resizes the short side (0.8975 of
    Inception-ResNet-v2 and Xception).
    """
    square = data.resize == "short_side"
    share = data.eval_crop if name in OWN or (square and name == "timm") else CENTRAL
    how = RESIZES.get(name, evaluated_with(data.interpolation))
    return Protocol(name, evaluated_size(data), share, square, how, data.channels, data.dtype)


def obeyed(keys: Iterable[str], name: str) -> list[str]:
    """Those of the config's `keys` that the protocol `name` reads, or that are not its matter."""
    return [key for key in keys if key not in IGNORED.get(name, ())]


def short_side(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width scaled so that the short one is `side`; the other is rounded down."""
    if height <= width:
        return side, int(side * width / height)
    return int(side * height / width), side


def squares(height: int, width: int) -> list[Box]:
    """The left, centre and right square, or the top, centre and bottom one."""
    side = min(height, width)
    y, x = height - side, width - side
    return [Box(b, a, side, side) for b, a in ((0, 0), (y // 2, x // 2), (y, x))]


def _in_square(square: Box, size: int, with_square: bool) -> list[Box]:
    """Four corners and the centre of a square, `size` wide, and the square itself."""
    room = square.height - size
    at = [(0, 0), (0, room), (room, 0), (room, room), (room // 2, room // 2)]
    boxes = [Box(square.y + y, square.x + x, size, size) for y, x in at]
    return [*boxes, square] if with_square else boxes


def _limited(height: int, width: int) -> Box:
    """The image, or its centre if it is longer than `LONGEST` short sides."""
    longest = LONGEST * min(height, width)
    h, w = min(height, longest), min(width, longest)
    return Box((height - h) // 2, (width - w) // 2, h, w)
