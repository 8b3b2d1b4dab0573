"""The tiny network's workdir."""

from tests.evaluated import tiny_run, tiny_workdir  # noqa: F401
