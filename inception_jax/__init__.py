"""Train, evaluate, explain and export every Inception network in JAX.

Nothing is imported here: `from inception_jax import models` is the library, `inception-jax` the
command line, and each pays only for what it uses.
"""

__version__ = "0.1.0"
