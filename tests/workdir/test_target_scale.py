"""Tests of inception_jax.workdir.target_scale."""

import numpy as np
import pytest

from inception_jax.errors import ConfigError
from inception_jax.workdir import target_scale
from inception_jax.workdir.target_scale import TargetScale

SCALE = TargetScale(np.array([1 / 3, 2.0]), np.array([0.1, 7.0]))


def test_a_scale_is_kept_exactly(tmp_path):
    """Written and read to the bit; values go there and back."""
    target_scale.write(tmp_path, SCALE, False)
    np.testing.assert_array_equal(target_scale.read(tmp_path), SCALE)
    np.testing.assert_array_equal(target_scale.of_run(tmp_path, "regression"), SCALE)
    values = np.array([[4.0, 5.0]])
    np.testing.assert_allclose(SCALE.original(SCALE.standardised(values)), values)


def test_other_targets_are_refused(tmp_path):
    """A run resumes only with the targets it began with; --allow_config_change permits others."""
    target_scale.write(tmp_path, SCALE, False)
    target_scale.write(tmp_path, SCALE, False)
    other = SCALE._replace(std=SCALE.std * 2)
    with pytest.raises(ConfigError, match=r"data\.labels has others"):
        target_scale.write(tmp_path, other, False)
    target_scale.write(tmp_path, other, True)
    np.testing.assert_array_equal(target_scale.read(tmp_path), other)


def test_a_missing_or_damaged_file_is_named(tmp_path):
    """Only a regression has one."""
    assert target_scale.of_run(tmp_path, "classification") is None
    target_scale.write(tmp_path, None, False)
    with pytest.raises(ConfigError, match=r"expected targets\.json"):
        target_scale.of_run(tmp_path, "regression")
    (tmp_path / "targets.json").write_text('{"mean": [1], "std": [0]}')
    with pytest.raises(ConfigError, match=r"targets\.json is damaged"):
        target_scale.of_run(tmp_path, "regression")
