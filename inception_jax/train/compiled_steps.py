"""The programs of a run's stages, compiled in threads ahead of their first step."""

import contextlib
import threading
import time
from typing import Any

from inception_jax.runtime import compiling
from inception_jax.train.program import Program
from inception_jax.train.stages import Stage


class CompiledSteps:
    """One program for each size of images, for stored features, and for BatchNorm's recalibration.

    Attributes:
        seconds: that compiling took in the threads.
    """

    def __init__(self, program: Program):
        self._program, self.seconds = program, 0.0
        self._threads: dict[tuple[int, bool, bool], threading.Thread] = {}
        self._found: dict[tuple[int, bool, bool], Any] = {}

    def ahead(self, stage: Stage) -> threading.Thread:
        """The thread that compiles the program of a stage; it starts with the first call.

        An error is left to the first step, which compiles again and raises it where it is caught.
        """
        key = stage.size, stage.recalibrates, stage.head

        def work() -> None:
            began = time.monotonic()
            with compiling.without_alarm(), contextlib.suppress(Exception):
                self._found[key] = self._program.compiled(stage)
            self.seconds += time.monotonic() - began

        if key not in self._threads:
            self._threads[key] = threading.Thread(target=work, daemon=True)
            self._threads[key].start()
        return self._threads[key]

    def of(self, stage: Stage) -> Any:
        """(state, batch) -> (state, metrics): the program that `ahead` compiled, if it did.

        A second compilation is not always a cache hit: on the CPU, only process 0 has the cache.
        """
        found = self._found.get((stage.size, stage.recalibrates, stage.head))
        return found or self._program.step_of(stage)
