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
        unbiased: whether the moving variance follows the unbiased one, as torch's does.
        frozen: whether training keeps the averages and normalises by them.
    """

    decay: float
    epsilon: float
    scale: bool
    unbiased: bool = False
    frozen: bool = False


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes the network's input, at evaluation.

    Attributes:
        image_size: side of the square input in pixels.
        crop: share of the image that the central crop keeps.
        resize: `stretch` cuts the central `crop` of both sides and resizes that to the square
            (TF-slim); `short_side` resizes the short side to `image_size / crop` and cuts the
            central square (torchvision, timm).
        interpolation: a key of `data.images.resize.RESIZES`.
        mean: subtracted, per channel, on the scale of the stored pixels: 0..255 of RGB.
        std: divided by afterwards, on the same scale.
        channels: `rgb`, or `bgr`, the order in which Caffe's networks take the normalised colours.
    """

    image_size: int
    crop: float = 0.875
    resize: str = "stretch"
    interpolation: str = "bilinear"
    mean: tuple[float, ...] = (127.5, 127.5, 127.5)
    std: tuple[float, ...] = (127.5, 127.5, 127.5)
    channels: str = "rgb"


# timm rounds 299 / 0.875 down, where torchvision rounds.
TIMM_299 = Preprocessing(299, crop=299 / 341, resize="short_side", interpolation="pil_bicubic")

# slim.variance_scaling_initializer(): factor 2, fan in, truncated normal.
HE = nn.initializers.variance_scaling(2.0, "fan_in", "truncated_normal")
# torch's Conv2d.reset_parameters: U(-1/sqrt(fan in), 1/sqrt(fan in)).
TORCH = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
SLIM_NORM = Norm(decay=0.9997, epsilon=1e-3, scale=False)

# torchvision's constants are of ImageNet's pixels; TensorFlow's map 0..255 to -1..1.
IMAGENET_MEAN = (123.675, 116.28, 103.53)  # torchvision's 0.485, 0.456, 0.406 times 255
IMAGENET_STD = (58.395, 57.12, 57.375)  # torchvision's 0.229, 0.224, 0.225 times 255


@dataclass(frozen=True)
class Dialect:
    """The switches that every family has; a family adds its own beside its table.

    Attributes:
        source: the paper or the file whose behaviour is matched.
        norm: BatchNorm's constants; None for a network without it.
        preprocessing: of the published weights.
        kernel_init: initialiser of the convolutions' kernels.
        logits_init: of the classifier's kernel; None takes `kernel_init`.
        bias: whether the convolutions have biases beside BatchNorm's; without BatchNorm they do.
        bias_init: initialiser of the convolutions' biases, where there are any.
        padding: how SAME windows that leave a remainder are padded, see `ops.pads`: `tf`, `torch`
            or `ceil`. They differ in which border pixels a window sees.
        count_include_pad: whether an average pool divides border windows by the full window.
        dropout: rate *dropped* before the classifier.
        drop_branch: rate at which training drops a branch; a network's own (`Network.switches`).
        aux: form of the auxiliary heads, or empty for none.
        num_classes: outputs of the classifier unless said otherwise; 0 is none.
        published: outputs of the published weights' classifier.
        l2_biases: whether L2 acts on the biases of convolutions and dense layers too.
        background: whether output 0 of the published weights is a class "background".
    """

    source: str
    norm: Norm | None
    preprocessing: Preprocessing
    kernel_init: Initializer = field(default_factory=nn.initializers.lecun_normal)
    logits_init: Initializer | None = None
    bias: bool = False
    bias_init: Initializer = field(default_factory=nn.initializers.zeros_init)
    padding: str = "tf"
    count_include_pad: bool = False
    dropout: float = 0.0
    drop_branch: float = 0.0
    aux: str = ""
    num_classes: int = 1000
    published: int = 1000
    l2_biases: bool = False
    background: bool = False
