r"""Saves and restores a large state, beside the disk's own speed; rounds are interleaved.

    python experiments/checkpoints/speed.py /tmp/speed --rounds=5

The state is Inception-ResNet-v2's (slim, with heads) with RMSProp, momentum and averages: 0.95 GB
in 2,809 arrays of random numbers. In each round, on the same disk:

- write, read: as many bytes in one file, 16 MB at a time, fsync included; read with a cold cache;
- save: from `save()` to a named step, manifest included; of it, `save()` itself, which the training
  thread waits for;
- restore: `newest_good()` (all sha256) and `restore()`, with a cold cache;
- orbax: the same tree as Orbax alone would save and restore it, nothing hashed.
"""

import argparse
import os
import shutil
import statistics
from pathlib import Path

import jax
import optax
import orbax.checkpoint as ocp

from inception_jax import models
from inception_jax.bench import disk
from inception_jax.bench.disk import cold, timed
from inception_jax.runtime import mesh as meshes
from inception_jax.train import state


def build():
    model = models.create("inception_resnet_v2", num_classes=1001, dialect="slim")
    tx = optax.rmsprop(0.1, momentum=0.9)
    fields = {"model": model, "tx": tx, "mesh": meshes.make(), "image_size": 299, "seed": 0}
    shapes = state.abstract(**fields, ema=True)
    return shapes, disk.filled(shapes)


def raw(folder, size):
    found = disk.raw(folder, size)
    return {"write": found["save_s"], "read": found["restore_s"]}


def ours(folder, shapes, full):
    found = disk.ours(folder, shapes, full)
    return {key.removesuffix("_s"): seconds for key, seconds in found.items()}


def orbax(folder, shapes, full):
    def save():
        copies = jax.tree.map(lambda x: x.copy(), full)
        writer.save(folder / "1", args=ocp.args.StandardSave(copies))
        writer.wait_until_finished()

    def restore():
        return jax.block_until_ready(writer.restore(folder / "1", args=restoring))

    restoring = ocp.args.StandardRestore(shapes)
    with ocp.AsyncCheckpointer(ocp.StandardCheckpointHandler()) as writer:
        saved, _ = timed(save)
        cold(folder)
        read, _ = timed(restore)
    return {"orbax save": saved, "orbax restore": read}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    flags = parser.parse_args()
    shapes, full = build()
    size = disk.size_of(full)
    print(f"{size:,} bytes in {len(jax.tree.leaves(full)):,} arrays, {os.cpu_count()} cores")
    rounds = []
    for number in range(flags.rounds):
        row = {}
        for name, run in (
            ("disk", lambda f: raw(f, size)),
            ("ours", lambda f: ours(f, shapes, full)),
            ("orbax", lambda f: orbax(f, shapes, full)),
        ):
            folder = flags.folder.resolve() / name
            shutil.rmtree(folder, ignore_errors=True)
            row |= run(folder)
            shutil.rmtree(folder)
        rounds.append(row)
        print(f"round {number}:", *(f"{k} {v:.2f}" for k, v in row.items()), flush=True)
    print("\nmedian seconds, and the disk's time over it:")
    for key in rounds[0]:
        seconds = statistics.median(r[key] for r in rounds)
        alone = "read" if "restore" in key or key == "verify" else "write"
        ratios = sorted(r[alone] / r[key] for r in rounds)
        share = f"{statistics.median(ratios):.0%} ({ratios[0]:.0%} to {ratios[-1]:.0%})"
        print(f"  {key:14} {seconds:6.2f}   {share}")


if __name__ == "__main__":
    main()
