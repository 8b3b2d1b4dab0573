"""Tests `inception_jax/models/network.py`: what holds for every network and dialect."""

import jax
import jax.numpy as jnp
import pytest

from inception_jax import models
from tests.tiny import Tiny

EVERY = [(n, d) for n in models.names() for d in models.dialects(n)]


def small(name, dialect="", **fields):
    """A network a test can afford."""
    fields = {"width": 0.125, "stem": "small", "num_classes": 10, **fields}
    return models.create(name, dialect=dialect, **fields)


@pytest.mark.parametrize(("name", "dialect"), EVERY)
def test_the_tree_is_the_same_for_train_and_eval(name, dialect):
    """Initialising in train or eval mode gives the same variables, auxiliary heads included."""
    model, image = small(name, dialect), jnp.zeros((2, 32, 32, 3))
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    shapes = [jax.eval_shape(lambda t=t: model.init(keys, image, train=t)) for t in (False, True)]
    assert jax.tree.structure(shapes[0]) == jax.tree.structure(shapes[1])
    assert any(k.startswith("aux_") for k in shapes[0]["params"]) == bool(model.switches.aux)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dialect"), [("googlenet", "torchvision")])
def test_eval_runs_no_head_and_writes_no_statistics(name, dialect):
    """Evaluation has no auxiliary output, no head in its program, and leaves batch_stats alone."""
    model = small(name, dialect)
    variables = models.init(model)
    image = jnp.ones((2, 32, 32, 3))
    out, new = model.apply(variables, image, train=False, mutable=["batch_stats"])
    assert out.aux == {}
    same = jax.tree.map(
        lambda a, b: bool((a == b).all()), variables["batch_stats"], new["batch_stats"]
    )
    assert all(jax.tree.leaves(same))
    # A head that ran would read its parameters: without them the trunk still runs.
    trunk = {k: v for k, v in variables["params"].items() if not k.startswith("aux_")}
    bare = model.apply({**variables, "params": trunk}, image, train=False)
    assert (bare.logits == out.logits).all()
    out, new = model.apply(
        variables, image, train=True, mutable=["batch_stats"], rngs={"dropout": jax.random.key(0)}
    )
    assert set(out.aux) == {k for k in variables["params"] if k.startswith("aux_")} != set()
    assert not (
        new["batch_stats"]["conv2" if name == "googlenet" else "conv_2a"]["bn"]["mean"] == 0
    ).all()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dialect"), [("inception_v3", "slim")])
def test_zero_auxiliary_weight_gives_the_trunk_the_gradients_of_the_bare_net(name, dialect):
    """With aux_weight 0 the trunk's gradients equal those of the network without heads."""
    from inception_jax.train.losses import objective

    image = jax.random.normal(jax.random.key(2), (4, 32, 32, 3))
    labels = jnp.arange(4)
    grads = []
    for aux in (True, False):
        model = small(name, dialect, aux=aux, dropout=0.0)
        variables = models.init(model)
        rest = {k: v for k, v in variables.items() if k != "params"}

        def loss(params, model=model, rest=rest):
            out, _ = model.apply(
                {"params": params, **rest}, image, train=True, mutable=["batch_stats"],
                rngs={"dropout": jax.random.key(0)},
            )  # fmt: skip
            return objective(out, labels, params, smoothing=0.1, aux_weight=0.0, weight_of_l2=0.0)[
                0
            ]

        grads.append(jax.jit(jax.grad(loss))(variables["params"]))
    with_heads, bare = grads
    assert set(with_heads) > set(bare)
    for path, leaf in jax.tree_util.tree_leaves_with_path(bare):
        other = with_heads
        for key in path:
            other = other[key.key]
        assert jnp.allclose(leaf, other, rtol=1e-6, atol=1e-9), path
    heads = {k: v for k, v in with_heads.items() if k.startswith("aux_")}
    assert all((g == 0).all() for g in jax.tree.leaves(heads))


@pytest.mark.parametrize("name", models.names())
def test_bfloat16(name):
    """bfloat16 computes in bfloat16 from float32 parameters and gives float32 logits."""
    model = small(name, dtype="bfloat16")
    variables = jax.eval_shape(lambda: models.init(model))
    assert {x.dtype for x in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    image = jnp.ones((1, 32, 32, 3))
    run = lambda v: model.apply(v, image, train=False, endpoints=True)  # noqa: E731
    out = jax.eval_shape(run, variables)
    assert out.logits.dtype == jnp.float32
    last = model.rows()[-1].name
    assert out.endpoints[last].dtype == jnp.bfloat16


@pytest.mark.parametrize("name", models.names())
def test_width(name):
    """`width` scales every channel count; at 1 the table is the paper's, at 0.5 multiples of 8."""
    half = models.describe(models.create(name, width=0.5))
    full = models.describe(models.create(name))
    for a, b in zip(half.rows[:-1], full.rows[:-1], strict=True):
        assert a.channels % 8 == 0
        assert abs(a.channels - b.channels / 2) <= 16
    assert half.params < 0.4 * full.params


def test_without_rows():
    """`drop_rows` leaves rows out; a name that is no row is refused with the nearest."""
    whole, part = small("googlenet"), small("googlenet", drop_rows=("inception_4b", "inception_5a"))
    names = [r.name for r in whole.rows()]
    left = [n for n in names if n not in ("inception_4b", "inception_5a")]
    assert [r.name for r in models.describe(part).rows[: len(left)]] == left
    with pytest.raises(ValueError, match="did you mean 'inception_4b'"):
        small("googlenet", drop_rows=("inception_4bb",))


def test_pixels_replace_the_dialects_constants():
    """`pixels` sets mean and scale of the input; the rest of the preprocessing stays."""
    usual = models.preprocessing(models.create("inception_v3"))
    other = models.preprocessing(models.create("inception_v3", normalization="imagenet"))
    assert usual.mean == (127.5, 127.5, 127.5) and other.mean[0] == pytest.approx(123.675)
    assert (usual.crop, usual.resize) == (other.crop, other.resize)


def test_endpoints_only_when_asked_for():
    """`endpoints=True` returns every row's features and the pooled ones; otherwise none."""
    model = small("googlenet")
    shapes = jax.eval_shape(
        lambda: model.init_with_output(
            jax.random.key(0), jnp.zeros((1, 32, 32, 3)), endpoints=True
        )[0]
    )
    assert list(shapes.endpoints) == sorted([*(r.name for r in model.rows()), "pool"])
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


def test_a_frozen_trunk_takes_no_gradient_and_keeps_its_averages():
    """Only the classifier and the heads learn; in training the trunk is what evaluation runs."""
    model = Tiny(frozen=True)
    variables = models.init(model, image_size=8)
    images = jax.random.normal(jax.random.key(0), (4, 8, 8, 3))

    def loss(params):
        out, new = model.apply(
            {**variables, "params": params}, images, train=True, endpoints=True,
            mutable=["batch_stats"], rngs={"dropout": jax.random.key(1)},
        )  # fmt: skip
        aux = sum(a.var() for a in out.aux.values())
        return out.logits.var() + aux, (new["batch_stats"], out.endpoints["conv3"])

    grads, (stats, top) = jax.grad(loss, has_aux=True)(variables["params"])
    learns = {k for k, v in grads.items() if any(jnp.any(x != 0) for x in jax.tree.leaves(v))}
    assert learns == {"logits", "aux_conv2"}
    for row in ("conv1", "conv2", "conv3"):
        jax.tree.map(assert_equal, stats[row], variables["batch_stats"][row])
    evaluated = model.apply(variables, images, endpoints=True)
    assert_equal(top, evaluated.endpoints["conv3"])


def assert_equal(a, b):
    """Every number is the same."""
    assert jnp.allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("name", models.names())
def test_the_trunk_is_what_the_rows_name(name):
    """What is in no row is the classifier, a head, or what stands between."""
    model = small(name)
    params = jax.eval_shape(lambda: models.init(model))["params"]
    above = set(params) - {r.name for r in model.rows()}
    assert "logits" in above and all(k == "logits" or k.startswith("aux_") for k in above)


def test_residual_scale_replaces_the_published_one():
    """Modules of scale 0.1 to 0.3 take the network's own; facenet's last of 1 stays."""
    image = jax.random.normal(jax.random.key(0), (1, 32, 32, 3))
    model = small("inception_resnet_v1", drop_rows=("mixed_6a", "block17", "mixed_7a", "block8"))
    variables = models.init(model)
    as_drawn = model.clone(residual_scale=0.17).apply(variables, image).logits
    assert_equal(model.apply(variables, image).logits, as_drawn)
    other = model.clone(residual_scale=0.3).apply(variables, image).logits
    assert not jnp.allclose(other, as_drawn, rtol=1e-3)
    with pytest.raises(ValueError, match="inception_v3 has no residual modules"):
        small("inception_v3", residual_scale=0.3)
