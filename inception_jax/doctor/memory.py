"""What a train step needs of a device's memory, told from shapes: nothing is compiled."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import Literal, jaxpr_as_fun  # noqa: F401

from inception_jax import mesh as meshes
from inception_jax import steps
