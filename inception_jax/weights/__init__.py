"""Weights of other frameworks in, and ours out: names and axes as tables, no pickle executed."""

from inception_jax.weights.convert import Moved, give, take
from inception_jax.weights.formats import read
from inception_jax.weights.hub import download
from inception_jax.weights.peers import PEERS, Peer, find

__all__ = [
    "PEERS", "Moved", "Peer", "download", "find", "give", "read", "take",
]  # fmt: skip
