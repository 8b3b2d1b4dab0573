"""Tests `inception_jax/explain/branches.py`: a logit as a sum over the paths of each module."""

import numpy as np
import pytest

from inception_jax import explain, models
from inception_jax.explain.branches import path_name
from tests.explain.branched import TinyBranched, image, logits, network, shaken
from tests.models.small import one_of_each
from tests.tiny import TinyResidual

pytestmark = pytest.mark.usefixtures("quick_compiler")


def test_the_last_modules_parts_are_what_is_lost_without_them():
    """A branch's part is the logit's fall when its gate is shut; the rest is the bias."""
    model, variables = network()
    shares = explain.branch_shares(model, variables, image(), 0)
    last = shares.modules[-1]
    assert [m.name for m in shares.modules] == ["first", "second"]
    assert [p.name for p in last.paths] == ["1x1", "3x3", "5x5", "pool"]
    whole = float(logits(variables, image())[0])
    assert shares.logit == pytest.approx(whole, rel=1e-4)
    gates = {f"branch_{i}": np.ones((1, 8, 8, 1), np.float32) for i in range(4)}
    for i, path in enumerate(last.paths):
        shut = {"second": gates | {f"branch_{i}": 0 * gates["branch_0"]}}
        without = float(logits({**variables, "probes": shut}, image())[0])
        assert path.logit == pytest.approx(whole - without, abs=1e-4)
        assert path.heat.sum() == pytest.approx(path.logit, abs=1e-4)
    assert last.rest == pytest.approx(float(variables["params"]["logits"]["bias"][0]), abs=1e-4)
    assert sum(abs(last.share(p)) for p in last.paths) == pytest.approx(1)


def without_constants(variables):
    """The variables without biases, shifts and means: the network is homogeneous then."""
    return {
        key: without_constants(part) if hasattr(part, "items")
        else 0 * part if key in ("bias", "mean") else part
        for key, part in variables.items()
    }  # fmt: skip


@pytest.mark.parametrize("kind", [TinyBranched, TinyResidual])
def test_without_constants_the_parts_of_every_module_are_the_logit(kind):
    """The completeness that the docstring states, of branches and of shortcuts."""
    model, variables = network(kind)
    variables = without_constants(variables)
    shares = explain.branch_shares(model, variables, image(), 1)
    assert abs(shares.logit) > 1e-3
    for module in shares.modules:
        assert module.rest == pytest.approx(0, abs=1e-4 * max(1, abs(shares.logit))), module.name


def test_modules_of_one_row():
    """They are numbered, and have a shortcut beside their branches."""
    shares = explain.branch_shares(*network(TinyResidual), image(), 1)
    assert [m.name for m in shares.modules] == ["block_1", "block_2", "last"]
    assert all([p.name for p in m.paths] == ["3x3", "shortcut"] for m in shares.modules)


@pytest.mark.slow
@pytest.mark.parametrize("name", models.names())
def test_every_family(name):
    """Without constants the parts of each module of each family add up to the logit."""
    model = one_of_each(name, aux=False)
    variables = without_constants(shaken(models.init(model)))
    shares = explain.branch_shares(model, variables, image(32), 1)
    bound = 1e-3 * max(abs(shares.logit), *(abs(p.logit) for m in shares.modules for p in m.paths))
    assert abs(shares.logit) > 0 and shares.modules
    for module in shares.modules:
        assert module.rest == pytest.approx(0, abs=bound), module
        assert len(module.paths) >= 2 and all(p.name for p in module.paths)


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        (("1x1 64",), "1x1"),
        (("1x1 96", "3x3 128"), "3x3"),
        (("1x1 64", "3x3 96", "3x3/2 V 96"), "2 x 3x3"),
        (("1x1 64", "1x7 64", "7x1 64"), "1x7, 7x1"),
        (("1x1 448", "3x3 384", "{1x3 384, 3x1 384}"), "3x3, 1x3|3x1"),
        (("avg 3x3", "1x1 32"), "pool"),
        (("max 3x3/2 V",), "pool"),
        (("separable 3x3 728",) * 3, "3 x separable 3x3"),
        (("separable 3x3 728",) * 2 + ("max 3x3/2",), "2 x separable 3x3"),
        (("linear 1x1/2 128",), "1x1"),
    ],
)
def test_names_of_paths(steps, name):
    """The windows without the reduction before them."""
    assert path_name(steps) == name
