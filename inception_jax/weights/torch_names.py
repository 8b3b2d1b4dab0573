"""Names of our layers in torch's networks: torchvision, timm, Cadene, facenet, FID."""

from collections.abc import Iterable, Mapping

from inception_jax.weights.layouts import LayerNames, Names, dense


def unit(prefix: str) -> LayerNames:
    """A BasicConv2d, or timm's ConvNormAct."""
    return LayerNames(f"{prefix}.conv", f"{prefix}.bn")


def under(prefix: str, names: str) -> list[LayerNames]:
    """Several units: `under("Mixed_5b", "branch1x1 branch5x5_1")`."""
    return [unit(f"{prefix}.{name}") for name in names.split()]


def googlenet() -> Names:
    """Torchvision's GoogLeNet."""
    branches = "branch1 branch2.0 branch2.1 branch3.0 branch3.1 branch4.1"
    blocks = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
    return {
        "conv1": [unit("conv1")],
        "conv2_reduce": [unit("conv2")],
        "conv2": [unit("conv3")],
        **{f"inception_{b}": under(f"inception{b}", branches) for b in blocks},
        "logits": dense("fc"),
        "aux_inception_4a": [unit("aux1.conv"), *dense("aux1.fc1"), *dense("aux1.fc2")],
        "aux_inception_4d": [unit("aux2.conv"), *dense("aux2.fc1"), *dense("aux2.fc2")],
    }


def inception_v3() -> Names:
    """Torchvision's Inception3; timm's and pytorch-fid's have the same names."""
    doubled = "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3"
    seven = "branch7x7_1 branch7x7_2 branch7x7_3 " + " ".join(f"branch7x7dbl_{i}" for i in "12345")
    forks = "branch3x3_1 branch3x3_2a branch3x3_2b"
    forks += " branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3a branch3x3dbl_3b"
    kinds = {
        "5bcd": f"branch1x1 branch5x5_1 branch5x5_2 {doubled} branch_pool",
        "6a": f"branch3x3 {doubled}",
        "6bcde": f"branch1x1 {seven} branch_pool",
        "7a": "branch3x3_1 branch3x3_2 " + " ".join(f"branch7x7x3_{i}" for i in "1234"),
        "7bc": f"branch1x1 {forks} branch_pool",
    }
    stem = {"1a": "3x3", "2a": "3x3", "2b": "3x3", "3b": "1x1", "4a": "3x3"}
    names = {
        **{f"conv_{k}": [unit(f"Conv2d_{k}_{size}")] for k, size in stem.items()},
        "logits": dense("fc"),
        "aux_mixed_6e": [unit("AuxLogits.conv0"), unit("AuxLogits.conv1"), *dense("AuxLogits.fc")],
    }
    for (stage, *letters), branches in kinds.items():
        for letter in letters:
            names[f"mixed_{stage}{letter}"] = under(f"Mixed_{stage}{letter}", branches)
    return names


def inception_v4() -> Names:
    """Timm's and Cadene's InceptionV4: rows are numbered."""
    forks = "branch1_0 branch1_1a branch1_1b branch2_0 branch2_1 branch2_2 branch2_3a branch2_3b"
    a = "branch0 branch1.0 branch1.1 branch2.0 branch2.1 branch2.2 branch3.1"
    b = "branch0 branch1.0 branch1.1 branch1.2 " + _numbered("branch2", 5) + " branch3.1"
    rows = [
        ("conv_1a", ""), ("conv_2a", ""), ("conv_2b", ""), ("mixed_3a", "conv"),
        ("mixed_4a", f"{_numbered('branch0', 2)} {_numbered('branch1', 4)}"), ("mixed_5a", "conv"),
        *((f"mixed_5{i}", a) for i in "bcde"),
        ("mixed_6a", f"branch0 {_numbered('branch1', 3)}"),
        *((f"mixed_6{i}", b) for i in "bcdefgh"),
        ("mixed_7a", f"{_numbered('branch0', 2)} {_numbered('branch1', 4)}"),
        *((f"mixed_7{i}", f"branch0 {forks} branch3.1") for i in "bcd"),
    ]  # fmt: skip
    names = {}
    for i, (row, branches) in enumerate(rows):
        prefix = f"features.{i}"
        names[row] = under(prefix, branches) if branches else [unit(prefix)]
    return {**names, "logits": dense("last_linear")}


def _numbered(prefix: str, count: int) -> str:
    return " ".join(f"{prefix}.{i}" for i in range(count))


def _residual(prefix: str, counts: Iterable[int]) -> list[LayerNames]:
    """A residual block: branches of `counts` units, then the 1x1 with bias."""
    branches = [
        f"branch{i}" if n == 1 else _numbered(f"branch{i}", n) for i, n in enumerate(counts)
    ]
    return [*under(prefix, " ".join(branches)), LayerNames(f"{prefix}.conv2d")]


def _inception_resnet(stem: str, repeats: Mapping[str, int]) -> Names:
    """The rows that both versions have; `repeats`: names and lengths of their three stages."""
    stages = zip(
        ("block35", "block17", "block8"), ((1, 2, 3), (1, 3), (1, 3)), repeats, strict=True
    )
    reduction_b = f"{_numbered('branch0', 2)} {_numbered('branch1', 2)} {_numbered('branch2', 3)}"
    return {
        **{f"conv_{i}": [unit(f"conv2d_{i}")] for i in stem.split()},
        **{
            row: [p for i in range(repeats[name]) for p in _residual(f"{name}.{i}", counts)]
            for row, counts, name in stages
        },
        "mixed_6a": under("mixed_6a", f"branch0 {_numbered('branch1', 3)}"),
        "mixed_7a": under("mixed_7a", reduction_b),
        "block8_last": _residual("block8", (1, 3)),
    }


def inception_resnet_v2() -> Names:
    """Timm's InceptionResnetV2."""
    first = "branch0 branch1.0 branch1.1 branch2.0 branch2.1 branch2.2 branch3.1"
    return {
        **_inception_resnet("1a 2a 2b 3b 4a", {"repeat": 10, "repeat_1": 20, "repeat_2": 9}),
        "mixed_5b": under("mixed_5b", first),
        "conv_7b": [unit("conv2d_7b")],
        "logits": dense("classif"),
    }


def inception_resnet_v1() -> Names:
    """facenet-pytorch's InceptionResnetV1."""
    return {
        **_inception_resnet("1a 2a 2b 3b 4a 4b", {"repeat_1": 5, "repeat_2": 10, "repeat_3": 5}),
        "embedding": dense("last_linear"),
        "bn": [LayerNames("last_bn", kind="norm")],
        "logits": dense("logits"),
    }


def xception() -> Names:
    """Timm's legacy_xception and Cadene's: two layers of a Sequential are one unit of ours."""

    def separable(conv: str, norm: str) -> list[LayerNames]:
        return [
            LayerNames(f"{conv}.conv1", kind="depthwise"),
            LayerNames(f"{conv}.pointwise", norm),
        ]

    def block(number: int, at: tuple[int, ...], skip: bool) -> list[LayerNames]:
        rep = f"block{number}.rep"
        places = [p for i in at for p in separable(f"{rep}.{i}", f"{rep}.{i + 1}")]
        own = [LayerNames(f"block{number}.skip", f"block{number}.skipbn")] if skip else []
        return [*own, *places]

    return {
        "conv_1": [LayerNames("conv1", "bn1")],
        "conv_2": [LayerNames("conv2", "bn2")],
        "block_1": block(1, (0, 3), skip=True),
        **{f"block_{i}": block(i, (1, 4), skip=True) for i in (2, 3, 12)},
        **{f"block_{i}": block(i, (1, 4, 7), skip=False) for i in range(4, 12)},
        "conv_3": separable("conv3", "bn3"),
        "conv_4": separable("conv4", "bn4"),
        "logits": dense("fc"),
    }


def bn_inception() -> Names:
    """Cadene's BNInception, named as in Caffe."""

    def own(name: str) -> LayerNames:
        return LayerNames(name, f"{name}_bn")

    kinds = {
        "3a 3b 4a 4b 4c 4d 5a 5b": "1x1 3x3_reduce 3x3 double_3x3_reduce double_3x3_1 "
        "double_3x3_2 pool_proj",
        "3c 4e": "3x3_reduce 3x3 double_3x3_reduce double_3x3_1 double_3x3_2",
    }
    names = {
        "conv1": [own("conv1_7x7_s2")],
        "conv2_reduce": [own("conv2_3x3_reduce")],
        "conv2": [own("conv2_3x3")],
        "logits": dense("last_linear"),
    }
    for blocks, layers in kinds.items():
        for b in blocks.split():
            row = f"inception_{b}"
            names[row] = [own(f"{row}_{layer}") for layer in layers.split()]
    return names
