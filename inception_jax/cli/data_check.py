"""inception-jax data check --config=PAGE [--split=train] [--json]

Every split with its images and classes; then all of one split is read: images a class, sizes,
formats, and each image that cannot be read. The shards of a prepared set are compared with their
checksums, and ImageNet with its counts: what is missing, how large it is, where to get it.
Ends with 65 when more than 1% of the images cannot be read, or a shard is not what was written.
"""  # noqa: D415

import json

from inception_jax.cli.flags import Flags


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("data check", __doc__ or "").page()
    flags.text("split", "", "split to read; data.train_split if not given")
    flags.switch("json", "print JSON")
    values = flags.parse(argv)
    config = flags.config()
    from inception_jax.data import imagenet
    from inception_jax.data.prepare import inspect, prepared
    from inception_jax.data.prepare.imagenet import missing_images
    from inception_jax.data.sources.bad_images import check_tolerated
    from inception_jax.data.sources.open import open_source
    from inception_jax.data.sources.tfds import Tfds

    config.data.cache = False  # its images are read once
    split = values.split or config.data.train_split
    source = open_source(config.data, split)
    shards = prepared.verify(source.folder) if isinstance(source, Tfds) else None
    splits = inspect.splits(config.data)
    name = config.data.name if config.data.source == "tfds" else ""
    missing = []
    if imagenet.is_imagenet(name, source.classes):
        missing = missing_images({name: s.images for name, s in splits.items()})
    survey = inspect.survey_of(source)
    if values.json:
        found = {name: s._asdict() for name, s in splits.items()}
        print(json.dumps({"splits": found, "split": split, "verified_shards": shards,
                          "missing": missing, **survey.json()}, indent=2))  # fmt: skip
    else:
        for name, s in splits.items():
            print(f"{name}: {s.problem or f'{s.images:,} images of {s.classes:,} classes'}")
        verified = [f"{shards} shards match their checksums"] if shards else []
        print(*missing, *verified, sep="\n", end="")
        print(f"\n{split}:", *survey.lines(), sep="\n  ")
    check_tolerated(survey.unreadable, survey.total)
