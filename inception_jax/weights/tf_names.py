"""Names of our layers in TF-slim's checkpoints and Keras's files."""

import itertools
from collections.abc import Callable

from inception_jax.weights.layouts import LayerNames, Names, dense


def unit(prefix: str) -> LayerNames:
    """A slim.conv2d with BatchNorm."""
    return LayerNames(prefix, f"{prefix}/BatchNorm")


def under(prefix: str, *branches: str) -> list[LayerNames]:
    """Units of several branches: `under("Mixed_5b", "0a_1x1", "0a_1x1 0b_5x5")`.

    A branch lists its layers without their prefix `Conv2d_`; an empty branch is only a pool.
    """
    return [
        unit(f"{prefix}/Branch_{i}/{layer if layer.startswith('Conv') else 'Conv2d_' + layer}")
        for i, branch in enumerate(branches)
        for layer in branch.split()
    ]


def _flat(prefix: str) -> list[LayerNames]:
    return [LayerNames(prefix, kind="flat")]


def inception_v1() -> Names:
    """Slim's GoogLeNet; Mixed_5b misnames a layer."""
    root = "InceptionV1"
    usual = ("0a_1x1", "0a_1x1 0b_3x3", "0a_1x1 0b_3x3", "0b_1x1")
    rows = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
    theirs = ("3b", "3c", "4b", "4c", "4d", "4e", "4f", "5b", "5c")
    names = {
        "conv1": [unit(f"{root}/Conv2d_1a_7x7")],
        "conv2_reduce": [unit(f"{root}/Conv2d_2b_1x1")],
        "conv2": [unit(f"{root}/Conv2d_2c_3x3")],
        "logits": _flat(f"{root}/Logits/Conv2d_0c_1x1"),
    }
    for ours, mixed in zip(rows, theirs, strict=True):
        branches = (*usual[:2], "0a_1x1 0a_3x3", usual[3]) if mixed == "5b" else usual
        names[f"inception_{ours}"] = under(f"{root}/Mixed_{mixed}", *branches)
    return names


def inception_v2() -> Names:
    """Slim's BN-Inception; its blocks are shifted by one letter."""
    root = "InceptionV2"
    usual = ("0a_1x1", "0a_1x1 0b_3x3", "0a_1x1 0b_3x3 0c_3x3", "0b_1x1")
    reduction = ("0a_1x1 1a_3x3", "0a_1x1 0b_3x3 1a_3x3")
    rows = ("3a", "3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
    theirs = ("3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b", "5c")
    first = f"{root}/Conv2d_1a_7x7"
    names = {
        "conv1": [LayerNames(first, kind="depthwise"), LayerNames(first, kind="pointwise")],
        "conv2_reduce": [unit(f"{root}/Conv2d_2b_1x1")],
        "conv2": [unit(f"{root}/Conv2d_2c_3x3")],
        "logits": _flat(f"{root}/Logits/Conv2d_1c_1x1"),
    }
    for ours, mixed in zip(rows, theirs, strict=True):
        branches = reduction if ours in ("3c", "4e") else usual
        names[f"inception_{ours}"] = under(f"{root}/Mixed_{mixed}", *branches)
    return names


def inception_v3() -> Names:
    """Slim's Inception-v3; 5c, 6a and 7b misname layers."""
    root = "InceptionV3"
    doubled = "0a_1x1 0b_3x3 0c_3x3"
    seven = ("0a_1x1 0b_1x7 0c_7x1", "0a_1x1 0b_7x1 0c_1x7 0d_7x1 0e_1x7")
    last = "0a_1x1 0b_3x3 0c_1x3 0d_3x1"
    blocks = {
        "5b": ("0a_1x1", "0a_1x1 0b_5x5", doubled, "0b_1x1"),
        "5c": ("0a_1x1", "0b_1x1 Conv_1_0c_5x5", doubled, "0b_1x1"),
        "5d": ("0a_1x1", "0a_1x1 0b_5x5", doubled, "0b_1x1"),
        "6a": ("1a_1x1", "0a_1x1 0b_3x3 1a_1x1"),
        **{f"6{i}": ("0a_1x1", *seven, "0b_1x1") for i in "bcde"},
        "7a": ("0a_1x1 1a_3x3", "0a_1x1 0b_1x7 0c_7x1 1a_3x3"),
        "7b": ("0a_1x1", "0a_1x1 0b_1x3 0b_3x1", last, "0b_1x1"),
        "7c": ("0a_1x1", "0a_1x1 0b_1x3 0c_3x1", last, "0b_1x1"),
    }
    aux = f"{root}/AuxLogits/Conv2d_"
    return {
        **_stem(root),
        **{f"mixed_{k}": under(f"{root}/Mixed_{k}", *v) for k, v in blocks.items()},
        "logits": _flat(f"{root}/Logits/Conv2d_1c_1x1"),
        "aux_mixed_6e": [unit(f"{aux}1b_1x1"), unit(f"{aux}2a_5x5"), *_flat(f"{aux}2b_1x1")],
    }


def _stem(root: str) -> Names:
    layers = {"1a": "3x3", "2a": "3x3", "2b": "3x3", "3b": "1x1", "4a": "3x3"}
    return {f"conv_{k}": [unit(f"{root}/Conv2d_{k}_{size}")] for k, size in layers.items()}


def inception_v4() -> Names:
    """Slim's Inception-v4."""
    root = "InceptionV4"
    a = ("0a_1x1", "0a_1x1 0b_3x3", "0a_1x1 0b_3x3 0c_3x3", "0b_1x1")
    b = ("0a_1x1", "0a_1x1 0b_1x7 0c_7x1", "0a_1x1 0b_7x1 0c_1x7 0d_7x1 0e_1x7", "0b_1x1")
    forks = ("0a_1x1 0b_1x3 0c_3x1", "0a_1x1 0b_3x1 0c_1x3 0d_1x3 0e_3x1")
    blocks = {
        "3a": ("", "0a_3x3"),
        "4a": ("0a_1x1 1a_3x3", "0a_1x1 0b_1x7 0c_7x1 1a_3x3"),
        "5a": ("1a_3x3",),
        **{f"5{i}": a for i in "bcde"},
        "6a": ("1a_3x3", "0a_1x1 0b_3x3 1a_3x3"),
        **{f"6{i}": b for i in "bcdefgh"},
        "7a": ("0a_1x1 1a_3x3", "0a_1x1 0b_1x7 0c_7x1 1a_3x3"),
        **{f"7{i}": ("0a_1x1", *forks, "0b_1x1") for i in "bcd"},
    }
    aux = f"{root}/AuxLogits"
    head = [unit(f"{aux}/Conv2d_1b_1x1"), unit(f"{aux}/Conv2d_2a"), *dense(f"{aux}/Aux_logits")]
    return {
        **{f"conv_{k}": [unit(f"{root}/Conv2d_{k}_3x3")] for k in ("1a", "2a", "2b")},
        **{f"mixed_{k}": under(f"{root}/Mixed_{k}", *v) for k, v in blocks.items()},
        "logits": dense(f"{root}/Logits/Logits"),
        "aux_mixed_6h": head,
    }


def inception_resnet_v2() -> Names:
    """Slim's Inception-ResNet-v2."""
    root = "InceptionResnetV2"

    def block(prefix: str, *branches: str) -> list[LayerNames]:
        return [*under(prefix, "Conv2d_1x1", *branches), LayerNames(f"{prefix}/Conv2d_1x1")]

    def repeat(prefix: str, times: int, *branches: str) -> list[LayerNames]:
        return [p for i in range(1, times + 1) for p in block(f"{prefix}_{i}", *branches)]

    three, seven = "0a_1x1 0b_1x3 0c_3x1", "0a_1x1 0b_1x7 0c_7x1"
    doubled = "0a_1x1 0b_3x3 0c_3x3"
    first = ("Conv2d_1x1", "0a_1x1 0b_5x5", doubled, "0b_1x1")
    shrink_b = ("0a_1x1 1a_3x3", "0a_1x1 1a_3x3", "0a_1x1 0b_3x3 1a_3x3")
    aux = f"{root}/AuxLogits"
    head = [unit(f"{aux}/Conv2d_1b_1x1"), unit(f"{aux}/Conv2d_2a_5x5"), *dense(f"{aux}/Logits")]
    return {
        **_stem(root),
        "mixed_5b": under(f"{root}/Mixed_5b", *first),
        "block35": repeat(f"{root}/Repeat/block35", 10, "0a_1x1 0b_3x3", doubled),
        "mixed_6a": under(f"{root}/Mixed_6a", "1a_3x3", "0a_1x1 0b_3x3 1a_3x3"),
        "block17": repeat(f"{root}/Repeat_1/block17", 20, seven),
        "mixed_7a": under(f"{root}/Mixed_7a", *shrink_b),
        "block8": repeat(f"{root}/Repeat_2/block8", 9, three),
        "block8_last": block(f"{root}/Block8", three),
        "conv_7b": [unit(f"{root}/Conv2d_7b_1x1")],
        "logits": dense(f"{root}/Logits/Logits"),
        "aux_block17": head,
    }


def automatic() -> Callable[[int], list[LayerNames]]:
    """A function of `count`: the automatic names of the next `count` Keras layer pairs.

    Keras numbers convolutions and BatchNorms from 0 in order of creation.
    """
    numbers = itertools.count()
    return lambda count: [
        LayerNames(f"conv2d_{i}", f"batch_normalization_{i}")
        for i in itertools.islice(numbers, count)
    ]


def keras_inception_v3() -> Names:
    """Keras's InceptionV3; all layers have automatic names."""
    auto = automatic()
    counts = {
        **{f"conv_{k}": 1 for k in ("1a", "2a", "2b", "3b", "4a")},
        "mixed_5b": 7, "mixed_5c": 7, "mixed_5d": 7, "mixed_6a": 4,
        "mixed_6b": 10, "mixed_6c": 10, "mixed_6d": 10, "mixed_6e": 10,
        "mixed_7a": 6, "mixed_7b": 9, "mixed_7c": 9,
    }  # fmt: skip
    return {**{row: auto(n) for row, n in counts.items()}, "logits": dense("predictions")}


def keras_inception_resnet_v2() -> Names:
    """Keras's InceptionResNetV2; only the last layer of a block has its own name."""
    auto = automatic()

    def repeat(kind: str, numbers: range, count: int) -> list[LayerNames]:
        return [p for i in numbers for p in (*auto(count), LayerNames(f"{kind}_{i}_conv"))]

    return {
        **{f"conv_{k}": auto(1) for k in ("1a", "2a", "2b", "3b", "4a")},
        "mixed_5b": auto(7),
        "block35": repeat("block35", range(1, 11), 6),
        "mixed_6a": auto(4),
        "block17": repeat("block17", range(1, 21), 4),
        "mixed_7a": auto(7),
        "block8": repeat("block8", range(1, 10), 4),
        "block8_last": repeat("block8", range(10, 11), 4),
        "conv_7b": [LayerNames("conv_7b", "conv_7b_bn")],
        "logits": dense("predictions"),
    }


def keras_xception() -> Names:
    """Keras's Xception; its block 2 is our block_1."""
    auto = automatic()

    def separable(name: str) -> list[LayerNames]:
        return [LayerNames(name, kind="depthwise"), LayerNames(name, f"{name}_bn", "pointwise")]

    def block(number: int, count: int, skip: bool) -> list[LayerNames]:
        names = [f"block{number}_sepconv{i}" for i in range(1, count + 1)]
        return [*(auto(1) if skip else []), *(p for n in names for p in separable(n))]

    return {
        "conv_1": [LayerNames("block1_conv1", "block1_conv1_bn")],
        "conv_2": [LayerNames("block1_conv2", "block1_conv2_bn")],
        **{f"block_{i}": block(i + 1, 2, skip=True) for i in (1, 2, 3)},
        **{f"block_{i}": block(i + 1, 3, skip=False) for i in range(4, 12)},
        "block_12": block(13, 2, skip=True),
        "conv_3": separable("block14_sepconv1"),
        "conv_4": separable("block14_sepconv2"),
        "logits": dense("predictions"),
    }
