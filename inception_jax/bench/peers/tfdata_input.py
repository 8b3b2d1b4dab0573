"""Images through tf.data as TensorFlow's own examples read ImageNet: only the crop is decoded."""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--folder", required=True)
parser.add_argument("--size", type=int, default=299)
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--seconds", type=float, default=4.0)
SUFFIXES = (".jpg", ".jpeg")
WARM = 4  # batches before the clock


def crop_of(jpeg: tf.Tensor) -> tf.Tensor:
    """The window of a random crop: 8% to all of the area, 3/4 to 4/3 its shape; int32 [4]."""
    whole = tf.constant([[[0.0, 0.0, 1.0, 1.0]]])
    corner, sides, _ = tf.image.sample_distorted_bounding_box(
        tf.io.extract_jpeg_shape(jpeg), whole, min_object_covered=0.0, area_range=(0.08, 1.0),
        aspect_ratio_range=(3 / 4, 4 / 3), max_attempts=10, use_image_if_no_bounding_boxes=True,
    )  # fmt: skip
    return tf.concat([corner[:2], sides[:2]], 0)


def main() -> None:
    """Measures and prints. The files are in memory, as they are in the system's cache for ours."""
    given = parser.parse_args()
    paths = sorted(p for p in Path(given.folder).rglob("*") if p.suffix.lower() in SUFFIXES)

    def example(jpeg: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_and_crop_jpeg(jpeg, crop_of(jpeg), channels=3)
        image = tf.image.resize(image, [given.size, given.size], method="bicubic")
        return tf.image.random_flip_left_right(image) / 127.5 - 1.0

    images = tf.data.Dataset.from_tensor_slices([p.read_bytes() for p in paths]).repeat()
    images = images.map(example, num_parallel_calls=tf.data.AUTOTUNE)
    batches = iter(images.batch(given.batch, drop_remainder=True).prefetch(2))
    for _ in range(WARM):
        next(batches)
    began, count = time.perf_counter(), 0
    while (taken := time.perf_counter() - began) < given.seconds:
        count += int(next(batches).shape[0])
    print(
        json.dumps({"images_per_s": count / taken, "note": f"reads the {len(paths):,} JPEG files"})
    )


if __name__ == "__main__":
    main()
