"""Tests `inception-jax sweep launch`: mistakes, SLURM, a grid and a search on this machine."""

import json
import shlex

import pytest

from inception_jax import cli
from inception_jax.launch import local
from inception_jax.sweep import folder, search
from tests.cli.sweep_page import GRID, SEARCH, run
from tests.sweep import fake_trials, fake_worker

MISTAKES = {
    "sweep": "expected `sweep expand`",
    "sweep go": "got go",
    "sweep expand --sweep=lr --dir={dir}": "--config=PAGE",
    "sweep expand --config={page} --dir={dir}": "--sweep=NAMES or --search; the page's sweeps are",
    "sweep expand --config={page} --sweep=lr --search --dir={dir}": "--sweep=NAMES or --search",
    "sweep expand --config={page} --sweep=lr": "--dir=DIR",
    "sweep expand --config={page} --sweep=rl --dir={dir}": "the page has lr,seed",
    "sweep expand --config={page} --sweep=lr --dir={page}": "expected a new directory",
    "sweep expand --config={page} --sweep=lr --dir={dir} --metric=acc": "top1, top5, map",
    "sweep expand --config={page} --sweep=lr --dir={dir} --config.optim.lrr=1": "optim.lr",
    "sweep expand --config={page} --sweep=lr --dir={dir} --config.data.classes=11": "num_classes",
    "sweep expand --config={page} --sweep=bad --dir={dir}": "expected a finite number above 0",
    "sweep expand --config={page} --sweep=typed --dir={dir}": "optim.lr",
    "sweep expand --config={page} --sweep=group --dir={dir}": "bn_group",
    "sweep expand --config={page} --sweep=same --dir={dir}": "two trials are the same",
    "sweep expand --config={page} --sweep=unknown --dir={dir}": "not a key of the config",
    "sweep expand --config={page} --sweep=broken --dir={dir}": "KeyError",
    "sweep expand --config={page} --sweep=empty --dir={dir}": "yields nothing",
    "sweep launch --config={page} --sweep=lr --dir={dir}": "--on=",
    "sweep launch --on=xpk --config={page} --sweep=lr --dir={dir}": "local, slurm, k8s, sky",
    GRID + "--nodes=2": "unknown flag --nodes",
    GRID + "--at_once=-1": "--at_once",
    GRID + "--at_once=two": "--at_once",
    GRID.replace("local", "slurm") + "--time=soon": "H:MM:SS",
    GRID.replace("local", "k8s"): "--image",
    SEARCH + "--sampler=tpo": "tpe, random, cmaes",
    SEARCH + "--pruner=half": "none, median, asha, hyperband",
    SEARCH + "--trials=0": "--trials",
    SEARCH + "--workers=2 --storage=sqlite:///x.db": "SQLite",
    SEARCH + "--storage=study.db": "expected a URL",
    SEARCH + "--storage=postgresql+psycopg://nobody@127.0.0.1:1/none": "of an existing database",
    SEARCH.replace("{page}", "configs/inception_v3.py"): "expected a function search(trial)",
    SEARCH + "--config.model.num_classes=3": "num_classes",
    SEARCH + "--config.loss.label_smoothing=0.1": "loss.label_smoothing: the sweep sets it",
    GRID + "--config.optim.lr=1": "optim.lr: the sweep sets it",
    "sweep status {dir}": "expected a directory created by",
    "sweep best {dir}": "expected a directory created by",
    "sweep resume {dir}": "expected a directory created by",
    "sweep stop": "expected the directory of a sweep, for example: inception-jax sweep stop",
}


MORE = """
def sweep_bad():
    yield {"optim.lr": -1.0}

def sweep_typed():
    yield {"optim.lr": "fast"}

def sweep_group():
    yield {"model.bn_group": 7}

def sweep_same():
    yield {"optim.lr": 0.3}
    yield {"optim.lr": 0.3, "seed": 0}

def sweep_unknown():
    yield {"optim.momentun": 0.9}

def sweep_broken():
    yield {"optim.lr": {}["lr"]}

def sweep_empty():
    return []
"""


@pytest.mark.parametrize("typed", MISTAKES)
def test_mistakes_start_nothing(typed, page, capsys):
    """Exit code 78, an error that names the mistake, nothing written."""
    page.write_text(page.read_text() + MORE)
    assert run(typed, page) == 78
    error = capsys.readouterr().err
    assert MISTAKES[typed] in error and "Traceback" not in error
    assert not (page.parent / "sweep").exists()


@pytest.mark.parametrize("refused", [False, True])
def test_slurm_report_job(refused, page, monkeypatch, capsys):
    """A report job follows the array; if it is rejected, the array is still submitted."""
    sbatch = page.parent / "bin/sbatch"
    sbatch.parent.mkdir()
    refuse = '*--dependency*) echo "no second job" >&2; exit 1 ;;' if refused else ""
    sbatch.write_text(f'#!/bin/sh\necho "$*" >>{page.parent}/called\n'
                      f'case "$*" in {refuse}\n*) echo 7 ;; esac\n')  # fmt: skip
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sbatch.parent}:/usr/bin:/bin")
    assert run(GRID.replace("local", "slurm") + "--account=us", page) == 0
    at = page.parent / "sweep"
    first, second = (page.parent / "called").read_text().splitlines()
    assert first == f"--parsable {at}/job.sbatch"
    assert second == f"--parsable --dependency=afterany:7 {at}/report.sbatch"
    script = (at / "report.sbatch").read_text()
    assert f"-m inception_jax report {at}" in script and "#SBATCH --account=us" in script
    assert ("no second job" in capsys.readouterr().out) == refused
    assert [json.loads(x)["job"] for x in (at / "jobs.jsonl").read_text().splitlines()] == ["7"]


def test_a_grid_on_this_machine(page, capsys, monkeypatch):
    """With fake trainings: status, the best trial, and a second launch with nothing to do."""

    def run_attempt(runner, index, slot):
        trial = folder.read(runner.spec.folder).trials()[index]
        assert runner.spec.commands[index] == trial.command
        fake_trials.finish(trial.folder, trial.overrides)
        return 0

    monkeypatch.setattr(local._TaskRunner, "run_attempt", run_attempt)
    assert run(GRID + "--at_once=2", page) == 0
    out = capsys.readouterr().out
    assert "task 0: done" in out and "task 1: done" in out and "report.html" in out
    assert run("sweep status {dir} --json", page) == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    assert [t["state"] for t in trials] == ["done", "done"]
    assert all(
        t["epoch"] == t["epochs"] == fake_trials.EPOCHS and t["attempts"] == 1 for t in trials
    )
    assert run("sweep best {dir} --json", page) == 0
    best = json.loads(capsys.readouterr().out)
    assert best["top1"] == max(t["value"] for t in trials)
    assert best["overrides"] == trials[best["index"]]["overrides"]
    assert cli.main(["config", *shlex.split(best["line"])]) == 0  # ready to be copied
    capsys.readouterr()
    assert run(GRID, page) == 78
    assert "all 2 trials are done" in capsys.readouterr().err


def check_search(page, capsys, count):
    """All trials are done and different; nothing is left to resume."""
    capsys.readouterr()
    assert run("sweep status {dir} --json", page) == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    states = [(t["index"], t["state"], t["attempts"]) for t in trials]
    assert states == [(i, "done", 1) for i in range(count)]
    assert len({json.dumps(t["overrides"]) for t in trials}) == count
    assert run("sweep resume {dir} --on=local", page) == 78
    assert f"all {count} trials are done" in capsys.readouterr().err


def test_a_search_with_fake_trainings(page, capsys):
    """A worker runs as many trials as asked for."""
    expand = SEARCH.replace("launch --on=local", "expand")
    assert run(expand + "--trials=3 --startup=1", page) == 0
    sweep = folder.read(page.parent / "sweep")
    search.study(sweep, create=True)
    fake_worker.worker(sweep)[0].work()
    check_search(page, capsys, 3)


@pytest.mark.slow
def test_a_search_on_this_machine(page, capsys):
    """Real processes from launch to report: a worker, and one training per trial."""
    assert run(SEARCH + "--trials=2 --startup=1 --config.train.epochs=1.0", page) == 0
    assert (page.parent / "sweep" / "report.html").is_file()
    check_search(page, capsys, 2)
