"""What an image costs of Python's lock (the GIL), which bounds the rate of a process.

Whatever the number of its threads, a process reads at most 1 / (held + hand-overs * cost of one)
images a second: the lock is held for each image's Python code, and idle while it goes to another
thread, which has to be woken.
"""

import contextlib
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple
from unittest import mock

from inception_jax.config import sections
from inception_jax.data import pipeline
from inception_jax.data.images import turbojpeg
from inception_jax.data.sources.source import Source
from inception_jax.data.threads import PIECE

# OpenCV's that the operations of a policy call.
POLICY = ("LUT", "bitwise_not", "calcHist", "copyTo", "filter2D", "sumElems", "transform",
          "transpose")  # fmt: skip
# The functions that a reader calls and that release the lock, by module or class.
RELEASING = {
    "os": ("open", "stat", "fstat", "lseek", "read", "pread", "close"),
    "cv2": ("resize", "remap", "imdecode", "cvtColor", "copyMakeBorder", *POLICY),
    "PIL.Image:Image": ("transform",),
    "simplejpeg": ("decode_jpeg",),
    "array_record.python.array_record_module:ArrayRecordReader": ("read",),
}
IMAGES = 128  # whose median is taken
PASSES = 3000  # of the lock between two threads


class LockCost(NamedTuple):
    """The lock's part in one image.

    Attributes:
        hand_overs: times that it is released and taken again.
        held_us: microseconds for which it is held.
        hand_over_us: microseconds that a hand-over to a waiting thread takes on this machine.
    """

    hand_overs: float
    held_us: float
    hand_over_us: float

    @property
    def images_per_s(self) -> float:
        """The rate that these bound, of one process."""
        return 1e6 / (self.held_us + self.hand_overs * self.hand_over_us)

    def json(self) -> dict[str, float]:
        """All figures."""
        return {**self._asdict(), "images_per_s_at_most": self.images_per_s}


def measure(
    source: Source, data: sections.Data, augment: sections.Augment | None = None
) -> LockCost:
    """Measure the images of a source, read by this thread alone.

    Hand-overs are the calls of `RELEASING` and of libjpeg-turbo's decoder, which are replaced by
    counting ones meanwhile; the lock is held for the rest of the time. NumPy's passes over pixels,
    where a crop has the size of the network's input, `data.crop` is `pad`, or a policy computes,
    count as time for which it is held. A debugger counts the same: `experiments/input/lock.py`.
    """
    read, before = pipeline.TrainReader(source, data, 0, augment), source.stored
    held: list[float] = []  # at the start of each image, since the first one
    calls: list[int] = []

    def stored(index: int) -> Any:
        held.append(time.perf_counter() - released.seconds)
        calls.append(released.calls)
        return before(index)

    batch = read.empty(IMAGES)
    read(range(PIECE), batch)
    with _counted() as released, mock.patch.object(source, "stored", stored):
        read(range(IMAGES), batch)
    each = [1e6 * (end - start) for start, end in pairwise(held)]
    return LockCost((calls[-1] - calls[0]) / len(each), statistics.median(each), _hand_over_us())


class _Released:
    """The number of this thread's calls of releasing functions, and their seconds."""

    def __init__(self) -> None:
        self.calls, self.seconds, self._thread = 0, 0.0, threading.get_ident()

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, counted here."""

        def call(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                if threading.get_ident() == self._thread:
                    self.seconds += time.perf_counter() - began
                    self.calls += 1

        return call


@contextlib.contextmanager
def _counted() -> Iterator[_Released]:
    """The calls of releasing functions in the body."""
    released = _Released()
    with contextlib.ExitStack() as stack:
        places = [(place, name) for key, names in RELEASING.items() if (place := _place(key))
                  for name in names]  # fmt: skip
        if library := turbojpeg.library():
            places.append((library, "tj3Decompress8"))
        for place, name in places:
            timed = released.timed(getattr(place, name))
            stack.enter_context(mock.patch.object(place, name, timed))
        yield released


def _place(key: str) -> Any:
    """A module, or a class `module:name`; None if it is not imported."""
    module, _, name = key.partition(":")
    found = sys.modules.get(module)
    return getattr(found, name, None) if name else found


def _hand_over_us() -> float:
    """Microseconds of a hand-over between two threads that pass a token to each other."""
    ours, theirs = threading.Lock(), threading.Lock()
    ours.acquire()
    theirs.acquire()

    def answer() -> None:
        for _ in range(PASSES):
            theirs.acquire()
            ours.release()

    thread = threading.Thread(target=answer)
    thread.start()
    began = time.perf_counter()
    for _ in range(PASSES):
        theirs.release()
        ours.acquire()
    took = time.perf_counter() - began
    thread.join()
    return 1e6 * took / PASSES / 2
