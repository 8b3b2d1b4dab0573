"""Networks small enough to explain in a second: a convolution and modules with branches."""

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

import jax
import numpy as np

from inception_jax import models
from inception_jax.models.googlenet import GoogLeNetDialect, Inception, Widths
from inception_jax.models.network import Network
from inception_jax.models.rows import Row, block, convolution
from tests.tiny import DIALECT, Tiny

WIDTHS = Widths(8, 8, 8, 8, 8, 8)


class TinyBranched(Tiny):
    """A convolution and two modules of four branches."""

    NAME: ClassVar[str] = "tiny_branched"
    HEADS: ClassVar[dict[str, Any]] = {}
    DIALECTS: ClassVar[dict[str, Any]] = {
        "tiny": GoogLeNetDialect(
            source="tests",
            norm=DIALECT.norm,
            preprocessing=DIALECT.preprocessing,
            kernel_init=DIALECT.kernel_init,
        )
    }

    def table(self) -> Sequence[Row]:
        """Figure 2(b) twice."""
        return (
            Row("conv1", convolution(8, 3, 2), "", 8, 8),
            Row("first", block(Inception, widths=WIDTHS), "", 8, 32),
            Row("second", block(Inception, widths=WIDTHS), "", 8, 32),
        )


def image(size: int = 16, seed: int = 0) -> np.ndarray:
    """A normalised image [s, s, 3]."""
    return np.random.default_rng(seed).uniform(-1, 1, (size, size, 3)).astype(np.float32)


def logits(variables: Any, x: np.ndarray) -> np.ndarray:
    """The logits of one image by `TinyBranched`."""
    return np.asarray(_logits(variables, x))


@jax.jit
def _logits(variables: Any, x: jax.Array) -> jax.Array:
    return network()[0].apply(variables, x[None]).logits[0]


@cache
def network(kind: type[Network] = TinyBranched, size: int = 16) -> tuple[Network, Any]:
    """The network and variables in which every array has an effect, biases and averages too."""
    model = kind(dialect="tiny", num_classes=5)
    return model, shaken(models.init(model, image_size=size))


def shaken(variables: Any) -> Any:
    """The variables with noise; variances stay positive."""
    rng = np.random.default_rng(1)
    return jax.tree.map(
        lambda x: (
            x * rng.uniform(0.8, 1.2, x.shape).astype(np.float32)
            + np.abs(rng.normal(0, 0.05, x.shape)).astype(np.float32)
        ),
        variables,
    )
