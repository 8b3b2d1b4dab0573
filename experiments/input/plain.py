"""A baseline for the input pipeline: threads that decode whole images and do nothing else.

    python experiments/input/plain.py FOLDER [--size=299] [--threads=2] [--decode_only]

simplejpeg decodes whole images, cv2 cuts GoogLeNet's crop and resizes it (bicubic); files are in
memory. Prints a line of JSON, as `speed.py` wants of a peer.
"""

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from inception_jax.data.images import crops


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=299)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--decode_only", action="store_true")
    a = parser.parse_args()
    cv2.setNumThreads(0)
    data = [p.read_bytes() for p in sorted(a.folder.glob("*.JPEG"))]

    def one(i: int) -> None:
        image = simplejpeg.decode_jpeg(data[i % len(data)], "RGB")
        if not a.decode_only:
            rng = np.random.default_rng(i)
            height, width = image.shape[:2]
            box = crops.inception_box(rng, height, width, (0.08, 1.0), (3 / 4, 4 / 3))
            part = image[box.y : box.y + box.height, box.x : box.x + box.width]
            cv2.resize(part, (a.size, a.size), interpolation=cv2.INTER_CUBIC)

    def some(start: int) -> None:
        for i in range(start, start + 50):
            one(i)

    total = len(data) * a.repeats // 50 * 50
    with ThreadPoolExecutor(a.threads) as pool:
        list(pool.map(some, range(0, 500, 50)))
        began = time.perf_counter()
        list(pool.map(some, range(0, total, 50)))
    print(json.dumps({"images_per_s": total / (time.perf_counter() - began)}))


if __name__ == "__main__":
    main()
