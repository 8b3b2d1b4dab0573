"""The views of an image that a network's answers are averaged over: pure geometry.

    page         what the config says: `data.eval_crop` and `data.resize`; one view
    slim         the central 0.875 of both sides, its aspect lost in the resize; one view (TF-slim)
    torchvision  short side resized to size / 0.875, then the centre; one view (also timm's, which
                 rounds 341.7 for 299 pixels down; 342 is torchvision's)
    10crop       of the central square: four corners and centre, each mirrored (AlexNet's)
    12crop       those, and the square itself resized, mirrored too
    144crop      GoogLeNet, section 7: four scales, three squares each, 12 views a square

For 224 pixels short sides are 256 (10 and 12 crops) and 256, 288, 320 and 352 (144); for another
size they grow with it, since the papers with 299 pixels do not give theirs. No paper defines 12
crops, which v4's and Inception-ResNet's uses: "10 and the square, as in the 144" is our reading.

GoogLeNet counts 144 views whatever the image. Where two of them are one (the three squares of a
square image coincide, and of one of 5:4 the corners of neighbouring squares do), it is listed once
and counts as often as the paper's list has it: the mean is that over 144, and nothing is computed
twice.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from inception_jax.data.images.crops import central_box
from inception_jax.data.images.picture import Box

COUNTS = {"page": 1, "slim": 1, "torchvision": 1, "10crop": 10, "12crop": 12, "144crop": 144}
SHORT_SIDES = (256, 288, 320, 352)  # for 224 pixels
CENTRAL = 0.875
# An image longer than this many short sides is cut to its centre first: resized as the protocols
# have it, 60,000 x 1 pixels would need 80 GB.
LONGEST = 64


class View(NamedTuple):
    """What the network sees once: `box` of the image's `part`, when that is height x width.

    Attributes:
        part: rectangle of the image that is resized to `height` x `width`.
        height: of the resized part.
        width: of the resized part.
        box: rectangle of the resized part; where it is larger than the input, it is resized again.
        mirror: whether left and right change places; such a view follows the one it mirrors.
        times: how often it counts.
    """

    part: Box
    height: int
    width: int
    box: Box
    mirror: bool = False
    times: int = 1


@dataclass(frozen=True)
class Protocol:
    """A way to look at images.

    Attributes:
        name: a key of `COUNTS`.
        size: side of the network's input.
        share: of the sides (`page`), of the short side (`page` and `torchvision`).
        square: whether `page` cuts a square.
    """

    name: str
    size: int
    share: float = CENTRAL
    square: bool = False

    @property
    def count(self) -> int:
        """Views an image, a repeated one counted as often as it is listed."""
        return COUNTS[self.name]

    def views(self, height: int, width: int) -> list[View]:
        """The views of an image of `height` x `width`, each once; their `times` sum to `count`."""
        times = Counter(self._all(height, width))
        return [view._replace(times=n) for view, n in times.items()]

    def _all(self, height: int, width: int) -> Iterator[View]:
        """Every view as often as the protocol lists it, those of one resized image together."""
        size, seen = self.size, Box(0, 0, self.size, self.size)
        if self.name in ("page", "slim"):
            page = self.name == "page"
            share, square = (self.share, self.square) if page else (CENTRAL, False)
            yield View(central_box(height, width, share, square), size, size, seen)
            return
        part = _not_too_long(height, width)
        if self.name == "torchvision":
            h, w = short_side(part.height, part.width, round(size / self.share))
            # Rounded as torchvision and timm do, half to even.
            y, x = round((h - size) / 2), round((w - size) / 2)
            yield View(part, h, w, Box(y, x, size, size))
            return
        whole = self.name == "144crop"
        for side in SHORT_SIDES if whole else SHORT_SIDES[:1]:
            h, w = short_side(part.height, part.width, round(side * size / 224))
            for square in squares(h, w) if whole else [central_box(h, w, 1.0, True)]:
                for box in _in_square(square, size, with_square=self.name != "10crop"):
                    yield View(part, h, w, box)
                    yield View(part, h, w, box, mirror=True)


def of_page(data: Any, name: str) -> Protocol:
    """The protocol `name` for the images that a config's `data` section describes.

    The share of `torchvision` is the config's where its own rule is of the short side (timm's
    0.8975 of Inception-ResNet-v2 and Xception).
    """
    square = data.resize == "short_side"
    share = data.eval_crop if name == "page" or square else CENTRAL
    return Protocol(name, data.image_size, share, square)


def short_side(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width with the short one at `side`; the other is rounded down (torchvision)."""
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


def _not_too_long(height: int, width: int) -> Box:
    longest = LONGEST * min(height, width)
    h, w = min(height, longest), min(width, longest)
    return Box((height - h) // 2, (width - w) // 2, h, w)
