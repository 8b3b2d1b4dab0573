"""Tests FID, KID and Inception Score against pytorch-fid and torch-fidelity, on one network.

Its weights are random, but each BatchNorm's averages are those of photographs: features then differ
between images as those of a trained network do. With arbitrary averages all images are equal after
94 layers, FID is 1e-6, and the comparison would be of rounding errors.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from inception_jax.cli import pages
from inception_jax.eval import predict
from inception_jax.fid import compare, distances, image_set
from inception_jax.weights.import_weights import import_weights

# pytorch-fid calls scipy's sqrtm with a deprecated argument.
pytestmark = [pytest.mark.peers, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
COUNT = 64


@pytest.fixture(scope="module")
def folders(real_data, tmp_path_factory):
    """64 photographs, and 48 others with 16 of CIFAR-10's 32x32: all sizes, up and down."""
    root = tmp_path_factory.mktemp("photos")
    photos = sorted(Path(real_data, "imagenet").iterdir())
    small = sorted(Path(real_data, "cifar10", "test").rglob("*.jpg"))[:: 10_000 // 16][:16]
    sets = {"a": photos[:COUNT], "b": [*photos[COUNT : COUNT + 48], *small]}
    for name, files in sets.items():
        (root / name).mkdir()
        for i, file in enumerate(files):
            (root / name / f"{i:03d}.jpg").symlink_to(file.resolve())
    return root / "a", root / "b"


@pytest.fixture(scope="module")
def network(folders, tmp_path_factory):
    """(torch's network, the workdir of the same weights)."""
    import torch

    sys.path.insert(0, str(Path(__file__).parent))
    from photos import photos
    from write_torch import fid as graph
    from write_torch import randomise

    torch.manual_seed(0)
    model = graph()
    randomise(model)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the plain mean over batches
    model.dropout.p = 0.0
    model.fc.weight.data *= 10  # sharper than chance: scores above 1
    torch.nn.init.normal_(model.fc.bias)
    with torch.no_grad():
        model.train()(torch.from_numpy(photos(299, 16).transpose(0, 3, 1, 2).copy()))
    path = tmp_path_factory.mktemp("weights")
    torch.save(model.state_dict(), path / "fid.pth")
    import_weights("pytorch-fid:inception_v3", path / "fid.pth", path / "run")
    return model.eval(), path / "run"


@pytest.fixture(scope="module")
def ours(folders, network):
    """Our features of both folders, in batches of 24, which does not divide 64."""
    config = pages.of_run(str(network[1]))
    extractor = image_set.FeatureExtractor(predict.Predictor(config, network[1]))
    return [extractor.extract(f, *predict.image_files([f]), batch_size=24) for f in folders]


@pytest.fixture(scope="module")
def theirs(folders, network):
    """pytorch-fid's features [n, 2048] of both folders; a batch is one image, as sizes differ."""
    from pytorch_fid import fid_score, inception

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inception, "fid_inception_v3", lambda: network[0])
        model = inception.InceptionV3()
    return [
        fid_score.get_activations(sorted(folder.iterdir()), model, 1, num_workers=0)
        for folder in folders
    ]


def test_features(ours, theirs):
    """Features of every image to 1e-3 of the largest; images differ by far more."""
    for mine, want in zip(ours, theirs, strict=True):
        assert mine.features.shape == want.shape == (COUNT, 2048)
        assert want.std(axis=0).mean() > 0.05 * np.abs(want).mean()
        assert np.abs(mine.features - want).max() < 1e-3 * np.abs(want).max()


def test_distance(ours, theirs):
    """FID of two folders to 1e-4, against scipy's square root and torch-fidelity's eigenvalues."""
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import fid_statistics_to_metric

    found, _ = compare.fid_of(*ours)
    mu_and_sigma = [(x.mean(axis=0), np.cov(x, rowvar=False)) for x in theirs]
    want = calculate_frechet_distance(*mu_and_sigma[0], *mu_and_sigma[1])
    assert want > 1e-2 and found == pytest.approx(want, rel=1e-4)
    stats = [{"mu": mu, "sigma": sigma} for mu, sigma in mu_and_sigma]
    assert found == pytest.approx(*fid_statistics_to_metric(*stats, False).values(), rel=1e-4)


def test_kernel_distance_and_inception_score(ours, network):
    """On the same features and logits: torch-fidelity's numbers, and its logits without bias."""
    import torch
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    a, b = (torch.from_numpy(s.features) for s in ours)
    logits = a @ network[0].fc.weight.detach().T
    assert np.abs(ours[0].logits - logits.numpy()).max() < 1e-4 * logits.abs().max()
    size = {"kid_subsets": 20, "kid_subset_size": 50, "verbose": False}
    want = list(kid_features_to_metric(a, b, **size).values())
    found = list(distances.kernel_distances(a.numpy(), b.numpy(), 20, 50))
    assert [np.mean(found), np.std(found)] == pytest.approx(want, rel=1e-4)
    want = list(isc_features_to_metric(torch.from_numpy(ours[0].logits)).values())
    assert want[0] > 1.1 and distances.inception_score(ours[0].logits) == pytest.approx(
        want, rel=1e-6
    )
