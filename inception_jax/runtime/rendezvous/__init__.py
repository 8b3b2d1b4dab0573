"""One line between every process and the first: who is missing, who differs, who has gone.

JAX ends with an abort when a process does not come, without its name, and notices a dead one only
by its heartbeat. Here each process first calls the first one, on the port that JAX's own service
will have, and is let in when all are there and all agree; the connection stays, so that an error or
a death is known everywhere at once.
"""

from inception_jax.runtime.rendezvous.coordinator import Coordinator
from inception_jax.runtime.rendezvous.worker import Worker

__all__ = ["Coordinator", "Worker"]
