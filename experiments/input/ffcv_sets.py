"""FFCV's sets of the same photographs: its JPEG mode and its raw mode, one worker.

    PYTHON experiments/input/ffcv_sets.py FOLDER [--rounds=7]

PYTHON has ffcv 1.0.2 and torch (the README says how it was installed); the package itself is not
needed. Prints a line of JSON: processor time of the whole process, the least of all epochs, as
images/s. FFCV has no choice of the resize.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from ffcv.fields import IntField, RGBImageField
from ffcv.fields.basics import IntDecoder
from ffcv.fields.rgb_image import RandomResizedCropRGBImageDecoder
from ffcv.loader import Loader, OrderOption
from ffcv.writer import DatasetWriter
from PIL import Image

MODES = {"FFCV jpg, quality 90": {"write_mode": "jpg", "jpeg_quality": 90},
         "FFCV raw": {"write_mode": "raw"}}  # fmt: skip


class Photographs:
    """The files below a folder, in order."""

    def __init__(self, folder: Path):
        self.files = sorted(path for path in folder.rglob("*") if path.is_file())

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int):
        return Image.open(self.files[index]).convert("RGB"), 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    photographs, found = Photographs(args.folder), {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, mode in MODES.items():
            path = os.path.join(scratch, f"{mode['write_mode']}.beton")
            fields = {"image": RGBImageField(**mode), "label": IntField()}
            DatasetWriter(path, fields, num_workers=1).from_indexed_dataset(photographs)
            pipelines = {
                "image": [RandomResizedCropRGBImageDecoder((299, 299))], "label": [IntDecoder()]
            }  # fmt: skip
            loader = Loader(
                path, batch_size=50, num_workers=1, order=OrderOption.RANDOM, os_cache=True,
                drop_last=True, pipelines=pipelines,
            )  # fmt: skip
            seconds = []
            for _ in range(args.rounds + 1):  # the first one compiles
                began = time.process_time()
                images = sum(len(batch) for batch, _ in loader)
                seconds.append((time.process_time() - began) / images)
            kb = os.path.getsize(path) / 1e3 / len(photographs)
            found[name] = {"images_per_s": 1 / min(seconds[1:]), "kb": kb}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
