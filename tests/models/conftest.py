"""The compiler's effort for the tests of the models."""

import jax
import pytest


@pytest.fixture
def quick_compiler(request):
    """XLA compiles in half the time: most of its optimisations are off; not in slow tests."""
    jax.config.update("jax_disable_most_optimizations", "slow" not in request.keywords)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
