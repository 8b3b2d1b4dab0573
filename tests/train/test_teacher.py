"""Tests `inception_jax/train/teacher.py`: whose outputs a student learns, and what is refused."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax import checkpoint, models
from inception_jax import config as cfg
from inception_jax.errors import ConfigError
from inception_jax.models import preprocess
from inception_jax.runtime import mesh as meshes
from inception_jax.train import sharded_step, teacher
from inception_jax.train.teacher import Teacher
from inception_jax.workdir import class_names, run_dir
from tests import evaluated
from tests.saved import array_file, flip
from tests.tiny import Tiny, batch, digits
from tests.train.steps import close, fresh, put, setup

NAMES = [str(i) for i in range(10)]
# Other constants and another network than the student's, as a teacher may have.
OTHER = Tiny(width=2.0, normalization="imagenet", dtype=jnp.dtype("float64"))
predict = jax.jit(preprocess.predict, static_argnums=0)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The workdir of a tiny network with a background and another order of classes."""
    path = tmp_path_factory.mktemp("teacher")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(models.MODELS, "tiny", Tiny)
        model = Tiny(num_classes=11)
        checkpoint.write(path, evaluated.variables(model, 8))
    config = digits(model__name="tiny", model__dialect="tiny", model__num_classes=11,
                    model__width=1.0, model__drop_rows=())  # fmt: skip
    (path / "config.json").write_text(json.dumps(run_dir.plain(config)))
    class_names.write(path, ["background", *NAMES[::-1]])
    return path


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """The network is registered."""
    monkeypatch.setitem(models.MODELS, "tiny", Tiny)


def loaded(run, classes=NAMES, student=Tiny()):  # noqa: B008
    """The network and the weights of a teacher."""
    loss = cfg.ConfigDict(cfg.loss(label_smoothing=0.0, aux_weight=0.0, l2=0.0, teacher=str(run)))
    network = teacher.network(loss, student, 8)
    return network, teacher.load(loss, network, classes, meshes.make(2))


def test_outputs_are_matched_by_name(run):
    """Those of the student's classes, in their order; the auxiliary heads stay behind."""
    network, found = loaded(run)
    images = batch(4)["image"]
    whole = Tiny(num_classes=11)
    step, variables = checkpoint.load(run)
    expected = predict(whole, jax.tree.map(jnp.asarray, variables), images)[:, :0:-1]
    np.testing.assert_allclose(predict(network, found.variables, images), expected, rtol=1e-5)
    assert jax.tree.map(jnp.shape, found.variables) == jax.tree.map(
        jnp.shape, teacher.shapes(network)
    )
    assert not any(k.startswith("aux_") for k in found.variables["params"])
    assert all(x.sharding.is_fully_replicated for x in jax.tree.leaves(found.variables))
    assert found.about == {
        "workdir": str(run), "step": step, "digest": checkpoint.digest(checkpoint.load(run)[1])
    }  # fmt: skip


@pytest.mark.parametrize(
    ("names", "order"),
    [(["background", *NAMES], [*range(1, 11), 0]),
     ([*NAMES, "spare"], range(11)), (NAMES, range(11)),
     (["background", *NAMES[::-1]], [*range(10, 0, -1), 0])],
    ids=["background", "spare", "unnamed", "reversed"],
)  # fmt: skip
def test_spare_outputs_follow_the_classes(run, tmp_path, names, order):
    """A student of as many outputs has class i at output i, whatever the teacher's first is."""
    shutil.copytree(run, tmp_path / "run")
    class_names.write(tmp_path / "run", names)
    _, found = loaded(tmp_path / "run", student=Tiny(num_classes=11))
    _, variables = checkpoint.load(run)
    for key, x in variables["params"]["logits"].items():
        got = found.variables["params"]["logits"][key]
        np.testing.assert_array_equal(got, np.asarray(x)[..., list(order)])


def test_what_cannot_teach_is_refused(run, tmp_path):
    """Other classes, another number of outputs, no run, no checkpoint, a damaged one."""
    key = r"--config\.loss\.teacher="
    with pytest.raises(ConfigError, match=key + ".*teacher of the 10 classes.*got 11 outputs"):
        loaded(run, [f"cat {i}" for i in range(10)])
    with pytest.raises(ConfigError, match=key + ".*teacher of the 10 classes"):
        loaded(run, [f"cat {i}" for i in range(10)], student=Tiny(num_classes=11))
    with pytest.raises(ConfigError, match=key + ".*it has 18.*--config.model.num_classes=10"):
        loaded(run, student=Tiny(num_classes=18))
    with pytest.raises(ConfigError, match=key + ".*inception-jax train"):
        loaded(tmp_path / "nothing")
    for name, damage in (("none", shutil.rmtree), ("bad", lambda p: flip(array_file(p / "0")))):
        shutil.copytree(run, tmp_path / name)
        damage(tmp_path / name / "checkpoints")
        with pytest.raises(ConfigError, match=key):
            loaded(tmp_path / name)
    with pytest.raises(ConfigError, match="student's image of 8 pixels is too small for inception"):
        changes = {"name": "inception_v4", "dialect": "", "drop_rows": (), "stem": "paper"}
        config = digits(**{f"model__{k}": v for k, v in changes.items()})
        (tmp_path / "none" / "config.json").write_text(json.dumps(run_dir.plain(config)))
        loaded(tmp_path / "none")


def test_a_changed_teacher_is_noticed(tmp_path):
    """teacher.json has the digest that a resumed run compares; a change can be allowed."""
    first, second = (Teacher({}, {"workdir": "t", "step": 3, "digest": d}) for d in "ab")
    teacher.keep(tmp_path, None, False)
    assert not (tmp_path / teacher.FILE).exists()
    for _ in range(2):
        teacher.keep(tmp_path, first, False)
    with pytest.raises(ConfigError, match=r"digest a, got step 3 and b.*--allow_config_change"):
        teacher.keep(tmp_path, second, False)
    teacher.keep(tmp_path, second, True)
    assert json.loads((tmp_path / teacher.FILE).read_text())["digest"] == "b"


@pytest.fixture(scope="module")
def taught():
    """(options) -> state and losses of steps with two teachers, in double precision."""

    def train(devices=1, images=16, **options):
        given = dict(dtype="float64", bn_group=2, teacher=OTHER, **options)
        current, step, mesh = setup(devices, **given)
        weights = fresh(mesh, model=OTHER, dtype="float64").variables
        losses = []
        for i in (1, 2):
            variables = {kind: {k: jax.tree.map(lambda x: x * i, weights[kind][k]) for k in rows}  # noqa: B023
                         for kind, rows in teacher.shapes(OTHER).items()}  # fmt: skip
            variables = jax.device_put(variables, meshes.replicated(mesh))
            current, metrics = step(current, {**put(mesh, images), "teacher": variables})
            losses.append({k: float(metrics[k]) for k in ("loss", "distillation")})
        assert step._cache_size() == 1
        return jax.tree.map(np.asarray, current), losses

    return train


def test_the_teacher_sees_the_students_pixels(float64):
    """Its logits are `predict`'s on the same images, with its own constants."""
    student, images = Tiny(dtype=jnp.dtype("float64")), batch(4)["image"]
    variables = fresh(meshes.make(1), model=OTHER, dtype="float64").variables
    step = sharded_step.with_teacher(lambda *x: x, OTHER, student, meshes.make(1))
    given = {"image": preprocess.as_input(images, student), "teacher": variables}
    _, found = jax.jit(step)(None, given)
    expected = predict(OTHER, variables, images)
    np.testing.assert_allclose(found["teacher"], expected, rtol=1e-9)
    assert OTHER.preprocessing.mean != student.preprocessing.mean


@pytest.mark.slow
@pytest.mark.parametrize(
    "layout",
    [{"devices": 4, "accumulate": 2}, {"devices": 8, "reduce_dtype": "float64", "zero": True}],
)
def test_on_any_number_of_devices_and_in_microbatches(float64, taught, layout):
    """With flips and dropout, two steps agree to 1e-9.

    The teacher is an argument of the compiled program, which is the same for other weights, and no
    part of the state.
    """
    (one, losses), (other, others) = (taught(dropout=0.4, colour="none", **x) for x in ({}, layout))
    close(one, other, 1e-9)
    assert 0 < losses[0]["distillation"] != losses[1]["distillation"] > 0
    assert jax.tree.structure(one) == jax.tree.structure(fresh(meshes.make(1)))
    for a, b in zip(losses, others, strict=True):
        assert a == pytest.approx(b, rel=1e-9)
