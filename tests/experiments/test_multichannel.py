"""Tests `experiments/multichannel` and its page: the set, and a run from statistics to ONNX."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.multichannel import make
from inception_jax import checkpoint
from inception_jax.cli import pages
from inception_jax.data import statistics
from inception_jax.data.images.picture import Picture
from inception_jax.data.sources.open import open_source
from inception_jax.errors import PreemptedError
from inception_jax.eval.predict import Predictor
from inception_jax.models import preprocess
from inception_jax.train import run
from inception_jax.weights.export_graph import export_graph
from inception_jax.workdir import run_dir
from tests.train.test_run import lines, signal_after_save, weights


def config(root, **more):
    """The page's config, for a set of a few images and a run of seconds."""
    c = pages.load("configs/multichannel.py:epochs=2,width=0.125,image=64")
    c.data.dir = str(root)
    c.update_from_flattened_dict({"log.tensorboard": False, "train.watchdog": 0.0, **more})
    return c


@pytest.fixture
def pileups(tmp_path, monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    monkeypatch.setattr(make, "COUNTS", {"train": 25, "test": 4})
    make.write(tmp_path / "set")
    return tmp_path / "set"


def test_the_set(pileups):
    """DeepVariant's shape; a file is a function of its number; supporting reads tell classes."""
    paths = sorted(pileups.rglob("*.npy"))
    assert len(paths) == 3 * 29
    image = np.load(pileups / "train/het/0003.npy")
    assert image.shape == (100, 221, 6) and image.dtype == np.uint8
    np.testing.assert_array_equal(image, make.pileup(1, np.random.default_rng([0, 1, 3])))
    shares = {}
    for path in paths:
        column = np.load(path)[make.REFERENCE_ROWS :, 110, 4]
        shares.setdefault(path.parent.name, []).append((column == 254).sum() / (column > 0).sum())
    assert max(shares["hom_ref"]) == 0 and min(shares["hom_alt"]) == 1
    assert 0.3 < np.mean(shares["het"]) < 0.7


def test_a_run_keeps_the_statistics_that_it_computed(pileups, tmp_path, monkeypatch):
    """They are of all training pixels, saved, and taken again; others are refused."""
    workdir, c = tmp_path / "run", config(pileups)
    found = run._with_statistics(c, workdir).model
    assert not c.model.mean
    flat = np.concatenate([np.load(p) for p in (pileups / "train").rglob("*.npy")]).reshape(-1, 6)
    np.testing.assert_allclose(found.mean, flat.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.std, flat.std(axis=0), rtol=1e-5)
    with run_dir.opened(workdir, run._with_statistics(c, workdir), False):
        pass
    monkeypatch.setattr(statistics, "of_training", lambda _: pytest.fail("it is computed again"))
    again = run._with_statistics(c, workdir)
    assert (again.model.mean, again.model.std) == (found.mean, found.std)
    run_dir.check(workdir, c, False)
    c.model.mean = c.model.std = (1.0,) * 6
    with pytest.raises(run_dir.ConfigError, match=r"model\.mean"):
        run_dir.check(workdir, c, False)


@pytest.mark.slow
def test_a_run_resumes_bit_identically_and_exports(pileups, tmp_path, promotion):
    """Stopped after an evaluation and resumed; its graph in onnxruntime has the same logits."""
    import onnxruntime

    c = config(pileups, **{"mesh.data": 1, "checkpoint.every_epochs": 0.5})
    run.run(c, tmp_path / "whole")
    stopped = tmp_path / "stopped"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(PreemptedError):
        signal_after_save(patch, 2)
        run.run(c, stopped)
    run.run(c, stopped)
    assert lines(stopped) == lines(tmp_path / "whole")
    assert weights(stopped) == weights(tmp_path / "whole")

    saved = pages.of_run(str(stopped))
    source = open_source(saved.data, "test")
    predictor = Predictor(saved, stopped)
    images = np.stack([predictor.centre(Picture(source.stored(i))) for i in range(5)])
    variables = jax.tree.map(jnp.asarray, predictor.variables)
    expected = np.asarray(preprocess.predict(predictor.model, variables, images))
    export_graph("onnx", saved, stopped, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    (found,) = session.run(None, {"images": images})
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    about = json.loads((tmp_path / "net.onnx.json").read_text())
    assert about["input"] == "uint8 [b, 64, 64, 6]"
    assert checkpoint.load(stopped)[1]["params"]["conv1"]["kernel"].shape[2] == 6
