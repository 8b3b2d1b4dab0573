"""Tests `launch/spec.py`: job names, tasks, and folders on persistent volumes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_jax.errors import ConfigError
from inception_jax.launch.spec import NAME, JobSpec, valid_name

TRAIN = ("train", "--config=configs/digits.py")


@given(st.text())
def test_every_text_becomes_a_valid_name(text):
    """Also an empty one."""
    assert NAME.fullmatch(valid_name(text))


def test_an_invalid_name_is_rejected_with_a_valid_one():
    """The error suggests the nearest name."""
    with pytest.raises(ConfigError, match="such as --name=v3-run"):
        JobSpec((TRAIN,), Path("/runs"), "V3_run")


def test_tasks():
    """A single command is not an array; several commands, or chosen tasks, are."""
    one = JobSpec((TRAIN,), Path("/runs"), "a", nodes=2, processes=3)
    assert not one.array and one.task_indices == (0,) and one.world == 6
    assert one.task_name(0) == "a"
    many = JobSpec((TRAIN,) * 3, Path("/runs"), "a")
    assert many.array and many.task_indices == (0, 1, 2) and many.task_name(1) == "a-1"
    rest = JobSpec((TRAIN,) * 3, Path("/runs"), "a", tasks=(2,))
    assert rest.array and rest.task_indices == (2,)


def test_the_folder_is_on_the_volume():
    """A folder elsewhere would be lost with the machine."""
    spec = JobSpec((TRAIN,), Path("/runs/v3"), "a")
    spec.require_folder_below("/runs", "--claim")
    with pytest.raises(ConfigError, match="--claim mounts /data: expected --workdir"):
        spec.require_folder_below("/data", "--claim")
