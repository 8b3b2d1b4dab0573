"""The bottleneck of training: the input or the step."""

from collections.abc import Mapping

from inception_jax.runtime import cores

BOUND = 0.05  # share of the time spent waiting for images above which it is the input


class Bottleneck:
    """Reports the bottleneck once, and again whenever it changes."""

    def __init__(self, threads: int):
        self._threads = threads
        self._reported: bool | None = None

    def verdict(self, waited: float, stages: Mapping[str, float]) -> str | None:
        """The verdict on a stretch of training, or None if it is the last one reported.

        Args:
            waited: share of the time that steps waited for images.
            stages: milliseconds of a thread that an image takes, by stage.
        """
        bound = waited > BOUND
        if bound == self._reported:
            return None
        self._reported = bound
        costs = ", ".join(f"{name} {ms:.2f}" for name, ms in stages.items())
        image = f"an image takes a thread {sum(stages.values()):.2f} ms ({costs})"
        if not bound:
            return f"bottleneck: the step; {waited:.1%} of the time waits for images; {image}"
        count = cores.share()
        more = f"raise --config.data.threads={self._threads}"
        if self._threads >= count:
            more = f"all {count} cores read already: give the host more cores, or a smaller image"
            if stages.get("read", 0) > stages.get("decode", 0):
                more = "the disk is slow: raise --config.data.threads, or pack the images nearer"
        return f"bottleneck: the input; {waited:.0%} of the time waits for images; {image}; {more}"
