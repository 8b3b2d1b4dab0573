"""Tests that torch's files are read without executing their pickles."""

import argparse
import os
from collections import defaultdict, deque

import numpy as np
import pytest

from inception_jax import weights
from inception_jax.errors import DataError

pytestmark = pytest.mark.peers


class Settings:
    """A class of a training script's."""

    def __init__(self):
        self.rate = 0.1


class NestedDict(dict):
    """A dict of a training script's."""


@pytest.mark.parametrize("beside", ["nothing", "values", "objects"])
@pytest.mark.parametrize("zipped", [False, True])
def test_state_dicts(tmp_path, beside, zipped):
    """Both formats of torch.save, and every value that training scripts put beside tensors."""
    import torch

    tensors = {"a.weight": torch.arange(6.0).reshape(2, 3).bfloat16(), "a.bias": torch.ones(2)}
    content = {
        "nothing": tensors,
        "values": {"state_dict": tensors, "epoch": 3, "best_acc1": torch.tensor(71.2)},
        "objects": {
            "args": argparse.Namespace(lr=0.1, out=tmp_path), "best": np.float64(3.0),
            "hparams": NestedDict(rate=0.1), "settings": Settings(),
            "counts": defaultdict(list, a=[1]), "recent": deque([1, 2]), "curve": np.arange(3.0),
            "state_dict": tensors,
        },
    }  # fmt: skip
    torch.save(content[beside], tmp_path / "a.pth.tar", _use_new_zipfile_serialization=zipped)
    found = weights.read(tmp_path / "a.pth.tar")
    below = "" if beside == "nothing" else "state_dict."
    assert {f"{below}a.weight", f"{below}a.bias"} <= set(found)
    assert np.array_equal(found[f"{below}a.weight"], np.arange(6.0).reshape(2, 3))


def test_a_whole_module(tmp_path):
    """`torch.save(model)`: its tensors are found, none of its code runs."""
    import torch

    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 3)), tmp_path / "a.pth")
    assert sorted(weights.read(tmp_path / "a.pth")) == [
        "_modules.0._parameters.bias", "_modules.0._parameters.weight",
    ]  # fmt: skip


def test_a_refusal_is_shown_whole(tmp_path):
    """Without escape codes, and with what to do."""
    import torch

    class Bomb:
        def __reduce__(self):
            return (os.system, (f"touch {tmp_path / 'executed'}",))

    torch.save({"a": Bomb()}, tmp_path / "a.pth")
    with pytest.raises(DataError, match=r"(?s)Weights only.*is blocked.*state_dict\(\)") as e:
        weights.read(tmp_path / "a.pth")
    assert "\x1b" not in str(e.value) and not (tmp_path / "executed").exists()


def test_code_is_refused(tmp_path):
    """A .pth that would open a file when unpickled opens none, and has no arrays."""
    import torch

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    torch.save({"a.weight": Bomb()}, tmp_path / "a.pth")
    with pytest.raises(DataError, match="found no tensors"):
        weights.read(tmp_path / "a.pth")
    assert not (tmp_path / "executed").exists()
