"""Import and export weights of other frameworks: names and axes as tables, no pickle executed."""

from inception_jax.weights.convert import ImportedArray, export_arrays, import_arrays
from inception_jax.weights.fit import fit
from inception_jax.weights.formats import read
from inception_jax.weights.hub import download
from inception_jax.weights.peers import PEERS, Peer, find

__all__ = [
    "PEERS", "ImportedArray", "Peer", "download", "export_arrays", "find", "fit", "import_arrays",
    "read",
]  # fmt: skip
