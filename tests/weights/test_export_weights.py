"""Tests `export_weights`: import, then export to the same peer, is the identity."""

import numpy as np
import pytest

from inception_jax.cli import pages
from inception_jax.errors import ConfigError
from inception_jax.weights.export_weights import export_weights


def test_the_exported_file_is_the_imported_one(file, imported, tmp_path):
    """Every name and every bit."""
    from safetensors.numpy import load_file

    config = pages.of_run(str(imported))
    out = tmp_path / "new" / "exported.safetensors"
    count = export_weights("torchvision:googlenet", config, imported, out)
    before, after = load_file(file[0]), load_file(out)
    assert before.keys() == after.keys() and count == len(after)
    assert all(np.array_equal(before[k], after[k]) for k in before)


@pytest.mark.parametrize("name", ["timm:inception_v4", "slim:inception_v1"])
def test_a_run_of_another_network_is_refused(imported, tmp_path, name):
    """The peer must have the run's network and dialect; no file is written."""
    config = pages.of_run(str(imported))
    message = f"--to={name}: expected a run of .*, got googlenet torchvision in"
    with pytest.raises(ConfigError, match=message):
        export_weights(name, config, imported, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
