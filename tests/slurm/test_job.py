"""Tests a two-node job under a real SLURM: after each fault the run is bit-identical."""

import json
import os
import shlex
import signal

import pytest

from tests.faults import runs
from tests.faults.photos import folder_words, pictures, stuck

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A finished run of the same two processes without a scheduler."""
    workdir = tmp_path_factory.mktemp("undisturbed") / "run"
    runs.finish(workdir, processes=2)
    return workdir


def verdicts(workdir):
    """The exit codes that the job script recorded."""
    lines = map(json.loads, (workdir / "attempts.jsonl").read_text().splitlines())
    return [line["code"] for line in lines if line["event"] == "retry"]


def assert_same(workdir, undisturbed):
    """Assert bit-identical losses, counts and weights."""
    assert runs.losses(workdir) == runs.losses(undisturbed)
    assert runs.counts(workdir) == runs.counts(undisturbed)
    assert runs.weights(workdir) == runs.weights(undisturbed)


@pytest.mark.parametrize(
    "flags",
    [
        "--nodes=2 --gpus=8 --cpus=4 --time=24:00:00 --memory=2G",
        "--nodes=2 --processes=4 --extra='--exclusive --comment=two\\ words'",
        "--time=1-00:00:00 --partition=main --setup='module load cuda'",
    ],
)
def test_sbatch_reads_the_file(cluster, flags, tmp_path):
    """`sbatch --test-only` accepts the file, and rejects one with a mistake."""
    train = ("--", "train", "--config=configs/digits.py", f"--workdir={tmp_path}/run")
    path = tmp_path / "job.sbatch"
    text = cluster.command("launch", "slurm", *shlex.split(flags), "--print", *train)
    path.write_text(text)
    cluster.ask("sbatch", "--test-only", str(path))
    path.write_text(text.replace("#SBATCH --nodes=", "#SBATCH --nodez="))
    with pytest.raises(AssertionError, match="unrecognized option"):
        cluster.ask("sbatch", "--test-only", str(path))


def test_preempted_killed_and_node_lost(cluster, undisturbed, tmp_path):
    """After a preemption, a killed rank and a lost node, the run is bit-identical."""
    workdir = tmp_path / "run"
    job = cluster.launch(workdir)
    runs.wait_for_step(workdir, 8)
    cluster.ask("scancel", "--signal=TERM", job)  # like a preemption with notice
    cluster.restarted(job, 1)
    runs.wait_for_step(workdir, 22)
    os.kill(cluster.ranks(job)[1], signal.SIGKILL)
    cluster.restarted(job, 2)
    runs.wait_for_step(workdir, 37)
    cluster.kill_node(2, job)
    cluster.down(2)
    cluster.start_node(2)
    cluster.restarted(job, 3)
    assert cluster.ended(job) == "COMPLETED"
    # The other node may exit with 70 before SLURM notices the loss.
    assert verdicts(workdir) in ([75, 137], [75, 137, 70])
    assert_same(workdir, undisturbed)


def test_requeued(cluster, undisturbed, tmp_path):
    """After `scontrol requeue` the run has saved, repeats no step, and is bit-identical."""
    workdir = tmp_path / "run"
    job = cluster.launch(workdir)
    runs.wait_for_step(workdir, 12)
    cluster.ask("scontrol", "requeue", job)
    cluster.restarted(job, 1)
    assert cluster.ended(job) == "COMPLETED"
    (_, stopped, code), (start, *_) = runs.attempts(workdir)
    assert code == 75 and stopped == start
    assert_same(workdir, undisturbed)


def test_time_limits(cluster, tmp_path):
    """Three time limits while the run waits for an image: it saves, and is bit-identical."""
    images = pictures(tmp_path / "images")
    words = folder_words(images)
    runs.finish(tmp_path / "undisturbed", *words, processes=2)
    workdir = tmp_path / "run"
    job = cluster.launch(workdir, *words, flags=("--time=2", "--lead=75"))
    for times in (1, 2, 3):
        runs.wait_for_step(workdir, runs.newest(workdir) + 2)
        with stuck(images):
            cluster.requeued(job, times)
    assert cluster.ended(job) == "COMPLETED"
    codes = verdicts(workdir)
    # A later attempt that still compiles at its limit has nothing to save and exits with 143.
    assert codes[:3] == [75, 75, 75] and set(codes) <= {75, 143}
    assert_same(workdir, tmp_path / "undisturbed")


def test_a_bad_config_is_not_restarted(cluster, tmp_path):
    """78 ends the job: here another config appears in the workdir after submission."""
    workdir = tmp_path / "run"
    job = cluster.launch(workdir, flags=("--extra=--hold",))
    config = json.dumps({"seed": 1})
    (workdir / "config.json").write_text(config)
    cluster.ask("scontrol", "release", job)
    assert cluster.ended(job) == "FAILED"
    assert cluster.about(job)["Restarts"] == "0" and cluster.about(job)["ExitCode"] == "78:0"


def test_a_crash_loop(cluster, tmp_path):
    """A job that crashes before its first checkpoint is restarted once, not ten times."""
    workdir = tmp_path / "run"
    # Python ends with 1 before `train` begins.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif sys.orig_argv[3:4] == ['train']:\n    os._exit(1)\n"
    )
    setup = f"--setup=export PYTHONPATH={tmp_path}:$PYTHONPATH"
    job = cluster.launch(workdir, flags=(setup,))
    assert cluster.ended(job) == "FAILED"
    assert cluster.about(job)["Restarts"] == "1"
    assert (
        len(verdicts(workdir)) == 2 and "crashed twice" in (workdir / "attempts.jsonl").read_text()
    )
