"""inception-jax predict FILE_OR_FOLDER ... --workdir=DIR [--top=5] [--step=N] [--json]
inception-jax predict - --workdir=DIR [--list] < FILE

Classifies images: prints the most probable classes of each file; of a run with several labels those
from --threshold on, of a regression its values, of an embedding its numbers. A folder stands for
all images below it; of a group of grey files name the first, NAME_c0. Unreadable files are reported
and skipped. With --json: one object per line. `-` is an image on standard input or, with --list,
the paths of images there, one a line.

--features=ROW (`mixed_7c`, `pool`, ...) --out=FILE writes features instead: as .npz with arrays
`path` [n] and `features` [n, c], or [n, h, w, c] with --spatial; as .parquet with one row per image
and the columns `path` and `features`, a tensor of fixed shape. Classes are of the views of the
run's eval.protocol, features of the config's own crop (data.eval_crop, resize, interpolation).
"""  # noqa: D415, D205

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from inception_jax.cli import overrides
from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError, DataError, shown
from inception_jax.progress import watched
from inception_jax.workdir import atomic

if TYPE_CHECKING:
    import numpy as np

STDIN = Path("/dev/stdin")


Pairs = list[tuple[str, float]]


class PrintedForm(NamedTuple):
    """How a task's predictions are printed: as JSON, and each number as text."""

    json: Callable[[Pairs], dict[str, Any]]
    text: Callable[[float], str]


def _classes(key: str) -> PrintedForm:
    return PrintedForm(
        lambda pairs: {key: [{"class": c, "probability": p} for c, p in pairs]},
        lambda p: f"{p:7.2%}",
    )


FORMS = {
    "classification": _classes("top"),
    "multilabel": _classes("labels"),
    "embedding": PrintedForm(
        lambda pairs: {"embedding": [v for _, v in pairs]}, lambda v: f"{v:10.5g}"
    ),
    "regression": PrintedForm(lambda pairs: {"values": dict(pairs)}, lambda v: f"{v:10.5g}"),
}


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("predict", __doc__).run(overrides.PREDICT)
    flags.arguments("image files or folders", "photo.jpg --workdir=runs/v3", 1, 100_000)
    flags.json("print one JSON object per line")
    flags.whole("top", 5, "classes to print", low=1)
    flags.number("threshold", 0.5, "several labels: smallest probability to print")
    flags.whole("step", None, "step to use; the newest if not given")
    flags.text("features", "", "row of the network whose features to write, instead of classes")
    flags.path("out", "", "file for the features, .npz or .parquet")
    flags.switch("list", "with `-`: standard input has paths of images, one a line")
    flags.switch("spatial", "features at every position, not their mean over the grid")
    values = flags.parse(argv)
    config, workdir = flags.config(), Path(values.workdir)
    given = _given(flags.words, values.list)
    if values.out and Path(values.out).suffix not in (".npz", ".parquet"):
        raise ConfigError(f"--out={values.out}: expected a file named *.npz or *.parquet")
    if bool(values.features) != bool(values.out):
        raise ConfigError("--features=ROW and --out=FILE go together")
    if values.features:
        flags.unused("with --features", "top", "threshold", "json")
    else:
        flags.unused("without --features", "spatial")
        for flag, task in (("top", "classification"), ("threshold", "multilabel")):
            if config.data.task != task:
                flags.unused(f"with data.task={config.data.task}", flag)
        from inception_jax.eval.protocols import obeyed

        protocol = config.eval.protocol
        flags.obeys(obeyed(overrides.PREDICT, protocol), f" with eval.protocol={protocol}")
    from inception_jax.runtime import startup

    startup.start(config.model.dtype)
    from inception_jax.data.sources import file_kind
    from inception_jax.eval import predict

    kind = file_kind.of(config.data)
    files, left_out = predict.image_files(given, kind)
    for line in left_out.lines("predict"):
        print(line, file=sys.stderr)
    predictor = predict.Predictor(config, workdir, values.step)
    if values.features:
        _write_features(predictor, files, values)
        return
    _print_all(predictor, files, values, FORMS[config.data.task])


def _print_all(predictor: Any, files: list[Path], values: Any, form: PrintedForm) -> None:
    """Prints each file's predictions; DataError if no file could be read."""
    from inception_jax.runtime import streams

    bad = 0
    for name, found, error in predictor.run(files, values.top, values.threshold):
        bad += error is not None
        if streams.reader_left():
            return
        if values.json:
            failure = {"error": error} if error else {}
            print(json.dumps({"file": _name(name), **form.json(found), **failure}))
        elif error:
            print(f"{shown(_name(name))}\n  unreadable: {shown(error)}", file=sys.stderr)
        else:
            print(shown(_name(name)))
            for what, value in found:
                print(f"  {form.text(value)}  {shown(what)}")
    if bad == len(files):
        raise DataError(f"none of {bad} files could be read as an image")


def _given(words: list[str], listed: bool) -> list[Path]:
    """The paths that the words stand for; `-` is standard input, or the list of paths there.

    Raises:
        ConfigError: a URL, `-` beside other words, or nothing on standard input.
    """
    if url := next((w for w in words if re.match(r"[a-zA-Z][\w+.-]*://", w)), None):
        raise ConfigError(
            f"{url}: expected a file or a folder, since nothing is downloaded; pipe it: "
            f"curl -L URL | inception-jax predict - --workdir=DIR"
        )
    if "-" not in words:
        if listed:
            raise ConfigError("--list: expected `-`, standard input, for the paths in it")
        return [Path(word) for word in words]
    if len(words) > 1:
        raise ConfigError("`-`: expected no other file beside standard input")
    what = "an image: inception-jax predict - --workdir=DIR < photo.jpg"
    if listed:
        what = "paths, one a line: ls *.jpg | inception-jax predict - --list --workdir=DIR"
    if sys.stdin.isatty():
        raise ConfigError(f"`-`: expected standard input to be {what}")
    if not listed:
        return [STDIN]
    paths = [Path(os.fsdecode(line)) for line in sys.stdin.buffer.read().splitlines() if line]
    if not paths:
        raise ConfigError(f"`-`: standard input is empty; expected {what}")
    return paths


def _name(path: Path) -> str:
    """A file's name in the output."""
    return "-" if path == STDIN else str(path)


def _write_features(predictor: Any, files: list[Path], values: Any) -> None:
    """Writes the features of the readable files; reports the others."""
    import numpy as np

    out = Path(values.out)
    save = {".npz": _npz, ".parquet": _parquet}[out.suffix]
    names, features = [], []
    each = predictor.features(files, values.features, pooled=not values.spatial)
    for path, x, error in watched(each, len(files), "features"):
        if error:
            print(f"{shown(_name(path))}\n  unreadable: {shown(error)}", file=sys.stderr)
        else:
            names.append(_name(path))
            features.append(x)
    if not features:
        raise DataError(f"none of {len(files)} files could be read as an image")
    with atomic.replacing(out, out.suffix) as partial:
        save(partial, names, np.stack(features))
    shape = features[0].shape
    print(f"written: {shown(out)}, {values.features} of {len(names)} images, {shape} each")


def _npz(path: Path, names: list[str], features: "np.ndarray") -> None:
    import numpy as np

    np.savez(path, path=np.array(names), features=features)


def _parquet(path: Path, names: list[str], features: "np.ndarray") -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as e:
        raise ConfigError("writing .parquet needs pyarrow: pip install pyarrow") from e
    # Its text is UTF-8, which a path need not be.
    names = [os.fsencode(name).decode(errors="backslashreplace") for name in names]
    column = pa.FixedShapeTensorArray.from_numpy_ndarray(features)
    parquet.write_table(pa.table({"path": names, "features": column}), path)
