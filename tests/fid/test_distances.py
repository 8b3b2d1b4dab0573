"""Tests the arithmetic of `inception_jax/fid/distances.py` against closed forms."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from inception_jax.fid import distances


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def gaussian(rng, c: int = 12) -> distances.Statistics:
    x = rng.normal(size=(c, c))
    return distances.Statistics(rng.normal(size=c), x @ x.T)


def test_statistics_are_numpys(rng, monkeypatch):
    """Mean and covariance in double precision, whatever the block and the features' dtype."""
    monkeypatch.setattr(distances, "BLOCK", 7)
    x = (1000 + rng.normal(size=(25, 4))).astype(np.float32)
    found = distances.statistics(x)
    want = x.astype(np.float64)
    np.testing.assert_allclose(found.mean, want.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(want, rowvar=False), rtol=1e-9)


def test_frechet_of_diagonal_gaussians(rng):
    """|a - b|^2 + sum of (sqrt variance_a - sqrt variance_b)^2."""
    means, variances = rng.normal(size=(2, 9)), rng.uniform(0, 4, (2, 9))
    a, b = (distances.Statistics(m, np.diag(v)) for m, v in zip(means, variances, strict=True))
    want = (
        np.square(means[0] - means[1]).sum()
        + np.square(np.sqrt(variances[0] / variances[1]) - 1) @ variances[1]
    )
    assert distances.frechet_distance(a, b) == pytest.approx(want, rel=1e-12)


def test_frechet_is_what_a_matrix_square_root_gives(rng):
    """scipy's sqrtm of the product, as pytorch-fid has it; and both ways round alike."""
    a, b = gaussian(rng), gaussian(rng)
    root = np.trace(sqrtm(a.covariance @ b.covariance)).real
    want = np.square(a.mean - b.mean).sum() + np.trace(a.covariance + b.covariance) - 2 * root
    assert distances.frechet_distance(a, b) == pytest.approx(want, rel=1e-9)
    assert distances.frechet_distance(b, a) == pytest.approx(want, rel=1e-9)


def test_frechet_of_a_set_with_itself(rng):
    """0 within 1e-6 of the trace, for a full covariance, a singular one, and none at all."""
    sets = [rng.normal(size=shape) * 100 for shape in ((200, 30), (10, 30))]
    for x in (*sets, np.ones((5, 30))):
        s = distances.statistics(x)
        assert distances.frechet_distance(s, s) <= 1e-6 * np.trace(s.covariance)
    assert distances.frechet_distance(s, distances.statistics(sets[0])) > 100


def test_frechet_of_few_images_is_exact(rng):
    """Singular covariances whose square root is known: two sets on lines at a known angle."""
    t, angle = rng.normal(size=20), 0.3
    lines = np.array([[1.0, 0, 0, 0], [np.cos(angle), np.sin(angle), 0, 0]])
    a, b = (distances.statistics(np.outer(t, line)) for line in lines)
    want = np.square(t.mean() * (lines[0] - lines[1])).sum() + 2 * t.var(ddof=1) * (
        1 - np.cos(angle)
    )
    assert distances.frechet_distance(a, b) == pytest.approx(want, rel=1e-12)


def test_kernel_distance_is_unbiased(rng):
    """Around 0 for two halves of a set, within 4 standard errors; far above for a shifted one."""
    x = rng.normal(size=(600, 8))
    found = [v for i in range(30) for v in distances.kernel_distances(*halves(x, i), 1, 50, seed=i)]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 4 * error
    shifted = list(distances.kernel_distances(x, x + 1, 5, 50))
    assert min(shifted) > 10 * np.std(found)


def halves(x, seed):
    order = np.random.default_rng(seed).permutation(len(x))
    return x[order[::2]], x[order[1::2]]


def test_kernel_distance_by_the_definition(rng):
    """The sums of the paper's equation 4, written out, for subsets that are the whole sets."""
    x, y = rng.normal(size=(2, 5, 3))
    k = lambda p, q: (p @ q / 3 + 1) ** 3  # noqa: E731
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    within = sum(k(x[i], x[j]) + k(y[i], y[j]) for i, j in pairs) / 20
    across = sum(k(p, q) for p in x for q in y) / 25
    assert list(distances.kernel_distances(x, y, 1, 5)) == pytest.approx([within - 2 * across])


def test_inception_score_of_extremes():
    """1 where every image says the same, the number of classes where they are sure and balanced."""
    assert distances.inception_score(np.zeros((40, 7))) == pytest.approx((1, 0))
    sure = 1e4 * np.eye(5)[np.arange(50) % 5]
    assert distances.inception_score(sure, splits=1) == pytest.approx((5, 0))


def test_inception_score_counts_every_image():
    """Parts of unequal size hold each image once: 3 parts of 7 images, scored one by one."""
    logits = np.random.default_rng(1).normal(size=(7, 4)) * 3
    order = np.random.RandomState(distances.SEED).permutation(7)
    scores = [distances.inception_score(logits[part], splits=1)[0]
              for part in (order[:2], order[2:4], order[4:])]  # fmt: skip
    want = np.mean(scores), np.std(scores)
    assert distances.inception_score(logits, splits=3) == pytest.approx(want)
