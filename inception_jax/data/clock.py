"""The time that the reading threads spend on each stage of an image."""

import threading
import time

STAGES = ("read", "decode", "resize")  # of every image; some have a policy too


class Lap:
    """Seconds of one thread, by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        self._mark = 0.0

    def start(self) -> None:
        """Start an image."""
        self._mark = time.perf_counter()

    def end(self, stage: str) -> None:
        """Add the time since `start`, or since the last `end`, to this stage."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._mark
        self._mark = now


class Clock:
    """The sum of the laps of all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sum, self._images = Lap(), 0

    def add(self, lap: Lap, images: int) -> None:
        """Add the lap of `images` images."""
        with self._lock:
            self._images += images
            for stage, seconds in lap.seconds.items():
                self._sum.seconds[stage] = self._sum.seconds.get(stage, 0.0) + seconds

    def drain_stats(self) -> tuple[Lap, int]:
        """Remove and return the seconds and images added since the last call."""
        with self._lock:
            drained = self._sum, self._images
            self._sum, self._images = Lap(), 0
            return drained

    def ms(self) -> dict[str, float]:
        """Milliseconds of one thread per image, by stage."""
        with self._lock:
            return {s: 1e3 * t / max(self._images, 1) for s, t in self._sum.seconds.items()}
