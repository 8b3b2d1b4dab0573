"""Tests `inception_jax/models/lowering/fold.py`: the same function without BatchNorm."""

import jax
import pytest

from inception_jax import models
from inception_jax.runtime import xla_options
from tests.models.lowering.gradients import example, farthest
from tests.models.small import with_rows

pytestmark = pytest.mark.usefixtures("quick_compiler")

CASES = [
    pytest.param("inception_v3", "torchvision", ["conv_1a", "mixed_5b"], marks=pytest.mark.slow),
    # Biases beside BatchNorm.
    pytest.param("bn_inception", "cadene", ["conv1", "inception_3a"], marks=pytest.mark.slow),
    ("xception", "keras", ["conv_1", "block_2"]),  # separable convolutions
    # An embedding, residual modules.
    pytest.param(
        "inception_resnet_v1", "facenet", ["conv_1a", "block8_last"], marks=pytest.mark.slow
    ),
]


@pytest.mark.parametrize(("name", "dialect", "rows"), CASES)
def test_a_folded_network_is_the_same_function(name, dialect, rows):
    """With BatchNorm in kernels and biases every end-point is equal, in float64 to 1e-12."""
    with jax.enable_x64(True):
        rest = {"num_classes": 0} if dialect == "facenet" else {}
        model, variables, image = example(with_rows(name, dialect, rows, **rest))
        folded, merged = models.fold(model, variables)
        paths = [str(path) for path, _ in jax.tree.leaves_with_path(merged)]
        assert "batch_stats" not in merged and not any("bn" in path for path in paths)

        def everything(model, variables):
            apply = lambda v: model.apply(v, image, endpoints=True)  # noqa: E731
            return jax.jit(apply, compiler_options=xla_options.once())(variables)

        want, got = everything(model, variables), everything(folded, merged)
        assert set(got.endpoints) == set(want.endpoints)
        assert ("embedding" in got.endpoints) == (dialect == "facenet")
        assert farthest((got.logits, got.endpoints), (want.logits, want.endpoints)) < 1e-12


def test_a_network_without_batch_norm_is_unchanged():
    """GoogLeNet as published has nothing to fold."""
    model = with_rows("googlenet", "paper", ["conv1"])
    variables = {"params": {"conv1": {"kernel": 1, "bias": 2}}}
    assert models.fold(model, variables) == (model, variables)
