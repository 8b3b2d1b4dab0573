"""Tests mixup, CutMix, random erasing and binary cross-entropy against timm's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from inception_jax import config as cfg
from inception_jax.data.images import erase, mix
from inception_jax.train import losses

torch = pytest.importorskip("torch")
timm_mixup = pytest.importorskip("timm.data.mixup")
timm_erasing = pytest.importorskip("timm.data.random_erasing")
timm_loss = pytest.importorskip("timm.loss")

pytestmark = pytest.mark.peers

HEIGHT, WIDTH, CLASSES = 24, 16, 7
COUNT = 4000  # draws
# The two-sample Kolmogorov-Smirnov statistic is above 1.95 sqrt(2 / n) once in a thousand times.
BOUND = 1.95 * (2 / COUNT) ** 0.5


def section(alphas, per="batch", probability=1.0, switch=0.5):
    """Our section and timm's `Mixup` of the same values."""
    ours = cfg.augment(
        mixup=alphas[0], cutmix=alphas[1], mix_per=per, mix_probability=probability,
        switch_probability=switch,
    )  # fmt: skip
    theirs = timm_mixup.Mixup(
        *alphas, prob=probability, switch_prob=switch, mode={"image": "elem"}.get(per, per),
        label_smoothing=0.1, num_classes=CLASSES,
    )  # fmt: skip
    return ConfigDict(ours), theirs


def their_order(x):
    """A batch in which timm's partners, i and b - 1 - i, are ours, 2i and 2i + 1."""
    return np.concatenate([x[0::2], x[1::2][::-1]])


def our_order(x):
    """The reverse of `their_order`."""
    half = len(x) // 2
    return np.stack([x[:half], x[half:][::-1]], 1).reshape(x.shape)


def batch(count=12):
    """Random pixels [b, h, w, 3] and labels."""
    rng = np.random.default_rng(0)
    x = rng.random((count, HEIGHT, WIDTH, 3), np.float32)
    return x, rng.integers(0, CLASSES, count).astype(np.int32)


@pytest.mark.parametrize("per", ["batch", "image"])
def test_the_same_draws_give_the_same_images_and_targets(monkeypatch, per):
    """Given shares and boxes, also clipped ones: every bit of the images, and the targets."""
    x, y = batch()
    shares = np.array([0.3125, 0.8125, 1, 0, 0.5, 0.96875] * 2, np.float32)
    cuts = np.array([1, 0, 0, 1, 0, 1] * 2, bool)  # of a share of 1 there is no box
    corners = [(0, 5, 0, 9), (3, 3, 2, 8), (10, 24, 15, 16), (0, 24, 0, 16), (1, 7, 1, 7)]
    ours, theirs = section((0.2, 1.0), per)
    trials = (
        [(shares, cuts)]
        if per == "image"
        else list(zip(shares[:, None], cuts[:, None], strict=True))
    )
    for share, cut in trials:
        box = {float(s): corners[i % 5] for i, s in enumerate(share)}
        boxes = [np.array(e) for e in zip(*(box[float(s)] for s in share), strict=True)]
        monkeypatch.setattr(mix, "shares", lambda *_: (jnp.asarray(share), jnp.asarray(cut)))  # noqa: B023
        monkeypatch.setattr(mix, "boxes", lambda *_: tuple(map(jnp.asarray, boxes)))  # noqa: B023
        found, labels = mix.mix(
            jnp.asarray(x), jnp.asarray(y), jax.random.key(0), ours, jnp.float32
        )
        monkeypatch.setattr(
            timm_mixup,
            "rand_bbox",
            lambda shape, lam, count=None, **_: box[float(lam)],  # noqa: B023
        )
        drawn = (share.copy(), cut) if per == "batch" else tuple(map(their_order, (share, cut)))
        if per == "batch":
            theirs._params_per_batch = lambda: (float(share[0]), bool(cut[0]))  # noqa: B023
        else:
            theirs._params_per_elem = lambda _: tuple(d.copy() for d in drawn)  # noqa: B023
        images, targets = theirs(
            torch.tensor(their_order(x).transpose(0, 3, 1, 2)), torch.tensor(their_order(y))
        )
        np.testing.assert_array_equal(found, our_order(images.numpy().transpose(0, 2, 3, 1)))
        got = losses.targets(jnp.zeros((len(y), CLASSES)), labels, 0.1)
        np.testing.assert_allclose(got, our_order(targets.numpy()), atol=1e-7)


def statistics(x, shares):
    """Share, box and area of each image of a batch whose pixels are 0, its partner's 1.

    NaN where there is no box.
    """
    pasted = x == 1
    boxed = pasted.any((1, 2)) & ((x == 0) | pasted).all((1, 2))
    rows, columns = pasted.any(2), pasted.any(1)
    values = {
        "share": shares,
        "mixup": np.where(boxed, np.nan, shares),
        "top": rows.argmax(1), "left": columns.argmax(1),
        "height": rows.sum(1), "width": columns.sum(1), "area": pasted.sum((1, 2)),
    }  # fmt: skip
    return {k: v[~np.isnan(v)] if k in ("share", "mixup") else v[boxed] for k, v in values.items()}


def of_timm(theirs, per):
    """The statistics of `COUNT` draws of timm's `Mixup`."""
    np.random.seed(0)
    images, shares = [], []
    size = 2 if per == "batch" else 2 * COUNT
    first = torch.zeros(size, 3, HEIGHT, WIDTH)
    first[size // 2 :] = 1
    labels = torch.arange(size).div(size // 2, rounding_mode="floor")
    theirs.label_smoothing = 0.0
    for _ in range(COUNT if per == "batch" else 1):
        x, targets = theirs(first.clone(), labels)
        images.append(x[: size // 2, 0].numpy())
        shares.append(targets[: size // 2, 0].numpy())
    return statistics(np.concatenate(images), np.concatenate(shares))


def of_ours(ours, per):
    """The statistics of `COUNT` draws of ours."""
    size = 2 if per == "batch" else 2 * COUNT
    first = (jnp.arange(size) % 2).astype(jnp.float32)[:, None, None, None]
    first = jnp.broadcast_to(first, (size, HEIGHT, WIDTH, 1))

    def draw(key):
        x, labels = mix.mix(first, jnp.arange(size), key, ours, jnp.float32)
        return x[::2, ..., 0], labels.share[::2]

    keys = jax.random.split(jax.random.key(0), COUNT if per == "batch" else 1)
    x, shares = jax.device_get(jax.jit(jax.vmap(draw))(keys))
    return statistics(x.reshape(-1, HEIGHT, WIDTH), shares.reshape(-1))


def distance(a, b):
    """The Kolmogorov-Smirnov statistic of two samples, and its bound for their sizes."""
    values = np.unique(np.concatenate([a, b]))
    one, other = (np.searchsorted(np.sort(x), values, side="right") / len(x) for x in (a, b))
    return np.abs(one - other).max(), 1.95 * (1 / len(a) + 1 / len(b)) ** 0.5


def alike(ours, theirs):
    """Every statistic has the same distribution."""
    for name in theirs:
        assert (len(ours[name]) > 0) == (len(theirs[name]) > 0), name
        assert abs(len(ours[name]) - len(theirs[name])) < BOUND * COUNT, name
        if len(theirs[name]):
            apart, bound = distance(ours[name], theirs[name])
            assert apart < bound, (name, apart, bound)


@pytest.mark.parametrize("per", ["batch", "image"])
@pytest.mark.parametrize(
    "values",
    [((0.2, 0.0),), ((0.0, 1.0),), ((0.8, 1.0), 0.7, 0.3), ((0.1, 0.4), 0.5, 0.5)],
)
def test_draws_have_timms_distribution(per, values):
    """Shares, boxes' places, sides and areas; how often each is mixed at all, and by which."""
    alphas, probability, switch = (*values, 1.0, 0.5)[:3] if len(values) == 1 else values
    ours, theirs = section(alphas, per, probability, switch)
    alike(of_ours(ours, per), of_timm(theirs, per))


@pytest.mark.parametrize("probability", [0.25, 1.0])
def test_erasing_has_timms_distribution(probability):
    """How often, where, how large, and of which shape; of images that are not square."""
    torch.manual_seed(0)
    timm_erasing.random.seed(0)
    theirs = timm_erasing.RandomErasing(probability, device="cpu")
    x = theirs(torch.full((COUNT, 3, HEIGHT, WIDTH), 0.5)).numpy()[:, 0]
    ours = erase.erase(
        jnp.full((COUNT, HEIGHT, WIDTH, 3), 0.5), jax.random.key(0), probability, "const"
    )
    both = []
    for images in (np.asarray(ours)[..., 0], x):
        hit = images == 0
        values = statistics(hit.astype(np.float32), np.zeros(COUNT))
        high, wide = values["height"], values["width"]
        both.append({**values, "aspect": high / np.maximum(wide, 1)})
    alike(*both)


@pytest.mark.parametrize("fill", ["rand", "pixel"])
def test_fillings_have_timms_distribution(fill):
    """Normal colours, of a box or of each pixel."""
    torch.manual_seed(0)
    timm_erasing.random.seed(0)
    theirs = timm_erasing.RandomErasing(1.0, mode=fill, device="cpu")
    x = theirs(torch.full((COUNT, 3, HEIGHT, WIDTH), 9.0)).numpy().transpose(0, 2, 3, 1)
    ours = erase.erase(jnp.full((COUNT, HEIGHT, WIDTH, 3), 9.0), jax.random.key(0), 1.0, fill)
    samples = []
    for images in (np.asarray(ours), x):
        boxes = [i[i[..., 0] != 9] for i in images]
        colours = np.stack([b[0] for b in boxes if len(b)])
        spread = np.array([np.ptp(b, axis=0).max() for b in boxes if len(b) > 1])
        assert (spread == 0).all() if fill == "rand" else (spread > 0).all()
        samples.append(colours)
    for channel in range(3):
        apart, bound = distance(*(s[:, channel] for s in samples))
        assert apart < bound


@pytest.mark.parametrize("threshold", [0.0, 0.2])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_binary_cross_entropy(smoothing, threshold):
    """Of labels, and of the targets that `Mixup` gives: the mean over classes and images."""
    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(32, CLASSES)).astype(np.float32) * 3, rng.integers(0, CLASSES, 32)
    share = rng.random(32).astype(np.float32)
    theirs = timm_loss.BinaryCrossEntropy(smoothing, threshold or None)
    labels = jnp.asarray(y, jnp.int32)
    mixed = mix.MixedLabels(labels, mix.partner(labels), jnp.asarray(share))
    order = torch.tensor(their_order(y))
    targets = timm_mixup.mixup_target(
        order, CLASSES, torch.tensor(their_order(share))[:, None], smoothing
    )
    cases = [(labels, torch.tensor(y)), (mixed, torch.tensor(our_order(targets.numpy())))]
    for ours, wanted in cases:
        found = losses.binary_cross_entropy(jnp.asarray(logits), ours, smoothing, threshold).mean()
        np.testing.assert_allclose(found, theirs(torch.tensor(logits), wanted), rtol=1e-6)
        soft = losses.cross_entropy(jnp.asarray(logits), ours, smoothing).mean()
        if ours is mixed:
            want = timm_loss.SoftTargetCrossEntropy()(torch.tensor(logits), wanted)
        else:
            want = timm_loss.LabelSmoothingCrossEntropy(smoothing)(torch.tensor(logits), wanted)
        np.testing.assert_allclose(soft, want, rtol=1e-6)
