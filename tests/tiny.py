"""A network small enough to compile in a second, with everything the large ones have."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import jax
import numpy as np
from flax import linen as nn

from inception_jax import config as cfg
from inception_jax.models.aux_head import GoogLeNetAuxHead
from inception_jax.models.dialect import Dialect, Norm, Preprocessing
from inception_jax.models.inception_resnet_blocks import Residual
from inception_jax.models.lowering.repeat import repeat
from inception_jax.models.network import Network
from inception_jax.models.pools import max_pool
from inception_jax.models.rows import Row, convolution, pooling

DIALECT = Dialect(
    source="tests",
    norm=Norm(0.9, 1e-3, scale=True),
    preprocessing=Preprocessing(8),
    kernel_init=nn.initializers.lecun_normal(),
    aux="paper",
)


class Tiny(Network):
    """conv - pool - conv (auxiliary head) - conv, on 8x8 images."""

    dialect: str = "tiny"
    stem: str = "small"
    num_classes: int = 10

    NAME: ClassVar[str] = "tiny"
    DIALECTS: ClassVar[dict[str, Dialect]] = {"tiny": DIALECT}
    HEADS: ClassVar[dict[str, Any]] = {"conv2": partial(GoogLeNetAuxHead, dropout=0.0)}

    def table(self) -> Sequence[Row]:
        """Three convolutions."""
        return (
            Row("conv1", convolution(8, 3), "", 8, 8),
            Row("pool1", pooling(max_pool, 3, 2), "", 4, 8),
            Row("conv2", convolution(16, 3), "", 4, 16),
            Row("conv3", convolution(16, 1), "", 4, 16),
        )


class Added(Residual):
    """A residual module of one convolution."""

    def branches(self) -> Sequence[Any]:
        """Its only branch."""
        return ((self.conv(8, 3),),)


class TinyResidual(Tiny):
    """A convolution, two residual modules, and a last one without a ReLU."""

    NAME: ClassVar[str] = "tiny_residual"
    HEADS: ClassVar[dict[str, Any]] = {}

    def table(self) -> Sequence[Row]:
        """The same module twice, then once more."""
        return (
            Row("conv1", convolution(8, 3), "", 8, 8),
            Row("block", repeat(Added, 2, scale=0.5), "", 8, 8),
            Row("last", repeat(Added, 1, scale=0.5, relu=False), "", 8, 8),
        )


def batch(count: int, size: int = 8, seed: int = 0) -> dict[str, Any]:
    """Random images and labels."""
    rng = np.random.default_rng(seed)
    return {
        "image": rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8),
        "label": rng.integers(0, 10, count, dtype=np.int32),
    }


def double(tree: Any) -> Any:
    """Every float leaf in double precision."""
    return jax.tree.map(lambda x: x.astype("float64") if x.dtype.kind == "f" else x, tree)


def digits(**changes: Any) -> cfg.ConfigDict:
    """The digits page, shrunk to a run of seconds; `section__key=value` changes it."""
    from configs.digits import get_config

    c = get_config("epochs=2.0,width=0.125")
    c.update_from_flattened_dict({"data.image_size": 8, "data.batch_size": 96})
    c.update_from_flattened_dict({k.replace("__", "."): v for k, v in changes.items()})
    return c
