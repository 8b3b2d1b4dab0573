r"""Throughput of our input pipeline relative to others' on the same photographs, interleaved.

    python experiments/input/speed.py FOLDER [--rounds=3] [--size=299] \
        --peer=tf.data='PYTHON input_tfdata.py {folder} --size={size}' --peer=torchvision='...'

A peer is a name and a command that prints a line of JSON with `images_per_s`; the first is 1.0.

Each round runs everybody once; the table has medians, and of the ratios also the extremes.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys

OURS = "inception-jax data bench"


def images_per_s(command: list[str]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])["images_per_s"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=299)
    parser.add_argument("--interpolation", default="bicubic")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    args = parser.parse_args()
    commands = {}
    for peer in args.peer:
        name, _, command = peer.partition("=")
        commands[name] = shlex.split(command.format(folder=args.folder, size=args.size))
    bench = ["-m", "inception_jax", "data", "bench", f"--folder={args.folder}", "--rounds=1"]
    more = [f"--size={args.size}", f"--interpolation={args.interpolation}", "--json"]
    commands[OURS] = [sys.executable, *bench, *more]
    found: dict[str, list[float]] = {name: [] for name in commands}
    for i in range(args.rounds):
        for name, command in commands.items():
            found[name].append(images_per_s(command))
            print(f"round {i + 1}: {name} {found[name][-1]:,.0f}", file=sys.stderr)
    first = next(iter(found.values()))
    print("| input | images/s | ratio | of all rounds |\n|---|---|---|---|")
    for name, rates in found.items():
        ratios = [a / b for a, b in zip(rates, first, strict=True)]
        print(
            f"| {name} | {statistics.median(rates):,.0f} | {statistics.median(ratios):.2f} | "
            f"{min(ratios):.2f} to {max(ratios):.2f} |"
        )


if __name__ == "__main__":
    main()
