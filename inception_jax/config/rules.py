"""The list of all config sections and keys, with the rule that each value must satisfy."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

SECTIONS = (
    "seed", "data", "model", "loss", "optim", "ema", "train", "eval", "checkpoint", "mesh", "log",
)  # fmt: skip
INT32 = 2**31 - 1


class Rule(NamedTuple):
    """The type of a value, a test, and the words for what is expected in an error message."""

    kind: type
    holds: Callable[[Any], bool]
    expected: str

    def admits(self, value: Any) -> bool:
        """Return whether the value has the type, is finite, and passes the test."""
        kinds = {float: (int, float), tuple: (tuple, list)}.get(self.kind, (self.kind,))
        if not isinstance(value, kinds) or (isinstance(value, bool) and self.kind is not bool):
            return False
        return not (isinstance(value, float) and not math.isfinite(value)) and self.holds(value)


def whole(low: int, high: int | None = None, or_: int | None = None) -> Rule:
    """An integer from `low` to `high` (by default the largest int32), or the value `or_`."""
    top = "" if high is None else f" and at most {high:,}"
    words = f"a whole number of at least {low}{top}{'' if or_ is None else f', or {or_}'}"
    most = INT32 if high is None else high
    return Rule(int, lambda v: low <= v <= most or v == or_, words)


def real(low: float, high: float = math.inf, above: bool = False, below: bool = False) -> Rule:
    """A finite number from `low` to `high`; `above` and `below` exclude the end itself."""
    top = "" if high == math.inf else f" and {'below' if below else 'at most'} {high:g}"
    words = f"a finite number {'above' if above else 'of at least'} {low:g}{top}"

    def holds(v: float) -> bool:
        return (v > low if above else v >= low) and (v < high if below else v <= high)

    return Rule(float, holds, words)


def choice(*names: str) -> Rule:
    """One of the given words."""
    return Rule(str, lambda v: v in names, "one of " + ", ".join(repr(n) for n in names))


def span(low: float, high: float, example: str) -> Rule:
    """An ordered pair of numbers between `low` and `high`."""
    part = real(low, high, above=True)
    return Rule(
        tuple,
        lambda v: len(v) == 2 and all(map(part.admits, v)) and v[0] <= v[1],
        f"two rising numbers above {low:g} and at most {high:g}, such as {example}",
    )


TEXT = Rule(str, lambda v: True, "a text")
NAMES = Rule(tuple, lambda v: all(isinstance(n, str) for n in v), "a tuple of names")
SWITCH = Rule(bool, lambda v: True, "true or false")

RULES: dict[str, Rule] = {
    "seed": whole(0, INT32),
    "data.source": choice("digits", "folder", "tfds"),
    "data.name": TEXT,  # of a tensorflow-datasets data set
    "data.dir": TEXT,  # of a folder tree, or tensorflow-datasets' data_dir
    "data.train_split": TEXT,
    "data.classes": whole(2),
    "data.image_size": whole(1),  # pixels
    "data.batch_size": whole(1),  # images per step, over all devices
    "data.crop": choice("inception", "tensorflow", "pad", "central"),
    "data.area": span(0, 1, "(0.08, 1.0)"),  # of a random crop
    "data.aspect": span(0, 100, "(0.75, 1.33)"),  # of a random crop
    "data.pad": whole(0),  # pixels of the pad crop
    "data.eval_crop": real(0, 1, above=True),  # fraction of the image kept by the central crop
    "data.resize": choice("stretch", "short_side"),
    "data.interpolation": choice("bilinear", "nearest", "bicubic", "area", "lanczos", "random"),
    "data.flip": SWITCH,
    "data.colour": choice("none", "slim", "original", "fast"),
    "data.cache": SWITCH,  # keep decoded images in memory
    "data.threads": whole(1, 1024),
    "data.processes": whole(0, 1024),  # reader processes instead of threads; 0: none
    "model.name": TEXT,
    "model.dialect": TEXT,
    "model.num_classes": whole(2, or_=0),  # 0: features instead of logits
    "model.width": real(0, 16, above=True),
    "model.stem": choice("paper", "small"),
    "model.aux": SWITCH,
    "model.dropout": real(0, 0.99),  # probability of dropping a feature
    "model.bn_group": whole(0),  # images per BatchNorm group; 0: the whole batch
    "model.bn_decay": real(0, 1),
    "model.drop_rows": NAMES,  # rows of the table to leave out
    "model.residual_scale": real(0),  # of Inception-ResNet modules; 0: as published
    "model.normalization": choice("", "inception", "imagenet"),  # "": the dialect's
    "model.dtype": choice("float32", "bfloat16", "float16", "float64"),
    "loss.label_smoothing": real(0, 0.99),
    "loss.aux_weight": real(0),  # of each auxiliary classifier
    "loss.l2": real(0),  # times half the squared norm of the kernels
    "optim.name": choice("sgd", "rmsprop", "adam", "adamw", "muon"),
    "optim.lr": real(0, above=True),
    "optim.momentum": real(0, 1, below=True),
    "optim.nesterov": SWITCH,
    "optim.decay": real(0, 1, below=True),  # of RMSProp's second moment
    "optim.eps": real(0),
    "optim.weight_decay": real(0),  # AdamW's and Muon's, decoupled
    "optim.schedule": choice("staircase", "cosine", "constant"),
    "optim.decay_rate": real(0, 1, above=True),  # of the staircase
    "optim.every_epochs": real(0, above=True),  # of the staircase
    "optim.warmup_epochs": real(0),
    "optim.clip": real(0),  # global norm; 0: off
    "optim.accumulate": whole(1),  # microbatches per step
    "optim.backbone_lr": real(0),  # factor on lr outside the classifiers; 0: frozen
    "ema.decay": real(0, 1, below=True),  # 0: off
    "train.epochs": real(0, above=True),
    "train.recompute": choice("none", "lean", "rows"),  # activations in the backward pass
    "train.vmem": whole(0),  # MiB of TPU VMEM per fusion; 0: the compiler's default
    "train.on_divergence": choice("stop", "rollback"),
    "train.rollbacks": whole(0),  # maximum per run
    "train.rollback_factor": real(0, 1, above=True),  # on the learning rate, after each rollback
    "train.watchdog": real(0),  # least seconds without a step before exit; 0: off
    "eval.split": TEXT,
    "eval.batch_size": whole(1),
    "eval.every_epochs": real(0, above=True),
    "checkpoint.every_epochs": real(0, above=True),
    "checkpoint.keep": whole(1),  # number of newest steps
    "checkpoint.keep_every_epochs": real(0),  # also one step per interval, for ever; 0: none
    "checkpoint.keep_best": whole(0),  # also the steps with the best top-1 on eval.split
    "checkpoint.init": TEXT,  # workdir with the initial weights; empty: random
    "mesh.data": whole(1, or_=-1),  # devices that share the batch; -1: all remaining
    "mesh.model": whole(1),  # devices that share large parameters
    "mesh.zero": SWITCH,  # shard optimiser and averages over `data` too (ZeRO-1)
    "mesh.reduce": choice("auto", "float32", "bfloat16"),  # gradient dtype; auto: XLA's choice
    "log.every_steps": whole(1),
    "log.tensorboard": SWITCH,
    "log.track": choice("none", "wandb", "mlflow"),
    "log.monitors": SWITCH,  # by block: gradient norm, dead ReLUs, residual ratio
    "log.profile": whole(0),  # steps to trace, from the 10th of an attempt; 0: none
}

# Keys that were renamed: refused under the old name, with the new one in the message.
RENAMED = {
    "model.pixels": "model.normalization",
    "model.without": "model.drop_rows",
    "optim.factor": "optim.decay_rate",
    "optim.trunk": "optim.backbone_lr",
}
