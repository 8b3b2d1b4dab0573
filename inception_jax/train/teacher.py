"""The teacher of distillation (arXiv:1503.02531): the network of another run, at evaluation."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from inception_jax import checkpoint, models
from inception_jax.config import sections
from inception_jax.errors import ConfigError, DataError
from inception_jax.eval import class_columns
from inception_jax.models import Network
from inception_jax.models.from_config import build_model, check_size
from inception_jax.runtime import mesh as meshes
from inception_jax.runtime import user_paths
from inception_jax.workdir import atomic, class_names, reading, run_dir

FILE = "teacher.json"


class Teacher(NamedTuple):
    """A teacher's weights.

    Attributes:
        variables: on every device as a whole; the averages, where its run has them.
        about: workdir, step and digest, which are kept with the run.
    """

    variables: Any
    about: dict[str, Any]


def network(loss: sections.Loss, student: Network, size: int) -> Network | None:
    """The teacher's network with the outputs of the student's; None without a teacher.

    Args:
        loss: the section of the config.
        student: the network to train.
        size: of the smallest images in pixels.

    Raises:
        ConfigError: no run, or the images are below its minimum.
    """
    if not loss.teacher:
        return None
    path = user_paths.expanded(loss.teacher)
    with _refused(path):
        saved = run_dir.saved_config(path)
        section = saved["model"] | {"drop_rows": tuple(saved["model"]["drop_rows"])}
        found = build_model(section, saved["data"]["channels"])
        if found.channels != student.channels:
            raise ConfigError(
                f"expected a teacher of images with {student.channels} channels, got one of "
                f"{found.channels}"
            )
        check_size(found, size, f"the student's image of {size} pixels")
    return found.clone(num_classes=student.num_classes)


def shapes(teacher: Network) -> Any:
    """The variables of a teacher at evaluation as shapes: no auxiliary heads."""
    return jax.eval_shape(lambda: models.init(teacher.clone(aux=False)))


def load(
    loss: sections.Loss, teacher: Network | None, classes: Sequence[str], mesh: Mesh
) -> Teacher | None:
    """The weights of `network` on the mesh; None without a teacher.

    Its outputs are chosen by the names of the data's `classes`, which are the student's first.

    Raises:
        ConfigError: it has other classes, or no checkpoint that is good.
    """
    if teacher is None:
        return None
    path = user_paths.expanded(loss.teacher)
    with _refused(path):
        count = run_dir.saved_config(path)["model"]["num_classes"]
        columns = _columns(path, count, teacher.num_classes, classes)
        step, found = checkpoint.load(path)
    about = {"workdir": str(path), "step": step, "digest": checkpoint.digest(found)}
    if columns is not None:
        last = found["params"]["logits"]
        last |= {k: np.asarray(x)[..., columns] for k, x in last.items()}
    # Without the auxiliary heads.
    variables = {kind: {k: found[kind][k] for k in rows} for kind, rows in shapes(teacher).items()}
    return Teacher(jax.device_put(variables, meshes.replicated(mesh)), about)


def _columns(path: Path, count: int, outputs: int, classes: Sequence[str]) -> np.ndarray | None:
    """The teacher's output of each output of the student; None if they are the same.

    A student with more outputs than classes has class i at output i; its spare ones are taught the
    teacher's others, such as a background.
    """
    names = class_names.read(path, count)
    spare = count == outputs != len(classes)
    if spare and names[: len(classes)] == list(classes):
        return None
    with contextlib.suppress(DataError):
        found = class_columns.columns(classes, names, count)
        if outputs == len(classes):
            return found
        if spare and found is not None:
            return np.concatenate([found, np.setdiff1d(np.arange(count), found)])
    raise ConfigError(
        f"expected a teacher of the {len(classes)} classes of this data ({classes[0]!r}, ...) with "
        f"{len(classes)} outputs of the student (it has {outputs}), or as many as the teacher, got "
        f"{count} outputs" + (f" ({names[0]!r}, ...)" if names else "") + "; set "
        f"--config.model.num_classes={len(classes)} if the classes are the same"
    )


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Errors of the body become the config's."""
    try:
        yield
    except (ConfigError, DataError) as e:
        why = str(e).removeprefix(f"--workdir={path}: ")
        raise ConfigError(
            f"--config.loss.teacher={path}: {why}; name a workdir of `train` or `import`, or none: "
            f"--config.loss.teacher="
        ) from e


def keep(workdir: Path, teacher: Teacher | None, allow_change: bool) -> None:
    """Write teacher.json in a run's directory, or compare it with that of an earlier attempt.

    Raises:
        ConfigError: the teacher has other weights than then.
    """
    if teacher is None:
        return
    path, now = workdir / FILE, teacher.about
    saved = now
    with contextlib.suppress(FileNotFoundError, ValueError):
        saved = reading.json_file(path, dict)
    if saved.get("digest") != now["digest"] and not allow_change:
        raise ConfigError(
            f"--config.loss.teacher={now['workdir']}: expected the weights with which this run "
            f"began, of step {saved.get('step')} and digest {saved.get('digest')}, got step "
            f"{now['step']} and {now['digest']}; put them back, or give --allow_config_change to "
            f"continue with these"
        )
    atomic.write_text(path, json.dumps(now, indent=2) + "\n")
