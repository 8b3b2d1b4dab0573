"""The config's sections: each key with its type, its rule, and its default, if pages may omit it.

At run time a config is a `ConfigDict`; the classes serve annotations, `def build(optim:
sections.Optim)`, and give `RULES` and the defaults of the fragments.
"""

import typing
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from ml_collections import ConfigDict

from inception_jax.config.rules import (
    INT32,
    PLAIN,
    Rule,
    choice,
    naturals,
    numbers,
    pair,
    path,
    real,
    rising,
    span,
    weights,
    whole,
)  # fmt: skip

Count = Annotated[int, whole(0)]
Natural = Annotated[int, whole(1)]
NotNegative = Annotated[float, real(0)]
Positive = Annotated[float, real(0, above=True)]
Decay = Annotated[float, real(0, 1, below=True)]
Factor = Annotated[float, real(0, 1, above=True)]
Share = Annotated[float, real(0, 1)]
Probability = Annotated[float, real(0, 0.99)]
Place = Annotated[str, path()]


@typing.runtime_checkable  # checked in tests, where models.from_config takes it
class Data(Protocol):
    """The `data` section; by default GoogLeNet's crop and TF-slim's evaluation."""

    source: Literal["digits", "folder", "tfds", "raw"]
    name: str = ""  # of a tensorflow-datasets data set, or of a set of decoded images
    dir: Place = ""  # of a folder tree, or tensorflow-datasets' data_dir
    train_split: str = "train"
    task: Literal["classification", "multilabel", "regression", "embedding"] = "classification"
    labels: Place = ""  # CSV or Parquet file of paths and labels, of a folder; empty: its folders
    label_columns: tuple[str, ...] = ("label",)  # of that file
    balance: Share = 0.0  # of classes in training; 0: by their images, 1: all alike
    folds: Annotated[int, whole(2, or_=0)] = 0  # of the training split; 0: none
    fold: Count = 0  # which of them is held out, as the split `fold`
    images_per_class: Count = 0  # of a batch, of batch_size / this classes; 0: by chance
    classes: Annotated[int, whole(1, auto=-1)] = -1  # of training, or its values; -1: counted
    files: Literal["images", "arrays", "groups"] = "images"  # of a folder: `sources/file_kind.py`
    channels: Annotated[int, whole(1, 16)] = 3  # 1: grey; other numbers: arrays and groups
    dtype: Literal["uint8", "uint16", "float32"] = "uint8"  # of the stored pixels
    image_size: Natural  # pixels
    eval_size: Count = 0  # pixels of evaluation's images; 0: image_size
    batch_size: Natural  # images per step, over all devices
    crop: Literal["inception", "random_resized", "tensorflow", "pad", "central"] = "inception"
    area: Annotated[tuple[float, float], span(0, 1, "(0.08, 1.0)")] = (0.08, 1.0)  # random crop
    aspect: Annotated[tuple[float, float], span(0, 100, "(0.75, 1.33)")] = (3 / 4, 4 / 3)
    pad: Count = 0  # pixels of the pad crop
    eval_crop: Factor = 0.875  # fraction of the image kept by the central crop
    resize: Literal["stretch", "short_side"] = "stretch"
    interpolation: Literal["bilinear", "nearest", "bicubic", "area", "lanczos", "tf1_bilinear",
        "pil_bilinear", "pil_bicubic", "random"] = "bilinear"  # `images/resize.py`  # fmt: skip
    flip: bool = True
    colour: Literal["none", "slim", "original", "fast"] = "none"
    cache: bool = False  # keep decoded images in memory
    threads: Annotated[int, whole(1, 1024, auto=-1)] = -1  # that read; -1: one for each core
    processes: Annotated[int, whole(0, 1024, auto=-1)] = -1  # in which they are; 0: this; -1: auto


class Augment(Protocol):
    """The `augment` section: what training does to images beyond `data`'s crop, mirror, colours."""

    flips: Literal["random", "alternating"] = "random"  # of data.flip; by image, or by epoch
    policy: Literal["none", "randaugment", "trivialaugment"] = "none"
    operations: Literal["timm", "torchvision"] = "timm"  # of the policy, and their magnitudes
    num_ops: Natural = 2  # of RandAugment
    magnitude: Annotated[float, real(0, 30)] = 9.0  # of RandAugment
    magnitude_std: NotNegative = 0.0  # of the magnitude of each operation; timm's
    repeats: Natural = 1  # of an example in a batch
    mixup: NotNegative = 0.0  # alpha of its Beta distribution; 0: off
    cutmix: NotNegative = 0.0  # alpha of its Beta distribution; 0: off
    mix_probability: Share = 1.0  # of mixing at all
    switch_probability: Share = 0.5  # of CutMix, where there is mixup too
    mix_per: Literal["batch", "image"] = "batch"
    erasing: Share = 0.0  # probability of random erasing
    erasing_fill: Literal["const", "rand", "pixel"] = "const"  # 0, a colour, noise


@typing.runtime_checkable  # checked in tests, where models.from_config takes it
class Model(Protocol):
    """The `model` section."""

    name: str
    dialect: str = ""
    num_classes: Annotated[int, whole(1, or_=0, auto=-1)] = -1  # 0: features; -1: data.classes
    width: Annotated[float, real(0, 16, above=True)] = 1.0
    stem: Literal["paper", "small", "whitened"] = "paper"
    aux: bool = True
    dropout: Probability  # of dropping a feature
    drop_path: Probability = 0.0  # of dropping the last residual branch; rises from 0 with depth
    drop_branch: Probability = 0.0  # of dropping a branch of a module that is not residual
    bn_group: Count  # images per BatchNorm group; 0: the whole batch
    bn_decay: Annotated[float, real(0, 1)]
    bn_frozen: bool = False  # BatchNorm keeps its averages in training, and normalises by them
    drop_rows: tuple[str, ...] = ()  # rows of the table to leave out
    residual_scale: NotNegative = 0.0  # of Inception-ResNet modules; 0: as published
    normalization: Literal["", "inception", "imagenet"] = ""  # "": the dialect's
    mean: Annotated[tuple[float, ...], numbers()] = ()  # of each channel; (): the dialect's of RGB
    std: Annotated[tuple[float, ...], numbers(above=0)] = ()  # `data check` prints both
    dtype: Literal["float32", "bfloat16", "float16", "float64"] = "float32"


class Loss(Protocol):
    """The `loss` section."""

    name: Literal["cross_entropy", "binary_cross_entropy", "squared_error", "huber",
        "absolute_error", "triplet", "cosface", "arcface"] = "cross_entropy"  # by task  # fmt: skip
    margin: NotNegative = 0.35  # of triplet (0: soft), cosface and arcface, whose paper has 0.5
    scale: Positive = 64.0  # of the cosines of cosface and arcface
    delta: Positive = 1.0  # standard deviations up to which Huber's loss is quadratic
    label_smoothing: Probability
    class_weights: Annotated[str, weights()] = "none"  # factors on the loss, by class
    effective_beta: Decay = 0.999  # of effective class weights (arXiv:1901.05555)
    example_weights: bool = False  # the labels file's column `weight` is a factor too
    target_threshold: Share = 0.0  # targets above become 1, of binary cross-entropy; 0: off
    teacher: Place = ""  # workdir of the run to distil; empty: none
    teacher_weight: Share = 0.5  # of the distillation loss
    temperature: Positive = 1.0  # of both softmaxes in it
    aux_weight: NotNegative  # of each auxiliary classifier
    l2: NotNegative  # times half the squared norm of the kernels


class Optim(Protocol):
    """The `optim` section."""

    name: Literal["sgd", "rmsprop", "adam", "adamw", "lamb", "lars", "lion", "muon"]
    lr: Positive
    momentum: Decay = 0.0
    nesterov: bool = False
    decay: Decay = 0.0  # of RMSProp's second moment
    betas: Annotated[tuple[float, float], pair(0, 1)] = (0.9, 0.999)  # of the Adams, LAMB, Lion
    eps: NotNegative = 0.0
    adam_lr: Positive = 1.0  # factor on lr of the leaves that Muon leaves to Adam
    fixed_norm: bool = False  # Muon's kernels keep their norm, and lr is relative to it
    trust: Positive = 0.001  # LARS's coefficient
    weight_decay: NotNegative = 0.0  # decoupled, of every optimiser; LARS's and LAMB's own
    decay_mask: Literal["kernels", "backbone", "all"] = "kernels"  # what it acts on
    schedule: Literal["staircase", "cosine", "constant", "polynomial", "exponential",
                      "piecewise", "onecycle"]  # fmt: skip
    decay_rate: Factor  # of the staircase, of exponential and piecewise
    every_epochs: Positive  # of the staircase and of exponential
    milestones: Annotated[tuple[float, ...], rising(0)] = ()  # epochs, of piecewise
    power: Positive = 1.0  # of polynomial
    floor: Share = 0.0  # share of lr below which no schedule goes, and where most end
    cold_epochs: NotNegative = 0.0  # before the warmup, at its first rate
    warmup_epochs: NotNegative
    warmup_start: Share = 0.0  # share of lr
    warmup_end: Factor = 1.0  # share of lr
    lr_every: Literal["step", "epoch"] = "step"  # when the rate changes
    clip: NotNegative = 0.0  # global norm; 0: off
    agc: NotNegative = 0.0  # adaptive gradient clipping, by units; 0: off
    sam: NotNegative = 0.0  # radius of sharpness-aware minimisation; 0: off
    lookahead: Count = 0  # steps between those of the slow weights; 0: off
    lookahead_rate: Factor = 0.5  # of the slow weights
    loss_scale: NotNegative = 0.0  # initial, then dynamic; for float16; 0: off
    accumulate: Natural = 1  # microbatches per step
    backbone_lr: NotNegative = 1.0  # factor on lr outside the classifiers; 0: frozen
    layer_decay: Factor = 1.0  # factor on lr from a row to the one below it
    freeze_until: str = ""  # the first row that learns; logits: none; empty: all
    head_epochs: NotNegative = 0.0  # first, of the classifier alone, on features computed once
    unfreeze_epochs: NotNegative = 0.0  # between a row's first step and that of the one below it


class Ema(Protocol):
    """The `ema` section."""

    decay: Decay  # 0: off


class Train(Protocol):
    """The `train` section."""

    epochs: Positive
    sizes: Annotated[tuple[int, ...], naturals()] = ()  # image sizes before data.image_size
    size_epochs: Annotated[tuple[float, ...], rising(0)] = ()  # where each of `sizes` ends
    cache_features: bool = False  # compute frozen rows once an image; see optim.freeze_until
    patience: Count = 0  # evaluations without a better score before an early stop; 0: off
    recalibrate: Count = 0  # batches that set BatchNorm's averages anew at the end; 0: off
    recompute: Literal["none", "lean", "rows"] = "none"  # activations in the backward pass
    vmem: Count = 0  # MiB of TPU VMEM per fusion; 0: the compiler's default
    on_divergence: Literal["stop", "rollback"] = "stop"
    rollbacks: Count = 3  # maximum per run
    rollback_factor: Factor = 1.0  # on the learning rate, after each rollback
    watchdog: NotNegative = 300.0  # least seconds without a step before exit; 0: off


class Eval(Protocol):
    """The `eval` section."""

    split: str
    batch_size: Natural
    every_epochs: Positive
    protocol: Literal["config", "mirror", "shift", "slim", "torchvision", "timm", "10crop",
                      "12crop", "144crop"] = "config"  # `eval/protocols.py`  # fmt: skip


class Checkpoint(Protocol):
    """The `checkpoint` section."""

    every_epochs: Positive
    keep: Natural = 2  # number of newest steps
    keep_every_epochs: NotNegative = 0.0  # also one step per interval, for ever; 0: none
    keep_best: Count = 0  # also the steps with the best score on eval.split
    init: Place = ""  # workdir with the initial weights; empty: random


class Mesh(Protocol):
    """The `mesh` section; by default all devices are on the `data` axis."""

    data: Annotated[int, whole(1, auto=-1)] = -1  # devices sharing the batch; -1: all remaining
    model: Natural = 1  # devices that share large parameters
    zero: bool = False  # shard optimiser and averages over `data` too (ZeRO-1)
    reduce: Literal["auto", "float32", "bfloat16"] = "auto"  # gradient dtype; auto: XLA's choice


class Log(Protocol):
    """The `log` section."""

    every_steps: Natural
    tensorboard: bool = True
    track: Literal["none", "wandb", "mlflow"] = "none"
    monitors: bool = False  # by block: gradient norm, dead ReLUs, residual ratio
    profile: Count = 0  # steps to trace, from the 10th of an attempt; 0: none


class Sections(Protocol):
    """All sections, in the order of a page."""

    seed: Annotated[int, whole(0, INT32)]
    data: Data
    augment: Augment
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


def _rules(hint: Any, key: str) -> dict[str, Rule]:
    """The rule of a key by its annotation; of a section, those of its keys."""
    if hint in PLAIN:
        return {key: PLAIN[hint]}
    if typing.get_origin(hint) is Literal:
        return {key: choice(*typing.get_args(hint))}
    if typing.get_origin(hint) is Annotated:
        return {key: hint.__metadata__[0]}
    rules = {}
    for name, kind in typing.get_type_hints(hint, include_extras=True).items():
        rules |= _rules(kind, f"{key}.{name}".lstrip("."))
    return rules


RULES = _rules(Sections, "")
SECTIONS = tuple(typing.get_type_hints(Sections))


def defaults(section: type) -> dict[str, Any]:
    """The keys of a section that have a default, with it."""
    return {
        key: getattr(section, key)
        for key in typing.get_type_hints(section)
        if hasattr(section, key)
    }


DEFAULTS = {
    f"{name}.{key}": value
    for name, section in typing.get_type_hints(Sections).items()
    for key, value in (defaults(section) if section is not int else {}).items()
}
