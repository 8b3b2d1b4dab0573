r"""What int8 costs in accuracy, and gives in size and speed: a run's two ONNX graphs side by side.

    python experiments/int8/measure.py runs/digits --out=digits.json

Both graphs are exported by `inception-jax export`, and classify the run's evaluation split in
onnxruntime on the CPU. Speed is of one batch of the split, in rounds that alternate.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

from inception_jax import cli
from inception_jax.cli import pages
from inception_jax.data.images.picture import Picture
from inception_jax.data.sources.open import open_source
from inception_jax.eval.interval import wilson
from inception_jax.eval.views import centre

FORMS = {"float32": (), "int8": ("--quantize=int8",)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    config = pages.of_run(str(args.workdir))
    source = open_source(config.data, config.eval.split)
    indices = range(len(source))
    labels = np.array([source.label(i) for i in indices])
    with tempfile.TemporaryDirectory() as folder:
        files = {form: Path(folder) / f"{form}.onnx" for form in FORMS}
        for form, words in FORMS.items():
            where = [f"--workdir={args.workdir}", "--to=onnx", f"--out={files[form]}"]
            if code := cli.main(["export", *where, *words]):
                raise SystemExit(code)
        sizes = {form: path.stat().st_size for form, path in files.items()}
        sessions = {form: onnxruntime.InferenceSession(path) for form, path in files.items()}
    right, logits = dict.fromkeys(FORMS, 0), {form: [] for form in FORMS}
    first = None
    for start in range(0, len(source), args.batch):
        chosen = indices[start : start + args.batch]
        images = np.stack([centre(Picture(source.stored(i)), config.data) for i in chosen])
        first = images if first is None else first
        for form, session in sessions.items():
            (out,) = session.run(None, {"images": images})
            right[form] += int((out.argmax(-1) == labels[list(chosen)]).sum())
            logits[form].append(out)
    assert first is not None
    seconds: dict[str, list[float]] = {form: [] for form in FORMS}
    for _ in range(args.rounds):
        for form, session in sessions.items():
            begin = time.perf_counter()
            session.run(None, {"images": first})
            seconds[form].append(time.perf_counter() - begin)
    best = {form: np.concatenate(rows).argmax(-1) for form, rows in logits.items()}
    agreement = float((best["float32"] == best["int8"]).mean())
    rows = {
        form: {
            "top1": right[form] / len(source),
            "interval": wilson(right[form] / len(source), len(source)),
            "bytes": sizes[form],
            "images_per_s": len(first) / statistics.median(seconds[form]),
        }
        for form in FORMS
    }
    text = json.dumps(
        {"images": len(source), "batch": len(first), "agreement": agreement, **rows}, indent=2
    )
    print(text)
    if args.out:
        args.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
