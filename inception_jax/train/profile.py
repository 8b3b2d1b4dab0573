"""A profile of some steps: what host and devices do when, for Perfetto and TensorBoard."""

from collections.abc import Mapping
from pathlib import Path

import jax

FROM = 10  # the step of an attempt: the compiler, and the first batches, are over


class Trace:
    """Traces `steps` steps of this attempt, from the tenth on, into `folder`."""

    def __init__(self, folder: Path, steps: int):
        self._folder, self._steps = folder, steps
        self._began: tuple[int, dict[str, float]] | None = None  # a step, and their seconds before

    def due(self, step: int | None) -> bool:
        """Whether to `toggle` it on or off before that step; None: off, if it is on."""
        if self._began is None:
            return bool(self._steps) and step == FROM
        return step is None or step >= FROM + self._steps

    def toggle(self, step: int, spent: Mapping[str, float]) -> str:
        """Begins, or ends and says what there is.

        Args:
            step: of this attempt that comes next, counted from 1.
            spent: seconds in all: `steps` of steps, `input` of these waiting for images.
        """
        if self._began is None:
            jax.profiler.start_trace(str(self._folder), create_perfetto_trace=True)
            self._began = step, dict(spent)
            return ""
        first, before = self._began
        self._began = None
        jax.profiler.stop_trace()
        return self._words(step - first, *(spent[k] - before[k] for k in ("steps", "input")))

    def _words(self, steps: int, seconds: float, waited: float) -> str:
        each, share = 1e3 * seconds / max(steps, 1), waited / max(seconds, 1e-9)
        newest = max(self._folder.rglob("perfetto_trace.json.gz"), key=lambda p: p.stat().st_mtime)
        return (
            f"profile: {steps} steps of {each:,.1f} ms, {share:.1%} of it waiting for images\n"
            f"  Perfetto: open {newest} in ui.perfetto.dev\n"
            f"  TensorBoard: pip install xprof; tensorboard --logdir={self._folder}"
        )
