"""Write a made-up set of pile-up tensors: `python experiments/multichannel/make.py DIR`.

DIR/{train,test}/<genotype>/*.npy, uint8 [100, 221, 6]: the shape, the channels and the values of
DeepVariant's (Poplin et al., "A universal SNP and small-indel variant caller using deep neural
networks", Nature Biotechnology 2018), of invented reads. Each file is a function of its split,
genotype and number, whatever else is written.
"""

import sys
from pathlib import Path

import numpy as np

HEIGHT, WIDTH, REFERENCE_ROWS = 100, 221, 5
GENOTYPES = ("hom_ref", "het", "hom_alt")  # of every read a share of 0, 1/2 or 1 has the variant
CHANNELS = ("base", "base quality", "mapping quality", "strand", "supports variant", "differs")
COUNTS = {"train": 150, "test": 50}  # of a genotype
BASES = np.array([250, 180, 100, 30], np.uint8)  # A, G, T, C
ERRORS = 0.02  # share of the bases that are read wrongly
READ = (60, 160)  # length
DEPTH = (12, 60)  # reads


def pileup(genotype: int, rng: np.random.Generator) -> np.ndarray:
    """One tensor, uint8 [100, 221, 6]: the reference on top, a read in each row below it."""
    image = np.zeros((HEIGHT, WIDTH, len(CHANNELS)), np.uint8)
    reference, middle = rng.integers(0, 4, WIDTH), WIDTH // 2
    alternative = (reference[middle] + rng.integers(1, 4)) % 4
    image[:REFERENCE_ROWS] = (0, 240, 240, 70, 152, 50)
    image[:REFERENCE_ROWS, :, 0] = BASES[reference]
    for row in range(REFERENCE_ROWS, REFERENCE_ROWS + int(rng.integers(*DEPTH))):
        length = int(rng.integers(*READ))
        start = max(0, middle - int(rng.integers(length)))
        span = slice(start, min(start + length, WIDTH))
        read = reference[span].copy()
        wrong = rng.random(len(read)) < ERRORS
        read[wrong] = rng.integers(0, 4, wrong.sum())
        if supports := rng.random() < genotype / 2:
            read[middle - start] = alternative
        pixels = image[row, span]
        pixels[:, 0] = BASES[read]
        pixels[:, 1] = rng.integers(120, 255, len(read))
        pixels[:, 2] = rng.integers(180, 255)
        pixels[:, 3] = rng.choice((70, 240))
        pixels[:, 4] = 254 if supports else 152
        pixels[:, 5] = np.where(read == reference[span], 50, 254)
    return image


def write(folder: Path) -> None:
    """Write the set; files that exist are written again."""
    for s, (split, count) in enumerate(COUNTS.items()):
        for g, genotype in enumerate(GENOTYPES):
            below = folder / split / genotype
            below.mkdir(parents=True, exist_ok=True)
            for i in range(count):
                np.save(below / f"{i:04d}.npy", pileup(g, np.random.default_rng([s, g, i])))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
