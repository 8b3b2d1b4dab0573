"""Tests `inception_jax/models/from_config.py`."""

import pytest

from inception_jax.errors import ConfigError
from inception_jax.models import from_config
from inception_jax.models.from_config import build_model
from tests.tiny import Tiny, digits


def test_a_section_is_a_network():
    """Every key is a field of the network."""
    model = build_model({"name": "googlenet", "dialect": "slim", "width": 0.5, "num_classes": 7}, 3)
    assert (model.NAME, model.dialect, model.width, model.num_classes) == (
        "googlenet",
        "slim",
        0.5,
        7,
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"dialect": "keras"}, "--config.model.dialect: unknown dialect 'keras'"),
        (
            {"name": "inception_v9"},
            "--config.model.name: unknown model 'inception_v9'.*did you",
        ),
        ({"drop_rows": ("a",)}, r"--config.model.drop_rows: unknown row 'a'.*drop_rows='\(\)'"),
        ({"stem": "big"}, "--config.model.stem: unknown stem 'big'"),
        ({"residual_scale": 0.1}, "--config.model.residual_scale: residual_scale: googlenet"),
    ],
)
def test_a_mistake_names_the_key(change, says):
    """The message says which flag to change."""
    with pytest.raises(ConfigError, match=says):
        build_model({"name": "googlenet", **change}, 3).rows()


@pytest.mark.parametrize("key", ["eval_size", "image_size"])
def test_images_of_evaluation_below_the_minimum_are_refused(key):
    """The message has the key that set the size; the heads of training have no say."""
    changes = {"data__eval_size": 7} if key == "eval_size" else {"data__image_size": 7}
    with pytest.raises(ConfigError, match=rf"^--config\.data\.{key}=7 is too small for tiny: "):
        from_config.check_evaluated(Tiny(), digits(**changes).data)
    from_config.check_evaluated(Tiny(), digits(data__eval_size=8, data__image_size=7).data)
