"""Tests `launch/slurm.py`: array ranges, time limits, and what is read from SLURM's tools."""

import pytest

from inception_jax.errors import ConfigError, UserError
from inception_jax.launch import slurm
from tests.launch.examples import rendered
from tests.launch.fake_tool import calls, install


@pytest.mark.parametrize(
    ("numbers", "text"), [((0,), "0"), (range(9), "0-8"), ((0, 1, 3, 5, 6, 7), "0-1,3,5-7")]
)
def test_array_ranges(numbers, text):
    """Consecutive indices are joined."""
    assert slurm.array_ranges(numbers) == text


def test_what_sbatch_reads_is_quoted():
    """A blank would start another option, and % a pattern in the log's path."""
    train = ["--", "train", "--config=configs/digits.py", "--workdir=/tmp/50%j a"]
    text = rendered("slurm --name=x --partition='a --uid=0' --account='$(b)'", train)
    assert "\n#SBATCH --partition='a --uid=0'\n#SBATCH --account='$(b)'\n" in text
    assert "\n#SBATCH --output='/tmp/50%%j a/slurm-%j.log'\n" in text


def test_pinned_memory_is_not_the_login_nodes():
    """Several nodes may use InfiniBand; the line precedes srun, which passes the limit on."""
    text = rendered("slurm --nodes=2 --gpus=8")
    assert 0 < text.index('ulimit -Sl "$(ulimit -Hl)"') < text.index("srun")
    assert "ulimit" not in rendered("slurm --gpus=8")


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [("90", 5400), ("1:30", 90), ("24:00:00", 86400), ("2-00", 172800), ("1-02:03:04", 93784)],
)
def test_time_limits(limit, seconds):
    """Every form that sbatch accepts."""
    assert slurm.parse_time_limit(limit) == seconds


def test_a_time_limit_that_is_not_one():
    """Rejected, with an example."""
    with pytest.raises(ConfigError, match="such as 24:00:00"):
        slurm.parse_time_limit("soon")


@pytest.mark.parametrize(
    ("fields", "ending"),
    [
        ("JobState=RUNNING RunTime=00:01:00 TimeLimit=UNLIMITED", False),
        ("JobState=COMPLETING RunTime=00:01:00 TimeLimit=UNLIMITED", True),
        ("JobState=COMPLETING RunTime=00:01:00 TimeLimit=1-00:00:00", True),
        ("JobState=COMPLETING RunTime=1-00:00:12 TimeLimit=1-00:00:00", False),
        ("", False),
    ],
)
def test_is_ending(fields, ending, tmp_path, monkeypatch):
    """From the fields of scontrol; reaching the time limit is not a cancellation."""
    install(tmp_path, monkeypatch, "scontrol", f"echo 'JobId=7 {fields}'")
    assert slurm.is_ending("7") == ending


def test_states(tmp_path, monkeypatch):
    """One state per task; an unknown job has none; other errors are passed on."""
    install(tmp_path, monkeypatch, "squeue", "echo '0|RUNNING'; echo '3|PENDING'")
    assert slurm.states("7") == {"0": "RUNNING", "3": "PENDING"}
    install(tmp_path, monkeypatch, "squeue", "echo 'N/A|RUNNING'")
    assert slurm.states("7") == {"": "RUNNING"}
    install(tmp_path, monkeypatch, "squeue", "echo 'Invalid job id specified' >&2; exit 1")
    assert slurm.states("7") == {}
    install(tmp_path, monkeypatch, "squeue", "echo 'cannot connect' >&2; exit 1")
    with pytest.raises(UserError, match="squeue failed for job 7: cannot connect"):
        slurm.states("7")


def test_cancel(tmp_path, monkeypatch):
    """One scancel for the whole job."""
    install(tmp_path, monkeypatch, "scancel")
    slurm.cancel("7")
    assert calls(tmp_path) == ["scancel 7"]


def test_current_job(monkeypatch):
    """A task of an array is named by the array's id and its index."""
    for name in ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    assert slurm.current_job() is None
    monkeypatch.setenv("SLURM_JOB_ID", "9")
    assert slurm.current_job() == "9"
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "7")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "2")
    assert slurm.current_job() == "7_2"
