"""The `optim` section: optimisers, schedules, and what acts on gradients and updates.

`build` is the entry; one noun a file. Each names its source.
"""

from inception_jax.train.optim.build import build as build
from inception_jax.train.optim.muon import muon as muon
from inception_jax.train.optim.rmsprop import tf_rmsprop as tf_rmsprop
from inception_jax.train.optim.schedules import schedule as schedule
