"""Checkpoints that are verified: every byte is hashed when it is saved and before it is used.

    WORKDIR/checkpoints/<step>/packed/        the arrays, concatenated into few large ones
                               split/         arrays that are sharded over processes
                               index/ log/    JSON: the layout of `packed`; the loop's own state
                               manifest.json  run, step, size and sha256 of every file
                        <step>.saving         incomplete: renamed last
                        bad-<step>            damaged, or of another run: renamed, never deleted
            run.json                          the run's id

Orbax writes the arrays; `saves` runs it in the background and deletes old steps.
"""

from inception_jax.checkpoint.folder import complete, newest_good, steps
from inception_jax.checkpoint.saves import Checkpoints
from inception_jax.checkpoint.variables import digest, load, write

__all__ = ["Checkpoints", "complete", "digest", "load", "newest_good", "steps", "write"]
