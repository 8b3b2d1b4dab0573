"""inception-jax explain PHOTO ... --workdir=DIR [--class=NAME] [--out=DIR] [--json]

Explains why a run's network sees a class in photographs: one HTML page, and PNG files beside it.
Heat maps by Grad-CAM, Grad-CAM++, integrated gradients and occlusion, each measured by insertion
and deletion curves beside random maps; which branch of each module the logit goes through; the
nearest training images. A folder stands for all images below it.

--methods takes some of grad_cam, grad_cam_plus_plus, integrated_gradients, occlusion, branches.
The features of the training images are computed at the first use and kept in DIR/explain; at most
5,000 images are searched, and none if the data is not there.
--visualise=ROW draws what excites the six channels of ROW that raise the logit most (without a
photograph: six of all); ROW:3,10-12 those channels, ROW:branches each branch.
The page is DIR/explain/<photo>/explain.html; of several photographs DIR/explain/explain.html.
"""  # noqa: D415

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inception_jax.cli import overrides
from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError, DataError, UserError, shown

if TYPE_CHECKING:
    from inception_jax.eval.predict import Predictor
    from inception_jax.explain.nearest import TrainingImages
    from inception_jax.explain.photo import Explanation
    from inception_jax.explain.visualisation import Visualisation

METHODS = "grad_cam,grad_cam_plus_plus,integrated_gradients,occlusion,branches"


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("explain", __doc__).run(overrides.EXPLAIN)
    flags.arguments("photographs", "photo.jpg --workdir=runs/v3", 0, 1000)
    flags.json("print the findings as JSON")
    flags.path("out", "", "folder for the page and the pictures")
    flags.text("class", "", "class to explain; the most probable one if not given")
    flags.text("row", "", "row of the network for Grad-CAM; the last one with a grid if not given")
    flags.text("methods", "", "methods, separated by commas; all if not given")
    flags.whole("nearest", 6, "training images to show; 0 for none")
    flags.text("visualise", "", "ROW, ROW:CHANNELS or ROW:branches to draw images for")
    flags.whole("seed", 0, "of random maps and of images that are drawn")
    flags.whole("step", None, "step to use; the newest if not given")
    values = flags.parse(argv)
    config, workdir = flags.config(), Path(values.workdir)
    methods = _methods(values.methods)
    if not flags.words and not values.visualise:
        raise ConfigError("expected photographs, or --visualise=ROW without one")
    _check(config)
    from inception_jax.runtime import startup

    startup.start(config.model.dtype)
    from inception_jax.eval import predict
    from inception_jax.explain import render

    files, left_out = predict.image_files([Path(w) for w in flags.words])
    for line in left_out.lines("explain"):
        print(line, file=sys.stderr)
    predictor = predict.Predictor(config, workdir, values.step)
    found, notes = _explained(predictor, files, values, methods, config)
    drawn = [] if files else _drawn(predictor, values, config)
    out = Path(values.out) if values.out else workdir / "explain" / _name(files)
    about = render.About(predictor.model, workdir, predictor.step, tuple(notes))
    page = render.write(out, about, found, drawn, values.visualise)
    flags.print(
        render.data(page, about, found, drawn), lambda: render.text(page, about, found), indent=2
    )


def _check(config: Any) -> None:
    """Refuse a run whose outputs are no classes of RGB images.

    Raises:
        ConfigError: names the key.
    """
    for key, value, expected in (
        ("task", config.data.task, "classification"), ("channels", config.data.channels, 3),
    ):  # fmt: skip
        if value != expected:
            raise ConfigError(
                f"--workdir: expected a run with data.{key}={expected}, since explain divides the "
                f"logit of a class of an RGB photograph, got data.{key}={value}"
            )


def _methods(text: str) -> list[str]:
    known = METHODS.split(",")
    names = [str(name).strip() for name in (text or METHODS).split(",")]
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(f"--methods={unknown[0]}: expected some of {', '.join(known)}")
    return names


def _name(files: Sequence[Path]) -> str:
    """The folder for the findings: the photograph's name, or none for several."""
    return files[0].stem if len(files) == 1 else "" if files else "features"


def _explained(
    predictor: "Predictor", files: Sequence[Path], values: Any, methods: list[str], config: Any
) -> tuple[list["Explanation"], list[str]]:
    """The photographs' explanations, and notes on what is missing."""
    if not files:
        return [], []
    from inception_jax.data.images.decode import BadImageError
    from inception_jax.data.images.picture import Picture
    from inception_jax.explain import photo

    model = predictor.model
    if not model.num_classes:
        raise ConfigError("expected a network with a classifier, this one has features only")
    target = _class(predictor.classes, values["class"].value)
    row = _row(model, "row", values.row)
    training, notes = _training(predictor, values, config)
    found = []
    for path in files:
        try:
            picture = predictor.centre(Picture(path.read_bytes()))
        except (BadImageError, OSError) as e:
            print(f"{shown(path)}\n  unreadable: {shown(str(e))}", file=sys.stderr)
            continue
        one = photo.explain(
            path, picture, model, predictor.variables, predictor.classes, target=target, row=row,
            methods=methods, training=training, neighbours=values.nearest, seed=values.seed,
        )  # fmt: skip
        drawn = _drawn(predictor, values, config, one) if values.visualise else []
        found.append(one._replace(visualisations=tuple(drawn)))
    if not found:
        raise DataError(f"none of {len(files)} files could be read as an image")
    return found, notes


def _class(classes: Sequence[str], name: str) -> int | None:
    from inception_jax.models.names import known

    if not name:
        return None
    if classes.count(name) > 1:
        raise ConfigError(f"--class={name}: expected a class of this name, found several")
    try:
        return classes.index(known("class", name, classes))
    except ValueError as e:
        raise ConfigError(f"--class: {e}") from e


def _row(model: Any, flag: str, name: str) -> str | None:
    from inception_jax.models.names import known

    try:
        return known("row", name, tuple(r.name for r in model.rows())) if name else None
    except ValueError as e:
        raise ConfigError(f"--{flag}: {e}") from e


def _training(
    predictor: "Predictor", values: Any, config: Any
) -> tuple["TrainingImages | None", list[str]]:
    """The run's training images, or a note why they are not there."""
    from inception_jax.explain.nearest import TrainingImages

    if not values.nearest:
        return None, []
    try:
        training = TrainingImages(predictor, config, Path(values.workdir))
    except (UserError, OSError) as e:
        note = f"no nearest training images: {str(e).splitlines()[0]}"
        print(shown(note), file=sys.stderr)
        return None, [note]
    searched, total = len(training.source), training.total
    few = f"nearest of {searched:,} of {total:,} training images, equally spaced"
    return training, [few] if searched < total else []


def _drawn(
    predictor: "Predictor", values: Any, config: Any, one: "Explanation | None" = None
) -> list["Visualisation"]:
    """The images that --visualise asks for."""
    from inception_jax.data.images.crops import evaluated_size
    from inception_jax.explain import units, visualisation

    row, _, chosen = values.visualise.partition(":")
    _row(predictor.model, "visualise", row)
    size = min(visualisation.SIZE, evaluated_size(config.data))
    try:
        wanted = units.chosen(predictor.model, predictor.variables, row, _units(chosen), size, one)
        return visualisation.visualise(
            predictor.model, predictor.variables, row, wanted, size=size, seed=values.seed
        )
    except ValueError as e:
        raise ConfigError(f"--visualise={values.visualise}: {e}") from e


def _units(text: str) -> str | list[int]:
    """Channels of `3,10-12`; other words as they are."""
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text):
        if text not in ("", "branches"):
            raise ConfigError(
                f"--visualise=ROW:{text}: expected channels such as 3,10-12, or branches"
            )
        return text
    spans = [part.split("-") for part in text.split(",")]
    return [i for span in spans for i in range(int(span[0]), int(span[-1]) + 1)]
