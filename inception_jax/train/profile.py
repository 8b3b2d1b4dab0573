"""Profiling: a trace of some steps on host and devices, for Perfetto and TensorBoard."""

from collections.abc import Mapping
from pathlib import Path

import jax

FIRST = 10  # step of an attempt: compilation and the first batches are over


class Trace:
    """Traces `steps` steps of this attempt, from the tenth on, into `folder`; 0 traces none."""

    def __init__(self, folder: Path, steps: int):
        self._folder, self._steps = folder, steps
        self._began: tuple[int, dict[str, float]] | None = None  # first step, seconds spent before

    def due(self, step: int | None) -> bool:
        """Whether to `toggle` the trace before `step`; None, at the end: whether it is on."""
        if self._began is None:
            return bool(self._steps) and step == FIRST
        return step is None or step >= FIRST + self._steps

    def toggle(self, step: int, spent: Mapping[str, float]) -> str:
        """Start the trace, or stop it and return a summary with how to open it.

        Args:
            step: the next one of this attempt, counted from 1.
            spent: seconds so far, by part: `steps`, and `input`, the wait for images within them.
        """
        if self._began is None:
            jax.profiler.start_trace(str(self._folder), create_perfetto_trace=True)
            self._began = step, dict(spent)
            return ""
        first, before = self._began
        self._began = None
        jax.profiler.stop_trace()
        return self._summary(step - first, *(spent[k] - before[k] for k in ("steps", "input")))

    def _summary(self, steps: int, seconds: float, waited: float) -> str:
        each, share = 1e3 * seconds / max(steps, 1), waited / max(seconds, 1e-9)
        newest = max(self._folder.rglob("perfetto_trace.json.gz"), key=lambda p: p.stat().st_mtime)
        return (
            f"profile: {steps} steps of {each:,.1f} ms, {share:.1%} of it waiting for images\n"
            f"  Perfetto: open {newest} in ui.perfetto.dev\n"
            f"  TensorBoard: pip install xprof; tensorboard --logdir={self._folder}"
        )
