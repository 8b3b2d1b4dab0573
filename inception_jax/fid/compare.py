"""Scores of one image set, distances between two, and notes on what limits them."""

from typing import Any

import numpy as np

from inception_jax.errors import ConfigError
from inception_jax.fid import distances
from inception_jax.fid.image_set import ImageSet
from inception_jax.progress import Progress

Scores = tuple[dict[str, float] | None, list[str]]  # numbers, None without data; and notes


def fid_of(a: ImageSet, b: ImageSet) -> tuple[float, list[str]]:
    """Frechet distance of two sets, and notes.

    Raises:
        ConfigError: their features are of different networks.
    """
    if a.width != b.width or (a.network and b.network and a.network != b.network):
        sets = [f"{s.path} from {s.network or 'one'} with {s.width} features" for s in (a, b)]
        raise ConfigError(f"expected features of one network, got {', '.join(sets)}")
    notes = []
    for s in (a, b):
        if not s.network:
            notes += [f"{s.path} does not name its network, which must be the same for both sets"]
        if s.count and s.count <= s.width:
            notes += [
                f"{s.path} has {s.count:,} images for {s.width:,} features: its covariance is "
                f"singular, and FID is biased"
            ]
    return distances.frechet_distance(a.statistics, b.statistics), notes


def kid_of(a: ImageSet, b: ImageSet, subsets: int, size: int, seed: int) -> Scores:
    """Kernel distance of two sets: mean and std over `subsets` of at most `size` images."""
    if a.features is None or b.features is None:
        only = " and ".join(str(s.path) for s in (a, b) if s.features is None)
        return None, [f"no KID: {only} has only statistics, not each image's features"]
    notes, most = [], min(len(a.features), len(b.features))
    if size > most:
        notes += [f"KID's subsets have {most:,} images, not {size:,}: the smaller set has no more"]
        size = most
    if size == len(a.features) == len(b.features):
        notes += [
            "KID's subsets would all equal the sets: it is computed once, without a deviation"
        ]
        subsets = 1
    bar, distance = Progress(subsets, label="KID"), []
    for value in distances.kernel_distances(a.features, b.features, subsets, size, seed):
        distance.append(value)
        bar.update(len(distance), {})
    bar.close()
    numbers = {"mean": float(np.mean(distance)), "std": float(np.std(distance))}
    return numbers | {"subsets": subsets, "subset_size": size}, notes


def inception_score_of(a: ImageSet, splits: int, seed: int) -> Scores:
    """Inception Score of one set: mean and std over `splits` parts, at most one per image."""
    if a.logits is None:
        return None, [f"no Inception Score of {a.path}: it has no logits"]
    notes = []
    if splits > len(a.logits):
        splits = len(a.logits)
        notes += [f"the Inception Score of {a.path} is over {splits} parts: it has no more images"]
    mean, std = distances.inception_score(a.logits, splits, seed)
    return {"mean": mean, "std": std, "splits": splits}, notes


def compare(
    sets: list[ImageSet], subsets: int, subset_size: int, splits: int, seed: int
) -> dict[str, Any]:
    """All scores of one or two sets, as `--json` prints them.

    These are fid and kid (None for one set, or without features), sets (path, images,
    inception_score, unreadable, left_out), and notes on what limits the numbers.

    Raises:
        ConfigError: the features are of different networks.
    """
    out: dict[str, Any] = {"fid": None, "kid": None, "sets": []}
    notes: list[str] = []
    if len(sets) == 2:
        a, b = sets
        out["fid"], of_fid = fid_of(a, b)
        out["kid"], of_kid = kid_of(a, b, subsets, subset_size, seed)
        notes += of_fid + of_kid
    for s in sets:
        score, of_score = inception_score_of(s, splits, seed)
        notes += of_score
        about = {"path": str(s.path), "images": s.count, "inception_score": score}
        left = {"unreadable": dict(s.unreadable), "left_out": s.left_out.json()}
        out["sets"].append(about | left)
    return {**out, "notes": list(dict.fromkeys(notes))}
