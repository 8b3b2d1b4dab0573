"""The base class of all networks: its fields, its output, and how its table is applied."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, no_type_check

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import struct
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from inception_jax.models import block_monitors, checks, whitening
from inception_jax.models.dialect import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from inception_jax.models.layers import Conv, ConvBN, Cosines, Dense, dropout
from inception_jax.models.lowering.ops import wide
from inception_jax.models.lowering.preactivation import Activation, Preactivation, materialize
from inception_jax.models.lowering.row_units import apply_rows
from inception_jax.models.names import known
from inception_jax.models.rows import Row

# Means and scales of the input that weights of one network come with, on the 0..255 scale.
NORMALIZATIONS = {
    "inception": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "imagenet": (IMAGENET_MEAN, IMAGENET_STD),
}


# An auxiliary head's constructor, of (conv factory, number of classes, train, small stem, name).
Head = Callable[..., nn.Module]


@no_type_check  # as a pytree it holds whatever JAX maps over it
@struct.dataclass
class Output:
    """What a network returns.

    Attributes:
        logits: float32 at least; without classes, the features that the classifier would read.
        aux: logits of the auxiliary heads by name, empty unless `train=True`.
        endpoints: features by row name, empty unless requested.
    """

    logits: Float[Array, "b classes"]
    aux: dict[str, Float[Array, "b classes"]]
    endpoints: dict[str, Array]


class Network(nn.Module):
    """The common part of a network: fields, stem and body as rows, auxiliary heads, classifier.

    A family defines `NAME`, `PAPER`, `DIALECTS`, `table()` and, where it has them, `HEADS`.

    Attributes:
        num_classes: outputs of the classifier; 0 leaves it out, and the features are the logits.
        channels: of the images.
        dialect: a key of the family's `DIALECTS`.
        width: multiplies every channel count.
        stem: `paper`, or for images of about 32 pixels `small` or, in some families, `whitened`.
        aux: whether the auxiliary heads exist (where the dialect has any).
        dropout: rate dropped before the classifier; None takes the dialect's.
        drop_path: rate at which training drops the last module's residual branch; it rises from 0
            at the first. For networks with `SHORTCUTS`.
        drop_branch: rate at which training drops a branch of any module. For the other networks.
        bn_group: images a BatchNorm group; 0 is the whole batch.
        bn_decay: share of BatchNorm's moving average kept at a step; None takes the dialect's.
        drop_rows: names of rows to leave out, for a shallower network.
        normalization: a key of `NORMALIZATIONS`, to replace the dialect's mean and std.
        mean: of each channel, in the units of the stored pixels, to replace the dialect's; with
            `std`.
        std: of each channel.
        residual_scale: factor of the residual branches before the addition; 0 takes the published
            values. For Inception-ResNets only.
        folded: BatchNorm is part of the kernels and biases (`fold`); for evaluation.
        bn_frozen: BatchNorm keeps its averages in training, and normalises by them.
        freeze_until: the first row that learns; `logits` for the classifier and the heads alone,
            empty for all. The rows before it are those of evaluation, and take no gradient.
        cosine: the outputs are cosines between features and classes, and there are no heads.
        dtype: of the computation; parameters and statistics stay float32.
    """

    num_classes: int = 1000
    channels: int = 3
    dialect: str = ""
    width: float = 1.0
    stem: str = "paper"
    aux: bool = True
    dropout: float | None = None
    drop_path: float = 0.0
    drop_branch: float = 0.0
    bn_group: int = 0
    bn_decay: float | None = None
    drop_rows: tuple[str, ...] = ()
    normalization: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    residual_scale: float = 0.0
    folded: bool = False
    bn_frozen: bool = False
    freeze_until: str = ""
    cosine: bool = False
    dtype: DTypeLike = jnp.float32

    NAME: ClassVar[str]
    DIALECTS: ClassVar[dict[str, Any]]  # the family's own kind of Dialect
    PAPER: ClassVar[str]
    STEMS: ClassVar[tuple[str, ...]] = ("paper", "small")
    SHORTCUTS: ClassVar[bool] = False  # whether modules add their input: `drop_path`
    RESIDUAL: ClassVar[bool] = False  # whether `residual_scale` means anything
    HEADS: ClassVar[dict[str, Head]] = {}  # by the name of the row they read

    @property
    def switches(self) -> Any:
        """The dialect as this network has it, of the family's own kind."""
        d = self.DIALECTS[self.dialect]
        norm = None if self.folded else d.norm
        if norm:
            decay = norm.decay if self.bn_decay is None else self.bn_decay
            norm = dataclasses.replace(norm, decay=decay, frozen=self.bn_frozen)
        return dataclasses.replace(d, norm=norm, drop_branch=self.drop_branch)

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes this network's input.

        Without a `mean`, other channels than RGB have the average of the dialect's three.
        """
        usual = self.switches.preprocessing
        if self.mean:
            usual = dataclasses.replace(usual, mean=self.mean, std=self.std)
        elif self.normalization:
            mean, std = NORMALIZATIONS[self.normalization]
            usual = dataclasses.replace(usual, mean=mean, std=std)
        if self.channels == 3:
            return usual
        mean, std = (
            x if self.mean else (sum(x) / len(x),) * self.channels for x in (usual.mean, usual.std)
        )
        return dataclasses.replace(usual, mean=mean, std=std, channels="rgb")

    @property
    def small(self) -> bool:
        """Whether the stem keeps small images large."""
        return self.stem != "paper"

    def table(self) -> Sequence[Row]:
        """The family's table for this dialect and stem, top to bottom."""
        raise NotImplementedError

    def rows(self) -> Sequence[Row]:
        """The rows that are built: the table without `drop_rows`."""
        table = self.table()
        for name in self.drop_rows:
            known("row", name, tuple(row.name for row in table))
        return tuple(row for row in table if row.name not in self.drop_rows)

    def endpoint_names(self) -> tuple[str, ...]:
        """Outputs that `predict` and `export` offer: any row, `pool`, and `logits`."""
        last = ("logits",) if self.num_classes else ()
        return (*(r.name for r in self.rows()), "pool", *last)

    @property
    def frozen(self) -> tuple[str, ...]:
        """The rows before `freeze_until`."""
        names = tuple(row.name for row in self.rows())
        if not self.freeze_until:
            return ()
        if self.freeze_until == "logits":
            return names
        return names[: names.index(known("row", self.freeze_until, (*names, "logits")))]

    @property
    def boundary(self) -> str:
        """The end-point that the first learning layer reads; empty where no row is frozen."""
        return "pool" if self.freeze_until == "logits" else (self.frozen or ("",))[-1]

    @property
    def without_l2(self) -> tuple[str, ...]:
        """Rows that L2 leaves alone: those that do not learn."""
        return (*self.frozen, *self.fixed)

    @property
    def fixed(self) -> tuple[str, ...]:
        """Rows whose kernel keeps its first value in training: that of a whitened stem."""
        return tuple(row.name for row in self.rows() if row.name == whitening.ROW)

    def pre_logits(
        self, x: Float[Array, "b c"], train: bool, outputs: dict[str, Array | Preactivation]
    ) -> Float[Array, "b d"]:
        """Layers between the pooled features and the classifier: none. May add to `outputs`."""
        return x

    def conv(self, train: bool) -> Conv:
        """Makes this network's ConvBNs from what differs between them: `features`, `kernel`..."""
        return partial(
            ConvBN,
            dialect=self.switches,
            train=train,
            width=self.width,
            bn_group=self.bn_group,
            dtype=self.dtype,
        )

    def row_outputs(
        self, x: Activation, train: bool, from_boundary: bool
    ) -> Iterator[tuple[str, Array | Preactivation]]:
        """Each row's name and output; `from_boundary`, of the rows after the frozen ones."""
        rows, count = self.rows(), len(self.frozen)
        if not from_boundary:
            for name, y in apply_rows(self, x, self.conv(False), rows[:count]):
                x = jax.lax.stop_gradient(materialize(y))
                yield name, x
        yield from apply_rows(self, x, self.conv(train), rows[count:])

    @nn.compact
    def __call__(
        self,
        x: Float[Array | np.ndarray, "b h w c"] | Float[Array, "b c"],
        *,
        train: bool = False,
        endpoints: bool = False,
        from_boundary: bool = False,
    ) -> Output:
        """Map normalised images `x` [b, h, w, c] to an Output.

        With `from_boundary`, `x` is what the frozen rows made of the images: the end-point
        `boundary`, [b, h, w, c] or [b, c]. Auxiliary heads that read frozen rows are left out.

        Raises:
            ValueError: `x` is no batch of images of these channels; the message says how to make
                it one.
            TypeError: `x` has whole numbers.
            ImageTooSmallError: the images are below the network's minimum.
        """
        if not from_boundary:
            checks.images(x, self.channels)
        d = self.switches
        outputs: dict[str, Array | Preactivation] = {}
        aux = {}
        # Parameters exist whichever way the network is initialised; evaluation runs no head.
        with_heads = self.aux and d.aux and self.num_classes and not self.cosine
        with_heads = with_heads and (train or self.is_initializing())
        heads = self.HEADS if with_heads else {}

        start = jnp.asarray(x).astype(self.dtype)
        y: Array | Preactivation = start
        pooled = from_boundary and self.boundary == "pool"
        for name, y in () if pooled else self.row_outputs(start, train, from_boundary):
            outputs[name] = y
            block_monitors.row(self, name, y)
            if name in heads:
                head = f"aux_{name}"
                aux[head] = heads[name](
                    self.conv(train), self.num_classes, train, self.small, name=head
                )(materialize(y))
        if not from_boundary and not self.drop_rows:  # they may have had strides
            checks.side(x, 8 if self.small else 32)

        y = materialize(y).astype(wide(self.dtype))
        outputs["pool"] = x = y.mean(axis=(1, 2)) if y.ndim == 4 else y
        rate = d.dropout if self.dropout is None else self.dropout
        x = self.pre_logits(dropout(self, x, rate, train), train, outputs)
        if self.num_classes:
            init = d.logits_init or d.kernel_init
            last = Cosines if self.cosine else Dense
            x = last(self.num_classes, init, self.dtype, name="logits")(x)
        features = {name: materialize(x) for name, x in outputs.items()} if endpoints else {}
        return Output(x, aux if train else {}, features)
