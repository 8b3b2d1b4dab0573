"""Whose a running trial is: one worker's, until it is silent for so long that another takes it.

What a worker says of itself lies in the study, so that it works on any storage: its number, a
generation that grows with each taking, and when it was last alive. Taking is decided by a file that
only one can make.
"""

import os
import threading
import time
from pathlib import Path
from typing import Any

OWNER, GENERATION, SEEN = "owner", "generation", "seen"
BEAT = 10.0  # seconds between signs of life


class Claims:
    """The claims of one worker on the trials of a study.

    Args:
        study: that all workers share.
        folder: of the sweep; the files that decide lie in its `claims`.
        owner: this worker's number.
        grace: seconds of silence after which a trial is free.
    """

    def __init__(self, study: Any, folder: Path, owner: int, grace: float):
        self.study, self.owner, self.grace = study, owner, grace
        self._folder = folder / "claims"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._held: int | None = None  # the trial's id in the storage
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def mine(self) -> Any | None:
        """A running trial that was this worker's when it ended, and still is; claimed again."""
        return next(
            (t for t in self._running() if self._owner(t) == self.owner and self.take(t)), None
        )

    def orphan(self) -> Any | None:
        """A running trial whose worker is silent; claimed."""
        return next((t for t in self._running() if silent(t, self.grace) and self.take(t)), None)

    def take(self, trial: Any) -> bool:
        """Claims a running trial; whether it was not another's before one could."""
        generation = int(trial.user_attrs.get(GENERATION, 0)) + 1
        try:
            path = self._folder / f"{trial.number}-{generation}"
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        self._note(trial._trial_id, {OWNER: self.owner, GENERATION: generation, SEEN: time.time()})
        self._held = trial._trial_id
        return True

    def let_go(self) -> None:
        """No signs of life any more: the trial ended, or shall be another's."""
        self._held = None

    def close(self) -> None:
        """Ends the thread that gives the signs."""
        self._stop.set()
        self._thread.join()

    def _running(self) -> list[Any]:
        from optuna.trial import TrialState

        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def _owner(self, trial: Any) -> int | None:
        return trial.user_attrs.get(OWNER)

    def _note(self, trial_id: int, values: dict[str, Any]) -> None:
        for key, value in values.items():
            self.study._storage.set_trial_user_attr(trial_id, key, value)

    def _beat(self) -> None:
        while not self._stop.wait(BEAT):
            held = self._held
            if held is not None:
                try:
                    self._note(held, {SEEN: time.time()})
                except Exception:  # it just ended, or the storage is away for a moment
                    continue


def silent(trial: Any, grace: float) -> bool:
    """Whether nobody has been alive on a running trial for `grace` seconds."""
    begun = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
    return time.time() - trial.user_attrs.get(SEEN, begun) > grace
