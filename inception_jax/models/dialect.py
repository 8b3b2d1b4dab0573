"""A dialect: the switches in which the papers and the released codes of one network differ."""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
from flax import linen as nn

Initializer = Callable[..., jax.Array]


@dataclass(frozen=True)
class Norm:
    """BatchNorm's constants (`facts`: they differ between every two peers).

    Attributes:
        decay: share of the old moving average kept at each step (Flax's `momentum`; 1 - torch's).
        epsilon: added to the variance.
        scale: whether there is a learnt gamma.
    """

    decay: float
    epsilon: float
    scale: bool


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes the network's input, at evaluation.

    Attributes:
        image_size: side of the square input in pixels.
        crop: share of the image that the central crop keeps.
        resize: `stretch` cuts the central `crop` of both sides and resizes that to the square
            (TF-slim); `short_side` resizes the short side to `image_size / crop` and cuts the
            central square (torchvision, timm).
        interpolation: `bilinear` or `bicubic`.
        mean: subtracted, per RGB channel, on the 0..255 scale.
        std: divided by afterwards, on the 0..255 scale.
    """

    image_size: int
    crop: float = 0.875
    resize: str = "stretch"
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    std: tuple[float, float, float] = (127.5, 127.5, 127.5)


IMAGENET_MEAN = (123.675, 116.28, 103.53)  # torchvision's 0.485, 0.456, 0.406 times 255
IMAGENET_STD = (58.395, 57.12, 57.375)  # torchvision's 0.229, 0.224, 0.225 times 255


@dataclass(frozen=True)
class Dialect:
    """The switches of one released form of a network.

    Attributes:
        source: the paper or the file whose behaviour is matched.
        norm: BatchNorm's constants; None for a network without it, whose convolutions have biases.
        kernel_init: initialiser of the convolutions' kernels.
        bias_init: initialiser of the convolutions' biases, where there are any.
        five: side of the kernel in the branch the papers call "5x5".
        lrn: local response normalisation in the stem.
        padding: `tf` pads SAME as TensorFlow does; `torch` pads strided windows symmetrically and
            rounds pools up (`ceil_mode`). They differ in which border pixels a window sees.
        count_include_pad: whether an average pool divides border windows by the full window.
        last_pool: side of the max-pool before module 5a (GoogLeNet).
        dropout: rate *dropped* before the classifier.
        aux: form of the auxiliary heads, or empty for none.
        aux_dropout: rate dropped inside an auxiliary head.
        classes: outputs of the published weights.
        preprocessing: of the published weights.
    """

    source: str
    norm: Norm | None
    preprocessing: Preprocessing
    kernel_init: Initializer = field(default_factory=nn.initializers.lecun_normal)
    bias_init: Initializer = field(default_factory=nn.initializers.zeros_init)
    five: int = 5
    lrn: bool = False
    padding: str = "tf"
    count_include_pad: bool = False
    last_pool: int = 3
    dropout: float = 0.0
    aux: str = ""
    aux_dropout: float = 0.0
    classes: int = 1000
