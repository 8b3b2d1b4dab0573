"""ImageNet's two official tar files: names, sizes, md5, and the images they lack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inception_jax.data.imagenet import IMAGES

SOURCE = "https://image-net.org/download-images (free, requires an account)"


@dataclass(frozen=True)
class Archive:
    """One official tar file. Sizes are those of TFDS's checksums.tsv, md5 torchvision's."""

    file: str
    size: int
    md5: str
    split: str


ARCHIVES = (
    Archive("ILSVRC2012_img_train.tar", 147_897_477_120, "1d675b47d978889d74fa0da5fadfb00e",
            "train"),
    Archive("ILSVRC2012_img_val.tar", 6_744_924_160, "29b22e2961454d5413ddabcf34fc5622",
            "validation"),
)  # fmt: skip


def download_help(archives: Sequence[Archive] = ARCHIVES) -> str:
    """The files to download, their source, and the command to run then."""
    files = "\n".join(f"  {a.file}  {a.size:>15,} bytes, md5 {a.md5}" for a in archives)
    return (
        f"From {SOURCE}:\n{files}\nWith both files of ImageNet in one folder: "
        f"inception-jax data prepare imagenet2012 --manual_dir=FOLDER --data_dir=DIR"
    )


def missing_images(counts: Mapping[str, int]) -> list[str]:
    """How splits differ from ImageNet's, a line each; then the files to download for those.

    Args:
        counts: images by split; a folder's `val` is `validation`.
    """
    lines, incomplete = [], []
    for archive in ARCHIVES:
        split, expected = archive.split, IMAGES[archive.split]
        count = counts.get(split, counts.get(split[:3], 0))
        if count != expected:
            missing = expected - count
            what = f"{missing:,} are missing" if missing > 0 else f"{-missing:,} too many"
            lines.append(
                f"not ImageNet's {split}: expected {expected:,} images, found {count:,}: {what}"
            )
            incomplete.append(archive)
    return [*lines, download_help(incomplete)] if incomplete else []
