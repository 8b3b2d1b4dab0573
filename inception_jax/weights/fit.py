"""Finds a peer's network in a weight file: below prefixes, beside other arrays, with its own head.

Training scripts wrap a network (`module.`, `_orig_mod.`), nest it in others (`model.`,
`functional/`), and save more beside it. The prefix below which most of the peer's names are is the
network's. A file whose classifier was replaced has another name for it.
"""

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import jax

from inception_jax import models
from inception_jax.errors import DataError
from inception_jax.weights.formats import WeightFile
from inception_jax.weights.peers import Peer

# Parts of names that DDP, torch.compile, FSDP, checkpointing and whole modules in a pickle add.
WRAPPERS = {
    "module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
    "_modules", "_parameters", "_buffers",
}  # fmt: skip
AVERAGES = ("ema", "averag", "swa")  # in names of averaged weights, which win a tie
# Layers that may follow a network's last weights and leave it `pool -> dropout -> dense`.
PLAIN = {
    "Activation", "ReLU", "Softmax", "Concatenate", "GlobalAveragePooling2D", "Flatten", "Dropout",
    "Dense",
}  # fmt: skip
HARMLESS = ("InputLayer", "Random")  # layers before the network that change nothing at evaluation
SHOWN = 5  # names in a note


class Fit(NamedTuple):
    """A peer's network in a file: its arrays under the peer's names, and what else to know."""

    arrays: WeightFile
    notes: list[str]


def fit(file: WeightFile, peer: Peer) -> Fit:
    """Finds the arrays of `peer` in `file`.

    Raises:
        DataError: no array has a name of the peer's.
    """
    sep, wanted = peer.layout.separator, peer.array_names()
    prefix, notes = _prefix(file, wanted, sep)
    inside = {_bare(k.removeprefix(prefix), sep): k for k in file if k.startswith(prefix)}
    outside = [k for k in file if not k.startswith(prefix)]
    logits = peer.names()["logits"][0]
    if not {peer.layout.key(logits, leaf) for leaf in ("kernel", "bias")} & inside.keys():
        network = {new.split(sep)[0] for new in inside if new in wanted}
        own = [inside.pop(k) for k in list(inside) if k.split(sep)[0] not in network]
        head = _head(file, prefix, own, _tail(file, prefix, wanted, sep), peer)
        inside |= {peer.layout.key(logits, leaf): name for leaf, name in head.items()}
        notes.append(
            f"classifier: {_shown(head.values())}" if head else
            "no classifier: the file's own, if any, is not a dense layer on the pooled features"
        )  # fmt: skip
        outside = [k for k in own + outside if k not in head.values()]
    outside += [inside.pop(new) for new in _other_aux(file, inside, peer)]
    notes += _left_out(file, outside, prefix, sep) + _inputs(file, prefix, wanted, sep)
    # Numbers beside the weights, as torch's count of averaged models, are no weights.
    kept = {k: name for k, name in inside.items() if file.leaves[name].shape or k in wanted}
    return Fit(file.renamed(kept), notes)


def _bare(name: str, sep: str) -> str:
    """A name without what wraps modules."""
    return sep.join(part for part in name.split(sep) if part not in WRAPPERS)


def _prefix(file: WeightFile, wanted: set[str], sep: str) -> tuple[str, list[str]]:
    """The prefix below which most of the wanted names are, and a note about it."""
    votes: Counter[str] = Counter()
    for name in file:
        parts = name.split(sep)
        for i in range(len(parts)):
            if _bare(sep.join(parts[i:]), sep) in wanted:
                votes["".join(part + sep for part in parts[:i])] += 1
    if not votes:
        raise DataError(
            f"the file does not fit: none of its {len(file)} arrays has a name such as "
            f"{min(wanted)}; it has {_shown(file)}"
        )

    def rank(prefix: str) -> tuple[int, bool, int]:
        averages = any(word in prefix.lower() for word in AVERAGES)
        return votes[prefix], averages, len(prefix)

    best = max(votes, key=rank)
    equal = [p for p in votes if votes[p] == votes[best] and not best.startswith(p)]
    # Of `model.` and `model.module.`, which wraps the same arrays, the longer.
    equal = [p for p in equal if not any(q != p and q.startswith(p) for q in equal)]
    also = f"; those below {_shown(equal)} fit as well" if equal else ""
    return best, [f"arrays below {best} of the file{also}"] if best or equal else []


def _tail(file: WeightFile, prefix: str, wanted: set[str], sep: str) -> list[str] | None:
    """The classes of the layers after the network's last weights; None if not stated."""
    at = _places(file, prefix, wanted, sep)
    return [kind for _, kind in file.layers[at[-1] + 1 :]] if at else None


def _inputs(file: WeightFile, prefix: str, wanted: set[str], sep: str) -> list[str]:
    """A note about layers before the network, which are not imported."""
    at = _places(file, prefix, wanted, sep)
    before = [kind for _, kind in file.layers[: at[0]]] if at else []
    before = [kind for kind in before if not kind.startswith(HARMLESS)]
    if not before:
        return []
    return [f"before the network the file has {_shown(before)}: not imported, this run normalises "
            f"its images as the peer's weights need it"]  # fmt: skip


def _places(file: WeightFile, prefix: str, wanted: set[str], sep: str) -> list[int]:
    ours = {prefix + name.rsplit(sep, 1)[0] for name in wanted}
    return [i for i, (path, _) in enumerate(file.layers) if path in ours]


def _head(
    file: WeightFile, prefix: str, beside: list[str], tail: list[str] | None, peer: Peer
) -> dict[str, str]:
    """The names of kernel and bias of the file's own classifier, if it is a plain one.

    It is the only dense layer in the innermost scope that has any, and nothing else there has the
    size of the features: what may stand between them has no weights.
    """
    if tail is not None and ("GlobalAveragePooling2D" not in tail or not PLAIN.issuperset(tail)):
        return {}
    layout, sep = peer.layout, peer.layout.separator
    kernel, bias = layout.names["*", "kernel"], layout.names["*", "bias"]
    shapes, features = {k: leaf.shape for k, leaf in file.leaves.items()}, 0
    for scope in _scopes(prefix, sep):
        outside = [k for k in shapes if k.startswith(scope) and not k.startswith(prefix)]
        there = beside + outside
        roots = [k.removesuffix(kernel) for k in there if k.endswith(kernel)]
        dense = [r for r in roots if len(shapes[r + kernel]) == 2 and r + bias in there]
        if not dense:
            continue
        own = {"kernel": dense[0] + kernel, "bias": dense[0] + bias}
        features = features or _features(peer.model, peer.dialect)
        outputs = shapes[own["bias"]][0]
        shape = (features, outputs) if sep == "/" else (outputs, features)
        weights = [k for k in there if k.endswith(tuple(layout.names.values()))]
        rest = [k for k in weights if k not in own.values() and features in shapes[k]]
        fits = len(dense) == 1 and shapes[own["kernel"]] == shape and not rest
        return own if fits else {}
    return {}


def _scopes(prefix: str, sep: str) -> Iterator[str]:
    """The prefix and those around it, the innermost first: `a.b.`, `a.`, and nothing."""
    parts = prefix.split(sep)[:-1]
    for i in range(len(parts), -1, -1):
        yield "".join(part + sep for part in parts[:i])


@functools.cache
def _features(name: str, dialect: str) -> int:
    """The number of features that the classifier reads."""
    model = models.create(name, dialect=dialect, num_classes=1, aux=False)
    shapes = jax.eval_shape(lambda: models.init(model))
    return shapes["params"]["logits"]["kernel"].shape[0]


def _other_aux(file: WeightFile, inside: Mapping[str, str], peer: Peer) -> list[str]:
    """The names of auxiliary heads of other classes than the classifier's, which was replaced."""
    table, layout = peer.names(), peer.layout
    heads = [layers for row, layers in table.items() if row.startswith("aux_")]
    keys = [layout.key(layers[-1], "bias") for layers in (table["logits"], *heads)]
    sizes = {file.leaves[inside[key]].shape for key in keys if key in inside}
    if len(sizes) < 2:
        return []
    roots = tuple(r for layers in heads for layer in layers for r in (layer.layer, layer.norm) if r)
    return [k for k in inside if k.startswith(roots)]


def _left_out(file: WeightFile, lost: list[str], prefix: str, sep: str) -> list[str]:
    """A note that counts the arrays that are not the network's, by where they are."""
    counts: Counter[str] = Counter()
    for name in lost:
        if file.leaves[name].shape:
            scope = next(s for s in _scopes(prefix, sep) if name.startswith(s))
            counts[scope + name.removeprefix(scope).split(sep)[0]] += 1
    if not counts:
        return []
    return [f"not of the network, left out: {_shown(f'{k} ({n})' for k, n in counts.items())}"]


def _shown(names: Iterable[str]) -> str:
    words = list(names)
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return ", ".join(words[:SHOWN]) + more
