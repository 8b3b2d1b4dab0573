"""A network with weights, class names and preprocessing: from images to classes and features."""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Num
from PIL import Image as pillow

from inception_jax.config.tasks import TASKS, Task
from inception_jax.data.images import channels
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Picture
from inception_jax.data.sources.file_kind import RGB, FileKind
from inception_jax.errors import ConfigError, DataError
from inception_jax.models import preprocess
from inception_jax.models.layers import unit
from inception_jax.models.lowering.fold import fold
from inception_jax.models.names import known
from inception_jax.models.network import Network
from inception_jax.runtime import xla_options
from inception_jax.workdir.target_scale import TargetScale

# A file's path, its bytes, a PIL image, or pixels [h, w, c]: uint8 in RGB, or as the run's are.
Image = str | Path | bytes | pillow.Image | np.ndarray | Array
Images = Image | Sequence[Image]  # one or several; also [b, h, w, c]
Forward = Callable[[Any, np.ndarray], Any]  # variables, images -> arrays
BATCH = 32  # images computed at once


@dataclass(frozen=True, eq=False, repr=False)
class TrainedNetwork:
    """What `models.load` returns.

    Attributes:
        model: the network, for `model.apply(variables, x)`.
        variables: {'params', 'batch_stats'}, float32.
        classes: the name of each output; empty for a network without a classifier.
        crop: the run's evaluation crop of a picture, [s, s, c].
        views: the views of its evaluation protocol, [views, s, s, c].
        kind: of its image files.
        task: what its outputs are.
        scale: of a regression's targets.
        step: of the checkpoint; 0 for imported weights.
    """

    model: Network
    variables: dict[str, Any]
    classes: list[str]
    crop: Callable[[Picture], np.ndarray]
    views: Callable[[Picture], np.ndarray]
    kind: FileKind = RGB
    task: Task = TASKS["classification"]
    scale: TargetScale | None = None
    step: int = 0
    _rows: dict[tuple[str, bool], Forward] = field(default_factory=dict, init=False)

    def __repr__(self) -> str:
        m = self.model
        return f"TrainedNetwork({m.NAME} ({m.dialect}), {m.num_classes} classes, step {self.step})"

    def preprocess(self, image: Image) -> Float[Array, "1 s s c"]:
        """The network's input: the evaluation crop of an image, normalised.

        Raises:
            ConfigError: there is no such file, or the pixels are not as the run's.
            DataError: the file cannot be read as an image.
        """
        return preprocess.as_input(self.crop(picture(image, self.kind))[None], self.model)

    def predict(
        self, images: Images, top: int = 5, threshold: float = 0.5
    ) -> list[list[tuple[str, float]]]:
        """For each image names with numbers, as `inception-jax predict` prints them.

        They are the `top` most probable classes with their probabilities; of several labels those
        from `threshold` on; of a regression all values, in the units of the targets; or an
        embedding's numbers. Probabilities, logits of labels and values are means over the views of
        the run's `eval.protocol`.

        Raises:
            ConfigError, DataError: as `preprocess`; or the network has no classifier.
        """
        if self.task.activation != "unit":
            self._check_classifier()
        if top < 1:
            raise ConfigError(f"top={top}: expected at least 1")
        found = self._apply(self.predictions, images, self.views)
        return [self.named(x, top, threshold) for x in found]

    def named(self, x: np.ndarray, top: int, threshold: float) -> list[tuple[str, float]]:
        """The names and numbers of one image's predictions [outputs], see `predict`."""
        if self.task.activation == "unit":
            return [(str(i), float(v)) for i, v in enumerate(x)]
        if self.scale:
            return list(zip(self.classes, self.scale.original(x).tolist(), strict=True))
        order = np.argsort(-x, kind="stable")
        several = self.task.activation == "sigmoid"
        best = order[x[order] >= threshold] if several else order[:top]
        return [(self.classes[i], float(x[i])) for i in best]

    def logits(self, images: Images) -> Float[np.ndarray, "b classes"]:
        """The network's outputs for the evaluation crop of each image, float32.

        Raises:
            ConfigError, DataError: as `preprocess`; or the network has no classifier.
        """
        self._check_classifier()
        return self._apply(self.row("logits"), images, self.crop)

    def features(self, images: Images, row: str = "pool") -> Float[np.ndarray, "b *h_w c"]:
        """A row's output for the evaluation crop of each image, float32.

        `pool`, [b, c], is what the classifier reads; `models.describe` lists the rows before it,
        [b, h, w, c].

        Raises:
            ConfigError, DataError: as `preprocess`; or the network has no such row.
        """
        return self._apply(self.row(row), images, self.crop)

    @functools.cached_property
    def folded(self) -> tuple[Network, Any]:
        """The same function without BatchNorm, which is what is evaluated, on the device."""
        model, variables = fold(self.model, self.variables)
        return model, jax.device_put(variables)

    @functools.cached_property
    def predictions(self) -> Forward:
        """The jitted mean over views, of folded variables and images [b, views, s, s, c]."""
        model, activation = self.folded[0], self.task.activation

        @xla_options.jit
        def predictions(
            variables: Any, images: Num[Array | np.ndarray, "b v s s c"]
        ) -> Float[Array, "b outputs"]:
            b, views, *shape = images.shape
            x = preprocess.predict(model, variables, images.reshape(b * views, *shape))
            x = jax.nn.softmax(x) if activation == "softmax" else x
            x = x.reshape(b, views, -1)
            if activation == "unit":
                return unit(unit(x).mean(axis=1))
            x = x.mean(axis=1)
            return jax.nn.sigmoid(x) if activation == "sigmoid" else x

        return predictions

    def row(self, name: str, pooled: bool = False) -> Forward:
        """The jitted output of a row, of folded variables and images [b, s, s, c].

        With `pooled` it is averaged over the grid: [b, c].

        Raises:
            ConfigError: there is no such row; the message lists all.
        """
        model, _ = self.folded
        try:
            known("end-point", name, model.endpoint_names())
        except ValueError as e:
            raise ConfigError(str(e)) from e

        def row(variables: Any, images: Num[Array | np.ndarray, "b s s c"]) -> Array:
            x = preprocess.as_input(images, model)
            out = model.apply(variables, x, train=False, endpoints=True)
            y = out.logits if name == "logits" else out.endpoints[name]
            return y.mean(axis=(1, 2)) if pooled and y.ndim == 4 else y

        return self._rows.setdefault((name, pooled), xla_options.jit(row))

    def _check_classifier(self) -> None:
        if not self.model.num_classes:
            raise ConfigError(f"{self.model.NAME} has no classifier here, expected features()")

    def _apply(
        self, forward: Forward, images: Images, crop: Callable[[Picture], np.ndarray]
    ) -> np.ndarray:
        """`forward` of the crops, in batches whose sizes are powers of two: few are compiled."""
        crops, found = [crop(picture(image, self.kind)) for image in listed(images)], []
        for start in range(0, len(crops), BATCH):
            batch = crops[start : start + BATCH]
            blank = [np.zeros_like(crops[0])] * ((1 << (len(batch) - 1).bit_length()) - len(batch))
            values = forward(self.folded[1], np.stack([*batch, *blank]))
            found.append(np.asarray(values, np.float32)[: len(batch)])
        return np.concatenate(found)


def listed(images: Images) -> Sequence[Image]:
    """The images as a sequence, of one if it is one.

    Raises:
        ConfigError: there are none.
    """
    if isinstance(images, str | Path | bytes | pillow.Image):
        return [images]
    if isinstance(images, np.ndarray | Array):
        images = np.asarray(images)
        images = list(images) if images.ndim == 4 else [images]
    if not isinstance(images, Sequence):
        return [images]  # of no known kind, which `picture` names
    if not images:
        raise ConfigError("expected at least one image, got none")
    return images


def picture(image: Image, kind: FileKind = RGB) -> Picture:
    """The picture of an image, of which a crop is decoded.

    Raises:
        ConfigError: there is no such file, or the pixels are not as those of `kind`.
        DataError: the file cannot be read as an image.
    """
    if isinstance(image, pillow.Image) and kind.dtype == "uint8" and kind.channels in (1, 3):
        # Palettes, transparency and, for RGB, grey: as from a file.
        image = np.asarray(image.convert("RGB"))
        image = channels.luma(image) if kind.channels == 1 else image
    if isinstance(image, np.ndarray | Array):
        image = np.asarray(image)
        _check(image, kind)
        return Picture(image)
    if not isinstance(image, str | Path | bytes):
        raise ConfigError(
            f"expected an image: a path, bytes, a PIL image or {kind.dtype} [height, width, "
            f"{kind.channels}], got {type(image).__name__}"
        )
    try:
        if isinstance(image, bytes):
            return Picture(kind.decoded(image))
        if not Path(image).is_file():
            raise ConfigError(f"{image}: expected an image file, found none")
        return Picture(kind.read(os.fsencode(image)))
    except BadImageError as e:
        raise DataError(str(e) if isinstance(image, bytes) else f"{image}: {e}") from e


def _check(pixels: np.ndarray, kind: FileKind) -> None:
    c, shape = kind.channels, pixels.shape
    if pixels.dtype != kind.dtype:
        advice = "; of 0..1: (image * 255).round().astype('uint8')" * (kind.dtype == "uint8")
        raise ConfigError(f"expected an image in {kind.dtype}, got {pixels.dtype}{advice}")
    if pixels.ndim == 3 and shape[2] == c and pixels.size:
        return
    advice = ""
    if pixels.ndim == 2:
        advice = f"; grey: numpy.repeat(image[..., None], {c}, axis=2)"
    elif shape[2:] == (1,):
        advice = f"; grey: numpy.repeat(image, {c}, axis=2)"
    elif shape[2:] == (4,) and c == 3:
        advice = "; leave out the alpha channel: image[..., :3]"
    elif shape[0] == c:
        advice = "; channels first: image.transpose(1, 2, 0)"
    raise ConfigError(f"expected an image [height, width, {c}], got shape {shape}{advice}")
