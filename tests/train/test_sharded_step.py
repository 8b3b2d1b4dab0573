"""Tests `inception_jax/train/sharded_step.py`: one program, any number of devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.runtime import mesh as meshes
from inception_jax.train.sharded_step import RUN, SKIP, STOP
from tests.tiny import TinyResidual
from tests.train.steps import close, put, setup, train, with_signal

MIXED = {"mixup": 0.4, "cutmix": 1.0, "mix_per": "image", "erasing": 0.5, "erasing_fill": "pixel"}
ALL_ON = {"dtype": "float64", "bn_group": 2, "dropout": 0.4, "images": 32, "augment": MIXED}
slow = pytest.mark.slow


@pytest.fixture
def split_small_leaves(monkeypatch):
    """The mesh splits leaves of 16 elements."""
    monkeypatch.setattr(meshes, "SMALLEST", 16)


@pytest.fixture(scope="module")
def one_device():
    """State and losses of three steps on one device with dropout, heads, averages, and the device's
    augmentation.
    """
    with jax.enable_x64(True):
        return train(**ALL_ON)


@slow
@pytest.mark.parametrize(
    ("devices", "model_axis", "more"),
    [(4, 2, {"reduce_dtype": "float64", "zero": True}),
     (8, 1, {"zero": True}), (8, 1, {}), (2, 4, {}), (2, 4, {"zero": True})],
)  # fmt: skip
def test_every_layout_agrees(float64, split_small_leaves, one_device, devices, model_axis, more):
    """State split over `model`, `data` (ZeRO-1) or both, gradients summed explicitly: 1e-9."""
    state, losses = train(devices=devices, model_axis=model_axis, **ALL_ON, **more)
    close(one_device[0], state, 1e-9)
    np.testing.assert_allclose(losses, one_device[1], rtol=1e-9)


@slow
def test_stochastic_depth_is_of_the_image(float64):
    """8 devices with two microbatches each drop the modules that one device drops, to 1e-9."""
    options = {**ALL_ON, "kind": TinyResidual, "drop_path": 0.5, "colour": "none", "count": 1}
    one, losses = train(**options)
    other, others = train(**options, devices=8, accumulate=2)
    close(one, other, 1e-9)
    np.testing.assert_allclose(losses, others, rtol=1e-9)


@pytest.mark.parametrize("group", [0, pytest.param(4, marks=slow)])
def test_groups_across_devices_agree(float64, group):
    """BatchNorm over the whole batch, or over two devices' images: 1 and 8 devices, to 1e-9."""
    options = {**ALL_ON, "images": 16, "bn_group": group, "colour": "none", "augment": {}}
    (one, losses), (eight, others) = (train(devices=n, **options) for n in (1, 8))
    close(one, eight, 1e-9)
    np.testing.assert_allclose(losses, others, rtol=1e-9)


@pytest.mark.parametrize(
    ("devices", "model_axis", "more"),
    [(4, 2, {"zero": True, "augment": {}, "colour": "none"}),
     pytest.param(4, 2, {"reduce_dtype": "float64", "zero": True}, marks=slow),
     pytest.param(8, 1, {}, marks=slow),
     pytest.param(4, 2, {"reduce_dtype": "bfloat16", "dtype": "float32"}, marks=slow)],
)  # fmt: skip
def test_the_state_is_donated_and_keeps_its_shardings(
    float64, split_small_leaves, devices, model_axis, more
):
    """Steps reuse the memory of the state they are given, and are traced and compiled once.

    Unusable donations are a warning, and so an error here.
    """
    options = {**ALL_ON, **more}
    images = options.pop("images")
    current, step, mesh = setup(devices, model_axis, **options)
    shardings = jax.tree.map(lambda x: x.sharding, current)
    assert any(not s.is_fully_replicated for s in jax.tree.leaves(shardings)) == bool(more)
    for i in range(3):
        given = current
        current, _ = step(given, put(mesh, images, seed=i))
        assert all(x.is_deleted() for x in jax.tree.leaves(given))
        assert jax.tree.map(lambda x: x.sharding, current) == shardings
    assert step._cache_size() == 1
    program = step.lower(current, put(mesh, images)).compile()
    size = sum(x.addressable_shards[0].data.nbytes for x in jax.tree.leaves(current))
    assert program.memory_analysis().alias_size_in_bytes == size


@slow
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-4)])
def test_fifty_steps_on_any_number_of_devices(split_small_leaves, dtype, tolerance):
    """The losses of 50 steps agree on 1, 8, in float64 on 2 and 4 devices, and with ZeRO-1 on 8."""
    options = {**ALL_ON, "count": 50, "lr": 0.003, "dtype": dtype}
    devices = (1, 2, 4, 8) if dtype == "float64" else (1, 8)
    layouts = [*({"devices": n} for n in devices), {"devices": 8, "zero": True}]
    with jax.enable_x64(dtype == "float64"):
        first, *others = (train(**options, **layout)[1] for layout in layouts)
    assert np.isfinite(first).all() and np.ptp(first) > 0.1
    for losses in others:
        np.testing.assert_allclose(losses, first, rtol=tolerance)


@pytest.fixture(scope="module")
def eight_devices():
    """A state, its step with dropout and ZeRO-1, and the mesh of eight devices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(meshes, "SMALLEST", 16)
        current, step, mesh = setup(8, dropout=0.5, colour="none", zero=True)
        step(jax.tree.map(jnp.copy, current), with_signal(mesh, RUN))  # traced with small leaves
    return current, step, mesh


def after(state, step, batch, signal):
    """The state and the loss after a step from a copy of `state`."""
    new, metrics = step(jax.tree.map(jnp.copy, state), batch)
    assert metrics["signal"] == signal
    return jax.device_get(new), float(metrics["loss"])


def equal(a, b):
    """Whether all leaves are bit-identical."""
    return jax.tree.all(jax.tree.map(np.array_equal, a, b))


def test_the_step_is_a_function_of_state_and_batch(eight_devices):
    """The same state and batch give the same bits; another step number gives another dropout."""
    current, step, mesh = eight_devices
    states = current, current, current.replace(step=current.step + 5)
    new = [after(state, step, with_signal(mesh, RUN), RUN) for state in states]
    assert equal(new[0], new[1]) and new[2][1] != new[0][1]


def test_signals(eight_devices):
    """SKIP from any one device leaves the state bit-identical; STOP does not change the step."""
    current, step, mesh = eight_devices
    new = {s: after(current, step, with_signal(mesh, s), s)[0] for s in (RUN, STOP, SKIP)}
    assert equal(new[SKIP], jax.device_get(current))
    assert equal(new[STOP], new[RUN]) and not equal(new[RUN], new[SKIP])


def test_the_state_is_float32_under_bfloat16():
    """Computation in bfloat16 leaves state and metrics in float32."""
    current, step, mesh = setup(dtype="bfloat16")
    leaves = jax.tree.leaves(jax.eval_shape(step, current, put(mesh)))
    assert {str(x.dtype) for x in leaves} == {"float32", "int32"}
