"""GoogLeNet with BatchNorm; the classifier reads an average over the grid, or a dense layer."""

from typing import Any, ClassVar

from flax import linen as nn

from inception_jax.models.googlenet import DIALECTS, GoogLeNet
from inception_jax.models.layers import Dense, dropout, scaled
from inception_jax.models.lowering.preactivation import materialize


class PoolingHead(GoogLeNet):
    """The arms are its dialects."""

    dialect: str = "average"
    DIALECTS: ClassVar[dict[str, Any]] = dict.fromkeys(("average", "dense"), DIALECTS["batchnorm"])

    def pre_logits(self, x, train, outputs):
        """With `dense`, 1,024 units that read every position, a ReLU and dropout."""
        if self.dialect == "average":
            return x
        last = materialize(outputs[self.rows()[-1].name])
        flat = last.reshape(last.shape[0], -1)
        units, rate = scaled(1024, self.width), self.dropout or 0.0
        hidden = Dense(units, self.switches.kernel_init, self.dtype, name="hidden")
        return dropout(self, nn.relu(hidden(flat)), rate, train)
