"""Tests `inception_jax/train/train_step.py` and `state.py`: one program, any number of devices."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from inception_jax.eval import view_step
from inception_jax.models import preprocess
from inception_jax.runtime import mesh as meshes
from inception_jax.train import optim, sharded_step, state, train_step
from inception_jax.train.sharded_step import RUN, SKIP, STOP
from tests.tiny import Tiny, batch, double

LOSS = ConfigDict(dict(label_smoothing=0.1, aux_weight=0.3, l2=1e-4))


def setup(devices=1, model_axis=1, *, tx=None, dtype="float32", **options):
    """A fresh state and its train step on a mesh of `devices`."""
    model_fields = {k: options.pop(k) for k in ("bn_group", "dropout") if k in options}
    model = Tiny(dtype=jnp.dtype(dtype), **model_fields)
    mesh = meshes.make(devices, model_axis)
    tx = tx or optim.tf_rmsprop(options.pop("lr", 0.1), decay=0.9, momentum=0.9, eps=1.0)
    fields = dict(flip=True, colour="slim", seed=3, ema_decay=0.9, accumulate=1) | options
    fresh = state.create(
        model=model, tx=tx, mesh=mesh, image_size=8, seed=0, ema=fields["ema_decay"] > 0,
        zero=fields.get("zero", False),
    )  # fmt: skip
    if dtype == "float64":
        fresh = double(fresh)
    return (
        fresh,
        sharded_step.make_train_step(model, tx, lambda s: 0.1, mesh, loss=LOSS, **fields),
        mesh,
    )


def train(count=3, images=16, **options):
    """The state and the losses after `count` steps on random batches of 16."""
    current, step, mesh = setup(**options)
    losses = []
    for i in range(count):
        current, metrics = step(current, meshes.put(batch(images, seed=i), meshes.batch(mesh)))
        losses.append(float(metrics["loss"]))
    return jax.tree.map(np.asarray, current), losses


def close(a, b, tolerance):
    """Every leaf equal to within a tolerance relative to the leaf's largest entry."""
    for (path, x), y in zip(
        jax.tree_util.tree_leaves_with_path(a), jax.tree.leaves(b), strict=True
    ):
        np.testing.assert_allclose(
            x, y, rtol=tolerance, atol=tolerance * max(1.0, np.abs(x).max()), err_msg=str(path)
        )


@pytest.mark.parametrize("group", [0, 2, 4])
def test_one_and_eight_devices_agree(float64, group):
    """Three steps with dropout, colour, heads, RMSProp, EMA agree on 1 and 8 devices to 1e-9."""
    options = {"dtype": "float64", "bn_group": group, "dropout": 0.4}
    one, losses_one = train(devices=1, **options)
    eight, losses_eight = train(devices=8, **options)
    close(one, eight, 1e-9)
    np.testing.assert_allclose(losses_one, losses_eight, rtol=1e-9)


@pytest.fixture
def tiny_parts(monkeypatch):
    """The mesh splits leaves of 16 elements."""
    monkeypatch.setattr(meshes, "SMALLEST", 16)


@pytest.fixture(scope="module")
def whole_batch():
    """Three steps on one device, in float64, with everything on."""
    with jax.enable_x64(True):
        return train(devices=1, dtype="float64", bn_group=2, dropout=0.4, images=32)


@pytest.mark.parametrize(
    ("devices", "model_axis", "more"),
    [(2, 4, {}), (8, 1, {"zero": True}), (2, 4, {"zero": True}),
     (4, 2, {"reduce_dtype": "float64", "zero": True})],
)  # fmt: skip
def test_every_layout_agrees(float64, tiny_parts, whole_batch, devices, model_axis, more):
    """Split over `model`, over `data` (ZeRO-1), both, or added up by hand: every leaf to 1e-9."""
    options = {"dtype": "float64", "bn_group": 2, "dropout": 0.4, "images": 32}
    split, losses = train(devices=devices, model_axis=model_axis, **options, **more)
    close(whole_batch[0], split, 1e-9)
    np.testing.assert_allclose(losses, whole_batch[1], rtol=1e-9)


@pytest.mark.parametrize(
    ("devices", "model_axis", "more"),
    [(8, 1, {}), (4, 2, {"zero": True, "reduce_dtype": "bfloat16"})],
)
def test_the_state_stays_where_it_is(tiny_parts, devices, model_axis, more):
    """Steps move no leaf, use the donated one's memory, and are traced and compiled once.

    Unusable donations are a warning, and so an error here.
    """
    current, step, mesh = setup(devices, model_axis, bn_group=2, **more)
    places = jax.tree.map(lambda x: x.sharding, current)
    assert any(not s.is_fully_replicated for s in jax.tree.leaves(places)) == bool(more)
    for i in range(3):
        given = current
        current, _ = step(given, meshes.put(batch(16, seed=i), meshes.batch(mesh)))
        assert all(x.is_deleted() for x in jax.tree.leaves(given))
        assert jax.tree.map(lambda x: x.sharding, current) == places
    assert step._cache_size() == 1
    program = step.lower(current, meshes.put(batch(16), meshes.batch(mesh))).compile()
    kept = sum(x.addressable_shards[0].data.nbytes for x in jax.tree.leaves(current))
    assert program.memory_analysis().alias_size_in_bytes == kept


FIFTY = {"count": 50, "images": 32, "bn_group": 2, "dropout": 0.4, "lr": 0.003}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-4)])
def test_fifty_steps_on_any_number_of_devices(tiny_parts, dtype, tolerance):
    """Losses over 50 steps with dropout, colour, flips, EMA and RMSProp on 1, 2, 4, 8 devices.

    And with ZeRO-1 on 8.
    """
    with jax.enable_x64(dtype == "float64"):
        num_shards = [{"devices": n} for n in (1, 2, 4)] + [
            {"devices": 8},
            {"devices": 8, "zero": True},
        ]
        first, *others = (train(dtype=dtype, **FIFTY, **way)[1] for way in num_shards)
    assert np.isfinite(first).all() and np.ptp(first) > 0.1
    for losses in others:
        np.testing.assert_allclose(losses, first, rtol=tolerance)


def test_fifty_accumulated_steps_on_any_number_of_devices(float64):
    """The same of two microbatches without dropout, whose places in a batch differ; one's too."""
    options = {**FIFTY, "dtype": "float64", "dropout": 0.0}
    first = train(**options)[1]
    for devices in (1, 8):
        losses = train(devices=devices, accumulate=2, **options)[1]
        np.testing.assert_allclose(losses, first, rtol=1e-9)


@pytest.mark.parametrize(("accumulate", "devices"), [(2, 1), (4, 1), (2, 4)])
def test_accumulation_is_the_whole_batch(float64, accumulate, devices):
    """Microbatches give the whole batch's gradients and BatchNorm averages, to 1e-9."""
    options = {"dtype": "float64", "bn_group": 2, "dropout": 0.0}
    whole, losses = train(devices=1, **options)
    parts, losses_parts = train(devices=devices, accumulate=accumulate, **options)
    close(whole, parts, 1e-9)
    np.testing.assert_allclose(losses, losses_parts, rtol=1e-9)


def test_the_step_is_a_function_of_state_and_batch():
    """The same state and batch give the same bits; another step number gives another dropout."""
    runs = [train(dropout=0.5)[1] for _ in range(2)]
    assert runs[0] == runs[1]
    current, step, mesh = setup(dropout=0.5, ema_decay=0.0)
    later = current.replace(step=current.step + 5)
    images = meshes.put(batch(16), meshes.batch(mesh))
    later, current = (step(jax.tree.map(jnp.copy, s), images)[1]["loss"] for s in (later, current))
    assert float(later) != float(current)


@pytest.mark.parametrize("zero", [False, True])
def test_a_void_step_changes_nothing(zero):
    """With SKIP from any one device the state keeps every bit; with STOP it is a step as any."""
    current, step, mesh = setup(8, dropout=0.5, zero=zero)
    before = jax.tree.map(np.asarray, current)
    calm = jax.tree.map(np.asarray, step(jax.tree.map(jnp.copy, current), on(mesh, RUN))[0])
    same = lambda a, b: jax.tree.all(jax.tree.map(np.array_equal, a, b))  # noqa: E731
    current, metrics = step(current, on(mesh, SKIP))
    assert metrics["signal"] == SKIP and same(jax.tree.map(np.asarray, current), before)
    current, metrics = step(current, on(mesh, STOP))
    assert metrics["signal"] == STOP and same(jax.tree.map(np.asarray, current), calm)


def on(mesh, signal):
    """A batch of which the sixth device brings a signal."""
    told = np.where(np.arange(8) == 5, signal, RUN).astype(np.int32)
    return meshes.put({**batch(16), "signal": told}, meshes.batch(mesh))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_finite_looks_at_every_number(bad):
    """One that is not, anywhere in the tree, is found; integers are of no interest."""
    tree = {"a": np.zeros((3, 4), np.float32), "step": np.int32(3), "b": np.ones(5, np.float32)}
    assert train_step.finite(tree)
    tree["b"][4] = bad
    assert not train_step.finite(tree)


def test_averages():
    """The EMA covers parameters and statistics and follows min(decay, (1 + t) / (10 + t))."""
    current, step, mesh = setup(ema_decay=0.9)
    keep = jax.tree.map(np.asarray, current.ema)
    for t in range(3):
        current, _ = step(current, meshes.put(batch(16, seed=t), meshes.batch(mesh)))
        decay = min(0.9, (1 + t) / (10 + t))
        keep = jax.tree.map(
            lambda a, x, d=decay: d * a + (1 - d) * np.asarray(x), keep, current.variables
        )
    close(keep, jax.tree.map(np.asarray, current.ema), 1e-5)
    assert current.averaged is current.ema
    assert set(keep) == {"params", "batch_stats"}


def test_everything_that_is_kept_is_float32():
    """Under bfloat16 compute the parameters, statistics, optimiser and averages stay float32."""
    current, _ = train(1, dtype="bfloat16")
    kinds = {str(x.dtype) for x in jax.tree.leaves(current)}
    assert kinds <= {"float32", "int32"}


def views_of(variables, rows, images, devices=8, columns=None):
    """Log-probabilities [images, c] by the view step, its rows given in pieces of 16."""
    mesh = meshes.make(devices)
    start, run = view_step.make_view_step(Tiny(), mesh, images, columns)
    sums = start()
    for at in range(0, len(rows["weight"]), 16):
        piece = {k: v[at : at + 16] for k, v in rows.items()}
        sums = run(variables, sums, meshes.put(piece, meshes.batch(mesh)))
    return view_step.log_of(jax.device_get(sums))


@pytest.mark.parametrize("devices", [1, 8])
def test_view_step_is_the_weighted_mean_of_softmax(devices):
    """Views of 3 images in any order and pieces: NumPy's weighted mean of each one's softmax."""
    rng, columns = np.random.default_rng(0), np.array([9, 0, 3])
    rows = {
        "image": batch(48)["image"],
        "weight": rng.uniform(0, 1, 48).astype(np.float32) * (rng.uniform(size=48) > 0.3),
        "owner": rng.integers(0, 3, 48).astype(np.int32),
    }
    variables = Tiny().init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
    variables = jax.tree.map(lambda x: x * 3, variables)  # surer: logits of 100 and more apart
    logits = np.asarray(preprocess.predict(Tiny(), variables, rows["image"]), np.float64)
    found = views_of(variables, rows, 3, devices, columns)
    p = np.exp(logits[:, columns] - logits[:, columns].max(1, keepdims=True))
    p *= (rows["weight"] / p.sum(1))[:, None]
    for image in range(3):
        expected = np.log(p[rows["owner"] == image].sum(0))
        np.testing.assert_allclose(found[image], expected, rtol=1e-5, atol=1e-5)


def test_one_view_keeps_the_order_of_the_smallest_logits():
    """Probabilities below float32's range keep their order: one view is its log-softmax.

    Another view of the image, which weighs nothing, changes nothing.
    """
    variables = Tiny().init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
    kernel = variables["params"]["logits"]["kernel"] * 1e4
    variables["params"]["logits"]["kernel"] = kernel
    weight = np.tile(np.array([1, 0], np.float32), 8)
    rows = {"weight": weight, "owner": np.arange(16, dtype=np.int32) // 2}
    rows["image"] = batch(16)["image"]
    found = views_of(variables, rows, 8)
    logits = np.asarray(preprocess.predict(Tiny(), variables, rows["image"]))[::2]
    assert found.min() < -200 and np.isfinite(found).all()
    assert (np.argsort(found, axis=1) == np.argsort(logits, axis=1)).all()


def test_fine_tuning_takes_what_fits():
    """Leaves of the same path and shape are taken; a head of another size stays fresh."""
    old = dict(Tiny(num_classes=5).init(jax.random.key(7), jnp.zeros((1, 8, 8, 3))))
    shapes = jax.eval_shape(lambda: Tiny().init(jax.random.key(0), jnp.zeros((1, 8, 8, 3))))
    taken, fresh, unused = state.same_leaves(shapes, old)
    assert sorted(fresh) == sorted(unused) == [
        "['params']['aux_conv2']['logits']['bias']",
        "['params']['aux_conv2']['logits']['kernel']",
        "['params']['logits']['bias']",
        "['params']['logits']['kernel']",
    ]  # fmt: skip
    tx, mesh = optax.sgd(0.1), meshes.make(1)
    new = state.create(model=Tiny(), tx=tx, mesh=mesh, image_size=8, seed=0, ema=False, start=taken)
    assert (new.params["conv1"]["kernel"] == old["params"]["conv1"]["kernel"]).all()
    assert new.params["logits"]["kernel"].shape == (16, 10)
