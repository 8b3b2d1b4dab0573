"""What is said of one set of images, and of two: scores, distances, and what limits them."""

from typing import Any

import numpy as np

from inception_jax.errors import ConfigError
from inception_jax.fid import distances
from inception_jax.fid.image_set import ImageSet
from inception_jax.progress import Progress

Said = tuple[dict[str, float] | None, list[str]]  # numbers, where there are any, and notes


def fid_of(a: ImageSet, b: ImageSet) -> tuple[float, list[str]]:
    """Frechet distance of two sets.

    Raises:
        ConfigError: they were seen by different networks.
    """
    if a.width != b.width or (a.network and b.network and a.network != b.network):
        seen = [f"{s.path} by {s.network or 'one'} of {s.width} features" for s in (a, b)]
        raise ConfigError(f"expected two sets seen by one network, got {', '.join(seen)}")
    notes = []
    for s in (a, b):
        if not s.network:
            notes += [f"{s.path} does not say which network saw it: it must be the same one"]
        if s.count and s.count <= s.width:
            notes += [
                f"{s.path} has {s.count:,} images for {s.width:,} features: its covariance is "
                f"singular, and FID is biased"
            ]
    return distances.frechet_distance(a.statistics, b.statistics), notes


def kid_of(a: ImageSet, b: ImageSet, subsets: int, size: int, seed: int) -> Said:
    """Kernel distance of two sets: mean and std over `subsets` of `size`, or of as many as are."""
    if a.features is None or b.features is None:
        only = " and ".join(str(s.path) for s in (a, b) if s.features is None)
        return None, [f"no KID: {only} has only statistics, not each image's features"]
    notes, most = [], min(len(a.features), len(b.features))
    if size > most:
        notes += [f"KID's subsets are of {most:,} images, not of {size:,}: there are no more"]
        size = most
    if size == len(a.features) == len(b.features):
        notes += [
            "KID's subsets would all be the whole sets: it is computed once, without a spread"
        ]
        subsets = 1
    bar, found = Progress(subsets, label="KID"), []
    for value in distances.kernel_distances(a.features, b.features, subsets, size, seed):
        found.append(value)
        bar.update(len(found), {})
    bar.close()
    numbers = {"mean": float(np.mean(found)), "std": float(np.std(found))}
    return numbers | {"subsets": subsets, "subset_size": size}, notes


def inception_score_of(a: ImageSet, splits: int, seed: int) -> Said:
    """Inception Score of one set: mean and std over `splits` parts, or over as many as images."""
    if a.logits is None:
        return None, [f"no Inception Score of {a.path}: it holds no logits"]
    notes = []
    if splits > len(a.logits):
        splits = len(a.logits)
        notes += [f"the Inception Score of {a.path} is over {splits} parts: it has no more images"]
    mean, std = distances.inception_score(a.logits, splits, seed)
    return {"mean": mean, "std": std, "splits": splits}, notes


def compare(
    sets: list[ImageSet], subsets: int, subset_size: int, splits: int, seed: int
) -> dict[str, Any]:
    """Everything about one set or two, as `--json` prints it.

    Returns:
        fid, kid (null where there is none), sets (path, images, inception_score, unreadable),
        and notes: what limits the numbers.

    Raises:
        ConfigError: two sets were seen by different networks.
    """
    out: dict[str, Any] = {"fid": None, "kid": None, "sets": []}
    notes: list[str] = []
    if len(sets) == 2:
        a, b = sets
        out["fid"], said = fid_of(a, b)
        out["kid"], more = kid_of(a, b, subsets, subset_size, seed)
        notes += said + more
    for s in sets:
        score, said = inception_score_of(s, splits, seed)
        notes += said
        about = {"path": str(s.path), "images": s.count, "inception_score": score}
        out["sets"].append(about | {"unreadable": dict(s.unreadable)})
    return {**out, "notes": list(dict.fromkeys(notes))}
