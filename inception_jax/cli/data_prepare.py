"""inception-jax data prepare folder DIR --out=OUT [--name=NAME] [--shard_mb=256]
inception-jax data prepare imagenet2012 --manual_dir=DIR [--data_dir=DIR]

Both write ArrayRecord shards in the layout of tensorflow-datasets, with a sha256 of each for `data
check`. An incomplete data set is never visible under its name.

folder: packs DIR/split/class/image into OUT/NAME/1.0.0, the files' bytes unchanged, in an order
that mixes the classes and depends on the file names only: the same folder gives identical shards.
After a kill or a full disk (exit 74) the same command continues with the complete shards.
Unreadable images are listed, and packed unchanged: training replaces and counts them. If more than
1% are unreadable it exits with 65, or skips them with --leave_out_unreadable. Every image is
decoded for this check; at most one shard is in memory. Needs no TensorFlow.

imagenet2012: builds TFDS's data set from ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar,
available from image-net.org with an account, with TFDS's own code. Needs TensorFlow (pip install
'inception-jax[prepare]'), about 2 GB of memory, and 156 GB of disk besides the tar files.
Everything that may be missing is checked first. After a kill nothing is visible, and the same
command starts again from the beginning: TFDS cannot continue.
"""  # noqa: D205, D415

from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError

FOLDER = ("out", "name", "shard_mb", "train_split", "splits", "leave_out_unreadable")
IMAGENET = ("manual_dir", "data_dir", "any_size", "md5")


def main(argv: list[str]) -> None:
    """Runs the command."""
    expected = "`data prepare folder DIR` or `data prepare imagenet2012`"
    flags = Flags("data prepare", __doc__).arguments(expected, "folder photos --out=data", 0, 2)
    flags.path("out", None, "folder: directory of data sets")
    flags.text("name", "", "folder: name of the data set; the folder's if not given")
    flags.whole("shard_mb", 256, "folder: size of a shard in MB", low=1)
    flags.text("train_split", "train", "folder: the split that defines the classes")
    flags.text("splits", "", "folder: splits to pack, such as train,val; all if not given")
    flags.switch("leave_out_unreadable", "folder: skip unreadable images")
    flags.path("manual_dir", None, "imagenet2012: the folder with the two tar files")
    flags.path("data_dir", "~/tensorflow_datasets", "imagenet2012: directory of data sets")
    flags.switch("any_size", "imagenet2012: only warn if a tar file's size is not the official one")
    flags.switch("md5", "imagenet2012: compare the tar files' md5 first, which takes minutes")
    values = flags.parse(argv)
    kind, *rest = flags.words or ("neither",)
    if (kind, len(rest)) not in (("folder", 1), ("imagenet2012", 0)):
        raise ConfigError(f"expected {expected}, got {' '.join(flags.words) or 'neither'}")
    for name in IMAGENET if kind == "folder" else FOLDER:
        if values[name].present:
            raise ConfigError(f"--{name} is not a flag of `data prepare {kind}`")
    required = "out" if kind == "folder" else "manual_dir"
    if not values[required].value:
        raise ConfigError(f"expected --{required}=DIR")
    if kind == "folder":
        from inception_jax.data.prepare.pack import pack

        text = pack(
            Path(rest[0]), Path(values.out), values.name, shard_bytes=values.shard_mb * 10**6,
            train=values.train_split, splits=[s for s in values.splits.split(",") if s],
            leave_out=values.leave_out_unreadable,
        )  # fmt: skip
    else:
        from inception_jax.data.prepare.build import prepare

        manual, data = Path(values.manual_dir), Path(values.data_dir)
        text = prepare(manual, data, values.any_size, values.md5)
    print(text)
