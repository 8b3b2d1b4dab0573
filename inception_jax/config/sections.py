"""The config's sections: each key with its type, rule, meaning, and default if pages may omit it.

At run time a config is a `ConfigDict`; the classes serve annotations, `def build(optim:
sections.Optim)`, and give `keys.RULES` and the defaults of the fragments. The meaning of a key is
its comment, beside it or in the lines above it, with the source in brackets at its end;
`inception-jax config --explain=KEY` prints it.
"""

import typing
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from ml_collections import ConfigDict

from inception_jax.config.rules import (
    INT32,
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

    # where images are from: the built-in digits, a folder, TFDS, or a set of `data prepare`
    source: Literal["digits", "folder", "tfds", "raw"]
    name: str = ""  # of a tensorflow-datasets data set, or of a set of decoded images
    dir: Place = ""  # of a folder tree, or tensorflow-datasets' data_dir
    train_split: str = "train"  # split to train on, such as the folder train/
    # what a label is; loss, outputs and metrics follow it
    task: Literal["classification", "multilabel", "regression", "embedding"] = "classification"
    labels: Place = ""  # CSV or Parquet file of paths and labels; empty: the folders' names
    label_columns: tuple[str, ...] = ("label",)  # columns of data.labels with the labels or values
    balance: Share = 0.0  # of classes in training; 0: by their images, 1: all alike
    folds: Annotated[int, whole(2, or_=0)] = 0  # parts of the training split; 0: none
    fold: Count = 0  # part of the training split that is held out, as the split `fold`
    images_per_class: Count = 0  # of a batch, of batch_size / this classes; 0: by chance
    classes: Annotated[int, whole(1, auto=-1)] = -1  # number of classes or values; -1: counted
    # what an example of a folder is, see data/sources/file_kind.py
    files: Literal["images", "arrays", "groups"] = "images"
    channels: Annotated[int, whole(1, 16)] = 3  # 1: grey; other numbers: arrays and groups
    dtype: Literal["uint8", "uint16", "float32"] = "uint8"  # of the stored pixels
    image_size: Natural  # pixels of a side in training
    eval_size: Count = 0  # pixels of a side in evaluation; 0: image_size [1906.06423]
    batch_size: Natural  # images per step, over all devices
    # random crop of a training image; `inception` is GoogLeNet's [1409.4842]
    crop: Literal["inception", "random_resized", "tensorflow", "pad", "central"] = "inception"
    # least and largest share of the image's area in the random crop [1409.4842]
    area: Annotated[tuple[float, float], span(0, 1, "(0.08, 1.0)")] = (0.08, 1.0)
    # least and largest width / height of the random crop [1409.4842]
    aspect: Annotated[tuple[float, float], span(0, 100, "(0.75, 1.33)")] = (3 / 4, 4 / 3)
    pad: Count = 0  # pixels added on each side for the pad crop
    eval_crop: Factor = 0.875  # fraction of a side in evaluation's central crop [TF-slim]
    # evaluation's resize: stretch to a square, or by the short side and cropped
    resize: Literal["stretch", "short_side"] = "stretch"
    # of every resize, see data/images/resize.py
    interpolation: Literal["bilinear", "nearest", "bicubic", "area", "lanczos", "tf1_bilinear",
                           "pil_bilinear", "pil_bicubic", "random"] = "bilinear"  # fmt: skip
    flip: bool = True  # mirror training images at random
    # random colour distortion of training images, by the order of its operations
    colour: Literal["none", "slim", "original", "fast"] = "none"
    cache: bool = False  # keep decoded images in memory
    threads: Annotated[int, whole(1, 1024, auto=-1)] = -1  # threads that read; -1: one per core
    # processes of these threads; 0: this one; -1: auto
    processes: Annotated[int, whole(0, 1024, auto=-1)] = -1


class Augment(Protocol):
    """The `augment` section: what training does to images beyond `data`'s crop, mirror, colours."""

    # how data.flip mirrors: by chance, or in every other epoch [2404.00498]
    flips: Literal["random", "alternating"] = "random"
    # RandAugment or TrivialAugment [1909.13719, 2103.10158]
    policy: Literal["none", "randaugment", "trivialaugment"] = "none"
    # library whose operations and magnitudes the policy has
    operations: Literal["timm", "torchvision"] = "timm"
    num_ops: Natural = 2  # operations per image of RandAugment [1909.13719]
    # strength of RandAugment's operations [timm: rand-m9]
    magnitude: Annotated[float, real(0, 30)] = 9.0
    # standard deviation of the magnitude of each operation; timm's
    magnitude_std: NotNegative = 0.0
    repeats: Natural = 1  # copies of an example in a batch [1901.09335]
    mixup: NotNegative = 0.0  # alpha of mixup's Beta distribution; 0: off [1710.09412]
    cutmix: NotNegative = 0.0  # alpha of CutMix's Beta distribution; 0: off [1905.04899]
    mix_probability: Share = 1.0  # probability of mixing at all [timm]
    switch_probability: Share = 0.5  # probability of CutMix where mixup is on too [timm]
    # what shares a mixing ratio: all images of a batch, or none [timm]
    mix_per: Literal["batch", "image"] = "batch"
    erasing: Share = 0.0  # probability of random erasing; 0: off [1708.04896]
    # what an erased box is filled with: 0, a colour, or noise
    erasing_fill: Literal["const", "rand", "pixel"] = "const"


@typing.runtime_checkable  # checked in tests, where models.from_config takes it
class Model(Protocol):
    """The `model` section."""

    name: str  # network of `inception-jax describe`, or of your own: path/to/net.py:MyNet
    dialect: str = ""  # variant of the network; empty: the one with published accuracy
    num_classes: Annotated[
        int, whole(1, or_=0, auto=-1)
    ] = -1  # outputs; 0: features; -1: data.classes
    width: Annotated[float, real(0, 16, above=True)] = 1.0  # factor on every channel count
    # first layers: the paper's; for about 32 pixels `small`, GoogLeNet's `whitened`
    stem: Literal["paper", "small", "whitened"] = "paper"
    aux: bool = True  # auxiliary classifiers, where the network has them [1409.4842]
    dropout: Probability  # probability of dropping a feature before the classifier
    drop_path: Probability = 0.0  # stochastic depth: of the last block, rises from 0 [1603.09382]
    # probability of dropping a branch of a module without a shortcut [1605.07648]
    drop_branch: Probability = 0.0
    bn_group: Count  # images per BatchNorm group; 0: the whole batch
    bn_decay: Annotated[float, real(0, 1)]  # decay of BatchNorm's moving averages
    bn_frozen: bool = False  # BatchNorm keeps its averages in training, and normalises by them
    drop_rows: tuple[str, ...] = ()  # rows of the network's table to leave out
    residual_scale: NotNegative = 0.0  # of residual branches; 0: as published [1602.07261]
    normalization: Literal["", "inception", "imagenet"] = ""  # of pixels; "": the dialect's
    # mean of each channel, as `data check` prints it; (): the dialect's of RGB
    mean: Annotated[tuple[float, ...], numbers()] = ()
    # standard deviation of each channel, as `data check` prints it; (): the dialect's
    std: Annotated[tuple[float, ...], numbers(above=0)] = ()
    # of the computation; parameters and BatchNorm's averages are float32 at least
    dtype: Literal["float32", "bfloat16", "float16", "float64"] = "float32"


class Loss(Protocol):
    """The `loss` section."""

    # loss of the task; binary: each class apart [2110.00476]
    name: Literal["cross_entropy", "binary_cross_entropy", "squared_error", "huber",
                  "absolute_error", "triplet", "cosface", "arcface"] = "cross_entropy"  # fmt: skip
    margin: NotNegative = 0.35  # of triplet (0: soft), cosface and arcface, whose paper has 0.5
    scale: Positive = 64.0  # of the cosines of cosface and arcface
    delta: Positive = 1.0  # standard deviations up to which Huber's loss is quadratic
    label_smoothing: Probability  # share of a label spread over all classes [1512.00567]
    class_weights: Annotated[str, weights()] = "none"  # factors on the loss, by class
    effective_beta: Decay = 0.999  # of effective class weights [1901.05555]
    example_weights: bool = False  # whether the labels file's column `weight` is a factor too
    target_threshold: Share = 0.0  # targets above become 1, of binary_cross_entropy; 0: off
    teacher: Place = ""  # workdir of the run to distil; empty: none [1503.02531]
    teacher_weight: Share = 0.5  # share of the distillation loss
    temperature: Positive = 1.0  # of both softmaxes in the distillation loss
    aux_weight: NotNegative  # of each auxiliary classifier's loss
    l2: NotNegative  # L2 penalty: times half the squared norm of the kernels; 0: off


class Optim(Protocol):
    """The `optim` section."""

    name: Literal["sgd", "rmsprop", "adam", "adamw", "lamb", "lars", "lion", "muon"]  # optimiser
    lr: Positive  # peak of the learning rate; not scaled by the batch or the number of devices
    momentum: Decay = 0.0  # momentum of SGD, RMSProp, LARS, Muon; 0: off
    nesterov: bool = False  # Nesterov's form of the momentum
    decay: Decay = 0.0  # decay of RMSProp's second moment
    betas: Annotated[tuple[float, float], pair(0, 1)] = (0.9, 0.999)  # decays of Adam, LAMB, Lion
    eps: NotNegative = 0.0  # added to the denominator of an adaptive optimiser
    adam_lr: Positive = 1.0  # factor on lr for the parameters that Muon leaves to Adam
    fixed_norm: bool = False  # Muon's kernels keep their norm, and lr is relative to it
    trust: Positive = 0.001  # LARS's coefficient [1708.03888]
    weight_decay: NotNegative = 0.0  # decoupled; LARS's and LAMB's own; 0: off [1711.05101]
    # parameters that weight_decay acts on
    decay_mask: Literal["kernels", "backbone", "all"] = "kernels"
    schedule: Literal[
        "staircase", "cosine", "constant", "polynomial", "exponential", "piecewise", "onecycle"
    ]  # of the rate after the warmup, see train/optim/schedules.py
    decay_rate: Factor  # factor of staircase, exponential, piecewise; 1: none
    every_epochs: Positive  # epochs per decay_rate, of staircase and exponential
    milestones: Annotated[tuple[float, ...], rising(0)] = ()  # epochs at which piecewise decays
    power: Positive = 1.0  # exponent of polynomial; 1: linear
    floor: Share = 0.0  # share of lr below which no schedule goes, and where most end
    cold_epochs: NotNegative = 0.0  # epochs before the warmup, at its first rate
    warmup_epochs: NotNegative  # epochs in which the rate rises linearly to lr; 0: none
    warmup_start: Share = 0.0  # where the warmup starts, as a share of lr
    warmup_end: Factor = 1.0  # where the warmup ends, as a share of lr
    lr_every: Literal["step", "epoch"] = "step"  # when the learning rate changes
    clip: NotNegative = 0.0  # largest global norm of the gradient; 0: off
    agc: NotNegative = 0.0  # adaptive gradient clipping, by units; 0: off [2102.06171]
    sam: NotNegative = 0.0  # radius of sharpness-aware minimisation; 0: off [2010.01412]
    lookahead: Count = 0  # steps between those of the slow weights; 0: off [1907.08610]
    lookahead_rate: Factor = 0.5  # share of the way to the fast weights
    loss_scale: NotNegative = 0.0  # initial scale, then dynamic; for float16; 0: off
    accumulate: Natural = 1  # microbatches per step, whose gradients are added
    backbone_lr: NotNegative = 1.0  # factor on lr outside the classifiers; 0: frozen
    layer_decay: Factor = 1.0  # factor on lr from a row to the one below it [2106.08254]
    freeze_until: str = ""  # first row that learns; logits: none; empty: all
    head_epochs: NotNegative = 0.0  # first epochs, of the classifier alone, on stored features
    # epochs from a row's first step to that of the row below it; 0: all learn [1801.06146]
    unfreeze_epochs: NotNegative = 0.0


class Ema(Protocol):
    """The `ema` section."""

    decay: Decay  # of the weights' moving average, which is evaluated and exported; 0: off


class Train(Protocol):
    """The `train` section."""

    epochs: Positive  # length of the training
    # image sizes before data.image_size [2104.00298]
    sizes: Annotated[tuple[int, ...], naturals()] = ()
    size_epochs: Annotated[tuple[float, ...], rising(0)] = ()  # epoch at which each of `sizes` ends
    cache_features: bool = False  # compute frozen rows once an image; see optim.freeze_until
    patience: Count = 0  # evaluations without a better score before an early stop; 0: off
    # batches that set BatchNorm's averages anew at the end; 0: off [2105.07576]
    recalibrate: Count = 0
    # activations computed again in the backward pass, to save memory
    recompute: Literal["none", "lean", "rows"] = "none"
    vmem: Count = 0  # MiB of TPU VMEM per fusion; 0: the compiler's default
    # at a loss that is not finite: stop, or go back to a checkpoint
    on_divergence: Literal["stop", "rollback"] = "stop"
    rollbacks: Count = 3  # most rollbacks of a run
    rollback_factor: Factor = 1.0  # factor on the learning rate after each rollback
    watchdog: NotNegative = 300.0  # least seconds without a step before exit; 0: off


class Eval(Protocol):
    """The `eval` section."""

    split: str  # split to evaluate
    batch_size: Natural  # images at a time, over all devices; results do not depend on it
    every_epochs: Positive  # epochs between evaluations during the training
    protocol: Literal[
        "config", "mirror", "shift", "slim", "torchvision", "timm", "10crop", "12crop", "144crop"
    ] = "config"  # crops of an image whose softmaxes are averaged; see eval/README.md


class Checkpoint(Protocol):
    """The `checkpoint` section."""

    every_epochs: Positive  # epochs between checkpoints
    keep: Natural = 2  # newest checkpoints to keep
    keep_every_epochs: NotNegative = 0.0  # also one per interval, for ever; 0: none
    keep_best: Count = 0  # also those with the best score on eval.split; 0: none
    init: Place = ""  # workdir with the initial weights; empty: random


class Mesh(Protocol):
    """The `mesh` section; by default all devices are on the `data` axis."""

    data: Annotated[int, whole(1, auto=-1)] = -1  # devices sharing the batch; -1: all remaining
    model: Natural = 1  # devices that share large parameters
    zero: bool = False  # shard optimiser and averages over `data` too (ZeRO-1) [1910.02054]
    # dtype in which devices add gradients; auto: XLA's choice
    reduce: Literal["auto", "float32", "bfloat16"] = "auto"


class Log(Protocol):
    """The `log` section."""

    every_steps: Natural  # steps per line of metrics.jsonl, their mean
    tensorboard: bool = True  # also write event files for TensorBoard
    # also log to Weights & Biases or MLflow (pip install '.[track]')
    track: Literal["none", "wandb", "mlflow"] = "none"
    monitors: bool = False  # by block: gradient norm, dead ReLUs, residual ratio
    profile: Count = 0  # steps to trace, from the 10th of an attempt; 0: none


class Sections(Protocol):
    """All sections, in the order of a page."""

    seed: Annotated[int, whole(0, INT32)]  # of initial weights, order, augmentation
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
