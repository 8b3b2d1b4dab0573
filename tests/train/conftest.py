"""The compiler's effort for the tests of the train step."""

import jax
import pytest


@pytest.fixture(scope="module", autouse=True)
def quick_compiler():
    """XLA compiles in half the time: most of its optimisations are off."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture
def optimised(quick_compiler):
    """XLA optimises as in a run, for tests of many steps."""
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)
