"""The types of the config's sections, for annotations: `def build(optim: sections.Optim)`.

At run time a config is a `ConfigDict`. `rules.py` holds what each value must be;
`tests/config/test_sections.py` checks that both files list the same keys with the same types.
"""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ml_collections import ConfigDict


class Data(Protocol):
    """The `data` section."""

    source: str
    name: str
    dir: str
    train_split: str
    classes: int
    image_size: int
    batch_size: int
    crop: str
    area: tuple[float, float]
    aspect: tuple[float, float]
    pad: int
    eval_crop: float
    resize: str
    interpolation: str
    flip: bool
    colour: str
    cache: bool
    threads: int
    processes: int


@runtime_checkable  # checked in tests, where models.from_config takes it
class Model(Protocol):
    """The `model` section."""

    name: str
    dialect: str
    num_classes: int
    width: float
    stem: str
    aux: bool
    dropout: float
    bn_group: int
    bn_decay: float
    drop_rows: tuple[str, ...]
    residual_scale: float
    normalization: str
    dtype: str


class Loss(Protocol):
    """The `loss` section."""

    label_smoothing: float
    aux_weight: float
    l2: float


class Optim(Protocol):
    """The `optim` section."""

    name: str
    lr: float
    momentum: float
    nesterov: bool
    decay: float
    eps: float
    weight_decay: float
    schedule: str
    decay_rate: float
    every_epochs: float
    warmup_epochs: float
    clip: float
    accumulate: int
    backbone_lr: float


class Ema(Protocol):
    """The `ema` section."""

    decay: float


class Train(Protocol):
    """The `train` section."""

    epochs: float
    recompute: str
    vmem: int
    on_divergence: str
    rollbacks: int
    rollback_factor: float
    watchdog: float


class Eval(Protocol):
    """The `eval` section."""

    split: str
    batch_size: int
    every_epochs: float


class Checkpoint(Protocol):
    """The `checkpoint` section."""

    every_epochs: float
    keep: int
    keep_every_epochs: float
    keep_best: int
    init: str


class Mesh(Protocol):
    """The `mesh` section."""

    data: int
    model: int
    zero: bool
    reduce: str


class Log(Protocol):
    """The `log` section."""

    every_steps: int
    tensorboard: bool
    track: str
    monitors: bool
    profile: int


class Sections(Protocol):
    """All sections, in the order of `SECTIONS`."""

    seed: int
    data: Data
    model: Model
    loss: Loss
    optim: Optim
    ema: Ema
    train: Train
    eval: Eval
    checkpoint: Checkpoint
    mesh: Mesh
    log: Log


if TYPE_CHECKING:

    class Config(Sections, ConfigDict):
        """A whole config: a `ConfigDict` with the attributes of `Sections`."""
else:
    Config = ConfigDict
