"""A search worker: asks the study for a trial, trains it, reports the result, and repeats.

Each training is the ordinary `train` command in its own process. The worker reads its metrics,
reports each evaluation to the study, and stops the training when the pruner decides so. A preempted
worker resumes its own trial; the trial of a lost worker is claimed by another.
"""

import contextlib
import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from inception_jax.errors import ConfigError, PreemptedError
from inception_jax.launch import retry, slurm
from inception_jax.runtime import signals
from inception_jax.sweep import progress, search
from inception_jax.sweep.claims import Claims
from inception_jax.sweep.folder import Sweep, read_trial
from inception_jax.sweep.trial import Trial, digest, text
from inception_jax.workdir import atomic, jsonl

if TYPE_CHECKING:
    from optuna import Trial as OptunaTrial

POLL_SECONDS = 0.5  # between looks at a training's metrics
LAUNCHER = "INCEPTION_JAX_LAUNCHER"  # words before the training's command, such as srun


class SearchWorker:
    """One of the workers of a search.

    Args:
        sweep: a sweep that is a search.
        number: number of this worker, from 0.
        suggest: the page's `search` function.
        build: builds and checks the config of a trial's overrides.
        log: called with a line of text when a trial starts, is restarted or ends.
    """

    def __init__(
        self, sweep: Sweep, number: int, suggest: Callable[["OptunaTrial"], Any],
        build: Callable[[dict[str, Any]], dict[str, Any]], log: Callable[[str], None],
    ):  # fmt: skip
        assert sweep.search is not None
        self.sweep, self.number = sweep, number
        self.suggest, self.build, self.log = suggest, build, log
        self.options = sweep.search
        self.study = search.study(sweep)
        self.budgets = retry.Budgets(self.options["preemptions"], self.options["crashes"])
        self.claims = Claims(self.study, sweep.folder, number, self.options["grace"])
        self.launcher = shlex.split(os.environ.get(LAUNCHER, ""))
        self.stopping = threading.Event()
        self.metrics_size = 0  # bytes of the training's metrics that were reported
        self.training: subprocess.Popen[bytes] | None = None

    def work(self) -> None:
        """Run trials until the search is complete.

        Raises:
            PreemptedError: the worker was asked to stop, and its trial has saved.
        """
        with signals.handling(self._on_signal), contextlib.closing(self.claims):
            while (trial := self._next_trial()) is not None:
                self._run(trial)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stopping.set()
        # SLURM signals all steps of a job itself; a second signal would interrupt the save.
        if not self.launcher:
            self._stop_training()

    def _next_trial(self) -> "OptunaTrial | None":
        """This worker's interrupted trial, a new one, or one of a lost worker; None at the end."""
        from optuna.trial import Trial as OptunaTrial
        from optuna.trial import TrialState

        if (own := self.claims.claim_own()) is not None:
            return OptunaTrial(self.study, own._trial_id)
        while not self.stopping.is_set():
            count = len(self.study.get_trials(deepcopy=False))
            if count < self.options["trials"] and (trial := self._ask(count)) is not None:
                return trial
            if (orphan := self.claims.claim_orphan()) is not None:
                self.log(f"trial {orphan.number}: its worker is lost; taking over")
                return OptunaTrial(self.study, orphan._trial_id)
            if not self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                return None
            # Wait for the other workers: one of them may be lost, and its trial must be resumed.
            self.stopping.wait(min(5.0, self.options["grace"]))
        raise PreemptedError("stopped between two trials; the same command continues")

    def _ask(self, count: int) -> "OptunaTrial | None":
        """Create a trial; None if other workers created the last ones in the meantime."""
        from optuna.trial import TrialState

        self.study.sampler = search.sampler(self.sweep, self.number, count)
        trial = self.study.ask()
        if trial.number >= self.options["trials"]:
            trial.set_user_attr("surplus", True)
            self.study.tell(trial, state=TrialState.FAIL)
            return None
        self.claims.claim(self.study.trials[trial.number])
        return trial

    def _run(self, optuna_trial: "OptunaTrial") -> None:
        """Train one trial until it ends, and report the outcome to the study."""
        number = optuna_trial.number
        try:
            trial = self._prepare(optuna_trial)
        except ConfigError as e:  # a suggestion that the rehearsal did not cover
            return self._finish(optuna_trial, None, "FAIL", str(e))
        self.log(f"trial {number}: {text(trial.overrides)}")
        job = f"search-{number}-{optuna_trial.user_attrs.get('generation', 0)}"
        while True:
            code, pruned = self._train(optuna_trial, trial)
            if pruned:
                return self._finish(optuna_trial, None, "PRUNED", "stopped by the pruner")
            if code == 0:
                value = progress.read(trial, self.sweep.metric).value
                state = "COMPLETE" if value is not None else "FAIL"
                return self._finish(optuna_trial, value, state, "")
            if self.stopping.is_set() or code in retry.STOPPED:
                message = f"trial {number} stopped with {code}; the same command continues"
                raise PreemptedError(message)
            if (trial.folder / "diverged").is_dir() and code == 65:
                # Pruned rather than failed: the sampler ignores failed trials.
                return self._finish(optuna_trial, None, "PRUNED", "diverged")
            verdict = retry.after(trial.folder, code, job, self.budgets)
            self.log(f"trial {number}: {verdict.why}")
            if not verdict.again:
                return self._finish(optuna_trial, None, "FAIL", verdict.why)

    def _prepare(self, optuna_trial: "OptunaTrial") -> Trial:
        """Create the trial's directory, named by its config, with trial.json."""
        number = optuna_trial.number
        overrides = search.suggestion(self.suggest, optuna_trial)
        name = f"{number:03d}-{digest(self.build(overrides))}"
        trial = self.sweep.trial(number, overrides, name)
        trial.folder.mkdir(parents=True, exist_ok=True)
        row = {"number": number, "overrides": overrides, "worker": self.number}
        atomic.write_text(trial.folder / "trial.json", json.dumps(row) + "\n")
        optuna_trial.set_user_attr("folder", name)
        return trial

    def _train(self, optuna_trial: "OptunaTrial", trial: Trial) -> tuple[int, bool]:
        """Train once; returns the exit code, and whether the pruner stopped it."""
        words = [*self.launcher, sys.executable, "-m", "inception_jax", *trial.command]
        pruned = False
        with (trial.folder / "train.log").open("ab") as log:
            # A session of its own: a signal to the worker's group reaches it once, through us.
            self.training = subprocess.Popen(
                words, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
            if self.stopping.is_set():  # the signal came before the process existed
                self._stop_training()
            self.metrics_size = 0
            study_trial = self.study.trials[optuna_trial.number]
            reported = {int(epoch) for epoch in study_trial.intermediate_values}
            while self.training.poll() is None:
                time.sleep(POLL_SECONDS)
                changed = self._report(optuna_trial, trial, reported)
                if not pruned and changed and optuna_trial.should_prune():
                    pruned = True
                    self._stop_training()
            self._report(optuna_trial, trial, reported)
            code = retry.exit_code(self.training.wait())
            self.training = None
        return code, pruned and code != 0

    def _report(self, optuna_trial: "OptunaTrial", trial: Trial, reported: set[int]) -> bool:
        """Report new evaluations to the study; returns whether there were any."""
        path = trial.folder / "metrics.jsonl"
        size = path.stat().st_size if path.exists() else 0
        if size == self.metrics_size:
            return False
        self.metrics_size = size
        values = progress.read(trial, self.sweep.metric).values
        new = [(round(e), v) for e, v in values if round(e) not in reported]
        for epoch, value in new:
            optuna_trial.report(value, epoch)
            reported.add(epoch)
        return bool(new)

    def _stop_training(self) -> None:
        """Ask the training to save and exit; not by a signal to srun, which would kill it."""
        if self.training is None or self.training.poll() is not None:
            return
        job = slurm.current_job()
        if self.launcher and job:
            # Signals the steps of the job, not this batch script.
            subprocess.run(["scancel", "--signal=TERM", job], check=False)
        else:
            self.training.terminate()

    def _finish(
        self, optuna_trial: "OptunaTrial", value: float | None, state: str, why: str
    ) -> None:
        """Report the outcome of a trial to the study, in trial.json and in the worker's log."""
        from optuna.trial import TrialState

        self.claims.release()
        if why:
            optuna_trial.set_user_attr("why", why)
        folder = self.sweep.folder / "trials" / str(optuna_trial.user_attrs.get("folder"))
        path = folder / "trial.json"
        # The run's own files do not show that it was pruned.
        if (row := read_trial(path)) is not None:
            atomic.write_text(path, json.dumps({**row, "state": state.lower(), "why": why}) + "\n")
        self.study.tell(optuna_trial, value, state=TrialState[state])
        # By this file `retry` measures a worker's progress.
        records = self.sweep.folder / "workers" / str(self.number)
        records.mkdir(parents=True, exist_ok=True)
        line = {"time": time.time(), "trial": optuna_trial.number, "state": state.lower()}
        jsonl.append(records / "trials.jsonl", line)
        result = f" {self.sweep.metric} {value:.4f}" if value is not None else f" {why}"
        self.log(f"trial {optuna_trial.number}: {state.lower()}{result}")
