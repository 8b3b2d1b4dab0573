"""Measures the input: images/s, time by stage, and the slow-down of a step."""

import itertools
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax

from inception_jax.config import sections
from inception_jax.data import lock_cost, pipeline, readers, scaling
from inception_jax.data.images import turbojpeg
from inception_jax.data.readers import Readers
from inception_jax.data.sources.source import Source
from inception_jax.data.threads import AHEAD

ONE = Readers(1, 0)
Step = Callable[[Any], None]  # takes a batch; returns when the device no longer reads it


class InputBench:
    """Measures one source under one `data` section, and an `augment` section if it is given.

    Each figure is the median of `rounds` of `seconds` each, alternating between one reader and all,
    which averages out other programs. Files come from the operating system's cache if they fit: the
    figures measure decoding, not a cold disk.
    """

    def __init__(
        self, source: Source, data: sections.Data, seconds: float, rounds: int,
        augment: sections.Augment | None = None,
    ):  # fmt: skip
        self._source, self._data, self._augment = source, data, augment
        self._seconds, self._rounds = seconds, rounds

    def run(self, step: Step | None = None) -> dict[str, Any]:
        """All figures; without `step` a simulated one, during half of which the host idles."""
        d, before, chosen = self._data, _resident(), readers.of(self._data)
        rates: dict[Readers, list[float]] = {ONE: [], chosen: []}
        stages: dict[str, float] = {}
        for _ in range(self._rounds):
            for setting, values in rates.items():
                reader, batches = self._batches(setting)
                values.append(pipeline.images_per_s(batches, self._seconds))
                stages = reader.clock.ms() if setting == ONE else stages
        one, rate = (statistics.median(rates[setting]) for setting in (ONE, chosen))
        alone, joined = self._joined(step or _waiting(2 * d.batch_size / rate))
        memory = _peak() - before  # with a step that never waits, all batches ahead are read
        return {
            **self._about(),
            "readers": str(chosen),
            "images_per_s": rate,
            "images_per_s_one_reader": one,
            "speedup": rate / one,
            "stages_ms": {**stages, "transfer": self._transfer()},
            "memory_mb": memory / 1e6,
            "step": "measured" if step else "simulated: the host waits twice the input's time",
            "step_ms": 1e3 * alone,
            "joined_ms": 1e3 * joined,
            "input_costs": joined / alone - 1,
        }

    def scaling(self) -> dict[str, Any]:
        """Images/s by threads and processes, and what bounds it; see `scaling.measure`."""
        return {
            **self._about(),
            **scaling.measure(self._source, self._data, self._seconds, self._rounds, self._augment),
        }

    def _about(self) -> dict[str, Any]:
        return {
            "images": len(self._source),
            "image_size": self._data.image_size,
            "batch_size": self._data.batch_size,
            "interpolation": self._data.interpolation,
            "policy": self._augment.policy if self._augment else "none",
            "decoder": decoder(),
            "lock": lock_cost.measure(self._source, self._data, self._augment).json(),
        }

    def _batches(self, setting: Readers) -> tuple[pipeline.TrainReader, Iterator[pipeline.Batch]]:
        reader = pipeline.TrainReader(self._source, self._data, 0, self._augment)
        span = range(sys.maxsize)
        return reader, pipeline.batches(reader, self._data.batch_size, span, **setting._asdict())

    def _transfer(self) -> float:
        """Milliseconds an image of the transfer to the first device; about 0 on a CPU."""
        _, batches = self._batches(readers.of(self._data))
        batch = next(batches)["image"]
        times = []
        for _ in range(10):
            began = time.perf_counter()
            jax.block_until_ready(jax.device_put(batch))
            times.append(time.perf_counter() - began)
        return 1e3 * statistics.median(times) / len(batch)

    def _joined(self, step: Step) -> tuple[float, float]:
        """Median seconds of a step on one repeated batch, and of a step with its input."""
        _, batches = self._batches(readers.of(self._data))
        same = next(batches)
        alone = _seconds_a_step(step, itertools.repeat(same), self._seconds)
        return alone, _seconds_a_step(step, batches, self._seconds)


def decoder() -> str:
    """Name the library that decodes JPEGs here."""
    if turbojpeg.library():
        return "libjpeg-turbo 3, only the crop"
    return "simplejpeg, whole images (for regions: libjpeg-turbo 3, or pip install turbojpeg)"


def _waiting(seconds: float) -> Step:
    """A step that takes `seconds` and no time of the host."""

    def step(batch: Any) -> None:
        jax.device_put(batch["image"])
        time.sleep(seconds)

    return step


def _seconds_a_step(step: Step, batches: Iterator[Any], seconds: float) -> float:
    for _ in range(AHEAD + 1):
        step(next(batches))
    began, times = time.perf_counter(), []
    while time.perf_counter() - began < seconds or len(times) < 5:
        start = time.perf_counter()
        step(next(batches))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _peak() -> int:
    """Peak memory of this process, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _resident() -> int:
    """Memory of this process, in bytes; its peak where the system has no /proc."""
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * resource.getpagesize()
    except OSError:
        return _peak()
