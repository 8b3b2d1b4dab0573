"""What every network shares: its fields, its output, and the apply_rows down its table of rows."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from inception_jax.models import block_monitors
from inception_jax.models.dialect import IMAGENET_MEAN, IMAGENET_STD, Dialect, Preprocessing
from inception_jax.models.layers import ConvBN, Dense, dropout, global_avg_pool
from inception_jax.models.lowering import remat
from inception_jax.models.lowering.ops import wide
from inception_jax.models.lowering.preactivation import materialize
from inception_jax.models.names import known

Array = jax.Array
# A row's function: (network, conv factory, its input, its name) -> its output.
Build = Callable[["Network", Callable[..., Any], Array, str], Array]

STEM = 5  # rows whose grid is more than so many times the last one's side are the stem


# Means and scales of the input that weights of one network come with, on the 0..255 scale.
NORMALIZATIONS = {
    "inception": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "imagenet": (IMAGENET_MEAN, IMAGENET_STD),
}


class Row(NamedTuple):
    """One line of a network's table: what is built, and the paper's grid and channels after it."""

    name: str
    build: Build
    figure: str
    grid: int
    channels: int


@struct.dataclass
class Output:
    """What a network returns.

    Attributes:
        logits: [b, num_classes], float32; without classes, what it would have read.
        aux: logits of the auxiliary heads by name, empty unless `train=True`.
        endpoints: features by row name, empty unless asked for.
    """

    logits: Array
    aux: dict[str, Array]
    endpoints: dict[str, Array]


class Network(nn.Module):
    """The common part of a network: fields, stem and body as rows, auxiliary heads, classifier.

    A family gives `DIALECTS`, `rows()`, `heads()` and the classifier's initialiser.

    Attributes:
        num_classes: outputs of the classifier; 0 leaves it out, and the features are the logits.
        dialect: a key of the family's `DIALECTS`.
        width: multiplies every channel count.
        stem: `paper`, or `small` for images of about 32 pixels.
        aux: whether the auxiliary heads exist (where the dialect has any).
        dropout: rate dropped before the classifier; None takes the dialect's.
        bn_group: images a BatchNorm group; 0 is the whole batch.
        bn_decay: share of BatchNorm's moving average kept at a step; None takes the dialect's.
        drop_rows: names of rows to leave out, for a shallower network.
        normalization: a key of `NORMALIZATIONS`: other constants of normalisation than the
        dialect's.
        residual_scale: what residual modules are multiplied by before they are added; 0 takes the
            published values. For Inception-ResNets only.
        folded: BatchNorm is part of the kernels and biases (`fold`); for evaluation.
        frozen: BatchNorm keeps its averages and no gradient goes below the classifier and heads.
        dtype: of the computation; parameters and statistics stay float32.
    """

    num_classes: int = 1000
    dialect: str = ""
    width: float = 1.0
    stem: str = "paper"
    aux: bool = True
    dropout: float | None = None
    bn_group: int = 0
    bn_decay: float | None = None
    drop_rows: tuple[str, ...] = ()
    normalization: str = ""
    residual_scale: float = 0.0
    folded: bool = False
    frozen: bool = False
    dtype: Any = jnp.float32

    NAME: ClassVar[str]
    DIALECTS: ClassVar[dict[str, Dialect]]
    PAPER: ClassVar[str]
    RESIDUAL: ClassVar[bool] = False  # whether `residual_scale` means anything

    @property
    def switches(self) -> Dialect:
        """The dialect's record."""
        d = self.DIALECTS[self.dialect]
        return dataclasses.replace(d, norm=None) if self.folded else d

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes this network's input."""
        usual = self.switches.preprocessing
        if not self.normalization:
            return usual
        mean, std = NORMALIZATIONS[self.normalization]
        return dataclasses.replace(usual, mean=mean, std=std)

    @property
    def small(self) -> bool:
        """Whether the stem keeps small images large."""
        return self.stem == "small"

    def table(self) -> Sequence[Row]:
        """The family's table for this dialect and stem, top to bottom."""
        raise NotImplementedError

    def rows(self) -> Sequence[Row]:
        """The rows that are built: the table but for `drop_rows`."""
        table = self.table()
        for name in self.drop_rows:
            known("row", name, tuple(row.name for row in table))
        return tuple(row for row in table if row.name not in self.drop_rows)

    def heads(self) -> dict[str, Callable[..., nn.Module]]:
        """Auxiliary heads by the name of the row they read: constructors taking `conv`, `name`."""
        return {}

    def endpoint_names(self) -> tuple[str, ...]:
        """What `predict` and `export` give: any row, `pool`, and last what the network ends in."""
        last = ("logits",) if self.num_classes else ()
        return (*(r.name for r in self.rows()), "pool", *last)

    def pre_logits(self, x: Array, train: bool, kept: dict[str, Array]) -> Array:
        """What stands between the pooled features [b, c] and the classifier: nothing."""
        return x

    def logits_init(self) -> Any:
        """Initialiser of the classifier's kernel."""
        return self.switches.kernel_init

    def conv(self, train: bool) -> Callable[..., ConvBN]:
        """Makes this network's ConvBNs from what differs between them: `features`, `kernel`..."""
        d = self.switches
        return partial(
            ConvBN,
            dialect=d if self.bn_decay is None else with_decay(d, self.bn_decay),
            train=train,
            width=self.width,
            bn_group=self.bn_group,
            dtype=self.dtype,
        )

    def stop(self, x: Array) -> Array:
        """`x`, with no gradient below it if the trunk is frozen."""
        return jax.lax.stop_gradient(x) if self.frozen else x

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False, endpoints: bool = False) -> Output:
        """Maps images [b, h, w, 3], already normalised, to an Output."""
        d, conv = self.switches, self.conv(train and not self.frozen)
        heads = self.heads() if self.aux and d.aux and self.num_classes else {}
        kept, aux = {}, {}
        x = x.astype(self.dtype)
        for unit in units(self.rows()):
            apply_unit = partial(apply_rows, conv=conv, rows=unit)
            apart = len(unit) == 1 and getattr(unit[0][0].build, "repeats", False)
            made = (apply_unit if apart else remat.unit(apply_unit))(self, x)
            for name, x in zip([row.name for row, _ in unit], made, strict=True):
                kept[name] = x
                block_monitors.row(self, name, x)
                # Parameters exist whichever way the network is initialised; eval runs no head.
                if name in heads and (train or self.is_initializing()):
                    head = heads[name](
                        self.conv(train), self.num_classes, train, name=f"aux_{name}"
                    )
                    aux[f"aux_{name}"] = head(self.stop(materialize(x)))
        x = self.stop(materialize(x))
        kept["pool"] = x = global_avg_pool(x.astype(wide(self.dtype)))
        rate = d.dropout if self.dropout is None else self.dropout
        x = self.pre_logits(dropout(self, x, rate, train), train, kept)
        if self.num_classes:
            x = Dense(self.num_classes, self.logits_init(), self.dtype, name="logits")(x)
        features = {name: materialize(x) for name, x in kept.items()} if endpoints else {}
        return Output(x, aux if train else {}, features)


def apply_rows(net: Network, x: Any, *, conv: Callable[..., Any], rows: Sequence[Any]) -> list[Any]:
    """The outputs of rows, given with their `ends`, one after the other from `x` on."""
    made = []
    for row, end in rows:
        make = conv if end == remat.ROW else partial(conv, checkpoint_name=remat.STEM)
        takes = x if getattr(row.build, "defers", False) else materialize(x)
        x = remat.named(row.build(net, make, takes, row.name), end)
        made.append(x)
    return made


def units(rows: Sequence[Row]) -> list[list[tuple[Row, str]]]:
    """The rows with their `ends` in the parts that `remat.unit` takes: the stem, and each other."""
    pairs = list(zip(rows, ends(rows), strict=True))
    stem = [pair for pair in pairs if pair[1] != remat.ROW]
    return [part for part in (stem, *([p] for p in pairs[len(stem) :])) if part]


def ends(rows: Sequence[Row]) -> list[str]:
    """What `remat` calls each row's output: in the stem, what is half of what it was read from.

    The stem ends with the first row of a small grid, if that halves, or with the one before it: of
    its last output all of the body can be computed again.
    """
    sizes = [row.grid**2 * row.channels for row in rows]
    halves = [i > 0 and 2 * sizes[i] < sizes[i - 1] for i in range(len(rows))]
    large = sum(row.grid > STEM * rows[-1].grid for row in rows)
    stem = large + 1 if large and halves[large] else large
    kept = [halves[i] or i == stem - 1 for i in range(stem)]
    return [remat.BLOCK if k else remat.STEM for k in kept] + [remat.ROW] * (len(rows) - stem)


def with_decay(dialect: Dialect, decay: float) -> Dialect:
    """The dialect with another decay of BatchNorm's moving averages."""
    if dialect.norm is None:
        return dialect
    return dataclasses.replace(dialect, norm=dataclasses.replace(dialect.norm, decay=decay))


def defers(build: Build) -> Build:
    """Marks a row's function that takes, and may give, a Preactivation instead of an array."""
    build.__dict__["defers"] = True
    return build


def repeats(build: Build) -> Build:
    """Marks a row's function that is a chain of blocks, each a `remat.unit` by itself."""
    build.__dict__["repeats"] = True
    return build


def block(kind: Callable[..., nn.Module], **fields: Any) -> Build:
    """A row built by a block's class, which takes the conv factory first."""
    return lambda net, conv, x, name: kind(conv, **fields, name=name)(x)


def convolution(features: int, kernel: int = 1, strides: int = 1, padding: str = "SAME") -> Build:
    """A row that is a single ConvBN."""

    def build(net: Network, conv: Callable[..., Any], x: Any, name: str) -> Any:
        return conv(features, kernel, strides, padding, name=name)(x, defer=True)

    return defers(build)


def pooling(pool: Callable[..., Array], *args: Any) -> Build:
    """A row that is a pool, in the dialect's padding."""
    return defers(lambda net, conv, x, name: pool(x, *args, style=net.switches.padding))
