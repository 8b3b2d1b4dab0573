"""GoogLeNet with BatchNorm and no auxiliary head, the upper one, or both, normalised or not."""

from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from inception_jax.models.aux_head import GoogLeNetAuxHead
from inception_jax.models.googlenet import DIALECTS, GoogLeNet

LOWER, UPPER = "inception_4a", "inception_4d"
BASE = DIALECTS["batchnorm"]


def plain(conv, *args, **kwargs):
    """A head whose convolution has a bias for BatchNorm."""
    return GoogLeNetAuxHead(partial(conv, norm=False), *args, **kwargs)


HEADS = {
    "none": {},
    "upper": {UPPER: plain},
    "both": {LOWER: plain, UPPER: plain},
    "both_normalized": {LOWER: GoogLeNetAuxHead, UPPER: GoogLeNetAuxHead},
}


class Auxiliary(GoogLeNet):
    """The arms are its dialects."""

    dialect: str = "both"
    DIALECTS: ClassVar[dict[str, Any]] = {
        arm: replace(BASE, aux=BASE.aux if heads else "") for arm, heads in HEADS.items()
    }

    @property
    def HEADS(self):
        """The heads of this arm, by the row that they read."""
        return HEADS[self.dialect]
