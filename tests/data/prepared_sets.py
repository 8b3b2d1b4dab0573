"""Small sets in tensorflow-datasets' layout, written without TensorFlow."""

from pathlib import Path

from inception_jax.data.prepare import prepared
from tests.data.pictures import encoded, gradient

COUNT = {"train": 20, "test": 6}


def prepare(root: Path, name: str = "tiny", image: str = "image", label: str = "label",
            file_format: str = "array_record", kind: str = "class",
            labelled: bool = True, files: str = "") -> Path:  # fmt: skip
    """A prepared set: JPEG images, labels of three classes, a mask and boxes; no TensorFlow."""
    from array_record.python.array_record_module import ArrayRecordWriter
    from tensorflow_datasets import features as f

    folder = root / name / "1.0.0"
    folder.mkdir(parents=True)
    labels = f.ClassLabel(names=["ant", "bee", "cow"]) if kind == "class" else f.Text()
    features = {
        image: f.Image(shape=(None, None, 3)), label: labels,
        "mask": f.Image(shape=(None, None, 1)), "box": f.BBoxFeature(),
        **({"file_name": f.Text()} if files else {}),
    }  # fmt: skip
    splits = {split: (count // 2, count - count // 2) for split, count in COUNT.items()}
    for split, lengths in splits.items():
        first = 0
        for path, length in zip(prepared.shards(folder, name, split, 2), lengths, strict=True):
            writer = ArrayRecordWriter(str(path), "group_size:1")
            for i in range(first, first + length):
                data = encoded(gradient(shade=i)) if i != 4 else b"\xff\xd8 torn"
                row = {
                    image: data, label: i % 3 if labelled else -1, "mask": b"never decoded",
                    "box": b"nor parsed",
                }  # fmt: skip
                if files:
                    row["file_name"] = files.format(sum(lengths) - i).encode()
                writer.write(prepared.example(row))
            writer.close()
            first += length
    pair = (image, label) if kind == "class" else None
    prepared.describe(folder, name, features, splits, pair)
    for path in (*folder.glob("*.json"), *folder.glob("*array_record*")):
        if file_format != "array_record":  # as TFDS's builder leaves a set of another format
            if path.suffix == ".json":
                path.write_text(path.read_text().replace("array_record", file_format))
            else:
                path.rename(folder / path.name.replace("array_record", file_format))
    return root
