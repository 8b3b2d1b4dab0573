"""What `create` and `apply` refuse, by type and shape: nothing here is part of a program."""

import contextlib
import dataclasses
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax.numpy as jnp

from inception_jax.errors import did_you_mean
from inception_jax.models.names import known


class ImageTooSmallError(ValueError):
    """A grid is smaller than the unpadded window that reads it, or the image than the strides."""


def fields(family: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a network, as plain Python numbers where they are numbers.

    Raises:
        TypeError: an unknown field; the message has the nearest one.
        ValueError: a number that no network can have.
    """
    known = [f.name for f in dataclasses.fields(family) if f.name not in ("parent", "name")]
    for name in given:
        if name not in known:
            raise TypeError(
                f"unknown field {name!r}, expected {', '.join(known)}{did_you_mean(name, known)}"
            )
    if isinstance(given.get("drop_rows"), str):
        raise ValueError(f"drop_rows={given['drop_rows']!r}: expected a tuple of rows")
    return {name: _number(name, value) for name, value in given.items()}


def stem(family: Any, name: str, families: Iterable[Any]) -> None:
    """Refuse a stem that `family` lacks, naming those of `families` that have it.

    Raises:
        ValueError: the stem is unknown, or another network's.
    """
    having = [f.NAME for f in families if name in f.STEMS]
    if having and name not in family.STEMS:
        raise ValueError(
            f"stem={name!r}: expected one of {', '.join(family.STEMS)} for {family.NAME}; "
            f"{' and '.join(having)} have {name!r}"
        )
    known("stem", name, family.STEMS)


def stochastic_depth(family: Any, given: Mapping[str, Any], families: Iterable[Any]) -> None:
    """Refuse `drop_path` without modules that add their input, and `drop_branch` with them.

    Raises:
        ValueError: it names the key and the networks that have it, or the other key.
    """
    if given.get("drop_path") and not family.SHORTCUTS:
        having = ", ".join(f.NAME for f in families if f.SHORTCUTS)
        raise ValueError(
            f"drop_path: no module of {family.NAME} adds its input, as in {having}; set drop_branch"
        )
    if given.get("drop_branch") and family.SHORTCUTS:
        raise ValueError(
            f"drop_branch: expected 0, as modules of {family.NAME} add their input; set drop_path"
        )


def constants(family: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with `mean` and `std` as tuples of a number a channel.

    Raises:
        ValueError: other lengths, a std that is not above 0, a normalisation by name beside them or
            of RGB for other channels, or a whitened stem for these.
    """
    channels, name = given.get("channels", 3), given.get("normalization", "")
    mean, std = (tuple(map(float, given.get(key, ()))) for key in ("mean", "std"))
    for key, values in (("mean", mean), ("std", std)):
        if len(values) not in ((channels,) if mean or std else (0,)):
            raise ValueError(
                f"{key}={values}: expected {channels} numbers, one for each channel; or neither a "
                f"mean nor a std"
            )
        if not all(map(math.isfinite, values)) or (key == "std" and not all(s > 0 for s in values)):
            raise ValueError(f"{key}={values}: expected finite numbers, and of std above 0")
    if name and (mean or channels != 3):
        what = "mean and std" if mean else f"channels={channels}"
        raise ValueError(f"normalization={name!r} with {what}: expected '', it is of RGB images")
    if given.get("stem") == "whitened" and channels != 3:
        raise ValueError(
            f"stem='whitened' with channels={channels}: expected another stem, such as 'small'; "
            f"{family.NAME} whitens patches of RGB"
        )
    return {**given, "mean": mean, "std": std}


# Numbers a field may have: what is expected, and whether it is so; None takes the dialect's.
NUMBERS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "num_classes": ("a whole number from 0", lambda x: x >= 0),
    "channels": ("a whole number from 1", lambda x: x >= 1),
    "bn_group": ("a whole number from 0", lambda x: x >= 0),
    "width": ("a number above 0", lambda x: 0 < x < math.inf),
    "dropout": ("a rate from 0 to below 1", lambda x: 0 <= x < 1),
    "drop_path": ("a rate from 0 to below 1", lambda x: 0 <= x < 1),
    "drop_branch": ("a rate from 0 to below 1", lambda x: 0 <= x < 1),
    "bn_decay": ("a share from 0 to 1", lambda x: 0 <= x <= 1),
    "residual_scale": ("a number from 0", lambda x: 0 <= x < math.inf),
}


def _number(name: str, value: Any) -> Any:
    if name not in NUMBERS or (value is None and name in ("dropout", "bn_decay")):
        return value
    expected, allowed = NUMBERS[name]
    convert: Any = operator.index if "whole" in expected else float
    with contextlib.suppress(TypeError):
        number = math.nan if isinstance(value, str | bool) else convert(value)
        if allowed(number):
            return number
    raise ValueError(f"{name}={value!r}: expected {expected}")


def images(x: Any, channels: int = 3, normalised: bool = True) -> None:
    """Refuse an input that is no batch of images [b, h, w, channels], with how to make it one.

    Args:
        x: an array or a tracer.
        channels: of the network.
        normalised: whether it must have a floating dtype.

    Raises:
        ValueError: its shape is wrong.
        TypeError: its dtype is wrong.
    """
    shape = jnp.shape(x)
    expected = f"expected images [batch, height, width, {channels}], got shape {shape}"
    if len(shape) != 4:
        what = ": add the batch's axis, images[None]" if len(shape) == 3 else ""
        raise ValueError(expected + what)
    if shape[-1] != channels:
        advice = {
            (1, 3): ", grey: repeat the channel, jnp.repeat(images, 3, axis=-1)",
            (4, 3): ", with an alpha channel: leave it out, images[..., :3]",
        }.get((shape[-1], channels), "")
        if shape[1] == channels:
            advice = ", channels first: images.transpose(0, 2, 3, 1)"
        raise ValueError(expected + advice)
    if 0 in shape:
        raise ValueError(f"{expected}, which is empty: give at least one image")
    if normalised and not jnp.issubdtype(jnp.result_type(x), jnp.floating):
        raise TypeError(
            f"expected normalised images of a floating dtype, got {jnp.result_type(x)}: "
            f"inception_jax.models.preprocess.as_input(images, model) normalises 0..255"
        )


def side(x: Any, least: int) -> None:
    """Refuse images that are smaller than the product of a network's strides.

    Raises:
        ImageTooSmallError: they are.
    """
    height, width = jnp.shape(x)[1:3]
    if height < least or width < least:
        raise ImageTooSmallError(
            f"expected images of at least {least}x{least} pixels, got {height}x{width}: enlarge "
            f"them, or use stem='small', which takes 8x8"
        )
