"""Checkpoints that can be trusted: every byte is hashed when it is saved and before it is used.

    WORKDIR/checkpoints/<step>/packed/        the arrays, few and large (`arrays`)
                               split/         those of which no process has the whole
                               index/ log/    JSON: what is where; the loop's own state
                               manifest.json  size and sha256 of every file (`manifest`)
                        <step>.saving         not whole yet: it gets its name last
                        bad-<step>            damaged; put aside, never deleted

Orbax writes, asynchronously; `saves` decides when a step is whole and which are kept.
"""

from inception_jax.checkpoint.folder import newest_good, steps
from inception_jax.checkpoint.saves import Checkpoints
from inception_jax.checkpoint.variables import digest, load, write

__all__ = ["Checkpoints", "digest", "load", "newest_good", "steps", "write"]
