"""Tests `inception_jax/models/network.py`: what holds for every network and dialect."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

from inception_jax import models
from inception_jax.runtime import xla_options
from inception_jax.train.losses import objective
from tests.models.small import EVERY, KEYS, one_of_each, small, traced, with_rows
from tests.tiny import Tiny

LARGE = ("inception_v4", "inception_resnet_v2")
pytestmark = pytest.mark.usefixtures("quick_compiler")


def jit(function):
    """`function`, compiled quickly since it runs once."""
    return jax.jit(function, compiler_options=xla_options.once())


@pytest.mark.parametrize("name", ["googlenet", "inception_v3", "inception_resnet_v1"])
def test_the_tree_is_the_same_for_train_and_eval(name):
    """Initialising in train or eval mode gives the same variables, auxiliary heads included."""
    model, _, variables = traced(name)
    init = lambda: model.init(KEYS, jnp.zeros((2, 32, 32, 3)), train=True)  # noqa: E731
    assert jax.tree.structure(variables) == jax.tree.structure(jax.eval_shape(init))
    assert any(k.startswith("aux_") for k in variables["params"]) == bool(model.switches.aux)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dialect"), EVERY)
def test_every_dialect_trains(name, dialect):
    """The variables of evaluation are those of a training pass, in every dialect."""
    model, _, variables = traced(name, dialect)
    init = lambda: model.init(KEYS, jnp.zeros((2, 32, 32, 3)), train=True)  # noqa: E731
    assert jax.tree.structure(variables) == jax.tree.structure(jax.eval_shape(init))


def test_eval_runs_no_head_and_writes_no_statistics():
    """Evaluation has no auxiliary output, reads no head, and leaves batch_stats alone."""
    model, image = Tiny(), jnp.ones((2, 8, 8, 3))
    variables = models.init(model, image_size=8)
    apply = lambda v, t: model.apply(v, image, train=t, mutable=["batch_stats"], rngs=KEYS)  # noqa: E731
    # A head that ran would read its parameters: without them the backbone still runs.
    backbone = {k: v for k, v in variables["params"].items() if not k.startswith("aux_")}
    out, new = jit(lambda v: apply(v, False))({**variables, "params": backbone})
    assert out.aux == {}
    jax.tree.map(
        assert_equal, variables["batch_stats"], {**variables["batch_stats"], **new["batch_stats"]}
    )
    out, new = jit(lambda v: apply(v, True))(variables)
    assert set(out.aux) == {"aux_conv2"}
    assert not (new["batch_stats"]["conv1"]["bn"]["mean"] == 0).all()


@pytest.mark.slow
def test_zero_auxiliary_weight_gives_the_backbone_the_gradients_of_the_bare_net():
    """With aux_weight 0 the backbone's gradients equal those of the network without heads."""
    image, labels = jax.random.normal(jax.random.key(2), (4, 8, 8, 3)), jnp.arange(4)
    grads = []
    for aux in (True, False):
        model = Tiny(aux=aux)
        variables = models.init(model, image_size=8)

        def loss(params, model=model, variables=variables):
            both = {**variables, "params": params}
            out, _ = model.apply(both, image, train=True, mutable=["batch_stats"], rngs=KEYS)
            return objective(out, labels, params, smoothing=0.1, aux_weight=0.0, weight_of_l2=0.0)[
                0
            ]

        grads.append(jit(jax.grad(loss))(variables["params"]))
    with_heads, bare = grads
    assert set(with_heads) - set(bare) == {"aux_conv2"}
    jax.tree.map(assert_equal, bare, {k: with_heads[k] for k in bare})
    assert all((g == 0).all() for g in jax.tree.leaves(with_heads["aux_conv2"]))


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in LARGE else ()) for n in models.names()],
)
def test_bfloat16(name):
    """bfloat16 computes in bfloat16 from float32 parameters and gives float32 logits."""
    model, out, variables = traced(name)
    assert {x.dtype for x in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    assert out.logits.dtype == jnp.float32
    assert out.endpoints[model.rows()[-1].name].dtype == jnp.bfloat16


@pytest.mark.parametrize("name", models.names())
def test_width(name):
    """At an eighth of the width every row has multiples of 8 channels, about an eighth."""
    model, out, _ = traced(name)
    for row in model.rows():
        channels = out.endpoints[row.name].shape[-1]
        assert channels % 8 == 0
        assert channels < 0.5 * row.channels


def test_without_rows():
    """`drop_rows` leaves rows out; a name that is no row is refused with the nearest."""
    whole, part = small("googlenet"), small("googlenet", drop_rows=("inception_4b", "inception_5a"))
    names = [r.name for r in whole.rows()]
    left = [n for n in names if n not in ("inception_4b", "inception_5a")]
    assert [r.name for r in models.describe(part).rows[: len(left)]] == left
    with pytest.raises(ValueError, match="did you mean 'inception_4b'"):
        small("googlenet", drop_rows=("inception_4bb",))


def test_normalization_replaces_the_dialects_constants():
    """`normalization` sets mean and scale of the input; the rest of the preprocessing stays."""
    usual = models.preprocessing(models.create("inception_v3"))
    other = models.preprocessing(models.create("inception_v3", normalization="imagenet"))
    assert usual.mean == (127.5, 127.5, 127.5) and other.mean[0] == pytest.approx(123.675)
    assert (usual.crop, usual.resize) == (other.crop, other.resize)


def test_endpoints_only_when_asked_for():
    """`endpoints=True` returns every row's features and the pooled ones; otherwise none."""
    model, out, _ = traced("googlenet")
    assert list(out.endpoints) == sorted([*(r.name for r in model.rows()), "pool"])
    bare = jax.eval_shape(
        lambda: model.init_with_output(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))[0]
    )
    assert bare.endpoints == {}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "inception_v33"}, "did you mean 'inception_v3'"),
        ({"name": "googlenet", "dialect": "keras"}, "expected one of paper, slim, batchnorm"),
        ({"name": "googlenet", "stem": "tiny"}, "expected one of paper, small"),
        ({"name": "googlenet", "dtype": "fp16"}, "expected one of float32"),
    ],
)
def test_unknown_names_list_the_choices(fields, words):
    """A wrong name is refused with the choices and the nearest one."""
    with pytest.raises(ValueError, match=words):
        models.create(**fields)


def test_a_frozen_backbone_takes_no_gradient_and_keeps_its_averages():
    """Only the classifier and the heads learn; in training the backbone is what evaluation runs."""
    model = Tiny(freeze_until="logits")
    variables = models.init(model, image_size=8)
    images = jax.random.normal(jax.random.key(0), (4, 8, 8, 3))

    def loss(params):
        out, new = model.apply(
            {**variables, "params": params}, images, train=True, endpoints=True,
            mutable=["batch_stats"], rngs={"dropout": jax.random.key(1)},
        )  # fmt: skip
        aux = sum(a.var() for a in out.aux.values())
        return out.logits.var() + aux, (new["batch_stats"], out.endpoints["conv3"])

    grads, (stats, top) = jit(jax.grad(loss, has_aux=True))(variables["params"])
    learns = {k for k, v in grads.items() if any(jnp.any(x != 0) for x in jax.tree.leaves(v))}
    assert learns == {"logits", "aux_conv2"}
    for row in ("conv1", "conv2", "conv3"):
        jax.tree.map(assert_equal, stats[row], variables["batch_stats"][row])
    evaluated = model.apply(variables, images, endpoints=True)
    assert_equal(top, evaluated.endpoints["conv3"])


def test_rows_before_the_first_that_learns_are_frozen():
    """Those before `freeze_until` are evaluated and take no gradient; the others are trained."""
    model = Tiny(freeze_until="conv2")
    assert (model.frozen, model.boundary) == (("conv1", "pool1"), "pool1")
    variables = models.init(model, image_size=8)
    images = jax.random.normal(jax.random.key(0), (4, 8, 8, 3))

    def loss(params, **given):
        out, new = model.apply(
            {**variables, "params": params}, mutable=["batch_stats"], train=True,
            rngs={"dropout": jax.random.key(1)}, **given,
        )  # fmt: skip
        return out.logits.var(), new["batch_stats"]

    def gradient(x, **given):
        grad = jax.grad(partial(loss, **given), has_aux=True)
        return jit(lambda params, x: grad(params, x=x))(variables["params"], x)

    grads, stats = gradient(images)
    assert not any(jnp.any(x) for x in jax.tree.leaves(grads["conv1"]))
    assert all(jnp.any(grads[k]["kernel"]) for k in ("conv2", "conv3", "logits"))
    jax.tree.map(assert_equal, stats["conv1"], variables["batch_stats"]["conv1"])
    assert jnp.any(stats["conv2"]["bn"]["mean"] != 0)
    at = model.apply(variables, images, endpoints=True).endpoints["pool1"]
    stored = gradient(at, from_boundary=True)
    jax.tree.map(assert_equal, (grads, stats), stored)


def test_frozen_averages_are_what_training_normalises_by():
    """With `bn_frozen` a training pass without dropout is an evaluation; averages do not move."""
    model = Tiny(bn_frozen=True, dropout=0.0, aux=False)
    variables = models.init(model, image_size=8)
    images = 3 + jax.random.normal(jax.random.key(0), (4, 8, 8, 3))
    out, new = model.apply(variables, images, train=True, mutable=["batch_stats"])
    assert_equal(out.logits, model.apply(variables, images).logits)
    jax.tree.map(assert_equal, new["batch_stats"], variables["batch_stats"])
    assert not jnp.allclose(
        out.logits,
        model.clone(bn_frozen=False)
        .apply(variables, images, train=True, mutable=["batch_stats"])[0]
        .logits,
    )


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n != "xception" else ()) for n in models.names()],
)
def test_the_network_after_the_frozen_rows(name):
    """From the boundary's end-point on, at a grid and pooled, the logits are the network's."""
    model = one_of_each(name)

    def logits(key, x):
        variables = model.init(key, x)
        whole = model.apply(variables, x, endpoints=True)
        frozen = [model.clone(freeze_until=row) for row in (model.rows()[-1].name, "logits")]
        found = [
            f.apply(variables, whole.endpoints[f.boundary], from_boundary=True) for f in frozen
        ]
        return whole.logits, *(after.logits for after in found)

    shapes = jax.eval_shape(logits, KEYS, jax.ShapeDtypeStruct((2, 32, 32, 3), "float32"))
    assert {x.shape for x in shapes} == {(2, 10)}


def assert_equal(a, b):
    """Every number is the same."""
    assert jnp.allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("name", models.names())
def test_the_backbone_is_what_the_rows_name(name):
    """What is in no row is the classifier, a head, or what stands between."""
    model, _, variables = traced(name)
    above = set(variables["params"]) - {r.name for r in model.rows()}
    assert "logits" in above and all(k == "logits" or k.startswith("aux_") for k in above)


def test_residual_scale_replaces_the_published_one():
    """Modules of scale 0.2 take the network's own; a network without such modules refuses it."""
    model = with_rows("inception_resnet_v1", "paper", ["conv_1a", "block8"])
    image = jnp.zeros((1, 8, 8, 3))
    variables = jax.eval_shape(lambda: models.init(model, image_size=8))

    def program(model):
        return str(jax.make_jaxpr(lambda v: model.apply(v, image).logits)(variables))

    published = program(model)
    assert program(model.clone(residual_scale=0.2)) == published
    assert program(model.clone(residual_scale=0.3)) != published
    with pytest.raises(ValueError, match="inception_v3 has no residual modules"):
        small("inception_v3", residual_scale=0.3)


def test_a_wrong_shape_is_refused():
    """The checker of the tests refuses an image without its batch, and names what it got."""
    with pytest.raises(TypeCheckError, match=r"f32\[8,8,3\]"):
        jax.eval_shape(lambda: Tiny().init(KEYS, jnp.zeros((8, 8, 3))))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("bn_inception", "xception") else pytest.mark.slow)
        for name in models.names()
    ],
)
def test_any_number_of_channels(name):
    """Only the first layer has another number of parameters."""
    six, three = (models.create(name, channels=c, width=0.25, aux=False) for c in (6, 3))
    rows = {
        c: {row.name: row.params for row in models.describe(model).rows}
        for c, model in ((6, six), (3, three))
    }
    first = six.rows()[0].name
    assert [k for k in rows[3] if rows[3][k] != rows[6][k]] == [first]
