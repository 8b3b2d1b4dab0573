"""inception-jax data check --config=PAGE [--split=train] [--json]

Counts the images and classes of every split, then reads one split: images per class, sizes,
formats, each unreadable image, and what else is in its folders; of the split that is trained on,
the mean and the deviation of each channel, with the flags that use them. Compares the shards of a
prepared set with their checksums, prints what a pre-shrunk or raw set stores of an image, and
compares ImageNet with its official counts: what is missing, its size, and where to get it. Exits
with 65 if more than 1% of the images are unreadable, or a shard differs from its checksum. The
last line is the command that trains on this data, with its number of classes.
"""  # noqa: D415

import shlex
from pathlib import Path
from typing import Any

from inception_jax.cli import overrides, pages
from inception_jax.cli.flags import Flags, split_flag


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("data check", __doc__).page(obeyed=overrides.IMAGES).json()
    flags.text("split", "", "split to read; data.train_split if not given")
    values = flags.parse(argv)
    config = flags.config()
    from inception_jax.data import imagenet
    from inception_jax.data.prepare import inspect, prepared
    from inception_jax.data.prepare.imagenet import missing_images
    from inception_jax.data.sources.bad_images import check_tolerated
    from inception_jax.data.sources.open import open_source
    from inception_jax.data.sources.source import left_out_of

    config.data.cache = False  # its images are read once
    split = values.split or config.data.train_split
    source = open_source(config.data, split)
    folder = getattr(source, "folder", None)  # of a prepared set
    shards = prepared.verify(folder) if folder else None
    contract = prepared.manifest(folder).get("contract") if folder else None
    splits = inspect.splits(config.data)
    name = config.data.name if folder else ""
    missing = []
    if imagenet.is_imagenet(name, source.classes):
        missing = missing_images({name: s.images for name, s in splits.items()})
    trained = split == config.data.train_split
    survey, left_out = inspect.survey_of(source, with_channels=trained), left_out_of(source)
    if contract:  # its names are those of the files that it was made of
        survey.misnamed.clear()

    command = next_command(argv, config, len(source.classes))

    def text() -> str:
        counts = [
            f"{name}: {s.problem or f'{s.images:,} images of {s.classes:,} classes'}"
            for name, s in splits.items()
        ]
        counts += [f"data.classes=auto is {len(source.classes)}"] if config.data.classes < 0 else []
        verified = [f"{shards} shards match their checksums"] if shards else []
        verified += [f"stored: {contract['text']}"] if contract else []
        lines = [f"{split}:", *(f"  {line}" for line in survey.lines())]
        lines += left_out.lines(split)
        return "\n".join([*counts, *missing, *verified, *lines, f"next: {command}"])

    counts = {name: s._asdict() for name, s in splits.items()}
    found = {"splits": counts, "split": split, "verified_shards": shards, "missing": missing}
    found |= {"contract": contract, "next": command}
    flags.print({**found, **survey.json(), "left_out": left_out.json()}, text, indent=2)
    check_tolerated(survey.unreadable, survey.total)


def next_command(argv: list[str], config: Any, classes: int) -> str:
    """The command that trains on the data that the words `argv` name, which has `classes`."""
    page, rest = split_flag([word for word in argv if word != "--json"], "config")
    counted = {}
    if config.data.classes not in (classes, -1):
        counted = {"data.classes": classes, "model.num_classes": classes}
    for flag in ("split", *(f"config.{key}" for key in counted)):
        _, rest = split_flag(rest, flag)
    words = ["train", f"--config={page}", *rest, *(f"--config.{k}={n}" for k, n in counted.items())]
    d = config.data
    name = Path(d.dir).absolute().name if d.source == "folder" else d.name
    words.append(f"--workdir=runs/{name or pages.split(str(page))[0].stem}")
    return shlex.join(["inception-jax", *words])
