"""A peer's weight file and a small run, for the tests of `weights`."""

import json

import jax
import numpy as np
import pytest

from inception_jax import checkpoint, models, weights
from inception_jax.weights.import_weights import import_weights, run_config
from inception_jax.workdir import run_dir
from tests.tiny import Tiny


def peer_network(peer, **fields):
    """The peer's network as ours, with its auxiliary heads if it has any."""
    fields = {"num_classes": 10, "aux": bool(peer.head), **fields}
    return models.create(peer.model, dialect=peer.dialect, **fields)


@pytest.fixture(scope="session")
def file(tmp_path_factory):
    """A GoogLeNet of 7 classes as torchvision saves it, without heads, and our variables."""
    from safetensors.numpy import save_file

    peer = weights.find("torchvision:googlenet")
    model = peer_network(peer, num_classes=7, aux=False)
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(lambda: models.init(model))
    variables = jax.tree.map(
        lambda s: np.abs(rng.normal(0, 0.05, s.shape)).astype(np.float32), shapes
    )
    path = tmp_path_factory.mktemp("weights") / "googlenet.safetensors"
    save_file(weights.export_arrays(model, peer, variables), path)
    return path, variables


@pytest.fixture(scope="session")
def imported(file, tmp_path_factory):
    """`file` as a run directory."""
    out = tmp_path_factory.mktemp("run") / "imported"
    import_weights("torchvision:googlenet", file[0], out)
    return out


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory):
    """(directory, config) of a run of `Tiny`: 8 x 8 pixels, 5 classes."""
    workdir = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(models.MODELS, "tiny", Tiny)
        model = models.create("tiny", num_classes=5)
        checkpoint.write(workdir, models.init(model))
        config = run_config(model)
        config.update_from_flattened_dict({"model.stem": "small"})
        (workdir / "config.json").write_text(json.dumps(run_dir.plain(config)))
        yield workdir, config
