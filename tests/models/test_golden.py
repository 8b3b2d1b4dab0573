"""Tests every network and dialect against `golden.json`: parameters, MACs, end-points."""

import json
from pathlib import Path

import pytest

from inception_jax import models

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())
EVERY = [(name, dialect) for name in models.names() for dialect in models.dialects(name)]


def test_every_network_and_dialect_has_golden_facts():
    """The file and the zoo hold the same names, and every fact names its source."""
    assert sorted(EVERY) == sorted((n, d) for n, forms in GOLDEN.items() for d in forms)
    facts = [fact for forms in GOLDEN.values() for form in forms.values() for fact in form.values()]
    assert all(fact["source"] for fact in facts)


@pytest.mark.parametrize(("name", "dialect"), EVERY)
def test_golden(name, dialect):
    """Counts are exact, and every row has the golden grid and channels, in order."""
    golden = {key: fact["value"] for key, fact in GOLDEN[name][dialect].items()}
    model = models.create(name, dialect=dialect)
    table = models.describe(model)
    found = {key: getattr(table, key) for key in ("params", "params_with_aux", "macs")}
    assert found == {key: golden[key] for key in found}
    shapes = [
        (r.name, [r.grid[0], r.channels]) for r in table.rows if r.name in golden["endpoints"]
    ]
    assert shapes == list(golden["endpoints"].items())


@pytest.mark.parametrize(("name", "dialect"), EVERY)
def test_the_table_is_what_is_built(name, dialect):
    """Every row's grid and channels, as its file states them, are those of the built network."""
    model = models.create(name, dialect=dialect)
    size = 299 if dialect == "facenet" else None  # its table is the paper's, at 299
    rows = models.describe(model, size).rows
    stated = [(r.name, (r.grid, r.grid), r.channels) for r in model.rows()]
    assert [(r.name, r.grid, r.channels) for r in rows[: len(stated)]] == stated


@pytest.mark.parametrize(
    ("name", "dialect", "classes", "params", "with_aux"),
    [
        ("googlenet", "slim", 1001, 6_618_649, None),  # the real TF-slim's trainable variables
        ("bn_inception", "slim", 1001, 11_179_361, None),
        ("inception_v3", "slim", 1001, 23_819_401, 27_145_970),
        ("inception_v3", "torchvision", 1001, 23_836_617, 27_164_082),
        ("inception_v4", "timm", 1001, 42_681_353, None),
        ("inception_resnet_v2", "timm", 1001, 55_845_001, None),
    ],
)
def test_with_a_background_class(name, dialect, classes, params, with_aux):
    """With 1,001 outputs the counts are those published."""
    table = models.describe(models.create(name, dialect=dialect, num_classes=classes))
    assert table.params == params
    assert with_aux is None or table.params_with_aux == with_aux


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("inception_v3", 23_851_784), ("inception_resnet_v2", 55_873_736), ("xception", 22_910_480),
    ],
)  # fmt: skip
def test_keras_totals(name, total):
    """With BatchNorm's moving averages the Keras forms have Keras's own totals."""
    import jax

    shapes = jax.eval_shape(lambda: models.init(models.create(name, dialect="keras")))
    assert sum(x.size for x in jax.tree.leaves(shapes)) == total


def test_extra_block_of_the_face_ports():
    """With the face ports' sixth block8 Inception-ResNet-v1 has 24,357,096 parameters."""
    paper = models.describe(models.create("inception_resnet_v1"))
    sixth = models.describe(models.create("inception_resnet_v1", dialect="facenet"))
    extra = next(r.params for r in sixth.rows if r.name == "block8_last")
    assert paper.params + extra == 24_357_096


def test_without_a_classifier():
    """With num_classes=0 the logits are the pooled features, and there are no heads."""
    import jax
    import jax.numpy as jnp

    model = models.create("inception_v3", num_classes=0, width=0.125, stem="small")
    image = jnp.zeros((2, 32, 32, 3))
    out, variables = jax.eval_shape(lambda: model.init_with_output(jax.random.key(0), image))
    assert out.logits.shape == (2, 256)
    assert not any(k == "logits" or k.startswith("aux_") for k in variables["params"])
