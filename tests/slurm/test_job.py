"""Tests a two-node job under a real SLURM: what happens to it, and that it changes nothing."""

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
    """The same two processes without a scheduler, to their end."""
    workdir = tmp_path_factory.mktemp("calm") / "run"
    runs.finish(workdir, processes=2)
    return workdir


def verdicts(workdir):
    """The codes that the job's script saw."""
    lines = map(json.loads, (workdir / "attempts.jsonl").read_text().splitlines())
    return [line["code"] for line in lines if line["event"] == "retry"]


def same(workdir, undisturbed):
    """The same losses, counts and weights, to the bit."""
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
    """`sbatch --test-only`: it would run, on so many processors; and a mistake is refused."""
    train = ("--", "train", "--config=configs/digits.py", f"--workdir={tmp_path}/run")
    path = tmp_path / "job.sbatch"
    text = cluster.command("launch", "slurm", *shlex.split(flags), "--print", *train)
    path.write_text(text)
    cluster.ask("sbatch", "--test-only", str(path))
    path.write_text(text.replace("#SBATCH --nodes=", "#SBATCH --nodez="))
    with pytest.raises(AssertionError, match="unrecognized option"):
        cluster.ask("sbatch", "--test-only", str(path))


def test_a_hard_life(cluster, undisturbed, tmp_path):
    """Preempted, a rank killed, a node lost: the same run, to the bit."""
    workdir = tmp_path / "run"
    job = cluster.launch(workdir)
    runs.wait_for_step(workdir, 8)
    cluster.ask("scancel", "--signal=TERM", job)  # as a preemption with notice
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
    # The node's tasks are gone first, so the other may end with 70 before SLURM notices.
    assert verdicts(workdir) in ([75, 137], [75, 137, 70])
    same(workdir, undisturbed)


def test_requeued(cluster, undisturbed, tmp_path):
    """`scontrol requeue`, as a scheduler preempts: saved, no step again, the same run."""
    workdir = tmp_path / "run"
    job = cluster.launch(workdir)
    runs.wait_for_step(workdir, 12)
    cluster.ask("scontrol", "requeue", job)
    cluster.restarted(job, 1)
    assert cluster.ended(job) == "COMPLETED"
    (_, stopped, code), (start, *_) = runs.attempts(workdir)
    assert code == 75 and stopped == start
    same(workdir, undisturbed)


def test_time_limits(cluster, tmp_path):
    """Three times the limit comes while the run waits for an image: saved, and the same run."""
    images = pictures(tmp_path / "images")
    words = folder_words(images)
    runs.finish(tmp_path / "calm", *words, processes=2)
    workdir = tmp_path / "run"
    job = cluster.launch(workdir, *words, flags=("--time=2", "--lead=95"))
    for times in (1, 2, 3):
        runs.wait_for_step(workdir, runs.newest(workdir) + 2)
        with stuck(images):
            cluster.requeued(job, times)
    assert cluster.ended(job) == "COMPLETED"
    codes = verdicts(workdir)
    assert len(codes) >= 3 and set(codes) == {75}
    same(workdir, tmp_path / "calm")


def test_a_bad_config_is_not_started_again(cluster, tmp_path):
    """78 ends the job at once: here the workdir becomes another run's behind its back."""
    workdir = tmp_path / "run"
    job = cluster.launch(workdir, flags=("--extra=--hold",))
    config = json.dumps({"seed": 1})
    (workdir / "config.json").write_text(config)
    cluster.ask("scontrol", "release", job)
    assert cluster.ended(job) == "FAILED"
    assert cluster.about(job)["Restarts"] == "0" and cluster.about(job)["ExitCode"] == "78:0"


def test_a_crash_loop(cluster, tmp_path):
    """A job that crashes before its first checkpoint is started again once, not ten times."""
    workdir = tmp_path / "run"
    job = cluster.launch(workdir, flags=("--setup=export JAX_PLATFORMS=nonsense",))
    assert cluster.ended(job) == "FAILED"
    assert cluster.about(job)["Restarts"] == "1"
    assert (
        len(verdicts(workdir)) == 2 and "crashed twice" in (workdir / "attempts.jsonl").read_text()
    )
