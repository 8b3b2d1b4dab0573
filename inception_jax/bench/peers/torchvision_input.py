"""Images through torchvision: PIL, RandomResizedCrop, a DataLoader with a worker a core."""

import argparse
import json
import os
import time
from pathlib import Path

import torch
from PIL import Image
from torchvision import transforms

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--folder", required=True)
parser.add_argument("--size", type=int, default=299)
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--seconds", type=float, default=4.0)
SUFFIXES = (".jpg", ".jpeg", ".png")
MANY = 1 << 30  # images: more than will be read


class Endless(torch.utils.data.Dataset):
    """The images of a folder, again and again."""

    def __init__(self, folder: str, size: int):
        found = Path(folder).rglob("*")
        self.paths = sorted(p for p in found if p.suffix.lower() in SUFFIXES)
        mode = transforms.InterpolationMode.BICUBIC
        self.change = transforms.Compose(
            [
                transforms.RandomResizedCrop(size, interpolation=mode),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
            ]
        )

    def __len__(self) -> int:
        return MANY

    def __getitem__(self, index: int) -> torch.Tensor:
        with Image.open(self.paths[index % len(self.paths)]) as image:
            return self.change(image.convert("RGB"))


def main() -> None:
    """Measures and prints."""
    given, workers = parser.parse_args(), os.cpu_count() or 1
    torch.set_num_threads(1)  # the workers have the cores
    loader = torch.utils.data.DataLoader(
        Endless(given.folder, given.size), given.batch, num_workers=workers
    )
    batches = iter(loader)
    for _ in range(3 * workers):  # those that were begun before the clock
        next(batches)
    began, count = time.perf_counter(), 0
    while (taken := time.perf_counter() - began) < given.seconds:
        count += len(next(batches))
    print(json.dumps({"images_per_s": count / taken}))


if __name__ == "__main__":
    main()
