"""Top-5 accuracy: whether it says anything."""

PLACES = 5


def informative(classes: int) -> bool:
    """Whether some label can be beyond the first five: else every image is a top-5 hit.

    Files keep `top5` for any number of classes; the terminal, the report and tables ask here.
    """
    return classes > PLACES
