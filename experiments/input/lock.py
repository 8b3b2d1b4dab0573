"""Python's lock in two versions of the package: hand-overs, and images/s on more and more threads.

    git worktree add /tmp/before COMMIT
    python experiments/input/lock.py FOLDER --before=/tmp/before [--rounds=5] [--seconds=3]

Photographs of FOLDER, and the same shrunk to 64 pixels: of these the decoding, which many cores do
in parallel, takes so little that two cores show what the lock allows on many. The versions are
measured in turn, each in a process of its own; the best of the rounds is printed, of images/s and
of the processor's microseconds an image. Hand-overs are the calls of PyEval_SaveThread, counted by
gdb in runs of 32 and of 432 images.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2

from inception_jax.data.images.decode import decode

THREADS = (1, 2, 16)
LOW, HIGH = 32, 432  # images under gdb
PROGRAM = """
import json, resource, sys, time
from pathlib import Path
from types import SimpleNamespace
import cv2

from inception_jax.data.images.decode import decode
from inception_jax import config
from inception_jax.data import pipeline
from inception_jax.data.sources.files import Files

folder, threads, seconds, count = sys.argv[1], *map(float, sys.argv[2:])
cv2.setNumThreads(0)
fields = config.source(source="folder", classes=1, image_size=299, batch_size=256,
                       interpolation="bicubic")
if folder.endswith("small"):
    fields["image_size"] = 32
read = pipeline.TrainReader(Files(Path(folder)), SimpleNamespace(**fields), 0)
if count:
    # A busy machine opens slowly, and a package that then releases the lock would count as one
    # that always does. Versions before file_bytes have no such rule.
    if "inception_jax.data.sources.file_bytes" in sys.modules:
        sys.modules["inception_jax.data.sources.file_bytes"].SLOW = 1.0
    read(range(int(count)), read.empty(int(count)))
else:
    batches = pipeline.batches(read, 256, range(sys.maxsize), int(threads))
    for _ in range(3):
        next(batches)
    before = resource.getrusage(resource.RUSAGE_SELF)
    began, images = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        images += len(next(batches)["index"])
    used, took = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - began
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps([images / took, 1e6 * cpu / images]))
"""


def program(package: Path, folder: Path, threads: int, seconds: float, count: int = 0) -> list[str]:
    """The command that reads with one version of the package."""
    path = f"import sys; sys.path.insert(0, {str(package)!r})"
    words = map(str, (folder, threads, seconds, count))
    return [sys.executable, "-c", f"{path}\n{PROGRAM}", *words]


def hand_overs(package: Path, folder: Path) -> float | None:
    """Hand-overs of an image by gdb; None without it."""
    if not shutil.which("gdb"):
        return None
    counts = []
    for images in (LOW, HIGH):
        commands = ("set breakpoint pending on", "break PyEval_SaveThread", "ignore 1 100000000",
                    "run", "info breakpoints")  # fmt: skip
        words = ["gdb", "-batch", *(w for c in commands for w in ("-ex", c)), "--args"]
        out = subprocess.run(
            [*words, *program(package, folder, 1, 0, images)], capture_output=True, text=True
        ).stdout
        found = re.search(r"already hit (\d+) times", out)
        if not found:
            return None
        counts.append(int(found[1]))
    return (counts[1] - counts[0]) / (HIGH - LOW)


def small_copies(folder: Path, scratch: Path) -> Path:
    """The photographs of a folder with 64 pixels on the long side."""
    out = scratch / "small"
    out.mkdir()
    for i, path in enumerate(sorted(folder.rglob("*.JPEG"))):
        image = decode(path.read_bytes())[..., ::-1]
        scale = 64 / max(image.shape[:2])
        cv2.imwrite(str(out / f"{i}.jpg"), cv2.resize(image, None, fx=scale, fy=scale))
    return out


def main() -> None:
    """Measures both versions and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    a = parser.parse_args()
    versions = {"before": a.before, "now": Path(__file__).parents[2]}
    with tempfile.TemporaryDirectory() as scratch:
        folders = {"photographs": a.folder, "64 pixels": small_copies(a.folder, Path(scratch))}
        best: dict[str, tuple[float, float]] = {}
        for _ in range(a.rounds):
            for kind, folder in folders.items():
                for threads in THREADS:
                    for name, package in versions.items():
                        words = program(package, folder, threads, a.seconds)
                        env = {**os.environ, "PYTHONPATH": ""}
                        out = subprocess.run(words, capture_output=True, check=True, env=env)
                        rate, cpu = json.loads(out.stdout)
                        key = f"{kind}, {threads} threads, {name}"
                        most, least = best.get(key, (0.0, 1e9))
                        best[key] = max(most, rate), min(least, cpu)
        counts = {name: hand_overs(p, a.folder) for name, p in versions.items()}
    print(json.dumps({"hand_overs": counts}))
    for key, (rate, cpu) in best.items():
        print(f"{key:35} {rate:8,.0f} images/s {cpu:7,.0f} us")


if __name__ == "__main__":
    main()
