"""Tests of RandAugment and TrivialAugment beside timm and torchvision."""

import random
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from inception_jax import config
from inception_jax.data.images import operations, policy
from inception_jax.data.order import Stream

torch = pytest.importorskip("torch")
auto_augment = pytest.importorskip("timm.data.auto_augment")
autoaugment = pytest.importorskip("torchvision.transforms.autoaugment")

pytestmark = [pytest.mark.peers, pytest.mark.data]

COUNT, HEIGHT, WIDTH = 10_000, 160, 224
# timm's and torchvision's names of ours.
TIMM = {
    "AutoContrast": "autocontrast", "Equalize": "equalize", "Invert": "invert", "Rotate": "rotate",
    "PosterizeIncreasing": "posterize", "SolarizeIncreasing": "solarize",
    "SolarizeAdd": "solarize_add", "ColorIncreasing": "color", "ContrastIncreasing": "contrast",
    "BrightnessIncreasing": "brightness", "SharpnessIncreasing": "sharpness", "ShearX": "shear_x",
    "ShearY": "shear_y", "TranslateXRel": "translate_x", "TranslateYRel": "translate_y",
}  # fmt: skip
TORCHVISION = {
    "ShearX": "shear_x", "ShearY": "shear_y", "TranslateX": "translate_x",
    "TranslateY": "translate_y", "Rotate": "rotate", "Brightness": "brightness", "Color": "color",
    "Contrast": "contrast", "Sharpness": "sharpness", "Posterize": "posterize",
    "Solarize": "solarize", "AutoContrast": "autocontrast", "Equalize": "equalize",
}  # fmt: skip
# What torchvision's magnitude is for an operation of ours.
ARGUMENT = {
    **dict.fromkeys(("translate_x", "translate_y"), lambda m: -int(m)),
    **dict.fromkeys(("brightness", "color", "contrast", "sharpness"), lambda m: 1.0 + m),
    "posterize": int,
}


def build(**changes):
    return policy.Policy(SimpleNamespace(**config.augment(**changes)))


def ours(found):
    """The operations of `COUNT` images, by image: name, amount and resample."""
    rng = Stream(11)
    return [[tuple(s) for s in found.drawn(rng.at(i), HEIGHT, WIDTH)] for i in range(COUNT)]


def timms(text):
    """What timm applies to `COUNT` images."""
    found = auto_augment.rand_augment_transform(text)
    image, steps = Image.new("RGB", (WIDTH, HEIGHT)), []
    names = {v: k for k, v in operations.RESAMPLES.items()}

    def recorder(name):
        def record(image, *args, **kwargs):
            assert kwargs["fillcolor"] == (128, 128, 128)
            amount = args[0] if args else 0.0
            if name.startswith("translate"):
                amount *= image.size[name.endswith("y")]
            choice = random.choice(kwargs["resample"]) if name in operations.GEOMETRY else None
            steps[-1].append((name, amount, names.get(choice, "")))
            return image

        return record

    for op in found.ops:
        op.aug_fn = recorder(TIMM[op.name])
    np.random.seed(0)
    random.seed(0)
    for _ in range(COUNT):
        steps.append([])
        found(image)
    return steps


def torchvisions(transform, monkeypatch):
    """What torchvision applies to `COUNT` images."""
    image, steps = torch.zeros((3, HEIGHT, WIDTH), dtype=torch.uint8), []

    def record(image, name, magnitude, interpolation, fill):
        assert interpolation.value == "nearest" and fill is None
        if name != "Identity":
            name = TORCHVISION[name]
            amount = ARGUMENT.get(name, float)(magnitude)
            steps[-1].append((name, amount, "nearest" if name in operations.GEOMETRY else ""))
        return image

    monkeypatch.setattr(autoaugment, "_apply_op", record)
    torch.manual_seed(0)
    for _ in range(COUNT):
        steps.append([])
        transform(image)
    return steps


def torchvisions_space(name, size):
    """Its magnitudes, and whether they have signs, by its name of the operation."""
    if name == "randaugment":
        return autoaugment.RandAugment()._augmentation_space(31, (size, size))
    return autoaugment.TrivialAugmentWide()._augmentation_space(31)


def strengths(steps):
    """The signed strengths of an image's operations that have one, as shares of timm's largest."""
    middle = dict.fromkeys(("color", "contrast", "brightness", "sharpness"), 1.0)
    most = dict.fromkeys(middle, 0.9) | {"rotate": 30.0, "shear_x": 0.3, "shear_y": 0.3}
    return [(s[1] - middle.get(s[0], 0.0)) / most[s[0]] for s in steps if s[0] in most]


# What two samples of images have in common, by image: of one operation, and of two together.
KEYS = (
    len,
    lambda steps: steps[0][0] if steps else "",
    lambda steps: next(((s[0], s[2]) for s in steps if s[2]), ""),
    lambda steps: len({s[0] for s in steps}) < len(steps),  # an operation twice
    lambda steps: tuple(s[2] for s in steps if s[2])[:2],
    lambda steps: tuple(np.sign(strengths(steps))[:2]),
)


def alike(found, wanted):
    """Both have the same numbers of operations, first ones, first geometric ones, and amounts;
    two operations of an image are independent in both."""
    for key in KEYS:
        counts = defaultdict(lambda: [0, 0])
        for i, sample in enumerate((found, wanted)):
            for steps in sample:
                counts[key(steps)][i] += 1
        assert stats.chi2_contingency(list(counts.values())).pvalue > 1e-4, dict(counts)
    for sample in (found, wanted):
        pairs = np.abs([s[:2] for s in map(strengths, sample) if len(s) > 1])
        if len(pairs) and np.ptp(pairs.round(9)):  # of one strength there is no correlation
            assert abs(np.corrcoef(pairs.T)[0, 1]) < 4 / len(pairs) ** 0.5
    amounts = defaultdict(lambda: ([], []))
    for i, sample in enumerate((found, wanted)):
        for name, amount, _ in (step for steps in sample for step in steps):
            amounts[name][i].append(round(float(amount), 4))
    for name, pair in amounts.items():
        assert stats.ks_2samp(*pair).pvalue > 1e-4, name
        if len(set(pair[1])) < 10:  # of a few values: the same
            assert set(pair[0]) == set(pair[1]), name


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("rand-m7-mstd0.5-inc1", {"magnitude": 7.0, "magnitude_std": 0.5}),
        ("rand-m9-n3-inc1", {"num_ops": 3}),
        ("rand-m9-mstd3-inc1", {"magnitude_std": 3.0}),
        ("rand-m6-mstd101-inc1", {"magnitude": 6.0, "magnitude_std": 101.0}),
        ("rand-m10-n1-p1-mstd101-inc1", {"policy": "trivialaugment"}),
    ],
)
def test_timms_draws(text, changes):
    """Operations, amounts, signs and interpolations have timm's distribution."""
    alike(ours(build(**{"policy": "randaugment"} | changes)), timms(text))


@pytest.mark.parametrize(
    ("transform", "changes"),
    [
        (autoaugment.RandAugment(), {"policy": "randaugment"}),
        (
            autoaugment.RandAugment(3, 14),
            {"policy": "randaugment", "num_ops": 3, "magnitude": 14.0},
        ),
        (autoaugment.TrivialAugmentWide(), {"policy": "trivialaugment"}),
    ],
)
def test_torchvisions_draws(transform, changes, monkeypatch):
    """Operations, amounts and signs have torchvision's distribution."""
    found = ours(build(operations="torchvision", **changes))
    alike(found, torchvisions(transform, monkeypatch))


@pytest.mark.parametrize("size", [32, 160, 224, 299, 331])
@pytest.mark.parametrize("name", policy.TORCHVISION)
def test_torchvisions_amounts(name, size):
    """All 31 strengths of all operations."""
    space = torchvisions_space(name, size)
    assert len(space) == len(policy.TORCHVISION[name])
    for theirs, mine in TORCHVISION.items():
        magnitudes, signed = space[theirs]
        for k in range(31 if magnitudes.ndim else 0):
            for sign in (-1, 1) if signed else (1,):
                wanted = ARGUMENT.get(mine, float)(sign * float(magnitudes[k]))
                found = policy.TORCHVISION[name][mine](k / 30, sign, size)
                assert found == wanted, (mine, k)


@pytest.fixture(scope="module")
def images(real_data):
    """Four photographs at 224 pixels."""
    paths = sorted((real_data / "imagenet").glob("*.JPEG"))[::125]
    return [Image.open(p).convert("RGB").resize((224, 224), 3) for p in paths]


@pytest.mark.parametrize("name", TIMM)
def test_timms_pixels(name, images):
    """What timm's operation makes of a photograph; geometry to one level, in few values."""
    above, values = 0, 0
    for level in (0.0, 2.2, 7.0, 9.9):
        args = auto_augment.LEVEL_TO_ARG[name]
        args = args(level, {}) if args else ()
        for image in images:
            for how in ("bilinear", "bicubic") if TIMM[name] in operations.GEOMETRY else ("",):
                options = {"fillcolor": (128,) * 3, "resample": operations.RESAMPLES.get(how)}
                wanted = np.asarray(auto_augment.NAME_TO_OP[name](image, *args, **options))
                amount = (args or (0.0,))[0] * (224 if name.startswith("Translate") else 1)
                if how:
                    found = operations.GEOMETRY[TIMM[name]](np.asarray(image), amount, how, 128)
                else:
                    found = operations.COLOURS[TIMM[name]](np.asarray(image), amount)
                difference = found.astype(int) - wanted
                assert set(np.unique(difference)) <= ({0, 1} if how else {0})
                above, values = above + difference.sum(), values + difference.size
    assert above / values < 2e-3


@pytest.mark.parametrize("policy_name", policy.TORCHVISION)
@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_pixels(name, policy_name, images):
    """What torchvision makes of a photograph: the same."""
    magnitudes, signed = torchvisions_space(policy_name, 224)[name]
    mine = TORCHVISION[name]
    nearest = autoaugment.InterpolationMode.NEAREST
    for k in (1, 9, 17, 30) if magnitudes.ndim else (0,):
        for sign in (-1, 1) if signed else (1,):
            magnitude = sign * float(magnitudes[k]) if magnitudes.ndim else 0.0
            amount = policy.TORCHVISION[policy_name][mine](k / 30, sign, 224)
            for image in images:
                wanted = np.asarray(autoaugment._apply_op(image, name, magnitude, nearest, None))
                if mine in operations.GEOMETRY:
                    found = operations.GEOMETRY[mine](np.asarray(image), amount, "nearest", 0)
                else:
                    found = operations.COLOURS[mine](np.asarray(image), amount)
                np.testing.assert_array_equal(found, wanted)


def replayed(steps, image, apply):
    """`apply` (image, name, amount, resample) of each operation, and how exact ours is of it.

    The levels by which ours may differ: 0, 1, or None where a step follows one that may.
    """
    levels = 0
    for name, amount, resample in steps:
        levels = None if levels != 0 else int(resample not in ("", "nearest") and name != "rotate")
        image = apply(image, name, amount, resample)
    return np.asarray(image, int), levels


@pytest.mark.parametrize(
    "changes",
    [{"magnitude": 7.0, "magnitude_std": 0.5}, {"num_ops": 1}, {"policy": "trivialaugment"}],
)
def test_timms_images(changes, images):
    """What a policy makes of a photograph is what timm makes of it by the operations drawn."""

    def apply(image, name, amount, resample):
        theirs = next(k for k, v in TIMM.items() if v == name).removesuffix("Rel")
        args = () if name in ("autocontrast", "equalize", "invert") else (amount,)
        options = {"fillcolor": (128,) * 3, "resample": operations.RESAMPLES.get(resample)}
        return auto_augment.NAME_TO_OP[theirs](image, *args, **options)

    found, rng, compared = build(**{"policy": "randaugment"} | changes), Stream(3), [0, 0]
    for i in range(200):
        image = images[i % len(images)]
        wanted, levels = replayed(found.drawn(rng.at(i), 224, 224), image, apply)
        if levels is not None:
            difference = found(rng.at(i), np.asarray(image)) - wanted
            assert difference.min() >= 0 and difference.max() <= levels, i
            compared[levels] += 1
    assert min(compared) > 15


@pytest.mark.parametrize("policy_name", policy.TORCHVISION)
def test_torchvisions_images(policy_name, images):
    """What a policy makes of a photograph is what torchvision makes of it: the same."""

    def apply(image, name, amount, resample):
        theirs = next(k for k, v in TORCHVISION.items() if v == name)
        shift = 1.0 if name in ("brightness", "color", "contrast", "sharpness") else 0.0
        magnitude = -amount if name.startswith("translate") else amount - shift
        nearest = autoaugment.InterpolationMode.NEAREST
        assert resample in ("", "nearest")
        return autoaugment._apply_op(image, theirs, magnitude, nearest, None)

    found, rng = build(policy=policy_name, operations="torchvision"), Stream(3)
    for i in range(200):
        image = images[i % len(images)]
        wanted, _ = replayed(found.drawn(rng.at(i), 224, 224), image, apply)
        np.testing.assert_array_equal(found(rng.at(i), np.asarray(image)), wanted)
