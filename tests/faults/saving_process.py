"""One of COUNT processes with four devices in all; it saves the next step of a run.

    python saving_process.py COUNT INDEX PORT WORKDIR

Run by test_shared_checkpoints.py. Half of the state is replicated, half is sharded over all
devices. What an earlier call has saved is restored first, on these devices, and compared.
"""

import os
import sys
from pathlib import Path

count, index, port, workdir = *map(int, sys.argv[1:4]), Path(sys.argv[4])
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={4 // count}"

import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax.sharding import Mesh, NamedSharding, PartitionSpec  # noqa: E402

from inception_jax.checkpoint import Checkpoints  # noqa: E402

if count > 1:
    jax.distributed.initialize(f"127.0.0.1:{port}", count, index, initialization_timeout=60)
mesh = Mesh(np.array(jax.devices()), ("all",))
replicated, sharded = (
    NamedSharding(mesh, PartitionSpec()),
    NamedSharding(mesh, PartitionSpec("all")),
)
numbers = np.arange(4000, dtype=np.float32).reshape(4, 1000)
wanted = {"params": {"kernel": numbers}, "opt_state": {"nu": numbers * 2}}
shardings = {"params": {"kernel": replicated}, "opt_state": {"nu": sharded}}
current = jax.tree.map(
    lambda x, sharding: jax.make_array_from_callback(x.shape, sharding, lambda i: x[i]),
    wanted,
    shardings,
)
shapes = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), current
)
saves = Checkpoints(workdir / "checkpoints", keep=10)
step = saves.newest_good()
if step is not None:
    got, log = saves.restore(step, shapes)
    assert log == {"step": step}
    for array, x in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        for shard in array.addressable_shards:
            np.testing.assert_array_equal(np.asarray(shard.data), x[shard.index])
step = (step or 0) + 1
saves.save(step, current, {"step": step})
saves.wait()
print("SAVED", saves.steps())
saves.close()
