"""GoogLeNet with BatchNorm and the naive modules of Figure 2(a): no 1x1 before the 3x3 and 5x5."""

from typing import Any, ClassVar

from inception_jax.models.googlenet import DIALECTS, GoogLeNetNaive


class Naive(GoogLeNetNaive):
    """The package's naive network has LRN and biases, as in 1409.4842; this one is trained."""

    dialect: str = "batchnorm"
    DIALECTS: ClassVar[dict[str, Any]] = {"batchnorm": DIALECTS["batchnorm"]}
