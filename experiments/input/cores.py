"""How many host cores keep an accelerator busy, per network: input measured, chip speed assumed.

    python experiments/input/cores.py FOLDER [--tflops=197] [--use=0.4]

The images a second of one core are measured (`inception-jax data bench`, one thread) at each
network's own image size. What a chip can take is arithmetic: a train step is three forward passes
of two operations a multiply-add, and a chip does `use` of its peak (197 TFLOP/s of bfloat16 is
a TPU v5e; 40% is what good convolution code reaches; neither is measured here).
"""

import argparse
import json
import math
import subprocess
import sys

from inception_jax import models

NETWORKS = (
    "googlenet", "bn_inception", "inception_v3", "inception_v4",
    "inception_resnet_v1", "inception_resnet_v2", "xception",
)  # fmt: skip


def images_per_core(folder: str, size: int) -> float:
    bench = ["-m", "inception_jax", "data", "bench", f"--folder={folder}", f"--size={size}"]
    done = subprocess.run(
        [sys.executable, *bench, "--rounds=3", "--seconds=3", "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)["images_per_s_one_reader"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--tflops", type=float, default=197.0)
    parser.add_argument("--use", type=float, default=0.4)
    args = parser.parse_args()
    rates: dict[int, float] = {}
    print("| network | pixels | images/s a core | images/s a chip | cores a chip | 8 chips |")
    print("|---|---|---|---|---|---|")
    for name in NETWORKS:
        model = models.create(name, num_classes=1000)
        size = models.preprocessing(model).image_size
        if size not in rates:
            rates[size] = images_per_core(args.folder, size)
        flops = 3 * 2 * models.describe(model).macs
        chip = args.use * args.tflops * 1e12 / flops
        cores = chip / rates[size]
        print(
            f"| `{name}` | {size} | {rates[size]:,.0f} | {chip:,.0f} | {cores:.1f} | "
            f"{math.ceil(8 * cores)} |"
        )


if __name__ == "__main__":
    main()
