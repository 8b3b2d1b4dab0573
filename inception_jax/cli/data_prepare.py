"""inception-jax data prepare folder DIR --out=OUT [--name=NAME] [--shard_mb=256]
inception-jax data prepare imagenet2012 --manual_dir=DIR [--data_dir=DIR]

Both write ArrayRecord shards in tensorflow-datasets' own layout, with a sha256 of each, which
`data check` compares. The set appears under its name when it is whole, never before.

folder: packs DIR/split/class/image into OUT/NAME/1.0.0, the files' bytes unchanged, in an order
that mixes the classes and depends on the files' names alone: the same folder gives the same bits.
Killed, or out of disk (exit 74), the same command continues with the shards that are whole.
Images that cannot be read are named, and packed as they are: training replaces and counts them.
Above 1% of them it ends with 65, or leaves them out with --leave_out_unreadable. Every image
is read whole to know that; at most one shard is in memory. Needs no TensorFlow.

imagenet2012: builds TFDS's set from ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar, which
image-net.org gives to those who have an account, with TFDS's own code: it needs TensorFlow, pip
install 'inception-jax[prepare]', about 2 GB of memory, and disk for the set besides the tar files:
156 GB. Everything that can be missing is looked at first. Killed in the middle, nothing is visible,
and the same command removes what there is and begins again: TFDS cannot continue.
"""  # noqa: D205, D415

from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError

FOLDER = ("out", "name", "shard_mb", "train_split", "splits", "leave_out_unreadable")
IMAGENET = ("manual_dir", "data_dir", "any_size", "md5")


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("data prepare", __doc__ or "")
    flags.text("out", None, "folder: where sets are")
    flags.text("name", "", "folder: name of the set; the folder's if not given")
    flags.whole("shard_mb", 256, "folder: size of a shard in MB", low=1)
    flags.text("train_split", "train", "folder: the split whose folders are the classes of all")
    flags.text("splits", "", "folder: which to pack, as in train,val; all if not given")
    flags.switch("leave_out_unreadable", "folder: leave out what cannot be read")
    flags.text("manual_dir", None, "imagenet2012: the folder with the two tar files")
    flags.text("data_dir", "~/tensorflow_datasets", "imagenet2012: where sets are")
    flags.switch("any_size", "imagenet2012: warn of files of another size than the official ones")
    flags.switch("md5", "imagenet2012: compare the files' md5 first, which takes minutes")
    values = flags.parse(argv, words=2)
    what, *rest = flags.words or ("neither",)
    if (what, len(rest)) not in (("folder", 1), ("imagenet2012", 0)):
        raise ConfigError(
            f"expected `data prepare folder DIR` or `data prepare imagenet2012`, "
            f"got {' '.join(flags.words) or 'neither'}"
        )
    for name in IMAGENET if what == "folder" else FOLDER:
        if values[name].present:
            raise ConfigError(f"--{name} is no flag of `data prepare {what}`")
    place = "out" if what == "folder" else "manual_dir"
    if not values[place].value:
        raise ConfigError(f"expected --{place}=DIR")
    print(_folder(rest[0], values) if what == "folder" else _imagenet(values))


def _folder(root: str, values) -> str:
    from inception_jax.data.prepare.pack import pack

    return pack(
        Path(root), Path(values.out), values.name, shard_bytes=values.shard_mb * 10**6,
        train=values.train_split, splits=[s for s in values.splits.split(",") if s],
        leave_out=values.leave_out_unreadable,
    )  # fmt: skip


def _imagenet(values) -> str:
    from inception_jax.data.prepare.build import prepare

    return prepare(Path(values.manual_dir), Path(values.data_dir), values.any_size, values.md5)
