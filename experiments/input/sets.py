r"""Pre-shrunk and raw sets of photographs: bytes, images/s of a core, and what shrinking costs.

    python experiments/input/sets.py FOLDER [--rounds=7] [--ffcv='PYTHON ffcv_sets.py {folder}']

FOLDER has photographs in any layout. Each set is prepared as by `inception-jax data prepare`, then
read by the training reader, default random crop at 299 pixels, in turn: an image's time is the
processor time of the thread that reads it, which other programs on the machine change little. The
crops are compared with those of the photographs, bicubic: the same place in the image, to half a
pixel where the image was resized; beside it, the photographs' own crops resized bilinearly.
"""

import argparse
import json
import shlex
import subprocess
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from inception_jax import config as configs
from inception_jax.data.images import crops
from inception_jax.data.images.picture import Box, Picture
from inception_jax.data.images.resize import resize
from inception_jax.data.pipeline import TrainReader
from inception_jax.data.prepare.contract import Contract, stored_bytes
from inception_jax.data.prepare.pack import pack
from inception_jax.data.sources.files import Files
from inception_jax.data.sources.raw import Raw
from inception_jax.data.sources.source import Source, file_of
from inception_jax.data.sources.tfds import Tfds

BATCH = 50
PHOTOGRAPHS = "photographs"
SETS = {
    PHOTOGRAPHS: Contract(),
    "--side=400 --quality=90": Contract(400, 90),
    "--side=400 --quality=80": Contract(400, 80),
    "--side=342 --quality=90": Contract(342, 90),
    "--side=342 --quality=80": Contract(342, 80),
    "--raw": Contract(raw=True),
    "--side=400 --raw": Contract(400, raw=True),
}


def prepared(folder: Path, out: Path, sets: dict[str, Contract]) -> dict[str, Source]:
    """The sets of the photographs in `folder`, prepared in `out`."""
    files, tree = Files(folder), out / "tree" / "train" / "all"
    tree.mkdir(parents=True)
    for i in range(len(files)):
        name = files.name(i)
        (tree / f"{i:06}_{Path(name).name}").symlink_to((folder / name).resolve())
    sources: dict[str, Source] = {}
    for i, (name, contract) in enumerate(sets.items()):
        pack(out / "tree", out / "sets", f"set{i}", contract=contract)
        opened = Raw if contract.raw else Tfds
        sources[name] = opened(f"set{i}", str(out / "sets"), "train")
    return sources


def data_section(size: int) -> Any:
    """The `data` section of `inception-jax data bench`."""
    fields = configs.source(
        source="folder", classes=1, image_size=size, batch_size=BATCH, interpolation="bicubic"
    )
    return SimpleNamespace(**fields)


def seconds_an_image(sources: dict[str, Source], size: int, rounds: int) -> dict[str, float]:
    """Processor time of a thread, by set; the sets take turns after every batch.

    Of each batch the least of all rounds counts.
    """
    readers = {k: TrainReader(source, data_section(size), 0) for k, source in sources.items()}
    batches = min(map(len, sources.values())) // BATCH
    least = {name: np.full(batches, np.inf) for name in sources}
    for _ in range(rounds + 1):  # the first one reads the files into the system's cache
        for i in range(batches):
            for name, reader in readers.items():
                out, began = reader.empty(BATCH), time.thread_time()
                reader(range(i * BATCH, (i + 1) * BATCH), out)
                least[name][i] = min(least[name][i], time.thread_time() - began)
    return {name: float(times.sum()) / (batches * BATCH) for name, times in least.items()}


def crop(source: Source, index: int, box: Box, how: str = "bicubic") -> np.ndarray:
    return resize(Picture(source.stored(index)).inside(box, least=299), (299, 299), how)


def differences(original: Source, source: Source, how: str) -> tuple[float, float]:
    """Mean PSNR in dB and mean absolute difference in grey levels, of a crop of each image."""
    levels, psnr = [], []
    for i in range(len(original)):
        assert file_of(original, i) == file_of(source, i)
        before, after = Picture(original.stored(i)), Picture(source.stored(i))
        box = crops.inception_box(
            np.random.default_rng(i), before.height, before.width, (0.08, 1.0), (3 / 4, 4 / 3)
        )
        fy, fx = after.height / before.height, after.width / before.width
        y, x = round(box.y * fy), round(box.x * fx)
        y1, x1 = round((box.y + box.height) * fy), round((box.x + box.width) * fx)
        a = crop(original, i, box).astype(np.float32)
        b = crop(source, i, Box(y, x, max(1, y1 - y), max(1, x1 - x)), how)
        levels.append(np.abs(a - b).mean())
        psnr.append(10 * np.log10(255**2 / max(float(np.square(a - b).mean()), 1e-3)))
    return float(np.mean(psnr)), float(np.mean(levels))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--ffcv", default="", help="a command that prints a line of JSON")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sources = prepared(args.folder, Path(scratch), SETS)
        found = seconds_an_image(sources, 299, args.rounds)
        first = found[PHOTOGRAPHS]
        print("| set | KB an image | images/s a core | ratio | PSNR, dB | grey levels |")
        print("|---|---|---|---|---|---|")
        for name, source in sources.items():
            kb = sum(stored_bytes(source.stored(i)) for i in range(len(source))) / 1e3
            lossy = name != PHOTOGRAPHS
            psnr, levels = differences(sources[PHOTOGRAPHS], source, "bicubic") if lossy else (0, 0)
            print(
                f"| `{name}` | {kb / len(source):.0f} | {1 / found[name]:,.0f} | "
                f"{first / found[name]:.2f} | "
                + (f"{psnr:.1f} | {levels:.2f} |" if lossy else "| |")
            )
        psnr, levels = differences(sources[PHOTOGRAPHS], sources[PHOTOGRAPHS], "bilinear")
        print(f"| photographs, resized bilinearly | | | | {psnr:.1f} | {levels:.2f} |")
    if args.ffcv:
        command = shlex.split(args.ffcv.format(folder=args.folder))
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        for name, row in json.loads(done.stdout.strip().splitlines()[-1]).items():
            rate = row["images_per_s"]
            print(f"| {name} | {row['kb']:.0f} | {rate:,.0f} | {rate * first:.2f} | | |")


if __name__ == "__main__":
    main()
