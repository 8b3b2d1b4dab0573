"""Tests `inception_jax/collectives.py`, and what devices send one another in our train step."""

import jax
import jax.numpy as jnp
import pytest

from inception_jax import models
from inception_jax.plan import collectives
from inception_jax.runtime import mesh as meshes
from inception_jax.train import optim, sharded_step, state
from tests.tiny import Tiny
from tests.train.test_train_step import LOSS

# As the TPU's compiler and the CPU's write them, with one loop of three rounds.
PROGRAM = """
%body.1 (p: (f32[4])) -> (f32[4]) {
  %all-reduce.7 = bf16[4,2]{1,0:T(8,128)(2,1)S(1)} all-reduce(%x), channel_id=9, replica_groups=\
{{0,2,4,6},{1,3,5,7}}, to_apply=%add
}

%all-reduce-scatter.5 (input_0: f32[8,16]) -> f32[8,4] {
  %all-reduce.180 = f32[8,16]{1,0:T(8,128)} all-reduce(%input_0), channel_id=1, replica_groups=\
[2,4]<=[4,2]T(1,0), to_apply=%add
}

%fusion.a (x: f32[2]) -> f32[4] {
  %all-gather.80 = f32[4]{0:T(256)} all-gather(%p), channel_id=19, replica_groups=[4,2]<=[8]
}

%fusion.b (x: f32[2]) -> f32[4] {
  %all-gather.82 = f32[4]{0:T(256)S(1)} all-gather(%q), channel_id=19, replica_groups=[4,2]<=[8]
}

ENTRY %main.9 (p: f32[4]) -> f32[4] {
  %w = (f32[4]{0}) while(%t), condition=%c, body=%body.1, backend_config=\
{"known_trip_count":{"n":"3"}}
  %f = f32[8,4]{1,0} fusion(%g), kind=kCustom, calls=%all-reduce-scatter.5
  %a = f32[4]{0} fusion(%p), kind=kCustom, calls=%fusion.a
  %b = f32[4]{0} fusion(%p), kind=kCustom, calls=%fusion.b
  %r = (f32[3,2]{1,0}, /*index=1*/bf16[8]{0}, f32[]) all-reduce(%i, %j, %k), channel_id=2, \
replica_groups=mesh['axis_0'=8] {'axis_0'}, use_global_device_ids=true, to_apply=%add
  %s = (f32[2]{0}, f32[8]{0}) all-gather-start(%p), channel_id=3, replica_groups=\
mesh['axis_0'=4,'axis_1'=2] {'axis_0'}, dimensions={0}
  %d = f32[8]{0} all-gather-done(%s)
  %m = f32[5]{0} all-reduce(%l), channel_id=2, replica_groups={{0,1,2,3,4,5,6,7}}, to_apply=%add
  %t.1 = (f32[6]{0}, f32[6]{0}, u32[]{:S(2)}, u32[]{:S(2)}) collective-permute-start(%p), \
channel_id=4, source_target_pairs={{0,1},{1,0},{2,3},{3,2},{4,5},{5,4},{6,7},{7,6}}
  %u = f32[6]{0} collective-permute-done(%t.1)
  ROOT %v = s8[5]{0} reduce-scatter(%p), channel_id=5, replica_groups=[1,8]<=[8], to_apply=%add
}
"""


def test_every_form_is_read():
    """Tuples of dtypes, asynchronous pairs, loops, a TPU's fusions, four ways to write groups."""
    found = collectives.read(PROGRAM, meshes.make(4, 2))
    assert sorted(map(tuple, found)) == sorted(
        [
            ("all-reduce", "bf16", 1, 16, 4, "data", 3),
            ("reduce-scatter", "f32", 1, 512, 4, "data", 1),
            ("all-gather", "f32", 1, 16, 2, "model", 1),
            ("all-reduce", "f32", 2, 28, 8, "data+model", 1),
            ("all-reduce", "f32", 1, 20, 8, "data+model", 1),
            ("all-reduce", "bf16", 1, 16, 8, "data+model", 1),
            ("all-gather", "f32", 1, 32, 4, "data", 1),
            ("collective-permute", "f32", 1, 24, 2, "model", 1),
            ("reduce-scatter", "s8", 1, 40, 8, "data+model", 1),
        ]
    )
    rows = {(r["kind"], r["dtype"], r["axis"]): r for r in collectives.totals(found)}
    assert rows["all-reduce", "bf16", "data"]["bytes"] == 48
    assert [r["kind"] for r in rows.values() if r["loop"]] == ["all-reduce"]
    unknown = PROGRAM.replace('{"known_trip_count":{"n":"3"}}', "{}")
    assert {r.runs for r in collectives.read(unknown, meshes.make(4, 2))} == {0, 1}


def of_step(model, devices=8, model_axis=1, *, size=8, images=16, **options):
    """Collectives of a network's train step by (kind, axis), and its state's shapes."""
    mesh = meshes.make(devices, model_axis)
    tx = optim.tf_rmsprop(0.1, decay=0.9, momentum=0.9, eps=1.0)
    zero = options.get("zero", False)
    shapes = state.abstract(
        model=model, tx=tx, mesh=mesh, image_size=size, seed=0, ema=True, zero=zero
    )
    fields = dict(flip=True, colour="none", seed=3, ema_decay=0.9, accumulate=1) | options
    step = sharded_step.make_train_step(model, tx, lambda s: 0.1, mesh, loss=LOSS, **fields)
    batch = {
        "image": jax.ShapeDtypeStruct((images, size, size, 3), jnp.uint8),
        "label": jax.ShapeDtypeStruct((images,), jnp.int32),
    }
    batch = {
        k: jax.ShapeDtypeStruct(v.shape, v.dtype, sharding=meshes.batch(mesh))
        for k, v in batch.items()
    }
    # Which collectives there are is settled before the machine code is made.
    fast = {"xla_backend_optimization_level": 0}
    program = step.lower(shapes, batch).compile(compiler_options=fast)
    found = {}
    for row in collectives.read(program.as_text(), mesh):
        assert row.runs == 1
        found[row.kind, row.axis] = found.get((row.kind, row.axis), 0) + row.bytes
    return found, shapes


def size_of(tree, spread=False):
    """Bytes of a tree; with `spread` of those leaves that devices share."""
    return sum(
        x.size * x.dtype.itemsize
        for x in jax.tree.leaves(tree)
        if not spread or not x.sharding.is_fully_replicated
    )


METRICS = 64  # bytes: the loss's terms, hits


def test_the_default_has_the_gradients_all_reduce():
    """Groups inside a shard: one sum of parameters', statistics' and metrics' bytes, no more."""
    found, shapes = of_step(Tiny(bn_group=2))
    least = size_of(shapes.params) + size_of(shapes.batch_stats)
    assert set(found) == {("all-reduce", "data")}
    assert least <= found["all-reduce", "data"] <= least + METRICS


def test_whole_batch_statistics_cost_what_they_cost():
    """bn_group=0 adds at most sums of vectors, forwards and back; nothing is gathered.

    Sums over the batch of what beta and gamma learn from are also those that the statistics need.
    """
    local, shapes = of_step(Tiny(bn_group=2))
    whole, _ = of_step(Tiny(bn_group=0))
    assert set(whole) == {("all-reduce", "data")}
    more = whole["all-reduce", "data"] - local["all-reduce", "data"]
    # Means and mean squares take the place of the averages of the groups' statistics.
    assert 0 <= more <= 2 * size_of(shapes.batch_stats)


@pytest.mark.parametrize("reduce_dtype", ["", "float32"])
def test_zero_gathers_the_parameters(monkeypatch, reduce_dtype):
    """ZeRO-1: the gradients' sum, and a gather of those parameters that devices share.

    The CPU's compiler scatters by an all-reduce, of which each device then takes its part.
    """
    monkeypatch.setattr(meshes, "SMALLEST", 256)
    found, shapes = of_step(Tiny(bn_group=2), zero=True, reduce_dtype=reduce_dtype)
    least = size_of(shapes.params) + size_of(shapes.batch_stats)
    assert set(found) == {("all-reduce", "data"), ("all-gather", "data")}
    assert least <= found["all-reduce", "data"] <= least + 2 * METRICS
    assert found["all-gather", "data"] == size_of(shapes.ema["params"], spread=True) > 0


def test_the_model_axis_adds_no_data(monkeypatch):
    """Split parameters: over `data` only sums, of a device's part of the parameters and no more."""
    monkeypatch.setattr(meshes, "SMALLEST", 256)
    found, shapes = of_step(Tiny(bn_group=4), 4, 2)
    held = sum(
        x.sharding.shard_shape(x.shape) and jnp.prod(jnp.array(x.sharding.shard_shape(x.shape)))
        for x in jax.tree.leaves((shapes.params, shapes.batch_stats))
    )
    assert {kind for kind, axis in found if axis == "data"} == {"all-reduce"}
    assert found["all-reduce", "data"] <= 4 * int(held) + METRICS
    assert any(axis == "model" for _, axis in found)


@pytest.mark.parametrize("name", ["inception_v2", "googlenet_naive"])  # all nine take minutes
def test_no_network_gathers(name):
    """A real network's default step has the gradients' sum and no other collective."""
    model = models.create(name, num_classes=8, width=0.125, bn_group=1, aux=False, stem="small")
    found, shapes = of_step(model, size=32, images=8)
    least = size_of(shapes.params) + size_of(shapes.batch_stats)
    assert set(found) == {("all-reduce", "data")}
    assert least <= found["all-reduce", "data"] <= least + METRICS


@pytest.mark.parametrize("name", models.names())
def test_zero_leaves_a_device_a_seventh(name):
    """On 8 devices ZeRO-1 keeps at most 1/7 of the optimiser's and averages' bytes on each."""
    tx = optim.tf_rmsprop(0.1, decay=0.9, momentum=0.9, eps=1.0)
    model = models.create(name)
    size = model.preprocessing.image_size
    shapes = state.abstract(
        model=model, tx=tx, mesh=meshes.make(8), image_size=size, seed=0, ema=True, zero=True
    )
    kept = (shapes.opt_state, shapes.ema)
    held = sum(
        x.dtype.itemsize * int(jnp.prod(jnp.array(x.sharding.shard_shape(x.shape) or (1,))))
        for x in jax.tree.leaves(kept)
    )
    assert held <= size_of(kept) / 7
    assert all(x.sharding.is_fully_replicated for x in jax.tree.leaves(shapes.params))
