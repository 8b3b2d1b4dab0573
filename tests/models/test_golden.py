"""Tests every network and dialect against `golden.json`: parameters, MACs, end-points."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from inception_jax import models
from tests.models.small import EVERY, described, small

# One form of each network is in every run; tracing the largest takes seconds.
LARGEST = ("inception_v4", "inception_resnet_v2")
QUICK = {(name, models.dialects(name)[0]) for name in models.names() if name not in LARGEST}
FORMS = [pytest.param(*f, marks=() if f in QUICK else pytest.mark.slow) for f in EVERY]
GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


def test_every_network_and_dialect_has_golden_facts():
    """The file and the zoo hold the same names, and every fact names its source."""
    assert sorted(EVERY) == sorted((n, d) for n, forms in GOLDEN.items() for d in forms)
    facts = [fact for forms in GOLDEN.values() for form in forms.values() for fact in form.values()]
    assert all(fact["source"] for fact in facts)


@pytest.mark.parametrize(("name", "dialect"), FORMS)
def test_golden(name, dialect):
    """Counts are exact, and every row has the golden grid and channels, in order."""
    golden = {key: fact["value"] for key, fact in GOLDEN[name][dialect].items()}
    table = described(name, dialect)
    found = {key: getattr(table, key) for key in ("params", "params_with_aux", "macs")}
    assert found == {key: golden[key] for key in found}
    shapes = [
        (r.name, [r.grid[0], r.channels]) for r in table.rows if r.name in golden["endpoints"]
    ]
    assert shapes == list(golden["endpoints"].items())


@pytest.mark.parametrize(("name", "dialect"), FORMS)
def test_the_table_is_what_is_built(name, dialect):
    """Every row's grid and channels, as its file states them, are those of the built network."""
    model = models.create(name, dialect=dialect)
    # The table of `facenet` is the paper's, at 299 pixels.
    rows = (models.describe(model, 299) if dialect == "facenet" else described(name, dialect)).rows
    stated = [(r.name, (r.grid, r.grid), r.channels) for r in model.rows()]
    assert [(r.name, r.grid, r.channels) for r in rows[: len(stated)]] == stated


@pytest.mark.parametrize(
    ("name", "dialect", "classes", "params", "with_aux"),
    [
        ("googlenet", "slim", 1001, 6_618_649, None),  # the real TF-slim's trainable variables
        ("bn_inception", "slim", 1001, 11_179_361, None),
        ("inception_v3", "slim", 1001, 23_819_401, 27_145_970),
        ("inception_v3", "torchvision", 1001, 23_836_617, 27_164_082),
        pytest.param("inception_v4", "timm", 1001, 42_681_353, None, marks=pytest.mark.slow),
        pytest.param("inception_resnet_v2", "timm", 1001, 55_845_001, None, marks=pytest.mark.slow),
    ],
)
def test_with_a_background_class(name, dialect, classes, params, with_aux):
    """With 1,001 outputs the counts are those published: one row more in each classifier."""
    table = described(name, dialect)
    channels = next(r.channels for r in table.rows if r.name == "pool")
    assert table.params + channels + 1 == params
    assert with_aux is None or table.params_with_aux + channels + 1 + 768 + 1 == with_aux
    if name == "googlenet":
        assert (
            models.describe(models.create(name, dialect=dialect, num_classes=classes)).params
            == params
        )


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("inception_v3", 23_851_784),
        pytest.param("inception_resnet_v2", 55_873_736, marks=pytest.mark.slow),
        pytest.param("xception", 22_910_480, marks=pytest.mark.slow),
    ],
)
def test_keras_totals(name, total):
    """With BatchNorm's moving averages the Keras forms have Keras's own totals."""
    shapes = jax.eval_shape(lambda: models.init(models.create(name, dialect="keras")))
    assert sum(x.size for x in jax.tree.leaves(shapes)) == total


def test_extra_block_of_the_face_ports():
    """With the face ports' sixth block8 Inception-ResNet-v1 has 24,357,096 parameters."""
    paper, sixth = (described("inception_resnet_v1", d) for d in ("paper", "facenet"))
    extra = next(r.params for r in sixth.rows if r.name == "block8_last")
    assert paper.params + extra == 24_357_096


def test_without_a_classifier():
    """With num_classes=0 the logits are the pooled features, and there are no heads."""
    model = small("inception_v3", num_classes=0)
    image = jnp.zeros((2, 32, 32, 3))
    out, variables = jax.eval_shape(lambda: model.init_with_output(jax.random.key(0), image))
    assert out.logits.shape == (2, 256)
    assert not any(k == "logits" or k.startswith("aux_") for k in variables["params"])
