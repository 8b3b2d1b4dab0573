"""inception-jax data prepare folder DIR --out=OUT [--name=NAME] [--side=400 --quality=90] [--raw]
inception-jax data prepare tfds SET --out=OUT --name=NAME [--side=400 --quality=90] [--raw]
inception-jax data prepare imagenet2012 --manual_dir=DIR [--data_dir=DIR]

All write shards with a sha256 of each for `data check`. An incomplete data set is never visible
under its name.

folder: packs DIR/split/class/image into OUT/NAME/1.0.0, ArrayRecord shards in the layout of
tensorflow-datasets, in an order that mixes the classes and depends on the file names only: the same
folder gives identical shards. The files' bytes are unchanged unless a flag below changes them.
After a kill or a full disk (exit 74) the same command continues with the complete shards.
Unreadable images are listed, and packed unchanged: training replaces and counts them. If more than
1% are unreadable it exits with 65, or skips them with --leave_out_unreadable. Every image is
decoded for this check; a few images are in memory. Needs no TensorFlow.

tfds: the same from a prepared set, such as imagenet2012, with a flag below, in the same order.

--side=400 --quality=90 stores a smaller JPEG of each image, which is read 1.6 times as fast: its
short side has at most 400 pixels, antialiased; JPEG of quality 90 and 4:2:0. --raw stores decoded
pixels, read 5 times as fast, some 0.5 MB an image: for sets that fit in memory or on an SSD, with
data.source=raw. Either stores what the decoder gives: RGB of 8 bits, EXIF orientation ignored. The
same versions of the libraries give the same bytes.

imagenet2012: builds TFDS's data set from ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar,
available from image-net.org with an account, with TFDS's own code. Needs TensorFlow (pip install
'inception-jax[prepare]'), about 2 GB of memory, and 156 GB of disk besides the tar files.
Everything that may be missing is checked first. After a kill nothing is visible, and the same
command starts again from the beginning: TFDS cannot continue.
"""  # noqa: D205, D415

from pathlib import Path
from typing import Any

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError

PACK = (
    "out", "name", "shard_mb", "train_split", "splits", "leave_out_unreadable", "side", "quality",
    "raw",
)  # fmt: skip
FLAGS = {
    "folder": PACK,
    "tfds": (*PACK, "data_dir"),
    "imagenet2012": ("manual_dir", "data_dir", "any_size", "md5"),
}
QUALITY = 90


def main(argv: list[str]) -> None:
    """Runs the command."""
    expected = "`data prepare folder DIR` or `data prepare imagenet2012` or `data prepare tfds SET`"
    flags = Flags("data prepare", __doc__).arguments(expected, "folder photos --out=data", 0, 2)
    flags.path("out", None, "folder, tfds: directory of data sets")
    flags.text("name", "", "folder, tfds: name of the data set; the folder's if not given")
    flags.whole("side", 0, "folder, tfds: pixels of the short side, at most; 0: as they are")
    flags.whole("quality", 0, f"folder, tfds: of the stored JPEGs; {QUALITY} with --side")
    flags.switch("raw", "folder, tfds: store decoded pixels")
    flags.whole("shard_mb", 256, "folder, tfds: MB of the original files in a shard", low=1)
    flags.text("train_split", "train", "folder, tfds: the split that defines the classes")
    flags.text("splits", "", "folder, tfds: splits to pack, such as train,val; all if not given")
    flags.switch("leave_out_unreadable", "folder, tfds: skip unreadable images")
    flags.path("manual_dir", None, "imagenet2012: the folder with the two tar files")
    flags.path("data_dir", "~/tensorflow_datasets", "imagenet2012, tfds: directory of data sets")
    flags.switch("any_size", "imagenet2012: only warn if a tar file's size is not the official one")
    flags.switch("md5", "imagenet2012: compare the tar files' md5 first, which takes minutes")
    values = flags.parse(argv)
    kind, *rest = flags.words or ("neither",)
    if (kind, len(rest)) not in (("folder", 1), ("tfds", 1), ("imagenet2012", 0)):
        raise ConfigError(f"expected {expected}, got {' '.join(flags.words) or 'neither'}")
    for name in sorted({name for names in FLAGS.values() for name in names}):
        if values[name].present and name not in FLAGS[kind]:
            raise ConfigError(f"--{name} is not a flag of `data prepare {kind}`")
    required = "manual_dir" if kind == "imagenet2012" else "out"
    if not values[required].value:
        raise ConfigError(f"expected --{required}=DIR")
    if kind == "imagenet2012":
        from inception_jax.data.prepare.build import prepare

        manual, data = Path(values.manual_dir), Path(values.data_dir)
        print(prepare(manual, data, values.any_size, values.md5))
    else:
        print(_packed(kind, rest[0], values))


def _packed(kind: str, origin: str, values: Any) -> str:
    """Pack a folder or a prepared set; a summary."""
    if values.raw and values.quality:
        raise ConfigError(
            f"--quality={values.quality} has no effect with --raw, which stores pixels"
        )
    if values.quality > 100:
        raise ConfigError(f"--quality={values.quality}: expected 1 to 100")
    quality = values.quality or (QUALITY if values.side and not values.raw else 0)
    from inception_jax.data.prepare.contract import Contract
    from inception_jax.data.prepare.pack import pack, pack_tfds

    contract, out = Contract(values.side, quality, values.raw), Path(values.out)
    more = {
        "shard_bytes": values.shard_mb * 10**6, "train": values.train_split,
        "splits": [s for s in values.splits.split(",") if s],
        "leave_out": values.leave_out_unreadable,
        "contract": contract,
    }  # fmt: skip
    if kind == "folder":
        return pack(Path(origin), out, values.name, **more)
    if contract.keeps_files:
        raise ConfigError("expected --side=N, --quality=N or --raw: the set is prepared already")
    if not values.name:
        raise ConfigError("expected --name=NAME, of the set to write")
    return pack_tfds(origin, values.data_dir, out, values.name, **more)
