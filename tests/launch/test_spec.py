"""Tests `launch/spec.py`: job names, tasks, variables, and folders on persistent volumes."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_jax.errors import ConfigError
from inception_jax.launch.spec import NAME, JobSpec, valid_name, with_nccl

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


def spec(**changes):
    """A job for SLURM or another engine."""
    fields = {"commands": (TRAIN,), "folder": Path("/runs"), "name": "a", **changes}
    return JobSpec(**fields)


@pytest.mark.parametrize("bad", list("\n\r\0\x1b\x7f\x85\u2028\u2029\udcff"))
@pytest.mark.parametrize("where", ["command", "folder", "option", "setup", "name"])
def test_control_characters_are_refused(bad, where):
    """A line break would start a line of its own in the job's file, or in its list of commands."""
    given = f"a{bad}touch owned"
    changes = {
        "command": {"commands": (TRAIN, (*TRAIN, f"--workdir={given}"))},
        "folder": {"folder": Path("/runs") / given},
        "option": {"options": {"partition": given}},
        "setup": {"setup": given},
        "name": {"name": given},
    }[where]
    if where == "setup" and bad == "\n":
        assert spec(setup="module load cuda\n\tmodule load nccl").setup  # lines of a shell script
        return
    with pytest.raises(ConfigError, match="expected") as raised:
        spec(**changes)
    assert str(raised.value).isprintable()


def test_a_working_directory_with_a_line_break(tmp_path, monkeypatch):
    """It is rendered too."""
    (tmp_path / "a\nb").mkdir()
    monkeypatch.chdir(tmp_path / "a\nb")
    with pytest.raises(ConfigError, match=r"a\\nb: expected no control characters"):
        spec()


@pytest.mark.parametrize("text", ["PGPASSWORD=s3c", "export MYSQL_PWD='s3c'", 'DB_PASSWORD="s3c"'])
def test_a_password_is_not_stored(text):
    """Not in a job's file either; the message does not have it."""
    for changes in (
        {"setup": f"module load x\n{text}"},
        {"options": {"extra": f"--export={text}"}},
    ):
        with pytest.raises(ConfigError, match="a password would be stored") as raised:
            spec(**changes)
        assert "s3c" not in str(raised.value)
    assert spec(setup='export PGPASSWORD=$(cat ~/.password) PGPASSWORD="$X"')


def test_variables_of_nccl():
    """Each is exported, quoted, before the lines of --setup."""
    values = {"NCCL_IB_HCA": "^mlx5_0,'$(touch owned)", "XLA_FLAGS": "--xla_x", "A_NCCL_B": "1"}
    assert with_nccl("module load x", {"PATH": "x"}) == "module load x" and with_nccl("", {}) == ""
    lines = with_nccl('printf %s "$NCCL_IB_HCA"', values)
    assert lines.count("export") == 1
    assert subprocess.check_output(["bash", "-c", lines], text=True) == values["NCCL_IB_HCA"]
