"""A worker of a search: asks for a trial, trains it, tells how good it was, until all are told.

A trial's training is the ordinary command, in a process of its own; what it writes down is watched,
reported to the study after each evaluation, and stopped where the pruner says so. A worker that is
preempted takes its own trial up again; one that is gone for good loses it to another.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from inception_jax.errors import ConfigError, PreemptedError
from inception_jax.launch import retry, slurm
from inception_jax.sweep import progress, search
from inception_jax.sweep.claims import Claims
from inception_jax.sweep.folder import Sweep
from inception_jax.sweep.trial import Trial, digest, text
from inception_jax.workdir import atomic, jsonl

LOOK = 0.5  # seconds between looks at a training
LAUNCHER = "INCEPTION_JAX_LAUNCHER"  # words before the training's command, such as srun's

Build = Callable[[dict[str, Any]], dict[str, Any]]


class SearchWorker:
    """One of several workers on a sweep.

    Args:
        sweep: that is a search.
        number: of this worker, from 0.
        suggest: the page's `search`.
        build: the checked config of some overrides.
        say: gets a line for each trial's beginning and end.
    """

    def __init__(
        self, sweep: Sweep, number: int, suggest: Callable[[Any], Any], build: Build,
        say: Callable[[str], None] = print,
    ):  # fmt: skip
        assert sweep.search is not None
        self.sweep, self.number = sweep, number
        self.suggest, self.build, self.say = suggest, build, say
        self.given = sweep.search
        self.study = search.study(sweep)
        self.budgets = retry.Budgets(self.given["preemptions"], self.given["crashes"])
        self.claims = Claims(self.study, sweep.folder, number, self.given["grace"])
        self.launcher = shlex.split(os.environ.get(LAUNCHER, ""))
        self.stopping = threading.Event()
        self.read = 0  # bytes of the training's metrics
        self.training: subprocess.Popen[bytes] | None = None

    def work(self) -> None:
        """Works until there is nothing left to do.

        Raises:
            PreemptedError: it was asked to stop, and its trial has saved.
        """
        before = {n: signal.signal(n, self._asked) for n in (signal.SIGTERM, signal.SIGINT)}
        try:
            while (trial := self._next()) is not None:
                self._run(trial)
        finally:
            self.claims.close()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _asked(self, number: int, frame: Any) -> None:
        self.stopping.set()
        if (
            not self.launcher
        ):  # SLURM tells all steps of a job; a second signal would not let it save
            self._end_training()

    def _next(self) -> Any | None:
        """A trial to run: this worker's own, a new one, or one that nobody works on any more."""
        from optuna.trial import Trial as Live
        from optuna.trial import TrialState

        own = self.claims.mine()
        if own is not None:
            return Live(self.study, own._trial_id)
        while not self.stopping.is_set():
            there = len(self.study.get_trials(deepcopy=False))
            if there < self.given["trials"]:
                trial = self._ask(there)
                if trial is not None:
                    return trial
                continue
            orphan = self.claims.orphan()
            if orphan is not None:
                self.say(f"trial {orphan.number}: its worker is gone; taken over")
                return Live(self.study, orphan._trial_id)
            running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            if not running:
                return None
            # Others are at work. One of them may be lost: somebody has to be left to notice.
            self.stopping.wait(min(5.0, self.given["grace"]))
        raise PreemptedError("stopped between two trials; the same command goes on")

    def _ask(self, there: int) -> Any | None:
        """A new trial; None if others have taken the last ones in this moment."""
        from optuna.trial import TrialState

        self.study.sampler = search.sampler(self.sweep, self.number, there)
        trial = self.study.ask()
        if trial.number >= self.given["trials"]:
            trial.set_user_attr("surplus", True)
            self.study.tell(trial, state=TrialState.FAIL)
            return None
        self.claims.take(self.study.trials[trial.number])
        return trial

    def _run(self, live: Any) -> None:
        """Trains one trial to its end and tells it."""
        try:
            trial = self._prepared(live)
        except ConfigError as e:  # what the rehearsal did not meet
            return self._tell(live, None, "FAIL", str(e))
        self.say(f"trial {live.number}: {text(trial.overrides)}")
        job = f"search-{live.number}-{live.user_attrs.get('generation', 0)}"
        while True:
            code, pruned = self._train(live, trial)
            if pruned:
                return self._tell(live, None, "PRUNED", "the pruner stopped it")
            if code == 0:
                value = progress.of(trial, self.sweep.metric).value
                return self._tell(live, value, "COMPLETE" if value is not None else "FAIL", "")
            if self.stopping.is_set() or code in retry.STOPPED:
                raise PreemptedError(
                    f"trial {live.number} stopped with {code}; the same command goes on"
                )
            if (trial.folder / "diverged").is_dir() and code == 65:
                # Not failed: the sampler is to learn of it.
                return self._tell(live, None, "PRUNED", "it diverged")
            verdict = retry.after(trial.folder, code, job, self.budgets)
            self.say(f"trial {live.number}: {verdict.why}")
            if not verdict.again:
                return self._tell(live, None, "FAIL", verdict.why)

    def _prepared(self, live: Any) -> Trial:
        """The trial's run, named by its config, with a trial.json that says whose it is."""
        overrides = search.suggestion(self.suggest, live)
        name = f"{live.number:03d}-{digest(self.build(overrides))}"
        folder = self.sweep.folder / "trials" / name
        folder.mkdir(parents=True, exist_ok=True)
        row = {"number": live.number, "overrides": overrides, "worker": self.number}
        atomic.write_text(folder / "trial.json", json.dumps(row) + "\n")
        live.set_user_attr("folder", name)
        return Trial(live.number, overrides, folder, self.sweep.command(overrides, folder))

    def _train(self, live: Any, trial: Trial) -> tuple[int, bool]:
        """Trains once; the exit code, and whether the pruner ended it."""
        words = [*self.launcher, sys.executable, "-m", "inception_jax", *trial.command]
        pruned = False
        with (trial.folder / "train.log").open("ab") as log:
            # Its own session: a signal to this worker's group comes to it once, through us.
            self.training = subprocess.Popen(
                words, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
            if self.stopping.is_set():  # between the two lines before: it has no signal yet
                self._end_training()
            self.read = 0
            told = {int(s) for s in self.study.trials[live.number].intermediate_values}
            while self.training.poll() is None:
                time.sleep(LOOK)
                if not pruned and self._report(live, trial, told) and live.should_prune():
                    pruned = True
                    self._end_training()
            self._report(live, trial, told)
            code = self.training.wait()
            self.training = None
        return (code if code >= 0 else 128 - code), pruned and code != 0

    def _report(self, live: Any, trial: Trial, told: set[int]) -> bool:
        """Reports the evaluations that are new; whether there were any."""
        path = trial.folder / "metrics.jsonl"
        size = path.stat().st_size if path.exists() else 0
        if size == self.read:
            return False
        self.read = size
        new = [(round(e), v) for e, v in progress.of(trial, self.sweep.metric).values]
        new = [(e, v) for e, v in new if e not in told]
        for epoch, value in new:
            live.report(value, epoch)
            told.add(epoch)
        return bool(new)

    def _end_training(self) -> None:
        """Asks the training to save and end. Never through srun, which would kill it."""
        if self.training is None or self.training.poll() is not None:
            return
        job = slurm.mine()
        if self.launcher and job:
            subprocess.run(["scancel", "--signal=TERM", job], check=False)  # its steps, not us
        else:
            self.training.send_signal(signal.SIGTERM)

    def _tell(self, live: Any, value: float | None, state: str, why: str) -> None:
        from optuna.trial import TrialState

        self.claims.let_go()
        if why:
            live.set_user_attr("why", why)
        path = self.sweep.folder / "trials" / str(live.user_attrs.get("folder")) / "trial.json"
        if path.is_file():  # for who reads files: a pruned run looks like one to be continued
            row = json.loads(path.read_text(encoding="utf-8"))
            atomic.write_text(path, json.dumps({**row, "state": state.lower(), "why": why}) + "\n")
        self.study.tell(live, value, state=TrialState[state])
        self._note(live.number, state)
        result = f" {self.sweep.metric} {value:.4f}" if value is not None else f" {why}"
        self.say(f"trial {live.number}: {state.lower()}{result}")

    def _note(self, number: int, state: str) -> None:
        """A line for each trial that was told: a worker that crashes between two makes progress."""
        folder = self.sweep.folder / "workers" / str(self.number)
        folder.mkdir(parents=True, exist_ok=True)
        line = {"time": time.time(), "trial": number, "state": state.lower()}
        jsonl.append(folder / "trials.jsonl", line)
