"""inception-jax predict FILE_OR_FOLDER ... --workdir=DIR [--top=5] [--step=N] [--json]

Names what is in images: for each file the most probable classes. A folder stands for all images
below it. Unreadable files are named and skipped. With --json: one object a line.
"""  # noqa: D415

import json
import sys
from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError, DataError


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("predict", __doc__ or "").run("directory of the run whose network predicts")
    flags.whole("top", 5, "classes to name", low=1)
    flags.whole("step", None, "step to use; the newest if not given")
    flags.switch("json", "print one JSON object a line")
    values = flags.parse(argv, words=100_000)
    config, workdir = flags.config(), Path(values.workdir)
    if not flags.words:
        raise ConfigError(
            f"expected image files or folders, for example: "
            f"inception-jax predict photo.jpg --workdir={workdir}"
        )
    from inception_jax import runtime

    runtime.start(config.model.dtype)
    from inception_jax import predict

    files = predict.image_files([Path(w) for w in flags.words])
    predictor = predict.Predictor(config, workdir, values.step)
    bad = 0
    for name, top, error in predictor.run(files, values.top):
        bad += error is not None
        if values.json:
            rows = [{"class": c, "probability": p} for c, p in top]
            print(
                json.dumps({"file": str(name), "top": rows, **({"error": error} if error else {})})
            )
        elif error:
            print(f"{name}\n  unreadable: {error}", file=sys.stderr)
        else:
            print(name)
            for c, p in top:
                print(f"  {p:7.2%}  {c}")
    if bad == len(files):
        raise DataError(f"none of {bad} files could be read as an image")
