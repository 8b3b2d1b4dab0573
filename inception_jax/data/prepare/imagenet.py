"""ImageNet as ILSVRC 2012 published it: its files, its counts, and what of it is missing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NAME = "imagenet2012"
SOURCE = "https://image-net.org/download-images (free, but it wants an account)"
WNID = re.compile(r"n\d{8}")
CLASSES = 1000


@dataclass(frozen=True)
class Archive:
    """One official tar file. Sizes are those of TFDS's checksums.tsv, md5 torchvision's."""

    file: str
    size: int
    md5: str
    split: str
    images: int


ARCHIVES = (
    Archive("ILSVRC2012_img_train.tar", 147_897_477_120, "1d675b47d978889d74fa0da5fadfb00e",
            "train", 1_281_167),
    Archive("ILSVRC2012_img_val.tar", 6_744_924_160, "29b22e2961454d5413ddabcf34fc5622",
            "validation", 50_000),
)  # fmt: skip


def needed(archives: Sequence[Archive] = ARCHIVES) -> str:
    """What a person has to get, and the command to run then."""
    files = "\n".join(f"  {a.file}  {a.size:>15,} bytes, md5 {a.md5}" for a in archives)
    return (
        f"From {SOURCE}:\n{files}\nWith both files of ImageNet in one folder: "
        f"inception-jax data prepare imagenet2012 --manual_dir=FOLDER --data_dir=DIR"
    )


def difference(found: Mapping[str, int]) -> list[str]:
    """How splits differ from ImageNet's, a line each, and then what is needed to mend that.

    A folder's `val` is `validation`.
    """
    lines, incomplete = [], []
    for archive in ARCHIVES:
        count = found.get(archive.split, found.get(archive.split[:3], 0))
        if count != archive.images:
            less = archive.images - count
            what = f"{less:,} are missing" if less > 0 else f"{-less:,} too many"
            lines.append(
                f"not ImageNet's {archive.split}: expected {archive.images:,} images, "
                f"found {count:,}: {what}"
            )
            incomplete.append(archive)
    return [*lines, needed(incomplete)] if incomplete else []


def is_imagenet(name: str, classes: Sequence[str]) -> bool:
    """Whether a set is ImageNet, or means to be: its name, or a thousand WordNet folders."""
    wnids = len(classes) == CLASSES and all(map(WNID.fullmatch, classes))
    return name.split(":")[0] == NAME or wnids
