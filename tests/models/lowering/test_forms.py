"""Tests `inception_jax/models/lowering/forms.py`: every form is the network as drawn."""

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from inception_jax.models.lowering import forms
from tests.models.lowering.gradients import example, farthest, gradient
from tests.models.small import with_rows

pytestmark = pytest.mark.usefixtures("quick_compiler")

# Modules of each kind in which a form does something, and the stem's convolutions and pool.
CASES = [
    ("inception_v3", "slim", ["conv_1a", "pool_3a", "mixed_5b"]),
    ("bn_inception", "cadene", ["conv1", "pool1", "inception_3a"]),  # biases, gammas
    ("inception_v4", "slim", ["conv_1a", "mixed_3a", "mixed_4a"]),  # deferred into a module
    ("inception_v3", "slim", ["conv_1a", "conv_2b", "pool_3a", "mixed_6a", "mixed_6e", "mixed_7b"]),
    ("googlenet", "paper", ["conv1", "pool1", "norm1", "inception_3a", "inception_5a"]),
    ("inception_resnet_v2", "slim", ["conv_1a", "pool_3a", "mixed_5b", "mixed_6a", "block8_last"]),
    ("xception", "keras", ["conv_1", "conv_2", "block_1", "block_3", "block_4", "conv_3"]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dialect", "rows"), CASES)
def test_every_form_is_the_network_as_drawn(name, dialect, rows):
    """Outputs, statistics and gradients do not depend on the form: in float64 to 1e-9."""
    with jax.enable_x64(True):
        network = example(with_rows(name, dialect, rows))
        with forms.without(*forms.FORMS):
            want = gradient(*network)
        for platform in ("cpu", "gpu"):
            with forms.for_platform(platform):
                assert farthest(gradient(*network), want) < 1e-9


def test_forms_are_switched_off_inside_the_block_only():
    """`without` nests, restores what was there, and refuses an unknown form."""
    with forms.without("siblings"):
        with forms.without("deferred"):
            assert not forms.on("siblings") and not forms.on("deferred")
        assert forms.on("deferred") and not forms.on("siblings")
    with forms.for_platform("gpu"):
        assert all(map(forms.on, forms.FORMS))
    with pytest.raises(KeyError, match="sibling"), forms.without("sibling"):
        pass


def test_forms_of_gpus_are_for_gpus():
    """Off elsewhere, on a mesh of other devices too; `without` holds on a mesh of GPUs."""
    assert not any(map(forms.on, forms.ON_GPUS))
    with forms.for_platform("gpu"):
        with forms.for_mesh(Mesh(np.array(jax.devices()[:1]), "data")):
            assert not any(map(forms.on, forms.ON_GPUS))
        with forms.without("places"):
            assert not forms.on("places") and forms.on("blocks")


def test_no_loop_over_images_on_several_devices():
    """`by_image` is off for a batch that several devices share."""
    devices = np.array(jax.devices()[:2])
    with forms.for_mesh(Mesh(devices, "data")):
        assert not forms.on("by_image")
    for mesh, whole in ((Mesh(devices[:1], "data"), True), (Mesh(devices, "data"), False)):
        with forms.for_mesh(mesh, whole):
            assert forms.on("by_image")
