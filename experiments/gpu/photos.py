"""Photographs to read: a folder or a tar file that is given, the shared sample, or made ones."""

import subprocess
from pathlib import Path

SAMPLE = Path("shared/data/imagenet_sample.tar")
COUNT, SHAPE = 256, (375, 500)  # the median of ImageNet's; about its 110 kB each


def folder(given: str, scratch: Path) -> tuple[Path, str]:
    """A folder of JPEG files, below `scratch` unless it is given; and what they are."""
    path = Path(given) if given else next((p for p in (SAMPLE, ".." / SAMPLE) if p.exists()), None)
    if path is None:
        found = make(scratch / "photos")
    elif path.is_dir():
        found = path
    else:
        found = scratch / "photos"
        found.mkdir(parents=True)
        # Python 3.11.2, Debian 12's, has no safe `extractall`.
        subprocess.run(["tar", "-xf", path.resolve(), "-C", found], check=True)
    files = [p for p in found.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg")]
    if not files:
        raise SystemExit(f"--photos={given}: expected a folder or a tar file of .jpg, got none")
    size = sum(p.stat().st_size for p in files) / len(files) / 1e3
    kind = f"photographs of {path.name}" if path else "made images, no photographs"
    return found, f"{len(files)} {kind}, {size:.0f} kB each"


def make(folder: Path) -> Path:
    """Writes JPEG files of noise at several scales, as large as ImageNet's photographs."""
    import cv2
    import numpy as np

    folder.mkdir(parents=True)
    rng, (height, width) = np.random.default_rng(0), SHAPE
    for i in range(COUNT):
        image = np.zeros((height, width, 3), np.float32)
        for cells, weight in ((4, 90), (16, 50), (64, 30), (width, 16)):
            noise = rng.normal(0, weight, (max(cells * height // width, 1), cells, 3))
            image += cv2.resize(noise.astype(np.float32), (width, height))
        image = np.clip(image + 128, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{i:03d}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return folder
