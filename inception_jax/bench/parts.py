"""What is measured: the parts, their figures, and what stands beside ours in each."""

from typing import NamedTuple


class Figure(NamedTuple):
    """A number that a process gives.

    Attributes:
        key: in what it prints.
        what: it is, for a person.
        unit: `images/s`, or `s`: of seconds fewer are better.
    """

    key: str
    what: str
    unit: str

    def ratio(self, ours: float, theirs: float) -> float:
        """How many times as fast ours is."""
        return ours / theirs if self.unit == "images/s" else theirs / ours


class Part(NamedTuple):
    """One subject.

    Attributes:
        figures: that ours gives; of them a peer may give some.
        beside: what ours is always compared with, which is no peer; or empty.
        folder: whether it needs images.
    """

    figures: tuple[Figure, ...]
    beside: str = ""
    folder: bool = False


RATE = "images/s"
PARTS = {
    "train": Part((Figure("images_per_s", "train", RATE),)),
    "eval": Part((Figure("images_per_s", "eval", RATE),)),
    "input": Part((Figure("images_per_s", "input", RATE),), folder=True),
    "joined": Part((Figure("images_per_s", "train with input", RATE),), "step alone", folder=True),
    "compile": Part(
        (
            Figure("cold_s", "compile train", "s"),
            Figure("warm_s", "  again, cached", "s"),
            Figure("first_step_s", "command to 1st step", "s"),
            Figure("first_step_again_s", "  again, cached", "s"),
        )
    ),
    "checkpoint": Part(
        (Figure("save_s", "save", "s"), Figure("restore_s", "verify, restore", "s")),
        "disk",
    ),
}
