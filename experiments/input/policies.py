"""What RandAugment and TrivialAugment cost the host, beside the plain input.

    python experiments/input/policies.py FOLDER [--size=224] [--rounds=5] [--hand_overs]

Processor time of one thread for an image of FOLDER, read, cropped, resized and augmented; the
policies take turns on 50 images at a time, of which the least time of all rounds counts. With
--hand_overs also how often an image hands over Python's lock, and for how long it holds it
(`data/lock_cost.py`).
"""

import argparse
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from inception_jax import config
from inception_jax.data import lock_cost
from inception_jax.data.pipeline import TrainReader
from inception_jax.data.sources.files import Files

IMAGES = 500  # of a measurement, in pieces
PIECE = 50
POLICIES = {
    "plain": {},
    "RandAugment, timm, m7 mstd0.5": {"policy": "randaugment", "magnitude": 7.0,
                                      "magnitude_std": 0.5},
    "RandAugment, torchvision, m9": {"policy": "randaugment", "operations": "torchvision"},
    "TrivialAugment, timm": {"policy": "trivialaugment"},
    "TrivialAugment, torchvision": {"policy": "trivialaugment", "operations": "torchvision"},
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hand_overs", action="store_true")
    args = parser.parse_args()
    cv2.setNumThreads(0)
    source = Files(args.folder)
    fields = config.source(source="folder", classes=1, image_size=args.size, batch_size=PIECE)
    data: Any = SimpleNamespace(**fields)
    sections: dict[str, Any] = {
        k: SimpleNamespace(**config.augment(**v)) for k, v in POLICIES.items()
    }
    readers = {k: TrainReader(source, data, 0, section) for k, section in sections.items()}
    least = {name: np.full(IMAGES // PIECE, np.inf) for name in readers}
    batch = readers["plain"].empty(PIECE)
    for _ in range(args.rounds):
        for i in range(IMAGES // PIECE):  # so that all see the same neighbours
            for name, read in readers.items():
                began = time.thread_time()
                read(range(i * PIECE, (i + 1) * PIECE), batch)
                least[name][i] = min(least[name][i], time.thread_time() - began)
    best = {name: float(seconds.sum()) for name, seconds in least.items()}
    for name, seconds in best.items():
        line = f"{name:30} {1e6 * seconds / IMAGES:6,.0f} us {best['plain'] / seconds:5.2f}"
        if args.hand_overs:
            cost = lock_cost.measure(source, data, sections[name])
            line += f" {cost.hand_overs:5.1f} hand-overs, held {cost.held_us:,.0f} us"
        print(line)


if __name__ == "__main__":
    main()
