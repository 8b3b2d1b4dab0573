"""A TCP connection from each process to the first: lists missing, differing and dead processes.

What `jax.distributed` (0.10.2, measured) does not do, and this package does:

- compare config and code of the processes before they start: its `initialize` exchanges neither;
- name the processes that are missing: after `initialization_timeout` every process aborts (SIGABRT,
  exit code 134) with "DEADLINE_EXCEEDED ... RegisterTask", and no exception can be caught;
- report a death within a second, and its exit code: a dead process is found by its heartbeat alone
  (13 s with `heartbeat_timeout_seconds=10`; the default is 100), the others abort with 134, and the
  message has the index but neither code nor reason. Only the coordinator's death is seen at once.

Workers connect to the coordinator (process 0) on the port that JAX's own service will use
afterwards, and start when all are connected and agree. The connections stay open, so that an error
or a death is reported to all processes immediately. Heartbeat and shutdown barrier are JAX's.
"""

from inception_jax.runtime.rendezvous.coordinator import Coordinator
from inception_jax.runtime.rendezvous.worker import Worker

__all__ = ["Coordinator", "Worker"]
