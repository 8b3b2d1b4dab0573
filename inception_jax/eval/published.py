"""Published figures on ImageNet's validation set, from `published.json`.

A row has the numbers as printed, in per cent, of errors or of accuracy; `images` is null if the
source does not give it (48,238 are the images that are not blacklisted).
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Published:
    """A row: top-1 and top-5 errors in per cent; None if unknown."""

    top1: float | None
    top5: float | None
    images: int | None
    source: str


def rows(networks: Sequence[tuple[str, str]], crops: int) -> list[Published]:
    """Published rows for an ensemble of networks (name, dialect) at a number of crops.

    A row of released weights is for one dialect, a paper's row for all dialects.
    """
    text = (
        resources.files("inception_jax.eval").joinpath("published.json").read_text(encoding="utf-8")
    )
    dialects = {dialect for _, dialect in networks}
    wanted = {"network": title([n for n, _ in networks]), "crops": crops, "models": len(networks)}
    return [
        Published(_error(row, "top1"), _error(row, "top5"), row["images"], row["source"])
        for row in json.loads(text)
        if all(row[k] == v for k, v in wanted.items())
        and {row.get("dialect")} in ({None}, dialects)
    ]


def title(networks: Sequence[str]) -> str:
    """`inception_v3`, or `1x inception_v4 + 3x inception_resnet_v2`, the smallest count first."""
    counts = sorted(Counter(networks).items(), key=lambda item: (item[1], item[0]))
    if len(counts) == 1:
        return networks[0]
    return " + ".join(f"{n}x {name}" for name, n in counts)


def _error(row: dict, key: str) -> float | None:
    value = row[key]
    return value if value is None or row["as"] == "error" else round(100 - value, 3)
