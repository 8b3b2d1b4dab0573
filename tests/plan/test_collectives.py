"""Tests `collectives`: those of a program, and those of the train step."""

import functools
import math

import jax
import jax.numpy as jnp
import pytest

from inception_jax import models
from inception_jax.plan import collectives, hlo
from inception_jax.runtime import mesh as meshes
from inception_jax.train import optim, sharded_step, state
from tests.tiny import Tiny
from tests.train.steps import LOSS, augmenting

# Instructions of the TPU's and the CPU's compiler, with one loop of three trips.
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


def test_every_form_of_a_collective():
    """Tuples of dtypes, asynchronous pairs, loops, a TPU's fusions, four notations of groups."""
    found = collectives.read(hlo.parse(PROGRAM), meshes.make(4, 2))
    assert sorted(tuple(c[:-1]) for c in found) == sorted(
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
    assert {r.runs for r in collectives.read(hlo.parse(unknown), meshes.make(4, 2))} == {0, 1}


@functools.cache
def of_step(model, devices=8, model_axis=1, *, size=8, images=16, zero=False, reduce_dtype=""):
    """Bytes of the collectives of a train step by (kind, axis), and the shapes of its state."""
    mesh = meshes.make(devices, model_axis)
    tx = optim.tf_rmsprop(0.1, decay=0.9, momentum=0.9, eps=1.0)
    shapes = state.abstract(
        model=model, tx=tx, mesh=mesh, image_size=size, seed=0, ema=True, zero=zero
    )
    step = sharded_step.make_train_step(
        model, tx, lambda s: 0.1, mesh, loss=LOSS, augment=augmenting(model), seed=3,
        ema_decay=0.9, accumulate=1, zero=zero, reduce_dtype=reduce_dtype,
    )  # fmt: skip
    batch = {
        "image": jax.ShapeDtypeStruct(
            (images, size, size, 3), jnp.uint8, sharding=meshes.batch(mesh)
        ),
        "label": jax.ShapeDtypeStruct((images,), jnp.int32, sharding=meshes.batch(mesh)),
    }
    # The partitioner runs at every optimisation level.
    fast = {"xla_backend_optimization_level": 0}
    program = step.lower(shapes, batch).compile(compiler_options=fast)
    sizes = {}
    for row in collectives.read(hlo.parse(program.as_text()), mesh):
        assert row.runs == 1
        sizes[row.kind, row.axis] = sizes.get((row.kind, row.axis), 0) + row.bytes
    return sizes, shapes


def size_of(tree, sharded=False):
    """Bytes of a tree; with `sharded` of its sharded leaves only."""
    return sum(
        x.size * x.dtype.itemsize
        for x in jax.tree.leaves(tree)
        if not sharded or not x.sharding.is_fully_replicated
    )


def local_size(tree):
    """Bytes of a tree on one device."""
    return sum(
        x.dtype.itemsize * math.prod(x.sharding.shard_shape(x.shape)) for x in jax.tree.leaves(tree)
    )


METRICS = 64  # bytes: the loss's terms, hits


def test_the_default_is_one_all_reduce():
    """With groups inside a shard: parameters', statistics' and metrics' bytes, no more."""
    sizes, shapes = of_step(Tiny(bn_group=2))
    least = size_of(shapes.params) + size_of(shapes.batch_stats)
    assert set(sizes) == {("all-reduce", "data")}
    assert least <= sizes["all-reduce", "data"] <= least + METRICS


@pytest.mark.slow
def test_whole_batch_statistics_add_sums_of_vectors():
    """bn_group=0 adds at most sums of vectors, forwards and backwards; no gather.

    The sums over the batch for the gradients of beta and gamma are those of the statistics.
    """
    local, shapes = of_step(Tiny(bn_group=2))
    whole, _ = of_step(Tiny(bn_group=0))
    assert set(whole) == {("all-reduce", "data")}
    more = whole["all-reduce", "data"] - local["all-reduce", "data"]
    # Means and mean squares replace the averages of the groups' statistics.
    assert 0 <= more <= 2 * size_of(shapes.batch_stats)


@pytest.mark.parametrize("reduce_dtype", ["", pytest.param("float32", marks=pytest.mark.slow)])
def test_zero_gathers_the_parameters(monkeypatch, reduce_dtype):
    """ZeRO-1: the gradients' sum, and a gather of the sharded parameters.

    The CPU's compiler scatters by an all-reduce, of which each device uses its part.
    """
    monkeypatch.setattr(meshes, "SMALLEST", 256)
    sizes, shapes = of_step(Tiny(bn_group=2), zero=True, reduce_dtype=reduce_dtype)
    least = size_of(shapes.params) + size_of(shapes.batch_stats)
    assert set(sizes) == {("all-reduce", "data"), ("all-gather", "data")}
    assert least <= sizes["all-reduce", "data"] <= least + 2 * METRICS
    assert sizes["all-gather", "data"] == size_of(shapes.ema["params"], sharded=True) > 0


def test_the_model_axis_adds_no_data_communication(monkeypatch):
    """Sharded parameters: over `data` only sums, of a device's shard of the parameters."""
    monkeypatch.setattr(meshes, "SMALLEST", 256)
    sizes, shapes = of_step(Tiny(bn_group=4), 4, 2)
    shard = local_size((shapes.params, shapes.batch_stats))
    assert {kind for kind, axis in sizes if axis == "data"} == {"all-reduce"}
    assert sizes["all-reduce", "data"] <= shard + METRICS
    assert any(axis == "model" for _, axis in sizes)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inception_v2", "googlenet_naive"])  # all nine take minutes
def test_no_network_gathers(name):
    """A network's default step has the gradients' sum and no other collective."""
    model = models.create(name, num_classes=8, width=0.125, bn_group=1, aux=False, stem="small")
    sizes, shapes = of_step(model, size=32, images=8)
    least = size_of(shapes.params) + size_of(shapes.batch_stats)
    assert set(sizes) == {("all-reduce", "data")}
    assert least <= sizes["all-reduce", "data"] <= least + METRICS


FAST = "inception_v3"


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n != FAST else ()) for n in models.names()]
)
def test_zero_keeps_a_seventh_on_each_device(name):
    """On 8 devices ZeRO-1 keeps at most 1/7 of the optimiser's and averages' bytes on each."""
    tx = optim.tf_rmsprop(0.1, decay=0.9, momentum=0.9, eps=1.0)
    model = models.create(name)
    size = model.preprocessing.image_size
    shapes = state.abstract(
        model=model, tx=tx, mesh=meshes.make(8), image_size=size, seed=0, ema=True, zero=True
    )
    sharded = (shapes.opt_state, shapes.ema)
    assert local_size(sharded) <= size_of(sharded) / 7
    assert all(x.sharding.is_fully_replicated for x in jax.tree.leaves(shapes.params))
