"""Tests `inception_jax/train/program.py`: configs and devices that fit together, and do not."""

import jax
import jax.numpy as jnp
import pytest

from inception_jax import config as cfg
from inception_jax import models
from inception_jax.config import between
from inception_jax.errors import ConfigError
from inception_jax.train.program import Program
from tests.tiny import Tiny, digits


def program(config, devices=None, lr_factor=1.0):
    """The program of a config for 1437 images; nothing is compiled."""
    return Program(config, 1437, devices or jax.devices()[:1], lr_factor)


@pytest.mark.parametrize(
    ("devices", "changes", "dtype"),
    [(1, {"reduce": "bfloat16"}, ""), (2, {}, ""), (2, {"dtype": "float64"}, ""),
     (2, {"reduce": "float32"}, "float32"), (2, {"reduce": "bfloat16"}, "bfloat16"),
     (2, {"dtype": "bfloat16", "reduce": "float32"}, "float32"), (2, {"dtype": "bfloat16"}, "")],
)  # fmt: skip
def test_dtype_of_the_gradients_sum(devices, changes, dtype):
    """On a CPU the step sums by itself if the config names a dtype."""
    keys = {"reduce": "mesh__reduce", "dtype": "model__dtype"}
    config = digits(model__bn_group=4, **{keys[k]: v for k, v in changes.items()})
    cfg.validate(config)
    assert program(config, jax.devices()[:devices]).reduce_dtype == dtype


def test_reduced_gradients_need_whole_groups():
    """Groups across devices are refused if each device's gradient must be complete."""
    with pytest.raises(ConfigError, match=r"model\.bn_group=32: expected a divisor of 12"):
        program(digits(model__bn_group=32, mesh__reduce="bfloat16"), jax.devices()[:8])
    program(digits(model__bn_group=32), jax.devices()[:8])


@pytest.mark.parametrize("group", [0, 7])
@pytest.mark.parametrize("more", [{}, {"mesh__reduce": "bfloat16"}], ids=["", "reduce"])
def test_without_batch_norm_no_rule_of_its_groups_holds(group, more):
    """GoogLeNet as in the paper: any accumulation that divides the batch, any bn_group."""
    config = digits(
        model__name="googlenet", model__dialect="paper", model__bn_group=group,
        optim__accumulate=4, **more,
    )  # fmt: skip
    cfg.validate(config)
    assert program(config, jax.devices()[:2]).model.switches.norm is None


def test_the_networks_without_batch_norm():
    """`config` lists them, since it imports no network."""
    every = [(name, d) for name in models.names() for d in ("", *models.dialects(name))]
    without = {(n, d) for n, d in every if not models.create(n, dialect=d).switches.norm}
    assert without == between.WITHOUT_NORM


@pytest.mark.parametrize(
    ("devices", "changes", "message"),
    [(5, {}, r"batch_size=96: expected a multiple of 5 \(5 devices x 1"),
     (8, {"optim__accumulate": 5}, r"batch_size=96: expected a multiple of 40 \(8 devices x 5"),
     (2, {"optim__accumulate": 2, "model__bn_group": 16}, "bn_group=16: expected a divisor of 24"),
     (1, {"model__dtype": "float16"}, "dtype=float16 .*loss_scale=65536, or use bf"),
     (1, {"model__num_classes": 0}, "num_classes=0: expected classes to train for"),
     (1, {"mesh__data": 3}, "mesh.data=3 x --config.mesh.model=1: expected at most the 1 devices")],
)  # fmt: skip
def test_what_does_not_divide_is_refused(devices, changes, message):
    """Batch, microbatches and groups; the message has both numbers."""
    with pytest.raises(ConfigError, match=message):
        program(digits(**changes), jax.devices()[:devices])


def test_an_image_below_the_minimum_is_refused():
    """The message names the layer, and what to change."""
    changes = {
        "model__name": "inception_v3",
        "model__stem": "paper",
        "data__image_size": 40,
        "model__drop_rows": (),
    }
    small = program(digits(**changes))
    with pytest.raises(
        ConfigError, match=r"image_size=40 is too small for inception_v3: .*stem=small"
    ):
        small.empty_state  # noqa: B018


def test_the_step_has_sam_and_the_loss_scale(monkeypatch):
    """Two passes with `optim.sam`, twice the convolutions; with `loss_scale` its metrics."""
    monkeypatch.setattr("inception_jax.train.program.build_model", lambda c, _: Tiny(dtype=c.dtype))
    found = {}
    both = {"optim__sam": 0.05, "optim__loss_scale": 1024.0, "model__dtype": "float16"}
    for key, more in (("plain", {}), ("both", both)):
        p = program(digits(**more))
        traced = p.train_step.trace(p.empty_state, p.empty_batch)
        found[key] = str(traced.jaxpr).count("conv_general_dilated["), traced.out_info[1]
    assert found["both"][0] == 2 * found["plain"][0]
    assert found["both"][1].keys() - found["plain"][1].keys() == {"loss_scale", "skipped"}


def test_epochs_count_images():
    """1437 images in batches of 96 are 14.97 steps an epoch; the last step of two is the 30th."""
    current = program(digits())
    assert current.per_epoch == 1437 / 96 and current.total == 30


def test_another_learning_rate():
    """`lr_factor` multiplies the whole schedule, and leaves the config as it is."""
    whole, half = (program(digits(), jax.devices()[2:4], factor) for factor in (1.0, 0.5))
    for step in (0, 10, 29):
        assert float(half.rate(step)) == pytest.approx(0.5 * float(whole.rate(step)))
    assert half.mesh == whole.mesh and half.config.optim.lr == whole.config.optim.lr


def test_a_batch_is_split_over_the_devices():
    """Shapes and shardings of what `Trainer.placed` makes."""
    batch = program(digits(), jax.devices()[:4]).empty_batch
    assert batch["image"].shape == (96, 8, 8, 3) and batch["image"].dtype == jnp.uint8
    shard = {k: x.sharding.shard_shape(x.shape) for k, x in batch.items()}
    assert shard == {"image": (24, 8, 8, 3), "label": (24,), "signal": (1,)}
