"""Claims on running trials: a trial belongs to one worker until its heartbeat stops.

The owner's number, a generation that grows with each claim, and the time of the last heartbeat are
attributes of the trial in the study, so any storage works. Creating a file exclusively decides
which of several workers gets a trial.
"""

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

OWNER, GENERATION, SEEN = "owner", "generation", "seen"
HEARTBEAT = 10.0  # seconds between heartbeats


class Claims:
    """The claims of one worker on the trials of a study.

    Args:
        study: the study that all workers share.
        folder: directory of the sweep; its subdirectory `claims` holds the exclusive files.
        owner: number of this worker.
        grace: seconds without a heartbeat after which a trial can be claimed by another worker.
    """

    def __init__(self, study: "Study", folder: Path, owner: int, grace: float):
        self.study, self.owner, self.grace = study, owner, grace
        self._folder = folder / "claims"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._held: int | None = None  # the trial's id in the storage
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send_heartbeats, daemon=True)
        self._thread.start()

    def claim_own(self) -> "FrozenTrial | None":
        """Claim the running trial that this worker owned before it was restarted, if any."""
        own = (t for t in self._running() if t.user_attrs.get(OWNER) == self.owner)
        return next((t for t in own if self.claim(t)), None)

    def claim_orphan(self) -> "FrozenTrial | None":
        """Claim a running trial whose worker is silent, if any."""
        return next((t for t in self._running() if silent(t, self.grace) and self.claim(t)), None)

    def claim(self, trial: "FrozenTrial") -> bool:
        """Claim a running trial; returns False if another worker was faster."""
        generation = int(trial.user_attrs.get(GENERATION, 0)) + 1
        try:
            path = self._folder / f"{trial.number}-{generation}"
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        now = time.time()
        self._write(trial._trial_id, {OWNER: self.owner, GENERATION: generation, SEEN: now})
        self._held = trial._trial_id
        return True

    def release(self) -> None:
        """Stop the heartbeats of the current trial."""
        self._held = None

    def close(self) -> None:
        """Stop the heartbeat thread."""
        self._stop.set()
        self._thread.join()

    def _running(self) -> "list[FrozenTrial]":
        from optuna.trial import TrialState

        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def _write(self, trial_id: int, values: dict[str, Any]) -> None:
        for key, value in values.items():
            self.study._storage.set_trial_user_attr(trial_id, key, value)

    def _send_heartbeats(self) -> None:
        while not self._stop.wait(HEARTBEAT):
            held = self._held
            if held is not None:
                try:
                    self._write(held, {SEEN: time.time()})
                except Exception:  # the trial just ended, or the storage is briefly unavailable
                    continue


def silent(trial: "FrozenTrial", grace: float) -> bool:
    """Whether a running trial has had no heartbeat for `grace` seconds."""
    start = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
    return time.time() - trial.user_attrs.get(SEEN, start) > grace
