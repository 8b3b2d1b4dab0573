"""Measures the peers (torch, Keras, tf.data, torchvision); imports no module of this package.

`PYTHON peers.py NAME PART SETTINGS` measures; the last line of its output is JSON.
"""

import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

WARM = 2  # steps that are not timed: the compiler, and the first use of everything
HEADS = 0.3  # weight of each auxiliary classifier
PEERS = {  # and the parts that they take part in
    "plain": ("train", "eval", "compile"), "torch": ("train", "eval"), "keras": ("train", "eval"),
    "tfdata": ("input",), "torchvision": ("input",),
}  # fmt: skip
MODULES = ("torch", "torchvision", "timm", "keras", "jax", "tensorflow", "PIL")
# Our networks by their names. Of torch, the first two are torchvision's, the others timm's.
SAME = ("googlenet", "inception_v3", "inception_v4", "inception_resnet_v2")
APPLICATIONS = {"inception_v3": "InceptionV3", "inception_resnet_v2": "InceptionResNetV2"}
MODELS = {"torch": {**{name: name for name in SAME}, "xception": "legacy_xception"}}
MODELS["keras"] = {**APPLICATIONS, "xception": "Xception"}
MODELS["torch.compile"] = MODELS["torch"]


def rate(step: Callable[[], Any], s: Any, wait: Callable[[Any], Any]) -> dict[str, float]:
    """Images/s by the median of timed rounds, and the seconds of the first step with its compiler.

    A round is `s.ahead` steps, then `wait` for the device with what the last one returned: an
    accelerator is given work ahead, as in training.
    """
    times = []
    for turn in range(WARM + s.steps):
        began = time.perf_counter()
        for _ in range(s.ahead if turn else 1):
            value = step()
        wait(value)
        times.append(time.perf_counter() - began)
    median = statistics.median(times[WARM:])
    return {"images_per_s": s.batch * s.ahead / median, "first_call_s": times[0]}


def reading(batches: Iterator[Any], begun: int, s: Any, steps: int = 0) -> float:
    """Images/s of `steps` batches, or of `s.seconds`; `begun` were read before the clock starts."""
    for _ in range(begun):
        next(batches)
    began, count, taken = time.perf_counter(), 0, 0.0
    while count < steps if steps else taken < s.seconds:
        next(batches)
        count, taken = count + 1, time.perf_counter() - began
    return count * s.batch / taken


def torch_step(s: Any, part: str, compiled: bool = False) -> dict[str, Any]:
    """A step of torchvision or timm, channels last, on one random batch."""
    import torch

    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if s.model in ("googlenet", "inception_v3"):
        models = importlib.import_module("torchvision.models")
        model = getattr(models, s.model)(weights=None, aux_logits=True, init_weights=False)
    else:
        model = importlib.import_module("timm").create_model(MODELS["torch"][s.model])
    model = model.to(device, memory_format=torch.channels_last).train(part == "train")
    images = torch.randn(s.batch, 3, s.size, s.size, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 1000, (s.batch,), device=device)
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    model = torch.compile(model) if compiled else model

    def forward() -> list[Any]:
        with torch.autocast(device, dtype=torch.bfloat16, enabled=s.dtype == "bfloat16"):
            out = model(images)
        return [x for x in out if x is not None] if isinstance(out, tuple) else [out]

    def train() -> Any:
        optimiser.zero_grad(set_to_none=True)
        losses = [torch.nn.functional.cross_entropy(x.float(), labels) for x in forward()]
        total = losses[0] + HEADS * sum(losses[1:])
        total.backward()
        optimiser.step()
        return total.detach()

    def evaluate() -> Any:
        with torch.inference_mode():
            return forward()[0][0, 0]

    found = rate(train if part == "train" else evaluate, s, wait=float)
    result = {**found, "device": "gpu" if device == "cuda" else "cpu"}
    if device == "cuda":
        result["device_peak_bytes"] = torch.cuda.max_memory_allocated()
    if s.model == "googlenet" and s.dialect != "torchvision":
        result["note"] = "has BatchNorm and 3x3 for 5x5: the same network is --dialect=torchvision"
    return result


def keras_step(s: Any, part: str) -> dict[str, Any]:
    """A step of keras.applications on one random batch; TensorFlow's where it is, else JAX's."""
    there = importlib.util.find_spec("tensorflow") is not None
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow" if there else "jax")
    import keras
    import numpy as np

    if s.dtype == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model = getattr(keras.applications, MODELS["keras"][s.model])(
        weights=None, input_shape=(s.size, s.size, 3), classifier_activation=None
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1e-3, momentum=0.9), loss, jit_compile=backend == "jax")
    rng = np.random.default_rng(0)
    images = rng.standard_normal((s.batch, s.size, s.size, 3), np.float32)
    device = "gpu" if "gpu" in keras.distribution.list_devices()[0] else "cpu"
    step, data, note = model.predict_on_batch, (images,), ""
    if part == "train":
        note, data = ", without the auxiliary head", (images, rng.integers(0, 1000, s.batch))
        step = model.train_on_batch
    found = rate(lambda: step(*data), s, wait=id)  # it waits by itself
    return {**found, "note": f"on {backend}{note}", "device": device}


def tfdata(s: Any, part: str) -> dict[str, Any]:
    """Images through tf.data, decoding only the crop; files in memory, as in the cache for ours."""
    import tensorflow as tf

    paths = [p for p in sorted(Path(s.folder).rglob("*")) if p.suffix.lower() in (".jpg", ".jpeg")]

    def example(jpeg: Any) -> Any:
        # 8% to all of the area, 3/4 to 4/3 its shape.
        corner, sides, _ = tf.image.sample_distorted_bounding_box(
            tf.io.extract_jpeg_shape(jpeg), tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
            min_object_covered=0.0, area_range=(0.08, 1.0), aspect_ratio_range=(3 / 4, 4 / 3),
            max_attempts=10, use_image_if_no_bounding_boxes=True,
        )  # fmt: skip
        image = tf.io.decode_and_crop_jpeg(jpeg, tf.concat([corner[:2], sides[:2]], 0), channels=3)
        image = tf.image.resize(image, [s.size, s.size], method="bicubic")
        return tf.image.random_flip_left_right(image) / 127.5 - 1.0

    images = tf.data.Dataset.from_tensor_slices([p.read_bytes() for p in paths]).repeat()
    images = images.map(example, num_parallel_calls=tf.data.AUTOTUNE)
    batches = iter(images.batch(s.batch, drop_remainder=True).prefetch(2))
    return {"images_per_s": reading(batches, 4, s), "note": f"reads the {len(paths):,} JPEG files"}


def torchvision(s: Any, part: str) -> dict[str, Any]:
    """Images through torchvision: PIL, RandomResizedCrop, a DataLoader with a worker a core."""
    import torch.utils.data as data
    from torch import set_num_threads
    from torchvision import datasets
    from torchvision import transforms as t

    workers = os.cpu_count() or 1
    set_num_threads(1)  # the workers have the cores
    crop = t.RandomResizedCrop(s.size, interpolation=t.InterpolationMode.BICUBIC)
    rest = [t.RandomHorizontalFlip(), t.ToTensor(), t.Normalize((0.5,) * 3, (0.5,) * 3)]
    images = datasets.ImageFolder(s.folder, t.Compose([crop, *rest]))
    endless = data.RandomSampler(images, replacement=True, num_samples=1 << 30)
    loader = data.DataLoader(images, s.batch, sampler=endless, num_workers=workers)
    return {"images_per_s": reading(iter(loader), 3 * workers, s)}


MEASURES = {"torch": torch_step, "keras": keras_step, "tfdata": tfdata, "torchvision": torchvision}
MEASURES["torch.compile"] = partial(torch_step, compiled=True)  # not on a CPU: experiments/gpu

if __name__ == "__main__":
    name, part, settings = sys.argv[1:]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    s = SimpleNamespace(**json.loads(settings))
    plain = (s.width, s.stem) == (1, "paper") and s.dtype in ("float32", "bfloat16")
    found = {"error": f"has no {s.model}, or not with this width, stem or dtype"}
    if name not in MODELS or (plain and s.model in MODELS[name]):
        try:
            found = MEASURES[name](s, part)
            found["versions"] = {n: sys.modules[n].__version__ for n in MODULES if n in sys.modules}
        except ModuleNotFoundError as e:
            found = {"error": f"{e}; pip install it where --python is"}
    print(json.dumps(found))
