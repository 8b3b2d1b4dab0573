"""Tests `inception-jax launch`: 30 mistakes end with 78, name what is wrong, and submit nothing."""

import os
import shlex
from pathlib import Path

import pytest

from inception_jax import cli
from tests.conftest import ROOT

GOOD = "-- train --config=configs/digits.py --workdir={tmp}/run"
TOOLS = ("sbatch", "squeue", "kubectl", "sky", "xpk", "gcloud")


@pytest.fixture(autouse=True)
def tools(tmp_path, monkeypatch):
    """Schedulers that only note that they were called; squeue knows of no job."""
    monkeypatch.chdir(ROOT)
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        tool = folder / name
        end = "" if name == "squeue" else f'echo "{name} $*" >> {tmp_path}/called\necho 123'
        tool.write_text(f"#!/bin/sh\n{end}\n")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return tmp_path / "called"


def words(text, tmp_path):
    """A command line; {tmp} is the test's folder."""
    return shlex.split(text.replace("{tmp}", str(tmp_path)))


MISTAKES = {
    # what is typed: what the error names
    "launch slrum " + GOOD: "did you mean 'slurm'",
    "launch slurm": "expected the command to run after --",
    "launch slurm -- eval --workdir={tmp}/run": "got eval",
    "launch slurm -- inception-jax train --config=configs/digits.py": "got inception-jax",
    "launch slurm -- train --workdir={tmp}/run": "--config",
    "launch slurm -- train --config=configs/digits.py": "--workdir=DIR",
    "launch slurm -- train --config=configs/digit.py --workdir={tmp}/r": "configs/digits.py",
    "launch slurm " + GOOD + " --config.optim.lrr=1": "optim.lr",
    "launch slurm " + GOOD + " --config.optim.lr=-1": "optim.lr",
    "launch slurm " + GOOD + " config.optim.lr=1": "write --config.optim.lr=1",
    "launch slurm " + GOOD + " --processes=2": "set by the engine",
    "launch slurm " + GOOD + " --coordinator=a:1": "set by the engine",
    "launch slurm " + GOOD + " --config.data.batch_size=60 --config.model.bn_group=32": "bn_group",
    "launch slurm --gpus=7 " + GOOD: "data.batch_size=64",
    "launch slurm --gpus=4 " + GOOD + " --config.mesh.data=2": "mesh.data=2",
    "launch slurm --nodes=0 " + GOOD: "--nodes",
    "launch slurm --node=2 " + GOOD: "did you mean --nodes",
    "launch slurm --nodes=two " + GOOD: "a whole number",
    "launch slurm --time=1h " + GOOD: "H:MM:SS",
    "launch slurm --time=0:02:00 " + GOOD: "--lead=180",
    "launch slurm --lead=10 " + GOOD: "at least 60",
    "launch slurm --extra=gres " + GOOD: "--option=value",
    "launch slurm --extra=--requeue " + GOOD: "set by the job's file",
    'launch slurm --extra="--comment=\'a" ' + GOOD: "--extra",
    "launch slurm --name=V3_run " + GOOD: "--name=v3-run",
    "launch slurm --image=a " + GOOD: "unknown flag --image",
    "launch slurm --preemptions=-1 " + GOOD: "--preemptions",
    "launch slurm --crashes=many " + GOOD: "--crashes",
    "launch k8s " + GOOD: "--image",
    "launch k8s --image=a --tpu=v5e " + GOOD: "--topology",
    "launch k8s --image=a --tpu=v5e --topology=2x2 --gpus=1 " + GOOD: "one of them",
    "launch k8s --image=a --claim=runs " + GOOD: "NAME:/PATH",
    "launch k8s --image=a --claim=runs:/runs " + GOOD: "is lost with the machine",
    "launch sky --bucket=runs " + GOOD: "STORE://",
    "launch sky --bucket=gs://runs:/runs " + GOOD: "is lost with the machine",
    "launch xpk --device=v5litepod-8 --image=a " + GOOD: "--cluster",
    "launch tpu_vm --device=v5litepod-8 " + GOOD: "--zone",
    "launch tpu_vm --device=v5litepod-8 --zone=z " + GOOD: "--source",
}


@pytest.mark.parametrize("typed", MISTAKES)
def test_mistakes_submit_nothing(typed, tmp_path, tools, capsys):
    """Code 78, one text that names it, no tool called, nothing written."""
    assert cli.main(words(typed, tmp_path)) == 78
    error = capsys.readouterr().err
    assert MISTAKES[typed] in error and "Traceback" not in error
    assert not tools.exists() and not (tmp_path / "run").exists()


def test_at_least_thirty():
    """What the issue asks for."""
    assert len(MISTAKES) >= 30


@pytest.mark.parametrize(
    ("flags", "tool", "file"),
    [
        ("slurm --nodes=2", "sbatch --parsable", "job.sbatch"),
        ("k8s --image=a --claim=c:{tmp}", "kubectl create -f", "jobset.yaml"),
        ("sky --bucket=s3://b:{tmp}", "sky jobs launch", "task.yaml"),
        ("xpk --cluster=c --device=d --image=i", "xpk workload create", "workload.sh"),
    ],
)
def test_what_is_right_is_submitted_once(flags, tool, file, tmp_path, tools, capsys):
    """By the engine's own tool; the file stays in the workdir."""
    assert cli.main(words(f"launch {flags} {GOOD}", tmp_path)) == 0
    (call,) = [line for line in tools.read_text().splitlines() if line.startswith(tool)]
    assert (tmp_path / "run" / file).is_file() and call
    assert "inception-jax report" in capsys.readouterr().out


def test_a_workdir_that_is_not_on_this_machine(tmp_path, tools, monkeypatch, capsys):
    """On a laptop, for a volume of the cluster: the job's file lies here, nothing is made there."""
    page = ROOT / "configs/digits.py"
    monkeypatch.chdir(tmp_path)
    command = f"-- train --config={page} --workdir=/nowhere_here/v3"
    assert cli.main(words(f"launch k8s --image=a --claim=c:/nowhere_here {command}", tmp_path)) == 0
    assert (tmp_path / "jobs/v3/jobset.yaml").is_file() and not Path("/nowhere_here").exists()
    assert "report /nowhere_here/v3, on a machine that mounts it" in capsys.readouterr().out


def test_print_submits_nothing(tmp_path, tools, capsys):
    """It shows the file, and makes none."""
    assert cli.main(words("launch slurm --print " + GOOD, tmp_path)) == 0
    assert "#SBATCH --requeue" in capsys.readouterr().out
    assert not tools.exists() and not (tmp_path / "run").exists()


def test_what_is_in_the_queue_is_not_submitted_again(tmp_path, tools, capsys):
    """A second job on one workdir would end with 78 in the night: it does so now."""
    assert cli.main(words("launch slurm " + GOOD, tmp_path)) == 0
    squeue = tmp_path / "bin" / "squeue"
    squeue.write_text("#!/bin/sh\necho 'N/A|PENDING'\n")
    assert cli.main(words("launch slurm " + GOOD, tmp_path)) == 78
    assert "job 123 is still in the queue (pending)" in capsys.readouterr().err
    assert len(tools.read_text().splitlines()) == 1


def test_without_a_scheduler(tmp_path, monkeypatch, capsys):
    """On a machine without SLURM: what is missing, and the way out."""
    monkeypatch.setenv("PATH", "/nonexistent")
    assert cli.main(words("launch slurm " + GOOD, tmp_path)) == 78
    assert "--print" in capsys.readouterr().err


def test_a_workdir_of_another_config(tmp_path, tools, capsys):
    """Refused before it is submitted."""
    from inception_jax.cli import pages
    from inception_jax.workdir import run_dir

    with run_dir.opened(Path(tmp_path / "run"), pages.load("configs/digits.py"), False):
        pass
    assert cli.main(words(f"launch slurm {GOOD} --config.optim.lr=0.3", tmp_path)) == 78
    assert "optim.lr: 0.2 there, 0.3 now" in capsys.readouterr().err and not tools.exists()
