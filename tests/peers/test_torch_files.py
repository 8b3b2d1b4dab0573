"""Tests that torch's files are read without executing their pickles."""

import numpy as np
import pytest

from inception_jax import weights
from inception_jax.errors import DataError

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_state_dicts(tmp_path, nested, zipped):
    """Both formats of torch.save, bare or below `state_dict` with DataParallel's prefix."""
    import torch

    tensors = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}
    if nested:
        tensors = {"state_dict": {f"module.{k}": v for k, v in tensors.items()}, "epoch": 3}
    torch.save(tensors, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    found = weights.read(tmp_path / "a.pth")
    assert sorted(found) == ["a.bias", "a.weight"]
    assert np.array_equal(found["a.weight"], np.arange(6.0).reshape(2, 3))


def test_code_is_refused(tmp_path):
    """A .pth that would open a file when unpickled is refused, and the file is not opened."""
    import torch

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    torch.save({"a.weight": Bomb()}, tmp_path / "a.pth")
    with pytest.raises(DataError, match="cannot be read as a torch file"):
        weights.read(tmp_path / "a.pth")
    assert not (tmp_path / "executed").exists()
