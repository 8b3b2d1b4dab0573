"""Evaluates a claim's networks with several crops, alone and in ensembles."""

import itertools
from pathlib import Path

import numpy as np
from declare import Claim

from inception_jax.cli import pages
from inception_jax.data.sources.open import open_source
from inception_jax.eval import ensemble
from inception_jax.eval.protocols import COUNTS
from inception_jax.runtime import mesh, startup
from inception_jax.sweep import folder
from inception_jax.workdir import atomic

EVERY = 2  # of the test images: half of them, as 144 crops of all would take more than an hour


def evaluate(claim: Claim, sweep: Path, to: Path) -> None:
    """Write `to`, an .npz: for each `CROPS x NETWORKS` which images are right, [images, ensembles].

    Ensembles are of each network, of each three, and of all. As in `inception-jax eval`, what has
    been evaluated is kept beside its checkpoint, so that a stopped evaluation goes on.
    """
    runs = [trial.folder for trial in folder.read(sweep).trials()]
    startup.start("float32")
    right = {}
    for protocol in claim.crops:
        networks = [_log_probs(run, protocol) for run in runs]
        for n in sorted({1, 3, len(networks)}):
            groups = itertools.combinations(networks, n)
            columns = [_right(ensemble.mean(group)) for group in groups]
            right[f"{COUNTS[protocol]} x {n}"] = np.stack(columns, axis=1)
    with atomic.replacing(to, ".npz") as partial:
        np.savez_compressed(partial, allow_pickle=False, **right)


def _log_probs(run: Path, protocol: str) -> ensemble.LogProbs:
    """Of every other test image, by the network of a run."""
    config = pages.of_run(str(run))
    source = open_source(config.data, config.eval.split)
    member = ensemble.EnsembleMember(
        run, config, None, data=config, source=source, split=config.eval.split,
        protocol=protocol, mesh=mesh.make(config.mesh.data, config.mesh.model),
    )  # fmt: skip
    return member.log_probs(np.arange(0, len(source), EVERY, dtype=np.int32))


def _right(found: ensemble.LogProbs) -> np.ndarray:
    return found.log.argmax(axis=1) == found.label
