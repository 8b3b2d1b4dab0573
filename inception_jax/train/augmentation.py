"""From the reader's batch to the network's: mirror, colours, mixing, normalisation, erasing.

All of it is inside the step, and a function of (seed, step, position in the batch); alternating
flips are one of (seed, example, epoch).
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from inception_jax.config import sections
from inception_jax.data.images import distort, erase, mix
from inception_jax.models import Network, preprocess
from inception_jax.models.lowering import ops
from inception_jax.train.train_step import Batch

Array = jax.Array


def of(config: sections.Config, model: Network) -> Callable[[Batch, Array], Batch]:
    """The augmentation of a config: (batch, step) -> batch."""
    c = config
    return partial(
        augment, model=model, flip=c.data.flip, colour=c.data.colour, section=c.augment, seed=c.seed
    )


def inputs(
    section: sections.Augment, weighted: bool = False, stored: bool = False
) -> tuple[str, ...]:
    """The arrays of a reader's batch that `augment` takes, or `unchanged` of stored features.

    `weighted`: whether examples are.
    """
    weight = ("weight",) if weighted else ()
    if stored:
        return ("features", "label", *weight)
    more = ("index", "epoch") if section.flips == "alternating" else ()
    return ("image", "label", *more, *weight)


def unchanged(batch: Batch, step: Array) -> Batch:
    """Stored features and their labels, as they are."""
    return batch


def augment(
    batch: Batch,
    step: Array,
    *,
    model: Network,
    flip: bool,
    colour: str,
    section: sections.Augment,
    seed: int,
) -> Batch:
    """The network's input, and labels of each image; int32 [b], or `mix.MixedLabels`.

    `batch` has `inputs`: image [b, s, s, c] as stored, label, index and epoch int32 [b], weight
    float32 [b]. A mixed image has the mean of two weights by their shares.

    The order is timm's: images are mixed before they are normalised, which is linear, and then
    erased, so that what is erased belongs to no label.
    """
    images, labels = batch["image"], batch["label"]
    weight = {k: batch[k] for k in ("weight",) if k in batch}
    mixing = section.mixup or section.cutmix
    dtype = ops.wide(model.dtype)
    stored = images.dtype  # whole numbers, or the floats of `data.dtype`
    if flip and section.flips == "alternating":
        images = distort.alternate(images, seed, batch["index"], batch["epoch"])
        flip = False
    if not flip and colour == "none" and not mixing:
        x = preprocess.as_input(images, model)
    else:
        keys = distort.image_keys(seed, step, images.shape[0])
        if colour != "none" or not mixing or jnp.issubdtype(stored, jnp.floating):
            images = images.astype(dtype) / 255  # else 8 bits are moved, not 32
        images = distort.augment(images, keys, flip=flip, colour=colour)
        if mixing:
            key = distort.step_key(seed, step, distort.MIX)
            images, labels = mix.mix(images, labels, key, section, dtype)
            weight = {k: mix.shared(w, labels.share) for k, w in weight.items()}
        x = preprocess.normalised(images, model)
    if section.erasing:
        key = distort.step_key(seed, step, distort.ERASE)
        x = erase.erase(x, key, section.erasing, section.erasing_fill)
    return {"image": x, "label": labels, **weight}
