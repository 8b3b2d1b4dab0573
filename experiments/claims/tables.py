"""What `experiments/table.py` writes of the claims; it runs elsewhere than their modules."""

import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # they import one another by name, as a config page its neighbours

import results  # noqa: E402
import write  # noqa: E402

table, figures = write.table, write.figures


def pages() -> Iterator[tuple[Path, str]]:
    """The README of each claim that has run."""
    for name in results.names():
        if (found := results.read(name)) is not None:
            yield HERE / name / "README.md", write.page(found)
