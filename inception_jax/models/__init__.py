"""The networks: `names`, `create`, `init`, `load`, `describe`, `preprocessing`."""

import importlib
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.typing import DTypeLike

from inception_jax.models import checks, own
from inception_jax.models.bn_inception import BNInception
from inception_jax.models.checks import ImageTooSmallError
from inception_jax.models.describe import Description, describe
from inception_jax.models.dialect import Dialect, Preprocessing
from inception_jax.models.googlenet import GoogLeNet, GoogLeNetNaive
from inception_jax.models.inception_resnet import InceptionResNetV1, InceptionResNetV2
from inception_jax.models.inception_v2 import InceptionV2
from inception_jax.models.inception_v3 import InceptionV3
from inception_jax.models.inception_v4 import InceptionV4
from inception_jax.models.lowering import fresh
from inception_jax.models.lowering.fold import fold
from inception_jax.models.names import known
from inception_jax.models.network import NORMALIZATIONS, Network, Output
from inception_jax.models.trained import TrainedNetwork
from inception_jax.models.xception import Xception

__all__ = [
    "Description",
    "Dialect",
    "ImageTooSmallError",
    "Network",
    "Output",
    "Preprocessing",
    "TrainedNetwork",
    "create",
    "describe",
    "dialects",
    "fold",
    "init",
    "load",
    "names",
    "preprocessing",
]

FAMILY = (
    GoogLeNet, GoogLeNetNaive, BNInception, InceptionV2, InceptionV3, InceptionV4,
    InceptionResNetV1, InceptionResNetV2, Xception,
)  # fmt: skip
MODELS: dict[str, type[Network]] = {f.NAME: f for f in FAMILY}
DTYPES = ("float32", "bfloat16", "float16", "float64")


def names() -> tuple[str, ...]:
    """Every network's name, sorted."""
    return tuple(sorted(MODELS))


def family(name: str) -> type[Network]:
    """The class of a network: one of `names()`, or `path/to/net.py:MyNet` of a file of yours.

    Raises:
        ValueError: there is no such network, file or class.
        ConfigError: the file's code raises.
    """
    return own.family(name) if own.is_own(name) else MODELS[known("model", name, names())]


def dialects(name: str) -> tuple[str, ...]:
    """The dialects of network `name`; the first is its default."""
    kind = family(name)
    return tuple(sorted(kind.DIALECTS, key=lambda d: d != kind.dialect))


def create(
    name: str,
    *,
    num_classes: int | None = None,
    dialect: str = "",
    dtype: DTypeLike = "float32",
    **fields: Any,
) -> Network:
    """A network by name, without parameters.

    Args:
        name: one of `names()`, or `path/to/net.py:MyNet`, a subclass of `Network` in your file.
        num_classes: outputs; 0 for none. None takes the dialect's: 1000, but 1008 for `fid` and
            none for `facenet`.
        dialect: one of `dialects(name)`; empty takes the one whose accuracy was published.
        dtype: of the computation.
        **fields: any other field of `Network`: channels, width, stem, aux, dropout, bn_group,
            bn_decay, drop_path, drop_branch, drop_rows, normalization, mean, std, residual_scale,
            bn_frozen, freeze_until.

    Raises:
        ValueError: an unknown name, dialect, stem, row or dtype, with the choices; or a number
            that no network can have.
        TypeError: an unknown field; the message has the nearest one.

    >>> model = create("inception_v3", num_classes=10, width=0.25, dtype="bfloat16")
    >>> model.dialect, model.preprocessing.image_size
    ('slim', 299)
    """
    kind = family(name)
    dialect = known("dialect", dialect or kind.dialect, tuple(kind.DIALECTS))
    checks.stem(kind, fields.get("stem", "paper"), MODELS.values())
    known("normalization", fields.get("normalization", ""), ("", *NORMALIZATIONS))
    if fields.get("residual_scale") and not kind.RESIDUAL:
        having = ", ".join(n for n, f in MODELS.items() if f.RESIDUAL)
        raise ValueError(f"residual_scale: {name} has no residual modules; {having} have")
    checks.stochastic_depth(kind, fields, MODELS.values())
    dtype = jnp.dtype(
        known("dtype", jnp.dtype(dtype).name if dtype in DTYPES else str(dtype), DTYPES)
    )
    usual = kind.DIALECTS[dialect].num_classes
    fields["num_classes"] = usual if num_classes is None else num_classes
    fields = checks.constants(kind, checks.fields(kind, fields))
    model = kind(dialect=dialect, dtype=dtype, **fields)
    model.rows()  # refuses an unknown name in `drop_rows`
    return model


def init(
    model: Network, seed: int | jax.Array = 0, image_size: int | None = None
) -> dict[str, Any]:
    """Fresh variables: {'params'} and, where there is BatchNorm, {'batch_stats'}.

    The tree is the same for train and eval: it always holds the auxiliary heads. Called inside
    `jax.jit` it is part of that program, whose `out_shardings` can place it; else a second or two
    are for tracing the network and drawing the values, and nothing of its size is compiled.

    Args:
        model: the network.
        seed: of the values; an equal one gives equal values.
        image_size: side of the images in pixels, of which a layer of GoogLeNet's auxiliary heads
            has its size; None takes the dialect's, or 32 for a small stem.

    Returns:
        Trees of float32 arrays (float64 for a float64 network), on the default device.

    Raises:
        ImageTooSmallError: the image is below the network's minimum; the layer is named.
    """
    size = image_size or (32 if model.small else model.preprocessing.image_size)
    shape = (model.bn_group or 1, size, size, model.channels)

    def variables(key: jax.Array) -> dict[str, Any]:
        return dict(model.init(key, jnp.zeros(shape, model.dtype)))

    key = jax.random.key(seed)
    if isinstance(key, Tracer):
        return variables(key)
    return jax.device_put(fresh.evaluated(variables, seed))


def load(
    source: str | Path,
    *,
    file: str | Path | None = None,
    step: int | None = None,
    weights: Literal["averaged", "raw"] = "averaged",
) -> TrainedNetwork:
    """A trained network, with its class names and preprocessing.

    Args:
        source: directory of a run that `inception-jax train` or `import` made; or a network of
            another framework, such as `timm:inception_v4`.
        file: that network's weight file, as `inception-jax import` takes it; nothing is written.
            Without it `timm/inception_v4.tf_in1k` is downloaded from the Hugging Face hub.
        step: of the run's checkpoint; None takes the newest good one.
        weights: `averaged` over steps, where the run has averages, or `raw`.

    Raises:
        ConfigError: no run is there, or the network or its file is unknown.
        DataError: no such checkpoint, a damaged one, or a file that does not fit the network.
    """
    # By name, as checkpoints and weight files are to the right of this package, which they import.
    loading = importlib.import_module("inception_jax.eval.loading")
    return loading.load(source, file, step, weights)


def preprocessing(model: Network) -> Preprocessing:
    """Image size, crop, resize rule, mean and scale of the model's dialect."""
    return model.preprocessing
