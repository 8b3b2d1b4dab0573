"""How many host cores keep an accelerator busy, per network, from photographs and smaller sets.

    python experiments/input/cores.py FOLDER [--rounds=5]

The images a second of one core are measured (`sets.py`) at each network's own image size, of the
photographs in FOLDER, of a set with `--side=400 --quality=90` and of a `--raw` set. What a TPU v5e
can take is arithmetic: a train step is three forward passes of two operations a multiply-add, and
the chip does 40% of its 197 TFLOP/s of bfloat16, which is what good convolution code reaches;
neither is measured here. An H100's rate is measured: Inception-v3 in bfloat16, 299 pixels, 256
images a batch (`experiments/gpu/README.md`).
"""

import argparse
import tempfile
from pathlib import Path

from sets import PHOTOGRAPHS, SETS, prepared, seconds_an_image

from inception_jax import models

NETWORKS = (
    "googlenet", "bn_inception", "inception_v3", "inception_v4",
    "inception_resnet_v1", "inception_resnet_v2", "xception",
)  # fmt: skip
V5E = 0.4 * 197e12  # operations a second
H100 = {"inception_v3": 4_821}  # images/s
SMALL, RAW = "--side=400 --quality=90", "--raw"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rows, sizes = [], set()
    for name in NETWORKS:
        model = models.create(name, num_classes=1000)
        size = models.preprocessing(model).image_size
        sizes.add(size)
        rows.append((name, size, "TPU v5e", V5E / (3 * 2 * models.describe(model).macs)))
        if name in H100:
            rows.append((name, size, "H100", H100[name]))
    names = (PHOTOGRAPHS, SMALL, RAW)
    with tempfile.TemporaryDirectory() as scratch:
        sources = prepared(args.folder, Path(scratch), {name: SETS[name] for name in names})
        rates = {
            size: {k: 1 / v for k, v in seconds_an_image(sources, size, args.rounds).items()}
            for size in sorted(sizes)
        }
    print("| images/s a core | photographs | `--side=400 --quality=90` | `--raw` |")
    print("|---|---|---|---|")
    for size, rate in rates.items():
        print(f"| {size} pixels | " + " | ".join(f"{rate[name]:,.0f}" for name in names) + " |")
    print("\n| network | pixels | chip | images/s | cores: photographs | pre-shrunk | raw |")
    print("|---|---|---|---|---|---|---|")
    for name, size, chip, images in rows:
        cores = " | ".join(f"{images / rates[size][k]:.1f}" for k in names)
        print(f"| `{name}` | {size} | {chip} | {images:,.0f} | {cores} |")


if __name__ == "__main__":
    main()
