"""What is in a data set: counts, sizes of classes, unreadable files."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from inception_jax.data.decode import BadImageError
from inception_jax.data.picture import Picture
from inception_jax.data.source import Source, refuse
from inception_jax.progress import Progress

CHUNK = 32  # images a thread reads at a time
NAMED = 100  # unreadable images that are listed


def check(source: Source, threads: int = os.cpu_count() or 1) -> str:
    """Reads every image once, in `threads` threads, and says what was found, in a few lines.

    Raises:
        DataError: more than 1% of the images cannot be read; the first hundred are named.
    """
    total = len(source)

    def read(start: int) -> tuple[list[int], dict[str, str]]:
        labels, bad = [], {}
        for i in range(start, min(start + CHUNK, total)):
            try:
                Picture(source.stored(i)).whole()
            except BadImageError as e:
                bad[source.name(i)] = str(e)
            labels.append(source.label(i))
        return labels, bad

    counts, bad = np.zeros(len(source.classes), np.int64), {}
    bar, done = Progress(total, label="reading"), 0
    with ThreadPoolExecutor(threads) as pool:
        for labels, found in pool.map(read, range(0, total, CHUNK)):
            counts += np.bincount(labels, minlength=len(counts))
            bad |= found
            done += len(labels)
            bar.update(done, {"unreadable": str(len(bad))})
    bar.close()
    refuse(bad, total, NAMED)
    low, high = int(counts.argmin()), int(counts.argmax())
    lines = [
        f"{total:,} images of {len(counts)} classes",
        f"smallest class: {source.classes[low]} ({counts[low]:,}), "
        f"largest: {source.classes[high]} ({counts[high]:,})",
        f"{len(bad)} unreadable",
        *(f"  {name}: {reason}" for name, reason in list(bad.items())[:NAMED]),
    ]
    if len(bad) > NAMED:
        lines.append(f"  and {len(bad) - NAMED} more")
    return "\n".join(lines)
