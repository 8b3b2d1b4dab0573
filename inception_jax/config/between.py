"""Rules between the keys of a config, and between its sections."""

import itertools
import math

from inception_jax.config import freezing, of_task, optim
from inception_jax.config.freezing import WITHOUT_NORM
from inception_jax.config.sections import Config
from inception_jax.errors import ConfigError


def check(c: Config) -> None:
    """Refuse values that cannot work together.

    Raises:
        ConfigError: names the keys, the expected and the given values, and what to change.
    """
    rules = (of_task.check, _labels, _papers, _channels, _augment, _policy, _loss, optim.check)
    for check_rules in (*rules, freezing.check, _run):
        check_rules(c)


def _papers(c: Config) -> None:
    """Refuse what the sections of the papers' recipes cannot have together."""
    d, m, o = c.data, c.model, c.optim

    def refuse(holds: bool, message: str) -> None:
        if holds:
            raise ConfigError(message)

    counted = -1 in (m.num_classes, d.classes)  # from the data, when the run starts
    refuse(
        not counted and m.num_classes not in (0, d.classes, d.classes + 1, d.classes + 8),
        f"--config.model.num_classes={m.num_classes}: expected data.classes={d.classes} "
        f"(or one more, with a background class, or eight more, as in the 1008 of FID)",
    )
    refuse(
        d.source == "folder" and not (d.dir or d.labels),
        "--config.data.dir is empty: name a folder tree, or a file of labels: data.labels=FILE",
    )
    refuse(d.source == "tfds" and not d.name, "--config.data.name is empty: name a TFDS set")
    refuse(
        d.source == "raw" and not (d.name and d.dir),
        "--config.data.name or --config.data.dir is empty: name a set of decoded images, and the "
        "folder that holds it",
    )
    refuse(
        d.crop == "pad" and d.pad >= d.image_size,
        f"--config.data.pad={d.pad}: expected less than data.image_size={d.image_size}",
    )
    micro, left = divmod(d.batch_size, o.accumulate)
    refuse(
        left != 0,
        f"--config.optim.accumulate={o.accumulate}: expected a divisor of data.batch_size="
        f"{d.batch_size}",
    )
    group, normed = m.bn_group, (m.name, m.dialect) not in WITHOUT_NORM
    refuse(
        normed and group > 0 and micro % group != 0,
        f"--config.model.bn_group={group}: expected a divisor of data.batch_size / "
        f"optim.accumulate = {micro}, or 0 for the whole batch",
    )
    refuse(
        normed and group == 0 and o.accumulate > 1,
        f"--config.model.bn_group=0 with --config.optim.accumulate={o.accumulate}: BatchNorm over "
        f"the whole batch cannot be accumulated; set model.bn_group to {micro} or a divisor of it",
    )
    refuse(
        m.dtype == "float64" and c.mesh.reduce != "auto",
        f"--config.mesh.reduce={c.mesh.reduce} with --config.model.dtype=float64: expected auto, "
        f"with which the devices add gradients of float64 in float64",
    )


def _labels(c: Config) -> None:
    """Refuse labels and folds that the data cannot have."""
    d = c.data
    if d.labels and d.source != "folder":
        raise ConfigError(
            f"--config.data.labels={d.labels} with --config.data.source={d.source}: expected "
            f"folder, as the file names image files"
        )
    if d.images_per_class and d.batch_size % d.images_per_class:
        raise ConfigError(
            f"--config.data.images_per_class={d.images_per_class}: expected a divisor of "
            f"data.batch_size={d.batch_size}"
        )
    if d.images_per_class and (d.balance or c.augment.repeats > 1):
        raise ConfigError(
            f"--config.data.images_per_class={d.images_per_class}: expected data.balance=0 and "
            f"augment.repeats=1, as it chooses the images of a batch itself"
        )
    if 0 < d.folds <= d.fold:
        raise ConfigError(
            f"--config.data.fold={d.fold}: expected less than data.folds={d.folds}, as folds count "
            f"from 0"
        )
    if c.eval.split == "fold" and not d.folds and d.source != "tfds":
        raise ConfigError(
            "--config.eval.split=fold: expected data.folds, such as --config.data.folds=5, of "
            "which one is held out; or another split"
        )


def _channels(c: Config) -> None:
    """Refuse what images of these channels and this dtype cannot have."""
    d, m, a = c.data, c.model, c.augment
    have = f"--config.data.channels={d.channels} of {d.dtype}"
    # What each kind of file can hold: the channels, and the dtypes.
    grey = d.channels == 1 and d.source in ("folder", "tfds")
    channels, dtypes = {
        "images": ((1, 3), ("uint8", "uint16") if grey else ("uint8",)),
        "groups": (range(2, 17), ("uint8", "uint16")),
        "arrays": (range(1, 17), ("uint8", "uint16", "float32")),
    }[d.files]
    for key, allowed in (("channels", channels), ("dtype", dtypes)):
        if (value := getattr(d, key)) not in allowed:
            words = f"{allowed[0]} to {allowed[-1]}" if len(allowed) > 2 else str(list(allowed))
            raise ConfigError(
                f"--config.data.{key}={value}: expected {words} of data.source={d.source} with "
                f"data.files={d.files}; a folder with --config.data.files=arrays holds any"
            )
    rgb = d.channels == 3 and d.dtype == "uint8"
    for key, value in (("data.colour", d.colour), ("augment.policy", a.policy)):
        if not rgb and value != "none":
            raise ConfigError(
                f"--config.{key}={value} with {have}: expected none, as its colours are those of "
                f"RGB images of 8 bits"
            )
    for key, values in (("mean", m.mean), ("std", m.std)):
        if len(values) not in ((d.channels,) if m.mean or m.std else (0,)):
            raise ConfigError(
                f"--config.model.{key}={values}: expected {d.channels} numbers, one for each of "
                f"data.channels, or neither mean nor std; `inception-jax data check` prints both"
            )
    if m.normalization and (m.mean or not rgb):
        what = "--config.model.mean" if m.mean else have
        raise ConfigError(
            f"--config.model.normalization={m.normalization} with {what}: expected none, it is of "
            f"RGB images of 8 bits; leave out one of them"
        )


def _augment(c: Config) -> None:
    a, d = c.augment, c.data
    if (a.mixup or a.cutmix) and d.batch_size % 2:
        key = "mixup" if a.mixup else "cutmix"
        raise ConfigError(
            f"--config.data.batch_size={d.batch_size}: expected an even number with "
            f"augment.{key}={getattr(a, key)}, which mixes pairs of images"
        )
    if (a.mixup or a.cutmix) and not a.mix_probability:
        raise ConfigError(
            "--config.augment.mix_probability=0.0: expected above 0, or nothing to mix: "
            "augment.mixup=0 and augment.cutmix=0"
        )
    if (a.mixup or a.cutmix) and d.batch_size == a.repeats:
        raise ConfigError(
            f"--config.augment.repeats={a.repeats} with data.batch_size={d.batch_size}: expected "
            f"fewer, as the copies of one example cannot be mixed; set augment.mixup=0 and cutmix=0"
        )
    if a.flips == "alternating" and not d.flip:
        raise ConfigError(
            "--config.augment.flips=alternating with --config.data.flip=false: expected images "
            "that are mirrored; set --config.data.flip=true, or leave augment.flips=random"
        )
    if a.flips == "alternating" and a.repeats > 1:
        raise ConfigError(
            f"--config.augment.repeats={a.repeats} with --config.augment.flips=alternating: "
            f"expected repeats=1, as all repeats of an example would be mirrored alike; set "
            f"augment.flips=random"
        )


def _loss(c: Config) -> None:
    threshold, smoothing = c.loss.target_threshold, c.loss.label_smoothing
    if not threshold:
        return
    if c.loss.name != "binary_cross_entropy":
        raise ConfigError(
            f"--config.loss.target_threshold={threshold} with --config.loss.name={c.loss.name}: "
            f"expected binary_cross_entropy, whose targets need not add up to 1"
        )
    if c.model.num_classes < 0:  # not counted yet
        return
    low = smoothing / max(c.model.num_classes, 1)
    if not low <= threshold < 1 - smoothing + low:
        raise ConfigError(
            f"--config.loss.target_threshold={threshold}: expected at least {low:g} and less than "
            f"{1 - smoothing + low:g}, the targets of other classes and of the label with "
            f"loss.label_smoothing={smoothing}; beyond these all classes are targets, or none"
        )


def _policy(c: Config) -> None:
    """Refuse values of RandAugment's and the repeats' keys that cannot work."""
    a, batch_size = c.augment, c.data.batch_size
    if batch_size % a.repeats:
        raise ConfigError(
            f"--config.augment.repeats={a.repeats}: expected a divisor of data.batch_size="
            f"{batch_size}"
        )
    if a.policy != "randaugment":
        return
    if a.operations == "timm" and a.magnitude > 10:
        raise ConfigError(
            f"--config.augment.magnitude={a.magnitude}: expected at most 10, timm's largest; "
            f"torchvision's go to 30, with --config.augment.operations=torchvision"
        )
    if a.operations == "torchvision" and a.magnitude % 1:
        raise ConfigError(
            f"--config.augment.magnitude={a.magnitude}: expected a whole number from 0 to 30, the "
            f"number of one of torchvision's 31 strengths; or set --config.augment.operations=timm"
        )


def _run(c: Config) -> None:
    """Refuse what concerns a run as a whole: sizes, recalibration, early stops, a teacher."""
    d, m, t = c.data, c.model, c.train
    # Evaluations that may find nothing better before the one at the end.
    patience = max(0, math.ceil(t.epochs / c.eval.every_epochs - 1e-9) - 2)
    rules = (
        (
            len(t.sizes) != len(t.size_epochs),
            f"--config.train.size_epochs={t.size_epochs}: expected as many as train.sizes="
            f"{t.sizes}, the epoch at which each of them ends",
        ),
        (
            any(a >= b for a, b in itertools.pairwise((*t.sizes, d.image_size))),
            f"--config.train.sizes={t.sizes}: expected rising sizes below data.image_size="
            f"{d.image_size}, with which the training ends",
        ),
        (
            bool(t.size_epochs) and t.size_epochs[-1] >= t.epochs,
            f"--config.train.size_epochs={t.size_epochs}: expected epochs below train.epochs="
            f"{t.epochs}, so that images of data.image_size={d.image_size} follow",
        ),
        (
            d.crop == "pad" and bool(t.sizes) and d.pad >= min(t.sizes),
            f"--config.data.pad={d.pad}: expected less than the smallest of train.sizes={t.sizes}",
        ),
        (
            t.recalibrate > 0 and (m.name, m.dialect) in WITHOUT_NORM,
            f"--config.train.recalibrate={t.recalibrate}: {m.name} has no BatchNorm; set "
            f"--config.train.recalibrate=0, or --config.model.dialect=slim",
        ),
        (
            t.patience > patience,
            f"--config.train.patience={t.patience}: expected at most {patience}: with evaluations "
            f"every eval.every_epochs={c.eval.every_epochs} of train.epochs={t.epochs} this "
            f"training could not stop early; set --config.train.patience={patience}, or more "
            f"--config.train.epochs",
        ),
        (
            bool(c.loss.teacher) and c.loss.teacher_weight == 0,
            "--config.loss.teacher_weight=0.0 with --config.loss.teacher: expected a weight above "
            "0, or no teacher: --config.loss.teacher=",
        ),
    )
    for broken, message in rules:
        if broken:
            raise ConfigError(message)
