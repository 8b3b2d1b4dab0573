"""Tests `inception_jax/eval/loading.py` by `models.load`: of runs and of weight files."""

import numpy as np
import pytest

from inception_jax import checkpoint, models
from inception_jax.errors import ConfigError, DataError
from inception_jax.eval import loading, predict
from tests.data.pictures import encoded
from tests.weights.conftest import file  # noqa: F401

pytestmark = pytest.mark.usefixtures("quick_compiler")

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def test_a_run(tiny_run, tmp_path):
    """Its checkpoint, classes and crop: the answer is that of `inception-jax predict`."""
    workdir, config = tiny_run
    network = models.load(str(workdir))
    path = tmp_path / "a.png"
    path.write_bytes(encoded(IMAGE, ".png"))
    ((_, want, _),) = predict.Predictor(config, workdir).run([path], 5)
    assert network.predict(path) == [want]
    assert network.step == 0 and network.classes[4] == "class 4"
    step, variables = checkpoint.load(workdir)
    leaf = network.variables["params"]["logits"]["bias"]
    np.testing.assert_array_equal(leaf, variables["params"]["logits"]["bias"])
    models.load(workdir, step=step, weights="raw")


@pytest.mark.slow
def test_a_weight_file(file):  # noqa: F811
    """A peer's file without a run directory has its weights, outputs and preprocessing."""
    path, variables = file
    network = models.load("torchvision:googlenet", file=path)
    assert network.model.preprocessing.image_size == 224 and len(network.classes) == 7
    assert network.preprocess(IMAGE).shape == (1, 224, 224, 3)
    np.testing.assert_array_equal(
        network.variables["params"]["logits"]["kernel"], variables["params"]["logits"]["kernel"]
    )


WRONG = {
    "no run": ({"source": "runs/nothing"}, "runs/nothing: expected the directory of a run"),
    "no file": ({"source": "timm:inception_v4"}, "expected file=PATH"),
    "a misspelt peer": ({"source": "timm:inception_v5"}, "inception_v4"),
    "step of a file": ({"source": "timm:inception_v4", "file": "a", "step": 3}, "no step="),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_loaded(case):
    """Each message has what was expected."""
    arguments, message = WRONG[case]
    with pytest.raises(ConfigError, match=message):
        models.load(**arguments)


def test_weights_of_another_name():
    """The two names are listed."""
    with pytest.raises(ConfigError, match="'averaged' or 'raw'"):
        loading.load("runs/nothing", None, None, "ema")


def test_a_step_that_is_not_there(tiny_run):
    """The message lists the run's steps."""
    with pytest.raises(DataError, match=r"expected step 9 .* found \[0\]"):
        models.load(tiny_run[0], step=9)
