"""A lower bound of a train step's memory traffic: each tensor read and written once.

    python experiments/speed/least.py [--models=inception_v3] [--batch=128]

Each activation is written once and read once per use, in bfloat16; what lies between two
convolutions (statistics, normalisation, ReLU, concatenation) is part of reading or writing.
"""

import argparse
import math
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import jaxprs_in_params

from inception_jax import models
from inception_jax.models.lowering import forms


def convolved(name: str, batch: int, *off: str) -> tuple[float, float]:
    """Gigabytes that a network's convolutions read and write going forward, without `off` forms."""
    model = models.create(name, dtype="bfloat16")
    size = model.preprocessing.image_size
    images = jax.ShapeDtypeStruct((batch, size, size, 3), jnp.bfloat16)
    variables = jax.eval_shape(model.init, jax.random.key(0), images)

    def forward(variables: Any, images: Any) -> Any:
        keys = {"dropout": jax.random.key(0)}
        return model.apply(variables, images, train=True, mutable=["batch_stats"], rngs=keys)

    with forms.without(*off) if off else nullcontext():
        jaxpr = jax.make_jaxpr(forward)(variables, images)
    arrays = list(convolutions(jaxpr.jaxpr))
    read, written = (sum(math.prod(a[i].shape) for a in arrays) for i in (0, 1))
    return 2 * read / 1e9, 2 * written / 1e9


def convolutions(jaxpr: Any) -> Iterator[tuple[Any, Any]]:
    """(input, output) of each convolution of a jaxpr, in the form that a TPU takes."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "conv_general_dilated":
            yield eqn.invars[0].aval, eqn.outvars[0].aval
        elif eqn.primitive.name == "cond":  # by platform: the last branch is the default
            yield from convolutions(eqn.params["branches"][-1].jaxpr)
        else:
            for inner in jaxprs_in_params(eqn.params):
                yield from convolutions(inner)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", default="inception_v3,inception_v4,inception_resnet_v2")
    parser.add_argument("--batch", type=int, default=128)
    a = parser.parse_args()
    print("| network | as drawn | read | written | least, GB |\n|---|---|---|---|---|")
    for name in a.models.split(","):
        for drawn in (("siblings", "deferred"), ()):
            read, written = convolved(name, a.batch, *drawn)
            # Forward: read, write. Backward: the output is read for its statistics' gradient; it
            # and its own gradient by the kernel's and by the input's; the input is read, and its
            # gradient written.
            print(
                f"| `{name}` | {'yes' if drawn else 'merged'} | {read:.2f} | {written:.2f} "
                f"| {3 * read + 6 * written:.1f} |"
            )


if __name__ == "__main__":
    main()
