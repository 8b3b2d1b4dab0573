r"""The runs of a claim; `run.py NAME` starts them, chooses the rates and writes its page.

    inception-jax sweep launch --on=local --config=experiments/claims/page.py:claim=NAME \
        --config.data.dir=DIR --sweep=rate --dir=runs/claims/NAME/rates
    inception-jax sweep launch ... --sweep=best,seed --dir=runs/claims/NAME/final

`claim=NAME,times=5` has five times the epochs; `claim=NAME,on=imagenet` is the same claim on
ImageNet-1k at full width: `plan` says what it costs.
No paper. Here: CIFAR-10, GoogLeNet with BatchNorm at a quarter of the width and one module for each
grid unless the claim brings its own network, SGD with Nesterov's momentum and a cosine. Without a
sweep it is the first arm.
"""

import functools
import importlib
import itertools
import json
from pathlib import Path
from typing import Any

from inception_jax import config as cfg
from inception_jax.errors import ConfigError
from inception_jax.models import from_config
from inception_jax.models.describe import describe

WITHOUT = ("inception_3a", "inception_4a", "inception_4b", "inception_4c", "inception_4d",
           "inception_5a")  # fmt: skip
# Where a rate is chosen: a tenth of train that is not trained on.
HELD_OUT = {"data.folds": 10, "data.fold": 0, "eval.split": "fold", "seed": 0}
FULL = {"model.width": 1.0, "model.drop_rows": (), "data.batch_size": 1024}
FULL_RATE = 4.0  # on ImageNet, for batches of 1,024: times the rates for 128
NEVER = 1000.0  # epochs between evaluations: there is one at the end


def get_config(arg: str = "") -> cfg.ConfigDict:
    claim, on = parsed(arg)
    every = claim.every or NEVER
    if on == "cifar10":
        config, more = cifar10(), {"train.epochs": claim.epochs, "eval.every_epochs": every}
    else:
        config = imagenet()
        scale = config.train.epochs / claim.epochs  # as many evaluations as here
        more = {"eval.every_epochs": every * scale, **FULL, **claim.full}
    config.update_from_flattened_dict({**claim.config, **more})
    config.update_from_flattened_dict(declared(arg, next(iter(claim.arms))))
    times = parts(arg).times
    config.train.epochs *= times
    config.eval.every_epochs *= times
    return config


def parts(arg):
    """The page's argument in its parts."""
    return cfg.parse_arg(arg, claim="", on=("cifar10", "imagenet"), times=1.0)


def parsed(arg):
    """The claim, and the images that it is tried on."""
    a = parts(arg)
    if not (Path(__file__).parent / a.claim / "claim.py").is_file():
        raise ConfigError(f"claim={a.claim}: expected a folder beside {Path(__file__).name}")
    return importlib.import_module(f"{a.claim}.claim").CLAIM, a.on


def run_folder(arg):
    """Where the claim's run files are kept: `NAME/run`, or beside it `NAME/run,times=5`."""
    name, comma, more = arg.removeprefix("claim=").partition(",")
    return Path(__file__).resolve().parent / name / f"run{comma}{more}"


def cifar10():
    return cfg.new(
        seed=0,
        data=cfg.source(
            source="folder",
            dir="data/cifar10",
            classes=10,
            image_size=32,
            batch_size=128,
            crop="pad",
            pad=2,
            eval_crop=1.0,
            cache=True,
        ),
        augment=cfg.augment(),
        model=cfg.model(
            "googlenet",
            dialect="batchnorm",
            num_classes=10,
            width=0.25,
            stem="small",
            aux=False,
            drop_rows=WITHOUT,
            dropout=0.0,
            bn_group=0,
            bn_decay=0.9,
        ),
        loss=cfg.loss(label_smoothing=0.0, aux_weight=0.0, l2=5e-4),
        optim=cfg.sgd(schedule=cfg.cosine(lr=0.1, warmup_epochs=0.25), momentum=0.9, nesterov=True),
        ema=dict(decay=0.0),
        train=cfg.train(epochs=1.0),
        eval=cfg.evaluation(split="test", batch_size=500, every_epochs=NEVER),
        checkpoint=cfg.checkpoints(every_epochs=NEVER, keep=1),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=100, tensorboard=False),
    )


def imagenet():
    """The same on ImageNet-1k, as experiments/recipes/imagenet.py trains GoogLeNet."""
    return cfg.new(
        seed=0,
        data=cfg.imagenet(image_size=224, batch_size=1024, colour="none", interpolation="bilinear"),
        augment=cfg.augment(),
        model=cfg.model(
            "googlenet",
            dialect="batchnorm",
            num_classes=1000,
            aux=False,
            dropout=0.0,
            bn_group=32,
            bn_decay=0.9,
            dtype="bfloat16",
        ),
        loss=cfg.loss(label_smoothing=0.0, aux_weight=0.0, l2=5e-5),
        optim=cfg.sgd(schedule=cfg.cosine(lr=0.4, warmup_epochs=5.0), momentum=0.9, nesterov=True),
        ema=dict(decay=0.0),
        train=cfg.train(epochs=90.0),
        eval=cfg.evaluation(split="validation", batch_size=1000, every_epochs=NEVER),
        checkpoint=cfg.checkpoints(every_epochs=1.0),
        mesh=cfg.mesh(),
        log=cfg.logs(every_steps=100),
    )


def sweep_rate(arg):
    """Each arm whose rate is to be chosen, at each rate, on the held-out images."""
    claim, on = parsed(arg)
    factor = FULL_RATE if on == "imagenet" else 1.0
    for name, lr in itertools.product(claim.arms, claim.rates):
        if name not in claim.rate_of:
            yield HELD_OUT | own(arg, name) | {"optim.lr": factor * lr}


def sweep_best(arg):
    """Each arm at the rate that the held-out images chose."""
    for name in parsed(arg)[0].arms:
        yield best(arg, name)


def sweep_seed(arg):
    for seed in parsed(arg)[0].seeds:
        yield {"seed": seed}


def best(arg, arm, flops_of=None):
    """An arm's overrides with its rate, of `rates.json`, which `run.py` writes."""
    claim, _ = parsed(arg)
    if not claim.rates:
        return own(arg, arm, flops_of)
    source, factor = claim.rate_of.get(arm, (arm, 1.0))
    rates = json.loads((run_folder(arg) / "rates.json").read_text())
    return own(arg, arm, flops_of) | {"optim.lr": round(rates[source] * factor, 6)}


def own(arg, arm, flops_of=None):
    """The overrides of an arm, and the epochs whose arithmetic is that of the base's.

    `flops_of`: (arg, arm) -> FLOP of training on one image; without it networks are described.
    """
    claim, _ = parsed(arg)
    overrides = declared(arg, arm)
    if claim.base and arm != claim.base:
        base, mine = ((flops_of or flops)(arg, name) for name in (claim.base, arm))
        config: Any = get_config(arg)
        overrides["train.epochs"] = round(config.train.epochs * base / mine, 3)
    return overrides


def declared(arg, arm):
    """The overrides of an arm as the claim has them."""
    claim, on = parsed(arg)
    return {**claim.arms[arm], **(claim.full_arms.get(arm, {}) if on == "imagenet" else {})}


@functools.cache
def flops(arg, arm):
    """Of training on one image: forward, and twice that backward, two FLOP a multiply-add."""
    config = get_config(arg)
    config.update_from_flattened_dict(declared(arg, arm))
    return 6 * macs(config)


def macs(config):
    """Multiply-adds of one training image, those of the auxiliary heads included."""
    rows = table(config)
    return rows.macs + sum(head.macs for head in rows.heads)


def table(config):
    """The table of a config's network."""
    section = {k: tuple(v) if isinstance(v, list) else v for k, v in config.model.items()}
    return described(tuple(section.items()), config.data.image_size)


@functools.cache
def described(section, size):
    """Of a network for images of this size; it takes seconds, and arms often share a network."""
    return describe(from_config.build_model(dict(section), 3), size)
