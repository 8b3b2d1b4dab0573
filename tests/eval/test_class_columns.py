"""Tests `inception_jax/eval/class_columns.py`: 1000, 1001, 1008 or named outputs to classes."""

import numpy as np
import pytest

from inception_jax.data import imagenet
from inception_jax.errors import ConfigError, DataError
from inception_jax.eval.class_columns import LABEL_MAP, columns

WNIDS = imagenet.wnids()
NAMES = imagenet.class_names()


def test_wnids():
    """1,000 rising ids, a tench first, in the order of data/imagenet_classes.txt."""
    assert len(WNIDS) == len(set(WNIDS)) == 1000 and list(WNIDS) == sorted(WNIDS)
    pairs = dict(zip(WNIDS, NAMES, strict=True))
    assert (pairs["n01440764"], pairs["n02123045"]) == ("tench", "tabby")
    assert pairs["n15075141"].startswith("toilet")


@pytest.mark.parametrize(
    ("classes", "names", "count", "expected"),
    [
        (list("abc"), list("abc"), 3, None),
        (list("abc"), [], 3, None),
        (list("abc"), ["class 0", "class 1", "class 2"], 3, None),
        (list("ca"), list("abc"), 3, [2, 0]),
        (list("abc"), ["background", *"abc"], 4, [1, 2, 3]),
        (["crane", "crane"], ["background", "crane", "crane"], 3, [1, 2]),
        (WNIDS, NAMES, 1000, None),
        (WNIDS, WNIDS, 1000, None),
        (WNIDS, [], 1000, None),
        (WNIDS, ["background", *NAMES], 1001, range(1, 1001)),
        (WNIDS, [], 1001, range(1, 1001)),
        (NAMES, ["background", *NAMES], 1001, range(1, 1001)),
        (["n15075141", "n01440764"], NAMES, 1000, [999, 0]),
        (["n15075141", "n01440764"], ["background", *NAMES], 1001, [1000, 1]),
    ],
)
def test_columns(classes, names, count, expected):
    """By names, by ImageNet's order, after a background; None if nothing changes."""
    found = columns(classes, names, count)
    assert (None if found is None else found.tolist()) == (expected and list(expected))


def test_1001_round_trip():
    """Logits of 1000 classes after a background are selected again."""
    logits = np.random.default_rng(0).normal(size=(4, 1000))
    with_background = np.concatenate([np.full((4, 1), 99.0), logits], axis=1)
    assert (with_background[:, columns(WNIDS, [], 1001)] == logits).all()


def test_1008_by_the_label_map(tmp_path):
    """The label map of the 1008-way graph names its outputs."""
    rng = np.random.default_rng(0)
    places = rng.permutation(np.arange(1, 1008))[:1000]
    entries = [
        f'entry {{\n  target_class: {p}\n  target_class_string: "{w}"\n}}\n'
        for p, w in zip(places, WNIDS, strict=True)
    ]
    path = tmp_path / LABEL_MAP
    path.write_text("# -*- protobuffer -*-\n# LabelMap\n" + "".join(entries))
    unnamed = [f"class {i}" for i in range(1008)]
    assert columns(WNIDS, unnamed, 1008, str(path)).tolist() == [*places]
    assert columns(WNIDS[7:9], [], 1008, str(path)).tolist() == [*places[7:9]]
    with pytest.raises(DataError, match="below 1000"):
        columns(WNIDS, [], 1000, str(path))
    with pytest.raises(DataError, match=f"below {places.max()}"):
        columns(WNIDS, [], int(places.max()), str(path))
    with pytest.raises(DataError, match=f"--outputs=FILE: {LABEL_MAP}"):
        columns(WNIDS, unnamed, 1008)


def test_names_by_a_file(tmp_path):
    """One line per output; empty lines are outputs without a class."""
    path = tmp_path / "names.txt"
    path.write_text("c\n\na\n")
    assert columns(["a", "c"], list("xyz"), 3, str(path)).tolist() == [2, 0]
    with pytest.raises(DataError, match="expected 4 lines, found 3"):
        columns(["a", "c"], [], 4, str(path))
    with pytest.raises(DataError, match=r"1 are not among the 3 outputs.*'b'.*correct --outputs"):
        columns(["a", "b"], [], 3, str(path))
    with pytest.raises(ConfigError, match="found none"):
        columns(["a", "b"], [], 3, "no/such/file")


@pytest.mark.parametrize(
    ("classes", "names", "count"),
    [(list("ab"), list("cd"), 2), (list("ab"), [], 3), (list("abc"), list("ab"), 2),
     (["a", "n01440764"], NAMES, 1000), (list("ab"), ["a", "b", "b"], 3),
     (WNIDS, [f"x{i}" for i in range(1000)], 1000)],
)  # fmt: skip
def test_unmatched_outputs_are_refused(classes, names, count):
    """Other names or another count raise, without a guess."""
    with pytest.raises(DataError, match="--outputs=FILE"):
        columns(classes, names, count)


def test_a_network_without_a_classifier():
    """A network without outputs is refused."""
    with pytest.raises(ConfigError, match="classifier"):
        columns(list("ab"), [], 0)
